/* SPDX-License-Identifier: Apache-2.0 */
/* The check finds, block by block: a bit of a map that is wrong, for a block of every kind; pointers that have changed
 * places; checksum entries that are another block's, or wrong on one disk. */
#include "tests/fs/checkbox.h"

#include "base/page.h"
#include "fs/names/dir_private.h"
#include "raid/raidformat.h"
#include "tests/support/memdisk.h"

#define N_DISKS 3U
#define DISK_BYTES (20ULL << 20)
#define R(n) (1U << (n))

static struct fsbox box;
static unsigned n_copies;

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 377, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	return box_unmount(&box);
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

/* ---- a case ---- */

static struct cb_raw raw;

static void case_begin(void)
{
	cb_disks_copy(&box, n_copies++);
	cb_raw_open(&raw, &box);
}

/* `must` have spoken, `may` were allowed to. */
static unsigned case_end(const char *what, unsigned number, unsigned must, unsigned may)
{
	struct fs_check_offline check;
	unsigned rules;
	bool good;

	cb_raw_close(&raw);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	rules = cb_rules(&check.result);
	good = (rules & must) == must && (rules & ~(must | may)) == 0 && check.result.n_errors > 0;
	if (!good)
		print_error("%s, %u: rules %#x, expected %#x (and perhaps %#x)\n%s\n", what, number, rules, must, may,
		            check.result.report != NULL ? check.result.report : "nothing found");
	fs_check_result_fini(&check.result);
	cb_disks_drop(&box);
	return good ? 0 : 1;
}

/* ---- blocks of every kind ---- */

struct kind {
	const char *name;
	uint32_t (*ino)(void);
	unsigned level;
	uint32_t fbn;
};
#define INO(name, number)                                                                                              \
	static uint32_t ino_##name(void)                                                                               \
	{                                                                                                              \
		return number;                                                                                         \
	}
INO(file, cb_ino.file)
INO(file2, cb_ino.file2)
INO(symlink, cb_ino.symlink)
INO(dir, cb_ino.dir)
INO(many, cb_ino.many)
INO(lun, cb_ino.lun)
INO(top, cb_ino.top)
INO(root, INO_ROOT)
INO(docs, INO_DOCS)
INO(vtoc, INO_VTOC)
INO(inode_file, INO_INODE_FILE)
INO(snapshot_table, INO_SNAPSHOT_TABLE)
INO(inode_map, INO_INODE_MAP)
INO(active_map, INO_ACTIVE_MAP)
INO(summary_map, INO_SUMMARY_MAP)
INO(space_map, INO_SPACE_MAP)

static const struct kind kinds[] = {
	{ "data of a file", ino_file, 0, 20 },
	{ "data a snapshot has, too", ino_file, 0, 30 },
	{ "data of a file of one level", ino_file2, 0, 4 },
	{ "an indirect block", ino_file, 1, 0 },
	{ "a symbolic link", ino_symlink, 0, 0 },
	{ "a directory", ino_dir, 0, 0 },
	{ "a directory's index", ino_many, 0, DIR_INDEX_FBN },
	{ "a directory's bucket", ino_many, 0, DIR_INDEX_FBN + 1U },
	{ "a directory's indirect block", ino_many, 2, 0 },
	{ "data of a vdisk", ino_lun, 0, 3 },
	{ "an indirect block of a vdisk", ino_lun, 1, 0 },
	{ "data of a backed vdisk", ino_top, 0, 2 },
	{ "the root directory", ino_root, 0, 0 },
	{ "the documents", ino_docs, 0, 0 },
	{ "the VTOC", ino_vtoc, 0, 0 },
	{ "the inode file", ino_inode_file, 0, 2 },
	{ "the snapshot table", ino_snapshot_table, 0, 0 },
	{ "the inode map", ino_inode_map, 0, 0 },
	{ "the active map", ino_active_map, 0, 0 },
	{ "the summary map", ino_summary_map, 0, 0 },
	{ "the space map", ino_space_map, 0, 0 },
};

static uint32_t vbn_of(const struct kind *kind)
{
	uint32_t vbn = cb_vbn(&raw, kind->ino(), kind->level, kind->fbn);

	if (vbn == VBN_HOLE || vbn == VBN_ZERO)
		fail_msg("%s: there is no such block", kind->name);
	return vbn;
}

/* ---- bits ---- */

