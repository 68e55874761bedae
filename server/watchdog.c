/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: questions to the loops, and their answers. */
#include "server/watchdog.h"

#include <stdlib.h>

#include "base/log.h"

/* A question to one loop: `ask` goes there, `answer` comes back. */
struct ping {
	struct task ask, answer;
	struct watchdog *watchdog;
	struct loop *loop;
	bool out;
};

struct watchdog {
	struct loop *acceptor;
	struct timer timer;
	uint64_t period_ns;
	void (*alive)(void *arg);
	void *arg;
	unsigned n_pings;
	struct ping pings[];
};

static void answered(struct task *task)
{
	container_of(task, struct ping, answer)->out = false;
}

static void asked(struct task *task)
{
	struct ping *ping = container_of(task, struct ping, ask);
	world_post(loop_world(ping->watchdog->acceptor), &ping->answer);
}

static bool all_answered(const struct watchdog *watchdog)
{
	bool all = true;

	for (unsigned i = 0; i < watchdog->n_pings; i++) {
		if (!watchdog->pings[i].out)
			continue;
		log_peer_warn("server", "loop_busy", "loop=%s limit_ms=%llu", loop_name(watchdog->pings[i].loop),
		              (unsigned long long)(watchdog->period_ns / 1000000U));
		all = false;
	}
	return all;
}

static void fire(struct timer *timer)
{
	struct watchdog *watchdog = container_of(timer, struct watchdog, timer);

	if (all_answered(watchdog)) {
		watchdog->alive(watchdog->arg);
		for (unsigned i = 0; i < watchdog->n_pings; i++) {
			watchdog->pings[i].out = true;
			world_post(loop_world(watchdog->pings[i].loop), &watchdog->pings[i].ask);
		}
	}
	world_timer_set(loop_world(watchdog->acceptor), timer, watchdog->period_ns);
}

int watchdog_new(const struct watchdog_settings *settings, struct watchdog **ret_watchdog)
{
	struct watchdog *watchdog = calloc(1, sizeof *watchdog + settings->n_loops * sizeof watchdog->pings[0]);

	if (watchdog == NULL)
		return -ENOMEM;
	watchdog->acceptor = settings->acceptor;
	watchdog->timer.fire = fire;
	watchdog->period_ns = settings->limit_ns / 4;
	watchdog->alive = settings->alive;
	watchdog->arg = settings->arg;
	watchdog->n_pings = settings->n_loops;
	for (unsigned i = 0; i < settings->n_loops; i++) {
		watchdog->pings[i] = (struct ping){ .watchdog = watchdog, .loop = settings->loops[i] };
		watchdog->pings[i].ask.run = asked;
		watchdog->pings[i].answer.run = answered;
	}
	world_timer_set(loop_world(settings->acceptor), &watchdog->timer, 0);
	*ret_watchdog = watchdog;
	return 0;
}

void watchdog_stop(struct watchdog *watchdog)
{
	if (watchdog != NULL)
		world_timer_cancel(&watchdog->timer);
}

void watchdog_free(struct watchdog *watchdog)
{
	free(watchdog);
}
