/* SPDX-License-Identifier: Apache-2.0 */
/* The volume in memory: what the files of fs/ share. Private to fs/.
 *
 * THREADS. Everything here belongs to the home world's thread, but for the immutable part (name, uuid, key) and `refs`. */
#ifndef FS_CORE_H
#define FS_CORE_H

#include <stdatomic.h>

#include "base/counters.h"
#include "base/log.h"
#include "fs/file.h"
#include "fs/latency.h"
#include "fs/message.h"
#include "fs/nvlog.h"
#include "fs/volume.h"
#include "raid/raid.h"

struct cache;
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

enum volume_state { VOLUME_MOUNTING, VOLUME_ONLINE, VOLUME_STOPPING, VOLUME_OFFLINE };

struct fs_volume {
	/* immutable */
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	struct world *world;
	uint8_t handle_key[16];
	_Atomic uint32_t refs;
	_Atomic uint64_t write_verifier;
	_Atomic int state; /* enum volume_state */
	_Atomic int space_level; /* enum fs_space_level; this and the next ones: fs/space_level.c */
	_Atomic uint32_t space_warnings;
	_Atomic uint64_t space_available_bytes, space_soft_bytes;
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
	struct fs_run_queue cp_waiters; /* woken after every CP: dirty limit, log room, space to come */
	struct fs_run_queue page_waiters; /* woken when pages come free */
	struct fs_run_queue idle_waiters; /* woken when no message is under way (unmount) */
	unsigned n_reading; /* batches of reads under way */
	uint64_t n_changes; /* made by operations in memory, ever (RUN1) */
	unsigned n_messages; /* sent to it and not completed */
	unsigned n_client_messages; /* those of them that are clients' */
	uint64_t host_full_ns; /* since when disks wait for room on the host (fs/hostfull.h); 0: they do not */
	struct timer host_full_timer;
	struct timer page_timer; /* page_waiters look again: pages of the arena came free that nobody told the volume of */
	struct latency client_latency; /* of its clients' reads and writes, since the mount */
	uint64_t client_at_ns; /* when the last one of them came */
	struct {
		struct counter messages[FS_OP_COUNT], parked, reads, read_blocks, cps;
		struct counter damage_passed; /* places in trees of removed files that could not be freed */
	} counters;
};

static inline unsigned gen_bit(const struct fs_volume *vol)
{
	return (unsigned)(vol->generation & 1U);
}
static inline int64_t volume_now_ns(struct fs_volume *vol)
{
	return world_wall_ns(vol->world);
}
static inline uint64_t volume_next_generation(struct fs_volume *vol)
{
	return vol->next_generation++;
}

/* ---- operations (message.c has the table) ----
 * A step of a message: 0 or a negative errno completes it; -EAGAIN parks; OP_LOGGED completes it when the log is durable up to
 * run->msg->word[0] (the sequence nvlog_append returned); OP_IN_CP when a CP with everything changed until now is; OP_LATER: the operation calls
 * message_complete by itself. */
