/* SPDX-License-Identifier: Apache-2.0 */
/* The named attributes of a vdisk: their bytes. */
#include "fs/vdiskattr.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/list.h"

#define ATTR_MAGIC 0x41534456U /* "VDSA" */
#define ATTR_VERSION 1U

struct attr_head {
	le32 magic;
	le16 version;
	le16 reserved;
	le32 length; /* of everything */
	le32 crc; /* of everything, this field zero */
	le64 state_generation;
};
static_assert(sizeof(struct attr_head) == 24, "attributes head");

struct attr_item {
	le16 type;
	le16 flags; /* ITEM_MUST_KNOW */
	le32 length;
};
static_assert(sizeof(struct attr_item) == 8, "attribute head");
#define ITEM_MUST_KNOW 1U

enum {
	ITEM_UUID = 1,
	ITEM_SERIAL,
	ITEM_STATE,
	ITEM_COMMENT,
	ITEM_MAPS,
	ITEM_BACKING,
	ITEM_BACKING_SNAPSHOT,
	ITEM_BACKING_PATH,
	ITEM_CLONE,
	ITEM_PARENT,
	ITEM_PATH
};

struct state_item {
	uint8_t online, write_cache, reserved_space, reserved[5];
	le64 created_ns;
};
static_assert(sizeof(struct state_item) == 16, "state attribute");

struct backing_item {
	le32 snapshot;
	le32 inode;
	le64 generation;
	le32 n_blocks;
	le32 reserved;
};
static_assert(sizeof(struct backing_item) == 24, "backing store handle");

struct clone_item {
	le32 state;
	le32 error; /* positive errno */
	le32 cursor;
	le32 flags;
	le64 rate_bytes_s;
	le64 n_copied;
	le64 started_ns;
	le32 n_total;
	le32 reserved;
};
static_assert(sizeof(struct clone_item) == 48, "clone attribute");

static_assert(24 + 11 * 8 + 4 + FS_PATH_MAX + 16 + 20 + 16 + VDISK_COMMENT_MAX + VDISK_MAPS_MAX + 24 + FS_NAME_MAX + FS_PATH_MAX + 48 <=
                  VDISKATTR_BYTES_MAX,
              "all of them fit");

void vdisk_attr_init(struct vdisk_attr *attr, const struct uuid *uuid, int64_t now_ns)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	*attr = (struct vdisk_attr){ .uuid = *uuid, .online = true, .write_cache = true, .state_generation = 1, .created_ns = now_ns };
	/* 20 digits of 5 bits: bytes 0..5 and 8..14 of the UUID hold more than 100 random bits between them. */
	for (unsigned i = 0; i < VDISK_SERIAL_LEN; i++) {
		unsigned bit = i * 5U, byte = bit / 8U;
		unsigned pair = (unsigned)uuid->b[byte] << 8 | uuid->b[byte + 1U];
		attr->serial[i] = digits[pair >> (11U - bit % 8U) & 31U];
	}
}

void vdisk_attr_fini(struct vdisk_attr *attr)
{
	free(attr->maps);
	attr->maps = NULL;
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
	struct attr_item item = { .type = le16_of((uint16_t)type), .flags = le16_of((uint16_t)flags), .length = le32_of((uint32_t)len) };

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
	struct backing_item item = {
		.snapshot = le32_of(backing->snapshot),
		.inode = le32_of(backing->inode),
		.generation = le64_of(backing->generation),
		.n_blocks = le32_of(backing->n_blocks),
	};

	if (backing->snapshot == 0)
		return;
	item_put(bytes, io_len, ITEM_BACKING, ITEM_MUST_KNOW, &item, sizeof item);
	text_put(bytes, io_len, ITEM_BACKING_SNAPSHOT, backing->snapshot_name);
	text_put(bytes, io_len, ITEM_BACKING_PATH, backing->path);
}

static void clone_put(uint8_t *bytes, size_t *io_len, const struct vdisk_clone *clone)
{
	struct clone_item item = {
		.state = le32_of((uint32_t)clone->state),
		.error = le32_of((uint32_t)-clone->error),
		.cursor = le32_of(clone->cursor),
		.flags = le32_of(clone->flags),
		.rate_bytes_s = le64_of(clone->rate_bytes_s),
		.n_copied = le64_of(clone->n_copied),
		.started_ns = le64_of((uint64_t)clone->started_ns),
		.n_total = le32_of(clone->n_total),
	};

	if (clone->state != FS_CLONE_NONE)
		item_put(bytes, io_len, ITEM_CLONE, 0, &item, sizeof item);
}

