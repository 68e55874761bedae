/* SPDX-License-Identifier: Apache-2.0 */
/* A piece: some stripes of one group, written.
 *
 * THEORY. Stages: pin the checksum blocks of the zones -> for partial stripes read what parity needs, the cheaper of
 * (parity and old content of the blocks written) and (the blocks not written); either gives the XOR of the blocks not
 * written, whose CRC must be the XOR of their entries' CRCs, so one CRC verifies all that was read -> parity -> intent,
 * durable -> entries in the checksum cache, data and parity to the disks. Blocks whose entry is zero are zeros: they
 * are not read. What does not verify is repaired first, and the piece plans anew.
 * INVARIANTS
 *  R3 No data I/O before the intent is durable: piece_commit is only called by piece_intent_done.
 * WRITE PATH previous hop raid_write.c; next hops intent.c, batch.c. */
#include "raid/raid_piece.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/xor.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
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

struct stripe_view {
	uint16_t nonzero; /* data positions whose entry is not zero */
	uint16_t online; /* positions that hold it, parity included */
	bool consistent; /* parity's entry is the XOR of the others */
};

static struct stripe_view stripe_look(const struct piece *p, const struct piece_stripe *s)
{
	const struct raid_group *g = p->group;
	struct raid_checksum_format sum = checksum_set_entry(&p->set, g->n_data, s->dbn);
	unsigned nonzero = checksum_entry_is_zero(&sum) ? 0 : 1U << g->n_data, online = 0;

	for (unsigned i = 0; i < g->n_members; i++)
		online |= member_holds(g->members[i], s->dbn) ? 1U << i : 0U;
	for (unsigned i = 0; i < g->n_data; i++) {
		struct raid_checksum_format e;

		if (!(s->present >> i & 1))
			continue;
		e = checksum_set_entry(&p->set, i, s->dbn);
		checksum_entry_xor(&sum, &e);
		if (!checksum_entry_is_zero(&e))
			nonzero |= 1U << i;
	}
	return (struct stripe_view){ (uint16_t)nonzero, (uint16_t)online, checksum_entry_is_zero(&sum) };
}

/* Which old blocks to read; 0, or -EIO when the group cannot give them. */
static int stripe_plan_partial(struct piece *p, struct piece_stripe *s)
{
	struct stripe_view v = stripe_look(p, s);
	uint16_t parity = (uint16_t)(1U << p->group->n_data);
	uint16_t rest = (uint16_t)(v.nonzero & s->present & ~s->mask), old = (uint16_t)(v.nonzero & (s->mask | parity));

	s->rest = NULL;
	s->old_mask = 0;
	s->rest_zero = s->rest_unknown = false;
	if (!(v.online & parity)) {
		s->rest_unknown = true;
		return 0;
	}
	if (!v.consistent && !s->unverified) {
		s->needs_fix = true;
		return 0;
	}
	if (rest == 0 && !s->unverified) {
		s->rest_zero = true;
		return 0;
	}
	if (s->unverified)
		old = (uint16_t)(s->mask | parity);
	if ((rest & ~v.online) == 0 && ((old & ~v.online) != 0 || __builtin_popcount(rest) <= __builtin_popcount(old)))
		s->old_mask = rest;
	else if ((old & ~v.online) == 0)
		s->old_mask = old;
	else
		return -EIO;
	s->rest_zero = s->old_mask == 0;
	return 0;
}

