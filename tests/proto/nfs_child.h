/* SPDX-License-Identifier: Apache-2.0 */
/* nfs_ramserver as a child process, for tests that link a client library whose names must not meet the server's. */
#ifndef TESTS_PROTO_NFS_CHILD_H
#define TESTS_PROTO_NFS_CHILD_H

#include <stdint.h>
#include <sys/types.h>

struct nfs_child {
	pid_t pid;
	int input; /* closing it ends the server */
	uint16_t port;
};

/* Start the server that lies beside the running program, with `threads` loops. -1: it did not start. */
int nfs_child_start(struct nfs_child *child, const char *threads);
/* End it; its exit status (0: all memory was given back). */
int nfs_child_stop(struct nfs_child *child);

#endif
