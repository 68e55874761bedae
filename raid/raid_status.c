/* SPDX-License-Identifier: Apache-2.0 */
/* State for people: which disks are there, what they have done, what is degraded. And the small doors to what raid
 * knows. */
#include <stdlib.h>
#include <string.h>

#include "base/reserve.h"
#include "raid/member.h"
#include "raid/member_errors.h"
#include "raid/raid_volume.h"

void *raid_call_new(size_t len_bytes)
{
	return reserve_calloc(1, len_bytes);
}

void raid_call_free(void *call)
{
	free(call);
}

const struct raid_geometry *raid_geometry(const struct raid *raid)
{
	return &raid->geometry;
}

struct member *raid_member_at(const struct raid *raid, unsigned group, unsigned position)
{
	return group < raid->n_groups && position < raid->groups[group]->n_members
	           ? raid->groups[group]->members[position]
	           : NULL;
}

struct member *raid_member_of(const struct raid *raid, uint32_t vbn, uint32_t *ret_dbn)
{
	unsigned low = 0, high = raid->geometry.n_data_disks;
	struct member *m;

	while (high - low > 1) {
		unsigned mid = low + (high - low) / 2;

		if (raid->data_members[mid]->vbn_first <= vbn)
			low = mid;
		else
			high = mid;
	}
	m = raid->data_members[low];
	if (vbn < m->vbn_first || vbn - m->vbn_first >= m->n_dbn)
		return NULL;
	*ret_dbn = vbn - m->vbn_first;
	return m;
}

static void status_disk(const struct member *m, struct raid_disk_status *d)
{
	memcpy(d->url, m->url, sizeof d->url);
	d->uuid = m->uuid;
	raid_identity_mask(m->raid, &d->uuid);
	d->state = m->state;
	memcpy(d->why, m->why, sizeof d->why);
	member_errors_say(m, d->worn);
	d->group = m->group->index;
	d->position = m->position;
	d->is_parity = m->is_parity;
	d->is_second = m->is_second;
	d->waits_for_room = m->n_waiting_for_room > 0;
	d->size_bytes = m->size_blocks * RAID_BLOCK_SIZE;
	d->needed_bytes = layout_disk_blocks(&m->raid->layout, m->n_dbn) * RAID_BLOCK_SIZE;
	if (m->state == RAID_DISK_REBUILDING) {
		d->rebuild_blocks = group_n_dbn(m->group, m->position);
		d->rebuilt_blocks = MIN_OF(m->rebuilt_zones * RAID_ZONE_DATA, d->rebuild_blocks);
	}
	d->keeps_rest = m->map.kept || (m->kept_rest && member_online(m));
	d->changed_blocks = m->map.kept ? dirty_map_n_blocks(&m->map, group_n_dbn(m->group, m->position)) : 0;
	d->n_reads = m->n_reads;
	d->n_writes = m->n_writes;
	d->read_bytes = m->read_bytes;
	d->written_bytes = m->written_bytes;
	memcpy(d->errors, m->errors, sizeof d->errors);
}

void raid_status(const struct raid *raid, struct raid_status *s)
{
	memset(s, 0, sizeof *s);
	s->n_groups = raid->n_groups;
	s->n_disks = raid->n_members;
	s->n_full_stripes = raid->n_full_stripes;
	s->n_partial_stripes = raid->n_partial_stripes;
	s->n_reconstructed = raid->n_reconstructed;
	for (unsigned i = 0; i < raid->n_groups; i++) {
		const struct raid_group *g = raid->groups[i];

		s->groups[i] = (struct raid_group_status){ level_title(g->level, g->n_data), g->n_data, g->n_parity,
			                                   g->n_lost };
		s->degraded = s->degraded || g->n_lost > 0;
		s->failed = s->failed || group_failed(g);
	}
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		s->limits.of[i] = raid_limit(&raid->limits, (enum raid_limit)i);
	s->waits_for_room = raid->room.n_waiting > 0;
	for (unsigned i = 0; i < raid->n_members; i++)
		status_disk(raid->members[i], &s->disks[i]);
}

bool raid_group_is_whole(const struct raid *raid, unsigned group)
{
	for (unsigned i = 0; i < raid->n_members; i++)
		if (raid->members[i]->group->index == group && raid->members[i]->state != RAID_DISK_ONLINE)
			return false;
	return true;
}

unsigned raid_n_unsettled(const struct raid *raid)
{
	return raid->n_unsettled;
}

bool raid_stripe_is_unsettled(const struct raid *raid, unsigned group, uint32_t dbn)
{
	unsigned low = 0, high = raid->n_unsettled;

	while (low < high) {
		unsigned middle = low + (high - low) / 2U;
		const struct raid_stripe *stripe = &raid->unsettled[middle];

		if (stripe->group < group || (stripe->group == group && stripe->dbn < dbn))
			low = middle + 1U;
		else
			high = middle;
	}
	return low < raid->n_unsettled && raid->unsettled[low].group == group && raid->unsettled[low].dbn == dbn;
}
