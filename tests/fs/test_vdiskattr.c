/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a vdisk: bytes and back, and no bytes that do harm. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "fs/vdisk/vdiskattr.h"

static uint8_t bytes[VDISKATTR_BYTES_MAX];

static struct vdisk_attr sample(void)
{
	struct uuid uuid;
	struct vdisk_attr attr;

	for (unsigned i = 0; i < sizeof uuid.b; i++)
		uuid.b[i] = (uint8_t)(i * 37 + 5);
	vdisk_attr_init(&attr, &uuid, 1234567890123);
	attr.write_cache = false;
	attr.reserved = true;
	attr.parent = 64;
	attr.state_generation = 99;
	memcpy(attr.path, "/dir/test", 10);
	memcpy(attr.comment, "mail server", 12);
	attr.backing = (struct vdisk_backing){
		.snapshot = 7, .inode = 70, .generation = 700, .n_blocks = 7000, .snapshot_name = "s1", .path = "/base"
	};
	attr.clone = (struct vdisk_clone){ .state = FS_CLONE_STOPPED,
		                           .error = -ENOSPC,
		                           .cursor = 55,
		                           .n_copied = 44,
		                           .rate_bytes_s = 33,
		                           .started_ns = -22,
		                           .n_total = 11,
		                           .n_own_below = 66,
		                           .n_zero_above = 77,
		                           .verify_cursor = 88,
		                           .n_verified = 99,
		                           .flags = FS_CLONE_VERIFY,
		                           .priority = 10 };
	assert_int_equal(vdisk_attr_set_maps(&attr, "[{}]", 4), 0);
	return attr;
}

static void what_is_encoded_is_decoded(void **state)
{
	struct vdisk_attr a = sample(), b;
	size_t len = vdisk_attr_encode(&a, bytes);

	(void)state;
	assert_int_equal(len, vdisk_attr_size(&a));
	assert_int_equal(vdisk_attr_decode(bytes, sizeof bytes, &b), 0);
	assert_string_equal(b.maps, "[{}]");
	assert_string_equal(b.serial, a.serial);
	assert_int_equal(strlen(b.serial), VDISK_SERIAL_LEN);
	free(a.maps);
	free(b.maps);
	a.maps = b.maps = NULL;
	assert_true(uuid_equal(&a.uuid, &b.uuid));
	assert_true(b.online && !b.write_cache && b.reserved);
	assert_int_equal(b.state_generation, 99);
	assert_int_equal(b.created_ns, 1234567890123);
	assert_string_equal(b.comment, a.comment);
	assert_string_equal(b.path, a.path);
	assert_int_equal(b.parent, 64);
	assert_memory_equal(&a.backing, &b.backing, sizeof a.backing);
	assert_memory_equal(&a.clone, &b.clone, sizeof a.clone);
}

static void every_flipped_bit_and_every_cut_is_noticed(void **state)
{
	struct vdisk_attr a = sample(), b;
	size_t len = vdisk_attr_encode(&a, bytes);

	(void)state;
	for (size_t bit = 0; bit < len * 8U; bit++) {
		bytes[bit / 8U] ^= (uint8_t)(1U << bit % 8U);
		assert_int_equal(vdisk_attr_decode(bytes, len, &b), -EUCLEAN);
		bytes[bit / 8U] ^= (uint8_t)(1U << bit % 8U);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vdisk_attr_decode(bytes, cut, &b), -EUCLEAN);
	vdisk_attr_fini(&a);
}

/* Make the CRC right again, so that the fields themselves are looked at. */
static void seal(size_t len)
{
	le32 crc = le32_of(0);

	memcpy(bytes + 12, &crc, sizeof crc);
	crc = le32_of(crc32c(bytes, len));
	memcpy(bytes + 12, &crc, sizeof crc);
}

static void bytes_with_a_valid_crc_do_no_harm(void **state)
{
	struct vdisk_attr a = sample(), b;
	size_t len = vdisk_attr_encode(&a, bytes);
	uint8_t keep;
	unsigned n_refused = 0;

	(void)state;
	for (size_t at = 16; at < len; at++)
		for (unsigned value = 0; value < 256; value += value < 4 ? 1 : 17) {
			keep = bytes[at];
			bytes[at] = (uint8_t)value;
			seal(len);
			int err = vdisk_attr_decode(bytes, len, &b);
			assert_true(err == 0 || err == -EUCLEAN || err == -ENOTSUP);
			n_refused += err != 0;
			if (err == 0)
				vdisk_attr_fini(&b);
			bytes[at] = keep;
		}
	assert_true(n_refused > 1000);
	vdisk_attr_fini(&a);
}

