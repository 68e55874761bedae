/* SPDX-License-Identifier: Apache-2.0 */
/* Repair: which blocks of a stripe are wrong, and what they should be.
 *
 * THEORY. A block is judged by its entry: data, and the first parity, have their CRC in it. The entry of a second
 * parity follows the code (raid/level.h) and is no checksum of its block; that one is wrong when the data is right and
 * makes another. As many blocks as there are parity disks can be rebuilt, and their entries with them, each as a word
 * of the same code. What was rebuilt counts only if its CRC is the one that the rebuilt entry has, or, for a reader, if
 * CRC and identity are those of the entry that its disk has. So a block that nobody can judge makes others wrong at
 * most visibly. Parity is only made anew from data that matches its entries.
 * READ PATH previous hop raid_repair.c. */
#include <stdalign.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/xor.h"
#include "raid/checksum_entry.h"
#include "raid/layout.h"
#include "raid/member_errors.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"

/* Every block of a file can be lost: say the first ones, then now and then. */
#define LOG_FIRST 16U
#define LOG_EVERY 1024U

/* One stripe of a repair. Masks are of positions. */
struct stripe {
	struct repair *repair;
	const struct raid_group *group;
	unsigned index; /* in the repair */
	uint32_t dbn;
	unsigned present; /* those that reach so far */
	unsigned readable;
	unsigned good; /* nothing speaks against the block */
	bool agree; /* the entries do */
	struct raid_checksum_format entries[RAID_MAX_GROUP_DISKS];
	struct level_word blocks; /* NULL: the disk is too short */
};

/* What a missing block should be. */
struct remade {
	unsigned position;
	struct raid_checksum_format entry;
	bool differs; /* from what was read */
	alignas(XOR_ALIGN) uint8_t bytes[RAID_BLOCK_SIZE];
};

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static unsigned count(unsigned mask)
{
	return (unsigned)__builtin_popcount(mask);
}

static unsigned data_mask(const struct stripe *s)
{
	return s->present & ~(unsigned)group_parity_mask(s->group);
}

static uint8_t *stripe_page(const struct stripe *s, unsigned position)
{
	return repair_page(s->repair, s->index, position)->data;
}

static bool block_is_good(const struct stripe *s, unsigned position)
{
	return !group_has_checksum(s->group, position) ||
	       crc32c_linear(s->blocks.blocks[position], RAID_BLOCK_SIZE) == le32_get(s->entries[position].crc);
}

/* Parity without a checksum of its own: what data that is right makes of it. */
static unsigned parity_refuted(const struct stripe *s)
{
	unsigned unsure = s->good & group_parity_mask(s->group) & ~(1U << s->group->n_data);

	if (unsure == 0 || (data_mask(s) & ~s->good) != 0)
		return 0;
	return unsure & level_wrong_parity(&s->blocks);
}

static void stripe_look(struct repair *r, unsigned index, struct stripe *s)
{
	const struct raid_group *g = r->group;

	*s = (struct stripe){ .repair = r, .group = g, .index = index, .dbn = r->first_dbn + index };
	s->blocks = group_word(g, RAID_BLOCK_SIZE);
	checksum_set_entries(&r->set, s->dbn, s->entries);
	s->agree = group_entries_agree(g, s->entries);
	for (unsigned i = 0; i < g->n_members; i++) {
		if (!group_has(g, i, s->dbn))
			continue;
		s->present |= 1U << i;
		s->blocks.blocks[i] = stripe_page(s, i);
		if (repair_item(r, index, i)->err != 0)
			continue;
		s->readable |= 1U << i;
		s->good |= block_is_good(s, i) ? 1U << i : 0U;
	}
}

/* The same, and parity is compared with what it should be. */
static void stripe_judge(struct repair *r, unsigned index, struct stripe *s)
{
	stripe_look(r, index, s);
	s->good &= ~parity_refuted(s);
}

bool repair_stripe_looks_overwritten(const struct repair *r, unsigned index)
{
	struct stripe s;

	stripe_look((struct repair *)(uintptr_t)r, index, &s);
	return (s.present & ~s.good & group_held(s.group, s.dbn)) == 0 && !s.agree;
}

/* ---- counting and writing ---------------------------------------------------------------------------------------- */

