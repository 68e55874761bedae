/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of a piece, stripe by stripe: what of a partial stripe is read, its rests, parity, entries.
 *
 * THEORY. Rest k of a partial stripe is what the blocks that are not written contribute to parity k; the new parity is
 * that and what the new blocks contribute. There are three ways to it, of which the cheapest that the disks allow is
 * taken:
 *  the blocks that are not written are read                      (their sums are the rests)
 *  parity and the old content of the blocks written are read     (parity less that is the rest)
 *  all is read, and what lost disks had of it is solved          (one is written and another is not)
 * Blocks whose entry is zero are zeros: they are not read. One CRC verifies all that was read but a second parity,
 * whose entry is no checksum (raid/repair_judge.c). One that is wrong must not be carried on: so where there is a
 * second parity the second way is not taken, and the third does without it when it can; else what is solved tells.
 * Example: of data disks 0 to 3 block 0 is written. With one parity disk blocks 0 and P are read, with two 1, 2 and 3;
 * if disk 2 is lost 0, 1, 3 and P, which make block 2.
 * WRITE PATH previous hop raid_piece.c. */
#include <stdalign.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/xor.h"
#include "raid/checksum_entry.h"
#include "raid/raid_piece.h"
#include "raid/raid_volume.h"

struct page_sums {
	alignas(XOR_ALIGN) uint8_t bytes[LEVEL_MAX_PARITY][PAGE_SIZE];
};

static unsigned count(unsigned mask)
{
	return (unsigned)__builtin_popcount(mask);
}

/* ---- plan -------------------------------------------------------------------------------------------------------- */

/* The positions whose blocks are not all zeros. */
static unsigned nonzero_mask(const struct raid_group *g, const struct raid_checksum_format *entries)
{
	unsigned nonzero = 0;

	for (unsigned i = 0; i < g->n_data; i++)
		nonzero |= checksum_entry_is_zero(&entries[i]) ? 0U : 1U << i;
	return nonzero != 0 ? nonzero | group_parity_mask(g) : 0;
}

/* The pages it needs: of what is read, which turn into the rests, and of parity. */
static unsigned stripe_pages(struct piece_stripe *s)
{
	unsigned n_parity = count(s->parity_mask), n_old = count(s->old_mask);

	s->first_parity = s->first_old + (n_old == 0 ? 0 : MAX_OF(n_old, n_parity));
	return s->first_parity - s->first_old + n_parity;
}

/* Is among them a parity whose entry is no checksum? */
static bool has_unsure(const struct raid_group *g, unsigned mask)
{
	return (mask & group_parity_mask(g) & ~(1U << g->n_data)) != 0;
}

static void plan_partial(struct piece *p, struct piece_stripe *s)
{
	const struct raid_group *g = p->group;
	struct raid_checksum_format entries[RAID_MAX_GROUP_DISKS];
	unsigned held = group_held(g, s->dbn), nonzero, rest, old;
	bool old_usable;

	s->rest_zero = s->rest_unknown = false;
	s->old_mask = s->solve_mask = 0;
	if (s->parity_mask == 0)
		return;
	checksum_set_entries(&p->set, s->dbn, entries);
	if (!s->unverified && !group_entries_agree(g, entries)) {
		s->needs_fix = true;
		return;
	}
	nonzero = nonzero_mask(g, entries);
	rest = nonzero & s->present & ~(unsigned)s->mask;
	old = s->unverified ? s->mask | s->parity_mask : nonzero & (s->mask | s->parity_mask);
	s->rest_zero = rest == 0 && !s->unverified;
	if (s->rest_zero)
		return;
	old_usable = (old & ~held) == 0 && (s->unverified || !has_unsure(g, s->parity_mask));
	if ((rest & ~held) == 0 && (!old_usable || count(rest) <= count(old))) {
		s->old_mask = (uint16_t)rest;
	} else if (old_usable) {
		s->old_mask = (uint16_t)old;
	} else {
		if (count(nonzero & ~held) < g->n_parity)
			held &= has_unsure(g, held) ? ~(1U << (g->n_members - 1U)) : ~0U;
		s->old_mask = (uint16_t)(nonzero & held);
		s->solve_mask = (uint16_t)(nonzero & ~held);
	}
	s->rest_zero = s->old_mask == 0;
}

unsigned piece_stripe_plan(struct piece *p, struct piece_stripe *s, unsigned first_page)
{
	s->parity_mask = (uint16_t)(group_held(p->group, s->dbn) & group_parity_mask(p->group));
	s->first_old = first_page;
	s->old_mask = s->solve_mask = 0;
	memset(s->rest, 0, sizeof s->rest);
	if (!s->full)
		plan_partial(p, s);
	return stripe_pages(s);
}

/* ---- rests ------------------------------------------------------------------------------------------------------- */

