/* SPDX-License-Identifier: Apache-2.0 */
/* The room core/: the volume in memory, as all rooms of fs/ share it. Private to fs/.
 *
 * FOR. The lowest room with code. It holds no behaviour of the file system, only what every other room needs a name
 * for.
 * KEEPS. struct fs_volume. Each room keeps its own state behind a pointer there (cache, nvlog, cp, vtoc, clones and so
 * on).
 * HEADERS FOR OTHERS. This one; hooks.h (what lower rooms call of higher ones), operations.h (the steps of all
 * messages), cp_ask.h (ask for a consistency point), queues.h, file_block.h, vbn_set.h, latency.h, volume_counters.h,
 * check_result.h.
 * FROM ABOVE. fs/volume/volume.c makes the volume and fills in the pointers. FROM BELOW. base/ only: world, lists,
 * tasks, UUIDs.
 * THREADS. The home world's thread. Any thread may read name, uuid, world and handle_key, and the _Atomic members.
 * `link` belongs to the table of volumes and its lock.
 * WRITE PATH. A message enters at fs/dispatch.c. Its next hop is fs/names/file_ops.c, in the room names/ (door
 * fs/names/namespace.h). */
#ifndef FS_CORE_H
#define FS_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/core/cp_ask.h"
#include "fs/core/latency.h"
#include "fs/core/queues.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/volume.h"

struct alloc;
struct cache;
struct calls;
struct calls_save;
struct check;
struct clone_table;
struct cp;
struct file_restore_table;
struct inode;
struct inode_table;
struct maps;
struct message_pool;
struct nvlog;
struct raid;
struct repair;
struct restore;
struct scrub;
struct snapshot_table;
struct space;
struct volume_counters;
struct volume_hooks;
struct vtoc;
struct zombie_list;

enum volume_state { VOLUME_MOUNTING, VOLUME_ONLINE, VOLUME_STOPPING, VOLUME_OFFLINE };

struct fs_volume {
	/* immutable */
	const struct volume_hooks *hooks;
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	struct world *world;
	uint8_t handle_key[16]; /* as kept in the volume */
	uint8_t export_key[16]; /* for handles: the same, but in a copy that has an identity of its own */
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
	struct scrub *scrub;
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
	struct ancestry_walk_list walks; /* fs/names/ancestry.h */
	struct path_walk_list path_walks; /* fs/names/pathwalk.h */
	struct fs_run_queue cp_waiters; /* woken after every CP: dirty limit, log room, space to come */
	struct fs_run_queue page_waiters; /* woken when pages come free */
	struct fs_run_queue idle_waiters; /* woken when no message is under way (unmount) */
	unsigned n_reading; /* batches of reads under way */
	uint64_t n_changes; /* made by operations in memory, ever (RUN1) */
	unsigned n_messages; /* sent to it and not completed */
	unsigned n_client_messages; /* those of them that are clients' */
	uint64_t host_full_ns; /* since when disks wait for room on the host (fs/volume/hostfull.h); 0: they do not */
	struct timer host_full_timer;
	struct timer page_timer; /* page_waiters look again: pages of the arena came free that nobody told the volume
	                          * of */
	struct latency client_latency; /* of its clients' reads and writes, since the mount */
	uint64_t client_at_ns; /* when the last one of them came */
	struct volume_counters *counters;
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

#endif
