/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: a stack that producers push on with one compare-and-swap and the consumer takes whole and turns round.
 *
 * INVARIANTS.
 *  1. Whoever pushes on an empty stack writes the eventfd afterwards; the consumer reads the eventfd before it takes
 *     the stack. So a task in the box always has a wake-up on its way or already seen.
 *  2. Tasks of one producer run in the order it posted them. */
#include "base/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box)
{
	box->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (box->event_fd < 0)
		return -errno;
	atomic_init(&box->head, NULL);
	atomic_init(&box->depth, 0);
	return 0;
}

void mailbox_fini(struct mailbox *box)
{
	if (box->event_fd >= 0)
		close(box->event_fd);
	box->event_fd = -1;
}

void mailbox_wake(struct mailbox *box)
{
	/* EAGAIN: the count is at its top, so the consumer will wake anyhow. */
	(void)eventfd_write(box->event_fd, 1);
}

void mailbox_post(struct mailbox *box, struct task *task)
{
	struct task *head = atomic_load_explicit(&box->head, memory_order_relaxed);

	vc_assert(!task->queued);
	task->queued = true;
	atomic_fetch_add_explicit(&box->depth, 1, memory_order_relaxed);
	do {
		task->next_posted = head;
	} while (!atomic_compare_exchange_weak_explicit(&box->head, &head, task, memory_order_acq_rel,
	                                                memory_order_relaxed));
	/* The task may have run and be gone by now: only `head`, what was there before it, counts. */
	if (head == NULL)
		mailbox_wake(box);
}

unsigned mailbox_drain(struct mailbox *box)
{
	struct task *newest, *oldest = NULL;
	eventfd_t count;
	unsigned n = 0;

	(void)eventfd_read(box->event_fd, &count); /* EAGAIN: nobody rang, which is fine */
	newest = atomic_exchange_explicit(&box->head, NULL, memory_order_acq_rel);
	while (newest != NULL) {
		struct task *next = newest->next_posted;

		newest->next_posted = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct task *task = oldest;

		oldest = task->next_posted;
		atomic_fetch_sub_explicit(&box->depth, 1, memory_order_relaxed);
		task->queued = false;
		task->run(task);
		n++;
	}
	return n;
}
