/* SPDX-License-Identifier: Apache-2.0 */
/* Repair: read whole stripes, judge every block, rebuild what is wrong or missing.
 *
 * THEORY. Up to 16 stripes of consecutive DBNs are read from all members at once (a degraded sequential read comes here
 * in runs). A block can be rebuilt as the XOR of all others, and its entry as the XOR of all other entries. The rebuilt
 * block counts only if its CRC and identity match the entry its disk has, or, when all other blocks match their
 * entries, the entry rebuilt from those. What was wrong on an online disk is then written: the block, or only the entry
 * when the bytes were right all along. Stripes under repair and pieces in flight exclude each other.
 * READ PATH previous hop raid_read.c; next hop batch.c. */
#include "raid/raid_repair.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/xor.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
#include "raid/checksum_zone.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/member_errors.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"
#include "raid/raid_write.h"

/* Every block of a file can be lost: say the first ones, then now and then. */
#define LOG_FIRST 16U
#define LOG_EVERY 1024U

struct repair *repair_new(struct raid *raid)
{
	struct repair *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->pages = calloc((size_t)REPAIR_MAX_STRIPES * RAID_MAX_GROUP_DISKS, sizeof(struct page *));
	r->items = calloc((size_t)REPAIR_MAX_STRIPES * RAID_MAX_GROUP_DISKS, sizeof *r->items);
	r->rewrites = calloc((size_t)REPAIR_MAX_STRIPES, sizeof *r->rewrites);
	if (r->pages == NULL || r->items == NULL || r->rewrites == NULL) {
		repair_free(r);
		return NULL;
	}
	r->raid = raid;
	return r;
}

void repair_free(struct repair *r)
{
	free(r->pages);
	free(r->items);
	free(r->rewrites);
	free(r);
}

/* ---- who may run ------------------------------------------------------------------------------------------------- */

bool repair_covers(const struct raid *raid, const struct raid_group *g, uint32_t dbn)
{
	const struct repair *r;

	TAILQ_FOREACH(r, &raid->repairs_active, link)
		if (r->group == g && dbn >= r->first_dbn && dbn - r->first_dbn < r->n)
			return true;
	return false;
}

static bool repair_blocked(const struct repair *r)
{
	if ((r->raid->n_repairs_active >= RAID_REPAIRS || r->raid->still != NULL) && !r->inside_piece)
		return true;
	for (unsigned i = 0; i < r->n; i++)
		if (repair_covers(r->raid, r->group, r->first_dbn + i))
			return true;
	return !r->inside_piece && raid_write_in_flight(r->raid, r->group, r->first_dbn, r->n);
}

static void repair_pinned(struct checksum_set *set);

static void repair_start(struct repair *r)
{
	uint32_t last = layout_zone(r->first_dbn + r->n - 1);

	r->active = true;
	r->raid->n_repairs_active++;
	TAILQ_INSERT_TAIL(&r->raid->repairs_active, r, link);
	r->set = (struct checksum_set){ .group = r->group, .done = repair_pinned };
	for (uint32_t zone = layout_zone(r->first_dbn); zone <= last; zone++)
		r->set.zones[r->set.n_zones++] = zone;
	checksum_set_pin(r->raid, &r->set);
}

void repair_kick(struct raid *raid)
{
	struct repair *r, *next;

	TAILQ_FOREACH_SAFE(r, &raid->repairs_waiting, link, next) {
		if (repair_blocked(r))
			continue;
		TAILQ_REMOVE(&raid->repairs_waiting, r, link);
		repair_start(r);
	}
}

void repair_submit(struct repair *r)
{
	TAILQ_INSERT_TAIL(&r->raid->repairs_waiting, r, link);
	repair_kick(r->raid);
}

static void repair_release_pages(struct repair *r)
{
	if (r->reserved)
		r->raid->repair_reserve_taken = false;
	else
		page_put_many(r->pages, r->n_pages);
	r->reserved = false;
	r->n_pages = 0;
}