static size_t append_unknown(size_t len, unsigned flags)
{
	const uint8_t item[] = { 0xf0, 0x0f, (uint8_t)flags, 0, 3, 0, 0, 0, 'x', 'y', 'z' };
	le32 length = le32_of((uint32_t)(len + sizeof item));

	memcpy(bytes + len, item, sizeof item);
	memcpy(bytes + 8, &length, sizeof length);
	seal(len + sizeof item);
	return len + sizeof item;
}

static void unknown_attributes_survive_a_change(void **state)
{
	struct vdisk_attr a = sample(), b, c;
	size_t len = vdisk_attr_encode(&a, bytes);

	(void)state;
	vdisk_attr_fini(&a);
	len = append_unknown(append_unknown(len, 0), 0x80);
	assert_int_equal(vdisk_attr_decode(bytes, len, &b), 0);
	assert_int_equal(vdisk_attr_set_maps(&b, "[]", 2), 0);
	memcpy(b.comment, "changed", 8);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(vdisk_attr_size(&b), len - 2U - 4U); /* maps and comment are shorter */
	assert_int_equal(vdisk_attr_encode(&b, bytes), len - 2U - 4U);
	assert_int_equal(vdisk_attr_decode(bytes, sizeof bytes, &c), 0);
	assert_string_equal(c.comment, "changed");
	assert_int_equal(c.unknown_len, 22);
	assert_memory_equal(c.unknown, "\xf0\x0f\0\0\3\0\0\0xyz\xf0\x0f\x80\0\3\0\0\0xyz", 22);
	vdisk_attr_fini(&b);
	vdisk_attr_fini(&c);
}

static void more_unknown_attributes_than_there_is_room_for_are_refused(void **state)
{
	struct vdisk_attr a = sample(), b;
	size_t len = vdisk_attr_encode(&a, bytes), n = 0;

	(void)state;
	vdisk_attr_fini(&a);
	for (; n + 11U <= VDISKATTR_UNKNOWN_MAX; n += 11U)
		len = append_unknown(len, 0);
	assert_int_equal(vdisk_attr_decode(bytes, len, &b), 0);
	assert_int_equal(b.unknown_len, n);
	vdisk_attr_fini(&b);
	assert_int_equal(vdisk_attr_decode(bytes, append_unknown(len, 0), &b), -ENOTSUP);
}

static void an_unknown_attribute_is_passed_over_unless_it_must_be_known(void **state)
{
	struct vdisk_attr a = sample(), b;
	size_t len = vdisk_attr_encode(&a, bytes);

	(void)state;
	assert_int_equal(vdisk_attr_decode(bytes, append_unknown(len, 0), &b), 0);
	assert_string_equal(b.comment, a.comment);
	vdisk_attr_fini(&b);
	assert_int_equal(vdisk_attr_decode(bytes, append_unknown(len, 1), &b), -ENOTSUP);
	vdisk_attr_fini(&a);
}

static void the_largest_attributes_fit(void **state)
{
	struct vdisk_attr a = sample(), b;
	char *maps = malloc(VDISK_MAPS_MAX);

	(void)state;
	memset(maps, 'm', VDISK_MAPS_MAX);
	memset(a.comment, 'c', VDISK_COMMENT_MAX);
	memset(a.path, 'p', FS_PATH_MAX - 1U);
	memset(a.backing.path, 'b', FS_PATH_MAX - 1U);
	memset(a.backing.snapshot_name, 's', FS_NAME_MAX);
	assert_int_equal(vdisk_attr_set_maps(&a, maps, VDISK_MAPS_MAX), 0);
	assert_int_equal(vdisk_attr_set_maps(&a, maps, VDISK_MAPS_MAX + 1U), -E2BIG);
	assert_true(vdisk_attr_size(&a) <= VDISKATTR_BYTES_MAX);
	assert_int_equal(vdisk_attr_decode(bytes, vdisk_attr_encode(&a, bytes), &b), 0);
	assert_string_equal(a.path, b.path);
	assert_int_equal(strlen(b.maps), VDISK_MAPS_MAX);
	vdisk_attr_fini(&a);
	vdisk_attr_fini(&b);
	free(maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_noticed),
		cmocka_unit_test(bytes_with_a_valid_crc_do_no_harm),
		cmocka_unit_test(an_unknown_attribute_is_passed_over_unless_it_must_be_known),
		cmocka_unit_test(unknown_attributes_survive_a_change),
		cmocka_unit_test(more_unknown_attributes_than_there_is_room_for_are_refused),
		cmocka_unit_test(the_largest_attributes_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
