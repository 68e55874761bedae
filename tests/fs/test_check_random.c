/* SPDX-License-Identifier: Apache-2.0 */
/* Under random damage the check comes to its end. The disks are large enough for no damaged count to fill them. */
#include "tests/fs/damagecase.h"

#include "base/page.h"
#include "fs/names/dir_private.h"
#include "tests/support/memdisk.h"

/* Some bytes of some block, anything: the check comes to its end. What it finds is another matter, and so is what the
 * volume can still do. */
static void random_damage(struct cb_raw *raw)
{
	const struct {
		uint32_t ino;
		unsigned level;
		uint32_t fbn;
	} blocks[] = {
		{ INO_INODE_FILE, 0, cb_ino.file / INODES_PER_BLOCK },
		{ INO_INODE_FILE, 0, 0 },
		{ INO_INODE_FILE, 0, cb_ino.lun / INODES_PER_BLOCK },
		{ INO_ACTIVE_MAP, 0, 0 },
		{ INO_SUMMARY_MAP, 0, 0 },
		{ INO_SPACE_MAP, 0, 0 },
		{ INO_INODE_MAP, 0, 0 },
		{ INO_VTOC, 0, 0 },
		{ INO_ROOT, 0, 0 },
		{ cb_ino.many, 0, 3 },
		{ cb_ino.many, 0, DIR_INDEX_FBN },
		{ cb_ino.many, 0, DIR_INDEX_FBN + 2U },
		{ cb_ino.many, 1, DIR_INDEX_FBN },
		{ cb_ino.many, 2, 0 },
		{ cb_ino.file, 1, 0 },
		{ INO_SNAPSHOT_TABLE, 0, 0 },
		{ cb_attributes_of(raw, cb_ino.top), 0, 0 },
		{ cb_ino.lun, 1, 0 },
	};
	uint64_t r = sim_random(damage_box.sim);
	unsigned i = (unsigned)(r % (sizeof blocks / sizeof blocks[0])), n = 1U + (unsigned)(r >> 8 & 15U);
	uint8_t bytes[4096];

	cb_block_get(raw, blocks[i].ino, blocks[i].level, blocks[i].fbn, bytes);
	while (n-- > 0) {
		uint64_t at = sim_random(damage_box.sim);

		/* Near the beginning more often: that is where heads are. */
		bytes[(at & 1U) != 0 ? at >> 8 & 0xFFFU : at >> 8 & 0x7FU] = (uint8_t)((at & 6U) != 0 ? at >> 32
		                                                                                      : 0xFFU);
	}
	cb_block_put(raw, blocks[i].ino, blocks[i].level, blocks[i].fbn, bytes);
}

static void check_ends_whatever_the_damage(void **state)
{
	unsigned n_found = 0;

	(void)state;
	for (unsigned round = 0; round < 150; round++) {
		struct fs_message msg;
		struct cb_raw raw;
		int status;

		struct fs_check_offline offline;
		bool online = round % 2 != 0;

		cb_disks_copy(&damage_box, 1000U + round);
		if (online)
			assert_int_equal(box_mount(&damage_box), 0);
		cb_raw_open(&raw, &damage_box);
		random_damage(&raw);
		cb_raw_close(&raw);
		if (!online) {
			assert_int_equal(cb_check_offline(&damage_box, &offline), 0);
			fs_check_result_fini(&offline.result);
		}
		if (!online && box_mount(&damage_box) != 0)
			continue; /* refused: good enough */
		status = cb_check(&damage_box, &msg);
		assert_true(status == 0 || status == -EUCLEAN || status == -EIO);
		n_found += msg.out.check.n_errors > 0;
		fs_message_fini(&msg);
		(void)box_unmount(&damage_box);
		cb_disks_drop(&damage_box);
	}
	assert_true(n_found > 50);
}

static int volume_make(void **state)
{
	(void)state;
	box_open(&damage_box, 77, DAMAGE_DISKS, 64ULL << 20, 4096);
	cb_populate(&damage_box);
	return box_unmount(&damage_box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_ends_whatever_the_damage),
	};

	return cmocka_run_group_tests(tests, volume_make, damage_volume_drop);
}
