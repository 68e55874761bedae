/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that follow work inside a volume, which goes on after a restart: a LUN clone, the reclaim of a deleted
 * snapshot. */
#ifndef ADMIN_CLONEJOB_H
#define ADMIN_CLONEJOB_H

#include "admin/jobs.h"
#include "fs/fs_info.h"

struct fs_clone_info;

#define CLONEJOB_KIND "lun clone"
#define RECLAIM_KIND "snapshot delete"

/* A job for the clone of LUN `inner` of `volume`; the running one if there is one. NULL: too many jobs. */
struct job *clonejob_start(struct admin *admin, struct fs_volume *volume, const char *inner);
/* A job until snapshot `name` is gone. */
struct job *clonejob_reclaim_start(struct admin *admin, struct fs_volume *volume, const char *name);
/* After a mount: jobs that waited for the volume go on, and clones that go on by themselves have one. */
void clonejob_adopt(struct admin *admin, struct fs_volume *volume);
/* A job that the last process left: true when it is of this kind and about a volume that is known; it waits for that
 * from now on. */
bool clonejob_goes_on(struct job *job);
/* "running", "stopped", ... */
const char *clonejob_state_name(enum fs_clone_state state);
const char *clonejob_phase_name(enum fs_clone_phase phase);
/* 0..100 of all the work, a verify included; 100 only when all is done. */
unsigned clonejob_percent(const struct fs_clone_info *clone);
/* {blocks, bytes: {total, done, copied, verified}}; of a running one also phase, speed, and eta_seconds where it can be
 * told. */
json_t *clonejob_figures(const struct fs_clone_info *clone);
/* Why it is paused, or has failed, and what to do. */
void clonejob_why(const struct fs_clone_info *clone, char *ret_text, size_t size);

#endif
