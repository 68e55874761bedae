/* SPDX-License-Identifier: Apache-2.0 */
/* What is on a disk is seen before it is taken, and wiping leaves nothing of a volume on it. */
#include "tests/base/cmocka_all.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "raid/disk_use.h"
#include "raid/filedisk.h"
#include "raid/label.h"
#include "raid/layout.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (32ULL << 20)

static char dir[128], path[160], url[200];
static const struct uuid volume = { .b = { 0x11, 2, 3, 4, 5, 6, 0x47, 8, 0x89 } }, other = { .b = { 0x99 } };

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "%s/vc-use-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/disk", dir);
	(void)snprintf(url, sizeof url, "file:%s", path);
	return disk_create(url, DISK_BYTES);
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void put(const char *where, uint64_t offset, const void *bytes, size_t len)
{
	int fd = open(where, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), len);
	assert_int_equal(close(fd), 0);
}

static bool front_is_zeros(const char *where, uint64_t len)
{
	uint8_t block[4096];
	bool zeros = true;
	int fd = open(where, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (uint64_t at = 0; at < len; at += sizeof block) {
		assert_int_equal(pread(fd, block, sizeof block, (off_t)at), sizeof block);
		for (size_t i = 0; i < sizeof block; i++)
			zeros = zeros && block[i] == 0;
	}
	assert_int_equal(close(fd), 0);
	return zeros;
}

/* Copy 0, 1 of the label of a data disk, as a format writes it; something in the ring and in the intents. */
static void put_label(const char *where, unsigned copy)
{
	static struct label label;
	static struct raid_label_format bytes;

	memset(&label, 0, sizeof label);
	label.volume_uuid = label.identity = volume;
	label.generation = copy + 1;
	label.n_members = 2;
	label.n_groups = 1;
	assert_int_equal(layout_plan(DISK_BYTES / RAID_BLOCK_SIZE, 0, &label.layout), 0);
	for (unsigned i = 0; i < 2; i++)
		label.members[i] = (struct label_member){ .uuid.b[0] = (uint8_t)(i + 1),
			                                  .size_blocks = DISK_BYTES / RAID_BLOCK_SIZE,
			                                  .n_dbn = layout_n_dbn(&label.layout,
			                                                        DISK_BYTES / RAID_BLOCK_SIZE),
			                                  .position = (uint16_t)i,
			                                  .is_parity = i == 1 };
	label_encode(&label, &bytes);
	put(where, layout_label_block(copy) * RAID_BLOCK_SIZE, &bytes, sizeof bytes);
	put(where, RAID_RING_FIRST * RAID_BLOCK_SIZE, RAID_FSINFO_MAGIC, 8);
	put(where, (label.layout.log_first - 1) * RAID_BLOCK_SIZE, RAID_INTENT_MAGIC, 8);
}

static uint64_t front_bytes(void)
{
	struct layout layout;

	assert_int_equal(layout_plan(DISK_BYTES / RAID_BLOCK_SIZE, 0, &layout), 0);
	return layout.log_first * (uint64_t)RAID_BLOCK_SIZE;
}

/* What nobody has registered there is not: the product has files and devices, and no other disks. */
static void a_url_of_an_unknown_scheme_is_no_disk(void **state)
{
	static const char *const urls[] = { "mem:a", "nbd:a", ":a", "a", "" };
	const struct disk_driver *driver;
	const char *location;
	struct disk *disk;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		assert_int_equal(disk_driver_find(urls[i], &driver, &location), -EINVAL);
		assert_int_equal(disk_create(urls[i], DISK_BYTES), -EINVAL);
		assert_int_equal(disk_open(NULL, urls[i], &disk), -EINVAL);
	}
}

static void a_disk_of_another_driver_is_nobodys(void **state)
{
	struct disk_use use;

	(void)state;
	disk_driver_register(&memdisk_driver);
	assert_int_equal(disk_use_look("mem:nothing", &use), 0);
	assert_int_equal(use.kind, DISK_USE_NONE);
	assert_int_equal(disk_use_wipe("mem:nothing", NULL), 0);
}

static void a_new_disk_is_nobodys(void **state)
{
	struct disk_use use;

	(void)state;
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_NONE);
	assert_int_equal(disk_use_look("file:/nowhere/at/all", &use), -ENOENT);
	assert_int_equal(disk_use_look("file:/dev/zero", &use), -EINVAL);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_NONE);
}

