/* SPDX-License-Identifier: Apache-2.0 */
/* A portal: a listening socket whose connections go to the loops its owner picks.
 *
 * THEORY. At most PORTAL_WINDOW connections are on their way to their loops; while they are, who comes waits in the
 * kernel's queue. So a loop that is busy does not make a storm of connections use up descriptors.
 * WRITE PATH. previous hop: base/listener.c; next hop: the owner's `serve` on the loop it picked (server/server.c:
 * nfs_server_accept, iscsi_server_serve). */
#ifndef SERVER_PORTAL_H
#define SERVER_PORTAL_H

#include "base/loop.h"

#define PORTAL_WINDOW 32U

struct portal;

/* Serve a connection: called on `loop`'s own thread; the descriptor is taken. */
typedef void portal_serve(void *owner, struct loop *loop, int fd);

/* The loop for the next connection: called on the acceptor's thread. */
typedef struct loop *portal_pick(void *owner);

/* Accept on `listen_fd` (taken on success) on the loop `acceptor`: called on its thread, or before it runs. -ENOMEM. */
MUST_CHECK int portal_new(struct loop *acceptor, int listen_fd, portal_pick *pick, portal_serve *serve, void *owner,
                          struct portal **ret_portal);
/* Accept no more; what was dealt out still arrives. The acceptor's thread, while it and the other loops run. NULL is
 * allowed. */
void portal_free(struct portal *portal);

#endif
