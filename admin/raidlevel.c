/* SPDX-License-Identifier: Apache-2.0 */
/* RAID levels by name. */
#include "admin/raidlevel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "raid/raid.h"

static const struct {
	const char *name;
	unsigned n_parity; /* 0: all disks but one */
	size_t min, max; /* disks of a group */
	const char *rule;
} levels[] = {
	{ "raid4", 1, 2, RAID_MAX_GROUP_DATA + 1U, "1 to 14 data disks, then the parity disk" },
	{ "dp", 2, 3, RAID_MAX_GROUP_DATA + 2U, "1 to 14 data disks, then the two parity disks" },
	{ "mirror", 0, 2, 3, "one and its copies" },
};
static_assert(RAID_MAX_GROUP_DATA == 14U, "the rules say so");

int raidlevel_parity(const char *name, size_t n_disks, unsigned *ret_parity, char ret_text[RAIDLEVEL_TEXT])
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, name) != 0)
			continue;
		if (n_disks < levels[i].min || n_disks > levels[i].max) {
			(void)snprintf(ret_text, RAIDLEVEL_TEXT,
			               "a RAID group of level %s has %zu to %zu disks (%s), not %zu", name,
			               levels[i].min, levels[i].max, levels[i].rule, n_disks);
			return -EINVAL;
		}
		*ret_parity = levels[i].n_parity != 0 ? levels[i].n_parity : (unsigned)n_disks - 1U;
		return 0;
	}
	(void)snprintf(ret_text, RAIDLEVEL_TEXT, "there is no RAID level \"%.32s\": raid4, dp or mirror", name);
	return -EINVAL;
}

const char *raidlevel_name(unsigned n_parity)
{
	return n_parity > 1 ? "dp" : "raid4";
}
