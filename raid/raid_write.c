/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: the queue, and cutting a write into pieces of whole stripes.
 *
 * THEORY. A write's blocks ascend by VBN, that is disk after disk; a stripe is the same DBN on each disk. So each group
 * is cut by a merge over one cursor a data disk: the smallest DBN at any cursor is the next stripe. A piece is as many
 * stripes of one group as fit in an intent slot and in its share of memory. Pieces run side by side (their stripes
 * differ); a stripe that is already under an unreleased intent waits for a flush.
 * WRITE PATH previous hop raid.h; next hop raid_piece.c. */
#include "raid/raid_write.h"

#include <stdlib.h>
#include <string.h>

#include "raid/checksum_set.h"
#include "raid/checksum_zone.h"
#include "raid/intent.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_flush.h"
#include "raid/raid_group.h"
#include "raid/raid_piece.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"

enum cut { CUT_PIECE, CUT_NOTHING_LEFT, CUT_WAIT, CUT_FLUSH };

/* ---- cutting ----------------------------------------------------------------------------------------------------- */

static unsigned first_at_or_after(const struct raid_write *w, uint64_t vbn)
{
	unsigned low = 0, high = w->n_blocks;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (w->blocks[mid].vbn < vbn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Set the cursors on the blocks of the current group; false when it has none. */
static bool op_load_group(struct write_op *op, const struct raid_group *g)
{
	bool any = false;

	for (unsigned i = 0; i < g->n_data; i++) {
		const struct member *m = g->members[i];

		op->cursor[i] = first_at_or_after(op->write, m->vbn_first);
		op->end[i] = first_at_or_after(op->write, (uint64_t)m->vbn_first + m->n_dbn);
		any = any || op->cursor[i] < op->end[i];
	}
	op->group_loaded = true;
	return any;
}

static bool op_next_dbn(const struct write_op *op, const struct raid_group *g, uint32_t *ret_dbn)
{
	bool any = false;
	uint32_t best = UINT32_MAX;

	for (unsigned i = 0; i < g->n_data; i++) {
		if (op->cursor[i] == op->end[i])
			continue;
		any = true;
		best = MIN_OF(best, op->write->blocks[op->cursor[i]].vbn - g->members[i]->vbn_first);
	}
	*ret_dbn = best;
	return any;
}

static uint16_t present_mask(const struct raid_group *g, uint32_t dbn)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < g->n_data; i++)
		if (dbn < g->members[i]->n_dbn)
			mask |= 1U << i;
	return (uint16_t)mask;
}

static uint16_t stripe_mask(const struct write_op *op, const struct raid_group *g, uint32_t dbn)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < g->n_data; i++)
		if (op->cursor[i] < op->end[i] &&
		    op->write->blocks[op->cursor[i]].vbn - g->members[i]->vbn_first == dbn)
			mask |= 1U << i;
	return (uint16_t)mask;
}

/* Room for the zone of `dbn` in the piece's set of checksum blocks? Adds it. */
static bool piece_add_zone(struct piece *p, uint32_t dbn)
{
	uint32_t zone = layout_zone(dbn);

	if (p->set.n_zones > 0 && p->set.zones[p->set.n_zones - 1] == zone)
		return true;
	if (p->set.n_zones == CHECKSUM_SET_ZONES)
		return false;
	p->set.zones[p->set.n_zones++] = zone;
	return true;
}

static void piece_add_stripe(struct piece *p, struct write_op *op, uint32_t dbn, uint16_t mask, uint16_t present)
{
	struct piece_stripe *s = &p->stripes[p->n_stripes++];

	*s = (struct piece_stripe){
		.dbn = dbn, .mask = mask, .present = present, .full = mask == present, .first_block = p->n_blocks
	};
	for (unsigned i = 0; i < p->group->n_data; i++) {
		if (!(mask >> i & 1))
			continue;
		p->blocks[p->n_blocks++] = (struct piece_block){ .block = &op->write->blocks[op->cursor[i]++],
			                                         .position = i };
		s->n_blocks++;
	}
	if (!s->full)
		p->n_partial++;
}

static enum cut piece_cut(struct piece *p, struct write_op *op)
{
	struct raid_group *g = p->group;
	uint32_t dbn;

	while (p->n_stripes < PIECE_MAX_STRIPES && op_next_dbn(op, g, &dbn)) {
		uint16_t mask = stripe_mask(op, g, dbn), present = present_mask(g, dbn);

		if (mask != present && p->n_partial == piece_max_partial(g))
			break;
		if (intent_stripe_outstanding(g, dbn))
			return p->n_stripes > 0 ? CUT_PIECE : CUT_FLUSH;
		if (repair_covers(p->raid, g, dbn) || rebuild_covers(g, dbn))
			return p->n_stripes > 0 ? CUT_PIECE : CUT_WAIT;
		if (!piece_add_zone(p, dbn))
			break;
		piece_add_stripe(p, op, dbn, mask, present);
	}
	return p->n_stripes > 0 ? CUT_PIECE : CUT_NOTHING_LEFT;
}

