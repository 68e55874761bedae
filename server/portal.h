/* SPDX-License-Identifier: Apache-2.0 */
/* A portal: a listening socket whose connections go to the loops its owner picks. */
#ifndef SERVER_PORTAL_H
#define SERVER_PORTAL_H

#include "base/loop.h"

struct portal;

/* Serve a connection: called on `loop`'s own thread; the descriptor is taken. */
typedef void portal_serve(void *owner, struct loop *loop, int fd);

/* The loop for the next connection: called on the acceptor's thread. */
typedef struct loop *portal_pick(void *owner);

/* Accept on `listen_fd` (taken on success) on the loop `acceptor`: called on its thread. -ENOMEM. */
MUST_CHECK int portal_new(struct loop *acceptor, int listen_fd, portal_pick *pick, portal_serve *serve, void *owner,
                          struct portal **ret_portal);
/* Accept no more; what was dealt out still arrives. The acceptor's thread. */
void portal_free(struct portal *portal);

#endif
