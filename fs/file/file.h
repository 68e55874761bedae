/* SPDX-License-Identifier: Apache-2.0 */
/* The room file/: files of blocks in memory. This door has the blocks of one file: reading and changing them in a step.
 *
 * FOR. Whoever keeps something in a file: directories, streams, metafiles, and the read and write operations.
 * KEEPS. The buffer cache, the table of inodes, the snapshots as everybody sees them, and the runs that wait for a
 * read.
 * HEADERS FOR OTHERS. run.h first (how every operation is written), then this one, inode.h and cache.h;
 * message_completion.h (the answer of a message), tree.h (FBN to VBN), snapshot_table.h, page_batch.h, perm.h, range.h.
 * For the consistency point: cache_cp.h, inode_table.h.
 * FROM ABOVE. Steps of operations read and change blocks; the CP takes what is dirty. FROM BELOW. raid_read; nothing
 * here writes to a disk.
 * USE. In a step: file_need for everything it will look at or change (collect -EAGAIN, name all it can). Then
 * admit_change or run_reserve, with one page for each block to be edited. Then file_edit, file_put_page and
 * inode_modify, which cannot fail. Then the log record.
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/names/file_ops.c; next hops: fs/log/nvlog.h at once if the write is stable,
 * fs/cp/cp.h later. */
#ifndef FS_FILE_H
#define FS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/core/file_block.h"
#include "fs/fs_types.h"

struct fs_run;
struct inode;
struct page;

/* Readable bytes of a block: PAGE_SIZE bytes, zeros for holes, the backing store's where that shows through. Valid
 * until the step returns or the block is edited. -EAGAIN, -EIO, -EUCLEAN. */
MUST_CHECK int file_need(struct fs_run *run, struct inode *inode, uint32_t fbn, const uint8_t **ret_bytes);
/* The same as a page, borrowed (page_get to keep). */
MUST_CHECK int file_need_page(struct fs_run *run, struct inode *inode, uint32_t fbn, struct page **ret_page);
/* Writable bytes of a block for which file_need succeeded in this same step. Uses one reserved page at most. */
uint8_t *file_edit(struct inode *inode, uint32_t fbn);
/* Whole-block content; takes the reference over. */
void file_put_page(struct inode *inode, uint32_t fbn, struct page *page);
/* Blocks [first, end) read as zeros from now on (a backed vdisk's too); the CP frees what was there. */
void file_punch(struct inode *inode, uint32_t first, uint32_t end);
/* Change the size: shrinking punches beyond the new end and zeroes the rest of the last block, for which
 * file_truncate_need must have succeeded in this step. One reserved page. Does not touch times. */
MUST_CHECK int file_truncate_need(struct fs_run *run, struct inode *inode, uint64_t size_bytes);
void file_truncate(struct inode *inode, uint64_t size_bytes);

/* A range not yet applied by its CP covers the block: what the tree says of it is no longer true. */
bool file_is_punched(const struct inode *inode, uint32_t fbn);

/* What is at a block, for the cloner and the check. FILE_BLOCK_HOLE: neither buffer, nor punched, nor tree: the backing
 * store shows through. FILE_BLOCK_ZERO: explicit zeros, or punched on a backed file. Own content only, backing not
 * consulted. `ret_run_end`: one past the last FBN known to be in the same state (>= fbn + 1; whole absent subtrees are
 * skipped). */
MUST_CHECK int file_block_state(struct fs_run *run, struct inode *inode, uint32_t fbn, enum file_block *ret_state,
                                uint32_t *ret_run_end);

static inline uint32_t blocks_of_size(uint64_t size_bytes)
{
	return (uint32_t)DIV_UP(size_bytes, FS_BLOCK_SIZE);
}

#endif
