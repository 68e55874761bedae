/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a volume back to a snapshot.
 *
 * THEORY. The snapshot's root becomes the root of the volume. Nothing is copied, and no tree is walked. There are two
 * parts:
 *
 *  online   FS_SNAPSHOT_RESTORE (restore_prepare.c), while the volume serves. It bars new snapshots, waits until
 *  deletions have ended, and passes over all regions: each is folded, and its summary block is written anew.
 *  offline  The next mount, with restore_to (restore.c). It takes from the last fsinfo what must not go back. Then it
 *  puts the snapshot's root in memory in place of the volume's, and writes one consistency point. The fsinfo of that CP
 *  is the switch: before it the volume is what it was, after it what the snapshot holds. There is nothing in between,
 *  and no state of the old volume in memory.
 *
 * WHAT IS WHOSE. From the snapshot: every file and directory, the inode map, the VTOC, the zombies (freeing them goes
 * on where it was), and the active map, which is right for that root by definition.
 * From today: name, handle key, the counters of inode generations and snapshot ids, the snapshot table, documents, the
 * settings of LUNs that exist in both (restore_kept.c), and the summary map, which is the OR of snapshots that are all
 * still there.
 * The space map is counted afresh. The trees of today's summary map and snapshot table are adopted: their blocks are
 * marked in the snapshot's active map. The snapshot's own tree of the summary map becomes a zombie.
 * AFTERWARDS the newer snapshots are deleted by the normal passes. Their blocks are contiguous in age among each other,
 * as ever. The active file system does not continue that row: a block that it holds may be in none of them.
 * INVARIANTS
 *  RS1 the CP that switches allocates nothing the last fsinfo can reach: its active map is barred (maps->barred) until
 *      the commit.
 *  RS2 while a superseded snapshot is there, no snapshot is taken, and no other one is reclaimed before it.
 *  RS3 every block of today's summary map was written after the newest snapshot: none is in a map of an older time. */
#ifndef FS_RESTORE_H
#define FS_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct fs_run;
struct fs_volume;
struct inode_disk;

/* ---- at mount ---- */
/* Note that the mount is to put the volume back to this snapshot. -ENOENT: no snapshot of that name; -ENOMEM. */
MUST_CHECK int restore_init(struct fs_volume *vol, const char *snapshot_name);
/* Everything but the consistency point. No CP may begin meanwhile. -EAGAIN. -EBUSY: the volume was not made ready,
 * or something came between. -ENOTSUP: the snapshot does not say which blocks were the snapshot table's (made by a
 * version that did not record it). -ENOMEM, -EUCLEAN, -EIO. */
MUST_CHECK int restore_step(struct fs_run *run);
/* The first client of the CP: changes what the switch changes. -EAGAIN. */
MUST_CHECK int restore_cp_step(struct fs_run *run);
/* The restore is durable, or has failed: free its state. */
void restore_fini(struct fs_volume *vol);

/* Clearing active bits of the region would lose nothing: it is folded, or has no active bits. */
bool restore_region_is_ready(const struct fs_volume *vol, uint32_t region);
/* The record of the snapshot table's inode that snapshot `id` has kept. -EAGAIN, -ENOTSUP, -EUCLEAN. */
MUST_CHECK int restore_table_of(struct fs_run *run, uint32_t id, struct inode_disk *ret_disk);

/* ---- the pass over all regions, in CPs ---- */
void restore_fold_open(struct fs_volume *vol);
MUST_CHECK int restore_fold_step(struct fs_run *run);
void restore_fold_committed(struct fs_volume *vol);

#endif