enum { OP_LOGGED = 1, OP_LATER = 2, OP_IN_CP = 3 };
void message_complete(struct fs_message *msg, int status);
/* It does no harm to make the change again: the sender may be told to, when it may have been made already. */
bool message_is_repeatable(const struct fs_message *msg);
/* Fill out.error_text. */
void message_error_text(struct fs_message *msg, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* namespace_ops.c, directory listing, access */
int op_getattr(struct fs_run *run), op_setattr(struct fs_run *run), op_lookup(struct fs_run *run), op_access(struct fs_run *run),
    op_readlink(struct fs_run *run), op_create(struct fs_run *run), op_mkdir(struct fs_run *run), op_symlink(struct fs_run *run),
    op_mknod(struct fs_run *run), op_remove(struct fs_run *run), op_rmdir(struct fs_run *run), op_rename(struct fs_run *run),
    op_link(struct fs_run *run), op_readdir(struct fs_run *run), op_fsstat(struct fs_run *run), op_resolve(struct fs_run *run);
/* file_restore_ops.c */
int op_file_restore(struct fs_run *run), op_file_restore_status(struct fs_run *run), op_file_restore_cancel(struct fs_run *run);
/* vdisk_ops.c, clone.c, docs.c */
int op_vdisk_restore(struct fs_run *run);
int op_vdisk_create(struct fs_run *run), op_vdisk_destroy(struct fs_run *run), op_vdisk_resize(struct fs_run *run),
    op_vdisk_set(struct fs_run *run), op_vdisk_get(struct fs_run *run), op_vdisk_list(struct fs_run *run),
    op_clone_start(struct fs_run *run), op_clone_stop(struct fs_run *run), op_clone_modify(struct fs_run *run),
    op_clone_status(struct fs_run *run), op_doc_put(struct fs_run *run), op_doc_get(struct fs_run *run), op_doc_delete(struct fs_run *run),
    op_doc_list(struct fs_run *run);
/* snapshot_ops.c, volume_ops.c, check_online.c */
int op_snapshot_create(struct fs_run *run), op_snapshot_delete(struct fs_run *run), op_snapshot_rename(struct fs_run *run),
    op_snapshot_list(struct fs_run *run), op_snapshot_space(struct fs_run *run), op_snapshot_restore(struct fs_run *run),
    op_autodelete_set(struct fs_run *run), op_volume_stat(struct fs_run *run), op_raid_status(struct fs_run *run),
    op_sync(struct fs_run *run), op_check(struct fs_run *run), op_check_rate(struct fs_run *run), op_check_cancel(struct fs_run *run);

/* ---- the CP, as others see it ---- */
/* Ask for a consistency point soon (why: for the counters and the log line). */
enum cp_why { CP_TIMER, CP_LOG, CP_DIRTY, CP_SNAPSHOT, CP_CLIENT, CP_UNMOUNT, CP_SPACE };
void cp_request(struct fs_volume *vol, enum cp_why why);
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
bool cp_is_running(const struct fs_volume *vol);
/* Blocks that the running CP writes, as far as it has come. */
size_t cp_block_count(const struct fs_volume *vol);
/* The volume cannot go on: log, remember, stop acknowledging, tell everybody who waits. */
void cp_fail(struct fs_volume *vol, int err, const char *what);

/* ---- vdisks, as others see them ---- */
/* An inode with INODE_BACKED is being loaded: set inode->backing from its attributes (called from inode_get). -EAGAIN, -EUCLEAN. */
MUST_CHECK int vdisk_load_backing(struct fs_run *run, struct inode *inode);
/* How many vdisks of the active file system need snapshot `id`; the first one's path for the message. */
unsigned vdisk_dependants(struct fs_volume *vol, uint32_t snapshot_id, char *ret_path, size_t path_size);
/* Mount and unmount: load the VTOC (rebuild by scan when missing or wrong), resume clones. Runs as a run step. */
MUST_CHECK int vdisk_mount(struct fs_run *run);
void vdisk_unmount(struct fs_volume *vol);
/* After each CP: clone progress, releases waiting for it. */
void vdisk_cp_done(struct fs_volume *vol);

/* ---- directories, for vdisks and documents ---- */
/* Look `name` up in `dir`. -ENOENT, -ENOTDIR, -EAGAIN. */
MUST_CHECK int dir_lookup(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct fs_file_id *ret_id,
                          uint8_t *ret_type);
/* Prepare adding `name` (blocks named, slot found): -EEXIST, -EAGAIN, -ENOSPC. The plan is used by dir_add in the same step. */
struct dir_plan {
	uint32_t slot_fbn;
	uint32_t slot;
	uint32_t n_pages;
	uint64_t word[6];
};
MUST_CHECK int dir_plan_add(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_plan *ret_plan);
void dir_add(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len, const struct fs_file_id *id, uint8_t type);
MUST_CHECK int dir_plan_remove(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_plan *ret_plan);
void dir_remove(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len);
/* Next entry at or after slot *io_slot; sets it past that entry. -ENOENT: end. Names point into the block, valid as file_need's bytes. */
struct dir_entry {
	uint32_t slot;
	struct fs_file_id id;
	uint8_t type;
	const char *name;
	size_t name_len;
};
MUST_CHECK int dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry);
MUST_CHECK int dir_is_empty(struct fs_run *run, struct inode *dir, bool *ret_empty);
/* Resolve a path inside the volume, "/.snapshot/NAME/..." too. -ENOENT, -ENOTDIR, -ENAMETOOLONG. */
MUST_CHECK int path_resolve(struct fs_run *run, const char *path, struct fs_file_id *ret_id);
/* Its parent and last component (borrowed from `path`). */
MUST_CHECK int path_resolve_parent(struct fs_run *run, const char *path, struct fs_file_id *ret_dir, const char **ret_name,
                                   size_t *ret_name_len);
/* The path (below FS_PATH_MAX bytes) of inode `ino` that directory `parent` of the snapshot (0: the active file system) names, made from its
 * end. -ENOENT when a directory does not name what it should, -ENAMETOOLONG, -EUCLEAN. */
MUST_CHECK int path_of(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t parent, char *ret_path);

#endif
