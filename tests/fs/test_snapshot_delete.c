/* SPDX-License-Identifier: Apache-2.0 */
/* Reclaiming a snapshot over several consistency points, while the active file system lets go of the blocks that the
 * pass reads.
 *
 * THEORY. Two data disks of five regions each: 0 to 4 and 5 to 9. What is written goes to one fifth of both after the
 *   other, so the test has region 5 files of the beginning
 *   region 1  the active map's block for region 5; nothing of region 1 is let go of before the pass has skipped it
 *   region 2  a file that is written anew after the snapshot, so that the pass has to look at it
 *   region 3  what is written last, metadata too; the pass has to look at it
 * With one region a consistency point the pass is at region 4 when a file of region 5 is written anew. That moves the
 * map's block for region 5, and the old one lies behind the cursor, where no fold takes the snapshot in any more (SD3).
 * The pass still has to read it: SD2 keeps it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/core/core.h"
#include "fs/cp/maps.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/snapshot/snapshot.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define DISKS 3U
#define FIFTH_BYTES (128ULL << 20) /* of a disk: one region */
#define FILES 64U
#define PIECE (1U << 20)

static struct fsbox box;
static struct fs_file_id files[FILES], ballast;
static uint64_t ballast_bytes;
static uint32_t tags[FILES];

/* ---- looking at maps and trees ---- */

struct look {
	struct fs_run run;
	uint32_t ino, fbn;
	uint32_t vbn; /* found */
	uint8_t bytes[FS_BLOCK_SIZE]; /* found, of a map */
	bool done;
	int err;
};

static int look_step(struct fs_run *run)
{
	struct look *look = run->arg;
	const uint8_t *bytes;
	struct inode *inode;
	uint64_t end;
	int err = inode_get(run, 0, look->ino, &inode);

	if (err == 0)
		err = tree_lookup(run, inode, look->fbn, &look->vbn, &end);
	if (err == 0)
		err = file_need(run, inode, look->fbn, &bytes);
	if (err == 0)
		memcpy(look->bytes, bytes, FS_BLOCK_SIZE);
	return err;
}

static void look_finish(struct fs_run *run, int err)
{
	struct look *look = run->arg;

	look->err = err;
	look->done = true;
}

static void look_at(struct look *look, uint32_t ino, uint32_t fbn)
{
	*look = (struct look){ .ino = ino, .fbn = fbn };
	run_init(&look->run, box.vol, look_step, look_finish, look);
	run_start(&look->run);
	while (!look->done)
		assert_true(sim_step(box.sim));
	assert_int_equal(look->err, 0);
	run_fini(&look->run);
}

static bool bit_is_set(uint32_t map_ino, uint32_t vbn)
{
	struct look look;

	look_at(&look, map_ino, vbn / REGION_BLOCKS);
	return (look.bytes[vbn % REGION_BLOCKS / 8U] >> (vbn % 8U) & 1) != 0;
}

/* ---- files of one block ---- */

static void file_write(unsigned i)
{
	uint32_t block[FS_BLOCK_SIZE / sizeof(uint32_t)];

	tags[i] += FILES;
	for (unsigned k = 0; k < ARRAY_SIZE(block); k++)
		block[k] = tags[i];
	assert_int_equal(box_write(&box, files[i], 0, block, sizeof block, FS_UNSTABLE), 0);
}

static uint32_t file_region(unsigned i)
{
	struct look look;

	look_at(&look, files[i].inode, 0);
	return region_of(look.vbn);
}

static void files_expect(void)
{
	uint32_t block[FS_BLOCK_SIZE / sizeof(uint32_t)];

	for (unsigned i = 0; i < FILES; i++) {
		assert_int_equal(box_read(&box, files[i], 0, block, sizeof block), (int)sizeof block);
		for (unsigned k = 0; k < ARRAY_SIZE(block); k++)
			assert_int_equal(block[k], tags[i]);
	}
}

/* ---- the stage ---- */

