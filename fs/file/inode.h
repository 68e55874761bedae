/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes in memory.
 *
 * THEORY. `attr` is what operations see and change, through inode_modify, which keeps the CP's copy. The block tree
 * (height, ptr) belongs to the CP. Operations read the tree, and leave their changes in lists, one for each generation:
 * dirty buffers and punched ranges.
 * An operation finds the content of a block in this order: the buffer in memory; zeros or a hole, if a punched range
 * of a generation not yet applied covers the block; what the tree says.
 * OWNERSHIP. Inodes are the table's. A pointer is good until the step returns; inode_pin keeps it longer. A clean inode
 * that nobody pins may be evicted; a dirty one stays until its CP has it.
 * ERRORS. Functions that take a run: -EAGAIN (parked), -EIO, -EUCLEAN, -ENOMEM, beside what they name.
 * THREADS. The volume's loop. */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/file/range.h"
#include "fs/format/fsformat.h"

struct fs_attr;
struct fs_file_id;
struct fs_run;
struct fs_volume;
struct fs_wcc;

/* What clients see, and two things more. Times in ns since 1970. */
struct inode_attr {
	uint8_t type; /* enum fs_type */
	uint8_t flags; /* INODE_STREAM, INODE_BACKED (INODE_INLINE is the tree's) */
	uint16_t mode;
	uint16_t nlink;
	uint32_t uid, gid;
	uint32_t xinode; /* the stream directory (fs/vdisk/streamdir.h); 0: none */
	uint32_t rdev_major, rdev_minor;
	uint64_t size_bytes;
	uint64_t generation;
	int64_t atime_ns, mtime_ns, ctime_ns;
};

enum { INODE_SPACE_UNKNOWN, INODE_SPACE_NEW, INODE_SPACE_LUN };

LIST_HEAD(buf_list, buf);
TAILQ_HEAD(buf_queue, buf);

/* Of a directory: when n_moves of the volume is the same, it is below directory `top`. */
struct inode_below {
	uint64_t n_moves;
	uint32_t top;
};

/* Under which file another one lies: the backing store of a vdisk (§seed "backing store handle 846"). */
struct inode_backing {
	uint32_t snapshot;
	uint32_t inode;
	uint64_t generation;
	uint32_t n_blocks; /* backing length: FBNs at and beyond it are not backed (shrinking lowers it) */
};

struct inode {
	struct fs_volume *vol;
	uint32_t snapshot; /* 0: active */
	uint32_t ino;
	uint32_t pins;
	bool loaded; /* attr and tree are there */
	bool removed; /* no link is left: not found any more, its tree goes to the zombies at its CP */
	bool cp_busy; /* the running CP works on it */
	/* the operations' */
	struct inode_attr attr;
	bool unlogged_attr; /* size or times changed by an unstable write and not in the log */
	uint32_t dirty_gen_bits; /* like buf.dirty: on the volume's list of that parity */
	struct buf_queue dirty_bufs[2];
	uint32_t n_dirty_bufs[2];
	struct range_list punched[2];
	bool has_backing; /* INODE_BACKED and loaded */
	struct inode_backing backing;
	struct inode_below below; /* fs/names/ancestry.c */
	uint32_t name_slot; /* where its directory had its name when that was last looked for, or 0 */
	uint8_t space_class; /* INODE_SPACE_*: a vdisk's, learned when it is first written to (fs/cp/space.c) */
	/* the CP's */
	bool frozen; /* cp_attr holds what this CP writes */
	struct inode_attr cp_attr;
	bool cp_removed, cp_has_backing;
	struct inode_backing cp_backing;
	bool inline_data;
	uint8_t inline_bytes[INLINE_MAX];
	uint8_t height; /* 0: no blocks; 1..TREE_HEIGHT_MAX */
	uint32_t n_blocks; /* level 0 and indirect, as the tree stands */
	uint32_t n_shared_freed; /* of them freed by the running CP and held by a snapshot */
	uint32_t ptr[PTRS_PER_INODE];
	/* the table's */
	struct buf_list bufs;
	uint32_t n_bufs;
	bool in_table, on_lru;
	struct inode *hash_next;
	TAILQ_ENTRY(inode) lru;
	TAILQ_ENTRY(inode) dirty_link[2];
	uint32_t read_ahead_next; /* FBN after the last sequential read */
	uint32_t read_ahead_end;
};

/* Load inode `ino` of `snapshot` (0: the active file system). -ESTALE: the number is free, or beyond the inode file, or
 * there is no such snapshot. */
MUST_CHECK int inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode);
/* The same, and the generation must match (-ESTALE) and the inode must be one a client may name (-ESTALE). */
MUST_CHECK int inode_get_id(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_inode);
/* Keep it beyond the step; as often as wanted, each with an inode_unpin. A removed inode that is pinned stays too. */
void inode_pin(struct inode *inode);
void inode_unpin(struct inode *inode);

/* The attributes to change: call before every change of `attr`; marks the inode dirty in this generation. Active inodes
 * only. */
struct inode_attr *inode_modify(struct inode *inode);

/* Its buffers or ranges change: put it on the volume's dirty list of this generation. If the running CP has not written
 * it yet, the attributes as they are now become the CP's copy, so call before the change. Active inodes only. */
void inode_touch(struct inode *inode);

/* Find a free inode number. Nothing is changed: it is free until inode_create, in the same step. -ENOSPC. */
MUST_CHECK int inode_find_free(struct fs_run *run, uint32_t *ret_ino);
/* The same for `n` different ones. */
MUST_CHECK int inode_find_few(struct fs_run *run, unsigned n, uint32_t *ret_inos);
/* Find `ino` free for replay: makes its inode map block available. -EAGAIN. */
MUST_CHECK int inode_need_map(struct fs_run *run, uint32_t ino);
/* Take `ino` and give it `attr` (generation from volume_next_generation, or the log's). Never fails after
 * inode_find_free/inode_need_map and run_reserve(+2 pages). The new inode is dirty and empty. */
struct inode *inode_create(struct fs_volume *vol, uint32_t ino, const struct inode_attr *attr);
/* Its last link is gone: frees the number, drops its buffers, hands its tree to the zombies at the CP. After
 * inode_need_map. */
void inode_remove(struct inode *inode);

/* What clients are told of it; wcc: size and times only, for before and after. */
void inode_to_attr(const struct inode *inode, struct fs_attr *ret_attr);
void inode_to_wcc(const struct inode *inode, struct fs_wcc *ret_wcc);

/* Dirty inodes beyond which changes wait for the CP. */
size_t inode_dirty_max(const struct fs_volume *vol);

/* The table, vol->inodes: at mount; its bound follows from the cache's. -ENOMEM. */
MUST_CHECK int inode_table_init(struct fs_volume *vol);
/* At unmount: every inode goes, dirty ones too (a volume that failed keeps its last consistent state on disk). */
void inode_table_fini(struct fs_volume *vol);

/* The metafiles everybody uses, pinned: those that are not there yet. -EAGAIN, -EUCLEAN. */
MUST_CHECK int inode_metafiles_load(struct fs_run *run);

#endif
