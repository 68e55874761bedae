/* SPDX-License-Identifier: Apache-2.0 */
/* The named attributes of a vdisk: their bytes. */
#include "fs/vdisk/vdiskattr.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/uuid.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"

static_assert(24 + 12 * 8 + 4 + FS_PATH_MAX + 16 + 20 + 16 + VDISK_COMMENT_MAX + VDISK_MAPS_MAX + 24 + FS_NAME_MAX +
                      FS_PATH_MAX + 48 + 32 + VDISKATTR_UNKNOWN_MAX <=
                  VDISKATTR_BYTES_MAX,
              "all of them fit");

void vdisk_serial_of(const struct uuid *uuid, char ret_serial[VDISK_SERIAL_LEN + 1U])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	/* 20 digits of 5 bits: bytes 0..5 and 8..14 of the UUID hold more than 100 random bits between them. */
	for (unsigned i = 0; i < VDISK_SERIAL_LEN; i++) {
		unsigned bit = i * 5U, byte = bit / 8U;
		unsigned pair = (unsigned)uuid->b[byte] << 8 | uuid->b[byte + 1U];
		ret_serial[i] = digits[pair >> (11U - bit % 8U) & 31U];
	}
	ret_serial[VDISK_SERIAL_LEN] = '\0';
}

void vdisk_attr_init(struct vdisk_attr *attr, const struct uuid *uuid, int64_t now_ns)
{
	*attr = (struct vdisk_attr){
		.uuid = *uuid, .online = true, .write_cache = true, .state_generation = 1, .created_ns = now_ns
	};
	vdisk_serial_of(uuid, attr->serial);
}

void vdisk_attr_fini(struct vdisk_attr *attr)
{
	free(attr->maps);
	free(attr->unknown);
	attr->maps = NULL;
	attr->unknown = NULL;
	attr->unknown_len = 0;
}

int vdisk_attr_set_maps(struct vdisk_attr *attr, const char *maps, size_t len)
{
	char *copy = NULL;

	if (len > VDISK_MAPS_MAX)
		return -E2BIG;
	if (maps != NULL && len > 0) {
		copy = malloc(len + 1U);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, maps, len);
		copy[len] = '\0';
	}
	free(attr->maps);
	attr->maps = copy;
	return 0;
}

/* ---- encoding -------------------------------------------------------------------------------------------------- */

static void item_put(uint8_t *bytes, size_t *io_len, unsigned type, unsigned flags, const void *value, size_t len)
{
	struct vdiskattr_item_disk item = { .type = le16_of((uint16_t)type),
		                            .flags = le16_of((uint16_t)flags),
		                            .length = le32_of((uint32_t)len) };

	memcpy(bytes + *io_len, &item, sizeof item);
	memcpy(bytes + *io_len + sizeof item, value, len);
	*io_len += sizeof item + len;
}

static void text_put(uint8_t *bytes, size_t *io_len, unsigned type, const char *text)
{
	if (text != NULL && text[0] != '\0')
		item_put(bytes, io_len, type, 0, text, strlen(text));
}

static void backing_put(uint8_t *bytes, size_t *io_len, const struct vdisk_backing *backing)
{
	struct vdiskattr_backing_disk item = {
		.snapshot = le32_of(backing->snapshot),
		.inode = le32_of(backing->inode),
		.generation = le64_of(backing->generation),
		.n_blocks = le32_of(backing->n_blocks),
	};

	if (backing->snapshot == 0)
		return;
	item_put(bytes, io_len, VDISKATTR_BACKING, VDISKATTR_MUST_KNOW, &item, sizeof item);
	text_put(bytes, io_len, VDISKATTR_BACKING_SNAPSHOT, backing->snapshot_name);
	text_put(bytes, io_len, VDISKATTR_BACKING_PATH, backing->path);
}

