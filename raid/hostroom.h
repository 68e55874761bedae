/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the host: the writes of a volume that wait because the host's file system is full. What happens to them, and
 * why, is told in hostroom.c. */
#ifndef RAID_HOSTROOM_H
#define RAID_HOSTROOM_H

#include "raid/member.h"

struct hostroom {
	unsigned n_waiting; /* writes */
	uint64_t since_ns; /* when the first of them began to wait */
	uint64_t said_ns; /* when that was last logged */
	uint64_t patience_ns, patience_from_ns;
	bool cut_off; /* patience has run out: nothing is written any more */
	void (*changed)(void *arg); /* the first began to wait, or the last has ended */
	void *arg;
};
/* Does this error of a write say that the host has no room? */
bool hostroom_is_short(int err);
/* Try this write again later, and return true. False: nobody waits any more, and the write is to end with an error that
 * is not its disk's fault. */
bool hostroom_wait(struct member_io *mio);
/* A write that has waited has ended. */
void hostroom_end(struct member_io *mio);

#endif
