/* SPDX-License-Identifier: Apache-2.0 */
/* The room cp/: consistency points. A CP brings the changes of one generation to the disks, all or nothing.
 *
 * FOR. Everything that chooses places on the disks: stages of the CP, write allocator, maps, the ledger of free space,
 * zombies.
 * KEEPS. struct cp (the CP under way), the maps, struct space, the list of zombies, the table of kept calls, the runs
 * of messages.
 * HEADERS FOR OTHERS. cp_wait.h (wait for a CP), space.h (promises and figures), admit.h (may a change begin), calls.h,
 * message_run.h. This one, maps.h, alloc.h, zombie.h and fsinfo.h are for the clients of a CP, mount and check.
 * FROM ABOVE. fs/core/cp_ask.h asks for a CP; struct cp_client takes part in it. FROM BELOW. The cache's dirty buffers,
 * nvlog_switch, raid_write, raid_fsinfo_write.
 * THEORY. A CP begins by closing the generation: operations go on in the next one. It is one background run that gives
 * the loop back all the time. Its stages:
 *  CLIENTS   Each client (struct cp_client) makes its changes, in the order of one table. Files turn the punched ranges
 *            and dirty buffers of the closed generation into changes of their trees. Zombies free a slice. Snapshots
 *            are made and reclaimed.
 *  PLACE     Every block to be written gets a VBN, its parent gets the pointer, and the old block is freed. That
 *            dirties blocks of the maps, which join the same worklist. A block in it gets a VBN once, so the work ends.
 *  WRITE     Everything goes to the RAID layer.
 *  FSINFO    The new root is written.
 *  RELEASE   Only now are freed blocks allocatable, the log half free, and the waiters told.
 * Example: one changed block of a file of 100 MiB. The CP writes that block, one level-1 block, one level-2 block, the
 * block of the inode file with its indirect blocks, a few blocks of the maps, and fsinfo.
 * INVARIANTS
 *  CP1 no block that the last fsinfo or a snapshot can reach is written: a VBN is allocated only when it is clear in
 *      the active map and in the summary map, and was not freed in this CP.
 *  CP2 a block gets at most one VBN in a CP.
 *  CP3 an active bit of a region is cleared only after the region was folded up to the newest snapshot.
 *  CP4 the CP writes an inode and its blocks as they were when the generation was closed.
 *  CP5 it writes every block that was dirty then, but those of removed files and those that the inode itself holds.
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/file/cache.h (dirty buffers); next hop: cp.c, then raid/raid.h (raid_write,
 * raid_fsinfo_write).
 * REFERENCES. Hitz, Lau, Malcolm: File System Design for an NFS File Server Appliance; §seed Figs. 1-3, 10-11. */
#ifndef FS_CP_H
#define FS_CP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/core/queues.h"
#include "fs/core/vbn_set.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"

struct fs_volume;
struct page;

#define CP_ZOMBIE_LEAVES 256U /* 1 GiB of file a CP */
#define CP_ZOMBIE_SKIPS 65536U /* absent subtrees a CP steps over */

/* The stages of a CP. Which may follow which: the table in cp.c. */
enum cp_stage {
	CP_STAGE_IDLE,
	CP_STAGE_CLIENTS, /* whoever takes part makes changes */
	CP_STAGE_PLACE, /* every block gets its VBN */
	CP_STAGE_WRITE, /* the rest goes to the disks */
	CP_STAGE_FSINFO, /* so does the new root */
	CP_STAGE_RELEASE, /* it is durable: what it holds is let go */
	CP_STAGE_BROKEN, /* it failed half-way, and never ends */
};

/* A client takes part in every consistency point. All clients are called in the order of one table
 * (fs/volume_hooks.c), which is the order of what a CP does. A NULL is passed over. */
