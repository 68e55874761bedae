/* SPDX-License-Identifier: Apache-2.0 */
/* The volume in memory: what the files of fs/ share. Private to fs/.
 *
 * THREADS. Everything here belongs to the home world's thread, but for the immutable part (name, uuid, key) and `refs`. */
#ifndef FS_CORE_H
#define FS_CORE_H

#include <stdatomic.h>

#include "base/counters.h"
#include "base/log.h"
#include "fs/core/cp_ask.h"
#include "fs/file/file.h"
#include "fs/core/latency.h"
#include "fs/message.h"
#include "fs/log/nvlog.h"
#include "fs/volume.h"
#include "raid/raid.h"

struct cache;
struct calls;
struct calls_save;
struct inode_table;
struct nvlog;
struct cp;
struct alloc;
struct snapshot_table;
struct clone_table;
struct message_pool;
struct zombie_list;
struct maps;
struct vtoc;
struct check;
struct repair;
struct space;
struct restore;
struct file_restore_table;
struct volume_hooks;
struct cp_client;
struct vdisk;

enum volume_state { VOLUME_MOUNTING, VOLUME_ONLINE, VOLUME_STOPPING, VOLUME_OFFLINE };

struct fs_volume {
	/* immutable */
	const struct volume_hooks *hooks;
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	struct world *world;
	uint8_t handle_key[16];
	_Atomic uint32_t refs;
	_Atomic uint64_t write_verifier;
	_Atomic int state; /* enum volume_state */
	_Atomic int space_level; /* enum fs_space_level; this and the next ones: fs/cp/space_level.c */
	_Atomic uint32_t space_warnings;
	_Atomic uint64_t space_available_bytes, space_soft_bytes;
	_Atomic uint64_t tree_changes; /* fs_volume_tree_changes */
	struct fs_mount_options options;
	TAILQ_ENTRY(fs_volume) link; /* the table's */
	/* home thread only */
	struct raid *raid;
	uint64_t generation; /* of the operations now; parity selects the lists */
	uint64_t next_generation; /* of inodes */
	uint64_t fsinfo_epoch, fsinfo_sequence;
	uint64_t epoch; /* of this mount */
	uint64_t crash_count;
	int64_t created_ns;
	bool was_clean;
	uint64_t compat; /* feature bits found in fsinfo: kept, whether known or not */
	struct mount *mounting;
	bool formatting; /* the first CP of a new volume */
	bool read_only;
	int failed; /* negative errno: a CP or the log failed; nothing is acknowledged any more */
	struct cache *cache;
	struct inode_table *inodes;
	struct nvlog *nvlog;
	struct cp_ask cp_ask;
	struct cp *cp;
	struct alloc *alloc;
	struct snapshot_table *snapshots;
	struct clone_table *clones;
	struct vtoc *vtoc;
	struct check *check; /* the one running, or NULL */
	struct restore *restore; /* the mount puts the volume back to a snapshot, or NULL */
	struct file_restore_table *file_restores;
	bool cp_barred; /* it is half put together: no consistency point may begin */
	struct fs_autodelete autodelete; /* the policy */
	bool autodelete_runs; /* below the trigger, not yet at the target */
	bool autodelete_said; /* that nothing is left to delete */
	struct repair *repair; /* its fixes go into the next CP; NULL */
	struct message_pool *message_pool;
	struct calls *calls; /* NULL: no call yet */
	struct calls_save *calls_save; /* where they are made ready to be saved; NULL: not yet */
	struct zombie_list *zombie_list;
	struct maps *maps;
	struct inode *inode_file, *inode_map, *active_map, *summary_map, *space_map, *zombies, *snapshot_file;
	struct inode_queue dirty_inodes[2];
	uint64_t n_dirty_pages; /* level-0 buffers dirty in the operations' generation or the CP's */
	uint64_t n_dirty_inodes; /* the same for inodes */
	uint64_t pending_blocks[2]; /* blocks the dirty state of each parity will need, upper estimate */
	uint64_t free_blocks; /* allocatable, as of the last CP */
	struct space *space; /* what of them is promised */
	uint64_t inodes_used;
	uint64_t n_moves; /* directories that got another parent since the mount */
	LIST_HEAD(, ancestry_walk) walks; /* fs/names/ancestry.h */
	struct fs_run_queue cp_waiters; /* woken after every CP: dirty limit, log room, space to come */
	struct fs_run_queue page_waiters; /* woken when pages come free */
	struct fs_run_queue idle_waiters; /* woken when no message is under way (unmount) */
	unsigned n_reading; /* batches of reads under way */
	uint64_t n_changes; /* made by operations in memory, ever (RUN1) */
	unsigned n_messages; /* sent to it and not completed */
	unsigned n_client_messages; /* those of them that are clients' */
	uint64_t host_full_ns; /* since when disks wait for room on the host (fs/volume/hostfull.h); 0: they do not */
	struct timer host_full_timer;
	struct timer page_timer; /* page_waiters look again: pages of the arena came free that nobody told the volume of */
	struct latency client_latency; /* of its clients' reads and writes, since the mount */
	uint64_t client_at_ns; /* when the last one of them came */
	struct {
		struct counter messages[FS_OP_COUNT], parked, reads, read_blocks, cps;
		struct counter damage_passed; /* places in trees of removed files that could not be freed */
	} counters;
};

