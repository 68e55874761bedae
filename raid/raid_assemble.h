/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly: a volume in memory, made of the disks offered at a start. */
#ifndef RAID_RAID_ASSEMBLE_H
#define RAID_RAID_ASSEMBLE_H

#include "raid/candidate.h"
#include "raid/raid_probe.h"

/* The disks offered, what was read from them, and what each of them is to the volume. */
struct raid_offer {
	struct world *world;
	unsigned n_disks;
	struct candidate *disks;
	struct disk **opened; /* NULL: it could not be opened, or a member has it */
	struct probe probe;
	struct candidate_choice choice;
	bool read_only, inspecting;
};
/* Make the volume that offer->choice.head describes, and give each member its disk. -ENXIO: too many disks are lost.
 * -EUCLEAN: the head's table makes no sense. -ENOMEM. Whatever the answer, *ret_raid is what was made so far, or NULL:
 * it tells which disks are missing. Freed by raid_free. */
MUST_CHECK int raid_assemble(struct raid_offer *offer, struct raid **ret_raid);
/* A group gets so many members: repairs of it can run from the reserve, too. -ENOMEM. */
MUST_CHECK int raid_repair_widen(struct raid *raid, unsigned n_members);

#endif