/* May a piece of this group begin, as far as slots and checksum blocks go? */
static enum cut group_admits(const struct raid *raid, const struct raid_group *g)
{
	if (g->intent_used == raid->layout.intent_slots)
		return CUT_FLUSH;
	if (checksum_zone_has_room(raid, CHECKSUM_SET_ZONES * g->n_members))
		return CUT_PIECE;
	if (raid->n_pieces_active > 0)
		return CUT_WAIT;
	return raid->cache.n_dirty > 0 ? CUT_FLUSH : CUT_PIECE;
}

static void piece_reset(struct piece *p, struct write_op *op, struct raid_group *g)
{
	p->group = g;
	p->op = op;
	p->n_stripes = p->n_blocks = p->n_partial = p->n_pages = p->tries = 0;
	p->reserved = false;
	p->set = (struct checksum_set){ .group = g };
}

/* The next piece of `op`, of whichever group has one. */
static enum cut op_cut(struct raid *raid, struct write_op *op, struct piece *p)
{
	for (; op->group_index < raid->n_groups; op->group_index++, op->group_loaded = false) {
		struct raid_group *g = raid->groups[op->group_index];
		enum cut cut;

		if (!op->group_loaded && !op_load_group(op, g))
			continue;
		if (group_failed(g)) {
			op->err = -EIO;
			continue;
		}
		cut = group_admits(raid, g);
		if (cut != CUT_PIECE)
			return cut;
		piece_reset(p, op, g);
		cut = piece_cut(p, op);
		if (cut != CUT_NOTHING_LEFT)
			return cut;
	}
	return CUT_NOTHING_LEFT;
}

/* ---- the queue --------------------------------------------------------------------------------------------------- */

static void op_done_run(struct task *task)
{
	struct write_op *op = container_of(task, struct write_op, task);
	struct raid_write *write = op->write;
	int err = op->err;

	raid_call_free(op);
	write->impl = NULL;
	write->done(write, err);
}

static void op_check_done(struct raid *raid, struct write_op *op)
{
	if (!op->cut || op->n_pieces > 0)
		return;
	for (unsigned i = 0; op->err == 0 && raid->lost.n > 0 && i < op->write->n_blocks; i++)
		lost_blocks_remove(&raid->lost, op->write->blocks[i].vbn);
	op->task = (struct task){ .run = op_done_run };
	world_defer(raid->world, &op->task);
}

static struct piece *free_piece(struct raid *raid)
{
	for (unsigned i = 0; i < RAID_PIECES; i++)
		if (!raid->pieces[i]->active)
			return raid->pieces[i];
	return NULL;
}

static void piece_launch(struct raid *raid, struct piece *p)
{
	struct raid_group *g = p->group;

	p->active = true;
	p->op->n_pieces++;
	raid->n_pieces_active++;
	p->sequence = ++raid->intent_sequence;
	p->intent_slot = g->intent_next;
	g->intent_next = (g->intent_next + 1) % raid->layout.intent_slots;
	g->intent_used++;
	p->n_admitted = p->set.n_zones * g->n_members;
	raid->cache.n_admitted += p->n_admitted;
	for (unsigned i = 0; i < p->n_stripes; i++) {
		intent_stripe_add(g, p->stripes[i].dbn);
		dirty_map_add(g, p->stripes[i].dbn);
	}
	raid->n_full_stripes += p->n_stripes - p->n_partial;
	raid->n_partial_stripes += p->n_partial;
	piece_start(p);
}

static void write_pump(struct task *task)
{
	struct raid *raid = container_of(task, struct raid, write_task);
	struct write_op *op;
	struct piece *p;

	while ((op = STAILQ_FIRST(&raid->writes)) != NULL && (p = free_piece(raid)) != NULL) {
		if (raid->flush_wanted || raid->flush_active || raid->writes_held)
			return;
		switch (op_cut(raid, op, p)) {
		case CUT_PIECE: piece_launch(raid, p); break;
		case CUT_NOTHING_LEFT:
			STAILQ_REMOVE_HEAD(&raid->writes, link);
			op->cut = true;
			op_check_done(raid, op);
			break;
		case CUT_WAIT: return;
		case CUT_FLUSH: raid_flush_internal(raid); return;
		}
	}
}

void raid_write_kick(struct raid *raid)
{
	if (!STAILQ_EMPTY(&raid->writes))
		world_defer(raid->world, &raid->write_task);
}

