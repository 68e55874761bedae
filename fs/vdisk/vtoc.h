/* SPDX-License-Identifier: Apache-2.0 */
/* VTOC, the vdisk table of contents (§seed 670): one record for each vdisk of the active file system, in the metafile
 * INO_VTOC.
 *
 * THEORY. An accelerator. It says which vdisks there are, and which snapshots they need, without a walk over the inode
 * file. It repeats attributes of the vdisks, and is changed in the same generation as they are. A mount compares it
 * with them. When it is missing or wrong it is built anew, by a scan of the inode file. All of it is in memory while
 * the volume is mounted.
 * A snapshot contains the VTOC of its time. So the backing store of a vdisk inside a snapshot is known, and stays
 * locked as well.
 * Example: LUN B is backed by snapshot S1, and snapshot S2 is taken. B is split from S1. S1 is still needed, by B as
 * it is in S2. */
#ifndef FS_VTOC_H
#define FS_VTOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/uuid.h"
#include "fs/format/vtocformat.h"

struct fs_run;
struct fs_volume;
struct inode;
struct vdisk_attr;

struct vtoc_entry {
	uint32_t slot;
	uint32_t ino;
	uint64_t generation;
	struct uuid uuid;
	struct vdisk_backing_handle {
		uint32_t snapshot, inode;
		uint64_t generation;
	} backing;
	uint64_t backed_since; /* volume generation in which it got its backing store; 0: before this mount */
	uint32_t parent;
	char path[VTOC_PATH_MAX + 1U];
	/* for the accounting of reservations (fs/cp/space.c) */
	bool reserved;
	uint64_t full_blocks; /* what the whole LUN would take */
	uint64_t own_blocks; /* what it takes, as of the last CP */
	uint64_t shared_blocks; /* of them the newest snapshot holds; never less than there are */
	bool shared_stale; /* there may be less */
	uint64_t n_shared_freed; /* of them overwritten or freed, ever since the mount */
	uint64_t shrunk_in; /* generation in which its size became less */
	TAILQ_ENTRY(vtoc_entry) link;
};
TAILQ_HEAD(vtoc_queue, vtoc_entry);

/* Part of a step: have the VTOC in memory (loaded, or rebuilt). Before any use of the functions below. -EAGAIN,
 * -EIO. */
MUST_CHECK int vtoc_need(struct fs_run *run);
/* By inode number and generation; NULL: none. */
struct vtoc_entry *vtoc_find(struct fs_volume *vol, uint32_t ino, uint64_t generation);
/* The next entry, by slot; NULL starts, NULL ends. */
struct vtoc_entry *vtoc_next(struct fs_volume *vol, const struct vtoc_entry *after);
/* The path of the vdisk that is in the active file system under this number now; NULL: none, or not known yet. */
const char *vtoc_path(const struct fs_volume *vol, uint32_t ino);
/* Rises when a vdisk comes or goes. */
uint64_t vtoc_changes(const struct fs_volume *vol);

/* Have the blocks that vtoc_add, _update or _remove will edit (VTOC_PAGES at most). -EAGAIN. */
#define VTOC_PAGES 2U
MUST_CHECK int vtoc_plan_add(struct fs_run *run);
MUST_CHECK int vtoc_plan_change(struct fs_run *run, const struct vtoc_entry *entry);
struct vtoc_entry *vtoc_add(struct fs_volume *vol, uint32_t ino, uint64_t generation, const struct vdisk_attr *attr);
/* Backing handle, parent and path as the attributes have them now. */
void vtoc_update(struct fs_volume *vol, struct vtoc_entry *entry, const struct vdisk_attr *attr);
void vtoc_remove(struct fs_volume *vol, struct vtoc_entry *entry);

/* At mount: compare the VTOC with the attributes of every vdisk, and rebuild it when it is wrong. Then learn what
 * the vdisks inside snapshots need. -EAGAIN, -EIO. */
MUST_CHECK int vtoc_verify(struct fs_run *run);
/* After a CP: remember what new snapshots hold, forget deleted ones. */
void vtoc_cp_done(struct fs_volume *vol);
/* It is known what the vdisks inside snapshots need: true from the end of vtoc_verify on. */
bool vtoc_is_ready(const struct fs_volume *vol);
/* How many vdisks, and snapshots that contain such vdisks, need snapshot `id`; the path of the first. */
unsigned vtoc_dependants(struct fs_volume *vol, uint32_t id, char *ret_path, size_t path_size);
/* How many vdisks of the active file system alone are backed by it; the path of the first. */
unsigned vtoc_backed_by(struct fs_volume *vol, uint32_t id, char *ret_path, size_t path_size);

/* Call `visit` for every record of a VTOC file, a snapshot's too. -EAGAIN, -EIO, or the first result of `visit`
 * other than 0. */
MUST_CHECK int vtoc_file_visit(struct fs_run *run, struct inode *file,
                               int (*visit)(void *arg, uint32_t slot, const struct vtoc_entry *entry), void *arg);

void vtoc_fini(struct fs_volume *vol);

#endif
