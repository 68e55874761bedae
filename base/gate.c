/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the budget. */
#include "base/gate.h"

#define GATE_NS 5000000U
#define GATE_BATCH 64U /* 12,800 a second */

static void gate_arm(struct gate *gate)
{
	if (!gate->timer.armed)
		world_timer_set(gate->world, &gate->timer, GATE_NS);
}

static void gate_fire(struct timer *timer)
{
	struct gate *gate = container_of(timer, struct gate, timer);
	struct gate_waiter *waiter;
	unsigned n = MIN_OF(gate->n_waiters, GATE_BATCH); /* whoever waits anew goes to the end */

	for (; n > 0 && (waiter = TAILQ_FIRST(&gate->waiters)) != NULL; n--) {
		gate_leave(waiter);
		waiter->retry(waiter);
	}
	if (gate->n_waiters > 0)
		gate_arm(gate);
}

void gate_init(struct gate *gate, struct world *world)
{
	gate->world = world;
	gate->timer = (struct timer){ .fire = gate_fire };
	TAILQ_INIT(&gate->waiters);
	gate->n_waiters = 0;
}

void gate_wait(struct gate *gate, struct gate_waiter *waiter)
{
	if (waiter->gate != NULL)
		return;
	waiter->gate = gate;
	TAILQ_INSERT_TAIL(&gate->waiters, waiter, link);
	gate->n_waiters++;
	gate_arm(gate);
}

void gate_leave(struct gate_waiter *waiter)
{
	struct gate *gate = waiter->gate;

	if (gate == NULL)
		return;
	waiter->gate = NULL;
	TAILQ_REMOVE(&gate->waiters, waiter, link);
	if (--gate->n_waiters == 0)
		world_timer_cancel(&gate->timer);
}
