/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox: order, wake-ups, many producers. */
#include "base/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/base/cmocka_all.h"

static bool box_rings(const struct mailbox *box, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = box->event_fd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

struct numbered {
	struct task task;
	unsigned producer;
	unsigned number;
};

enum { N_PRODUCERS = 6, N_TASKS = 20000 };

static unsigned next_number[N_PRODUCERS];
static unsigned out_of_order;

static void numbered_run(struct task *task)
{
	struct numbered *n = container_of(task, struct numbered, task);

	if (next_number[n->producer]++ != n->number)
		out_of_order++;
	free(n);
}

static void post_one(struct mailbox *box, unsigned producer, unsigned number)
{
	struct numbered *n = calloc(1, sizeof *n);

	n->task.run = numbered_run;
	n->producer = producer;
	n->number = number;
	mailbox_post(box, &n->task);
}

static void mailbox_runs_oldest_first_and_rings_once(void **state)
{
	struct mailbox box;

	(void)state;
	next_number[0] = 0;
	out_of_order = 0;
	assert_int_equal(mailbox_init(&box), 0);
	assert_false(box_rings(&box, 0));
	for (unsigned i = 0; i < 10; i++)
		post_one(&box, 0, i);
	assert_int_equal(atomic_load(&box.depth), 10);
	assert_true(box_rings(&box, 0));
	assert_int_equal(mailbox_drain(&box), 10);
	assert_int_equal(atomic_load(&box.depth), 0);
	assert_int_equal(next_number[0], 10);
	assert_int_equal(out_of_order, 0);
	assert_false(box_rings(&box, 0));
	assert_int_equal(mailbox_drain(&box), 0);
	mailbox_fini(&box);
}

static struct mailbox *again_box;
static unsigned again_runs;

static void again_run(struct task *task)
{
	if (++again_runs < 3)
		mailbox_post(again_box, task);
}

static void task_may_post_itself_again_and_waits_for_the_next_drain(void **state)
{
	struct mailbox box;
	struct task task = { .run = again_run };

	(void)state;
	again_box = &box;
	assert_int_equal(mailbox_init(&box), 0);
	mailbox_post(&box, &task);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(box_rings(&box, 0));
		assert_int_equal(mailbox_drain(&box), 1);
		assert_int_equal(again_runs, i);
	}
	assert_int_equal(mailbox_drain(&box), 0);
	assert_false(task.queued);
	mailbox_fini(&box);
}

struct producer {
	struct mailbox *box;
	unsigned index;
};

static void *produce(void *arg)
{
	const struct producer *producer = arg;

	for (unsigned i = 0; i < N_TASKS; i++)
		post_one(producer->box, producer->index, i);
	return NULL;
}

static void many_producers_lose_nothing_and_each_keeps_its_order(void **state)
{
	struct producer producers[N_PRODUCERS];
	pthread_t threads[N_PRODUCERS];
	struct mailbox box;
	unsigned done = 0;

	(void)state;
	out_of_order = 0;
	assert_int_equal(mailbox_init(&box), 0);
	for (unsigned i = 0; i < N_PRODUCERS; i++) {
		next_number[i] = 0;
		producers[i] = (struct producer){ .box = &box, .index = i };
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	while (done < N_PRODUCERS * N_TASKS) {
		assert_true(box_rings(&box, 10000)); /* a lost wake-up shows here */
		done += mailbox_drain(&box);
	}
	for (unsigned i = 0; i < N_PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(next_number[i], N_TASKS);
	}
	assert_int_equal(out_of_order, 0);
	assert_int_equal(mailbox_drain(&box), 0);
	mailbox_fini(&box);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailbox_runs_oldest_first_and_rings_once),
		cmocka_unit_test(task_may_post_itself_again_and_waits_for_the_next_drain),
		cmocka_unit_test(many_producers_lose_nothing_and_each_keeps_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
