/* SPDX-License-Identifier: Apache-2.0 */
/* Places for connections: who gets one, who gives way. */
#include "base/door.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/stream.h"
#include "tests/base/cmocka_all.h"

#define PLACES 160U /* 40 of them strangers', 10 of one address */
#define S 1000000000ULL

struct person {
	struct door_guest guest;
	bool left;
};

static struct door *door;
static struct person people[1024];
static unsigned n_people;

static void leave(struct door_guest *guest)
{
	container_of(guest, struct person, guest)->left = true;
}

static int prepare(void **state)
{
	(void)state;
	memset(people, 0, sizeof people);
	n_people = 0;
	return door_new(PLACES, &door);
}

static int finish(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_people; i++)
		door_leave(door, &people[i].guest);
	door_put(door);
	return 0;
}

static struct sockaddr_storage ipv4(unsigned last)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0x0A000000U + last);
	in->sin_port = htons((uint16_t)(1000 + n_people));
	return address;
}

static struct person *comes(bool known, bool patient, const struct sockaddr_storage *address, uint64_t now_ns,
                            int expect)
{
	struct person *person = &people[n_people++];

	person->guest.known = known;
	person->guest.patient = patient;
	person->guest.leave = leave;
	atomic_store(&person->guest.heard_ns, now_ns);
	assert_int_equal(door_enter(door, &person->guest, address), expect);
	return person;
}

static struct person *stranger(unsigned address, uint64_t now_ns)
{
	struct sockaddr_storage from = ipv4(address);

	return comes(false, true, &from, now_ns, 0);
}

static struct person *client(unsigned address, uint64_t now_ns)
{
	struct sockaddr_storage from = ipv4(address);

	return comes(true, true, &from, now_ns, 0);
}

static struct door_figures figures(void)
{
	struct door_figures now;

	door_look(door, &now);
	return now;
}

static void one_address_of_strangers_has_a_sixteenth_of_the_places(void **state)
{
	struct person *first = stranger(1, 1 * S), *second = stranger(1, 1 * S);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		(void)stranger(1, 2 * S);
	assert_int_equal(figures().n_left, 0);
	atomic_store(&first->guest.heard_ns, 3 * S); /* it says something: the other one was silent longer */
	(void)stranger(1, 4 * S);
	assert_true(second->left && !first->left);
	for (unsigned i = 0; i < 500; i++)
		(void)stranger(1, 5 * S);
	assert_int_equal(figures().n, PLACES / 16);
	assert_int_equal(figures().n_refused, 0);
}

static void strangers_of_many_addresses_have_a_quarter(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++)
		(void)stranger(i, i * S);
	assert_int_equal(figures().n, PLACES / 4);
	assert_int_equal(figures().n_strangers, PLACES / 4);
	assert_true(people[0].left && !people[499].left);
	for (unsigned i = 0; i < PLACES * 3 / 4; i++)
		(void)client(7, 1000 * S);
	assert_int_equal(figures().n_left, 500 - PLACES / 4); /* nobody had to go for those */
}

static void a_client_is_let_in_where_strangers_are(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PLACES / 4; i++)
		(void)stranger(i, 1 * S);
	for (unsigned i = 0; i < PLACES; i++)
		(void)client(7, 2 * S);
	assert_int_equal(figures().n, PLACES);
	assert_int_equal(figures().n_strangers, 0);
}

static void who_becomes_known_is_no_stranger_any_more(void **state)
{
	struct person *early = stranger(1, 1 * S);

	(void)state;
	door_know(door, &early->guest);
	for (unsigned i = 0; i < 100; i++)
		(void)stranger(1, 2 * S);
	assert_false(early->left);
	assert_int_equal(figures().n, 1 + PLACES / 16);
}

static void comes_in_the_end(const struct sockaddr_storage *address, uint64_t now_ns)
{
	struct person *person = &people[n_people++];
	unsigned tries = 1;

	person->guest = (struct door_guest){ .known = true, .leave = leave };
	atomic_store(&person->guest.heard_ns, now_ns);
	while (door_enter(door, &person->guest, address) != 0)
		assert_in_range(++tries, 1, 1 + PLACES / 64);
}

