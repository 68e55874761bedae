/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: as many as the system lets us have, dealt out so that connections leave some for disks and for the
 * administration. */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

struct descriptors_plan {
	unsigned nfs, iscsi; /* connections */
	unsigned http; /* connections to the page and to REST over TCP, and as many to the unix socket */
};

/* Raise the process's limit to what it may be (its hard limit); what it is then. */
unsigned descriptors_raise(void);
/* Of `limit`, a quarter (at least 64) is kept for disks, loops, connections not yet served, and the administration; the
 * rest is for connections. When that is less than what is wanted, each has its part of it. */
struct descriptors_plan descriptors_deal(unsigned limit, unsigned nfs_wanted, unsigned iscsi_wanted);

#endif