static unsigned bit_flipped(const char *what, uint32_t map, uint32_t vbn, int own, int other)
{
	bool was = cb_bit_get(&raw, map, vbn);

	cb_bit_put(&raw, map, vbn, !was);
	if (own != 0) /* and counted: only the maps themselves tell */
		cb_counts_add(&raw, vbn, map == INO_ACTIVE_MAP ? (was ? -own : own) : other,
		              map == INO_SUMMARY_MAP ? (was ? -own : own) : 0);
	return case_end(what, vbn, map == INO_ACTIVE_MAP ? R(3) : R(4), R(3) | R(4) | R(5));
}

static void check_finds_every_wrong_bit_of_the_maps(void **state)
{
	unsigned n_bad = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		case_begin();
		n_bad += bit_flipped(kinds[i].name, INO_ACTIVE_MAP, vbn_of(&kinds[i]), 0, 0);
		case_begin();
		n_bad += bit_flipped(kinds[i].name, INO_ACTIVE_MAP, vbn_of(&kinds[i]), 1, 0);
		case_begin();
		n_bad += bit_flipped(kinds[i].name, INO_SUMMARY_MAP, vbn_of(&kinds[i]), 0, 0);
	}
	for (unsigned map = INO_ACTIVE_MAP; map <= INO_SUMMARY_MAP; map++) {
		case_begin();
		n_bad += bit_flipped("a free block", map, cb_vbn_free(&raw), 0, 0);
		case_begin();
		n_bad += bit_flipped("a free block, counted", map, cb_vbn_free(&raw), 1, 0);
		case_begin();
		n_bad += bit_flipped("block 0", map, 0, 0, 0);
		case_begin();
		n_bad += bit_flipped("the last block", map, raid_geometry(raw.raid)->vbn_end - 1U, 0, 0);
		case_begin();
		n_bad += bit_flipped("one beyond the last", map, raid_geometry(raw.raid)->vbn_end, 0, 0);
		case_begin();
		n_bad += bit_flipped("the last one of the region", map, REGION_BLOCKS - 1U, 0, 0);
	}
	assert_int_equal(n_bad, 0);
}

static void check_finds_every_wrong_bit_of_the_inode_map(void **state)
{
	const uint32_t inos[] = { 0,
		                  1,
		                  INO_INODE_MAP,
		                  INO_VTOC,
		                  INO_ROOT,
		                  INO_ROOT + 1U,
		                  cb_ino.file,
		                  cb_ino.file2,
		                  cb_ino.dir,
		                  cb_ino.lun,
		                  cb_ino.fifo,
		                  cb_ino.symlink,
		                  20000,
		                  32767 };
	unsigned n_bad = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(inos); i++) {
		case_begin();
		cb_bit_put(&raw, INO_INODE_MAP, inos[i], !cb_bit_get(&raw, INO_INODE_MAP, inos[i]));
		n_bad += case_end("the bit of an inode", inos[i], R(6), 0);
	}
	assert_int_equal(n_bad, 0);
}

/* ---- pointers ---- */

static void pointers_swap(uint8_t *bytes, unsigned a, unsigned b)
{
	uint8_t kept[4];

	memcpy(kept, bytes + 4U * a, 4);
	memcpy(bytes + 4U * a, bytes + 4U * b, 4);
	memcpy(bytes + 4U * b, kept, 4);
}

static const struct {
	const char *what;
	uint32_t (*ino)(void);
	unsigned level, a, b; /* level 0: the inode's own */
	uint32_t fbn;
} swaps[] = {
	{ "of an inode", ino_file2, 0, 2, 3, 0 },
	{ "of an inode, far from each other", ino_file2, 0, 0, 9, 0 },
	{ "of a leaf", ino_file, 1, 20, 21, 0 },
	{ "of a leaf, one old and one new", ino_file, 1, 0, 8, 0 },
	{ "of a leaf, one of them a hole", ino_lun, 1, 3, 4, 0 },
	{ "of a leaf of a backed vdisk", ino_top, 1, 0, 2, 0 },
	{ "of a directory", ino_many, 1, 1, 2, 0 },
	{ "of a directory's index", ino_many, 1, 1, 2, DIR_INDEX_FBN },
	{ "of the inode file", ino_inode_file, 0, 2, 3, 0 },
};

