/* SPDX-License-Identifier: Apache-2.0 */
/* What data operations do to memory, with explicit results, and their log records. Replay runs the same code. */
#ifndef FS_FILE_APPLY_H
#define FS_FILE_APPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/log/nvlog.h"

struct buf;
struct fs_run;
struct fs_volume;
struct inode;

/* A write's effect on the inode beside its blocks. */
struct write_result {
	uint32_t ino;
	uint16_t mode;
	uint64_t generation;
	uint64_t size_bytes;
	int64_t time_ns;
};
void file_apply_result(struct inode *inode, const struct write_result *result);
/* Append NVLOG_WRITE of blocks [first, first + n) as they are in the cache. Returns the sequence. */
uint64_t file_log_blocks(struct inode *inode, uint32_t first, unsigned n, const struct write_result *result);
/* A crash cannot lose the buffer's content: a flush need not log it. */
void file_set_logged(struct buf *buf);
size_t file_write_log_size(unsigned n_blocks);
/* The same for `n_blocks` blocks that need not be neighbours: at worst each has a record of its own. */
size_t file_flush_log_size(unsigned n_blocks);
/* How many of the blocks are not dirty yet: what a write of them may cost. */
size_t file_new_blocks(struct inode *inode, uint32_t first, unsigned n);

struct zero_result {
	uint32_t ino;
	uint64_t generation;
	uint64_t offset_bytes, end_bytes;
	int64_t time_ns;
};
/* The partial blocks at both ends must be readable. -EAGAIN. */
MUST_CHECK int file_zero_need(struct fs_run *run, struct inode *inode, const struct zero_result *zero);
void file_zero(struct inode *inode, const struct zero_result *zero);
uint64_t file_log_zero(struct fs_volume *vol, const struct zero_result *zero);

/* How the log replays them. */
nvlog_apply_fn file_apply_write, file_apply_zero;

#endif