static void repair_end(struct repair *r)
{
	struct raid *raid = r->raid;

	repair_release_pages(r);
	checksum_set_unpin(raid, &r->set);
	TAILQ_REMOVE(&raid->repairs_active, r, link);
	raid->n_repairs_active--;
	r->active = false;
	r->done(r);
	still_kick(raid);
	repair_kick(raid);
	raid_write_kick(raid);
	raid_idle_check(raid);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct page *repair_page(const struct repair *r, unsigned stripe, unsigned position)
{
	return r->pages[stripe * r->group->n_members + position];
}

static struct batch_item *repair_item(const struct repair *r, unsigned stripe, unsigned position)
{
	return &r->items[r->single ? stripe * r->group->n_members + position : position * r->n + stripe];
}

static void repair_read(struct batch *batch);

static void repair_pages_retry(struct timer *timer)
{
	repair_pinned(&container_of(timer, struct repair, retry)->set);
}

static bool repair_get_pages(struct repair *r, unsigned n)
{
	struct raid *raid = r->raid;

	if (page_alloc_many(r->pages, n) == 0) {
		r->n_pages = n;
		return true;
	}
	if (raid->repair_reserve_taken) {
		r->retry = (struct timer){ .fire = repair_pages_retry };
		world_timer_set(raid->world, &r->retry, RAID_RETRY_NS);
		return false;
	}
	vc_assert(n <= raid->n_repair_reserve);
	raid->repair_reserve_taken = true;
	r->reserved = true;
	r->n_pages = n;
	memcpy(r->pages, raid->repair_reserve, n * sizeof(struct page *));
	return true;
}

static void repair_give_up(struct repair *r)
{
	r->err = -EIO;
	for (unsigned i = 0; i < r->n; i++)
		if (r->blocks[i] != NULL)
			r->blocks[i]->err = -EIO;
	repair_end(r);
}

static void repair_read_all(struct repair *r)
{
	struct raid_group *g = r->group;

	for (unsigned m = 0; m < g->n_members; m++) {
		for (unsigned i = 0; i < r->n; i++) {
			struct batch_item *item = repair_item(r, i, m);

			*item = (struct batch_item){
				.member = g->members[m],
				.block = layout_data_block(&r->raid->layout, r->first_dbn + i),
				.data = repair_page(r, i, m)->data,
			};
			/* a shorter disk: its part of the stripe is zeros; point the read at something it has */
			if (!group_has(g, m, r->first_dbn + i))
				item->block = RAID_LABEL_A_BLOCK;
		}
	}
	r->batch = (struct batch){ .raid = r->raid,
		                   .op = DISK_READ,
		                   .yields = r->mode == REPAIR_REBUILD,
		                   .items = r->items,
		                   .n_items = r->n * g->n_members,
		                   .done = repair_read };
	batch_submit(&r->batch);
}

static void repair_pinned(struct checksum_set *set)
{
	struct repair *r = container_of(set, struct repair, set);

	if (set->err != 0) {
		repair_give_up(r);
		return;
	}
	if (!repair_get_pages(r, r->n * r->group->n_members))
		return;
	r->single = false;
	repair_read_all(r);
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

struct verdict {
	uint16_t present; /* positions, parity included, that reach this stripe */
	uint16_t readable;
	uint16_t good; /* bytes match entry */
	bool consistent; /* XOR of all entries is zero */
};

static struct verdict stripe_judge(const struct repair *r, unsigned stripe)
{
	const struct raid_group *g = r->group;
	uint32_t dbn = r->first_dbn + stripe;
	struct raid_checksum_format sum = { 0 }, e;
	unsigned present = 0, readable = 0, good = 0;

	for (unsigned m = 0; m < g->n_members; m++) {
		if (!group_has(g, m, dbn))
			continue;
		present |= 1U << m;
		e = checksum_set_entry(&r->set, m, dbn);
		checksum_entry_xor(&sum, &e);
		if (repair_item(r, stripe, m)->err != 0)
			continue;
		readable |= 1U << m;
		if (crc32c_linear(repair_page(r, stripe, m)->data, RAID_BLOCK_SIZE) == le32_get(e.crc))
			good |= 1U << m;
	}
	return (struct verdict){ (uint16_t)present, (uint16_t)readable, (uint16_t)good, checksum_entry_is_zero(&sum) };
}

/* XOR of every other block / entry of the stripe. */
static void stripe_rebuild(const struct repair *r, unsigned stripe, unsigned position, uint16_t present,
                           uint8_t *ret_bytes, struct raid_checksum_format *ret_entry)
{
	const void *srcs[RAID_MAX_GROUP_DISKS];
	struct raid_checksum_format e;
	unsigned n = 0;

	memset(ret_entry, 0, sizeof *ret_entry);
	for (unsigned m = 0; m < r->group->n_members; m++) {
		if (m == position || !(present >> m & 1))
			continue;
		srcs[n++] = repair_page(r, stripe, m)->data;
		e = checksum_set_entry(&r->set, m, r->first_dbn + stripe);
		checksum_entry_xor(ret_entry, &e);
	}
	if (n == 0)
		memset(ret_bytes, 0, RAID_BLOCK_SIZE);
	else
		xor_pages(ret_bytes, srcs, n);
}

static enum raid_error verdict_error(struct verdict v, unsigned position)
{
	if (!(v.readable >> position & 1))
		return RAID_ERROR_READ;
	return v.good >> position & 1 ? RAID_ERROR_IDENTITY : RAID_ERROR_CHECKSUM;
}

/* A read error was counted when it happened. */
static void stripe_count(const struct repair *r, unsigned stripe, unsigned position, enum raid_error kind)
{
	if (kind != RAID_ERROR_READ)
		member_errors_count(r->group->members[position], kind,
		                    layout_data_block(&r->raid->layout, r->first_dbn + stripe));
}

/* More is wrong than parity carries. */
static void stripe_count_lost(const struct repair *r, unsigned stripe, struct verdict v)
{
	for (unsigned m = 0; m < r->group->n_members; m++)
		if ((v.readable & ~v.good) >> m & 1 && member_holds(r->group->members[m], r->first_dbn + stripe))
			stripe_count(r, stripe, m, RAID_ERROR_CHECKSUM);
}

/* Bring disk and entry of one member in step with what was rebuilt. `bytes` lives in the repair's page of that
 * member. */
static void stripe_rewrite(struct repair *r, unsigned stripe, unsigned position, bool bytes_wrong, enum raid_error kind,
                           const struct raid_checksum_format *entry)
{
	struct member *m = r->group->members[position];
	uint32_t dbn = r->first_dbn + stripe;
	struct raid_checksum_format old = checksum_set_entry(&r->set, position, dbn);

	if (!member_holds(m, dbn))
		return;
	stripe_count(r, stripe, position, kind);
	if (r->raid->read_only) {
		member_check_health(m);
		return; /* what is read is right; the disk stays as it is */
	}
	member_errors_repaired(m, kind);
	if (bytes_wrong)
		r->rewrites[r->n_rewrites++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&r->raid->layout, dbn),
			.data = repair_page(r, stripe, position)->data,
		};
	if (!checksum_entry_equal(&old, entry))
		checksum_zone_set(r->raid, checksum_set_block(&r->set, position, dbn), dbn, entry);
	member_check_health(m);
}

static int stripe_read_one(struct repair *r, unsigned stripe, struct raid_read_block *block)
{
	struct verdict v = stripe_judge(r, stripe);
	uint16_t own_bit = (uint16_t)(1U << r->position), others = (uint16_t)(v.present & ~own_bit);
	struct raid_checksum_format own = checksum_set_entry(&r->set, r->position, r->first_dbn + stripe), rebuilt;
	uint8_t *had = repair_page(r, stripe, r->position)->data;
	bool by_own, by_others, differs;

	if ((v.good & own_bit) && checksum_entry_matches(&own, &block->ident)) {
		memcpy(block->page->data, had, RAID_BLOCK_SIZE);
		block->ident.mark = checksum_entry_mark(&own);
		return 0;
	}
	if ((v.readable & others) != others) {
		stripe_count_lost(r, stripe, v);
		return -EIO;
	}
	stripe_rebuild(r, stripe, r->position, v.present, block->page->data, &rebuilt);
	by_own = checksum_entry_matches(&own, &block->ident) &&
	         crc32c_linear(block->page->data, RAID_BLOCK_SIZE) == le32_get(own.crc);
	by_others = (v.good & others) == others && checksum_entry_matches(&rebuilt, &block->ident);
	if (!by_own && !by_others) {
		stripe_count_lost(r, stripe, v);
		return -EIO;
	}
	r->raid->n_reconstructed++;
	block->ident.mark = checksum_entry_mark(by_own ? &own : &rebuilt);
	differs = !(v.readable & own_bit) || memcmp(had, block->page->data, RAID_BLOCK_SIZE) != 0;
	memcpy(had, block->page->data, RAID_BLOCK_SIZE);
	stripe_rewrite(r, stripe, r->position, differs, verdict_error(v, r->position), by_own ? &own : &rebuilt);
	return 0;
}

static bool lost_is_said(struct raid *raid)
{
	return raid->n_lost_blocks++ < LOG_FIRST || raid->n_lost_blocks % LOG_EVERY == 0;
}

static void log_stripe_lost(const struct repair *r, uint32_t dbn, const struct raid_checksum_format *entry)
{
	if (lost_is_said(r->raid))
		log_error("raid", "block_not_rebuilt", "disk=%s dbn=%u inode=%u fbn=%u",
		          r->group->members[r->position]->url, dbn, le32_get(entry->inode), le32_get(entry->fbn));
}

static void log_unreadable(const struct repair *r, const struct raid_read_block *block)
{
	if (!lost_is_said(r->raid))
		return;
	log_error("raid", "block_lost", "disk=%s vbn=%u inode=%u fbn=%u level=%u", r->group->members[r->position]->url,
	          block->vbn, block->ident.inode, block->ident.fbn, block->ident.level);
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

/* All blocks match their entries but the entries do not add up to parity's: the data disks are believed and parity is
 * made to fit. */
static void stripe_fit_parity(struct repair *r, unsigned stripe, uint16_t present)
{
	unsigned parity = r->group->n_data;
	struct raid_checksum_format entry;
	struct page *page = repair_page(r, stripe, parity);

	stripe_rebuild(r, stripe, parity, present, page->data, &entry);
	stripe_rewrite(r, stripe, parity, true, RAID_ERROR_IDENTITY, &entry);
}

/* Make the stripe whole; -EIO when more is wrong than parity carries. */
static int stripe_make_whole(struct repair *r, unsigned stripe)
{
	struct verdict v = stripe_judge(r, stripe);
	unsigned wrong = (unsigned)(v.present & ~v.good), position;
	struct raid_checksum_format entry;
	alignas(XOR_ALIGN) uint8_t bytes[RAID_BLOCK_SIZE];
	uint8_t *had;
	bool differs;

	if (wrong == 0 && v.consistent)
		return 0;
	if (wrong == 0) {
		stripe_fit_parity(r, stripe, v.present);
		return 0;
	}
	if (__builtin_popcount(wrong) > 1 || (v.readable | wrong) != v.present) {
		stripe_count_lost(r, stripe, v);
		return -EIO;
	}
	position = (unsigned)__builtin_ctz(wrong);
	had = repair_page(r, stripe, position)->data;
	stripe_rebuild(r, stripe, position, v.present, bytes, &entry);
	differs = !(v.readable & wrong) || memcmp(bytes, had, RAID_BLOCK_SIZE) != 0;
	memcpy(had, bytes, RAID_BLOCK_SIZE);
	stripe_rewrite(r, stripe, position, differs, verdict_error(v, position), &entry);
	return 0;
}

static void judge_stripes(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++)
		r->n_lost += stripe_make_whole(r, i) != 0;
	r->err = r->n_lost > 0 ? -EIO : 0;
}

/* The block of the disk that is being rebuilt. One whose stripe has lost another block, too, is gone: what is written
 * does not match its entry, so it is never taken for the block. */
static void stripe_rebuild_lost(struct repair *r, unsigned stripe)
{
	struct member *m = r->group->members[r->position];
	uint32_t dbn = r->first_dbn + stripe;
	struct raid_checksum_format entry = checksum_set_entry(&r->set, r->position, dbn);
	uint8_t *bytes = repair_page(r, stripe, r->position)->data;

	memset(bytes, 0, RAID_BLOCK_SIZE);
	if (!checksum_entry_is_zero(&entry)) {
		struct verdict v = stripe_judge(r, stripe);
		unsigned others = v.present & ~(1U << r->position);

		if ((v.good & others) == others) {
			stripe_rebuild(r, stripe, r->position, v.present, bytes, &entry);
		} else {
			r->n_lost++;
			stripe_count_lost(r, stripe, v);
			log_stripe_lost(r, dbn, &entry);
		}
	}
	r->rewrites[r->n_rewrites++] = (struct batch_item){ .member = m,
		                                            .block = layout_data_block(&r->raid->layout, dbn),
		                                            .data = bytes };
}

static void judge_rebuild(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++)
		stripe_rebuild_lost(r, i);
}

