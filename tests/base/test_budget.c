/* SPDX-License-Identifier: Apache-2.0 */
/* The budget: shares of connections and of addresses, what is kept back, giving back. */
#include "base/budget.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "tests/base/cmocka_all.h"

#define MIB ((size_t)1 << 20)
#define MAX_BYTES (16 * MIB)
#define SHARED_BYTES (12 * MIB) /* what is not kept back */
#define STEP 4096U
#define N_MAX 128U

static struct budget_account *accounts[N_MAX];
static unsigned n_accounts;

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
	}
	return storage;
}

static struct budget_account *account_from(const char *text)
{
	struct sockaddr_storage address = address_of(text);
	struct budget_account *account;

	assert_true(n_accounts < N_MAX);
	assert_int_equal(budget_account_new(&address, &account), 0);
	accounts[n_accounts++] = account;
	return account;
}

static int setup(void **state)
{
	(void)state;
	n_accounts = 0;
	budget_set_max(MAX_BYTES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_accounts; i++) {
		budget_give(accounts[i], budget_held(accounts[i]));
		budget_account_put(accounts[i]);
	}
	assert_int_equal(budget_used(), 0);
	budget_set_max(0);
	return 0;
}

/* All of them take what they get by their share, in turn, until nobody gets anything. */
static size_t greedy(unsigned first, unsigned end)
{
	size_t total = 0;
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = first; i < end; i++) {
			if (budget_room(accounts[i]) < STEP)
				continue;
			assert_true(budget_take(accounts[i], STEP));
			any = true;
			total += STEP;
		}
	}
	return total;
}

static void one_connection_alone_leaves_two_thirds(void **state)
{
	size_t held;

	(void)state;
	(void)account_from("192.0.2.1");
	held = greedy(0, 1);
	assert_true(held <= SHARED_BYTES / 3 && held > SHARED_BYTES / 3 - 2 * STEP);
	assert_int_equal(budget_held(accounts[0]), held);
	assert_int_equal(budget_used(), held);
}

static void many_connections_of_one_address_leave_half(void **state)
{
	size_t held;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		(void)account_from("192.0.2.1");
	held = greedy(0, 64);
	assert_true(held <= SHARED_BYTES / 2);
	for (unsigned i = 0; i < 64; i++) /* nobody had to go without */
		assert_true(budget_held(accounts[i]) >= SHARED_BYTES / 129 - 2 * STEP);
	/* the next one of the same address gets a small request */
	assert_true(budget_take(account_from("192.0.2.1"), STEP));
	assert_true(budget_take(account_from("192.0.2.2"), MIB + 65536));
}

static void tenth_greedy_address_has_a_share_too(void **state)
{
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		for (unsigned j = 0; j < 8; j++) {
			(void)snprintf(text, sizeof text, "192.0.2.%u", i + 1);
			(void)account_from(text);
		}
	}
	(void)greedy(0, 72);
	assert_true(budget_take(account_from("192.0.2.200"), SHARED_BYTES / 40));
	assert_true(budget_used() <= SHARED_BYTES);
}

static void who_holds_next_to_nothing_gets_a_big_request_out_of_what_is_kept_back(void **state)
{
	struct budget_account *account;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof text, "192.0.2.%u", i + 1);
		(void)account_from(text);
	}
	(void)greedy(0, 20);
	account = account_from("198.51.100.1");
	assert_true(budget_room(account) >= MIB);
	assert_true(budget_take(account, MIB));
	assert_true(budget_room(account) < MIB); /* one at a time */
	assert_true(budget_room(accounts[0]) < MIB);
}

/* All hold a part and want the rest: one gets it, and when it has ended the next one. */
static void one_of_all_that_wait_for_each_other_can_always_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++)
		(void)account_from("192.0.2.1");
	(void)greedy(0, 64);
	for (unsigned i = 0; i < 64; i++) {
		bool beyond = budget_room(accounts[i]) < MIB;

		assert_true(budget_take(accounts[i], MIB));
		assert_true(!beyond || budget_take(accounts[i], STEP)); /* and may go on */
		if (beyond && i < 63 && budget_room(accounts[i + 1]) < MIB)
			assert_false(budget_take(accounts[i + 1], MIB)); /* the next one only after it */
		assert_true(budget_used() <= MAX_BYTES);
		budget_give(accounts[i], budget_held(accounts[i]));
	}
}

