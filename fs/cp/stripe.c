/* SPDX-License-Identifier: Apache-2.0 */
/* Stripes as the maps see them. */
#include "fs/cp/stripe.h"

#include "base/list.h"
#include "fs/format/fsformat.h"
#include "raid/raid.h"

uint32_t stripe_count(const struct raid_geometry *geometry, unsigned group)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		if (geometry->disks[i].group == group)
			n = MAX_OF(n, geometry->disks[i].n_blocks);
	return n;
}

unsigned stripe_disks(const struct raid_geometry *geometry, unsigned group)
{
	unsigned n = geometry->n_parity[group];

	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		n += geometry->disks[i].group == group;
	return n;
}

bool stripe_is_unused(const struct raid_geometry *geometry, unsigned group, uint32_t dbn,
                      bool (*is_unused)(const void *arg, uint32_t region), const void *arg, uint32_t *ret_end)
{
	uint32_t n = UINT32_MAX - dbn;

	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		const struct raid_disk_geometry *disk = &geometry->disks[i];
		uint32_t vbn = disk->vbn_first + dbn;

		if (disk->group != group || dbn >= disk->n_blocks)
			continue;
		if (!is_unused(arg, region_of(vbn)))
			return false;
		n = MIN_OF(n, MIN_OF(REGION_BLOCKS - vbn % REGION_BLOCKS, disk->n_blocks - dbn));
	}
	*ret_end = dbn + n;
	return true;
}
