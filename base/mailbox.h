/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: many producers, one consumer, of intrusive tasks, with an eventfd that is written only when the box was
 * empty.
 *
 * BOUND. The box itself is unbounded by count, because what goes in is intrusive: every task is a message whose number
 * is bounded where it is born (per connection window, per volume). `depth` is counted for /metrics and asserted in
 * tests. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/world.h"

struct mailbox {
	_Atomic(struct task *) head; /* newest first; the consumer takes all and reverses */
	_Atomic uint32_t depth;
	int event_fd;
};

MUST_CHECK int mailbox_init(struct mailbox *box);
void mailbox_fini(struct mailbox *box);
/* Any thread. Ownership of the task's queueing passes to the consumer until it has run. */
void mailbox_post(struct mailbox *box, struct task *task);
/* Any thread, signal handlers too: make the eventfd readable without posting. */
void mailbox_wake(struct mailbox *box);
/* Consumer only: run everything that was in the box at the call, oldest first; returns how many. */
unsigned mailbox_drain(struct mailbox *box);

#endif