static bool parity_adds_up(const struct repair *r, unsigned stripe, uint16_t present)
{
	struct raid_checksum_format entry;
	alignas(XOR_ALIGN) uint8_t bytes[RAID_BLOCK_SIZE];

	stripe_rebuild(r, stripe, r->group->n_data, present, bytes, &entry);
	return memcmp(bytes, repair_page(r, stripe, r->group->n_data)->data, RAID_BLOCK_SIZE) == 0;
}

static void judge_verify(struct repair *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct verdict v = stripe_judge(r, i);
		struct raid_wrong_stripe wrong = { .dbn = r->first_dbn + i,
			                           .n_parity = r->group->n_parity,
			                           .unreadable = (uint16_t)(v.present & ~v.readable),
			                           .mismatched = (uint16_t)(v.readable & ~v.good),
			                           .parity = v.readable == v.present &&
			                                     !parity_adds_up(r, i, v.present),
			                           .entries = !v.consistent };

		if (wrong.unreadable != 0 || wrong.mismatched != 0 || wrong.parity || wrong.entries)
			r->wrong[r->n_wrong++] = wrong;
	}
}

/* ---- a second look at the disks ---------------------------------------------------------------------------------- */

static void repair_look_again(struct timer *timer)
{
	struct repair *r = container_of(timer, struct repair, retry);
	struct raid_group *g = r->group;
	bool running = false;

	for (unsigned i = 0; i < g->n_members; i++)
		running = running || g->members[i]->health_running;
	if (running) {
		world_timer_set(r->raid->world, &r->retry, RAID_RETRY_NS);
	} else if (g->n_lost != r->n_lost_before) {
		r->err = 0; /* that was the reason: the piece plans anew without the disk */
		repair_end(r);
	} else {
		repair_read_all(r);
	}
}

