/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests: text, negotiation, sense, LUN maps and nexuses, the opcode table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include "tests/base/cmocka_all.h"

#include "base/page.h"
#include "fs/message.h"
#include "proto/iscsi/iscsi_negotiate.h"
#include "proto/scsi/scsi_nexus.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_sense.h"
#include "tests/support/ramlun.h"

/* ---- text ---- */

static void text_pairs_are_read_one_by_one(void **state)
{
	static const char bytes[] = "A=1\0\0\0Bb.c=\0X#y=a=b"; /* padding between, empty value, '=' in a value, no last
	                                                        * NUL in the length */
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;

	(void)state;
	iscsi_text_read(&reader, bytes, sizeof bytes - 1);
	assert_int_equal(iscsi_text_next(&reader, &pair), 1);
	assert_string_equal(pair.key, "A");
	assert_string_equal(pair.value, "1");
	assert_int_equal(iscsi_text_next(&reader, &pair), 1);
	assert_string_equal(pair.key, "Bb.c");
	assert_string_equal(pair.value, "");
	assert_int_equal(iscsi_text_next(&reader, &pair), 1);
	assert_string_equal(pair.value, "a=b");
	assert_int_equal(iscsi_text_next(&reader, &pair), 0);
}

static int read_one(const char *bytes, size_t len)
{
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;

	iscsi_text_read(&reader, bytes, len);
	return iscsi_text_next(&reader, &pair);
}

static void text_that_is_no_pair_is_refused(void **state)
{
	char key[66];

	(void)state;
	assert_int_equal(read_one("noequals", 8), -EINVAL);
	assert_int_equal(read_one("=value", 6), -EINVAL);
	assert_int_equal(read_one("a b=1", 5), -EINVAL);
	memset(key, 'k', sizeof key);
	key[63] = '=';
	assert_int_equal(read_one(key, 64), 1);
	key[63] = 'k';
	key[64] = '=';
	key[65] = '\0';
	assert_int_equal(read_one(key, 65), -EINVAL);
}

static void text_with_too_many_pairs_is_refused(void **state)
{
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;
	char bytes[ISCSI_TEXT_PAIRS_MAX * 4 + 5];
	unsigned n = 0;
	int more;

	(void)state;
	for (size_t i = 0; i + 4 < sizeof bytes; i += 4)
		memcpy(bytes + i, "k=v", 4);
	bytes[sizeof bytes - 1] = '\0';
	iscsi_text_read(&reader, bytes, sizeof bytes - 1);
	while ((more = iscsi_text_next(&reader, &pair)) == 1)
		n++;
	assert_int_equal(more, -EINVAL);
	assert_int_equal(n, ISCSI_TEXT_PAIRS_MAX);
}

static void text_that_does_not_fit_is_left_out_and_told(void **state)
{
	char bytes[10];
	struct iscsi_text text = { .bytes = bytes, .max_bytes = sizeof bytes };

	(void)state;
	iscsi_text_add(&text, "a", "%u", 1U);
	assert_int_equal(text.len_bytes, 4);
	iscsi_text_add(&text, "abc", "%s", "de");
	assert_true(text.overflow);
	assert_int_equal(text.len_bytes, 4);
}

/* What SendTargets says of the portal that the discovery came in by. */
static void the_portal_of_a_discovery_is_told_as_an_initiator_can_use_it(void **state)
{
	static const struct {
		const char *own, *told;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1:3260" },
		{ "2001:db8::1", "[2001:db8::1]:3260" },
		{ "::1", "[::1]:3260" },
		{ "::ffff:192.0.2.1", "192.0.2.1:3260" },
		{ "fe80::1", "" }, /* means nothing without the initiator's own interface: he knows how he came */
	};
	char text[ISCSI_ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sockaddr_storage own = { 0 };
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)&own;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&own;

		if (inet_pton(AF_INET, rows[i].own, &in->sin_addr) == 1) {
			in->sin_family = AF_INET;
			in->sin_port = htons(3260);
		} else {
			memset(&own, 0, sizeof own);
			assert_int_equal(inet_pton(AF_INET6, rows[i].own, &in6->sin6_addr), 1);
			in6->sin6_family = AF_INET6;
			in6->sin6_port = htons(3260);
		}
		iscsi_address_format(&own, text);
		assert_string_equal(text, rows[i].told);
	}
}

/* ---- negotiation ---- */