static void clone_put(uint8_t *bytes, size_t *io_len, const struct vdisk_clone *clone)
{
	struct vdiskattr_clone_disk item = {
		.state = le32_of((uint32_t)clone->state),
		.error = le32_of((uint32_t)-clone->error),
		.cursor = le32_of(clone->cursor),
		.flags = le32_of(clone->flags | clone->priority << VDISKATTR_CLONE_PRIORITY_SHIFT),
		.rate_bytes_s = le64_of(clone->rate_bytes_s),
		.n_copied = le64_of(clone->n_copied),
		.started_ns = le64_of((uint64_t)clone->started_ns),
		.n_total = le32_of(clone->n_total),
		.n_own_below = le32_of(clone->n_own_below),
	};

	struct vdiskattr_clone_progress_disk progress = {
		.verify_cursor = le32_of(clone->verify_cursor),
		.n_zero_above = le32_of(clone->n_zero_above),
		.n_verified = le64_of(clone->n_verified),
	};

	if (clone->state == FS_CLONE_NONE)
		return;
	item_put(bytes, io_len, VDISKATTR_CLONE, 0, &item, sizeof item);
	item_put(bytes, io_len, VDISKATTR_CLONE_PROGRESS, 0, &progress, sizeof progress);
}

size_t vdisk_attr_encode(const struct vdisk_attr *attr, uint8_t *ret_bytes)
{
	size_t len = sizeof(struct vdiskattr_head_disk);
	struct vdiskattr_head_disk head = { .magic = le32_of(VDISKATTR_MAGIC),
		                            .version = le16_of(VDISKATTR_VERSION),
		                            .state_generation = le64_of(attr->state_generation) };
	le32 parent = le32_of(attr->parent);
	struct vdiskattr_state_disk state = { .online = attr->online,
		                              .write_cache = attr->write_cache,
		                              .reserved_space = attr->reserved,
		                              .created_ns = le64_of((uint64_t)attr->created_ns) };

	item_put(ret_bytes, &len, VDISKATTR_UUID, 0, attr->uuid.b, sizeof attr->uuid.b);
	text_put(ret_bytes, &len, VDISKATTR_SERIAL, attr->serial);
	item_put(ret_bytes, &len, VDISKATTR_STATE, 0, &state, sizeof state);
	item_put(ret_bytes, &len, VDISKATTR_PARENT, 0, &parent, sizeof parent);
	text_put(ret_bytes, &len, VDISKATTR_PATH, attr->path);
	text_put(ret_bytes, &len, VDISKATTR_COMMENT, attr->comment);
	text_put(ret_bytes, &len, VDISKATTR_MAPS, attr->maps);
	backing_put(ret_bytes, &len, &attr->backing);
	clone_put(ret_bytes, &len, &attr->clone);
	if (attr->unknown_len > 0)
		memcpy(ret_bytes + len, attr->unknown, attr->unknown_len);
	len += attr->unknown_len;
	head.length = le32_of((uint32_t)len);
	memcpy(ret_bytes, &head, sizeof head);
	head.crc = le32_of(crc32c(ret_bytes, len));
	memcpy(ret_bytes, &head, sizeof head);
	return len;
}

static size_t text_size(const char *text)
{
	return text != NULL && text[0] != '\0' ? sizeof(struct vdiskattr_item_disk) + strlen(text) : 0;
}

size_t vdisk_attr_size(const struct vdisk_attr *attr)
{
	size_t len = sizeof(struct vdiskattr_head_disk) + 3U * sizeof(struct vdiskattr_item_disk) +
	             sizeof attr->uuid.b + sizeof(struct vdiskattr_state_disk) + sizeof(le32) + attr->unknown_len;

	len += text_size(attr->path) + text_size(attr->serial) + text_size(attr->comment) + text_size(attr->maps);
	if (attr->backing.snapshot != 0)
		len += sizeof(struct vdiskattr_item_disk) + sizeof(struct vdiskattr_backing_disk) +
		       text_size(attr->backing.snapshot_name) + text_size(attr->backing.path);
	if (attr->clone.state != FS_CLONE_NONE)
		len += 2U * sizeof(struct vdiskattr_item_disk) + sizeof(struct vdiskattr_clone_disk) +
		       sizeof(struct vdiskattr_clone_progress_disk);
	return len;
}

