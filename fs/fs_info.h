/* SPDX-License-Identifier: Apache-2.0 */
/* What the file system tells people: snapshots, LUNs and their clones, volumes, results of a check. */
#ifndef FS_INFO_H
#define FS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "fs/fs_types.h"

struct fs_snapshot_info {
	uint32_t id;
	char name[FS_NAME_MAX + 1U];
	int64_t created_ns;
	bool summed; /* the two figures are known (FS_SNAPSHOT_SPACE) */
	uint64_t used_bytes; /* only this snapshot holds them: they come back when it is deleted */
	uint64_t since_bytes; /* in this snapshot and not in the one before it */
	bool deleting;
	bool scheduled; /* made by a schedule (in.scheduled) and not renamed since: may be deleted by it */
	bool delete_when_free; /* goes by itself with its last dependant (FS_CLONE_DELETE_SNAPSHOT) */
	uint32_t n_dependants; /* LUNs backed by it */
};

enum fs_clone_state {
	FS_CLONE_NONE,
	FS_CLONE_RUNNING,
	FS_CLONE_STOPPED,
	FS_CLONE_PAUSED,
	FS_CLONE_FAILED,
	FS_CLONE_DONE
};
enum fs_clone_phase { FS_CLONE_COPYING, FS_CLONE_VERIFYING, FS_CLONE_RELEASING };
#define FS_CLONE_VERIFY 1U
#define FS_CLONE_DELETE_SNAPSHOT 2U
#define FS_CLONE_PRIORITY_LOW 2U
#define FS_CLONE_PRIORITY_NORMAL 5U
#define FS_CLONE_PRIORITY_HIGH 10U
#define FS_CLONE_PRIORITY_MAX 10U

struct fs_clone_info {
	enum fs_clone_state state;
	enum fs_clone_phase phase; /* RUNNING, PAUSED: what it is at */
	int error; /* FAILED, PAUSED: why */
	uint64_t error_offset; /* FAILED: where in the LUN; UINT64_MAX: at no place */
	uint64_t blocks_total; /* blocks of the LUN's backed length */
	uint64_t blocks_done; /* examined, filled, or overwritten by the host */
	uint64_t blocks_copied;
	uint64_t blocks_verified; /* FS_CLONE_VERIFY: looked at again, on the disks */
	uint64_t blocks_reserved; /* set aside for what is still to be copied */
	uint64_t rate_bytes_s; /* limit; 0: none */
	uint64_t speed_bytes_s; /* as it goes on now; 0: not known, or not at all */
	unsigned priority; /* 1..FS_CLONE_PRIORITY_MAX: its weight among the clones of the volume */
	int64_t started_ns;
	uint64_t eta_s; /* UINT64_MAX: not known */
	uint32_t flags;
};

struct fs_vdisk_info {
	char path[FS_PATH_MAX]; /* inside the volume: "/test" */
	struct fs_file_id id;
	struct uuid uuid;
	char serial[21]; /* 20 printable characters */
	uint64_t size_bytes, used_bytes;
	bool online, reserved, write_cache;
	char backing_snapshot[FS_NAME_MAX + 1U]; /* "" when independent */
	char backing_path[FS_PATH_MAX];
	struct fs_clone_info clone;
	char comment[256];
	char *maps; /* LUN maps, a document of the administration's (JSON text), NULL: none; owned by the message */
	uint64_t state_generation; /* rises with every FS_VDISK_SET, RESIZE */
};

/* A file, LUN or tree of metadata with blocks that neither their disk nor parity gave. */
struct fs_lost_file {
	uint32_t inode; /* below FS_INO_ROOT: metadata of the file system */
	unsigned n_blocks; /* that were met */
	char lun[440]; /* inside the volume, when it is a LUN that is there now; "": a file, or not known */
};
#define FS_LOST_FILES 8U /* are told by name */

struct fs_volume_info {
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	/* size = used + metadata + snapshot + reserved + kept + free, exactly. used: files and LUNs, changes on their
	 * way to the disks too; snapshot: only snapshots hold it; reserved: promised to LUNs and not used yet; kept:
	 * held back for metadata; free: what a client can still write */
	uint64_t size_bytes, free_bytes, used_bytes, snapshot_bytes, reserved_bytes, metadata_bytes, kept_bytes;
	unsigned space_level; /* enum fs_space_level of fs/volume.h */
	uint64_t n_inodes_used, n_inodes_free;
	uint32_t n_snapshots;
	uint64_t cp_count, cp_last_ms, cp_generation;
	uint64_t nvlog_bytes_used, nvlog_bytes_half;
	uint64_t cache_pages, cache_pages_max, dirty_pages;
	bool degraded, failed, read_only;
	const char *level; /* of all its RAID groups: as raid_group_status has it, or "mixed" */
	bool waits_for_room; /* the host's file system is full: changes wait */
	bool check_running;
	unsigned check_percent;
	/* of the scrub that runs or ran last: what was wrong, all disks; end of the last whole one, 0: there was
	 * none */
	bool scrub_running;
	uint64_t scrub_percent, scrub_wrong, scrub_repaired, scrub_lost, scrub_ended_s;
	/* what readers and rebuilds have met since the mount, and is lost still */
	struct fs_lost_file lost[FS_LOST_FILES];
	unsigned n_lost; /* of them used */
	uint64_t n_lost_blocks; /* of all files */
	bool lost_more; /* there are more files or blocks than are counted */
};

