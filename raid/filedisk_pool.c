/* SPDX-License-Identifier: Apache-2.0 */
/* The thread-pool engine of file disks: plain preadv/pwritev/fdatasync where io_uring is not to be had.
 *
 * THEORY. One pool for the process, started with the first disk and ended with the last. Threads take requests in order
 * and post the completion to the disk's world.
 * THREADS. The queue is locked; completions run on the home thread of the disk's world. */
#include <pthread.h>
#include <stdlib.h>

#include "raid/filedisk.h"

#define POOL_THREADS 8U

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	TAILQ_HEAD(, disk_io) queue;
	pthread_t threads[POOL_THREADS];
	unsigned n_threads, refs;
	bool stopping;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .work = PTHREAD_COND_INITIALIZER,
	   .queue = TAILQ_HEAD_INITIALIZER(pool.queue) };

static void pool_done_run(struct task *task)
{
	struct disk_io *io = container_of(task, struct disk_io, task);

	io->done(io, io->driver_err);
}

static void *pool_thread(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct disk_io *io = TAILQ_FIRST(&pool.queue);

		if (io == NULL && pool.stopping)
			break;
		if (io == NULL) {
			pthread_cond_wait(&pool.work, &pool.lock);
			continue;
		}
		TAILQ_REMOVE(&pool.queue, io, link);
		pthread_mutex_unlock(&pool.lock);
		io->driver_err = filedisk_do(container_of(io->disk, struct filedisk, disk)->fd, io, 0);
		io->task = (struct task){ .run = pool_done_run };
		world_post(io->disk->world, &io->task);
		pthread_mutex_lock(&pool.lock);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

static int pool_attach(struct filedisk *f)
{
	int err = 0;

	(void)f;
	pthread_mutex_lock(&pool.lock);
	if (pool.refs == 0) {
		pool.stopping = false;
		pool.n_threads = 0;
		while (pool.n_threads < POOL_THREADS &&
		       pthread_create(&pool.threads[pool.n_threads], NULL, pool_thread, NULL) == 0)
			pool.n_threads++;
		if (pool.n_threads == 0)
			err = -EAGAIN;
	}
	if (err == 0)
		pool.refs++;
	pthread_mutex_unlock(&pool.lock);
	return err;
}

static void pool_detach(struct filedisk *f)
{
	(void)f;
	pthread_mutex_lock(&pool.lock);
	if (--pool.refs > 0) {
		pthread_mutex_unlock(&pool.lock);
		return;
	}
	pool.stopping = true;
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.lock);
	for (unsigned i = 0; i < pool.n_threads; i++)
		pthread_join(pool.threads[i], NULL);
}

static void pool_submit(struct filedisk *f, struct disk_io *io)
{
	(void)f;
	pthread_mutex_lock(&pool.lock);
	TAILQ_INSERT_TAIL(&pool.queue, io, link);
	pthread_cond_signal(&pool.work);
	pthread_mutex_unlock(&pool.lock);
}

const struct filedisk_engine filedisk_pool_engine = {
	.name = "pool",
	.attach = pool_attach,
	.submit = pool_submit,
	.detach = pool_detach,
};