/* ---- decoding -------------------------------------------------------------------------------------------------- */

static int text_get(const uint8_t *value, size_t len, char *ret_text, size_t size)
{
	if (len >= size || memchr(value, '\0', len) != NULL)
		return -EUCLEAN;
	memcpy(ret_text, value, len);
	ret_text[len] = '\0';
	return 0;
}

static int state_get(const uint8_t *value, size_t len, struct vdisk_attr *attr)
{
	struct vdiskattr_state_disk item;

	if (len != sizeof item)
		return -EUCLEAN;
	memcpy(&item, value, sizeof item);
	if (item.online > 1 || item.write_cache > 1 || item.reserved_space > 1)
		return -EUCLEAN;
	attr->online = item.online != 0;
	attr->write_cache = item.write_cache != 0;
	attr->reserved = item.reserved_space != 0;
	attr->created_ns = (int64_t)le64_get(item.created_ns);
	return 0;
}

static int backing_get(const uint8_t *value, size_t len, struct vdisk_backing *backing)
{
	struct vdiskattr_backing_disk item;

	if (len != sizeof item)
		return -EUCLEAN;
	memcpy(&item, value, sizeof item);
	backing->snapshot = le32_get(item.snapshot);
	backing->inode = le32_get(item.inode);
	backing->generation = le64_get(item.generation);
	backing->n_blocks = le32_get(item.n_blocks);
	return backing->snapshot == 0 || backing->inode < FS_INO_ROOT ? -EUCLEAN : 0;
}

static int clone_get(const uint8_t *value, size_t len, struct vdisk_clone *clone)
{
	struct vdiskattr_clone_disk item;
	uint32_t error;

	if (len != sizeof item)
		return -EUCLEAN;
	memcpy(&item, value, sizeof item);
	error = le32_get(item.error);
	if (le32_get(item.state) > FS_CLONE_DONE || error > 4095U)
		return -EUCLEAN;
	clone->state = (enum fs_clone_state)le32_get(item.state);
	clone->error = -(int)error;
	clone->cursor = le32_get(item.cursor);
	clone->flags = le32_get(item.flags) & VDISKATTR_CLONE_FLAGS;
	clone->priority = le32_get(item.flags) >> VDISKATTR_CLONE_PRIORITY_SHIFT;
	if (clone->priority == 0) /* written before there were any */
		clone->priority = FS_CLONE_PRIORITY_NORMAL;
	if (clone->priority > FS_CLONE_PRIORITY_MAX)
		return -EUCLEAN;
	clone->rate_bytes_s = le64_get(item.rate_bytes_s);
	clone->n_copied = le64_get(item.n_copied);
	clone->started_ns = (int64_t)le64_get(item.started_ns);
	clone->n_total = le32_get(item.n_total);
	clone->n_own_below = le32_get(item.n_own_below);
	return 0;
}

static int clone_progress_get(const uint8_t *value, size_t len, struct vdisk_clone *clone)
{
	struct vdiskattr_clone_progress_disk item;

	if (len != sizeof item)
		return -EUCLEAN;
	memcpy(&item, value, sizeof item);
	clone->verify_cursor = le32_get(item.verify_cursor);
	clone->n_zero_above = le32_get(item.n_zero_above);
	clone->n_verified = le64_get(item.n_verified);
	return 0;
}

static int parent_get(const uint8_t *value, size_t len, struct vdisk_attr *attr)
{
	le32 parent;

	if (len != sizeof parent)
		return -EUCLEAN;
	memcpy(&parent, value, sizeof parent);
	attr->parent = le32_get(parent);
	return 0;
}

