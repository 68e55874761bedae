/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: further data sections of a file, named in its stream directory (§seed Fig. 8: xinode -> stream_dir inode 820
 * -> stream directory block 830 -> entries with the inode numbers of streams). */
#ifndef FS_STREAMDIR_H
#define FS_STREAMDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fs_run;
struct inode;
struct stream_disk;

/* The stream directory of `inode`, and its stream `name`, in the same snapshot. -ENOENT: no such stream; -EAGAIN,
 * -EUCLEAN. */
MUST_CHECK int streamdir_find(struct fs_run *run, const struct inode *inode, const char *name,
                              struct inode **ret_stream_dir, struct inode **ret_stream);
/* An entry as streamdir_encode makes it, or a free one. */
bool streamdir_entry_is_sane(const struct stream_disk *entry);
/* First block of a new stream directory with one entry, into PAGE_SIZE zeroed bytes; returns the directory's size. */
size_t streamdir_encode(uint8_t *bytes, const char *name, uint32_t ino, uint64_t generation);

#endif
