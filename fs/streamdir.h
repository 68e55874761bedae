/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: further data sections of a file, named in its stream directory (§seed Fig. 8: xinode -> stream_dir inode 820 -> stream directory
 * block 830 -> entries with the inode numbers of streams). */
#ifndef FS_STREAMDIR_H
#define FS_STREAMDIR_H

#include "base/bytes.h"
#include "fs/inode.h"

#define STREAM_ATTRIBUTES "attributes"
#define STREAM_NAME_MAX 39U

/* An entry of a stream directory: 64 a block; one fits into the inode of the stream directory itself. */
struct stream_disk {
	le32 magic;
	le32 inode; /* 0: free */
	le64 generation;
	le32 crc; /* of the entry, this field zero */
	uint8_t reserved[3];
	uint8_t name_len;
	char name[STREAM_NAME_MAX + 1U];
};
static_assert(sizeof(struct stream_disk) == 64, "stream directory entry");

/* The stream directory of `inode`, and its stream `name`, in the same snapshot. -ENOENT: no such stream; -EAGAIN, -EUCLEAN. */
MUST_CHECK int streamdir_find(struct fs_run *run, const struct inode *inode, const char *name, struct inode **ret_stream_dir,
                              struct inode **ret_stream);
/* First block of a new stream directory with one entry, into PAGE_SIZE zeroed bytes; returns the directory's size. */
size_t streamdir_encode(uint8_t *bytes, const char *name, uint32_t ino, uint64_t generation);

#endif