/* Which snapshots go when space runs short. */
enum fs_defer { FS_DEFER_USER_CREATED, FS_DEFER_SCHEDULED, FS_DEFER_NONE };
struct fs_autodelete {
	bool enabled;
	uint32_t trigger_percent; /* of the volume: when less than this is available, deleting begins */
	uint32_t target_percent; /* it ends when this is */
	bool newest_first;
	bool user_created; /* also those that no schedule made */
	enum fs_defer defer; /* these go last */
	char keep_prefix[104]; /* those whose names begin so never go; "": no such names */
};

struct fs_fsstat {
	uint64_t total_bytes, free_bytes, avail_bytes, total_files, free_files;
};

struct fs_check_finding {
	unsigned rule; /* docs/TESTING.md has the list */
	char *text; /* what is wrong, and where */
	char *path; /* a damaged block: the file it belongs to, as a client would name it; NULL: no file's, or not
	             * known */
	uint64_t offset_bytes, len_bytes; /* with a path: what of the file is damaged */
	char *disk; /* the disk that is wrong; NULL: no disk's, or not known */
	uint64_t count; /* blocks or stripes of one disk or file, or findings of one kind, that are summed here; else
	                 * 1 */
	bool repairable; /* `vcd check --repair` puts it right without guessing */
};
/* A disk without which the check had to do: the parity of its group was not looked at. */
struct fs_check_absent {
	char path[256]; /* "": not known */
	struct uuid uuid;
	unsigned group, position;
	bool is_parity, is_second;
	bool failed; /* there, and not trusted; else missing */
};
struct fs_check_result {
	uint64_t n_blocks, n_inodes;
	uint64_t n_errors; /* what is summed by disk or file counts as one */
	struct fs_check_absent *absent;
	size_t n_absent;
	char *report; /* text, a line a finding; owned by the message, as all of it */
	struct fs_check_finding *findings;
	size_t n_findings;
};
void fs_check_result_fini(struct fs_check_result *result);

/* ---- scrub ---- */

enum fs_scrub_state {
	FS_SCRUB_NONE, /* the volume was never scrubbed */
	FS_SCRUB_RUNNING,
	FS_SCRUB_STOPPED, /* by somebody; it goes on from there when it is started */
	FS_SCRUB_DONE
};
#define FS_SCRUB_FLOOR_BYTES_S (2ULL << 20) /* the usual floor */
#define FS_SCRUB_FLOOR_MIN_BYTES_S (64ULL << 10)
#define FS_SCRUB_LOST_MAX 32U /* lost blocks that are named; more are counted */

/* Of the blocks of one disk. Of a parity disk "wrong" are parity blocks. */
struct fs_scrub_counts {
	uint64_t n_read;
	uint64_t n_wrong; /* not what their entries and parity say */
	uint64_t n_entries; /* whose checksum entries are not what block and parity say */
	uint64_t n_unreadable; /* the disk did not give them */
	uint64_t n_repaired; /* of all of these */
	uint64_t n_lost; /* in use, and parity could not bring them back: more was wrong in their stripes */
};
struct fs_scrub_disk {
	char url[256]; /* "": it is not of the volume any more */
	struct uuid uuid;
	unsigned group, position;
	bool is_parity, is_second; /* second: of two parity disks */
	struct fs_scrub_counts counts;
};
struct fs_scrub_lost {
	uint32_t vbn, inode, fbn; /* inode and fbn as its checksum entry says; inode 0: not known */
	unsigned level; /* 0 data, 1.. pointers */
	char *path; /* of the LUN that it is of; NULL: of a file, or not known */
};
struct fs_scrub_result {
	enum fs_scrub_state state;
	int64_t started_ns, ended_ns;
	uint64_t n_unverified; /* stripes of which not all checksum entries could be had */
	struct fs_scrub_disk *disks;
	unsigned n_disks;
	struct fs_scrub_lost *lost;
	unsigned n_lost;
};
struct fs_scrub_info {
	struct fs_scrub_result now; /* the one that runs, is stopped or has ended last */
	struct fs_scrub_result last; /* the last whole one; of `now` if that is one */
	uint64_t floor_bytes_s; /* of each disk, beside clients */
	unsigned percent;
	uint64_t speed_bytes_s; /* of blocks in use, as it goes on now; 0: not known, or not at all */
	uint64_t eta_s; /* UINT64_MAX: not known */
	int64_t volume_created_ns;
};
void fs_scrub_info_free(struct fs_scrub_info *info); /* NULL too */
/* sum += counts. */
void fs_scrub_add(struct fs_scrub_counts *sum, const struct fs_scrub_counts *counts);
/* Sum over the disks of a result; parity disks, or data disks. */
struct fs_scrub_counts fs_scrub_sum(const struct fs_scrub_result *result, bool parity);
static inline uint64_t fs_scrub_n_wrong(const struct fs_scrub_counts *counts)
{
	return counts->n_wrong + counts->n_entries + counts->n_unreadable;
}

#endif
