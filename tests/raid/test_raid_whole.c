/* SPDX-License-Identifier: Apache-2.0 */
/* Making stripes whole in numbers: more checksum blocks change than are kept, and nobody else wants a flush. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/list.h"
#include "base/page.h"
#include "raid/layout.h"
#include "tests/support/simraid.h"

#define N_DISKS 4U
#define N_ZONES 800U
#define DISK_BLOCKS ((N_ZONES + 4U) * 256U)
#define LOG_HALF (64U * 1024U)

static struct simraid s;
static struct layout layout;

static int volume_make(void **state)
{
	const unsigned disks = N_DISKS;

	(void)state;
	assert_int_equal(page_arena_init(4096), 0);
	simraid_init(&s, 9, "w", 1, &disks, DISK_BLOCKS);
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / 4096U, &layout), 0);
	assert_int_equal(simraid_open(&s), 0);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	if (s.raid != NULL)
		assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
	memdisk_destroy_all();
	page_arena_fini();
	return 0;
}

struct whole {
	bool done;
	uint32_t n_lost;
};

static void on_whole(void *arg, uint32_t n_lost)
{
	*(struct whole *)arg = (struct whole){ true, n_lost };
}

static void stripes_with_another_entry_are_made_whole_whatever_their_number(void **state)
{
	uint8_t bytes[4096];

	(void)state;
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_CHECKSUM_ERRORS, RAID_NO_LIMIT), 0);
	memset(bytes, 0x5A, sizeof bytes);
	for (uint32_t zone = 0; zone < N_ZONES; zone++)
		memdisk_poke(s.names[2], layout_checksum_block(&layout, zone), bytes);
	for (uint32_t zone = 0; zone < N_ZONES; zone++) {
		struct whole whole = { false, 0 };

		raid_make_whole(s.raid, 0, zone * RAID_ZONE_DATA + 7U, 20, on_whole, &whole);
		assert_true(simraid_wait(&s, &whole.done));
		assert_int_equal(whole.n_lost, 0);
	}
	assert_int_equal(simraid_flush(&s), 0);
	for (uint32_t zone = 0; zone < N_ZONES; zone += 99) {
		const struct raid_checksum_format *entries = (const struct raid_checksum_format *)(const void *)bytes;

		memdisk_peek(s.names[2], layout_checksum_block(&layout, zone), bytes);
		for (unsigned i = 0; i < RAID_ZONE_DATA; i++)
			assert_int_equal(le32_get(entries[i].crc), i >= 7 && i < 27 ? 0 : 0x5A5A5A5A);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stripes_with_another_entry_are_made_whole_whatever_their_number,
		                                volume_make, volume_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
