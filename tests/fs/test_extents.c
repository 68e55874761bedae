/* SPDX-License-Identifier: Apache-2.0 */
/* EXTENTS: holes are told truly, whatever made them, and as few pieces as there are. */
#include "tests/fs/clonebox.h"

#define N_MAX 64U

static struct fs_extent found[N_MAX];
static unsigned n_found;

static int ask(struct fs_file_id id, uint64_t offset, uint64_t len, unsigned n_max)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_EXTENTS, box.vol, NULL, NULL);
	msg.file = id;
	msg.in.extents.offset_bytes = offset;
	msg.in.extents.len_bytes = len;
	msg.in.extents.found = found;
	msg.in.extents.n_max = n_max;
	int err = box_send(&box, &msg);
	n_found = msg.out.n;
	fs_message_fini(&msg);
	return err;
}

/* Every block of "/top" against the model: one that was never written, or was zeroed, is a hole; what shows through is
 * none. */
static void expect_model(unsigned n_max)
{
	uint64_t at = 0, size = (uint64_t)BLOCKS * FS_BLOCK_SIZE;
	bool was_hole = false;

	while (at < size) {
		assert_int_equal(ask(top, at, size - at, n_max), 0);
		assert_in_range(n_found, 1, n_max);
		for (unsigned i = 0; i < n_found; i++) {
			assert_int_equal(found[i].offset_bytes, at);
			assert_true(found[i].len_bytes > 0 && found[i].len_bytes % FS_BLOCK_SIZE == 0);
			assert_true(i == 0 || found[i].is_hole != was_hole);
			was_hole = found[i].is_hole;
			for (uint64_t end = at + found[i].len_bytes; at < end; at += FS_BLOCK_SIZE)
				if ((model[at / FS_BLOCK_SIZE] == 0) != was_hole)
					fail_msg("block %llu: a %s", (unsigned long long)(at / FS_BLOCK_SIZE),
					         was_hole ? "hole" : "block");
		}
	}
	assert_int_equal(at, size);
}

static void expect_everywhere(uint64_t seed)
{
	expect_model(N_MAX);
	expect_model(1);
	assert_int_equal(box_sync(&box), 0);
	expect_model(3);
	box_crash(&box, seed); /* nothing in memory */
	expect_model(N_MAX);
}

static void a_backed_lun_has_holes_where_neither_has_a_block(void **state)
{
	(void)state;
	for (uint32_t density = 0; density <= 8; density += 4) {
		if (density > 0) {
			clonebox_teardown(NULL);
			clonebox_setup(NULL);
		}
		make_backed(density);
		expect_everywhere(density + 1);
		for (uint32_t i = 0; i < 40; i++)
			host_write(i * 71U % BLOCKS, i % 2 == 0 ? FS_UNSTABLE : FS_FILE_SYNC);
		host_zero(100, 30);
		host_zero(2000, 900);
		expect_everywhere(density + 2);
		host_write(2100, FS_FILE_SYNC);
		expect_everywhere(density + 3);
		check_content();
	}
}

static void a_clone_moves_no_hole(void **state)
{
	(void)state;
	make_backed(3);
	host_zero(10, 100);
	assert_int_equal(clone_start_limited(0), 0);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	expect_everywhere(9);
}

static void ranges_are_cut_at_the_end_and_need_not_begin_at_a_block(void **state)
{
	struct fs_file_id lun;

	(void)state;
	assert_int_equal(vd_create(&box, "/odd", 5 * FS_BLOCK_SIZE, NULL, false), 0);
	lun = vd_info.id;
	vd_write(&box, lun, 1, 7, FS_FILE_SYNC);
	assert_int_equal(ask(lun, 512, UINT64_MAX, N_MAX), 0);
	assert_int_equal(n_found, 3);
	assert_int_equal(found[0].offset_bytes, 512);
	assert_int_equal(found[0].len_bytes, FS_BLOCK_SIZE - 512);
	assert_true(found[0].is_hole && !found[1].is_hole && found[2].is_hole);
	assert_int_equal(found[2].offset_bytes + found[2].len_bytes, 5 * FS_BLOCK_SIZE);
	assert_int_equal(ask(lun, FS_BLOCK_SIZE + 1024, 512, N_MAX), 0);
	assert_int_equal(n_found, 1);
	assert_int_equal(found[0].len_bytes, 512);
	assert_int_equal(ask(lun, 5 * FS_BLOCK_SIZE, 512, N_MAX), 0);
	assert_int_equal(n_found, 0);
	assert_int_equal(ask(lun, UINT64_MAX, UINT64_MAX, N_MAX), 0);
	assert_int_equal(n_found, 0);
	assert_int_equal(ask(box_root, 0, 512, N_MAX), -EISDIR);
}

/* What a message costs is bounded: a LUN of terabytes without a block is one look, one full of blocks is answered piece
 * by piece. */
static void a_look_is_bounded(void **state)
{
	struct fs_file_id lun;

	(void)state;
	assert_int_equal(vd_create(&box, "/wide", 1ULL << 42, NULL, false), 0);
	lun = vd_info.id;
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(ask(lun, 0, 1ULL << 42, N_MAX), 0);
	assert_int_equal(n_found, 1);
	assert_true(found[0].is_hole && found[0].len_bytes == 1ULL << 42);
	vd_write(&box, lun, 1U << 29, 7, FS_FILE_SYNC);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(ask(lun, 0, 1ULL << 42, N_MAX), 0);
	assert_int_equal(n_found, 3);
	assert_int_equal(found[1].offset_bytes, (uint64_t)FS_BLOCK_SIZE << 29);
	assert_int_equal(found[1].len_bytes, FS_BLOCK_SIZE);
	vd_write(&box, lun, 0, 7, FS_UNSTABLE); /* while anything is dirty holes are looked at one by one */
	assert_int_equal(ask(lun, 0, 1ULL << 42, N_MAX), 0);
	assert_in_range(found[n_found - 1].offset_bytes + found[n_found - 1].len_bytes, 1 << 20, 64 << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clonebox_setup, clonebox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_backed_lun_has_holes_where_neither_has_a_block),
		TEST(a_clone_moves_no_hole),
		TEST(ranges_are_cut_at_the_end_and_need_not_begin_at_a_block),
		TEST(a_look_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
