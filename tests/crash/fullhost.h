/* SPDX-License-Identifier: Apache-2.0 */
/* The file system of the host, on which the disks lie, becomes full at any moment and has room again later. Nothing is
 * lost by it, and whoever was told to come again is served then. */
#ifndef TESTS_CRASH_FULLHOST_H
#define TESTS_CRASH_FULLHOST_H

#include "tests/crash/history.h"

/* May it, in this history? */
void fullhost_draw(struct history *h, uint64_t seed);
/* Let it, perhaps, for a part of this life. True: the life has ended meanwhile. */
bool fullhost_try(struct history *h);
/* The disks have room, all of them. */
void fullhost_room(struct history *h);
/* Mount on a full host, which has room afterwards: it mounts, or says that there is no room. */
void fullhost_mount(struct history *h);

#endif