static int piece_plan(struct piece *p, unsigned *ret_n_pages, bool *ret_fix)
{
	const struct member *parity = p->group->members[p->group->n_data];
	unsigned n = 0;

	*ret_fix = false;
	for (unsigned i = 0; i < p->n_stripes; i++) {
		struct piece_stripe *s = &p->stripes[i];
		int err = s->full ? 0 : stripe_plan_partial(p, s);

		if (err != 0)
			return err;
		*ret_fix = *ret_fix || s->needs_fix;
		s->first_old = n;
		n += (unsigned)__builtin_popcount(s->full ? 0 : s->old_mask) + (member_holds(parity, s->dbn) ? 1 : 0);
	}
	*ret_n_pages = n;
	return 0;
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

	if (set->err != 0 || group_failed(p->group) || piece_plan(p, &n_pages, &fix) != 0) {
		if (group_failed(p->group) || p->tries >= PIECE_MAX_TRIES)
			piece_end(p, -EIO);
		else
			piece_restart(p);
		return;
	}
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

/* The XOR of the blocks not written; false when it does not verify. */
static bool stripe_make_rest(struct piece *p, struct piece_stripe *s)
{
	unsigned n = (unsigned)__builtin_popcount(s->old_mask);
	struct raid_checksum_format sum = { 0 };

	if (s->full || n == 0)
		return true;
	s->rest = p->pages[s->first_old];
	for (unsigned i = 1; i < n; i++)
		xor_page(s->rest->data, p->pages[s->first_old + i]->data);
	for (unsigned i = 0; i < p->group->n_data; i++) {
		struct raid_checksum_format e;

		if (!(s->present >> i & 1) || (s->mask >> i & 1))
			continue;
		e = checksum_set_entry(&p->set, i, s->dbn);
		checksum_entry_xor(&sum, &e);
	}
	return crc32c_linear(s->rest->data, RAID_BLOCK_SIZE) == le32_get(sum.crc);
}

static void stripe_make_parity(struct piece *p, struct piece_stripe *s)
{
	const void *srcs[RAID_MAX_GROUP_DISKS];
	unsigned n = 0;
	uint32_t crc;

	for (unsigned i = 0; i < s->n_blocks; i++) {
		struct piece_block *b = &p->blocks[s->first_block + i];

		crc = crc32c_linear(b->block->page->data, RAID_BLOCK_SIZE);
		b->entry = checksum_entry_make(&b->block->ident, crc);
		srcs[n++] = b->block->page->data;
	}
	s->parity = NULL;
	if (!member_holds(p->group->members[p->group->n_data], s->dbn) ||
	    s->first_old + (unsigned)__builtin_popcount(s->old_mask) >= p->n_pages)
		return;
	if (s->rest != NULL)
		srcs[n++] = s->rest->data;
	s->parity = p->pages[s->first_old + (unsigned)__builtin_popcount(s->old_mask)];
	xor_pages(s->parity->data, srcs, n);
}

/* Checksums and parity of some stripes; clients come in between. */
static void piece_make_slice(struct task *task)
{
	struct piece *p = container_of(task, struct piece, task);

	for (unsigned n = 0; p->n_made < p->n_stripes && n < PARITY_SLICE_BLOCKS; p->n_made++) {
		n += p->stripes[p->n_made].n_blocks;
		stripe_make_parity(p, &p->stripes[p->n_made]);
	}
	if (p->n_made < p->n_stripes) {
		world_defer(p->raid->world, task);
		return;
	}
	for (unsigned i = 0; i < p->n_stripes; i++)
		if (p->stripes[i].rest_unknown)
			p->stripes[i].rest = NULL;
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

		if (stripe_make_rest(p, s))
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

static void stripe_set_entries(struct piece *p, const struct piece_stripe *s)
{
	unsigned parity = p->group->n_data;
	struct raid_checksum_format sum = { 0 };

	for (unsigned i = 0; i < s->n_blocks; i++) {
		const struct piece_block *b = &p->blocks[s->first_block + i];

		checksum_zone_set(p->raid, checksum_set_block(&p->set, b->position, s->dbn), s->dbn, &b->entry);
	}
	for (unsigned i = 0; i < p->group->n_data; i++) {
		struct raid_checksum_format e;

		if (!(s->present >> i & 1))
			continue;
		e = checksum_set_entry(&p->set, i, s->dbn);
		checksum_entry_xor(&sum, &e);
	}
	checksum_zone_set(p->raid, checksum_set_block(&p->set, parity, s->dbn), s->dbn, &sum);
}

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

static unsigned piece_parity_items(struct piece *p, unsigned n)
{
	struct member *m = p->group->members[p->group->n_data];

	for (unsigned i = 0; i < p->n_stripes; i++) {
		const struct piece_stripe *s = &p->stripes[i];

		if (s->parity == NULL || !member_holds(m, s->dbn))
			continue;
		p->items[n++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&p->raid->layout, s->dbn),
			.data = s->parity->data,
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
		stripe_set_entries(p, &p->stripes[i]);
	for (unsigned i = 0; i < p->group->n_data; i++)
		n = piece_data_items(p, i, n);
	n = piece_parity_items(p, n);
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