struct cp_client {
	const char *name;
	void (*open)(struct fs_volume *vol); /* the generation is being closed */
	int (*step)(
	    /* its changes, until 0 is returned; -EAGAIN. Begins when those of the clients before it are made */
	    struct fs_run *run);
	void (*encode)(struct fs_volume *vol); /* after the last VBN: records that hold roots */
	void (*committed)(struct fs_volume *vol); /* durable; nobody has been told yet */
	void (*served)(struct fs_volume *vol); /* who waited for it has been told */
	void (*failed)(struct fs_volume *vol, int err); /* there will be no CP any more */
};

struct cp_members {
	struct buf **bufs;
	size_t n, n_max;
};

/* A block to be cleared in the active map, and its owner, as far as the accounting needs it: CP_OWNER_*, or an index
 * of cp->owners. */
struct cp_free {
	uint32_t vbn, owner;
};
enum { CP_OWNER_NONE, CP_OWNER_NAMES, CP_OWNER_FIRST };
#define CP_OWNER_REMOVED 0x80000000U /* beside it: of a removed file, whose tree may be damaged */
struct cp_free_vector {
	struct cp_free *frees;
	size_t n, n_max;
};

TAILQ_HEAD(cp_waiter_queue, cp_waiter);

struct cp {
	struct fs_volume *vol;
	struct fs_run run;
	enum cp_stage stage;
	unsigned client; /* CLIENTS: whose step is under way */
	uint64_t generation; /* being written */
	unsigned bit; /* its parity */
	uint64_t nvlog_sequence; /* last record of that generation */
	uint64_t next_generation, inodes_used;
	uint64_t started_ns;
	uint64_t count, last_ms;
	/* every block this CP writes, in order of joining; until PLACE begins, metadata joins `late`: data gets its
	 * places first, file by file */
	struct cp_members members, late;
	bool placing;
	size_t n_placed;
	/* inodes whose records this CP writes */
	struct inode **inodes;
	size_t n_inodes, n_inodes_max;
	struct cp_free_vector frees;
	struct inode **owners; /* vdisks that blocks in frees belonged to: index CP_OWNER_FIRST + i */
	size_t n_owners, n_owners_max;
	struct vbn_set freed; /* became free in this CP: allocatable only after it (CP1) */
	struct inode_queue applied; /* dirty inodes already taken over */
	/* FILES: the inode in work */
	struct inode *file;
	struct buf **file_bufs;
	size_t n_file_bufs, n_file_bufs_max, file_pos;
	unsigned punch_index;
	bool file_prepared;
	uint32_t vbn_in_hand; /* PLACE: allocated for members[n_placed], maps being made sure of */
	size_t n_cleared; /* of frees */
	uint64_t *keys; /* room for sorting: half of it for the sort itself */
	size_t n_keys_max;
	unsigned zombie_leaves, zombie_skips; /* ZOMBIES: level-1 blocks this CP may still free, absent ones it may step
	                                       * over (budgets) */
	bool zombie_moved;
	/* writes handed to the RAID layer (cp_write.c) */
	size_t n_submitted; /* members already handed over */
	size_t band_first; /* first member of the band being filled */
	uint64_t band;
	unsigned n_writing;
	int write_err;
	struct cp_waiter_queue waiters;
	struct timer timer;
	struct task release_task;
	size_t n_released; /* of members, after the commit */
	bool makes_snapshot; /* one that was asked for is in it */
};

MUST_CHECK int cp_init(struct fs_volume *vol);
void cp_fini(struct fs_volume *vol);
/* There will be no CP any more (hook of cp_fail). */
void cp_failed(struct fs_volume *vol, int err);
/* Start the periodic timer once the volume serves. */
void cp_enable_timer(struct fs_volume *vol);
/* No part of a CP is under way any more: its state can be freed. */
bool cp_is_quiet(const struct fs_volume *vol);

