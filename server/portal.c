/* SPDX-License-Identifier: Apache-2.0 */
/* A portal: a listening socket whose connections go to the loops its owner picks. */
#include "server/portal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/stream.h"

struct portal {
	_Atomic unsigned refs; /* its owner, deliveries, the task */
	_Atomic unsigned n_on_way;
	_Atomic bool waits; /* the window was full: who empties it posts the task */
	struct listener *listener; /* NULL once freed by its owner */
	struct loop *acceptor;
	struct task resume_task;
	portal_pick *pick;
	portal_serve *serve;
	void *owner;
};

/* A connection on its way to its loop. */
struct delivery {
	struct task task;
	struct portal *portal;
	struct loop *loop;
	int fd;
};

static void portal_put(struct portal *portal)
{
	if (atomic_fetch_sub(&portal->refs, 1) == 1)
		free(portal);
}

static void resume_run(struct task *task)
{
	struct portal *portal = container_of(task, struct portal, resume_task);

	if (portal->listener != NULL)
		listener_resume(portal->listener);
	portal_put(portal);
}

/* One has arrived. Half of the window is enough to go on. */
static void on_way_less(struct portal *portal)
{
	unsigned left = atomic_fetch_sub(&portal->n_on_way, 1) - 1;

	if (left <= PORTAL_WINDOW / 2 && atomic_exchange(&portal->waits, false)) {
		atomic_fetch_add(&portal->refs, 1);
		world_post(loop_world(portal->acceptor), &portal->resume_task);
	}
}

static void on_way_more(struct portal *portal)
{
	if (atomic_fetch_add(&portal->n_on_way, 1) + 1 < PORTAL_WINDOW)
		return;
	listener_pause(portal->listener);
	atomic_store(&portal->waits, true);
	if (atomic_load(&portal->n_on_way) <= PORTAL_WINDOW / 2 && atomic_exchange(&portal->waits, false))
		listener_resume(portal->listener); /* they had all arrived before it was known that somebody waits */
}

static void delivered(struct task *task)
{
	struct delivery *delivery = container_of(task, struct delivery, task);
	struct portal *portal = delivery->portal;

	on_way_less(portal);
	portal->serve(portal->owner, delivery->loop, delivery->fd);
	portal_put(portal);
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
	*delivery = (struct delivery){ .portal = portal, .loop = portal->pick(portal->owner), .fd = fd };
	delivery->task.run = delivered;
	atomic_fetch_add(&portal->refs, 1);
	on_way_more(portal);
	world_post(loop_world(delivery->loop), &delivery->task);
}

int portal_new(struct loop *acceptor, int listen_fd, portal_pick *pick, portal_serve *serve, void *owner,
               struct portal **ret_portal)
{
	struct portal *portal = calloc(1, sizeof *portal);

	if (portal == NULL)
		return -ENOMEM;
	*portal = (struct portal){ .refs = 1, .acceptor = acceptor, .pick = pick, .serve = serve, .owner = owner };
	portal->resume_task.run = resume_run;
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
	if (portal == NULL)
		return;
	listener_free(portal->listener);
	portal->listener = NULL;
	portal_put(portal);
}
