/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer cache, as the consistency point sees it: it owns the indirect blocks and those of metafiles, and writes
 * what is dirty. */
#ifndef FS_CACHE_CP_H
#define FS_CACHE_CP_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct fs_volume;
struct inode;

/* A new block of zeros (a hole being filled by the CP): not yet dirty. Takes a stash page. */
struct buf *cache_new_zero(struct inode *inode, unsigned level, uint32_t fbn);
/* A clean data block becomes dirty in the CP's generation: from now on operations that change it leave the CP its
 * content. */
void cache_cp_adopt(struct buf *buf, unsigned bit);
/* The CP has written the buffer's content of parity `bit` (or, for CP-owned blocks, its content). */
void cache_cp_written(struct buf *buf, unsigned bit);
/* Take a CP-owned or indirect buffer out of memory (its block was freed). */
void cache_forget(struct buf *buf);
/* Keep the buffer off the LRU (_hold); put it back (_unhold). */
void cache_hold(struct buf *buf);
void cache_unhold(struct buf *buf);
/* The step being executed uses the buffer: it stays until the step has returned. */
void cache_keep(struct buf *buf);
/* Give the buffer a content of its own for the CP, which writes it while clients go on with the other: PAGE_SIZE
 * bytes to fill. Takes a stash page. */
uint8_t *cache_cp_page_new(struct buf *buf);
/* Pages left of what run_reserve has set aside. */
size_t cache_stash_left(const struct fs_volume *vol);

#endif
