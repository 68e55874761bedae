/* SPDX-License-Identifier: Apache-2.0 */
/* The RAID layer on healthy and on damaged disks, without crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "raid/layout.h"
#include "raid/raidformat.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS 2400U /* about 7 zones after a small log */
#define LOG_HALF (64U * 1024U)

static struct simraid s;

static void make(unsigned n_groups, const unsigned *disks)
{
	simraid_init(&s, 7, "b", n_groups, disks, DISK_BLOCKS);
	simraid_start(&s, LOG_HALF);
}

/* Also after a failed assertion. */
static int tidy(void **state)
{
	(void)state;
	simraid_end(&s);
	return 0;
}

static void make_one(unsigned disks)
{
	make(1, &disks);
}

static uint64_t block_of(uint32_t dbn)
{
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	return layout_data_block(&l, dbn);
}

static uint64_t checksum_block_of(uint32_t dbn)
{
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	return layout_checksum_block(&l, layout_zone(dbn));
}

static struct raid_status status(void)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return st;
}

static void write_everything(void)
{
	uint32_t *vbns = test_malloc(s.vbn_end * sizeof *vbns);

	for (uint32_t v = 1; v < s.vbn_end; v++)
		vbns[v - 1] = v;
	for (uint32_t at = 0; at < s.vbn_end - 1; at += 1500)
		assert_int_equal(simraid_write(&s, vbns + at, s.vbn_end - 1 - at < 1500 ? s.vbn_end - 1 - at : 1500),
		                 0);
	test_free(vbns);
}

static void random_patterns(void)
{
	static const unsigned runs[] = { 1, 3, 17, 300 };

	for (unsigned round = 0; round < 12; round++) {
		assert_true(simraid_write_random(&s, 1 + (unsigned)(sim_random(s.sim) % 700), runs[round % 4]) >= 0);
		if (round % 3 == 0)
			assert_int_equal(simraid_flush(&s), 0);
	}
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_false(status().degraded);
}

static void raid_reads_what_was_written_on_1_plus_1(void **state)
{
	(void)state;
	make_one(2);
	random_patterns();
	simraid_end(&s);
}

static void raid_reads_what_was_written_on_3_plus_1(void **state)
{
	(void)state;
	make_one(4);
	random_patterns();
	simraid_end(&s);
}

static void raid_reads_what_was_written_on_14_plus_1(void **state)
{
	(void)state;
	make_one(15);
	random_patterns();
	simraid_end(&s);
}

static void raid_reads_what_was_written_on_two_groups(void **state)
{
	static const unsigned groups[] = { 4, 3 };

	(void)state;
	make(2, groups);
	random_patterns();
	simraid_end(&s);
}

static void raid_format_refuses_disks_that_have_a_label(void **state)
{
	(void)state;
	make_one(3);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_format(&s, LOG_HALF), -EEXIST);
	simraid_end(&s);
}

static void fill_disks(uint8_t byte)
{
	uint8_t bytes[RAID_BLOCK_SIZE];

	memset(bytes, byte, sizeof bytes);
	for (unsigned i = 0; i < s.n_disks; i++)
		for (uint64_t b = 0; b < DISK_BLOCKS; b++)
			memdisk_poke(s.names[i], b, bytes);
}

