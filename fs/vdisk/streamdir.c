/* SPDX-License-Identifier: Apache-2.0 */
/* Stream directories. */
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/list.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/streamformat.h"
#include "fs/fs_types.h"
#include "fs/vdisk/streamdir.h"

static uint32_t entry_crc(const struct stream_disk *entry)
{
	struct stream_disk copy = *entry;

	copy.crc = le32_of(0);
	return crc32c(&copy, sizeof copy);
}

bool streamdir_entry_is_sane(const struct stream_disk *entry)
{
	if (le32_get(entry->inode) == 0)
		return bytes_are_zero(entry, sizeof(*entry));
	return le32_get(entry->magic) == STREAM_MAGIC && le32_get(entry->crc) == entry_crc(entry) &&
	       entry->name_len > 0 && entry->name_len <= STREAM_NAME_MAX &&
	       strnlen(entry->name, sizeof(entry->name)) == entry->name_len &&
	       bytes_are_zero(entry->reserved, sizeof(entry->reserved));
}

static int block_find(const uint8_t *bytes, size_t len, const char *name, uint32_t *ret_ino, uint64_t *ret_generation)
{
	for (size_t at = 0; at + sizeof(struct stream_disk) <= len; at += sizeof(struct stream_disk)) {
		struct stream_disk entry;

		memcpy(&entry, bytes + at, sizeof entry);
		if (le32_get(entry.inode) == 0)
			continue;
		if (le32_get(entry.magic) != STREAM_MAGIC || le32_get(entry.crc) != entry_crc(&entry) ||
		    entry.name_len > STREAM_NAME_MAX)
			return -EUCLEAN;
		if (entry.name_len == strlen(name) && memcmp(entry.name, name, entry.name_len) == 0) {
			*ret_ino = le32_get(entry.inode);
			*ret_generation = le64_get(entry.generation);
			return 0;
		}
	}
	return -ENOENT;
}

/* A file says that this inode is there: that it is not, is damage. */
static int named_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint8_t type, struct inode **ret_inode)
{
	int err = inode_get(run, snapshot, ino, ret_inode);

	if (err == -ESTALE || (err == 0 && (*ret_inode)->attr.type != type))
		return -EUCLEAN;
	return err;
}

int streamdir_find(struct fs_run *run, const struct inode *inode, const char *name, struct inode **ret_stream_dir,
                   struct inode **ret_stream)
{
	uint32_t ino = 0, snapshot = inode->snapshot;
	uint64_t generation = 0;
	int err;

	if ((inode->attr.flags & INODE_STREAM) == 0)
		return -ENOENT;
	err = named_get(run, snapshot, inode->attr.xinode, FS_TYPE_STREAM_DIR, ret_stream_dir);
	if (err != 0)
		return err;
	err = -ENOENT;
	for (uint32_t fbn = 0; fbn < blocks_of_size((*ret_stream_dir)->attr.size_bytes) && err == -ENOENT; fbn++) {
		size_t len = (size_t)MIN_OF((*ret_stream_dir)->attr.size_bytes - (uint64_t)fbn * FS_BLOCK_SIZE,
		                            (uint64_t)FS_BLOCK_SIZE);
		const uint8_t *bytes;

		err = file_need(run, *ret_stream_dir, fbn, &bytes);
		if (err == 0)
			err = block_find(bytes, len, name, &ino, &generation);
	}
	if (err == 0)
		err = named_get(run, snapshot, ino, FS_TYPE_STREAM, ret_stream);
	if (err == 0 && (*ret_stream)->attr.generation != generation)
		err = -EUCLEAN;
	return err;
}

size_t streamdir_encode(uint8_t *bytes, const char *name, uint32_t ino, uint64_t generation)
{
	struct stream_disk entry = {
		.magic = le32_of(STREAM_MAGIC),
		.inode = le32_of(ino),
		.generation = le64_of(generation),
		.name_len = (uint8_t)strlen(name),
	};

	vc_assert(entry.name_len <= STREAM_NAME_MAX);
	memcpy(entry.name, name, entry.name_len);
	entry.crc = le32_of(entry_crc(&entry));
	memcpy(bytes, &entry, sizeof entry);
	return sizeof entry;
}
