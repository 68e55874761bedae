/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly: a volume in memory, made of the disks offered at a start.
 *
 * THEORY. The newest label of the history chosen (raid/candidate.h) has the table of members: each gets its place in
 * its group, and the data disks give the space of VBNs. Then each disk goes to the member it is, the good ones first.
 * Members that are not online by then are failed from now on: their number decides whether the volume can be opened at
 * all. */
#include "raid/raid_assemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raid/batch.h"
#include "raid/checksum_zone.h"
#include "raid/fsinfo_ring.h"
#include "raid/intent.h"
#include "raid/label.h"
#include "raid/member.h"
#include "raid/raid_group.h"
#include "raid/raid_log.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"
#include "raid/raid_write.h"

/* ---- the volume's memory ----------------------------------------------------------------------------------------- */

void raid_free(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (m == NULL)
			continue;
		disk_close(m->disk);
		member_free(m);
	}
	while (raid->retired != NULL) {
		struct member *m = raid->retired;

		raid->retired = m->retired_next;
		disk_close(m->disk);
		member_free(m);
	}
	checksum_cache_fini(raid);
	raid_write_fini(raid);
	for (unsigned i = 0; i < raid->n_groups; i++) {
		if (raid->groups[i] != NULL)
			free(raid->groups[i]->outstanding);
		free(raid->groups[i]);
	}
	if (raid->repair_reserve != NULL)
		page_put_many(raid->repair_reserve, raid->n_repair_reserve);
	free(raid->repair_reserve);
	free(raid->label.items);
	free(raid->fsinfo.items);
	free(raid->fsinfo.block);
	free(raid->marks.items);
	free(raid->marks.block);
	free(raid->unsettled);
	free(raid);
}

int raid_repair_widen(struct raid *raid, unsigned n_members)
{
	unsigned n = REPAIR_MAX_STRIPES * n_members; /* one whole repair */
	int err = 0;

	if (n > raid->n_repair_reserve)
		err = page_alloc_many(raid->repair_reserve + raid->n_repair_reserve, n - raid->n_repair_reserve);
	if (err == 0)
		raid->n_repair_reserve = MAX_OF(raid->n_repair_reserve, n);
	return err;
}

static int raid_init_buffers(struct raid *raid)
{
	unsigned widest = 0;
	void *block;

	for (unsigned i = 0; i < raid->n_groups; i++)
		widest = MAX_OF(widest, raid->groups[i]->n_members);
	/* items for as many members as there can be: disks may be added while a batch is under way */
	raid->label.items = calloc((size_t)RAID_LABEL_MAX_MEMBERS * RAID_LABEL_BLOCKS, sizeof(struct batch_item));
	raid->fsinfo.items = calloc(RAID_LABEL_MAX_MEMBERS, sizeof(struct batch_item));
	raid->marks.items = calloc(RAID_LABEL_MAX_MEMBERS, sizeof(struct batch_item));
	raid->repair_reserve = calloc((size_t)REPAIR_MAX_STRIPES * RAID_MAX_GROUP_DISKS, sizeof(struct page *));
	if (raid->label.items == NULL || raid->fsinfo.items == NULL || raid->marks.items == NULL ||
	    raid->repair_reserve == NULL)
		return -ENOMEM;
	if (posix_memalign(&block, RAID_BLOCK_SIZE, RAID_BLOCK_SIZE) != 0)
		return -ENOMEM;
	raid->fsinfo.block = block;
	if (posix_memalign(&block, RAID_BLOCK_SIZE, RAID_BLOCK_SIZE) != 0)
		return -ENOMEM;
	raid->marks.block = block;
	return raid_repair_widen(raid, widest);
}

static int raid_init(struct raid *raid)
{
	int err = raid_init_buffers(raid);

	if (err == 0)
		err = checksum_cache_init(raid);
	if (err == 0)
		err = raid_write_init(raid);
	for (unsigned i = 0; i < raid->n_groups && err == 0; i++)
		err = intent_group_init(raid, raid->groups[i]);
	raid_log_init(raid);
	return err;
}

/* ---- members and groups ------------------------------------------------------------------------------------------ */

static int assemble_group_add(struct raid *raid, struct member *m, unsigned group)
{
	struct raid_group *g = raid->groups[group];

	if (g == NULL) {
		g = calloc(1, sizeof *g);
		if (g == NULL)
			return -ENOMEM;
		g->raid = raid;
		g->index = group;
		raid->groups[group] = g;
	}
	if (g->members[m->position] != NULL)
		return -EUCLEAN;
	m->group = g;
	g->members[m->position] = m;
	g->n_members++;
	if (m->is_parity) {
		g->n_parity++;
		return 0;
	}
	g->n_data++;
	g->n_dbn = MAX_OF(g->n_dbn, m->n_dbn);
	return 0;
}

