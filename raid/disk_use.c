/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk is in use for: looking, and wiping what makes it a disk of a volume. */
#include "raid/disk_use.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raid/filedisk.h"
#include "raid/label.h"
#include "raid/raid_probe.h"
#include "raid/spare_label.h"

#define LOOK_BYTES (1U << 20) /* at either end */
#define LOOK_PLACES 16U /* blocks between */
#define FRONT_BYTES ((size_t)RAID_INTENT_FIRST * RAID_BLOCK_SIZE) /* where labels are */

struct look {
	int fd;
	uint64_t size_bytes;
	uint8_t *buffer; /* LOOK_BYTES */
	struct label label;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* As much as the disk has of it; zeros behind its end. */
static int look_read(struct look *look, uint64_t offset, size_t len)
{
	size_t used = 0;

	memset(look->buffer, 0, len);
	while (used < len) {
		ssize_t n = pread(look->fd, look->buffer + used, len - used, (off_t)(offset + used));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		used += (size_t)n;
	}
	return 0;
}

static bool is_zeros(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* 0: look->label is the newest; -EUCLEAN, -ENOTSUP: a label, but not one to read; -ENOENT: none. The front is in the
 * buffer. */
static int look_label(struct look *look)
{
	static _Thread_local struct label other;
	const uint8_t *front = look->buffer;
	int a = label_decode((const void *)(front + RAID_LABEL_A_BLOCK * RAID_BLOCK_SIZE), &look->label);
	int b = label_decode((const void *)(front + RAID_LABEL_B_BLOCK * RAID_BLOCK_SIZE), &other);

	if (b == 0 && (a != 0 || other.generation > look->label.generation))
		look->label = other;
	return a == 0 || b == 0 ? 0 : a != -ENOENT ? a : b;
}

static void say_label(const struct label *label, struct disk_use *use)
{
	const struct label_member *own = &label->members[label->member_index];
	char uuid[UUID_TEXT_SIZE];

	uuid_format(&label->identity, uuid);
	use->kind = DISK_USE_LABEL;
	use->volume = label->identity;
	(void)snprintf(use->text, sizeof use->text, "%s disk %u of RAID group %u of the volume with UUID %s",
	               raid_role_name(own->is_parity, own->is_second), (unsigned)own->position, (unsigned)own->group,
	               uuid);
}

static void say_spare(const struct spare_label *label, struct disk_use *use)
{
	char spare[UUID_TEXT_SIZE], volume[UUID_TEXT_SIZE];

	uuid_format(&label->disk_uuid, spare);
	uuid_format(&label->volume_uuid, volume);
	use->kind = DISK_USE_SPARE;
	use->spare = label->disk_uuid;
	use->volume = label->volume_uuid;
	(void)snprintf(use->text, sizeof use->text, "a hot spare with UUID %s%s%s", spare,
	               label->has_volume ? " of the volume with UUID " : "", label->has_volume ? volume : "");
}

/* By the front, which is in the buffer: is it ours? */
static void look_ours(struct look *look, struct disk_use *use)
{
	struct spare_label spare;
	int label = look_label(look), as_spare = spare_label_decode((const void *)look->buffer, &spare);

	if (label == 0) {
		say_label(&look->label, use);
	} else if (as_spare == 0) {
		say_spare(&spare, use);
	} else if (label != -ENOENT || as_spare != -ENOENT) {
		use->kind = DISK_USE_DATA;
		(void)snprintf(use->text, sizeof use->text, "a %s, its label %s",
		               label != -ENOENT ? "disk of a vcstore volume" : "hot spare of vcstore",
		               label == -ENOTSUP || as_spare == -ENOTSUP ? "made by another version" : "damaged");
	}
}

/* ---- what libblkid knows ----------------------------------------------------------------------------------------- */

static const char *probe_value(blkid_probe probe, const char *name)
{
	const char *value = NULL;
	return blkid_probe_lookup_value(probe, name, &value, NULL) == 0 ? value : NULL;
}

/* Labels are whatever somebody wrote there. */
static void append_plain(char *text, size_t size, const char *from)
{
	size_t len = strlen(text);

	for (; *from != '\0' && len + 1 < size; from++)
		text[len++] = *from >= ' ' && *from <= '~' && *from != '"' && *from != '\\' ? *from : '?';
	text[len] = '\0';
}

static void say_known(blkid_probe probe, struct disk_use *use)
{
	const char *type = probe_value(probe, "TYPE"), *table = probe_value(probe, "PTTYPE"),
	           *usage = probe_value(probe, "USAGE");
	const char *label = probe_value(probe, "LABEL");
	bool is_fs = usage != NULL && strcmp(usage, "filesystem") == 0;

	use->kind = DISK_USE_KNOWN;
	(void)snprintf(use->text, sizeof use->text, "%s",
	               type == NULL ? "a partition table ("
	               : is_fs      ? "a file system ("
	                            : "something (");
	append_plain(use->text, sizeof use->text - 2, type != NULL ? type : table != NULL ? table : "unknown");
	(void)snprintf(use->text + strlen(use->text), 2, ")");
	if (label == NULL || *label == '\0')
		return;
	append_plain(use->text, sizeof use->text, ", labelled ");
	append_plain(use->text, sizeof use->text, label);
}

static int look_known(struct look *look, struct disk_use *use)
{
	blkid_probe probe = blkid_new_probe();

	if (probe == NULL)
		return -ENOMEM;
	(void)blkid_probe_enable_superblocks(probe, 1);
	(void)blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE);
	(void)blkid_probe_enable_partitions(probe, 1);
	/* An empty disk is nothing to libblkid, and an error of its reads comes up again in ours. */
	if (blkid_probe_set_device(probe, look->fd, 0, 0) == 0 && blkid_do_probe(probe) == 0)
		say_known(probe, use);
	blkid_free_probe(probe);
	return 0;
}

/* ---- what nobody knows ------------------------------------------------------------------------------------------- */

static int look_data(struct look *look, struct disk_use *use)
{
	uint64_t last = look->size_bytes > LOOK_BYTES ? look->size_bytes - LOOK_BYTES : 0;
	uint64_t step = look->size_bytes / (LOOK_PLACES + 1) / RAID_BLOCK_SIZE * RAID_BLOCK_SIZE;

	for (unsigned i = 0; i < LOOK_PLACES + 2; i++) {
		uint64_t at = i == LOOK_PLACES + 1 ? last : i * step;
		size_t len = i == 0 || i == LOOK_PLACES + 1 ? LOOK_BYTES : RAID_BLOCK_SIZE;
		int err = look_read(look, at, len);
		if (err != 0)
			return err;
		if (is_zeros(look->buffer, len))
			continue;
		use->kind = DISK_USE_DATA;
		(void)snprintf(use->text, sizeof use->text, "data: not only zeros in the %zu KiB at byte %llu",
		               len / 1024, (unsigned long long)at);
		return 0;
	}
	return 0;
}

/* ---- the functions ----------------------------------------------------------------------------------------------- */

static int look_open(const char *url, int flags, struct look **ret_look)
{
	const struct disk_driver *driver;
	const char *location;
	bool is_device;
	int err = disk_driver_find(url, &driver, &location);

	if (err != 0 || driver != &filedisk_driver)
		return err != 0 ? err : -EOPNOTSUPP;
	struct look *look = calloc(1, sizeof *look);
	if (look == NULL || (look->buffer = malloc(LOOK_BYTES)) == NULL) {
		free(look);
		return -ENOMEM;
	}
	look->fd = filedisk_claim(location, flags, &look->size_bytes, &is_device);
	if (look->fd < 0) {
		err = look->fd;
		free(look->buffer);
		free(look);
		return err;
	}
	*ret_look = look;
	return 0;
}

static void look_close(struct look *look)
{
	(void)close(look->fd);
	free(look->buffer);
	free(look);
}

int disk_use_look(const char *url, struct disk_use *ret_use)
{
	struct look *look;
	int err = look_open(url, O_RDONLY, &look);

	*ret_use = (struct disk_use){ .kind = DISK_USE_NONE };
	if (err != 0)
		return err == -EOPNOTSUPP ? 0 : err;
	ret_use->size_bytes = look->size_bytes;
	err = look_read(look, 0, LOOK_BYTES);
	if (err == 0)
		look_ours(look, ret_use);
	if (err == 0 && ret_use->kind == DISK_USE_NONE)
		err = look_known(look, ret_use);
	if (err == 0 && ret_use->kind == DISK_USE_NONE)
		err = look_data(look, ret_use);
	look_close(look);
	return err;
}

int disk_use_glance(const char *url, struct disk_use *ret_use)
{
	struct look *look;
	int err = look_open(url, O_RDONLY, &look);

	*ret_use = (struct disk_use){ .kind = DISK_USE_NONE };
	if (err != 0)
		return err == -EOPNOTSUPP ? 0 : err;
	ret_use->size_bytes = look->size_bytes;
	err = look_read(look, 0, FRONT_BYTES);
	if (err == 0)
		look_ours(look, ret_use);
	if (err == 0 && ret_use->kind == DISK_USE_NONE && !is_zeros(look->buffer, FRONT_BYTES)) {
		ret_use->kind = DISK_USE_DATA;
		(void)snprintf(ret_use->text, sizeof ret_use->text, "no label of ours");
	}
	look_close(look);
	return err;
}

/* The first `len` bytes of the buffer. */
static int write_buffer(const struct look *look, size_t len, uint64_t offset)
{
	size_t used = 0;

	while (used < len) {
		ssize_t n = pwrite(look->fd, look->buffer + used, len - used, (off_t)(offset + used));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		used += (size_t)n;
	}
	return 0;
}

static int make_durable(const struct look *look)
{
	return fdatasync(look->fd) == 0 ? 0 : -errno;
}

int disk_use_mark_spare(const char *url, const struct uuid *spare, const struct uuid *volume)
{
	struct look *look;
	int err = look_open(url, O_RDWR, &look);

	if (err != 0)
		return err;
	struct spare_label label = { .disk_uuid = *spare,
		                     .has_volume = volume != NULL,
		                     .size_blocks = look->size_bytes / RAID_BLOCK_SIZE };
	if (volume != NULL)
		label.volume_uuid = *volume;
	memset(look->buffer, 0, FRONT_BYTES);
	err = look->size_bytes < FRONT_BYTES ? -ERANGE : write_buffer(look, FRONT_BYTES, 0);
	if (err == 0)
		err = make_durable(look);
	spare_label_encode(&label, (void *)look->buffer);
	if (err == 0)
		err = write_buffer(look, RAID_BLOCK_SIZE, 0);
	if (err == 0)
		err = make_durable(look);
	look_close(look);
	return err;
}

static int write_zeros(const struct look *look, uint64_t len)
{
	int err = 0;

	memset(look->buffer, 0, LOOK_BYTES);
	for (uint64_t at = 0; err == 0 && at < len; at += LOOK_BYTES)
		err = write_buffer(look, (size_t)MIN_OF(len - at, (uint64_t)LOOK_BYTES), at);
	return err == 0 ? make_durable(look) : err;
}

int disk_use_wipe(const char *url, const struct uuid *volume)
{
	struct look *look;
	int err = look_open(url, O_RDWR, &look);

	if (err != 0)
		return err == -EOPNOTSUPP ? 0 : err;
	err = look_read(look, 0, LOOK_BYTES);
	int label = err == 0 ? look_label(look) : -ENOENT;
	if (err == 0 && volume != NULL && (label != 0 || !uuid_equal(&look->label.identity, volume)))
		err = -ENOKEY;
	if (err == 0) {
		uint64_t blocks = label == 0 ? look->label.layout.log_first : RAID_INTENT_FIRST;
		err = write_zeros(look, MIN_OF(blocks * RAID_BLOCK_SIZE, look->size_bytes));
	}
	look_close(look);
	return err;
}