static void format_over_old_bytes(bool discards)
{
	unsigned disks = 4;

	simraid_init(&s, 9, "b", 1, &disks, DISK_BLOCKS);
	fill_disks(0xA5);
	for (unsigned i = 0; i < s.n_disks && !discards; i++)
		memdisk_refuse_discard(s.names[i]);
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_true(simraid_write_random(&s, 700, 3) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	memdisk_lose(s.names[1]);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

static void raid_format_discards_what_the_disks_held(void **state)
{
	(void)state;
	format_over_old_bytes(true);
}

static void raid_format_overwrites_disks_that_cannot_discard(void **state)
{
	(void)state;
	format_over_old_bytes(false);
}

/* ---- read-only, and bits of later versions ----------------------------------------------------------------------- */

static uint8_t *disks_copy(void)
{
	uint8_t *bytes = test_malloc((size_t)s.n_disks * DISK_BLOCKS * RAID_BLOCK_SIZE);

	for (unsigned i = 0; i < s.n_disks; i++)
		for (uint64_t b = 0; b < DISK_BLOCKS; b++)
			memdisk_peek(s.names[i], b, bytes + ((size_t)i * DISK_BLOCKS + b) * RAID_BLOCK_SIZE);
	return bytes;
}

static void assert_disks_are(uint8_t *bytes)
{
	uint8_t now[RAID_BLOCK_SIZE];

	for (unsigned i = 0; i < s.n_disks; i++)
		for (uint64_t b = 0; b < DISK_BLOCKS; b++) {
			memdisk_peek(s.names[i], b, now);
			assert_memory_equal(now, bytes + ((size_t)i * DISK_BLOCKS + b) * RAID_BLOCK_SIZE,
			                    RAID_BLOCK_SIZE);
		}
	test_free(bytes);
}

static void raid_opened_read_only_changes_no_byte(void **state)
{
	uint8_t *before;

	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_fsinfo_write(&s, 1, 0x77), 0);
	assert_int_equal(simraid_close(&s), 0);
	memdisk_flip_bit(s.names[0], block_of(20), 100); /* to be read through parity, not to be repaired */
	memdisk_flip_bit(s.names[2], checksum_block_of(0), 16 * 8 * 60);
	before = disks_copy();
	assert_int_equal(simraid_open_read_only(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	(void)simraid_verify(&s);
	sim_run_for(s.sim, 10000000000ULL);
	memdisk_fail_reads(s.names[3], block_of(40), 1);
	assert_int_equal(simraid_check(&s, NULL), 0);
	memdisk_lose(s.names[1]);
	assert_int_equal(simraid_read(&s, 1, s.versions[1]), 0);
	sim_run_for(s.sim, 10000000000ULL);
	assert_true(status().degraded);
	assert_int_equal(simraid_close(&s), 0);
	assert_disks_are(before);
	simraid_end(&s);
}

static void raid_refuses_read_only_what_a_crash_left_unsettled(void **state)
{
	char name[64];
	uint8_t *before;

	(void)state;
	make_one(4);
	assert_true(simraid_write_random(&s, 300, 1) >= 0); /* intents are durable, nothing settles them */
	for (unsigned i = 0; i < s.n_disks; i++) {
		(void)snprintf(name, sizeof name, "c-%u", i);
		assert_int_equal(memdisk_crash_clone(s.names[i], name, 5 + i), 0);
	}
	(void)simraid_close(&s);
	for (unsigned i = 0; i < s.n_disks; i++) {
		(void)snprintf(s.names[i], sizeof s.names[i], "c-%u", i);
		(void)snprintf(s.urls[i], sizeof s.urls[i], "mem:c-%u", i);
	}
	before = disks_copy();
	assert_int_equal(simraid_open_read_only(&s), -EROFS);
	assert_disks_are(before);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open_read_only(&s), 0);
	simraid_end(&s);
}

/* A later version has set bits in both copies of all labels. */
static void labels_set(uint64_t compat, uint64_t ro_compat)
{
	static struct raid_label_format label;

	for (unsigned i = 0; i < s.n_disks; i++)
		for (unsigned copy = 0; copy < 2; copy++) {
			for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
				memdisk_peek(s.names[i], layout_label_block(copy) + b,
				             (uint8_t *)&label + (size_t)b * RAID_BLOCK_SIZE);
			label.compat = le64_of(compat);
			label.ro_compat = le64_of(ro_compat);
			label.crc = le32_of(0);
			label.crc = le32_of(crc32c(&label, sizeof label));
			for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
				memdisk_poke(s.names[i], layout_label_block(copy) + b,
				             (uint8_t *)&label + (size_t)b * RAID_BLOCK_SIZE);
		}
}

static void raid_keeps_compatible_bits_it_does_not_know(void **state)
{
	uint8_t bytes[RAID_BLOCK_SIZE];
	struct raid_label_format *label = (void *)bytes;

	(void)state;
	make_one(3);
	assert_int_equal(simraid_close(&s), 0);
	labels_set(0x8000000000000001ULL, 0);
	for (unsigned round = 0; round < 2; round++) { /* both copies are written again */
		assert_int_equal(simraid_open(&s), 0);
		assert_int_equal(simraid_close(&s), 0);
	}
	for (unsigned copy = 0; copy < 2; copy++) {
		memdisk_peek(s.names[1], layout_label_block(copy), bytes);
		assert_true(le64_get(label->generation) > 2);
		assert_true(le64_get(label->compat) == 0x8000000000000001ULL);
	}
	simraid_end(&s);
}

static void raid_only_reads_a_volume_with_read_only_bits_it_does_not_know(void **state)
{
	uint8_t *before;

	(void)state;
	make_one(3);
	assert_true(simraid_write_random(&s, 100, 2) >= 0);
	assert_int_equal(simraid_close(&s), 0);
	labels_set(0, 4);
	before = disks_copy();
	assert_int_equal(simraid_open(&s), -EROFS);
	assert_int_equal(simraid_open_read_only(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_close(&s), 0);
	assert_disks_are(before);
	simraid_end(&s);
}

static void raid_open_says_what_is_wrong(void **state)
{
	(void)state;
	unsigned disks = 3;

	simraid_init(&s, 1, "b", 1, &disks, DISK_BLOCKS);
	assert_int_equal(simraid_open(&s), -ENOENT);
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	s.names[0][0] = s.names[1][0] = '\0';
	assert_int_equal(simraid_open(&s), -ENXIO);
	simraid_end(&s);
}

static void raid_never_returns_another_blocks_bytes(void **state)
{
	uint32_t vbns[2] = { 10, 11 };
	struct raid_ident wrong;

	(void)state;
	make_one(4);
	assert_int_equal(simraid_write(&s, vbns, 2), 0);
	assert_int_equal(simraid_read(&s, 10, 1), 0);
	wrong = simraid_ident(10, 1);
	assert_int_equal(wrong.fbn, 10);
	assert_int_equal(simraid_read(&s, 12, 1), -EIO); /* never written: identity zero */
	simraid_end(&s);
}

static void raid_repairs_bit_rot_in_data_and_in_checksums(void **state)
{
	unsigned n_eio;

	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_close(&s), 0);
	for (unsigned i = 0; i < 60; i++) {
		memdisk_flip_bit(s.names[i % 4], block_of(i * 7), i * 97);
		memdisk_flip_bit(s.names[i % 3], checksum_block_of(600), (64 + i) * 128 + i);
	}
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_check(&s, &n_eio), 0);
	assert_true(status().n_reconstructed >= 104);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_check(&s, &n_eio), 0);
	assert_int_equal(status().n_reconstructed, 0); /* repaired on the disks, not only in what was returned */
	simraid_end(&s);
}

