/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by vtoc.c (the file and the list), vtoc_verify.c (check and rebuild) and vtoc_holds.c (what snapshots
 * need). */
#ifndef FS_VTOC_PRIVATE_H
#define FS_VTOC_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/vdisk/vtoc.h"

struct fs_run;
struct fs_volume;
struct inode;
struct page;
struct vdisk_attr;

/* The vdisks inside snapshot `snapshot` are backed by the snapshots `ids`. */
struct vtoc_hold {
	uint32_t snapshot;
	unsigned n;
	size_t n_max;
	uint32_t *ids;
};

/* In generation `until` a vdisk, backed since generation `since`, stopped needing `backing`. */
struct vtoc_release {
	uint32_t backing;
	uint64_t since, until;
};

struct vtoc {
	struct vtoc_queue entries; /* by slot */
	uint32_t n;
	uint64_t n_changes; /* vdisks that came or went */
	bool loaded;
	bool damaged; /* being rebuilt */
	bool rebuilt; /* in memory only: to be written */
	uint32_t scan_fbn; /* of the inode file: blocks below were looked through */
	struct vtoc_hold *holds;
	unsigned n_holds;
	size_t n_holds_max;
	bool holds_loaded;
	struct vtoc_release *releases;
	unsigned n_releases;
	size_t n_releases_max;
};

void vtoc_clear(struct vtoc *vtoc);
struct vtoc_entry *vtoc_insert(struct vtoc *vtoc, uint32_t ino, uint64_t generation, const struct vdisk_attr *attr);
uint32_t vtoc_blocks(const struct vtoc *vtoc);
void vtoc_write_all(struct fs_volume *vol, struct page *const *pages);
/* Rebuild the VTOC in memory by a scan of the inode file, a piece with each call. -EAGAIN until it is done. */
MUST_CHECK int vtoc_rebuild(struct fs_run *run);

void vtoc_note_release(struct fs_volume *vol, const struct vtoc_entry *entry);
/* Read the VTOCs of all snapshots. -EAGAIN, -EIO. */
MUST_CHECK int vtoc_holds_load(struct fs_run *run);

#endif
