/* SPDX-License-Identifier: Apache-2.0 */
/* A portal: a listening socket whose connections go to the loops its owner picks. */
#include "server/portal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/stream.h"

struct portal {
	struct listener *listener;
	portal_pick *pick;
	int listen_fd;
	portal_serve *serve;
	void *owner;
};

/* A connection on its way to its loop. */
struct delivery {
	struct task task;
	struct loop *loop;
	portal_serve *serve;
	void *owner;
	int fd;
};

static void delivered(struct task *task)
{
	struct delivery *delivery = container_of(task, struct delivery, task);
	delivery->serve(delivery->owner, delivery->loop, delivery->fd);
	free(delivery);
}

static void accepted(void *owner, int fd)
{
	struct portal *portal = owner;
	struct delivery *delivery = calloc(1, sizeof *delivery);

	if (delivery == NULL) {
		(void)close(fd);
		return;
	}
	*delivery = (struct delivery){ .loop = portal->pick(portal->owner), .serve = portal->serve, .owner = portal->owner, .fd = fd };
	delivery->task.run = delivered;
	world_post(loop_world(delivery->loop), &delivery->task);
}

int portal_new(struct loop *acceptor, int listen_fd, portal_pick *pick, portal_serve *serve, void *owner, struct portal **ret_portal)
{
	struct portal *portal = calloc(1, sizeof *portal);

	if (portal == NULL)
		return -ENOMEM;
	*portal = (struct portal){ .pick = pick, .serve = serve, .owner = owner, .listen_fd = listen_fd };
	int err = listener_new(acceptor, listen_fd, accepted, portal, &portal->listener);
	if (err != 0) {
		free(portal);
		return err;
	}
	*ret_portal = portal;
	return 0;
}

void portal_free(struct portal *portal)
{
	listener_free(portal->listener);
	free(portal);
}