static const struct {
	const char *key, *value, *answer; /* NULL: none */
} answers[] = {
	{ "HeaderDigest", "CRC32C,None", "CRC32C" },
	{ "HeaderDigest", "None", "None" },
	{ "HeaderDigest", "MD5", "Reject" },
	{ "DataDigest", "foo,CRC32C", "CRC32C" },
	{ "MaxConnections", "8", "1" },
	{ "InitialR2T", "No", "No" },
	{ "InitialR2T", "Yes", "Yes" },
	{ "ImmediateData", "Yes", "Yes" },
	{ "ImmediateData", "No", "No" },
	{ "ImmediateData", "Maybe", "Reject" },
	{ "MaxBurstLength", "16776192", "1048576" },
	{ "MaxBurstLength", "512", "512" },
	{ "MaxBurstLength", "511", "Reject" },
	{ "MaxBurstLength", "0x1000", "4096" },
	{ "MaxBurstLength", "-1", "Reject" },
	{ "MaxBurstLength", "99999999999999999999", "Reject" },
	{ "MaxBurstLength", "", "Reject" },
	{ "MaxBurstLength", "12 ", "Reject" },
	{ "FirstBurstLength", "262144", "65536" },
	{ "MaxOutstandingR2T", "16", "1" },
	{ "ErrorRecoveryLevel", "2", "0" },
	{ "DefaultTime2Wait", "0", "2" },
	{ "DefaultTime2Retain", "20", "0" },
	{ "DataPDUInOrder", "No", "Yes" },
	{ "DataSequenceInOrder", "No", "Yes" },
	{ "IFMarker", "Yes", "No" },
	{ "OFMarker", "No", "No" },
	{ "TaskReporting", "FastAbort,RFC3720", "RFC3720" },
	{ "iSCSIProtocolLevel", "2", "1" },
	{ "MaxRecvDataSegmentLength", "65536", NULL },
	{ "MaxRecvDataSegmentLength", "100", "Reject" },
};

static void each_key_is_answered_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct iscsi_pair pair = { .value = answers[i].value };
		char bytes[256] = "", expected[256];
		struct iscsi_text text = { .bytes = bytes, .max_bytes = sizeof bytes };
		struct iscsi_params params;

		iscsi_params_init(&params);
		snprintf(pair.key, sizeof pair.key, "%s", answers[i].key);
		snprintf(expected, sizeof expected, "%s=%s", answers[i].key,
		         answers[i].answer == NULL ? "" : answers[i].answer);
		assert_int_equal(iscsi_negotiate(&params, PHASE_LOGIN, &pair, &text), 0);
		assert_string_equal(bytes, answers[i].answer == NULL ? "" : expected);
	}
}

static void a_key_negotiated_twice_is_an_error(void **state)
{
	struct iscsi_pair pair = { .key = "ImmediateData", .value = "Yes" };
	char bytes[256];
	struct iscsi_text text = { .bytes = bytes, .max_bytes = sizeof bytes };
	struct iscsi_params params;

	(void)state;
	iscsi_params_init(&params);
	assert_int_equal(iscsi_negotiate(&params, PHASE_LOGIN, &pair, &text), 0);
	assert_int_equal(iscsi_negotiate(&params, PHASE_LOGIN, &pair, &text), -EEXIST);
	snprintf(pair.key, sizeof(pair.key), "Nonsense");
	assert_int_equal(iscsi_negotiate(&params, PHASE_LOGIN, &pair, &text), -ENOENT);
}

static void defaults_are_those_of_the_rfc(void **state)
{
	struct iscsi_params params;

	(void)state;
	iscsi_params_init(&params);
	assert_int_equal(params.peer_max_recv, 8192);
	assert_int_equal(params.max_burst, 262144);
	assert_int_equal(params.first_burst, 65536);
	assert_int_equal(params.initial_r2t, 1);
	assert_int_equal(params.immediate_data, 1);
	assert_int_equal(params.header_digest, 0);
}

/* ---- scsi ---- */

static void sense_is_eighteen_bytes_of_fixed_format(void **state)
{
	uint8_t sense[18];

	(void)state;
	memset(sense, 0xEE, sizeof sense);
	scsi_sense_encode(sense, SCSI_MEDIUM_ERROR, ASC_UNRECOVERED_READ);
	assert_int_equal(sense[0], 0x70);
	assert_int_equal(sense[2], 3);
	assert_int_equal(sense[7], 10);
	assert_int_equal(sense[12], 0x11);
	assert_int_equal(sense[17], 0);
}

