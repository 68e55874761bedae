/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of the labels, of the members' rows in them, and of intent records, changed under a CRC that fits: the
 * volume is refused with a clear error, or opens and never gives wrong data; and which of the two is known of each
 * field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/crc32c.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "raid/layout.h"
#include "raid/raidformat.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS 2400U
#define LOG_HALF (64U * 1024U)
#define N_DISKS 4U

static struct simraid s;
static char made[N_DISKS][32];
static unsigned n_copies;
static unsigned n_errors; /* blocks that could not be read at the last outcome */

enum outcome {
	REFUSED = 1, /* by raid_open, with an error */
	WHOLE = 2, /* all data is there */
	CLEAN_ERRORS = 4 /* some blocks give -EIO: they are not where the label says */
};
enum mutation { ZERO = 1, ONES = 2, MORE = 4, LESS = 8, LOW = 16, HIGH = 32 };

struct field {
	const char *name;
	size_t offset, size;
	unsigned mutations;
	unsigned on_all, on_one; /* outcomes allowed when the labels of all disks say so, and when one disk's do */
};
#define AT(field) #field, offsetof(struct raid_label_format, field), sizeof(((struct raid_label_format *)0)->field)
#define ROW(field)                                                                                                     \
	"members[1]." #field, offsetof(struct raid_label_format, members[1].field),                                    \
	    sizeof(((struct raid_member_format *)0)->field)
#define FIRST(field)                                                                                                   \
#field "[0]", offsetof(struct raid_label_format, field[0]), sizeof(((struct raid_label_format *)0)->field[0])

static const struct field fields[] = {
	{ FIRST(magic), ZERO | LOW | HIGH, REFUSED, WHOLE },
	{ AT(version), ZERO | MORE | HIGH, REFUSED, WHOLE | REFUSED },
	{ FIRST(disk_uuid), LOW | HIGH, REFUSED, WHOLE },
	{ AT(member_index), MORE | HIGH | ONES, REFUSED, WHOLE | REFUSED },
	{ AT(group), MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(position), MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(role), ZERO | MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(size_blocks), ZERO | LESS | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ FIRST(reserved1), LOW, WHOLE, WHOLE },
	{ FIRST(volume_uuid), LOW | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(generation), MORE | LESS | ZERO | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(membership), MORE | LESS | ZERO | HIGH, WHOLE, REFUSED | WHOLE },
	{ AT(epoch), MORE | LESS | ZERO | HIGH, WHOLE, REFUSED | WHOLE },
	{ AT(compat), LOW | HIGH, WHOLE, REFUSED | WHOLE },
	{ AT(ro_compat), LOW | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(incompat), LOW | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(flags), LOW | HIGH, WHOLE, REFUSED | WHOLE },
	{ AT(block_size), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(pointer_size), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(inode_size), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(checksum_id), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(parity_id), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(n_members), ZERO | MORE | LESS | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(n_groups), ZERO | MORE | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(n_log_copies), ZERO | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ FIRST(log_copies), HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ FIRST(log_copies), MORE, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(ring_first), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(ring_slots), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(intent_first), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(intent_slots), ZERO | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(intent_slot_blocks), ZERO | MORE | HIGH, REFUSED, REFUSED | WHOLE },
	{ AT(log_first), ZERO | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(log_half_blocks), ZERO | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(zones_first), ZERO | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ AT(lineage.n_starts), ZERO | MORE | LESS | HIGH | ONES, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(lineage.flush), ZERO | MORE | LESS | HIGH | ONES, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(lineage.starts[1].id), ZERO | MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ AT(lineage.starts[1].first_flush), ZERO | MORE | HIGH | ONES, REFUSED | WHOLE, REFUSED | WHOLE },
	{ FIRST(reserved3), LOW, WHOLE, REFUSED | WHOLE },
	{ FIRST(identity_uuid), LOW, REFUSED, REFUSED | WHOLE }, /* without its bit */
	{ "members[1].uuid", offsetof(struct raid_label_format, members[1].uuid), 1, LOW | HIGH, REFUSED | WHOLE,
	  REFUSED | WHOLE },
	{ ROW(size_blocks), ZERO | LESS | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ ROW(vbn_first), MORE | HIGH | ONES | ZERO, REFUSED | CLEAN_ERRORS, REFUSED | WHOLE },
	{ ROW(n_dbn), ZERO | MORE | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ ROW(group), MORE | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ ROW(position), MORE | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ ROW(role), ZERO | MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ ROW(state), ZERO | MORE | HIGH, REFUSED | WHOLE, REFUSED | WHOLE },
	{ ROW(rebuilt_zones), MORE | HIGH | ONES, REFUSED, REFUSED | WHOLE },
	{ ROW(flags), LOW | HIGH, WHOLE, REFUSED | WHOLE },
};

