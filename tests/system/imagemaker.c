/* SPDX-License-Identifier: Apache-2.0 */
/* An image from elsewhere: a volume of any name, with any documents and LUN maps, made by the engine without an
 * administration that would look at them, and written to disk files.
 *   imagemaker FOLDER SEED NAME [doc NAME TEXT | lun PATH MAPS]...
 * makes FOLDER/d0, d1 and p0. Another seed is another volume. */
#include "tests/fs/vdiskbox.h"

#include "tests/support/memdisk.h"

#define N_DISKS 3U
#define DISK_BYTES (20ULL << 20)

static struct fsbox box;

static void put_document(const char *name, const char *text)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_PUT, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.blob = text;
	msg.in.blob_len = strlen(text);
	assert_int_equal(box_send(&box, &msg), 0);
	fs_message_fini(&msg);
}

static void make_lun(const char *path, const char *maps)
{
	assert_int_equal(vd_create(&box, path, 1 * MIB, NULL, false), 0);
	assert_int_equal(vd_set_maps(&box, path, maps), 0);
}

/* Sparse, as files of disks are. */
static void write_disk(const char *medium, const char *path)
{
	static const uint8_t zeros[4096];
	uint8_t bytes[4096];
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	for (uint64_t block = 0; block < memdisk_blocks(medium); block++) {
		memdisk_peek(medium, block, bytes);
		if (memcmp(bytes, zeros, sizeof zeros) == 0 && block + 1 < memdisk_blocks(medium)) {
			assert_int_equal(fseek(file, sizeof bytes, SEEK_CUR), 0);
			continue;
		}
		assert_int_equal(fwrite(bytes, sizeof bytes, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
}

int main(int argc, char **argv)
{
	static const char *const names[N_DISKS] = { "d0", "d1", "p0" };
	char path[4096];

	if (argc < 4 || argc % 3 != 1) {
		(void)fprintf(stderr, "usage: imagemaker FOLDER SEED NAME [doc NAME TEXT | lun PATH MAPS]...\n");
		return 2;
	}
	/* odd: disks without latency */
	box_open(&box, strtoull(argv[2], NULL, 10) * 2U + 1U, N_DISKS, DISK_BYTES, 4096);
	for (int i = 4; i < argc; i += 3)
		(strcmp(argv[i], "doc") == 0 ? put_document : make_lun)(argv[i + 1], argv[i + 2]);
	assert_int_equal(box_unmount(&box), 0);
	box.name = argv[3];
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
	for (unsigned i = 0; i < N_DISKS; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", argv[1], names[i]);
		write_disk(box.urls[i] + strlen("mem:"), path);
	}
	box_close(&box);
	return 0;
}
