/* SPDX-License-Identifier: Apache-2.0 */
/* Stripes of a RAID group as the maps see them, for whoever reads all of them: the check and the scrub. */
#ifndef FS_STRIPE_H
#define FS_STRIPE_H

#include <stdbool.h>
#include <stdint.h>

struct raid_geometry;

/* How many stripes the group has: as many as its largest data disk has blocks. */
uint32_t stripe_count(const struct raid_geometry *geometry, unsigned group);
/* How many disks it has, parity included. */
unsigned stripe_disks(const struct raid_geometry *geometry, unsigned group);
/* Is nothing in the regions that stripe `dbn` goes through, as `is_unused` says? *ret_end: so far those regions go. */
bool stripe_is_unused(const struct raid_geometry *geometry, unsigned group, uint32_t dbn,
                      bool (*is_unused)(const void *arg, uint32_t region), const void *arg, uint32_t *ret_end);

#endif
