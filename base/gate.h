/* SPDX-License-Identifier: Apache-2.0 */
/* A gate: those of one loop who were refused memory by the budget, and try again.
 *
 * THEORY. Memory comes back from anywhere (another loop's replies leave, a peer is cut off), so nobody is told: who
 * waits is let try again every few milliseconds, first come first, a bounded number at a time. Who sees memory of his
 * own come back need not wait for that.
 * THREADS. The loop's. */
#ifndef BASE_GATE_H
#define BASE_GATE_H

#include "base/list.h"
#include "base/world.h"

struct gate;

/* Intrusive: gate_leave before freeing. */
struct gate_waiter {
	/* Try again; waits no more, and may wait anew. */
	void (*retry)(struct gate_waiter *waiter);
	TAILQ_ENTRY(gate_waiter) link;
	struct gate *gate; /* NULL: does not wait */
};

struct gate {
	struct world *world;
	struct timer timer;
	TAILQ_HEAD(, gate_waiter) waiters;
	unsigned n_waiters;
};

void gate_init(struct gate *gate, struct world *world);
/* `retry` is called once, not inline. A no-op when it waits already. */
void gate_wait(struct gate *gate, struct gate_waiter *waiter);
/* A no-op when it does not wait. */
void gate_leave(struct gate_waiter *waiter);

#endif
