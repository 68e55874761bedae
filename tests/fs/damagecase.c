/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: the list of all cases, and the volume they are for. */
#include "tests/fs/damagecase.h"

#include "base/page.h"
#include "tests/support/memdisk.h"

struct fsbox damage_box;

const struct damage_case *damage_case_at(unsigned i)
{
	static const struct damage_cases *const all[] = { &damage_cases_inode, &damage_cases_map, &damage_cases_name,
		                                          &damage_cases_vdisk };

	for (unsigned t = 0; t < ARRAY_SIZE(all); t++) {
		if (i < all[t]->n)
			return &all[t]->cases[i];
		i -= all[t]->n;
	}
	return NULL;
}

int damage_volume_make(void **state)
{
	(void)state;
	box_open(&damage_box, 77, DAMAGE_DISKS, DAMAGE_DISK_BYTES, 4096);
	cb_populate(&damage_box);
	return box_unmount(&damage_box);
}

int damage_volume_drop(void **state)
{
	(void)state;
	box_close(&damage_box);
	return 0;
}