static void check_finds_pointers_that_have_changed_places(void **state)
{
	unsigned n_bad = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(swaps); i++) {
		uint32_t ino = swaps[i].ino();
		struct inode_disk disk;
		uint8_t bytes[4096];

		case_begin();
		cb_inode_get(&raw, ino, &disk);
		if (swaps[i].level == 0) {
			pointers_swap((uint8_t *)disk.data.ptr, swaps[i].a, swaps[i].b);
			if (ino == INO_INODE_FILE)
				raw.fsinfo.inode_file = disk;
			if (ino == INO_INODE_FILE)
				cb_raw_write_fsinfo(&raw);
			else
				cb_inode_put(&raw, ino, &disk);
		} else {
			cb_block_get(&raw, ino, swaps[i].level, swaps[i].fbn, bytes);
			pointers_swap(bytes, swaps[i].a, swaps[i].b);
			cb_block_put(&raw, ino, swaps[i].level, swaps[i].fbn, bytes);
		}
		n_bad += case_end(swaps[i].what, i, R(2), R(3) | R(4) | R(5) | R(6) | R(8));
	}
	assert_int_equal(n_bad, 0);
}

/* ---- identities ---- */

/* The block has its bytes, and the entry of another one. */
static void check_finds_every_block_with_another_identity(void **state)
{
	unsigned n_bad = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (unsigned field = 0; field < 3; field++) {
			const struct kind *kind = &kinds[i];
			struct raid_ident ident = {
				.inode = kind->ino(), .fbn = kind->fbn, .level = kind->level, .generation = 3
			};
			uint8_t bytes[4096];

			if (kind->level > 0)
				ident.fbn = (uint32_t)(kind->fbn & ~((1ULL << 10U * kind->level) - 1U));
			ident.inode ^= field == 0 ? 64U : 0;
			ident.fbn ^= field == 1 ? 1U : 0;
			ident.level ^= field == 2 ? 4U : 0;
			case_begin();
			cb_block_get(&raw, kind->ino(), kind->level, kind->fbn, bytes);
			cb_vbn_put(&raw, vbn_of(kind), &ident, bytes);
			/* all of what it leads to may be missed, too */
			n_bad += case_end(kind->name, field, R(2), UINT32_MAX);
		}
	}
	assert_int_equal(n_bad, 0);
}

/* ---- entries on one disk ---- */

/* The entry of DBN `dbn`, changed on one disk only. */
static void entry_flip(unsigned disk, uint32_t dbn, unsigned bit)
{
	struct raid_label_format label;
	uint8_t bytes[4096];
	uint64_t zones;

	memdisk_peek(box.urls[disk] + 4, 0, (uint8_t *)&label);
	zones = le32_get(label.zones_first);
	memdisk_peek(box.urls[disk] + 4, zones + dbn / 255U * 256U, bytes);
	bytes[dbn % 255U * 16U + bit / 8U] ^= (uint8_t)(1U << bit % 8U);
	memdisk_poke(box.urls[disk] + 4, zones + dbn / 255U * 256U, bytes);
}

static void check_finds_every_wrong_entry_on_one_disk(void **state)
{
	static const unsigned bits[] = {
		0, 31, 32, 63, 64, 95, 96, 121, 123, 124, 127
	}; /* of CRC, inode, FBN, generation, mark and level */
	const struct raid_disk_geometry *first;
	unsigned n_bad = 0;
	uint32_t dbn;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bits) * N_DISKS; i++) {
		unsigned bit = bits[i / N_DISKS], disk = i % N_DISKS;

		case_begin();
		first = &raid_geometry(raw.raid)->disks[0];
		dbn = cb_vbn(&raw, cb_ino.file2, 0, 4);
		dbn = dbn < first->n_blocks ? dbn : dbn - raid_geometry(raw.raid)->disks[1].vbn_first;
		cb_raw_close(&raw);
		entry_flip(disk, dbn, bit);
		cb_raw_open(&raw, &box);
		n_bad += case_end("an entry on one disk", i, R(10), 0);
	}
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_finds_every_wrong_bit_of_the_maps),
		cmocka_unit_test(check_finds_every_wrong_bit_of_the_inode_map),
		cmocka_unit_test(check_finds_pointers_that_have_changed_places),
		cmocka_unit_test(check_finds_every_block_with_another_identity),
		cmocka_unit_test(check_finds_every_wrong_entry_on_one_disk),
	};

	return cmocka_run_group_tests(tests, volume_make, volume_drop);
}
