/* SPDX-License-Identifier: Apache-2.0 */
/* The io_uring engine of file disks: one ring a loop, shared by its disks.
 *
 * THEORY. Requests of a loop turn are put into the ring and submitted together by one deferred task; completions that
 * are there at once (buffered files) are taken right after, the others announce themselves through an eventfd the loop
 * watches. At most RING_DEPTH are in the kernel, so the completion queue cannot overflow; the rest wait in order.
 * THREADS. A ring belongs to its loop's thread; the table of rings is locked. */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop.h"
#include "raid/filedisk.h"

#define RING_DEPTH 512U
#define SUBMIT_MAX 8U /* a turn: the kernel takes up to 20 us for each */

struct ring {
	LIST_ENTRY(ring) link;
	struct loop *loop;
	struct world *world;
	struct io_uring uring;
	struct watch watch;
	struct task submit_task;
	TAILQ_HEAD(, disk_io) waiting;
	unsigned n_in_kernel;
	unsigned refs;
	int event_fd;
	bool reaping;
};

static LIST_HEAD(, ring) rings = LIST_HEAD_INITIALIZER(rings);
static pthread_mutex_t rings_lock = PTHREAD_MUTEX_INITIALIZER;

static void ring_prepare(struct ring *ring, struct disk_io *io, struct io_uring_sqe *sqe)
{
	const struct filedisk *f = container_of(io->disk, struct filedisk, disk);

	switch (io->op) {
	case DISK_READ: io_uring_prep_readv(sqe, f->fd, io->iov, io->n_iov, io->offset_bytes); break;
	case DISK_WRITE: io_uring_prep_writev(sqe, f->fd, io->iov, io->n_iov, io->offset_bytes); break;
	case DISK_WRITE_DURABLE:
		io_uring_prep_writev2(sqe, f->fd, io->iov, io->n_iov, io->offset_bytes, RWF_DSYNC);
		break;
	case DISK_FLUSH: io_uring_prep_fsync(sqe, f->fd, IORING_FSYNC_DATASYNC); break;
	case DISK_DISCARD:
		io_uring_prep_fallocate(sqe, f->fd, filedisk_discard_mode(f->fd), (off_t)io->offset_bytes,
		                        (off_t)io->len_bytes);
		break;
	case DISK_CHECK: io_uring_prep_nop(sqe); break;
	}
	io_uring_sqe_set_data(sqe, io);
	ring->n_in_kernel++;
}

static int io_result(const struct disk_io *io, int res)
{
	const struct filedisk *f = container_of(io->disk, struct filedisk, disk);

	if (res == -EAGAIN || res == -EINTR)
		return filedisk_do(f->fd, io, 0); /* rare */
	if (res < 0)
		return res;
	if (io->op == DISK_FLUSH || io->op == DISK_DISCARD || (uint64_t)res == io->len_bytes)
		return 0;
	return filedisk_do(f->fd, io, (uint64_t)res); /* a short transfer, rare: the rest, or the reason */
}

static void ring_reap(struct ring *ring)
{
	struct io_uring_cqe *cqe;

	if (ring->reaping)
		return;
	ring->reaping = true;
	ring->refs++;
	while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
		struct disk_io *io = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&ring->uring, cqe);
		ring->n_in_kernel--;
		io->done(io, io_result(io, res));
	}
	ring->refs--;
	ring->reaping = false;
	if (!TAILQ_EMPTY(&ring->waiting))
		world_defer(ring->world, &ring->submit_task);
}

/* The next of those that wait goes into the ring. */
static bool ring_take(struct ring *ring)
{
	struct disk_io *io = TAILQ_FIRST(&ring->waiting);
	struct io_uring_sqe *sqe = io == NULL || ring->n_in_kernel == RING_DEPTH ? NULL
	                                                                         : io_uring_get_sqe(&ring->uring);

	if (sqe == NULL)
		return false;
	TAILQ_REMOVE(&ring->waiting, io, link);
	ring_prepare(ring, io, sqe);
	return true;
}