static void errors_become_the_right_sense(void **state)
{
	(void)state;
	assert_int_equal(scsi_error_of(-EIO, false).asc, ASC_UNRECOVERED_READ);
	assert_int_equal(scsi_error_of(-EIO, true).asc, ASC_WRITE_ERROR);
	assert_int_equal(scsi_error_of(-ENOSPC, true).key, SCSI_DATA_PROTECT);
	assert_int_equal(scsi_error_of(-FS_EJUKEBOX, true).status, SCSI_BUSY);
	assert_int_equal(scsi_error_of(-ENODEV, true).asc, ASC_BECOMING_READY);
	assert_int_equal(scsi_error_of(-ENODEV, false).key, SCSI_NOT_READY);
	assert_int_equal(scsi_error_of(-12345, true).key, SCSI_HARDWARE_ERROR);
}

static void extents_are_read_from_every_cdb_length(void **state)
{
	static const uint8_t six[16] = { OP_READ_6, 0xFF, 0x02, 0x03, 0 },
	                     ten[16] = { OP_READ_10, 0, 1, 2, 3, 4, 0, 5, 6 },
	                     twelve[16] = { OP_READ_12, 0, 1, 2, 3, 4, 5, 6, 7, 8 },
	                     sixteen[16] = { OP_READ_16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

	(void)state;
	assert_int_equal(scsi_opcode_extent(six).lba, 0x1F0203);
	assert_int_equal(scsi_opcode_extent(six).blocks, 256);
	assert_int_equal(scsi_opcode_extent(ten).lba, 0x01020304);
	assert_int_equal(scsi_opcode_extent(ten).blocks, 0x0506);
	assert_int_equal(scsi_opcode_extent(twelve).blocks, 0x05060708);
	assert_int_equal(scsi_opcode_extent(sixteen).lba, 0x0102030405060708);
	assert_int_equal(scsi_opcode_extent(sixteen).blocks, 0x090A0B0C);
}

static void lun_numbers_survive_the_wire(void **state)
{
	uint8_t lun[8];
	uint32_t back;

	(void)state;
	for (uint32_t n = 0; n <= LUNMAP_LUN_MAX; n++) {
		scsi_lun_encode(lun, n);
		assert_int_equal(scsi_lun_decode(lun, &back), 0);
		assert_int_equal(back, n);
	}
	lun[7] = 1;
	assert_int_equal(scsi_lun_decode(lun, &back), -EINVAL);
	memset(lun, 0, sizeof lun);
	lun[0] = 0xC1; /* a well known logical unit */
	assert_int_equal(scsi_lun_decode(lun, &back), -EINVAL);
}

static void patterns_match_whole_names_without_case(void **state)
{
	(void)state;
	assert_true(lunmap_pattern_matches("*", "iqn.x"));
	assert_true(lunmap_pattern_matches("iqn.*:host*", "IQN.2026:Host7"));
	assert_false(lunmap_pattern_matches("iqn.*:host", "iqn.2026:host7"));
	assert_true(lunmap_pattern_matches("a*b*c", "aXbXbXc"));
	assert_false(lunmap_pattern_matches("a*b*c", "aXbXbX"));
	assert_true(lunmap_pattern_matches("", ""));
	assert_false(lunmap_pattern_matches("", "a"));
}

struct maps_fixture {
	struct lunmap *map;
	struct lunmap_entry entries[3];
	struct scsi_nexus nexus;
};

static int maps_setup(void **state)
{
	struct maps_fixture *f = calloc(1, sizeof *f);

	if (f == NULL || page_arena_init(64) != 0 || lunmap_new(&f->map) != 0)
		return -1;
	for (uint32_t i = 0; i < 3; i++)
		f->entries[i] = ramlun_add(i, 1U << 20);
	f->entries[1].initiator = "iqn.b*";
	*state = f;
	return lunmap_replace(f->map, ramlun_volume(), f->entries, 3);
}

static int maps_teardown(void **state)
{
	struct maps_fixture *f = *state;

	scsi_nexus_fini(&f->nexus);
	lunmap_free(f->map);
	ramlun_clear();
	page_arena_fini();
	free(f);
	return 0;
}

static void an_initiator_sees_its_own_luns_only(void **state)
{
	struct maps_fixture *f = *state;
	struct lunmap_view *view;

	assert_int_equal(lunmap_view_new(f->map, "iqn.a", &view), 0);
	assert_int_equal(view->n, 2);
	assert_int_equal(view->luns[1].lun, 2);
	lunmap_view_free(view);
	assert_int_equal(lunmap_view_new(f->map, "iqn.b7", &view), 0);
	assert_int_equal(view->n, 3);
	lunmap_view_free(view);
}

static void a_lun_number_given_twice_stays_with_the_first(void **state)
{
	struct maps_fixture *f = *state;
	struct lunmap_view *view;

	f->entries[2].lun = 0;
	assert_int_equal(lunmap_replace(f->map, ramlun_volume(), f->entries, 3), 0);
	assert_int_equal(lunmap_view_new(f->map, "iqn.a", &view), 0);
	assert_int_equal(view->n, 1);
	assert_string_equal(view->luns[0].lu->serial, f->entries[0].serial);
	lunmap_view_free(view);
}

static void power_on_is_told_once_and_changes_after_it(void **state)
{
	struct maps_fixture *f = *state;
	uint8_t lun[8] = { 0 };
	struct scsi_nexus_lun *l;

	assert_int_equal(scsi_nexus_init(&f->nexus, NULL, f->map, "iqn.a", "port"), 0);
	l = scsi_nexus_find(&f->nexus, lun);
	assert_non_null(l);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_POWER_ON);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE);
	f->entries[0].size_bytes = 512U << 10;
	assert_int_equal(lunmap_replace(f->map, ramlun_volume(), f->entries, 3), 0);
	scsi_nexus_refresh(&f->nexus);
	assert_ptr_equal(scsi_nexus_find(&f->nexus, lun), l); /* the unit is the same one */
	assert_int_equal(scsi_nexus_take_attention(l), ASC_CAPACITY_CHANGED);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE);
	assert_int_equal(lunmap_replace(f->map, ramlun_volume(), f->entries, 1), 0);
	scsi_nexus_refresh(&f->nexus);
	assert_int_equal(scsi_nexus_take_attention(scsi_nexus_find(&f->nexus, lun)), ASC_REPORTED_LUNS_CHANGED);
	lun[1] = 2;
	assert_null(scsi_nexus_find(&f->nexus, lun));
}

