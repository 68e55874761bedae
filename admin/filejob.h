/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a file that is put back to a snapshot. */
#ifndef ADMIN_FILEJOB_H
#define ADMIN_FILEJOB_H

#include "admin/jobs.h"

#define FILEJOB_KIND "snapshot restore-file"

/* Restore `inner` of `volume` from `snapshot`. NULL: too many jobs. */
struct job *filejob_start(struct admin *admin, struct fs_volume *volume, const char *inner, const char *snapshot);

#endif
