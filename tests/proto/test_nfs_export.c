/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: networks, options, the table and its views. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#include "proto/nfs/export.h"
#include "tests/base/cmocka_all.h"

static struct export_peer peer_of(const char *address, uint16_t port)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;
	struct export_peer peer;

	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
	export_peer_init(&peer, &storage);
	return peer;
}

static bool matches(const char *cidr, const char *address)
{
	struct export_peer peer = peer_of(address, 700);
	struct export_client client;

	assert_int_equal(export_client_init(&client, cidr), 0);
	return export_client_matches(&client, &peer);
}

static void networks_match_the_addresses_in_them(void **state)
{
	(void)state;
	assert_true(matches("10.0.0.0/8", "10.255.1.2"));
	assert_false(matches("10.0.0.0/8", "11.0.0.0"));
	assert_true(matches("192.168.4.0/22", "192.168.7.255"));
	assert_false(matches("192.168.4.0/22", "192.168.8.0"));
	assert_true(matches("127.0.0.1", "127.0.0.1"));
	assert_false(matches("127.0.0.1", "127.0.0.2"));
	assert_true(matches("127.0.0.1/32", "::ffff:127.0.0.1"));
	assert_true(matches("0.0.0.0/0", "8.8.8.8"));
	assert_false(matches("0.0.0.0/0", "fd00::1"));
	assert_true(matches("fd00::/8", "fdff::1"));
	assert_false(matches("fd00::/8", "fe00::1"));
	assert_true(matches("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(matches("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(matches("::1", "::1"));
	assert_true(matches("*", "::1"));
	assert_true(matches("*", "1.2.3.4"));
}

static void networks_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "",
		                           "10.0.0.0/33",
		                           "10.0.0.1/8",
		                           "10.0.0.0/",
		                           "10.0.0/8",
		                           "fd00::/129",
		                           "fd00::1/8",
		                           "host",
		                           "10.0.0.0/-1",
		                           "10.0.0.0/ 8",
		                           "10.0.0.0/8x",
		                           "**",
		                           "1.2.3.4.5",
		                           "0000000000000000000000000000000000000000000000000000000" };
	struct export_client client;

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(export_client_init(&client, bad[i]), -EINVAL);
}

static void options_are_parsed_and_printed(void **state)
{
	char cidr[EXPORT_CIDR_SIZE], options[EXPORT_OPTIONS_SIZE];
	struct export_client client, again;

	(void)state;
	assert_int_equal(export_client_init(&client, "10.1.0.0/16"), 0);
	assert_false(client.read_write);
	assert_true(client.secure);
	assert_int_equal(client.squash, EXPORT_SQUASH_ROOT);
	assert_int_equal(export_client_set_options(&client, "rw,all_squash,insecure,anonuid=99,anongid=4294967295"), 0);
	assert_int_equal(export_client_set_options(&client, ""), 0);
	export_client_format(&client, cidr, options);
	assert_string_equal(cidr, "10.1.0.0/16");
	assert_string_equal(options, "rw,insecure,all_squash,anonuid=99,anongid=4294967295");
	assert_int_equal(export_client_init(&again, cidr), 0);
	assert_int_equal(export_client_set_options(&again, options), 0);
	assert_memory_equal(&again, &client, sizeof client);
}

static void options_that_are_none_change_nothing(void **state)
{
	static const char *const bad[] = {
		"rw,",  "wr",  "rw,anonuid", "rw,anonuid=", "rw,anonuid=-1", "rw,anonuid=4294967296",
		"rw=1", ",rw", "rw ro"
	};
	struct export_client client, before;

	(void)state;
	assert_int_equal(export_client_init(&client, "*"), 0);
	before = client;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(export_client_set_options(&client, bad[i]), -EINVAL);
		assert_memory_equal(&client, &before, sizeof client);
	}
}

static void secure_exports_want_low_ports(void **state)
{
	struct export_peer low = peer_of("::1", 1023), high = peer_of("::1", 1024);
	struct export_client client;

	(void)state;
	assert_int_equal(export_client_init(&client, "*"), 0);
	assert_true(export_client_port_ok(&client, &low));
	assert_false(export_client_port_ok(&client, &high));
	assert_int_equal(export_client_set_options(&client, "insecure"), 0);
	assert_true(export_client_port_ok(&client, &high));
}