/* Greedy peers hold their shares, and one of them the last resort of all, for ever. */
static void who_holds_little_ends_what_it_has_begun_whatever_others_do(void **state)
{
	struct budget_account *modest, *beside;
	size_t begun;

	(void)state;
	for (unsigned i = 0; i < 48; i++)
		(void)account_from(i % 3 == 0 ? "192.0.2.1" : i % 3 == 1 ? "192.0.2.2" : "192.0.2.3");
	modest = account_from("198.51.100.1");
	beside = account_from("198.51.100.1");
	(void)greedy(0, 48);
	budget_charge(accounts[1], 3 * MIB / 2); /* replies that nobody reads */
	while (budget_held(modest) + 65536 <= MIB && budget_room(modest) >= 65536)
		assert_true(budget_take(modest, 65536));
	assert_true(budget_take(accounts[0], MIB));
	assert_false(budget_take(accounts[2], MIB));
	for (unsigned round = 0; round < 20; round++) { /* many requests in flight: each holds a part while one ends */
		begun = budget_held(modest);
		assert_true(begun < MIB && budget_room(modest) < MIB - begun);
		assert_true(budget_take(modest, MIB - begun));
		assert_false(budget_take(beside, MIB)); /* one at a time */
		budget_give(modest, MIB - begun);
	}
	assert_true(budget_used() <= MAX_BYTES);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
	struct budget_account *account;
	size_t room;

	(void)state;
	account = account_from("192.0.2.1");
	room = budget_room(account);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(budget_take(account, MIB));
		budget_give(account, MIB);
	}
	assert_int_equal(budget_room(account), room);
	assert_int_equal(budget_used(), 0);
}

static void what_cannot_be_refused_goes_over_and_then_all_is_refused(void **state)
{
	struct budget_account *account;
	uint64_t refusals = budget_refusals();

	(void)state;
	account = account_from("192.0.2.1");
	budget_charge(account, 2 * MAX_BYTES);
	assert_int_equal(budget_room(account), 0);
	assert_false(budget_take(account, 1));
	assert_false(budget_take(account_from("192.0.2.2"), 1));
	assert_int_equal(budget_refusals(), refusals + 2);
	budget_give(account, 2 * MAX_BYTES);
	assert_true(budget_take(account, 1));
}

static void without_a_bound_nobody_is_refused(void **state)
{
	struct budget_account *account;

	(void)state;
	budget_set_max(0);
	account = account_from("192.0.2.1");
	assert_true(budget_take(account, (size_t)1 << 40));
	assert_true(budget_take(account, (size_t)1 << 40));
}

/* True when the two count as one: what the first takes leaves less to the second than to a stranger. */
static bool is_one_peer(const char *one, const char *other)
{
	struct budget_account *a = account_from(one), *b = account_from(other),
	                      *stranger = account_from("203.0.113.77");
	bool same;

	budget_charge(a, MIB);
	same = budget_room(b) < budget_room(stranger);
	budget_give(a, MIB);
	return same;
}

static void an_ipv6_network_is_one_peer_and_so_is_an_ipv4_address_however_it_is_written(void **state)
{
	(void)state;
	assert_true(is_one_peer("192.0.2.1", "192.0.2.1"));
	assert_false(is_one_peer("192.0.2.1", "192.0.2.2"));
	assert_true(is_one_peer("::ffff:192.0.2.1", "192.0.2.1"));
	assert_false(is_one_peer("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
	assert_true(is_one_peer("2001:db8::1", "2001:db8::ffff:1"));
	assert_false(is_one_peer("2001:db8::1", "2001:db8:0:1::1"));
}

static void *taker(void *arg)
{
	const char *text = arg;
	struct sockaddr_storage address = address_of(text);

	for (unsigned i = 0; i < 2000; i++) {
		struct budget_account *account;
		unsigned n = 0;

		assert_int_equal(budget_account_new(&address, &account), 0);
		while (n < 48 && budget_take(account, 65536))
			n++;
		budget_charge(budget_account_get(account), 100);
		budget_give(account, 100 + n * 65536U);
		budget_account_put(account);
		budget_account_put(account);
	}
	return NULL;
}

static void loops_take_and_give_at_the_same_time(void **state)
{
	static char same[] = "192.0.2.1", other[] = "192.0.2.2";
	char *texts[] = { same, same, other };
	pthread_t threads[ARRAY_SIZE(texts)];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, taker, texts[i]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(budget_used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_connection_alone_leaves_two_thirds, setup, teardown),
		cmocka_unit_test_setup_teardown(many_connections_of_one_address_leave_half, setup, teardown),
		cmocka_unit_test_setup_teardown(tenth_greedy_address_has_a_share_too, setup, teardown),
		cmocka_unit_test_setup_teardown(who_holds_next_to_nothing_gets_a_big_request_out_of_what_is_kept_back,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(one_of_all_that_wait_for_each_other_can_always_end, setup, teardown),
		cmocka_unit_test_setup_teardown(who_holds_little_ends_what_it_has_begun_whatever_others_do, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(what_is_given_back_can_be_taken_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_refused_goes_over_and_then_all_is_refused, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(without_a_bound_nobody_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_ipv6_network_is_one_peer_and_so_is_an_ipv4_address_however_it_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(loops_take_and_give_at_the_same_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