/* What lower rooms call of higher ones: one const table (fs/volume_hooks.c). */
struct volume_hooks {
	const struct cp_client *cp_clients; /* in the order of what a CP does (fs/cp/cp.h) */
	unsigned n_cp_clients;
	/* A message with an entry among the calls kept is about to be answered (fs/cp/calls.h). */
	void (*call_answered)(struct fs_message *msg, int status);
	/* There will be no CP any more: tell everybody who waits for one. */
	void (*cp_failed)(struct fs_volume *vol, int err);
	/* An inode with INODE_BACKED is being loaded: set inode->backing from its attributes. -EAGAIN, -EUCLEAN. */
	int (*backing_load)(struct fs_run *run, struct inode *inode);
	/* The vdisk is being destroyed in this step. */
	void (*vdisk_gone)(struct fs_volume *vol, const struct inode *container);
	/* The clone part of a vdisk's description. */
	void (*clone_info)(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_clone_info *ret_info);
	/* A CP has made something else of `n` blocks of the file's tree from `fbn` on. */
	void (*tree_changed)(const struct inode *inode, uint32_t fbn, uint64_t n, enum file_block from, enum file_block to);
	/* A change finds no room, and nothing under way will make some: begin to make some. False: nothing can be given up. */
	bool (*make_room)(struct fs_volume *vol);
	/* The check under way, if any, stands in the way of others: end it. */
	void (*check_cancel)(struct fs_volume *vol, const char *why);
};

static inline unsigned gen_bit(const struct fs_volume *vol)
{
	return (unsigned)(vol->generation & 1U);
}
static inline uint64_t volume_write_verifier(const struct fs_volume *vol)
{
	return atomic_load_explicit(&vol->write_verifier, memory_order_relaxed);
}
static inline int64_t volume_now_ns(struct fs_volume *vol)
{
	return world_wall_ns(vol->world);
}
static inline uint64_t volume_next_generation(struct fs_volume *vol)
{
	return vol->next_generation++;
}

/* ---- operations (dispatch.c has the table) ----
 * A step of a message: 0 or a negative errno completes it; -EAGAIN parks; OP_LOGGED completes it when the log is durable up to
 * run->msg->word[0] (the sequence nvlog_append returned); OP_IN_CP when a CP with everything changed until now is; OP_LATER: the operation calls
 * message_complete by itself. */
enum { OP_LOGGED = 1, OP_LATER = 2, OP_IN_CP = 3 };
void message_complete(struct fs_message *msg, int status);
/* The same for one that was never begun. */
void message_answer(struct fs_message *msg, int status);
/* A read or write of a client: what the pace of work in the background looks at. */
bool message_is_client_io(const struct fs_message *msg);
/* The host's file system is full, and the message (NULL: background work, never) has waited long enough for room. */
#define MESSAGE_ROOM_WAIT_NS 1000000000ULL
bool message_is_over(const struct fs_message *msg);
/* Fill out.error_text. */
void message_error_text(struct fs_message *msg, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the CP, as others see it (asking for one: fs/core/cp_ask.h) ---- */
/* Call back when a CP that contains everything changed until now is durable: `err` 0 or -EIO. Asks for one. Never inline. */
struct cp_waiter {
	void (*durable)(struct cp_waiter *waiter, int err);
	struct fs_message *msg; /* whose answer waits; NULL: nobody's */
	uint64_t generation;
	TAILQ_ENTRY(cp_waiter) link;
};
void cp_wait(struct fs_volume *vol, struct cp_waiter *waiter);
/* Those whose message gives up wait no longer: they are told -FS_EJUKEBOX. */
void cp_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg));
/* Blocks that the running CP writes, as far as it has come. */
size_t cp_block_count(const struct fs_volume *vol);

#endif
