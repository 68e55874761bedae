/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a volume's scrub, which goes on inside the volume, over restarts too; and its figures. */
#ifndef ADMIN_SCRUBJOB_H
#define ADMIN_SCRUBJOB_H

#include "admin/jobs.h"

struct fs_scrub_info;
struct fs_scrub_result;

#define SCRUBJOB_KIND "raid scrub"

/* Follow the scrub of the volume; the job that does so already, if there is one. NULL: too many jobs. */
struct job *scrubjob_start(struct admin *admin, struct fs_volume *volume);
/* How such a job looks after its work (clonejob.c takes it up again after a restart). */
void scrubjob_poll(struct job *job);
void scrubjob_cancel(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg);
/* State, times and counts of a result; of a whole scrub, with how far it is. */
json_t *scrubjob_result_json(const struct fs_scrub_result *result);
/* What the result has of a disk, by its name; NULL: nothing. */
json_t *scrubjob_disk_json(const struct fs_scrub_result *result, const char *uuid);
json_t *scrubjob_json(const char *volume, const struct fs_scrub_info *info);

#endif
