/* SPDX-License-Identifier: Apache-2.0 */
/* The server's doors: descriptors dealt out, connections on their way to a loop that is busy, the watchdog. */
#include "server/portal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/descriptors.h"
#include "server/watchdog.h"
#include "tests/base/cmocka_all.h"

#define CLIENTS 100U

static void few_descriptors_leave_some_for_disks_and_administration(void **state)
{
	struct descriptors_plan plan;

	(void)state;
	plan = descriptors_deal(1048576, 5120, 5000);
	assert_true(plan.nfs == 5120 && plan.iscsi == 5000 && plan.http == 128);
	for (unsigned limit = 128; limit < 20000; limit += 17) {
		plan = descriptors_deal(limit, 5120, 5000);
		assert_true(plan.nfs + plan.iscsi <= limit - 64 && plan.nfs + plan.iscsi <= limit - limit / 4);
		assert_true(plan.nfs >= 4 && plan.iscsi >= 4 && plan.http >= 4);
		assert_true(plan.nfs == 5120 || plan.nfs + plan.iscsi >= limit / 2);
	}
}

static void the_limit_is_raised_to_what_it_may_be(void **state)
{
	struct rlimit before, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(descriptors_raise() == before.rlim_max || before.rlim_max > 0x7FFFFFFF);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(low.rlim_cur == before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- a loop that is busy ---- */

static struct loop *acceptor, *busy;
static struct portal *portal;
static sem_t go_on, is_busy, all_served;
static _Atomic unsigned n_served, n_open;
static int served[CLIENTS];

static void be_busy(struct task *task)
{
	(void)task;
	sem_post(&is_busy);
	sem_wait(&go_on);
}

static struct loop *pick(void *owner)
{
	(void)owner;
	atomic_fetch_add(&n_open, 1); /* accepted, and on its way */
	return busy;
}

static void serve(void *owner, struct loop *loop, int fd)
{
	(void)owner;
	assert_ptr_equal(loop, busy);
	served[atomic_fetch_add(&n_served, 1)] = fd;
	if (atomic_load(&n_served) == CLIENTS)
		sem_post(&all_served);
}

static void portal_close(struct task *task)
{
	(void)task;
	portal_free(portal);
	sem_post(&go_on);
}

static int listen_anywhere(struct sockaddr_in *ret_address)
{
	socklen_t len = sizeof *ret_address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, sizeof *ret_address), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &len), 0);
	return fd;
}

static void connections_wait_in_the_kernel_while_their_loop_is_busy(void **state)
{
	struct task stay = { .run = be_busy }, close_task = { .run = portal_close };
	struct sockaddr_in address;
	int clients[CLIENTS];

	(void)state;
	assert_int_equal(portal_new(acceptor, listen_anywhere(&address), pick, serve, NULL, &portal), 0);
	assert_int_equal(loop_start(acceptor), 0);
	world_post(loop_world(busy), &stay);
	sem_wait(&is_busy);
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
	}
	usleep(100000);
	assert_in_range(atomic_load(&n_open), 1, PORTAL_WINDOW);
	sem_post(&go_on);
	sem_wait(&all_served);
	world_post(loop_world(acceptor), &close_task);
	sem_wait(&go_on);
	for (unsigned i = 0; i < CLIENTS; i++) {
		close(clients[i]);
		close(served[i]);
	}
	loop_stop(acceptor);
	loop_join(acceptor);
}

/* ---- the watchdog ---- */

static _Atomic unsigned n_alive;

static void alive(void *arg)
{
	(void)arg;
	atomic_fetch_add(&n_alive, 1);
}

static void the_watchdog_is_told_as_long_as_all_loops_go_round(void **state)
{
	struct task stay = { .run = be_busy };
	struct watchdog *watchdog;
	unsigned before;

	(void)state;
	assert_int_equal(
	    watchdog_new(&(struct watchdog_settings){ acceptor, &busy, 1, 40000000, alive, NULL }, &watchdog), 0);
	assert_int_equal(loop_start(acceptor), 0);
	while (atomic_load(&n_alive) < 5)
		usleep(1000);
	world_post(loop_world(busy), &stay);
	sem_wait(&is_busy);
	usleep(100000);
	before = atomic_load(&n_alive);
	usleep(200000);
	assert_int_equal(atomic_load(&n_alive), before);
	sem_post(&go_on);
	while (atomic_load(&n_alive) < before + 5)
		usleep(1000);
	loop_stop(acceptor);
	loop_join(acceptor);
	watchdog_stop(watchdog);
	loop_stop(busy);
	loop_join(busy);
	loop_free(busy);
	loop_free(acceptor);
	watchdog_free(watchdog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_descriptors_leave_some_for_disks_and_administration),
		cmocka_unit_test(the_limit_is_raised_to_what_it_may_be),
		cmocka_unit_test(connections_wait_in_the_kernel_while_their_loop_is_busy),
		cmocka_unit_test(the_watchdog_is_told_as_long_as_all_loops_go_round),
	};

	sem_init(&go_on, 0, 0);
	sem_init(&is_busy, 0, 0);
	sem_init(&all_served, 0, 0);
	if (loop_new("accept", &acceptor) != 0 || loop_new("busy", &busy) != 0 || loop_start(busy) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