/* What was read matches its entries? */
static bool old_matches(const struct piece *p, const struct piece_stripe *s, const uint8_t *sum)
{
	uint32_t crc = 0;

	for (unsigned i = 0; i < p->group->n_members; i++) {
		struct raid_checksum_format entry;

		if (!(s->old_mask >> i & 1) || !group_has_checksum(p->group, i))
			continue;
		entry = checksum_set_entry(&p->set, i, s->dbn);
		crc ^= le32_get(entry.crc);
	}
	return crc32c_linear(sum, RAID_BLOCK_SIZE) == crc;
}

static void sums_of(const struct raid_group *g, const void *const *blocks, struct page_sums *ret)
{
	void *sums[LEVEL_MAX_PARITY];

	for (unsigned k = 0; k < g->n_parity; k++)
		sums[k] = ret->bytes[k];
	g->level->sums(g->n_data, blocks, sums, PAGE_SIZE);
}

/* The blocks not written, those that are lost solved, in place of all that was read. */
static bool solve_rest(const struct piece *p, const struct piece_stripe *s, const void **blocks,
                       struct page_sums *solved)
{
	const struct raid_group *g = p->group;
	struct level_word all = group_word(g, PAGE_SIZE);
	unsigned n = 0;
	bool good = true;

	memcpy(all.blocks, blocks, sizeof all.blocks);
	for (unsigned i = 0; i < g->n_members; i++) {
		struct raid_checksum_format entry;

		if (group_is_parity(g, i) || (s->mask >> i & 1))
			blocks[i] = NULL;
		else if (s->solve_mask >> i & 1) {
			level_rebuild(&all, s->solve_mask, i, solved->bytes[n]);
			entry = checksum_set_entry(&p->set, i, s->dbn);
			good = good && crc32c_linear(solved->bytes[n], PAGE_SIZE) == le32_get(entry.crc);
			blocks[i] = solved->bytes[n++];
		}
	}
	return good;
}

bool piece_stripe_make_rest(struct piece *p, struct piece_stripe *s)
{
	const struct raid_group *g = p->group;
	const void *blocks[RAID_MAX_GROUP_DISKS] = { NULL };
	struct page_sums sums, solved;
	unsigned n = 0;
	bool good;

	if (s->full || s->old_mask == 0)
		return true;
	for (unsigned i = 0; i < g->n_members; i++)
		if (s->old_mask >> i & 1)
			blocks[i] = p->pages[s->first_old + n++]->data;
	sums_of(g, blocks, &sums);
	good = old_matches(p, s, sums.bytes[0]);
	if (s->solve_mask != 0) {
		good = solve_rest(p, s, blocks, &solved) && good;
		sums_of(g, blocks, &sums);
	}
	n = 0;
	for (unsigned k = 0; k < g->n_parity; k++) {
		if (!(s->parity_mask >> (g->n_data + k) & 1))
			continue;
		s->rest[k] = p->pages[s->first_old + n++];
		memcpy(s->rest[k]->data, sums.bytes[k], PAGE_SIZE);
	}
	return good;
}

/* ---- parity and entries ------------------------------------------------------------------------------------------ */

void piece_stripe_make_parity(struct piece *p, struct piece_stripe *s)
{
	const struct raid_group *g = p->group;
	const void *blocks[RAID_MAX_GROUP_DISKS] = { NULL };
	void *sums[LEVEL_MAX_PARITY] = { NULL };
	unsigned made = s->parity_mask & group_held(g, s->dbn), at = s->first_parity;

	for (unsigned i = 0; i < s->n_blocks; i++) {
		struct piece_block *b = &p->blocks[s->first_block + i];
		uint32_t crc = crc32c_linear(b->block->page->data, RAID_BLOCK_SIZE);

		b->entry = checksum_entry_make(&b->block->ident, crc);
		blocks[b->position] = b->block->page->data;
	}
	for (unsigned k = 0; k < g->n_parity; k++) {
		s->parity[k] = NULL;
		if (s->rest[k] != NULL)
			blocks[g->n_data + k] = s->rest[k]->data;
		if (!(s->parity_mask >> (g->n_data + k) & 1))
			continue;
		if (made >> (g->n_data + k) & 1)
			s->parity[k] = p->pages[at];
		sums[k] = p->pages[at++]->data;
	}
	if (made != 0)
		g->level->sums(g->n_data, blocks, sums, PAGE_SIZE);
}

void piece_stripe_set_entries(struct piece *p, const struct piece_stripe *s)
{
	const struct raid_group *g = p->group;
	struct raid_checksum_format entries[RAID_MAX_GROUP_DISKS], sums[LEVEL_MAX_PARITY];

	checksum_set_entries(&p->set, s->dbn, entries);
	for (unsigned i = 0; i < s->n_blocks; i++) {
		const struct piece_block *b = &p->blocks[s->first_block + i];

		entries[b->position] = b->entry;
		checksum_zone_set(p->raid, checksum_set_block(&p->set, b->position, s->dbn), s->dbn, &b->entry);
	}
	group_entry_sums(g, entries, s->present, sums);
	for (unsigned k = 0; k < g->n_parity; k++)
		checksum_zone_set(p->raid, checksum_set_block(&p->set, g->n_data + k, s->dbn), s->dbn, &sums[k]);
}