static enum raid_error stripe_error(const struct stripe *s, unsigned position)
{
	if (!(s->readable >> position & 1))
		return RAID_ERROR_READ;
	return s->good >> position & 1 ? RAID_ERROR_IDENTITY : RAID_ERROR_CHECKSUM;
}

/* A read error was counted when it happened. */
static void stripe_count(const struct stripe *s, unsigned position, enum raid_error kind)
{
	if (kind != RAID_ERROR_READ)
		member_errors_count(s->group->members[position], kind,
		                    layout_data_block(&s->repair->raid->layout, s->dbn));
}

/* More is wrong than parity carries. */
static void stripe_count_lost(const struct stripe *s)
{
	for (unsigned i = 0; i < s->group->n_members; i++)
		if ((s->readable & ~s->good) >> i & 1 && member_holds(s->group->members[i], s->dbn))
			stripe_count(s, i, RAID_ERROR_CHECKSUM);
}

static void stripe_set_entry(const struct stripe *s, unsigned position, const struct raid_checksum_format *entry)
{
	if (!checksum_entry_equal(&s->entries[position], entry))
		checksum_zone_set(s->repair->raid, checksum_set_block(&s->repair->set, position, s->dbn), s->dbn,
		                  entry);
}

static void stripe_write(const struct stripe *s, unsigned position)
{
	s->repair->rewrites[s->repair->n_rewrites++] = (struct batch_item){
		.member = s->group->members[position],
		.block = layout_data_block(&s->repair->raid->layout, s->dbn),
		.data = stripe_page(s, position),
	};
}

/* Bring disk and entry of one member in step with what was rebuilt; the bytes are in the repair's page of it. */
static void stripe_rewrite(const struct stripe *s, unsigned position, bool bytes_wrong, enum raid_error kind,
                           const struct raid_checksum_format *entry)
{
	struct member *m = s->group->members[position];

	if (!member_holds(m, s->dbn)) {
		stripe_set_entry(s, position, entry); /* it is only remembered */
		return;
	}
	stripe_count(s, position, kind);
	if (!s->repair->raid->read_only) { /* else what is read is right, and the disk stays as it is */
		member_errors_repaired(m, kind);
		if (bytes_wrong)
			stripe_write(s, position);
		stripe_set_entry(s, position, entry);
	}
	member_check_health(m);
}

/* ---- rebuilding -------------------------------------------------------------------------------------------------- */

/* A block from those that are not missing. Its CRC is told by the entry made of theirs, and must be that; where there
 * is a choice, nothing follows from the code alone. */
static bool stripe_remake(const struct stripe *s, unsigned missing, unsigned position, struct remade *ret)
{
	const struct raid_group *g = s->group;

	ret->position = position;
	level_rebuild(&s->blocks, missing, position, ret->bytes);
	ret->entry = group_entry_rebuild(g, s->entries, missing, position);
	ret->differs = !(s->readable >> position & 1) ||
	               memcmp(ret->bytes, stripe_page(s, position), RAID_BLOCK_SIZE) != 0;
	return !group_has_checksum(g, position) ||
	       crc32c_linear(ret->bytes, RAID_BLOCK_SIZE) == le32_get(ret->entry.crc);
}