/* The file called ballast grows. */
static void ballast_write(uint64_t n_bytes)
{
	uint8_t *bytes = calloc(1, PIECE);

	assert_non_null(bytes);
	for (uint64_t end = ballast_bytes + n_bytes; ballast_bytes < end; ballast_bytes += PIECE) {
		memset(bytes, (int)(ballast_bytes / PIECE) | 1, PIECE);
		assert_int_equal(box_write(&box, ballast, ballast_bytes, bytes, PIECE, FS_UNSTABLE), 0);
	}
	assert_int_equal(box_sync(&box), 0);
	free(bytes);
}

/* Write one in eight of the first `n` files anew, again and again, until what is asked for lies in `region`. */
static uint32_t write_until(uint32_t region, uint32_t (*where)(void), unsigned n)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		for (unsigned i = tries % n; i < n; i += 8)
			file_write(i);
		assert_int_equal(box_sync(&box), 0);
		if (region_of(where()) == region)
			return where();
	}
	fail_msg("nothing comes to lie in region %u", region);
	return 0;
}

static uint32_t map_block_of_5(void)
{
	struct look look;

	look_at(&look, INO_ACTIVE_MAP, 5);
	return look.vbn;
}

static uint32_t file_0_block(void)
{
	struct look look;

	look_at(&look, files[0].inode, 0);
	return look.vbn;
}

static int setup(void **state)
{
	char name[16];

	(void)state;
	memdisk_set_latency(100000); /* so that something can happen between two consistency points */
	box_open(&box, 5, DISKS, 5U * FIFTH_BYTES, 4096);
	for (unsigned i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof name, "f%u", i);
		assert_int_equal(box_create(&box, box_root, name, &files[i]), 0);
	}
	ballast_bytes = 0;
	assert_int_equal(box_create(&box, box_root, "ballast", &ballast), 0);
	ballast_write(64U * PIECE); /* a disk's fifths and the regions are not quite the same */
	for (unsigned i = 0; i < FILES; i++) {
		tags[i] = i;
		file_write(i);
	}
	assert_int_equal(box_sync(&box), 0);
	ballast_write(2U * FIFTH_BYTES);
	box.vol->options.cache_pages = 512; /* as if the cache were so small: a pass takes one region a CP */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	memdisk_set_latency(0);
	return 0;
}

static unsigned file_in(uint32_t region)
{
	for (unsigned i = 0; i < FILES; i++)
		if (file_region(i) == region)
			return i;
	fail_msg("no file lies in region %u", region);
	return 0;
}

/* ---- the test ---- */

static void what_the_pass_reads_is_never_free(void **state)
{
	const struct snapshot_table *table = box.vol->snapshots;
	unsigned file_5;
	uint32_t vbn;

	(void)state;
	vbn = write_until(1, map_block_of_5, FILES - 8U); /* every block of inodes moves there too */
	file_5 = file_in(5);
	ballast_write(2U * FIFTH_BYTES);
	(void)write_until(2, file_0_block, 1);
	ballast_write(2U * FIFTH_BYTES);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	file_write(0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(map_block_of_5(), vbn);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s"), 0);
	while (table->deletion.region < 3)
		assert_true(sim_step(box.sim));
	assert_true(box.vol->maps->regions[1].folded_id < table->deletion.id);
	file_write(file_5);
	while (map_block_of_5() == vbn && table->deletion.stage != DELETION_NONE)
		assert_true(sim_step(box.sim));
	assert_true(table->deletion.stage != DELETION_NONE && table->deletion.region == 4 &&
	            table->deletion.stage != DELETION_FINISHED);
	assert_false(bit_is_set(INO_ACTIVE_MAP, vbn));
	assert_true(bit_is_set(INO_SUMMARY_MAP, vbn));
	while (table->deletion.stage != DELETION_NONE)
		assert_true(sim_step(box.sim));
	assert_false(bit_is_set(INO_SUMMARY_MAP, vbn));
	box_crash(&box, 1);
	files_expect();
	assert_int_equal(box_check(&box), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(what_the_pass_reads_is_never_free, setup,
		                                                            teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
