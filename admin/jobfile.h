/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs that are not over, or were interrupted, remembered in STATE_DIR/jobs.json. */
#ifndef ADMIN_JOBFILE_H
#define ADMIN_JOBFILE_H

#include "admin/admin_private.h"

/* Load what the last process left, once the volumes are known. What goes on inside a volume waits for it; all else was
 * interrupted. A file that makes no sense is logged and of no further use: the work itself is in the volumes. */
void jobfile_load(struct admin *admin);
/* Write them down, durably. When that fails it is logged: the work goes on, and its job may have another name after a
 * crash. */
void jobfile_save(struct admin *admin);

#endif