static void paths_are_cleaned(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "/", "/" },        { "//", "/" },           { "/a", "/a" },
		{ "/a/", "/a" },     { "//a///b//", "/a/b" }, { "/a.b/..c", "/a.b/..c" },
		{ "", NULL },        { "a", NULL },           { "/.", NULL },
		{ "/a/../b", NULL }, { "/a/.", NULL },        { "/..", NULL },
	};
	char text[64];

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memcpy(text, rows[i].in, strlen(rows[i].in) + 1);
		assert_int_equal(export_path_clean(text), rows[i].out != NULL ? 0 : -EINVAL);
		if (rows[i].out != NULL)
			assert_string_equal(text, rows[i].out);
	}
}

static const struct uuid volume_a = { { 1 } }, volume_b = { { 2 } };

static void nearest_export_above_a_path_counts(void **state)
{
	struct export_client client;
	struct export_spec specs[] = { { 1, "/", &client, 1 }, { 2, "/d/e", &client, 1 } };
	struct export_table *table;
	struct export_set *set;

	(void)state;
	assert_int_equal(export_client_init(&client, "*"), 0);
	assert_int_equal(export_table_new(&table), 0);
	assert_int_equal(export_table_set(table, &volume_a, "a", specs, 2), 0);
	assert_int_equal(export_table_set(table, &volume_b, "b", &specs[1], 1), 0);
	set = export_table_get(table);
	assert_int_equal(set->n_exports, 3);
	assert_int_equal(export_set_find_path(set, "/vol/a")->id, 1);
	assert_int_equal(export_set_find_path(set, "/vol/a/d")->id, 1);
	assert_int_equal(export_set_find_path(set, "/vol/a/d/e")->id, 2);
	assert_int_equal(export_set_find_path(set, "/vol/a/d/e/f")->id, 2);
	assert_int_equal(export_set_find_path(set, "/vol/a/d/ef")->id, 1);
	assert_null(export_set_find_path(set, "/vol/ab"));
	assert_null(export_set_find_path(set, "/vol/b"));
	assert_null(export_set_find_path(set, "/vol/b/d"));
	assert_string_equal(export_set_find_path(set, "/vol/b/d/e")->path, "/d/e");
	assert_ptr_equal(export_set_find(set, 2, &volume_b), export_set_find_path(set, "/vol/b/d/e"));
	assert_null(export_set_find(set, 1, &volume_b));
	export_set_put(set);
	export_table_free(table);
}

static void bad_exports_leave_the_table_as_it_was(void **state)
{
	struct export_client client;
	struct export_spec good = { 1, "/", &client, 1 },
	                   twice[] = { { 1, "/a", &client, 1 }, { 1, "/b", &client, 1 } },
	                   same[] = { { 1, "/a", &client, 1 }, { 2, "/a", &client, 1 } },
	                   dirty = { 1, "/a/", &client, 1 }, many = { 1, "/", &client, 2000 };
	char name[1100];
	struct export_table *table;
	struct export_set *set;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(export_client_init(&client, "*"), 0);
	assert_int_equal(export_table_new(&table), 0);
	assert_int_equal(export_table_set(table, &volume_a, "a", &good, 1), 0);
	assert_int_equal(export_table_set(table, &volume_a, "a", twice, 2), -EINVAL);
	assert_int_equal(export_table_set(table, &volume_a, "a", same, 2), -EINVAL);
	assert_int_equal(export_table_set(table, &volume_a, "a", &dirty, 1), -EINVAL);
	assert_int_equal(export_table_set(table, &volume_a, "a", &many, 1), -EINVAL);
	assert_int_equal(export_table_set(table, &volume_a, "a/b", &good, 1), -EINVAL);
	assert_int_equal(export_table_set(table, &volume_a, name, &good, 1), -ENAMETOOLONG);
	set = export_table_get(table);
	assert_int_equal(set->n_exports, 1);
	assert_non_null(export_set_find_path(set, "/vol/a"));
	export_set_put(set);
	assert_int_equal(export_table_delete(table, &volume_a), 0);
	set = export_table_get(table);
	assert_int_equal(set->n_exports, 0);
	export_set_put(set);
	export_table_free(table);
}

