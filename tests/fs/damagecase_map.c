/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: blocks, maps, and totals. */
#include "tests/fs/damagecase.h"

#define R(n) (1U << (n))

/* ---- blocks and the active map ---- */

static void data_identity(struct cb_raw *raw)
{
	struct raid_ident other = { .inode = cb_ino.file2, .fbn = 5, .level = 0, .generation = 3 };
	uint8_t bytes[4096] = { 1 };

	cb_vbn_put(raw, cb_vbn(raw, cb_ino.file, 0, 20), &other, bytes);
}

static void data_level(struct cb_raw *raw)
{
	struct raid_ident other = { .inode = cb_ino.file, .fbn = 20, .level = 1, .generation = 3 };
	uint8_t bytes[4096] = { 1 };

	cb_vbn_put(raw, cb_vbn(raw, cb_ino.file, 0, 20), &other, bytes);
}

static void leaf_edit(struct cb_raw *raw, unsigned index, uint32_t vbn)
{
	uint8_t bytes[4096];

	cb_block_get(raw, cb_ino.file, 1, 0, bytes);
	memcpy(bytes + index * 4U, &vbn, 4);
	cb_block_put(raw, cb_ino.file, 1, 0, bytes);
}

static void leaf_hole(struct cb_raw *raw)
{
	leaf_edit(raw, 21, VBN_HOLE);
}
static void leaf_zero(struct cb_raw *raw)
{
	leaf_edit(raw, 21, VBN_ZERO);
}
static void leaf_free_block(struct cb_raw *raw)
{
	leaf_edit(raw, 21, cb_vbn_free(raw));
}
static void leaf_beyond_size(struct cb_raw *raw)
{
	leaf_edit(raw, 50, cb_vbn(raw, cb_ino.file, 0, 1));
}
static void leaf_other_file(struct cb_raw *raw)
{
	leaf_edit(raw, 21, cb_vbn(raw, cb_ino.file2, 0, 2));
}

static void active_cleared(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn(raw, cb_ino.file, 0, 20);

	assert_true(cb_bit_get(raw, INO_ACTIVE_MAP, vbn));
	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, false);
}

static void active_cleared_and_uncounted(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn(raw, cb_ino.file, 0, 20);

	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, false);
	cb_counts_add(raw, vbn, -1, cb_bit_get(raw, INO_SUMMARY_MAP, vbn) ? 1 : 0);
}

static void active_set(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn_free(raw);

	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, true);
	cb_counts_add(raw, vbn, 1, 0);
}

/* ---- summary map, space map, totals ---- */

static void summary_set(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn_free(raw);

	cb_bit_put(raw, INO_SUMMARY_MAP, vbn, true);
	cb_counts_add(raw, vbn, 0, 1);
}

static void summary_cleared(struct cb_raw *raw)
{
	uint32_t end = raid_geometry(raw->raid)->vbn_end;

	for (uint32_t vbn = 1; vbn < end; vbn++) {
		if (!cb_bit_get(raw, INO_SUMMARY_MAP, vbn) || cb_bit_get(raw, INO_ACTIVE_MAP, vbn))
			continue;
		cb_bit_put(raw, INO_SUMMARY_MAP, vbn, false);
		cb_counts_add(raw, vbn, 0, -1);
		return;
	}
	fail();
}

static void counts_active(struct cb_raw *raw)
{
	cb_counts_add(raw, 1, 1, 0);
}
static void counts_summary(struct cb_raw *raw)
{
	cb_counts_add(raw, 1, 0, 1);
}

static void folded_too_far(struct cb_raw *raw)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_SPACE_MAP, 0, 0, bytes);
	((struct region_disk *)(void *)bytes)->folded_id = le32_of(1000);
	cb_block_put(raw, INO_SPACE_MAP, 0, 0, bytes);
}

static void fsinfo_inodes(struct cb_raw *raw)
{
	raw->fsinfo.inodes_used = le64_of(le64_get(raw->fsinfo.inodes_used) + 1U);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_names(struct cb_raw *raw)
{
	raw->fsinfo.name_blocks = le64_of(le64_get(raw->fsinfo.name_blocks) + 1U);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_next_generation(struct cb_raw *raw)
{
	raw->fsinfo.next_generation = le64_of(le64_get(raw->fsinfo.next_generation) - 5U);
	cb_raw_write_fsinfo(raw);
}

static void blocks_add(struct inode_disk *disk, int n)
{
	disk->n_blocks = le32_of(le32_get(disk->n_blocks) + (uint32_t)n);
}

static void fsinfo_table_blocks(struct cb_raw *raw)
{
	blocks_add(&raw->fsinfo.snapshot_table, 1);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_inode_file_blocks(struct cb_raw *raw)
{
	blocks_add(&raw->fsinfo.inode_file, -1);
	cb_raw_write_fsinfo(raw);
}

/* ---- the table ---- */

static const struct damage_case cases[] = {
	{ "a data block with another file's identity", data_identity, R(2), 0, "fbn 20 level 0", false },
	{ "a data block with another level", data_level, R(2), 0, "fbn 20 level 0", false },

	{ "a block in use is free in the active map", active_cleared, R(3) | R(4) | R(5), 0, "free in the active map",
	  false },
	{ "the same, counted", active_cleared_and_uncounted, R(3), R(5), "free in the active map", false },
	{ "a block nothing refers to is used in the active map", active_set, R(3), R(5), "nothing refers to them",
	  false },
	{ "a pointer of an indirect block lost", leaf_hole, R(3) | R(6), 0, "blocks in its record", false },
	{ "a pointer of an indirect block is zeros", leaf_zero, R(3) | R(6), 0, "blocks in its record", false },
	{ "a pointer to a free block", leaf_free_block, R(2) | R(3), 0, "free in the active map", false },
	{ "a pointer to another file's block", leaf_other_file, R(3), R(2), "something else refers to this block",
	  false },

	{ "a block in the summary map that no snapshot holds", summary_set, R(4), 0, "no snapshot up to the one folded",
	  false },
	{ "a snapshot's block not in the summary map", summary_cleared, R(4), 0, "not in the summary map", false },
	{ "space map: active count", counts_active, R(4), R(5), "active blocks", false },
	{ "space map: summary count", counts_summary, R(4), 0, "of snapshots only", false },
	{ "space map: folded too far", folded_too_far, R(4), 0, "was not there yet", false },
	{ "fsinfo: inodes used", fsinfo_inodes, R(5), 0, "inodes used", false },
	{ "fsinfo: blocks of names", fsinfo_names, R(5), 0, "directories and streams", false },
	{ "fsinfo: next generation", fsinfo_next_generation, R(6), 0, "the next one is", false },
	{ "fsinfo: blocks of the snapshot table", fsinfo_table_blocks, R(6), R(1), "inode 2: ", false },
	{ "fsinfo: blocks of the inode file", fsinfo_inode_file_blocks, R(6), 0, "inode 1: ", false },
	{ "a block beyond the end of the file", leaf_beyond_size, R(6) | R(3), R(2), "beyond the end of the file",
	  false },
};
const struct damage_cases damage_cases_map = { cases, ARRAY_SIZE(cases) };
