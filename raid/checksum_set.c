/* SPDX-License-Identifier: Apache-2.0 */
/* Checksum sets: the checksum blocks of some zones of a whole group, pinned together. */
#include "raid/checksum_set.h"

#include <string.h>

#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_group.h"
#include "raid/raid_volume.h"

static void set_task_run(struct task *task)
{
	struct checksum_set *set = container_of(task, struct checksum_set, task);

	set->done(set);
}

static void set_arrived(struct checksum_set *set)
{
	if (--set->n_pending > 0)
		return;
	set->task = (struct task){ .run = set_task_run };
	world_defer(set->group->raid->world, &set->task);
}

static void set_take(struct checksum_set *set, struct member *m, uint32_t zone, struct checksum_block *b)
{
	for (unsigned z = 0; z < set->n_zones; z++)
		if (set->zones[z] == zone)
			set->blocks[z][m->position] = b;
	checksum_zone_pin(m->raid, b);
}

static void set_ready(struct checksum_wait *wait, struct checksum_block *b, int err)
{
	struct checksum_set *set = wait->owner;

	if (err != 0)
		set->err = err;
	else
		set_take(set, wait->member, wait->zone, b);
	set_arrived(set);
}

static void set_want(struct raid *raid, struct checksum_set *set, unsigned z, struct member *m)
{
	struct checksum_wait *wait = &set->waits[z][m->position];
	struct checksum_block *b;

	*wait = (struct checksum_wait){ .ready = set_ready, .owner = set };
	set->n_pending++;
	b = checksum_zone_get(raid, m, set->zones[z], wait);
	if (b == NULL)
		return;
	set_take(set, m, set->zones[z], b);
	set->n_pending--;
}

void checksum_set_pin(struct raid *raid, struct checksum_set *set)
{
	struct raid_group *g = set->group;

	set->err = 0;
	set->n_pending = 1;
	memset(set->blocks, 0, sizeof set->blocks);
	for (unsigned z = 0; z < set->n_zones; z++)
		for (unsigned i = 0; i < g->n_members; i++)
			if (set->zones[z] < layout_n_zones(group_n_dbn(g, i)))
				set_want(raid, set, z, g->members[i]);
	set_arrived(set);
}

void checksum_set_unpin(struct raid *raid, struct checksum_set *set)
{
	for (unsigned z = 0; z < set->n_zones; z++)
		for (unsigned i = 0; i < set->group->n_members; i++)
			if (set->blocks[z][i] != NULL)
				checksum_zone_unpin(raid, set->blocks[z][i]);
	memset(set->blocks, 0, sizeof set->blocks);
}

struct checksum_block *checksum_set_block(const struct checksum_set *set, unsigned position, uint32_t dbn)
{
	uint32_t zone = layout_zone(dbn);

	for (unsigned z = 0; z < set->n_zones; z++)
		if (set->zones[z] == zone)
			return set->blocks[z][position];
	return NULL;
}

struct raid_checksum_format checksum_set_entry(const struct checksum_set *set, unsigned position, uint32_t dbn)
{
	return checksum_zone_entry(checksum_set_block(set, position, dbn), dbn);
}

void checksum_set_entries(const struct checksum_set *set, uint32_t dbn, struct raid_checksum_format *ret_entries)
{
	for (unsigned i = 0; i < set->group->n_members; i++) {
		if (group_has(set->group, i, dbn))
			ret_entries[i] = checksum_set_entry(set, i, dbn);
		else
			memset(&ret_entries[i], 0, sizeof ret_entries[i]);
	}
}