/* The maps of the three units are these numbers from now on; -1: not mapped. */
static void map_at(struct maps_fixture *f, int first, int second, int third)
{
	const int numbers[3] = { first, second, third };
	struct lunmap_entry entries[3];
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++) {
		if (numbers[i] < 0)
			continue;
		entries[n] = f->entries[i];
		entries[n].initiator = "*";
		entries[n++].lun = (uint32_t)numbers[i];
	}
	assert_int_equal(lunmap_replace(f->map, ramlun_volume(), entries, n), 0);
	scsi_nexus_refresh(&f->nexus);
}

/* The serial number of the unit under a number; NULL: none. */
static const char *at(struct maps_fixture *f, uint32_t number)
{
	struct scsi_nexus_lun *found;
	uint8_t lun[8];

	scsi_lun_encode(lun, number);
	found = scsi_nexus_find(&f->nexus, lun);
	return found == NULL ? NULL : found->lu->serial;
}

static void a_number_that_was_another_units_is_withheld_until_luns_are_reported(void **state)
{
	struct maps_fixture *f = *state;
	struct scsi_nexus_lun *l;
	uint8_t lun[8] = { 0, 3 };

	assert_int_equal(scsi_nexus_init(&f->nexus, NULL, f->map, "iqn.a", "port"), 0);
	map_at(f, 3, -1, 2);
	assert_string_equal(at(f, 3), f->entries[0].serial); /* nothing was there before */
	map_at(f, -1, -1, 2);
	assert_null(at(f, 3));
	map_at(f, -1, 3, 2);
	assert_null(at(f, 3));
	assert_string_equal(at(f, 2), f->entries[2].serial);
	map_at(f, 2, 3, -1); /* swapped at once */
	assert_null(at(f, 2));
	assert_null(at(f, 3));
	map_at(f, 3, -1, 2); /* who was there may come back */
	assert_string_equal(at(f, 3), f->entries[0].serial);
	assert_string_equal(at(f, 2), f->entries[2].serial);
	map_at(f, 2, 3, -1);
	assert_null(at(f, 2));
	scsi_nexus_luns_reported(&f->nexus, 1); /* of two: there was no room for more */
	assert_string_equal(at(f, 2), f->entries[0].serial);
	assert_null(at(f, 3));
	scsi_nexus_luns_reported(&f->nexus, 2);
	assert_string_equal(at(f, 3), f->entries[1].serial);
	l = scsi_nexus_find(&f->nexus, lun);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_POWER_ON);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE); /* told by REPORT LUNS */
	map_at(f, 3, -1, -1);
	assert_null(at(f, 3)); /* and so on */
}