size_t vdisk_attr_encode(const struct vdisk_attr *attr, uint8_t *ret_bytes)
{
	size_t len = sizeof(struct attr_head);
	struct attr_head head = { .magic = le32_of(ATTR_MAGIC),
		                  .version = le16_of(ATTR_VERSION),
		                  .state_generation = le64_of(attr->state_generation) };
	le32 parent = le32_of(attr->parent);
	struct state_item state = { .online = attr->online,
		                    .write_cache = attr->write_cache,
		                    .reserved_space = attr->reserved,
		                    .created_ns = le64_of((uint64_t)attr->created_ns) };

	item_put(ret_bytes, &len, ITEM_UUID, 0, attr->uuid.b, sizeof attr->uuid.b);
	text_put(ret_bytes, &len, ITEM_SERIAL, attr->serial);
	item_put(ret_bytes, &len, ITEM_STATE, 0, &state, sizeof state);
	item_put(ret_bytes, &len, ITEM_PARENT, 0, &parent, sizeof parent);
	text_put(ret_bytes, &len, ITEM_PATH, attr->path);
	text_put(ret_bytes, &len, ITEM_COMMENT, attr->comment);
	text_put(ret_bytes, &len, ITEM_MAPS, attr->maps);
	backing_put(ret_bytes, &len, &attr->backing);
	clone_put(ret_bytes, &len, &attr->clone);
	head.length = le32_of((uint32_t)len);
	memcpy(ret_bytes, &head, sizeof head);
	head.crc = le32_of(crc32c(ret_bytes, len));
	memcpy(ret_bytes, &head, sizeof head);
	return len;
}

static size_t text_size(const char *text)
{
	return text != NULL && text[0] != '\0' ? sizeof(struct attr_item) + strlen(text) : 0;
}

size_t vdisk_attr_size(const struct vdisk_attr *attr)
{
	size_t len = sizeof(struct attr_head) + 3U * sizeof(struct attr_item) + sizeof attr->uuid.b + sizeof(struct state_item) +
	             sizeof(le32);

	len += text_size(attr->path) + text_size(attr->serial) + text_size(attr->comment) + text_size(attr->maps);
	if (attr->backing.snapshot != 0)
		len += sizeof(struct attr_item) + sizeof(struct backing_item) + text_size(attr->backing.snapshot_name) +
		       text_size(attr->backing.path);
	if (attr->clone.state != FS_CLONE_NONE)
		len += sizeof(struct attr_item) + sizeof(struct clone_item);
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
	struct state_item item;

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
	struct backing_item item;

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
	struct clone_item item;
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
	clone->flags = le32_get(item.flags);
	clone->rate_bytes_s = le64_get(item.rate_bytes_s);
	clone->n_copied = le64_get(item.n_copied);
	clone->started_ns = (int64_t)le64_get(item.started_ns);
	clone->n_total = le32_get(item.n_total);
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

static int item_get(unsigned type, unsigned flags, const uint8_t *value, size_t len, struct vdisk_attr *attr)
{
	switch (type) {
	case ITEM_UUID:
		if (len != sizeof attr->uuid.b)
			return -EUCLEAN;
		memcpy(attr->uuid.b, value, len);
		return 0;
	case ITEM_SERIAL: return text_get(value, len, attr->serial, sizeof attr->serial);
	case ITEM_STATE: return state_get(value, len, attr);
	case ITEM_COMMENT: return text_get(value, len, attr->comment, sizeof attr->comment);
	case ITEM_MAPS:
		if (len > VDISK_MAPS_MAX || memchr(value, '\0', len) != NULL)
			return -EUCLEAN;
		return vdisk_attr_set_maps(attr, (const char *)value, len);
	case ITEM_BACKING: return backing_get(value, len, &attr->backing);
	case ITEM_BACKING_SNAPSHOT: return text_get(value, len, attr->backing.snapshot_name, sizeof attr->backing.snapshot_name);
	case ITEM_BACKING_PATH: return text_get(value, len, attr->backing.path, sizeof attr->backing.path);
	case ITEM_PARENT: return parent_get(value, len, attr);
	case ITEM_PATH: return text_get(value, len, attr->path, sizeof attr->path);
	case ITEM_CLONE: return clone_get(value, len, &attr->clone);
	default: return (flags & ITEM_MUST_KNOW) != 0 ? -ENOTSUP : 0;
	}
}

static int items_get(const uint8_t *bytes, size_t len, struct vdisk_attr *attr)
{
	size_t at = sizeof(struct attr_head);

	while (at < len) {
		struct attr_item item;
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
	struct attr_head head;
	uint32_t crc;
	int err;

	if (len < sizeof head)
		return -EUCLEAN;
	memcpy(&head, bytes, sizeof head);
	if (le32_get(head.magic) != ATTR_MAGIC || le32_get(head.length) < sizeof head || le32_get(head.length) > len)
		return -EUCLEAN;
	len = le32_get(head.length);
	crc = le32_get(head.crc);
	head.crc = le32_of(0);
	if (crc32c_more(crc32c(&head, sizeof head), bytes + sizeof head, len - sizeof head) != crc)
		return -EUCLEAN;
	if (le16_get(head.version) != ATTR_VERSION)
		return -ENOTSUP;
	*ret_attr = (struct vdisk_attr){ .state_generation = le64_get(head.state_generation) };
	err = items_get(bytes, len, ret_attr);
	if (err != 0)
		vdisk_attr_fini(ret_attr);
	return err;
}
