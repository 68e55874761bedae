/* SPDX-License-Identifier: Apache-2.0 */
/* A piece: some stripes of one group, written.
 *
 * THEORY. Stages: pin the checksum blocks of the zones -> for partial stripes read what parity needs (piece_stripe.c)
 * -> parity -> intent, durable -> entries in the checksum cache, data and parity to the disks. What does not verify is
 * repaired first, and the piece plans anew.
 * INVARIANTS
 *  R3 No data I/O before the intent is durable: piece_commit is only called by piece_intent_done.
 * WRITE PATH previous hop raid_write.c; next hops piece_stripe.c, intent.c, batch.c. */
#include "raid/raid_piece.h"

#include <string.h>

#include "raid/batch.h"
#include "raid/checksum_zone.h"
#include "raid/intent.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"
#include "raid/raid_write.h"

#define PIECE_MAX_TRIES 6U
#define PARITY_SLICE_BLOCKS 16U /* about 15 us of checksums and parity */

static void piece_pinned(struct checksum_set *set);

static void piece_release_pages(struct piece *p)
{
	if (p->reserved)
		p->raid->reserve_taken = false;
	else
		page_put_many(p->pages, p->n_pages);
	p->reserved = false;
	p->n_pages = 0;
}

static void piece_end(struct piece *p, int err)
{
	piece_release_pages(p);
	checksum_set_unpin(p->raid, &p->set);
	raid_write_piece_done(p, err);
}

void piece_start(struct piece *p)
{
	p->intent_durable = false;
	p->set.done = piece_pinned;
	checksum_set_pin(p->raid, &p->set);
}

static void piece_restart(struct piece *p)
{
	piece_release_pages(p);
	checksum_set_unpin(p->raid, &p->set);
	p->tries++;
	piece_start(p);
}

/* ---- repair on the way ------------------------------------------------------------------------------------------- */

static void piece_fix_next(struct piece *p);

static void piece_fixed(struct repair *repair)
{
	struct piece *p = repair->owner;

	if (repair->err != 0)
		p->stripes[p->fix_at].unverified = true;
	repair_free(repair);
	p->stripes[p->fix_at].needs_fix = false;
	piece_fix_next(p);
}

static void piece_fix_retry(struct timer *timer)
{
	piece_fix_next(container_of(timer, struct piece, retry));
}

static void piece_fix_next(struct piece *p)
{
	struct repair *repair;

	for (p->fix_at = 0; p->fix_at < p->n_stripes && !p->stripes[p->fix_at].needs_fix;)
		p->fix_at++;
	if (p->fix_at == p->n_stripes) {
		piece_restart(p);
		return;
	}
	if (p->tries >= PIECE_MAX_TRIES)
		p->stripes[p->fix_at].unverified = true;
	repair = repair_new(p->raid);
	if (repair == NULL) {
		p->retry = (struct timer){ .fire = piece_fix_retry };
		world_timer_set(p->raid->world, &p->retry, RAID_RETRY_NS);
		return;
	}
	repair->group = p->group;
	repair->mode = REPAIR_STRIPE;
	repair->first_dbn = p->stripes[p->fix_at].dbn;
	repair->n = 1;
	repair->inside_piece = true;
	repair->owner = p;
	repair->done = piece_fixed;
	repair_submit(repair);
}

/* Repair the stripes that ask for it, then plan anew. */
static void piece_fix(struct piece *p)
{
	piece_release_pages(p);
	checksum_set_unpin(p->raid, &p->set);
	piece_fix_next(p);
}

/* ---- plan -------------------------------------------------------------------------------------------------------- */

/* How many pages, and whether a stripe has to be repaired before. */
static unsigned piece_plan(struct piece *p, bool *ret_fix)
{
	unsigned n = 0;

	*ret_fix = false;
	for (unsigned i = 0; i < p->n_stripes; i++) {
		n += piece_stripe_plan(p, &p->stripes[i], n);
		*ret_fix = *ret_fix || p->stripes[i].needs_fix;
	}
	return n;
}

static void piece_read_old(struct piece *p);

static void piece_pages_retry(struct timer *timer)
{
	piece_pinned(&container_of(timer, struct piece, retry)->set);
}

/* Pages from the arena, else the reserve, else later. */
static bool piece_get_pages(struct piece *p, unsigned n)
{
	struct raid *raid = p->raid;

	if (n == 0 || page_alloc_many(p->pages, n) == 0) {
		p->n_pages = n;
		return true;
	}
	if (raid->reserve_taken) {
		p->retry = (struct timer){ .fire = piece_pages_retry };
		world_timer_set(raid->world, &p->retry, RAID_RETRY_NS);
		return false;
	}
	vc_assert(n <= raid->n_reserve);
	raid->reserve_taken = true;
	p->reserved = true;
	p->n_pages = n;
	memcpy(p->pages, raid->reserve, n * sizeof(struct page *));
	return true;
}

static void piece_pinned(struct checksum_set *set)
{
	struct piece *p = container_of(set, struct piece, set);
	unsigned n_pages;
	bool fix;

	if (set->err != 0 || group_failed(p->group)) {
		if (group_failed(p->group) || p->tries >= PIECE_MAX_TRIES)
			piece_end(p, -EIO);
		else
			piece_restart(p);
		return;
	}
	n_pages = piece_plan(p, &fix);
	if (fix)
		piece_fix(p);
	else if (piece_get_pages(p, n_pages))
		piece_read_old(p);
}

/* ---- old content, parity ----------------------------------------------------------------------------------------- */

static void piece_old_read(struct batch *batch);