static int assemble_member(struct raid *raid, unsigned index, const struct label_member *row)
{
	struct member *m = member_new(raid);

	if (m == NULL)
		return -ENOMEM;
	raid->members[index] = m;
	m->index = index;
	m->uuid = row->uuid;
	m->position = row->position;
	m->is_parity = row->is_parity;
	m->is_second = row->is_second;
	m->size_blocks = row->size_blocks;
	m->vbn_first = row->vbn_first;
	m->n_dbn = row->n_dbn;
	m->state = RAID_DISK_MISSING;
	m->recorded_failed = row->failed;
	m->reason = row->failed ? row->reason : 0;
	m->zeroed = row->zeroed;
	m->worn = row->worn;
	m->resumed = row->rebuilding;
	m->rebuilt_zones = m->durable_zones = row->rebuilding ? row->rebuilt_zones : 0;
	m->labelled = true;
	return assemble_group_add(raid, m, row->group);
}

/* Members by VBN, without gaps that would break the arithmetic; geometry for the file system. */
static int assemble_geometry(struct raid *raid)
{
	struct raid_geometry *geo = &raid->geometry;
	unsigned n_data = 0;
	uint64_t next = 0;

	for (unsigned n = 0; n < raid->n_members; n++) {
		struct member *best = NULL;

		for (unsigned i = 0; i < raid->n_members; i++) {
			struct member *m = raid->members[i];

			if (!m->is_parity && m->vbn_first >= next && (best == NULL || m->vbn_first < best->vbn_first))
				best = m;
		}
		if (best == NULL)
			break;
		raid->data_members[geo->n_data_disks] = best;
		geo->disks[geo->n_data_disks++] = (struct raid_disk_geometry){ best->vbn_first, best->n_dbn,
			                                                       (uint16_t)best->group->index,
			                                                       (uint16_t)best->position };
		next = (uint64_t)best->vbn_first + best->n_dbn;
	}
	geo->vbn_end = (uint32_t)next;
	geo->n_groups = raid->n_groups;
	for (unsigned i = 0; i < raid->n_groups; i++) {
		n_data += raid->groups[i]->n_data;
		geo->n_parity[i] = (uint8_t)raid->groups[i]->n_parity;
	}
	return geo->n_data_disks == n_data && geo->disks[0].vbn_first == 0 ? 0 : -EUCLEAN;
}

static bool assemble_fits(const struct raid_group *g, const struct member *m)
{
	return m->is_parity == group_is_parity(g, m->position) && m->is_second == (m->position > g->n_data) &&
	       (!m->is_parity || m->n_dbn >= g->n_dbn);
}

static int assemble_groups_check(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++) {
		struct raid_group *g = raid->groups[i];

		if (g != NULL)
			g->level = level_of(g->n_parity);
		if (g == NULL || g->n_data == 0 || g->level == NULL)
			return -EUCLEAN;
		for (unsigned j = 0; j < g->n_members; j++) {
			const struct member *m = g->members[j];

			if (m == NULL || !assemble_fits(g, m))
				return -EUCLEAN;
		}
	}
	return 0;
}

static enum raid_disk_state attached_state(const struct raid_offer *offer, const struct candidate *c)
{
	switch (c->verdict) {
	case CANDIDATE_GOOD:
		return offer->choice.head->members[c->label->member_index].rebuilding ? RAID_DISK_REBUILDING
		                                                                      : RAID_DISK_ONLINE;
	case CANDIDATE_STALE:
	case CANDIDATE_PARTED: return RAID_DISK_STALE;
	default: return RAID_DISK_FAILED;
	}
}

static void assemble_attach(struct raid *raid, struct raid_offer *offer, struct candidate *c)
{
	struct member *m = raid->members[c->label->member_index];

	if (m->disk != NULL)
		return;
	m->disk = offer->opened[c->index];
	offer->opened[c->index] = NULL;
	c->used = true;
	memcpy(m->url, c->url, sizeof m->url);
	memcpy(m->why, c->why, sizeof m->why);
	m->label_copy = c->label_copy;
	m->mark_copy = c->mark_copy;
	m->lineage = c->lineage;
	m->state = attached_state(offer, c);
	for (unsigned s = 0; s < RAID_RING_SLOTS && member_online(m); s++)
		fsinfo_ring_offer(raid, s, probe_fsinfo(&offer->probe, c->index, s));
}

/* A member nobody is gets the name of a disk nobody has: of the one in its place in the list, or else of any. The best
 * guess for people. */
