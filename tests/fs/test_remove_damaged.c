/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged file can be removed: the volume serves on, nobody else's block is touched, and what could not be freed is
 * found by the check and given back by the repair. */
#include "fs/core/volume_counters.h"
#include "tests/fs/checkbox.h"

#include "base/page.h"
#include "fs/core/core.h"
#include "fs/cp/zombie.h"
#include "tests/support/memdisk.h"

#define N_DISKS 3U
#define DISK_BYTES (32ULL << 20)
#define R(n) (1U << (n))
#define FAR (300 * MIB) /* of three levels */
#define FAR_FBN ((uint32_t)(FAR / 4096U))

static struct fsbox box;
static uint32_t deep, flat, shallow; /* heights 3, 2 and 1 */

static uint32_t make(const char *name, uint64_t offset, uint32_t n_blocks)
{
	static uint8_t bytes[40 * 4096];
	struct fs_file_id id;

	memset(bytes, name[1], sizeof bytes);
	assert_int_equal(box_create(&box, box_root, name, &id), 0);
	assert_int_equal(box_write(&box, id, 0, bytes, n_blocks * 4096U, FS_UNSTABLE), 0);
	if (offset > 0)
		assert_int_equal(box_write(&box, id, offset, bytes, n_blocks * 4096U, FS_UNSTABLE), 0);
	return id.inode;
}

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 277, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	deep = make("deep", FAR, 20);
	flat = make("flat", 0, 40);
	shallow = make("shallow", 0, 12);
	return box_unmount(&box);
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

/* ---- damage ---- */

static void block_lose(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn)
{
	const struct raid_ident other = { .inode = ino + 7U, .fbn = fbn, .level = level, .generation = 3 };
	uint8_t bytes[4096];

	cb_block_get(raw, ino, level, fbn, bytes);
	cb_vbn_put(raw, cb_vbn(raw, ino, level, fbn), &other, bytes);
}

static void pointer_put(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn, unsigned index, uint32_t vbn)
{
	uint8_t bytes[4096];

	cb_block_get(raw, ino, level, fbn, bytes);
	memcpy(bytes + 4U * index, &vbn, sizeof vbn);
	cb_block_put(raw, ino, level, fbn, bytes);
}

static void top_put(struct cb_raw *raw, uint32_t ino, unsigned index, uint32_t vbn)
{
	struct inode_disk disk;

	cb_inode_get(raw, ino, &disk);
	disk.data.ptr[index] = le32_of(vbn);
	cb_inode_put(raw, ino, &disk);
}

static void leaf_lost(struct cb_raw *raw)
{
	block_lose(raw, flat, 1, 0);
}
static void deep_leaf_lost(struct cb_raw *raw)
{
	block_lose(raw, deep, 1, FAR_FBN);
}
static void deep_middle_lost(struct cb_raw *raw)
{
	block_lose(raw, deep, 2, 0);
}
static void leaf_pointer_beyond(struct cb_raw *raw)
{
	pointer_put(raw, flat, 1, 0, 0, 0xFFFFFF00U);
	pointer_put(raw, flat, 1, 0, 9, 0xFFFFFF01U);
}
static void leaf_pointer_to_free(struct cb_raw *raw)
{
	pointer_put(raw, flat, 1, 0, 5, cb_vbn_free(raw));
}
static void leaf_pointer_twice(struct cb_raw *raw)
{
	pointer_put(raw, flat, 1, 0, 5, cb_vbn(raw, flat, 0, 4));
}
static void middle_pointer_beyond(struct cb_raw *raw)
{
	pointer_put(raw, deep, 2, 0, FAR_FBN / 1024U, 0xFFFFFF00U);
}
static void inode_pointer_to_leaf_beyond(struct cb_raw *raw)
{
	top_put(raw, flat, 0, 0xFFFFFF00U);
}
static void inode_pointer_beyond(struct cb_raw *raw)
{
	top_put(raw, shallow, 3, 0xFFFFFF00U);
}
static void inode_pointer_to_free(struct cb_raw *raw)
{
	top_put(raw, shallow, 3, cb_vbn_free(raw));
}
static void inode_pointer_twice(struct cb_raw *raw)
{
	top_put(raw, shallow, 3, cb_vbn(raw, shallow, 0, 2));
}