static void ring_submit_run(struct task *task)
{
	struct ring *ring = container_of(task, struct ring, submit_task);

	for (unsigned n = 0; n < SUBMIT_MAX && ring_take(ring); n++)
		;
	(void)io_uring_submit(&ring->uring); /* what it did not take stays in the ring for the next submit */
	if (io_uring_sq_ready(&ring->uring) > 0 || (!TAILQ_EMPTY(&ring->waiting) && ring->n_in_kernel < RING_DEPTH))
		world_defer(ring->world, &ring->submit_task);
	ring_reap(ring);
}

static void ring_event(struct watch *watch, unsigned events)
{
	struct ring *ring = container_of(watch, struct ring, watch);
	uint64_t count;

	(void)events;
	(void)!read(ring->event_fd, &count, sizeof count);
	ring_reap(ring);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int ring_init(struct ring *ring, struct loop *loop)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
		                          .cq_entries = 2 * RING_DEPTH };
	int err;

	ring->loop = loop;
	ring->world = loop_world(loop);
	ring->watch.ready = ring_event;
	ring->submit_task.run = ring_submit_run;
	TAILQ_INIT(&ring->waiting);
	err = io_uring_queue_init_params(RING_DEPTH, &ring->uring, &params);
	if (err != 0)
		return err;
	ring->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ring->event_fd < 0) {
		err = -errno;
		io_uring_queue_exit(&ring->uring);
		return err;
	}
	err = io_uring_register_eventfd(&ring->uring, ring->event_fd);
	if (err == 0)
		err = loop_watch_start(loop, &ring->watch, ring->event_fd, WATCH_READ);
	if (err != 0) {
		close(ring->event_fd);
		io_uring_queue_exit(&ring->uring);
	}
	return err;
}

static struct ring *ring_find(const struct loop *loop)
{
	struct ring *ring;

	pthread_mutex_lock(&rings_lock);
	LIST_FOREACH(ring, &rings, link)
		if (ring->loop == loop)
			break;
	pthread_mutex_unlock(&rings_lock);
	return ring;
}

static int uring_attach(struct filedisk *f)
{
	struct loop *loop = loop_current();
	struct ring *ring = ring_find(loop);
	int err;

	if (ring == NULL) {
		ring = calloc(1, sizeof *ring);
		if (ring == NULL)
			return -ENOMEM;
		err = ring_init(ring, loop);
		if (err != 0) {
			free(ring);
			return err;
		}
		pthread_mutex_lock(&rings_lock);
		LIST_INSERT_HEAD(&rings, ring, link);
		pthread_mutex_unlock(&rings_lock);
	}
	ring->refs++;
	f->engine_data = ring;
	return 0;
}

static void ring_free_run(struct task *task)
{
	struct ring *ring = container_of(task, struct ring, submit_task);

	if (ring->refs > 0) { /* somebody opened a disk meanwhile */
		ring->submit_task.run = ring_submit_run;
		return;
	}
	pthread_mutex_lock(&rings_lock);
	LIST_REMOVE(ring, link);
	pthread_mutex_unlock(&rings_lock);
	loop_watch_stop(&ring->watch);
	(void)io_uring_unregister_eventfd(&ring->uring);
	io_uring_queue_exit(&ring->uring);
	close(ring->event_fd);
	free(ring);
}

static void uring_detach(struct filedisk *f)
{
	struct ring *ring = f->engine_data;

	if (--ring->refs > 0)
		return;
	vc_assert(ring->n_in_kernel == 0 && TAILQ_EMPTY(&ring->waiting));
	if (ring->submit_task.queued)
		ring->submit_task.run = ring_free_run;
	else
		ring_free_run(&ring->submit_task);
}

static void uring_submit(struct filedisk *f, struct disk_io *io)
{
	struct ring *ring = f->engine_data;

	TAILQ_INSERT_TAIL(&ring->waiting, io, link);
	world_defer(ring->world, &ring->submit_task);
}

const struct filedisk_engine filedisk_uring_engine = {
	.name = "io_uring",
	.attach = uring_attach,
	.submit = uring_submit,
	.detach = uring_detach,
};