/* The entries of a stripe do not add up though every block matches its own: so looks a disk that was overwritten as a
 * whole. Before the data disks are believed, all labels are looked at. */
static bool repair_checks_disks(struct repair *r)
{
	bool overwritten = false;

	if (r->mode != REPAIR_STRIPE || r->disks_checked)
		return false;
	for (unsigned i = 0; i < r->n && !overwritten; i++) {
		struct verdict v = stripe_judge(r, i);

		overwritten = v.good == v.present && !v.consistent;
	}
	if (!overwritten)
		return false;
	r->disks_checked = true;
	r->n_lost_before = r->group->n_lost;
	for (unsigned i = 0; i < r->group->n_members; i++)
		member_check_health(r->group->members[i]);
	r->retry = (struct timer){ .fire = repair_look_again };
	world_timer_set(r->raid->world, &r->retry, RAID_RETRY_NS);
	return true;
}

static void repair_rewritten(struct batch *batch)
{
	repair_end(container_of(batch, struct repair, batch));
}

/* An error of one block of a run was reported for the whole run: read block by block before judging. */
static bool repair_reads_singly(struct repair *r)
{
	if (r->single || r->n == 1)
		return false;
	for (unsigned i = 0; i < r->batch.n_items; i++)
		r->single = r->single ||
		            (r->items[i].err != 0 && member_holds(r->items[i].member, r->first_dbn + i % r->n));
	if (r->single)
		repair_read_all(r);
	return r->single;
}

static void repair_read(struct batch *batch)
{
	struct repair *r = container_of(batch, struct repair, batch);

	if (repair_reads_singly(r))
		return;
	r->n_rewrites = 0;
	for (unsigned m = 0; m < r->group->n_members; m++)
		for (unsigned i = 0; i < r->n; i++)
			if (!group_has(r->group, m, r->first_dbn + i))
				memset(repair_page(r, i, m)->data, 0, RAID_BLOCK_SIZE);
	if (repair_checks_disks(r))
		return;
	switch (r->mode) {
	case REPAIR_READ: judge_reads(r); break;
	case REPAIR_STRIPE: judge_stripes(r); break;
	case REPAIR_VERIFY: judge_verify(r); break;
	case REPAIR_REBUILD: judge_rebuild(r); break;
	}
	r->batch = (struct batch){ .raid = r->raid,
		                   .op = DISK_WRITE,
		                   .yields = r->mode == REPAIR_REBUILD,
		                   .optional = r->mode == REPAIR_READ,
		                   .rebuilds = r->mode == REPAIR_REBUILD,
		                   .items = r->rewrites,
		                   .n_items = r->n_rewrites,
		                   .done = repair_rewritten };
	batch_submit(&r->batch);
}