static const struct {
	const char *what, *name;
	void (*damage)(struct cb_raw *raw);
} cases[] = {
	{ "its only leaf cannot be read", "flat", leaf_lost },
	{ "one of its leaves cannot be read", "deep", deep_leaf_lost },
	{ "a block of level 2 cannot be read", "deep", deep_middle_lost },
	{ "pointers of a leaf lead beyond the volume", "flat", leaf_pointer_beyond },
	{ "a pointer of a leaf leads to a free block", "flat", leaf_pointer_to_free },
	{ "two pointers of a leaf are the same", "flat", leaf_pointer_twice },
	{ "a pointer to a leaf leads beyond the volume", "deep", middle_pointer_beyond },
	{ "its pointer to a leaf leads beyond the volume", "flat", inode_pointer_to_leaf_beyond },
	{ "a pointer of its inode leads beyond the volume", "shallow", inode_pointer_beyond },
	{ "a pointer of its inode leads to a free block", "shallow", inode_pointer_to_free },
	{ "two pointers of its inode are the same", "shallow", inode_pointer_twice },
};

/* ---- the test ---- */

static unsigned rules_found(const struct fs_check_offline_options *options)
{
	struct fs_check_offline check;
	unsigned rules;

	assert_int_equal(cb_check_offline_with(&box, options, &check), 0);
	rules = cb_rules(&check.result);
	if ((rules & ~R(3)) != 0)
		print_error("%s", check.result.report);
	fs_check_result_fini(&check.result);
	return rules;
}

static void volume_is_well(void)
{
	static uint8_t bytes[40 * 4096];
	static unsigned n;
	struct fs_file_id id;
	char name[32];

	snprintf(name, sizeof name, "afterwards%u", n++);
	assert_int_equal(box_create(&box, box_root, name, &id), 0);
	memset(bytes, 'x', sizeof bytes);
	assert_int_equal(box_write(&box, id, 0, bytes, sizeof bytes, FS_FILE_SYNC), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box.vol->failed, 0);
	assert_false(zombie_pending(box.vol));
	assert_int_equal(box_resolve(&box, "/file", &id), 0);
	assert_int_equal(box_read(&box, id, 0, bytes, sizeof bytes), sizeof bytes);
}

static void damaged_file_can_be_removed_and_its_blocks_come_back_by_repair(void **state)
{
	const struct fs_check_offline_options look = { .cache_pages = 4096 },
	                                      repair = { .cache_pages = 4096, .repair = true };

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cb_raw raw;

		print_message("%s\n", cases[i].what);
		cb_disks_copy(&box, i);
		cb_raw_open(&raw, &box);
		cases[i].damage(&raw);
		cb_raw_close(&raw);
		assert_int_equal(box_mount(&box), 0);
		assert_int_equal(box_remove(&box, box_root, cases[i].name), 0);
		volume_is_well();
		assert_true(counter_get(&box.vol->counters->damage_passed) > 0);
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(rules_found(&look) & ~R(3), 0);
		assert_int_equal(rules_found(&repair), 0);
		assert_int_equal(box_mount(&box), 0);
		volume_is_well();
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(rules_found(&look), 0);
	}
}

/* The same in the middle: the power fails while the trees are on their way out. */
static void power_may_fail_while_a_damaged_file_goes(void **state)
{
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };

	(void)state;
	memdisk_set_latency(200000);
	for (unsigned round = 0; round < 12; round++) {
		struct cb_raw raw;

		cb_disks_copy(&box, 100U + round);
		cb_raw_open(&raw, &box);
		deep_leaf_lost(&raw);
		leaf_pointer_to_free(&raw);
		cb_raw_close(&raw);
		assert_int_equal(box_mount(&box), 0);
		assert_int_equal(box_remove(&box, box_root, "deep"), 0);
		assert_int_equal(box_remove(&box, box_root, "flat"), 0);
		box_run(&box, 400000U * round);
		box_cut(&box, round);
		assert_int_equal(box_mount(&box), 0);
		volume_is_well();
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(rules_found(&repair), 0);
	}
	memdisk_set_latency(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(damaged_file_can_be_removed_and_its_blocks_come_back_by_repair,
		                                volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(power_may_fail_while_a_damaged_file_goes, volume_make, volume_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
