/* SPDX-License-Identifier: Apache-2.0 */
/* The hook that makes allocations fail: it reaches the product's, and only them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdlib.h>

#include "tests/support/allocfail.h"
#include "tests/support/fsbox.h"

#define DISK_BYTES (64ULL << 20)

static int stat_volume(struct fsbox *box)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_VOLUME_STAT, box->vol, NULL, NULL);
	err = box_send(box, &msg);
	fs_message_fini(&msg);
	return err;
}

static void the_tests_own_allocations_are_not_counted(void **state)
{
	void *mine;

	(void)state;
	allocfail_from(1);
	mine = malloc(100);
	assert_non_null(mine);
	free(mine);
	assert_int_equal(allocfail_stop(), 0);
	assert_int_equal(allocfail_failed(), 0);
}

static void each_allocation_of_the_product_fails_once_and_for_good(void **state)
{
	struct fsbox box;
	uint64_t n;

	(void)state;
	box_open(&box, 1, 3, DISK_BYTES, 4096);
	assert_int_equal(stat_volume(&box), 0);
	allocfail_count();
	assert_int_equal(stat_volume(&box), 0);
	n = allocfail_stop();
	assert_true(n >= 2);
	for (uint64_t i = 1; i <= n; i++) {
		allocfail_once(i);
		assert_int_equal(stat_volume(&box), -ENOMEM);
		assert_int_equal(stat_volume(&box), 0);
		allocfail_stop();
		assert_int_equal(allocfail_failed(), 1);
		allocfail_from(i);
		assert_int_equal(stat_volume(&box), -ENOMEM);
		assert_int_equal(stat_volume(&box), -ENOMEM);
		allocfail_stop();
		assert_true(allocfail_failed() >= 2);
	}
	assert_int_equal(stat_volume(&box), 0);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tests_own_allocations_are_not_counted),
		cmocka_unit_test(each_allocation_of_the_product_fails_once_and_for_good),
	};

	return cmocka_run_group_tests_name("alloc/allocfail", tests, NULL, NULL);
}