static void piece_read_old(struct piece *p)
{
	struct raid *raid = p->raid;
	unsigned n = 0;

	for (unsigned m = 0; m < p->group->n_members; m++) {
		for (unsigned i = 0; i < p->n_stripes; i++) {
			const struct piece_stripe *s = &p->stripes[i];
			unsigned at = s->first_old + (unsigned)__builtin_popcount(s->old_mask & ((1U << m) - 1));

			if (s->full || !(s->old_mask >> m & 1))
				continue;
			p->items[n++] = (struct batch_item){
				.member = p->group->members[m],
				.block = layout_data_block(&raid->layout, s->dbn),
				.data = p->pages[at]->data,
			};
		}
	}
	p->batch = (struct batch){
		.raid = raid, .op = DISK_READ, .yields = true, .items = p->items, .n_items = n, .done = piece_old_read
	};
	batch_submit(&p->batch);
}

/* Marks stripes whose old blocks could not be read; true when a member was lost on the way. */
static bool piece_old_errors(struct piece *p, unsigned n_items, bool *ret_fix)
{
	bool lost = false;

	*ret_fix = false;
	for (unsigned i = 0; i < n_items; i++) {
		const struct batch_item *item = &p->items[i];

		if (item->err == 0)
			continue;
		if (!member_online(item->member)) {
			lost = true;
			continue;
		}
		for (unsigned s = 0; s < p->n_stripes; s++) {
			struct piece_stripe *stripe = &p->stripes[s];

			if (layout_data_block(&p->raid->layout, stripe->dbn) != item->block || stripe->full)
				continue;
			if (stripe->unverified)
				memset(item->data, 0, RAID_BLOCK_SIZE);
			else
				stripe->needs_fix = *ret_fix = true;
		}
	}
	return lost;
}

/* Checksums and parity of some stripes; clients come in between. */
static void piece_make_slice(struct task *task)
{
	struct piece *p = container_of(task, struct piece, task);

	for (unsigned n = 0; p->n_made < p->n_stripes && n < PARITY_SLICE_BLOCKS; p->n_made++) {
		n += p->stripes[p->n_made].n_blocks;
		piece_stripe_make_parity(p, &p->stripes[p->n_made]);
	}
	if (p->n_made < p->n_stripes) {
		world_defer(p->raid->world, task);
		return;
	}
	for (unsigned i = 0; i < p->n_stripes; i++)
		if (p->stripes[i].rest_unknown)
			memset(p->stripes[i].rest, 0, sizeof p->stripes[i].rest);
	intent_encode(p);
	intent_write(p);
}

static void piece_old_read(struct batch *batch)
{
	struct piece *p = container_of(batch, struct piece, batch);
	bool fix;

	if (piece_old_errors(p, batch->n_items, &fix)) {
		piece_restart(p);
		return;
	}
	for (unsigned i = 0; i < p->n_stripes && !fix; i++) {
		struct piece_stripe *s = &p->stripes[i];

		if (piece_stripe_make_rest(p, s))
			continue;
		if (s->unverified)
			s->rest_unknown = true; /* not worth keeping in the intent; parity still needs it */
		else
			s->needs_fix = fix = true;
	}
	if (fix) {
		piece_fix(p);
		return;
	}
	p->n_made = 0;
	p->task = (struct task){ .run = piece_make_slice };
	piece_make_slice(&p->task);
}

/* ---- commit ------------------------------------------------------------------------------------------------------ */

static unsigned piece_data_items(struct piece *p, unsigned position, unsigned n)
{
	struct member *m = p->group->members[position];

	for (unsigned i = 0; i < p->n_stripes; i++) {
		const struct piece_stripe *s = &p->stripes[i];
		unsigned at = s->first_block + (unsigned)__builtin_popcount(s->mask & ((1U << position) - 1));

		if (!(s->mask >> position & 1) || !member_holds(m, s->dbn))
			continue;
		p->items[n++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&p->raid->layout, s->dbn),
			.data = p->blocks[at].block->page->data,
		};
	}
	return n;
}

static unsigned piece_parity_items(struct piece *p, unsigned k, unsigned n)
{
	struct member *m = p->group->members[p->group->n_data + k];

	for (unsigned i = 0; i < p->n_stripes; i++) {
		const struct piece_stripe *s = &p->stripes[i];

		if (s->parity[k] == NULL || !member_holds(m, s->dbn))
			continue;
		p->items[n++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&p->raid->layout, s->dbn),
			.data = s->parity[k]->data,
		};
	}
	return n;
}

/* A member that failed now is the group's loss, not the piece's: parity carries the block. */
static void piece_written(struct batch *batch)
{
	struct piece *p = container_of(batch, struct piece, batch);

	piece_end(p, group_failed(p->group) ? -EIO : 0);
}

static void piece_commit(struct piece *p)
{
	unsigned n = 0;

	vc_invariant(R3, p->intent_durable);
	for (unsigned i = 0; i < p->n_stripes; i++)
		piece_stripe_set_entries(p, &p->stripes[i]);
	for (unsigned i = 0; i < p->group->n_data; i++)
		n = piece_data_items(p, i, n);
	for (unsigned k = 0; k < p->group->n_parity; k++)
		n = piece_parity_items(p, k, n);
	p->batch = (struct batch){ .raid = p->raid,
		                   .op = DISK_WRITE,
		                   .yields = true,
		                   .items = p->items,
		                   .n_items = n,
		                   .done = piece_written };
	batch_submit(&p->batch);
}

void piece_intent_done(struct piece *p, int err)
{
	if (err != 0)
		piece_end(p, err);
	else
		piece_commit(p);
}