static void bytes_that_are_not_zero_are_seen(void **state)
{
	static const uint64_t places[] = { 0, 4097, (1U << 20) - 1, DISK_BYTES - (1U << 20), DISK_BYTES - 1 };
	struct disk_use use;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		put(path, places[i], "x", 1);
		assert_int_equal(disk_use_look(url, &use), 0);
		assert_int_equal(use.kind, DISK_USE_DATA);
		assert_non_null(strstr(use.text, "not only zeros"));
		put(path, places[i], "", 1);
	}
	/* And data in the middle of a file whose ends are empty: a block in every 17th of it is looked at. */
	uint8_t *data = calloc(1, 4U << 20);
	memset(data, 7, 4U << 20);
	put(path, 14U << 20, data, 4U << 20);
	free(data);
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_DATA);
}

static void what_libblkid_knows_is_named(void **state)
{
	static const uint32_t head[] = { 1, 100, 0 }; /* swap: version, last page */
	struct disk_use use;

	(void)state;
	put(path, 1024, head, sizeof head);
	put(path, 1024 + 28, "a\033[1m\"b", 7);
	put(path, 4086, "SWAPSPACE2", 10);
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_KNOWN);
	assert_string_equal(use.text, "something (swap), labelled a?[1m?b");
}

static void a_disk_of_a_volume_is_known_by_either_label(void **state)
{
	struct disk_use use;

	(void)state;
	for (unsigned copy = 0; copy < 2; copy++) {
		put_label(path, copy);
		assert_int_equal(disk_use_look(url, &use), 0);
		assert_int_equal(use.kind, DISK_USE_LABEL);
		assert_true(uuid_equal(&use.volume, &volume));
		assert_string_equal(
		    use.text,
		    "data disk 0 of RAID group 0 of the volume with UUID 11020304-0506-4708-8900-000000000000");
		put(path, layout_label_block(copy) * RAID_BLOCK_SIZE + 100, "damage", 6);
		assert_int_equal(disk_use_look(url, &use), 0);
		assert_int_equal(use.kind, DISK_USE_DATA);
		assert_non_null(strstr(use.text, "its label damaged"));
		assert_int_equal(disk_use_wipe(url, NULL), 0);
	}
}

static void wiping_leaves_no_label_no_root_and_no_intent(void **state)
{
	struct disk_use use;

	(void)state;
	put_label(path, 0);
	put_label(path, 1);
	put(path, front_bytes(), "log", 3);
	assert_int_equal(disk_use_wipe(url, &volume), 0);
	assert_true(front_is_zeros(path, front_bytes()));
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_not_equal(use.kind, DISK_USE_LABEL);
	assert_false(front_is_zeros(path, front_bytes() + 4096)); /* the data stays */
}