static void most_specific_network_counts(void **state)
{
	struct export_peer inside = peer_of("10.1.2.3", 700), outside = peer_of("10.9.2.3", 700),
	                   stranger = peer_of("11.1.1.1", 700);
	struct export_client clients[3];
	struct export_spec spec = { 1, "/", clients, 2 };
	struct export_table *table;
	struct export_set *set;

	(void)state;
	assert_int_equal(export_client_init(&clients[0], "10.0.0.0/8"), 0);
	assert_int_equal(export_client_init(&clients[1], "10.1.0.0/16"), 0);
	assert_int_equal(export_client_set_options(&clients[1], "rw"), 0);
	assert_int_equal(export_table_new(&table), 0);
	assert_int_equal(export_table_set(table, &volume_a, "a", &spec, 1), 0);
	set = export_table_get(table);
	assert_true(export_find_client(set->exports[0], &inside)->read_write);
	assert_false(export_find_client(set->exports[0], &outside)->read_write);
	assert_null(export_find_client(set->exports[0], &stranger));
	export_set_put(set);
	export_table_free(table);
}

static void network_given_twice_may_what_both_may(void **state)
{
	struct export_peer inside = peer_of("10.1.2.3", 700);
	struct export_client clients[2];
	struct export_spec spec = { 1, "/", clients, 2 };
	struct export_table *table;

	(void)state;
	assert_int_equal(export_table_new(&table), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct export_client *found;
		struct export_set *set;

		assert_int_equal(export_client_init(&clients[i], "10.0.0.0/8"), 0);
		assert_int_equal(export_client_init(&clients[!i], "10.0.0.0/8"), 0);
		assert_int_equal(export_client_set_options(&clients[i], "rw,all_squash,secure"), 0);
		assert_int_equal(export_client_set_options(&clients[!i], "ro,no_root_squash,insecure"), 0);
		assert_int_equal(export_table_set(table, &volume_a, "a", &spec, 1), 0);
		set = export_table_get(table);
		assert_int_equal(set->exports[0]->n_clients, 1);
		found = export_find_client(set->exports[0], &inside);
		assert_true(!found->read_write && found->secure && found->squash == EXPORT_SQUASH_ALL);
		export_set_put(set);
	}
	export_table_free(table);
}

static void *look_up_all_the_time(void *arg)
{
	struct export_view view;

	export_view_init(&view, arg);
	for (unsigned i = 0; i < 20000; i++) {
		const struct export_set *set = export_view_now(&view);
		const struct export *export = export_set_find_path(set, "/vol/a");

		if (export != NULL && export->n_clients != export->id)
			return arg;
	}
	export_view_fini(&view);
	return NULL;
}

static void views_see_whole_sets_while_the_table_changes(void **state)
{
	static const char *const networks[4] = { "10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "12.0.0.0/8" };
	struct export_client clients[4];
	struct export_table *table;
	pthread_t threads[2];
	void *broken;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(export_client_init(&clients[i], networks[i]), 0);
	assert_int_equal(export_table_new(&table), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up_all_the_time, table), 0);
	for (unsigned i = 0; i < 2000; i++) {
		struct export_spec spec = { i % 4, "/", clients, i % 4 };

		assert_int_equal(export_table_set(table, &volume_a, "a", &spec, 1), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], &broken);
		assert_null(broken);
	}
	export_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_match_the_addresses_in_them),
		cmocka_unit_test(networks_that_are_none_are_refused),
		cmocka_unit_test(options_are_parsed_and_printed),
		cmocka_unit_test(options_that_are_none_change_nothing),
		cmocka_unit_test(secure_exports_want_low_ports),
		cmocka_unit_test(paths_are_cleaned),
		cmocka_unit_test(nearest_export_above_a_path_counts),
		cmocka_unit_test(bad_exports_leave_the_table_as_it_was),
		cmocka_unit_test(network_given_twice_may_what_both_may),
		cmocka_unit_test(most_specific_network_counts),
		cmocka_unit_test(views_see_whole_sets_while_the_table_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