static void raid_repairs_lost_and_misdirected_writes(void **state)
{
	uint32_t vbns[] = { 20, 21, 22, 900 };

	(void)state;
	make_one(4);
	memdisk_drop_write(s.names[0], block_of(21));
	memdisk_misdirect_write(s.names[0], block_of(22), block_of(30));
	assert_int_equal(simraid_write(&s, vbns, 4), 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(status().n_reconstructed, 2);
	simraid_end(&s);
}

static void raid_survives_one_bad_block_per_stripe(void **state)
{
	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_flush(&s), 0);
	for (uint32_t dbn = 0; dbn < 500; dbn++)
		memdisk_fail_reads(s.names[dbn % 3], block_of(dbn), 1000);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_false(status().degraded);
	assert_int_equal(simraid_verify(&s), 0);
	simraid_end(&s);
}

static void raid_rebuilds_an_unreadable_checksum_block(void **state)
{
	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_close(&s), 0);
	memdisk_fail_reads(s.names[1], checksum_block_of(0), 1000);
	memdisk_fail_reads(s.names[3], checksum_block_of(300), 1000);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	simraid_end(&s);
}

static void degraded_life(unsigned lost)
{
	make_one(4);
	write_everything();
	memdisk_lose(s.names[lost]);
	for (unsigned round = 0; round < 8; round++)
		assert_true(simraid_write_random(&s, 200, round % 2 == 0 ? 1 : 40) >= 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_true(status().degraded);
	assert_false(status().failed);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_true(status().degraded);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_true(simraid_write_random(&s, 500, 20) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
	simraid_end(&s);
}

static void raid_lives_on_without_a_data_disk(void **state)
{
	(void)state;
	degraded_life(0);
	degraded_life(2);
}

static void raid_lives_on_without_the_parity_disk(void **state)
{
	(void)state;
	degraded_life(3);
}

static void raid_returns_eio_when_two_disks_are_missing(void **state)
{
	unsigned eio, bad;

	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_flush(&s), 0);
	memdisk_lose(s.names[0]);
	memdisk_lose(s.names[1]);
	bad = simraid_check(&s, &eio);
	assert_int_equal(bad, eio); /* errors, never wrong data */
	assert_true(eio > s.vbn_end / 2);
	assert_true(status().failed);
	assert_int_equal(simraid_write_random(&s, 10, 1), -EIO);
	assert_int_equal(simraid_flush(&s), -EIO);
	assert_int_equal(simraid_fsinfo_write(&s, 5, 1), -EIO);
	simraid_end(&s);
}

static void raid_fails_a_disk_whose_flush_failed(void **state)
{
	(void)state;
	make_one(4);
	write_everything();
	memdisk_fail_flush(s.names[2], 1);
	assert_int_equal(simraid_flush(&s), 0);
	assert_true(status().degraded);
	assert_int_equal(status().disks[2].state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_close(&s), 0);
	/* the disk is there and answers, but the labels of the others say it failed */
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(status().disks[2].state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

static void raid_does_not_believe_a_disk_that_missed_writes(void **state)
{
	unsigned disks = 3;

	(void)state;
	make(1, &disks);
	write_everything();
	assert_int_equal(simraid_close(&s), 0);
	s.names[1][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	assert_true(simraid_write_random(&s, 300, 10) >= 0);
	assert_int_equal(simraid_close(&s), 0);
	s.names[1][0] = 'b'; /* back again */
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(status().disks[1].state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

static void raid_refuses_halves_that_lived_apart(void **state)
{
	unsigned disks = 2;

	(void)state;
	make(1, &disks);
	assert_int_equal(simraid_close(&s), 0);
	s.names[0][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	s.names[0][0] = 'b';
	s.names[1][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	s.names[1][0] = 'b';
	assert_int_equal(simraid_open(&s), -EUCLEAN);
	simraid_end(&s);
}

static void raid_notices_a_disk_overwritten_with_zeros(void **state)
{
	(void)state;
	make_one(4);
	write_everything();
	assert_int_equal(simraid_flush(&s), 0);
	memdisk_zero(s.names[1]);
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(status().disks[1].state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_true(simraid_write_random(&s, 300, 3) >= 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

static void raid_writes_over_a_zeroed_disk_before_noticing_without_loss(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 4; lost++) {
		make_one(4);
		write_everything();
		assert_int_equal(simraid_close(&s), 0);
		assert_int_equal(simraid_open(&s), 0); /* nothing cached */
		memdisk_zero(s.names[lost]);
		assert_true(simraid_write_random(&s, 200, 1) >= 0);
		assert_int_equal(simraid_check(&s, NULL), 0);
		assert_true(status().degraded);
		simraid_end(&s);
	}
}

static void raid_survives_torn_label_of_either_copy(void **state)
{
	uint8_t junk[4096];

	(void)state;
	memset(junk, 0x5A, sizeof junk);
	make_one(4);
	write_everything();
	assert_int_equal(simraid_close(&s), 0);
	for (unsigned i = 0; i < 4; i++)
		memdisk_poke(s.names[i], i % 2 == 0 ? RAID_LABEL_A_BLOCK + i / 2 : RAID_LABEL_B_BLOCK + 1, junk);
	assert_int_equal(simraid_open(&s), 0);
	assert_false(status().degraded);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

static void fsinfo_ring_gives_the_newest(void **state)
{
	uint8_t body[RAID_FSINFO_BODY];
	uint64_t generation;

	(void)state;
	make_one(4);
	assert_int_equal(raid_fsinfo_read(s.raid, &generation, body), -ENOENT);
	for (uint64_t g = 1; g <= 20; g++) {
		assert_int_equal(simraid_fsinfo_write(&s, g * 3, (uint8_t)g), 0);
		if (g % 4 == 0) {
			assert_int_equal(simraid_close(&s), 0);
			assert_int_equal(simraid_open(&s), 0);
		}
		assert_int_equal(raid_fsinfo_read(s.raid, &generation, body), 0);
		assert_int_equal(generation, g * 3);
		assert_int_equal(body[0], (uint8_t)g);
		assert_int_equal(body[RAID_FSINFO_BODY - 1], (uint8_t)g);
	}
	simraid_end(&s);
}

static void log_is_kept_on_two_disks_and_moves_when_one_fails(void **state)
{
	uint8_t fill;

	(void)state;
	make_one(4);
	assert_int_equal(raid_log_copies(s.raid), 2);
	assert_int_equal(simraid_log_write(&s, 0, 0, 3, 0x11), 0);
	assert_int_equal(simraid_log_write(&s, 1, 5, 2, 0x22), 0);
	memdisk_lose(s.names[0]);
	assert_int_equal(simraid_log_write(&s, 0, 3, 1, 0x33), 0);
	assert_int_equal(raid_log_copies(s.raid), 2);
	for (unsigned copy = 0; copy < 2; copy++) {
		assert_int_equal(simraid_log_read(&s, copy, 0, 0, 3, &fill), 0);
		assert_int_equal(fill, 0x11);
		assert_int_equal(simraid_log_read(&s, copy, 1, 5, 2, &fill), 0);
		assert_int_equal(fill, 0x22);
		assert_int_equal(simraid_log_read(&s, copy, 0, 3, 1, &fill), 0);
		assert_int_equal(fill, 0x33);
	}
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(raid_log_copies(s.raid), 2);
	assert_int_equal(simraid_log_read(&s, 1, 0, 3, 1, &fill), 0);
	assert_int_equal(fill, 0x33);
	simraid_end(&s);
}

static void log_goes_on_with_one_copy_when_no_disk_is_left(void **state)
{
	uint8_t fill;

	(void)state;
	make_one(2);
	memdisk_lose(s.names[1]);
	assert_int_equal(simraid_log_write(&s, 0, 0, 1, 0x44), 0);
	assert_int_equal(raid_log_copies(s.raid), 1);
	assert_int_equal(simraid_log_read(&s, 0, 0, 0, 1, &fill), 0);
	assert_int_equal(fill, 0x44);
	memdisk_lose(s.names[0]);
	assert_int_equal(simraid_log_write(&s, 0, 1, 1, 0x55), -EIO);
	simraid_end(&s);
}

static void raid_flushes_by_itself_when_intents_run_out(void **state)
{
	(void)state;
	make_one(4);
	/* thousands of scattered partial stripes: many times the intent region */
	for (unsigned i = 0; i < 6; i++)
		assert_true(simraid_write_random(&s, 1500, 1) >= 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	simraid_end(&s);
}

static void raid_works_when_pages_are_short(void **state)
{
	struct page *hog[20000];
	unsigned n = 0;

	(void)state;
	make_one(4);
	write_everything();
	while (n < 20000 && page_arena_used() + 300 < page_arena_max() && (hog[n] = page_alloc()) != NULL)
		n++;
	assert_true(simraid_write_random(&s, 200, 1) >= 0);
	memdisk_lose(s.names[1]);
	while (n < 20000 && page_arena_used() + 70 < page_arena_max() && (hog[n] = page_alloc()) != NULL)
		n++;
	assert_int_equal(simraid_check(&s, NULL), 0);
	page_put_many(hog, n);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(raid_reads_what_was_written_on_1_plus_1, tidy),
		cmocka_unit_test_teardown(raid_reads_what_was_written_on_3_plus_1, tidy),
		cmocka_unit_test_teardown(raid_reads_what_was_written_on_14_plus_1, tidy),
		cmocka_unit_test_teardown(raid_reads_what_was_written_on_two_groups, tidy),
		cmocka_unit_test_teardown(raid_format_refuses_disks_that_have_a_label, tidy),
		cmocka_unit_test_teardown(raid_format_discards_what_the_disks_held, tidy),
		cmocka_unit_test_teardown(raid_format_overwrites_disks_that_cannot_discard, tidy),
		cmocka_unit_test_teardown(raid_opened_read_only_changes_no_byte, tidy),
		cmocka_unit_test_teardown(raid_refuses_read_only_what_a_crash_left_unsettled, tidy),
		cmocka_unit_test_teardown(raid_keeps_compatible_bits_it_does_not_know, tidy),
		cmocka_unit_test_teardown(raid_only_reads_a_volume_with_read_only_bits_it_does_not_know, tidy),
		cmocka_unit_test_teardown(raid_open_says_what_is_wrong, tidy),
		cmocka_unit_test_teardown(raid_never_returns_another_blocks_bytes, tidy),
		cmocka_unit_test_teardown(raid_repairs_bit_rot_in_data_and_in_checksums, tidy),
		cmocka_unit_test_teardown(raid_repairs_lost_and_misdirected_writes, tidy),
		cmocka_unit_test_teardown(raid_survives_one_bad_block_per_stripe, tidy),
		cmocka_unit_test_teardown(raid_rebuilds_an_unreadable_checksum_block, tidy),
		cmocka_unit_test_teardown(raid_lives_on_without_a_data_disk, tidy),
		cmocka_unit_test_teardown(raid_lives_on_without_the_parity_disk, tidy),
		cmocka_unit_test_teardown(raid_returns_eio_when_two_disks_are_missing, tidy),
		cmocka_unit_test_teardown(raid_fails_a_disk_whose_flush_failed, tidy),
		cmocka_unit_test_teardown(raid_does_not_believe_a_disk_that_missed_writes, tidy),
		cmocka_unit_test_teardown(raid_refuses_halves_that_lived_apart, tidy),
		cmocka_unit_test_teardown(raid_notices_a_disk_overwritten_with_zeros, tidy),
		cmocka_unit_test_teardown(raid_writes_over_a_zeroed_disk_before_noticing_without_loss, tidy),
		cmocka_unit_test_teardown(raid_survives_torn_label_of_either_copy, tidy),
		cmocka_unit_test_teardown(fsinfo_ring_gives_the_newest, tidy),
		cmocka_unit_test_teardown(log_is_kept_on_two_disks_and_moves_when_one_fails, tidy),
		cmocka_unit_test_teardown(log_goes_on_with_one_copy_when_no_disk_is_left, tidy),
		cmocka_unit_test_teardown(raid_flushes_by_itself_when_intents_run_out, tidy),
		cmocka_unit_test_teardown(raid_works_when_pages_are_short, tidy),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
