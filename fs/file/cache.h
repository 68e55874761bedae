/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer cache: blocks of files in memory, under a hard bound of pages.
 *
 * THEORY. A buffer is named by (inode, level, FBN). Level 0 is data; higher levels are indirect blocks. `page` is the
 * content that operations see. A page is immutable once shared. So a change writes in place only while the page is the
 * buffer's alone and of this generation; else it installs a new page.
 * There are two generations of dirty state: that of the operations (gen), and that of the running consistency point
 * (gen - 1), if one runs. When an operation changes a buffer that is dirty in the CP's generation, the old page becomes
 * `cp_page`, and the CP writes that.
 * Example: block 5 is dirty in generation 7, and the CP of 7 begins. A client writes block 5 again: its page now
 * belongs to generation 8, and the page of 7 is `cp_page` until the CP has written it.
 * Indirect buffers belong to the CP: operations only read them.
 * SHARES of the bound, so that a CP always finds pages: a third for dirty blocks; a third for the indirect blocks that
 * they may drag along (random writes: one each); a sixth for what parked operations pin. The rest, and whatever of
 * these is unused, caches clean blocks.
 * INVARIANTS
 *  C1 a dirty buffer is never evicted.
 *  C2 what the CP writes is what was there when its generation was closed.
 *  C3 a buffer without a page is no hit: it only carries cp_page or a read under way. */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

struct buf_waiter;
struct fs_run;
struct fs_volume;
struct inode;
struct page;

enum buf_state { BUF_EMPTY, BUF_READING, BUF_VALID, BUF_ERROR };

struct buf {
	struct inode *inode;
	uint32_t fbn; /* level n: first FBN covered by the block */
	uint8_t level;
	uint8_t state;
	uint8_t dirty; /* bit 0: dirty in even generations, bit 1: in odd ones */
	bool logged; /* content of the current generation is in the NVLOG */
	bool in_cp; /* indirect/meta: member of the CP being built */
	bool on_lru, meta, referenced;
	bool dropped; /* was a member of the CP and was freed by it: nothing to write */
	bool inline_copy; /* clean content made from inline data: no block on disk */
	bool cloned, cp_cloned; /* page, cp_page: what a clone has copied, byte for byte; its block is marked so on
	                         * disk */
	uint16_t pins;
	uint32_t step; /* the step that last looked at it: not evicted under its feet */
	int err;
	uint32_t vbn; /* where the clean content lives, 0 unknown */
	uint32_t vbn_new; /* given by the running CP */
	struct buf *hash_next;
	struct page *page;
	struct page *cp_page;
	void *read; /* the read under way (cache_read.c), when READING */
	struct buf_waiter *waiters;
	LIST_ENTRY(buf) inode_link; /* all buffers of the inode */
	TAILQ_ENTRY(buf) lru; /* clean ones */
	TAILQ_ENTRY(buf) dirty_link[2]; /* per generation parity, on the inode's list */
};

MUST_CHECK int cache_init(struct fs_volume *vol, size_t pages_max);
void cache_fini(struct fs_volume *vol);

/* A hit: valid content in memory; NULL otherwise. Touches the LRU. */
struct buf *cache_find(struct inode *inode, unsigned level, uint32_t fbn);
/* A hit, or start to read block `vbn` for `run`. -EAGAIN: the read is named in the run; go on, and return -EAGAIN in
 * the end. -EIO, -EUCLEAN: the read failed. */
MUST_CHECK int cache_read(struct fs_run *run, struct inode *inode, unsigned level, uint32_t fbn, uint32_t vbn,
                          struct buf **ret_buf);
/* Make `page` (reference taken over) the content of a level-0 block, dirty in the current generation. Never fails:
 * pages and buffers were reserved (run_reserve). */
struct buf *cache_install(struct inode *inode, uint32_t fbn, struct page *page);
/* Make a clean buffer of content that needs no disk (inline data). Takes the reference over. */
struct buf *cache_insert_clean(struct inode *inode, unsigned level, uint32_t fbn, struct page *page);
/* Writable bytes of a buffer that cache_find/cache_read gave: in place, or on a copy; dirty in the current
 * generation. */
uint8_t *cache_edit(struct buf *buf);
/* Operations no longer see [first, end). What the running CP needs of it stays until that is written. */
void cache_drop_range(struct inode *inode, uint32_t first, uint32_t end);
/* Drop all clean buffers of an inode that is leaving memory. */
void cache_drop_inode(struct inode *inode);
/* Take a page that run_reserve has set aside: there is one. */
struct page *cache_page_take(struct fs_volume *vol);
/* The buffer of that key, whatever its state; NULL: none. Does not touch the LRU. */
struct buf *cache_peek(struct inode *inode, unsigned level, uint32_t fbn);
/* Read ahead: start to read a block that nobody waits for. No error is reported. */
void cache_read_ahead(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t vbn);
/* Let go of everything the run has pinned: for a long step that is done with what it has looked at. */
void cache_unpin_all(struct fs_run *run);
/* How many dirty pages there may be; with more, changes wait for the CP. */
size_t cache_dirty_max(const struct fs_volume *vol);
/* How many pages buffers hold, and the bound. */
void cache_usage(const struct fs_volume *vol, size_t *ret_pages, size_t *ret_pages_max);

#endif