/* ---- building blocks of the stages (cp_tree.c) ---- */
/* This CP will write the block. The block is loaded, and so is its path. */
void cp_member_add(struct cp *cp, struct buf *buf);
/* Room for `n` keys to sort, and as many again behind them. */
uint64_t *cp_keys(struct cp *cp, size_t n);
/* PLACE begins. */
void cp_members_join(struct cp *cp);
/* This CP will write the inode's record. After cp_need_inode. */
void cp_inode_add(struct cp *cp, struct inode *inode);
/* The inode's block in the inode file, with the path to it. -EAGAIN. */
MUST_CHECK int cp_need_inode(struct fs_run *run, struct inode *inode);
/* The existing indirect blocks above `fbn`. -EAGAIN. */
MUST_CHECK int cp_need_path(struct fs_run *run, struct inode *inode, uint32_t fbn);
/* Complete the path to `fbn` (the tree may grow, with new indirect blocks), and make all of it members. After
 * cp_need_path and run_reserve(8). */
void cp_make_path(struct cp *cp, struct inode *inode, uint32_t fbn);
/* Have a level-0 block of a file that the CP owns (maps, inode file, tables) in memory, with its path. A hole gives
 * zeros. -EAGAIN. */
MUST_CHECK int cp_need_block(struct fs_run *run, struct inode *inode, uint32_t fbn, struct buf **ret_buf);
/* The bytes of such a block, to be changed. The block, its path and its inode's record join the CP. After
 * cp_need_block, and cp_need_inode of the inode. */
uint8_t *cp_edit_block(struct cp *cp, struct buf *buf);
/* Free everything in [first, end) of the file's tree, and leave holes (below the backing length: explicit zeros).
 * Restartable. */
MUST_CHECK int cp_punch(struct fs_run *run, struct inode *inode, uint32_t first, uint32_t end);
/* Free block `vbn` of `inode`; NULL: of a removed file. */
void cp_free_block(struct cp *cp, struct inode *inode, uint32_t vbn);
/* Free a block of a removed file (NULL: of one removed before this CP). A pointer that leads nowhere, or to a block
 * that is not in use, is passed over. */
void cp_free_removed(struct cp *cp, struct inode *inode, uint32_t vbn);
/* Something of a removed file cannot be freed: count it, and log it now and then. The blocks below it are lost until
 * a repair. */
void cp_damage_passed(struct fs_volume *vol, const char *what, uint32_t number, int err);
/* The pointer to a block, in its parent: read (_ptr), changed (_set). */
uint32_t cp_parent_ptr(const struct buf *buf);
void cp_parent_set(struct buf *buf, uint32_t vbn);

/* ---- stages ---- */
MUST_CHECK int cp_files_step(struct fs_run *run); /* cp_files.c */
MUST_CHECK int cp_place_step(struct fs_run *run); /* cp_place.c */
void cp_encode_records(struct cp *cp); /* cp_place.c: inode records, space map, after the last VBN */
/* In PLACE, before a member gets its VBN: data of finished bands may go to the disks while the rest is being placed. */
void cp_write_early(struct cp *cp); /* cp_write.c */
/* In WRITE: hand over all that is left. `cp_written(cp, err)` is called when every write of this CP has ended. */
void cp_write_rest(struct cp *cp);
void cp_written(struct cp *cp, int err); /* cp.c */
/* A client's own write, which must be durable before the fsinfo begins: it begins (_begin, in `encode`); it has
 * ended (_end). */
void cp_write_begin(struct cp *cp);
void cp_write_end(struct cp *cp, int err);
/* Data of a client's file: final when its generation closes, unlike metadata. */
static inline bool cp_is_data(const struct buf *buf)
{
	return buf->level == 0 && buf->inode->ino >= INO_ROOT;
}

/* What the CP writes of the buffer is a copy that a clone has made. */
static inline bool cp_is_cloned(const struct buf *buf)
{
	return buf->cp_page != NULL ? buf->cp_cloned : buf->cloned;
}

static inline const struct inode_attr *cp_attr_of(const struct inode *inode)
{
	return inode->frozen ? &inode->cp_attr : &inode->attr;
}
static inline struct page *cp_page_of(const struct buf *buf)
{
	return buf->cp_page != NULL ? buf->cp_page : buf->page;
}

#endif