/* ---- doing it ---- */

static uint64_t mutated(uint64_t value, size_t size, enum mutation mutation)
{
	uint64_t ones = UINT64_MAX >> (64U - 8U * size);

	switch (mutation) {
	case ZERO: return 0;
	case ONES: return ones;
	case MORE: return (value + 1U) & ones;
	case LESS: return (value - 1U) & ones;
	case LOW: return value ^ 1U;
	case HIGH: return value ^ 1ULL << (8U * size - 1U);
	}
	return value;
}

/* False: it has that value already. */
static bool bytes_change(uint8_t *at, size_t size, enum mutation mutation)
{
	uint64_t value = 0, now;

	memcpy(&value, at, size);
	now = mutated(value, size, mutation);
	memcpy(at, &now, size);
	return now != value;
}

static void label_get(unsigned disk, unsigned copy, struct raid_label_format *ret_label)
{
	for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
		memdisk_peek(s.names[disk], layout_label_block(copy) + b,
		             (uint8_t *)ret_label + (size_t)b * RAID_BLOCK_SIZE);
}

static void label_put(unsigned disk, unsigned copy, struct raid_label_format *label)
{
	label->crc = le32_of(0);
	label->crc = le32_of(crc32c(label, sizeof *label));
	for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
		memdisk_poke(s.names[disk], layout_label_block(copy) + b,
		             (uint8_t *)label + (size_t)b * RAID_BLOCK_SIZE);
}

static bool label_change(unsigned disk, const struct field *field, enum mutation mutation)
{
	static struct raid_label_format label;
	bool changed = false;

	for (unsigned copy = 0; copy < 2; copy++) {
		label_get(disk, copy, &label);
		changed = bytes_change((uint8_t *)&label + field->offset, field->size, mutation) || changed;
		label_put(disk, copy, &label);
	}
	return changed;
}

static void label_copy_field(unsigned disk, size_t to, size_t from, size_t size)
{
	static struct raid_label_format label;

	for (unsigned copy = 0; copy < 2; copy++) {
		label_get(disk, copy, &label);
		memcpy((uint8_t *)&label + to, (uint8_t *)&label + from, size);
		label_put(disk, copy, &label);
	}
}

static void disks_copy(void)
{
	n_copies++;
	for (unsigned i = 0; i < N_DISKS; i++) {
		snprintf(s.names[i], sizeof s.names[i], "case%u-%u", n_copies, i);
		snprintf(s.urls[i], sizeof s.urls[i], "mem:%.31s", s.names[i]);
		assert_int_equal(memdisk_clone(made[i], s.names[i]), 0);
	}
}

static void disks_drop(void)
{
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_int_equal(disk_destroy(s.urls[i]), 0);
}

/* What the volume does; wrong data is nothing that may ever be. */
static enum outcome outcome_of(const char *what)
{
	unsigned n_wrong, n_eio = 0;
	int err = simraid_open(&s);

	if (err != 0) {
		if (err != -EUCLEAN && err != -ENOTSUP && err != -ENXIO && err != -EROFS && err != -ENOENT)
			fail_msg("%s: refused with %s", what, error_name(err));
		s.raid = NULL;
		return REFUSED;
	}
	n_wrong = simraid_check(&s, &n_eio);
	if (n_wrong != n_eio)
		fail_msg("%s: %u blocks have wrong data", what, n_wrong - n_eio);
	n_errors = n_eio;
	(void)simraid_close(&s);
	s.raid = NULL;
	return n_eio == 0 ? WHOLE : CLEAN_ERRORS;
}

static unsigned field_case(const struct field *field, enum mutation mutation, bool all, unsigned *io_n)
{
	unsigned allowed = all ? field->on_all : field->on_one, bad = 0;
	char what[96];
	bool changed = false;

	snprintf(what, sizeof what, "%s, mutation %u, %s", field->name, (unsigned)mutation,
	         all ? "all disks" : "one disk");
	disks_copy();
	for (unsigned i = all ? 0 : 1; i < (all ? N_DISKS : 2U); i++)
		changed = label_change(i, field, mutation) || changed;
	if (changed) {
		enum outcome outcome = outcome_of(what);

		bad = (outcome & allowed) == 0;
		if (bad)
			print_error("%s: outcome %u, allowed %u\n", what, (unsigned)outcome, allowed);
		++*io_n;
	}
	disks_drop();
	return bad;
}

static void volume_as_made(void)
{
	memcpy(s.names, made, sizeof made);
	for (unsigned i = 0; i < N_DISKS; i++)
		snprintf(s.urls[i], sizeof s.urls[i], "mem:%.31s", made[i]);
}

