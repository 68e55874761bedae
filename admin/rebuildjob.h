/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that follow the rebuild of a disk, which goes on inside the volume whether anybody looks or not. */
#ifndef ADMIN_REBUILDJOB_H
#define ADMIN_REBUILDJOB_H

#include "admin/jobs.h"

#define REBUILDJOB_KIND "raid rebuild"

/* A job for what becomes of the place `group`.`position` of the volume; it reports nothing by itself until
 * rebuildjob_follow. NULL: too many jobs. */
struct job *rebuildjob_new(struct admin *admin, const char *volume, unsigned group, unsigned position);
/* The rebuild has begun: report how far it is until it is over. */
void rebuildjob_follow(struct job *job, struct fs_volume *volume);
/* Look how far it is. */
void rebuildjob_poll(struct job *job);
/* After a mount, when jobs that waited have their volume: rebuilds that go on by themselves and have no job get one. */
void rebuildjob_adopt(struct admin *admin, struct fs_volume *volume);

#endif