/* Not ours to understand, nor to drop. */
static int unknown_keep(unsigned type, unsigned flags, const uint8_t *value, size_t len, struct vdisk_attr *attr)
{
	size_t size = attr->unknown_len + sizeof(struct vdiskattr_item_disk) + len;
	uint8_t *grown;

	if (size > VDISKATTR_UNKNOWN_MAX)
		return -ENOTSUP;
	grown = realloc(attr->unknown, size);
	if (grown == NULL)
		return -ENOMEM;
	attr->unknown = grown;
	item_put(attr->unknown, &attr->unknown_len, type, flags, value, len);
	return 0;
}

static int item_get(unsigned type, unsigned flags, const uint8_t *value, size_t len, struct vdisk_attr *attr)
{
	switch (type) {
	case VDISKATTR_UUID:
		if (len != sizeof attr->uuid.b)
			return -EUCLEAN;
		memcpy(attr->uuid.b, value, len);
		return 0;
	case VDISKATTR_SERIAL: return text_get(value, len, attr->serial, sizeof attr->serial);
	case VDISKATTR_STATE: return state_get(value, len, attr);
	case VDISKATTR_COMMENT: return text_get(value, len, attr->comment, sizeof attr->comment);
	case VDISKATTR_MAPS:
		if (len > VDISK_MAPS_MAX || memchr(value, '\0', len) != NULL)
			return -EUCLEAN;
		return vdisk_attr_set_maps(attr, (const char *)value, len);
	case VDISKATTR_BACKING: return backing_get(value, len, &attr->backing);
	case VDISKATTR_BACKING_SNAPSHOT:
		return text_get(value, len, attr->backing.snapshot_name, sizeof attr->backing.snapshot_name);
	case VDISKATTR_BACKING_PATH: return text_get(value, len, attr->backing.path, sizeof attr->backing.path);
	case VDISKATTR_PARENT: return parent_get(value, len, attr);
	case VDISKATTR_PATH: return text_get(value, len, attr->path, sizeof attr->path);
	case VDISKATTR_CLONE: return clone_get(value, len, &attr->clone);
	case VDISKATTR_CLONE_PROGRESS: return clone_progress_get(value, len, &attr->clone);
	default: return (flags & VDISKATTR_MUST_KNOW) != 0 ? -ENOTSUP : unknown_keep(type, flags, value, len, attr);
	}
}

static int items_get(const uint8_t *bytes, size_t len, struct vdisk_attr *attr)
{
	size_t at = sizeof(struct vdiskattr_head_disk);

	while (at < len) {
		struct vdiskattr_item_disk item;
		int err;

		if (len - at < sizeof item)
			return -EUCLEAN;
		memcpy(&item, bytes + at, sizeof item);
		at += sizeof item;
		if (le32_get(item.length) > len - at)
			return -EUCLEAN;
		err = item_get(le16_get(item.type), le16_get(item.flags), bytes + at, le32_get(item.length), attr);
		if (err != 0)
			return err;
		at += le32_get(item.length);
	}
	return attr->serial[0] == '\0' ? -EUCLEAN : 0;
}

int vdisk_attr_decode(const uint8_t *bytes, size_t len, struct vdisk_attr *ret_attr)
{
	struct vdiskattr_head_disk head;
	uint32_t crc;
	int err;

	if (len < sizeof head)
		return -EUCLEAN;
	memcpy(&head, bytes, sizeof head);
	if (le32_get(head.magic) != VDISKATTR_MAGIC || le32_get(head.length) < sizeof head ||
	    le32_get(head.length) > len)
		return -EUCLEAN;
	len = le32_get(head.length);
	crc = le32_get(head.crc);
	head.crc = le32_of(0);
	if (crc32c_more(crc32c(&head, sizeof head), bytes + sizeof head, len - sizeof head) != crc)
		return -EUCLEAN;
	if (le16_get(head.version) != VDISKATTR_VERSION)
		return -ENOTSUP;
	*ret_attr = (struct vdisk_attr){ .state_generation = le64_get(head.state_generation) };
	err = items_get(bytes, len, ret_attr);
	if (err != 0)
		vdisk_attr_fini(ret_attr);
	return err;
}