static void assemble_guess(struct raid *raid, struct raid_offer *offer, bool in_place)
{
	unsigned at = 0;

	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (m->disk != NULL || m->url[0] != '\0')
			continue;
		if (in_place)
			at = i;
		while (!in_place && at < offer->n_disks && offer->disks[at].used)
			at++;
		if (at >= offer->n_disks || offer->disks[at].used || offer->disks[at].verdict == CANDIDATE_TWICE)
			continue;
		offer->disks[at].used = true;
		memcpy(m->url, offer->disks[at].url, sizeof m->url);
		memcpy(m->why, offer->disks[at].why, sizeof m->why);
	}
}

/* Give each disk to the member it is, the good ones first. */
static void assemble_attach_all(struct raid *raid, struct raid_offer *offer)
{
	for (unsigned i = 0; i < offer->n_disks; i++)
		if (offer->disks[i].verdict == CANDIDATE_GOOD)
			assemble_attach(raid, offer, &offer->disks[i]);
	for (unsigned i = 0; i < offer->n_disks; i++)
		if (offer->disks[i].verdict > CANDIDATE_FOREIGN && offer->disks[i].verdict != CANDIDATE_TWICE)
			assemble_attach(raid, offer, &offer->disks[i]);
	assemble_guess(raid, offer, true);
	assemble_guess(raid, offer, false);
}

static int assemble_count_lost(struct raid *raid)
{
	struct label_state *l = &raid->label;
	unsigned n_copies = 0;

	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		m->group->n_lost += m->state != RAID_DISK_ONLINE;
		if (member_online(m))
			continue;
		if (!m->recorded_failed) {
			l->membership++;
			dirty_map_begin(m, !m->resumed);
			m->reason = m->state == RAID_DISK_STALE ? RAID_REASON_STALE : RAID_REASON_ABSENT;
		}
		m->recorded_failed = true;
	}
	if (raid_group_failed_any(raid))
		return -ENXIO;
	for (unsigned i = 0; i < l->n_log_copies; i++)
		if (member_online(raid->members[l->log_copies[i]]))
			l->log_copies[n_copies++] = l->log_copies[i];
	l->n_log_copies = n_copies;
	return n_copies == 0 ? -ENXIO : 0;
}

/* The volume as the head describes it, without members. */
static struct raid *assemble_begin(const struct raid_offer *offer)
{
	const struct label *l = offer->choice.head;
	struct raid *raid = calloc(1, sizeof *raid);

	if (raid == NULL)
		return NULL;
	STAILQ_INIT(&raid->label.waiters);
	STAILQ_INIT(&raid->flush_waiting);
	STAILQ_INIT(&raid->flush_running);
	STAILQ_INIT(&raid->writes);
	TAILQ_INIT(&raid->lane.waiting);
	TAILQ_INIT(&raid->repairs_active);
	TAILQ_INIT(&raid->repairs_waiting);
	raid->world = offer->world;
	raid->limits = l->limits;
	raid->opening = raid->recovering = true;
	raid_room_patience(raid, RAID_ROOM_PATIENCE_NS);
	raid->read_only = offer->read_only;
	raid->inspecting = offer->inspecting;
	raid->volume_uuid = l->volume_uuid;
	raid->identity = l->identity;
	raid->layout = l->layout;
	raid->n_members = l->n_members;
	raid->n_groups = l->n_groups;
	raid->label.generation = l->generation;
	raid->label.membership = l->membership;
	raid->label.epoch = l->epoch;
	raid->label.compat = l->compat;
	raid->label.ro_compat = l->ro_compat;
	raid->lineage = raid->marks.lineage = offer->choice.demand;
	raid->marks.last_flush = offer->choice.last_flush;
	raid->label.n_log_copies = l->n_log_copies;
	memcpy(raid->label.log_copies, l->log_copies, sizeof l->log_copies);
	return raid;
}

int raid_assemble(struct raid_offer *offer, struct raid **ret_raid)
{
	const struct label *l = offer->choice.head;
	struct raid *raid = assemble_begin(offer);
	int err = 0;

	*ret_raid = raid;
	if (raid == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < l->n_members && err == 0; i++)
		err = assemble_member(raid, i, &l->members[i]);
	for (unsigned i = 0; i < l->n_maps && err == 0; i++)
		raid->members[l->maps[i].member]->map = l->maps[i].map;
	if (err == 0)
		err = assemble_groups_check(raid);
	if (err == 0)
		err = assemble_geometry(raid);
	if (err != 0)
		return err;
	assemble_attach_all(raid, offer);
	err = assemble_count_lost(raid);
	return err != 0 ? err : raid_init(raid);
}