static void raid_judges_every_field_of_the_labels(void **state)
{
	unsigned n = 0, n_bad = 0;

	(void)state;
	for (unsigned f = 0; f < ARRAY_SIZE(fields); f++)
		for (unsigned m = ZERO; m <= HIGH; m <<= 1U)
			for (unsigned all = 0; (fields[f].mutations & m) != 0 && all < 2; all++)
				n_bad += field_case(&fields[f], (enum mutation)m, all != 0, &n);
	volume_as_made();
	print_message("%u labels\n", n);
	assert_int_equal(n_bad, 0);
	assert_true(n > 150);
}

/* Rows that are one disk twice; a log that is twice on one disk. */
static void raid_refuses_labels_that_name_a_disk_twice(void **state)
{
	const struct {
		size_t to, from, size;
	} copies[] = {
		{ offsetof(struct raid_label_format, members[1].uuid),
		  offsetof(struct raid_label_format, members[0].uuid), 16 },
		{ offsetof(struct raid_label_format, members[3].uuid),
		  offsetof(struct raid_label_format, members[2].uuid), 16 },
		{ offsetof(struct raid_label_format, log_copies[1]), offsetof(struct raid_label_format, log_copies[0]),
		  2 },
		{ offsetof(struct raid_label_format, members[1].vbn_first),
		  offsetof(struct raid_label_format, members[0].vbn_first), 4 },
		{ offsetof(struct raid_label_format, members[1].position),
		  offsetof(struct raid_label_format, members[0].position), 2 },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(copies); c++) {
		disks_copy();
		for (unsigned disk = 0; disk < N_DISKS; disk++)
			label_copy_field(disk, copies[c].to, copies[c].from, copies[c].size);
		assert_int_equal(outcome_of("a disk twice"), REFUSED);
		disks_drop();
	}
	volume_as_made();
}

/* ---- intents ---- */

#define N_WRITES 3U /* not flushed */
#define N_BLOCKS 40U

#define HEAD(field)                                                                                                    \
#field, offsetof(struct raid_intent_head_format, field), sizeof(((struct raid_intent_head_format *)0)->field)
#define HEAD_FIRST(field) #field "[0]", offsetof(struct raid_intent_head_format, field[0]), 1

/* A block that was being written has no entry of its own yet, with the record or without it: -EIO, never other data,
 * and no other block. (The sequence says which of two records is the newer one; a wrong one under a good CRC gives back
 * what was there before, which nothing on the disks contradicts.) */
