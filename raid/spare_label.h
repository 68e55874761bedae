/* SPDX-License-Identifier: Apache-2.0 */
/* The label of a hot spare: a disk that belongs to no volume yet, and waits to take the place of one that is lost.
 *
 * It stands where a member has label A, so that nobody takes the disk for an empty one, and is of another kind, so that
 * nobody takes it for a member. It goes when the disk is blanked for its place (raid/raid_replace.c): a disk has this
 * label, or a member's, or none, never two. */
#ifndef RAID_SPARE_LABEL_H
#define RAID_SPARE_LABEL_H

#include <stdbool.h>

#include "base/uuid.h"
#include "raid/raidformat.h"

struct spare_label {
	struct uuid disk_uuid; /* the spare's own; as a member it gets another */
	struct uuid volume_uuid;
	bool has_volume; /* only disks of volume_uuid; else of any volume */
	uint64_t size_blocks;
};
/* Pure functions, any thread. -ENOENT: these bytes are none; -EUCLEAN: a damaged one; -ENOTSUP: a newer version's. */
MUST_CHECK int spare_label_decode(const struct raid_spare_format *bytes, struct spare_label *ret_label);
void spare_label_encode(const struct spare_label *label, struct raid_spare_format *ret_bytes);

#endif
