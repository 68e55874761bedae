/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a volume's check: FS_CHECK at work, its progress, its end before time. */
#ifndef ADMIN_CHECKJOB_H
#define ADMIN_CHECKJOB_H

#include "admin/jobs.h"

#define CHECKJOB_KIND "volume check"

/* Check the volume. NULL: too many jobs. */
struct job *checkjob_start(struct admin *admin, struct fs_volume *volume);
/* End every running check: the administration stops. */
void checkjob_cancel_all(struct admin *admin);

#endif