static void among_clients_only_a_silent_and_patient_one_gives_way(void **state)
{
	struct sockaddr_storage from = ipv4(9);
	struct person *rude = comes(true, false, &from, 1 * S, 0), *busy = client(1, 1 * S), *silent = client(2, 1 * S);

	(void)state;
	while (figures().n < PLACES)
		(void)client(3, 20 * S);
	atomic_store(&busy->guest.heard_ns, 15 * S);
	(void)comes(true, true, &from, 11 * S, -EMFILE); /* nobody was silent for 10 s */
	(void)comes(false, true, &from, 21 * S, -EMFILE); /* a stranger puts out no client */
	assert_int_equal(figures().n_refused, 2);
	comes_in_the_end(&from, 21 * S); /* a few are looked at for each newcomer, in turn */
	assert_true(silent->left && !busy->left && !rude->left);
}

static void an_ipv6_network_is_one_address_and_a_mapped_one_is_ipv4(void **state)
{
	struct sockaddr_storage address = { .ss_family = AF_INET6 };
	struct in6_addr *in6 = &((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "2001:db8:0:1::%x", i + 1);
		assert_int_equal(inet_pton(AF_INET6, text, in6), 1);
		(void)comes(false, true, &address, S, 0);
	}
	assert_int_equal(figures().n, PLACES / 16);
	for (unsigned i = 0; i < PLACES / 16; i++)
		(void)stranger(5, S);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.5", in6), 1);
	(void)comes(false, true, &address, S, 0);
	assert_int_equal(figures().n, PLACES / 8);
}

/* ---- with streams ---- */

struct party {
	struct stream *stream;
	int peer;
	int ended; /* 1: not yet */
};

static struct loop *loop;

static void nothing(void *owner)
{
	(void)owner;
}

static void ended(void *owner, int err)
{
	struct party *party = owner;

	party->ended = err;
	stream_close(party->stream);
	party->stream = NULL;
}

static const struct stream_handler handler = { nothing, nothing, nothing, ended };

static int party_begin(struct party *party, bool known)
{
	int fds[2], err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*party = (struct party){ .peer = fds[1], .ended = 1 };
	assert_int_equal(stream_new(loop, fds[0], &handler, party, &party->stream), 0);
	err = stream_enter(party->stream, door, known, true);
	if (err != 0)
		stream_close(party->stream);
	return err;
}

static void stop_fire(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void run_for_ms(unsigned ms)
{
	struct timer timer = { .fire = stop_fire };

	world_timer_set(loop_world(loop), &timer, ms * 1000000ULL);
	loop_run(loop);
}

static bool peer_is_closed(const struct party *party)
{
	char byte;

	return recv(party->peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_stranger_that_lost_its_place_is_told_and_one_that_lingers_is_closed(void **state)
{
	struct party parties[2 + PLACES / 16];
	unsigned n = ARRAY_SIZE(parties);

	(void)state;
	assert_int_equal(loop_new("door", &loop), 0);
	assert_int_equal(party_begin(&parties[0], false), 0);
	stream_send(parties[0].stream, &(struct stream_seg){ "x", 1, NULL }, 1);
	stream_close_after_send(parties[0].stream, 60000); /* its place is taken as long as its descriptor is */
	parties[0].stream = NULL;
	for (unsigned i = 1; i < n; i++)
		assert_int_equal(party_begin(&parties[i], false), 0);
	assert_int_equal(figures().n_left, 2);
	run_for_ms(20);
	assert_true(recv(parties[0].peer, &(char){ 0 }, 1, MSG_DONTWAIT) <= 1 && peer_is_closed(&parties[0]));
	assert_int_equal(parties[1].ended, -ECONNABORTED);
	assert_true(peer_is_closed(&parties[1]));
	assert_int_equal(parties[2].ended, 1);
	for (unsigned i = 0; i < n; i++) {
		if (parties[i].stream != NULL)
			stream_close(parties[i].stream);
		close(parties[i].peer);
	}
	loop_free(loop);
	assert_int_equal(figures().n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_address_of_strangers_has_a_sixteenth_of_the_places, prepare,
		                                finish),
		cmocka_unit_test_setup_teardown(strangers_of_many_addresses_have_a_quarter, prepare, finish),
		cmocka_unit_test_setup_teardown(a_client_is_let_in_where_strangers_are, prepare, finish),
		cmocka_unit_test_setup_teardown(who_becomes_known_is_no_stranger_any_more, prepare, finish),
		cmocka_unit_test_setup_teardown(among_clients_only_a_silent_and_patient_one_gives_way, prepare, finish),
		cmocka_unit_test_setup_teardown(an_ipv6_network_is_one_address_and_a_mapped_one_is_ipv4, prepare,
		                                finish),
		cmocka_unit_test_setup_teardown(a_stranger_that_lost_its_place_is_told_and_one_that_lingers_is_closed,
		                                prepare, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