/* From now on that is the block. */
static void stripe_take(struct stripe *s, const struct remade *remade)
{
	memcpy(stripe_page(s, remade->position), remade->bytes, RAID_BLOCK_SIZE);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_without(struct stripe *s, unsigned missing, struct raid_read_block *block)
{
	unsigned position = s->repair->position, others = s->present & ~missing;
	const struct raid_checksum_format *own = &s->entries[position];
	struct remade remade;
	bool by_own, by_others;

	if (count(missing) > s->group->n_parity || (s->readable & others) != others)
		return false;
	by_others = stripe_remake(s, missing, position, &remade) && (s->good & others) == others &&
	            checksum_entry_matches(&remade.entry, &block->ident);
	by_own = checksum_entry_matches(own, &block->ident) &&
	         crc32c_linear(remade.bytes, RAID_BLOCK_SIZE) == le32_get(own->crc);
	if (!by_own && !by_others)
		return false;
	if (by_own)
		remade.entry = *own;
	memcpy(block->page->data, remade.bytes, RAID_BLOCK_SIZE);
	block->ident.mark = checksum_entry_mark(&remade.entry);
	s->repair->raid->n_reconstructed++;
	stripe_take(s, &remade);
	stripe_rewrite(s, position, remade.differs, stripe_error(s, position), &remade.entry);
	return true;
}

static int stripe_read_one(struct repair *r, unsigned index, struct raid_read_block *block)
{
	struct stripe s;
	unsigned own = 1U << r->position, first = 1U << r->group->n_data, unreadable;

	stripe_look(r, index, &s);
	if ((s.good & own) && checksum_entry_matches(&s.entries[r->position], &block->ident)) {
		memcpy(block->page->data, stripe_page(&s, r->position), RAID_BLOCK_SIZE);
		block->ident.mark = checksum_entry_mark(&s.entries[r->position]);
		return 0;
	}
	unreadable = s.present & ~s.readable;
	if (read_without(&s, own | (s.present & ~s.good), block) || read_without(&s, own | unreadable, block) ||
	    read_without(&s, own | unreadable | first, block)) /* parity may be an old one */
		return 0;
	stripe_count_lost(&s);
	return -EIO;
}

static bool lost_is_said(struct raid *raid)
{
	return raid->n_lost_blocks++ < LOG_FIRST || raid->n_lost_blocks % LOG_EVERY == 0;
}

static void log_unreadable(const struct repair *r, const struct raid_read_block *block)
{
	if (lost_is_said(r->raid))
		log_error("raid", "block_lost", "disk=%s vbn=%u inode=%u fbn=%u level=%u",
		          r->group->members[r->position]->url, block->vbn, block->ident.inode, block->ident.fbn,
		          block->ident.level);
}

static void judge_reads(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->blocks[i] == NULL)
			continue;
		r->blocks[i]->err = stripe_read_one(r, i, r->blocks[i]);
		if (r->blocks[i]->err != 0)
			log_unreadable(r, r->blocks[i]);
	}
}

/* ---- making whole ------------------------------------------------------------------------------------------------ */

/* The data blocks that are wrong; false when they cannot be made. Nothing is written before all are known. */
static bool stripe_mend_data(struct stripe *s, unsigned wrong)
{
	struct remade remade[LEVEL_MAX_PARITY];
	unsigned n = 0;

	for (unsigned i = 0; i < s->group->n_data; i++)
		if ((wrong >> i & 1) && !stripe_remake(s, wrong, i, &remade[n++]))
			return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned position = remade[i].position;

		stripe_take(s, &remade[i]);
		stripe_rewrite(s, position, remade[i].differs, stripe_error(s, position), &remade[i].entry);
		s->entries[position] = remade[i].entry;
	}
	return true;
}

/* The data is right: parity, and its entries, are what it makes of them. */
static void stripe_fit_parity(struct stripe *s, unsigned wrong)
{
	unsigned parity = group_parity_mask(s->group);

	for (unsigned i = s->group->n_data; i < s->group->n_members; i++) {
		struct remade remade;
		bool fits;

		(void)stripe_remake(s, parity, i, &remade);
		fits = !remade.differs && checksum_entry_equal(&remade.entry, &s->entries[i]);
		if (fits && !(wrong >> i & 1))
			continue;
		stripe_take(s, &remade);
		stripe_rewrite(s, i, remade.differs, stripe_error(s, i), &remade.entry);
	}
}

/* Make the stripe whole; -EIO when more is wrong than parity carries. */
static int stripe_make_whole(struct repair *r, unsigned index)
{
	struct stripe s;
	unsigned wrong;

	stripe_judge(r, index, &s);
	wrong = s.present & ~s.good;
	if (wrong == 0 && s.agree)
		return 0;
	if (count(wrong) > r->group->n_parity || !stripe_mend_data(&s, wrong)) {
		stripe_count_lost(&s);
		return -EIO;
	}
	stripe_fit_parity(&s, wrong);
	return 0;
}

static void judge_stripes(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++)
		r->n_lost += stripe_make_whole(r, i) != 0;
	r->err = r->n_lost > 0 ? -EIO : 0;
}

/* ---- the block of a disk that is being rebuilt ------------------------------------------------------------------- */

