/* SPDX-License-Identifier: Apache-2.0 */
/* The write allocator (§seed "write allocator 628"): which free VBN a block gets.
 *
 * THEORY. The allocator works in windows of stripes of one RAID group. The groups take turns, and a window is chosen
 * for its free share. A window is filled in bands of up to 64 stripes, and a band is filled disk by disk. So
 * consecutive blocks of a file lie together on a disk, and the band as a whole becomes full stripes. The last band of a
 * CP is only as deep as the blocks that are left need. Example: 4 data disks, 12 blocks left: a band of 3 stripes, 3
 * blocks on each disk.
 * INVARIANT CP1 (fs/cp/cp.h): the bitmap of a window holds what is in the active map, in the summary map, or was
 * freed in this CP. */
#ifndef FS_ALLOC_H
#define FS_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fs_run;
struct fs_volume;

MUST_CHECK int alloc_init(struct fs_volume *vol);
void alloc_fini(struct fs_volume *vol);
/* The geometry has more blocks at its end. A window that is open stays as it is. */
void alloc_grow(struct fs_volume *vol);
/* A VBN for the next block. `n_left`: how many blocks are still to be placed in this CP. The maps of the VBN's
 * region are in memory (maps_need). -EAGAIN, -ENOSPC. */
MUST_CHECK int alloc_next(struct fs_run *run, size_t n_left, uint32_t *ret_vbn);
/* The number of the band; it rises whenever a new band is begun. All VBNs given before that are of finished bands. */
uint64_t alloc_band(const struct fs_volume *vol);
/* The CP has ended: the window is to be looked at afresh. */
void alloc_cp_done(struct fs_volume *vol);

#endif