void raid_write_piece_done(struct piece *p, int err)
{
	struct raid *raid = p->raid;

	p->active = false;
	raid->n_pieces_active--;
	raid->cache.n_admitted -= p->n_admitted;
	p->op->n_pieces--;
	if (err != 0)
		p->op->err = err;
	op_check_done(raid, p->op);
	raid_flush_kick(raid);
	repair_kick(raid);
	rebuild_kick(p->group);
	raid_write_kick(raid);
	raid_idle_check(raid);
}

bool raid_write_in_flight(const struct raid *raid, const struct raid_group *g, uint32_t first_dbn, uint32_t n)
{
	for (unsigned i = 0; i < RAID_PIECES; i++) {
		const struct piece *p = raid->pieces[i];

		if (!p->active || p->group != g || p->stripes[p->n_stripes - 1].dbn < first_dbn ||
		    p->stripes[0].dbn >= first_dbn + n)
			continue;
		for (unsigned s = 0; s < p->n_stripes; s++)
			if (p->stripes[s].dbn - first_dbn < n && p->stripes[s].dbn >= first_dbn)
				return true;
	}
	return false;
}

static void write_check(const struct raid *raid, const struct raid_write *write)
{
	for (unsigned i = 0; i < write->n_blocks; i++) {
		vc_assert(write->blocks[i].vbn < raid->geometry.vbn_end && write->blocks[i].ident.level < 16);
		vc_assert(i == 0 || write->blocks[i - 1].vbn < write->blocks[i].vbn);
	}
}

void raid_write(struct raid *raid, struct raid_write *write)
{
	struct write_op *op = raid_call_new(sizeof *op);

	vc_assert(!raid->read_only);
	write_check(raid, write);
	op->write = write;
	write->impl = op;
	STAILQ_INSERT_TAIL(&raid->writes, op, link);
	raid_write_kick(raid);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

/* Of a group of so many members. The widest need no more with two parity disks than with one. */
static unsigned piece_max_pages(unsigned n_members, unsigned n_parity)
{
	return PIECE_MAX_STRIPES * n_parity + RAID_INTENT_MAX_PAYLOAD / n_parity * n_members;
}

static int piece_new(struct raid *raid, struct piece **ret_piece)
{
	struct piece *p = calloc(1, sizeof *p);
	void *bytes;

	if (p == NULL)
		return -ENOMEM;
	*ret_piece = p;
	p->raid = raid;
	p->pages = calloc(piece_max_pages(RAID_MAX_GROUP_DISKS, 1), sizeof(struct page *));
	p->items = calloc(PIECE_MAX_ITEMS, sizeof *p->items);
	if (p->pages == NULL || p->items == NULL)
		return -ENOMEM;
	if (posix_memalign(&bytes, RAID_BLOCK_SIZE,
	                   (1 + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK) * RAID_BLOCK_SIZE) != 0)
		return -ENOMEM;
	p->intent_bytes = bytes;
	return 0;
}

int raid_write_widen(struct raid *raid, unsigned n_members, unsigned n_parity)
{
	unsigned n = piece_max_pages(n_members, n_parity);
	int err = 0;

	if (n > raid->n_reserve)
		err = page_alloc_many(raid->reserve + raid->n_reserve, n - raid->n_reserve);
	if (err == 0)
		raid->n_reserve = MAX_OF(raid->n_reserve, n);
	return err;
}

void raid_write_group_grew(struct raid *raid, const struct raid_group *g)
{
	struct write_op *op;

	STAILQ_FOREACH(op, &raid->writes, link)
		if (op->group_loaded && op->group_index == g->index)
			op->cursor[g->n_data - 1U] = op->end[g->n_data - 1U] = 0;
}

int raid_write_init(struct raid *raid)
{
	int err = 0;

	raid->write_task.run = write_pump;
	for (unsigned i = 0; i < RAID_PIECES && err == 0; i++)
		err = piece_new(raid, &raid->pieces[i]);
	if (err != 0)
		return err;
	raid->reserve = calloc(piece_max_pages(RAID_MAX_GROUP_DISKS, 1), sizeof(struct page *));
	if (raid->reserve == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < raid->n_groups && err == 0; i++)
		err = raid_write_widen(raid, raid->groups[i]->n_members, raid->groups[i]->n_parity);
	return err;
}

void raid_write_fini(struct raid *raid)
{
	for (unsigned i = 0; i < RAID_PIECES; i++) {
		struct piece *p = raid->pieces[i];

		if (p == NULL)
			continue;
		vc_assert(!p->active);
		free(p->pages);
		free(p->items);
		free(p->intent_bytes);
		free(p);
	}
	if (raid->reserve != NULL)
		page_put_many(raid->reserve, raid->n_reserve);
	free(raid->reserve);
}