static void only_the_volumes_own_disk_is_wiped(void **state)
{
	struct disk_use use;

	(void)state;
	put(path, 5000, "of somebody", 11);
	assert_int_equal(disk_use_wipe(url, &volume), -ENOKEY);
	put_label(path, 1);
	assert_int_equal(disk_use_wipe(url, &other), -ENOKEY);
	assert_int_equal(disk_use_look(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_LABEL);
	assert_false(front_is_zeros(path, 8192));
}

static void a_hot_spare_is_neither_empty_nor_a_disk_of_a_volume(void **state)
{
	static const struct uuid spare = { .b = { 0x77, 1 } };
	struct disk_use use;

	(void)state;
	put_label(path, 0);
	put_label(path, 1);
	for (unsigned own = 0; own < 2; own++) {
		assert_int_equal(disk_use_mark_spare(url, &spare, own ? &volume : NULL), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(i == 0 ? disk_use_look(url, &use) : disk_use_glance(url, &use), 0);
			assert_int_equal(use.kind, DISK_USE_SPARE);
			assert_true(uuid_equal(&use.spare, &spare));
			assert_int_equal(uuid_equal(&use.volume, &volume), own);
			assert_int_equal(use.size_bytes, DISK_BYTES);
			assert_int_equal(strstr(use.text, "of the volume with UUID 11020304") != NULL, own);
		}
	}
	put(path, 100, "damage", 6);
	assert_int_equal(disk_use_glance(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_DATA);
	assert_non_null(strstr(use.text, "its label damaged"));
	assert_int_equal(disk_use_wipe(url, &volume), -ENOKEY);
	assert_int_equal(disk_use_wipe(url, NULL), 0);
	assert_int_equal(disk_use_glance(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_NONE);
	put(path, 9000, "x", 1);
	assert_int_equal(disk_use_glance(url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_DATA);
	assert_int_equal(truncate(path, 8192), 0);
	assert_int_equal(disk_use_mark_spare(url, &spare, NULL), -ERANGE);
}

static void a_disk_that_is_open_is_left_alone(void **state)
{
	struct disk_use use;
	uint64_t size;
	bool is_device;

	(void)state;
	put_label(path, 0);
	int fd = filedisk_claim(path, O_RDWR, &size, &is_device);
	assert_true(fd >= 0 && !is_device && size == DISK_BYTES);
	assert_int_equal(disk_use_look(url, &use), -EBUSY);
	assert_int_equal(disk_use_wipe(url, &volume), -EBUSY);
	assert_false(front_is_zeros(path, 4096));
	assert_int_equal(close(fd), 0);
	assert_int_equal(disk_use_wipe(url, &volume), 0);
}

/* ---- a block device ---------------------------------------------------------------------------------------------- */

/* A loop device on the file; NULL: this machine has none to give. */
static const char *loop_open(int *ret_fd)
{
	static char name[32];
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file = open(path, O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; control >= 0 && i < 20; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		(void)snprintf(name, sizeof name, "/dev/loop%d", n);
		int fd = n < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_SET_FD, file) == 0) {
			(void)close(control);
			(void)close(file);
			*ret_fd = fd;
			return name;
		}
		if (fd >= 0)
			(void)close(fd); /* somebody else was faster */
	}
	(void)close(control);
	(void)close(file);
	return NULL;
}

static void a_device_is_claimed_wiped_and_never_removed(void **state)
{
	char device_url[64];
	struct disk_use use;
	struct stat st;
	uint64_t size;
	bool is_device;
	int loop_fd;

	(void)state;
	const char *name = loop_open(&loop_fd);
	if (name == NULL) {
		skip();
		return;
	}
	(void)snprintf(device_url, sizeof device_url, "file:%s", name);
	put_label(name, 0);
	put_label(name, 1);
	int fd = filedisk_claim(name, O_RDWR, &size, &is_device);
	assert_true(fd >= 0 && is_device && size == DISK_BYTES);
	/* nobody can mount it meanwhile */
	assert_true(open(name, O_RDONLY | O_EXCL | O_CLOEXEC) < 0 && errno == EBUSY);
	assert_int_equal(disk_use_look(device_url, &use), -EBUSY);
	assert_int_equal(disk_use_wipe(device_url, &volume), -EBUSY);
	assert_int_equal(close(fd), 0);

	assert_int_equal(disk_use_look(device_url, &use), 0);
	assert_int_equal(use.kind, DISK_USE_LABEL);
	assert_int_equal(disk_destroy(device_url), -EINVAL);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(disk_use_wipe(device_url, &volume), 0);
	assert_true(front_is_zeros(name, front_bytes()));
	assert_int_equal(stat(name, &st), 0);
	assert_true(S_ISBLK(st.st_mode));
	(void)ioctl(loop_fd, LOOP_CLR_FD);
	(void)close(loop_fd);
	assert_true(front_is_zeros(path, front_bytes())); /* on the medium */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_url_of_an_unknown_scheme_is_no_disk),
		TEST(a_disk_of_another_driver_is_nobodys),
		TEST(a_new_disk_is_nobodys),
		TEST(bytes_that_are_not_zero_are_seen),
		TEST(what_libblkid_knows_is_named),
		TEST(a_disk_of_a_volume_is_known_by_either_label),
		TEST(wiping_leaves_no_label_no_root_and_no_intent),
		TEST(only_the_volumes_own_disk_is_wiped),
		TEST(a_hot_spare_is_neither_empty_nor_a_disk_of_a_volume),
		TEST(a_disk_that_is_open_is_left_alone),
		TEST(a_device_is_claimed_wiped_and_never_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