static void a_new_unit_tells_that_luns_have_changed_after_power_on(void **state)
{
	struct maps_fixture *f = *state;
	struct scsi_nexus_lun *l;
	uint8_t lun[8] = { 0, 3 };

	assert_int_equal(scsi_nexus_init(&f->nexus, NULL, f->map, "iqn.a", "port"), 0);
	map_at(f, 0, 3, -1);
	l = scsi_nexus_find(&f->nexus, lun);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_POWER_ON);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_REPORTED_LUNS_CHANGED);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE);
}

static void only_thin_luns_are_warned_of_a_full_volume(void **state)
{
	struct maps_fixture *f = *state;
	uint8_t lun[8] = { 0 };
	struct scsi_nexus_lun *l;

	assert_int_equal(scsi_nexus_init(&f->nexus, NULL, f->map, "iqn.a", "port"), 0);
	l = scsi_nexus_find(&f->nexus, lun);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_POWER_ON);
	ramlun_space_warn();
	assert_int_equal(scsi_nexus_take_attention(l), ASC_SOFT_THRESHOLD_REACHED);
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE);
	f->entries[0].reserved = true;
	assert_int_equal(lunmap_replace(f->map, ramlun_volume(), f->entries, 3), 0);
	scsi_nexus_refresh(&f->nexus);
	assert_ptr_equal(scsi_nexus_find(&f->nexus, lun), l);
	ramlun_space_warn();
	assert_int_equal(scsi_nexus_take_attention(l), ASC_NONE);
}

static void a_flush_tells_of_lost_writes_once(void **state)
{
	struct maps_fixture *f = *state;
	struct lunmap_view *view;
	struct scsi_lu *lu;

	assert_int_equal(lunmap_view_new(f->map, "iqn.a", &view), 0);
	lu = view->luns[0].lu;
	assert_true(scsi_lu_flushed(lu, 1));
	scsi_lu_written(lu, 1);
	assert_true(scsi_lu_flushed(lu, 1));
	assert_false(scsi_lu_flushed(lu, 2));
	assert_true(scsi_lu_flushed(lu, 2));
	lunmap_view_free(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_pairs_are_read_one_by_one),
		cmocka_unit_test(text_that_is_no_pair_is_refused),
		cmocka_unit_test(text_with_too_many_pairs_is_refused),
		cmocka_unit_test(text_that_does_not_fit_is_left_out_and_told),
		cmocka_unit_test(the_portal_of_a_discovery_is_told_as_an_initiator_can_use_it),
		cmocka_unit_test(each_key_is_answered_as_the_table_says),
		cmocka_unit_test(a_key_negotiated_twice_is_an_error),
		cmocka_unit_test(defaults_are_those_of_the_rfc),
		cmocka_unit_test(sense_is_eighteen_bytes_of_fixed_format),
		cmocka_unit_test(errors_become_the_right_sense),
		cmocka_unit_test(extents_are_read_from_every_cdb_length),
		cmocka_unit_test(lun_numbers_survive_the_wire),
		cmocka_unit_test(patterns_match_whole_names_without_case),
		cmocka_unit_test_setup_teardown(an_initiator_sees_its_own_luns_only, maps_setup, maps_teardown),
		cmocka_unit_test_setup_teardown(a_lun_number_given_twice_stays_with_the_first, maps_setup,
		                                maps_teardown),
		cmocka_unit_test_setup_teardown(power_on_is_told_once_and_changes_after_it, maps_setup, maps_teardown),
		cmocka_unit_test_setup_teardown(a_number_that_was_another_units_is_withheld_until_luns_are_reported,
		                                maps_setup, maps_teardown),
		cmocka_unit_test_setup_teardown(a_new_unit_tells_that_luns_have_changed_after_power_on, maps_setup,
		                                maps_teardown),
		cmocka_unit_test_setup_teardown(only_thin_luns_are_warned_of_a_full_volume, maps_setup, maps_teardown),
		cmocka_unit_test_setup_teardown(a_flush_tells_of_lost_writes_once, maps_setup, maps_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
