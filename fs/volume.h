/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: making, mounting, finding. One volume has one home world (loop); all its state is touched only there. */
#ifndef FS_VOLUME_H
#define FS_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"

struct fs_volume;
struct raid_report;
struct raid_spec;
struct uuid;
struct world;

#define FS_MAX_CALLS 4096U

struct fs_mount_options {
	size_t cache_pages; /* hard bound of the buffer cache, dirty data included; at least 2048 */
	uint64_t cp_interval_ns; /* 0: 10 s */
	/* Most calls whose replies are kept (fs/fs_call.h), half a KiB each; 0: FS_MAX_CALLS; never more than
	 * cache_pages / 4. */
	unsigned max_calls;
	const char *name; /* what it is called from now on, also on its disks; NULL: what it was called before. Valid
	                   * until `done` */
	bool read_only; /* not one byte is written; -EROFS when a crash left something to replay or settle first */
	/* It is a copy of a volume that lives on: it gets another UUID before anything else, and from that its LUNs get
	 * other UUIDs and serial numbers, its disks other UUIDs, and file handles another key. Not with read_only. */
	bool new_identity;
	/* What of the disks was not as it should be, also after an error; NULL: not wanted. Valid until `done`. */
	struct raid_report *report;
	/* Name of a snapshot: the volume becomes what that one holds, all or nothing, before it serves
	 * (FS_SNAPSHOT_RESTORE came first, and an unmount). -ENOENT, -EBUSY it was not prepared, -ENOSPC. Valid until
	 * `done`. */
	const char *restore_to;
};

/* Make an empty volume `name` on existing blank disks. Asynchronous on `world`; `done(arg, err)`. */
void fs_volume_format(struct world *world, const char *name, const struct raid_spec *spec,
                      void (*done)(void *arg, int err), void *arg);
/* Mount: assemble the disks, take the newest fsinfo, replay the log, CP, then serve. The volume is in the table when
 * `done(arg, 0, vol)` runs. -EEXIST: another one of that name is mounted; -EALREADY: this one is, from these or other
 * disks. */
void fs_volume_mount(struct world *world, const char *const *disk_urls, unsigned n_disks,
                     const struct fs_mount_options *options, void (*done)(void *arg, int err, struct fs_volume *volume),
                     void *arg);
/* Leave: new messages get -ENODEV, running ones finish, a last CP, disks closed. The pointer is dead after `done`. */
void fs_volume_unmount(struct fs_volume *volume, void (*done)(void *arg, int err), void *arg);

/* Any thread. A found volume stays valid until fs_volume_put; after unmount its messages answer -ENODEV. NULL: none. */
struct fs_volume *fs_volume_find(const char *name);
struct fs_volume *fs_volume_find_uuid(const struct uuid *uuid);
struct fs_volume *fs_volume_get(struct fs_volume *volume);
void fs_volume_put(struct fs_volume *volume);
/* Call `visit` for each mounted volume, by name. The table is locked meanwhile: take references, do not send. */
void fs_volume_visit(void (*visit)(struct fs_volume *volume, void *arg), void *arg);

/* Immutable, any thread. */
const char *fs_volume_name(const struct fs_volume *volume);
const struct uuid *fs_volume_uuid(const struct fs_volume *volume);
struct world *fs_volume_world(const struct fs_volume *volume);
/* Key for file handles and verifiers of the export, kept in the volume; a copy with an identity of its own has another
 * one. */
const uint8_t *fs_volume_handle_key(const struct fs_volume *volume);
/* NFS write verifier: changes with every mount after a crash and whenever unstable data may have been lost. */
uint64_t fs_volume_write_verifier(const struct fs_volume *volume);

/* Rises whenever a directory or a LUN may have another path than before, or none: each is renamed or a directory
 * removed. Any thread. */
uint64_t fs_volume_tree_changes(const struct fs_volume *volume);

/* How full a volume is, for whoever must warn of it. The thresholds are shares of what clients can use at most (size
 * less what is kept back); a level is left only when 5 % more than its threshold are available again. */
#define FS_SPACE_SOFT_PERCENT 80U
#define FS_SPACE_CRITICAL_PERCENT 95U
enum fs_space_level { FS_SPACE_FINE, FS_SPACE_SOFT, FS_SPACE_CRITICAL };
struct fs_space_notice {
	enum fs_space_level level;
	uint32_t n_warnings; /* rises with every level entered from below */
	uint64_t available_bytes, soft_bytes; /* now, as of the last consistency point; at the soft threshold */
};
/* Any thread. */
void fs_volume_space(const struct fs_volume *volume, struct fs_space_notice *ret_notice);

/* Of the calls of all volumes. Any thread. */
struct fs_call_counters {
	struct counter kept; /* now */
	struct counter hits; /* answered again from what was kept */
	struct counter waits; /* sent again while it was under way */
	struct counter misses; /* carried out */
	struct counter evicted; /* too old, or their room was needed */
	struct counter unkept; /* there was no room for them, or their replies were too long */
};
struct fs_call_counters *fs_call_counters(void);

#endif