static const struct field intent_fields[] = {
	{ HEAD_FIRST(magic), ZERO | LOW | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(version), ZERO | MORE | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD_FIRST(volume_uuid), LOW | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(epoch), ZERO | MORE | LESS | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(group), MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(n_runs), MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(n_partial), ZERO | MORE | LESS | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(n_payload), ZERO | MORE | LESS | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(flush), ZERO | MORE | LESS | HIGH | ONES, REFUSED | WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(runs[0].first_dbn), ZERO | MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ HEAD(runs[0].n), ZERO | MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
};

#define PART(field)                                                                                                    \
	"partial[0]." #field, RAID_BLOCK_SIZE + offsetof(struct raid_intent_partial_format, field),                    \
	    MIN_OF(sizeof(((struct raid_intent_partial_format *)0)->field), (size_t)8)

static const struct field partial_fields[] = {
	{ PART(dbn), ZERO | MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(mask), ZERO | MORE | LOW | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(flags), MORE | LOW | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(payload), MORE | HIGH | ONES, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(payload2), LOW, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(payload2_crc), LOW, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(entries[0]), ZERO | MORE | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(entries[2]), MORE | HIGH, WHOLE | CLEAN_ERRORS, 0 },
	{ PART(entries_xor), ZERO | MORE | HIGH, WHOLE | CLEAN_ERRORS, 0 },
};

/* The second one in the same record: what the head counts against what follows it. */
static const struct field *second;
static enum mutation second_mutation;

static bool intent_change(unsigned disk, uint64_t at, const struct field *field, enum mutation mutation)
{
	static uint8_t bytes[(1U + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK) * RAID_BLOCK_SIZE];
	struct raid_intent_head_format *head = (struct raid_intent_head_format *)(void *)bytes;
	unsigned n_partial, n_blocks;
	bool changed;

	for (unsigned b = 0; b < sizeof bytes / RAID_BLOCK_SIZE; b++)
		memdisk_peek(s.names[disk], at + b, bytes + (size_t)b * RAID_BLOCK_SIZE);
	if (memcmp(head->magic, "VCINTEN1", 8) != 0)
		return false;
	changed = bytes_change(bytes + field->offset, field->size, mutation);
	changed = (second != NULL && bytes_change(bytes + second->offset, second->size, second_mutation)) || changed;
	n_partial = MIN_OF(le16_get(head->n_partial), RAID_INTENT_MAX_PARTIAL);
	n_blocks = 1U + DIV_UP(n_partial, RAID_INTENT_PARTIAL_PER_BLOCK);
	head->crc = le32_of(0);
	head->crc = le32_of(crc32c(bytes, (size_t)n_blocks * RAID_BLOCK_SIZE));
	for (unsigned b = 0; b < sizeof bytes / RAID_BLOCK_SIZE; b++)
		memdisk_poke(s.names[disk], at + b, bytes + (size_t)b * RAID_BLOCK_SIZE);
	return changed;
}

static unsigned intent_case(const struct field *field, enum mutation mutation, unsigned *io_n)
{
	bool changed = false;
	unsigned bad = 0;
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	disks_copy();
	for (unsigned i = 0; i < N_DISKS; i++)
		for (unsigned slot = 0; slot < l.intent_slots; slot++)
			changed = intent_change(i, RAID_INTENT_FIRST + slot * RAID_INTENT_SLOT_BLOCKS, field,
			                        mutation) ||
			          changed;
	if (changed) {
		enum outcome outcome = outcome_of(field->name);

		bad = (outcome & field->on_all) == 0 || (outcome == CLEAN_ERRORS && n_errors > N_WRITES * N_BLOCKS);
		if (bad)
			print_error("intent %s, mutation %u: outcome %u, %u errors\n", field->name, (unsigned)mutation,
			            (unsigned)outcome, n_errors);
		++*io_n;
	}
	disks_drop();
	return bad;
}

static unsigned intents_run(const struct field *of, unsigned n_of, unsigned *io_n)
{
	unsigned n_bad = 0;

	for (unsigned f = 0; f < n_of; f++)
		for (unsigned m = ZERO; m <= HIGH; m <<= 1U)
			if ((of[f].mutations & m) != 0)
				n_bad += intent_case(&of[f], (enum mutation)m, io_n);
	return n_bad;
}

/* The power fails while intents are under way. */
static void raid_judges_every_field_of_an_intent(void **state)
{
	unsigned n = 0, n_bad = 0;

	(void)state;
	assert_int_equal(simraid_open(&s), 0);
	for (unsigned i = 0; i < N_WRITES; i++)
		assert_true(simraid_write_random(&s, N_BLOCKS, 3) >= 0);
	for (unsigned i = 0; i < N_DISKS; i++) {
		snprintf(made[i], sizeof made[i], "cut-%u", i);
		assert_int_equal(memdisk_clone(s.names[i], made[i]), 0);
	}
	assert_int_equal(simraid_close(&s), 0);
	s.raid = NULL;
	n_bad += intents_run(intent_fields, ARRAY_SIZE(intent_fields), &n);
	n_bad += intents_run(partial_fields, ARRAY_SIZE(partial_fields), &n);
	print_message("%u intents\n", n);
	assert_int_equal(n_bad, 0);
	assert_true(n > 40);
}

/* Counts in the head against the stripes after it: a payload that is not there, flags nobody knows. */
static void raid_judges_head_and_body_of_an_intent_together(void **state)
{
	static const struct field counts[] = {
		{ HEAD(n_payload), ZERO | LESS | MORE | ONES, 0, 0 },
		{ HEAD(n_partial), MORE | LESS | HIGH, 0, 0 },
		{ HEAD(n_runs), MORE | ONES, 0, 0 },
	};
	unsigned n = 0, n_bad = 0;

	(void)state;
	for (unsigned c = 0; c < ARRAY_SIZE(counts); c++)
		for (unsigned m = ZERO; m <= HIGH; m <<= 1U) {
			if ((counts[c].mutations & m) == 0)
				continue;
			second = &counts[c];
			second_mutation = (enum mutation)m;
			n_bad += intents_run(partial_fields, ARRAY_SIZE(partial_fields), &n);
		}
	second = NULL;
	print_message("%u intents\n", n);
	assert_int_equal(n_bad, 0);
	assert_true(n > 100);
}

/* ---- the volume ---- */

static int volume_make(void **state)
{
	const unsigned disks = N_DISKS;

	(void)state;
	assert_int_equal(page_arena_init(16384), 0);
	simraid_init(&s, 7, "f", 1, &disks, DISK_BLOCKS);
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	assert_int_equal(simraid_open(&s), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_true(simraid_write_random(&s, 300, 17) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_fsinfo_write(&s, 1, 9), 0);
	assert_int_equal(simraid_close(&s), 0);
	s.raid = NULL;
	memcpy(made, s.names, sizeof made);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	simraid_fini(&s);
	memdisk_destroy_all();
	page_arena_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raid_judges_every_field_of_the_labels),
		cmocka_unit_test(raid_refuses_labels_that_name_a_disk_twice),
		cmocka_unit_test(raid_judges_every_field_of_an_intent),
		cmocka_unit_test(raid_judges_head_and_body_of_an_intent_together),
	};

	return cmocka_run_group_tests(tests, volume_make, volume_drop);
}