static void log_stripe_lost(const struct stripe *s, unsigned position)
{
	if (lost_is_said(s->repair->raid))
		log_error("raid", "block_not_rebuilt", "disk=%s dbn=%u inode=%u fbn=%u",
		          s->group->members[position]->url, s->dbn, le32_get(s->entries[position].inode),
		          le32_get(s->entries[position].fbn));
}

static void stripe_note_lost(const struct stripe *s, unsigned position)
{
	struct raid_ident ident = checksum_entry_ident(&s->entries[position]);
	const struct member *m = s->group->members[position];

	if (!m->is_parity)
		lost_blocks_add(&s->repair->raid->lost, &(struct raid_lost_block){ m->vbn_first + s->dbn, ident.inode,
		                                                                   ident.fbn, ident.level });
}

/* One whose stripe has lost too many other blocks is gone: what is written does not match its entry, so it is never
 * taken for the block. */
static void stripe_rebuild(struct repair *r, unsigned index)
{
	unsigned position = r->position, missing;
	struct remade remade;
	struct stripe s;

	stripe_look(r, index, &s);
	memset(stripe_page(&s, position), 0, RAID_BLOCK_SIZE);
	missing = (s.present & ~s.good) | 1U << position;
	if (checksum_entry_is_zero(&s.entries[position])) {
		/* nobody wrote it */
	} else if (count(missing) <= r->group->n_parity && stripe_remake(&s, missing, position, &remade)) {
		stripe_take(&s, &remade);
		stripe_set_entry(&s, position, &remade.entry);
	} else {
		r->n_lost++;
		stripe_count_lost(&s);
		stripe_note_lost(&s, position);
		log_stripe_lost(&s, position);
	}
	stripe_write(&s, position);
}

static void judge_rebuild(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++)
		stripe_rebuild(r, i);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* What would be written of this position. The pages of a verify are nobody else's. */
static void verdict_add(struct stripe *s, const struct remade *remade, struct raid_wrong_stripe *wrong)
{
	unsigned i = remade->position;

	wrong->bad_blocks |= (uint16_t)(remade->differs ? 1U << i : 0U);
	wrong->bad_entries |= (uint16_t)(checksum_entry_equal(&remade->entry, &s->entries[i]) ? 0U : 1U << i);
	stripe_take(s, remade);
	s->entries[i] = remade->entry;
}

/* As stripe_make_whole would. */
static void stripe_verdict(struct stripe *s, struct raid_wrong_stripe *wrong)
{
	unsigned bad = s->present & ~s->good, parity = group_parity_mask(s->group), n = 0;
	struct remade remade[LEVEL_MAX_PARITY];

	if (count(bad) > s->group->n_parity)
		return;
	if (count(bad) == s->group->n_parity && (s->readable & ~s->good) == 0)
		return; /* nothing is left to compare with */
	for (unsigned i = 0; i < s->group->n_data; i++)
		if ((bad >> i & 1) && !stripe_remake(s, bad, i, &remade[n++]))
			return;
	for (unsigned i = 0; i < n; i++)
		verdict_add(s, &remade[i], wrong);
	for (unsigned i = s->group->n_data; i < s->group->n_members; i++) {
		(void)stripe_remake(s, parity, i, &remade[0]);
		verdict_add(s, &remade[0], wrong);
	}
}

static void judge_verify(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct raid_wrong_stripe wrong;
		struct stripe s;

		stripe_judge(r, i, &s);
		wrong = (struct raid_wrong_stripe){
			.dbn = s.dbn,
			.n_parity = r->group->n_parity,
			.unreadable = (uint16_t)(s.present & ~s.readable),
			.mismatched = (uint16_t)(s.readable & ~s.good),
			.parity = s.readable == s.present && level_wrong_parity(&s.blocks) != 0,
			.entries = !s.agree,
		};
		if (wrong.unreadable == 0 && wrong.mismatched == 0 && !wrong.parity && !wrong.entries)
			continue;
		stripe_verdict(&s, &wrong);
		r->wrong[r->n_wrong++] = wrong;
	}
}

void repair_judge(struct repair *r)
{
	switch (r->mode) {
	case REPAIR_READ: judge_reads(r); break;
	case REPAIR_STRIPE: judge_stripes(r); break;
	case REPAIR_VERIFY: judge_verify(r); break;
	case REPAIR_REBUILD: judge_rebuild(r); break;
	}
}
