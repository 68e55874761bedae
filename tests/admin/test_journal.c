/* SPDX-License-Identifier: Apache-2.0 */
/* The latest events: in order, and not to be pushed out by peers. */
#include "admin/journal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/loglimit.h"
#include "tests/base/cmocka_all.h"

/* stderr is not what is looked at here. */
static int quiet_begin(void)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
	return saved;
}

static void quiet_end(int saved)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static unsigned count(json_t *list, const char *event)
{
	unsigned n = 0;
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		n += strcmp(json_string_value(json_object_get(entry, "event")), event) == 0;
	return n;
}

/* As many kinds as a peer can think of, as often as it likes. */
static void peers_do_not_push_out_the_servers_own_events(void **state)
{
	static const char *const kinds[] = { "a", "b", "c", "d", "e", "f", "g", "h",
		                             "i", "j", "k", "l", "m", "n", "o", "p" };
	int saved = quiet_begin();
	json_t *list;

	(void)state;
	journal_start(NULL, NULL);
	log_error("raid", "disk_failed", "disk=%s", "d1");
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		for (unsigned j = 0; j < JOURNAL_EVENTS; j++)
			log_peer_warn("iscsi", kinds[i], "n=%u", j);
	list = journal_list(0, LOG_LEVEL_INFO);
	quiet_end(saved);
	assert_int_equal(count(list, "disk_failed"), 1);
	assert_int_equal(json_array_size(list), 1 + JOURNAL_PEER_EVENTS);
	json_decref(list);
}

static void events_of_both_kinds_come_in_order_and_after_a_number(void **state)
{
	int saved = quiet_begin();
	uint64_t after = journal_last();
	json_t *list;

	(void)state;
	log_info("fs", "one", "n=%d", 1);
	log_peer_info("nfs", "two", "n=%d", 2);
	log_info("fs", "three", "n=%d", 3);
	log_peer_info("nfs", "four", "n=%d", 4);
	quiet_end(saved);
	list = journal_list(after + 1, LOG_LEVEL_INFO);
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(list, i), "number")), after + 2 + i);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "event")), "four");
	json_decref(list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_do_not_push_out_the_servers_own_events),
		cmocka_unit_test(events_of_both_kinds_come_in_order_and_after_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
