/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: accept what waits, a bounded number a turn; when descriptors run out, rest 100 ms.
 *
 * WRITE PATH. previous hop: server/server.c (open_portals); next hop: the owner's `accepted` (server/portal.c). */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stream.h"

enum { LISTENER_BATCH = 64 };
#define LISTENER_REST_NS 100000000U

struct listener {
	struct loop *loop;
	struct watch watch;
	struct timer rest;
	struct task free_task;
	void (*accepted)(void *owner, int fd);
	void *owner;
	int fd;
	bool freed;
	bool resting;
	bool paused; /* by its owner */
};

static void rest_over(struct timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, rest);

	if (!listener->paused)
		loop_watch_set(&listener->watch, WATCH_READ);
}

static void listener_rest(struct listener *listener, int err)
{
	if (!listener->resting) /* once for a whole shortage */
		log_peer_warn("base", "accept_paused", "error=%s rest_ms=100", error_name(err));
	listener->resting = true;
	loop_watch_set(&listener->watch, 0);
	world_timer_set(loop_world(listener->loop), &listener->rest, LISTENER_REST_NS);
}

/* Errors of one connection that died while waiting (accept(2)); the next one may be well. */
static bool error_is_of_connection(int err)
{
	return err != EMFILE && err != ENFILE && err != ENOBUFS && err != ENOMEM && err != EBADF && err != EINVAL &&
	       err != ENOTSOCK && err != EOPNOTSUPP;
}

static void listener_ready(struct watch *watch, unsigned events)
{
	struct listener *listener = container_of(watch, struct listener, watch);

	(void)events;
	for (unsigned i = 0; i < LISTENER_BATCH && !listener->freed && !listener->paused; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			listener->resting = false;
			listener->accepted(listener->owner, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (!error_is_of_connection(errno)) {
			listener_rest(listener, -errno);
			return;
		}
	}
}

void listener_pause(struct listener *listener)
{
	listener->paused = true;
	loop_watch_set(&listener->watch, 0);
}

void listener_resume(struct listener *listener)
{
	listener->paused = false;
	if (!listener->rest.armed)
		loop_watch_set(&listener->watch, WATCH_READ);
}

static void free_run(struct task *task)
{
	free(container_of(task, struct listener, free_task));
}

int listener_new(struct loop *loop, int listen_fd, void (*accepted)(void *owner, int fd), void *owner,
                 struct listener **ret_listener)
{
	struct listener *listener;
	int flags = fcntl(listen_fd, F_GETFL), err;

	if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	listener = calloc(1, sizeof *listener);
	if (listener == NULL)
		return -ENOMEM;
	listener->loop = loop;
	listener->fd = listen_fd;
	listener->accepted = accepted;
	listener->owner = owner;
	listener->watch.ready = listener_ready;
	listener->rest.fire = rest_over;
	listener->free_task.run = free_run;
	err = loop_watch_start(loop, &listener->watch, listen_fd, WATCH_READ);
	if (err < 0) {
		free(listener);
		return err;
	}
	*ret_listener = listener;
	return 0;
}

void listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	vc_assert(!listener->freed);
	listener->freed = true;
	world_timer_cancel(&listener->rest);
	loop_watch_stop(&listener->watch);
	close(listener->fd);
	loop_defer_last(listener->loop, &listener->free_task);
}
