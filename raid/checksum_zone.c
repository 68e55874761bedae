/* SPDX-License-Identifier: Apache-2.0 */
/* Checksum zones: a bounded cache of checksum blocks.
 *
 * THEORY. The entries of a stripe follow the code of its level (raid/level.h). So the checksum block of a disk that is
 * missing (or of a bad sector) is made of those of the same zone on the other disks, as a block is, and a degraded
 * group reads and writes through the cache exactly as a whole one. A piece changes the entries of a stripe on all
 * members at once, with all their blocks pinned; so they follow it in memory at every moment.
 * Changed blocks stay in memory until the next flush writes them; a crash before that is what the stripe intents are
 * for.
 * INVARIANTS
 *  Z1 A block is on exactly one of: the free list, the evictable list, the dirty list, or none (pinned, loading, being
 *     written).
 *  Z2 A dirty block is never evicted and never dropped, except when its member has failed. */
#include "raid/checksum_zone.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xor.h"
#include "raid/checksum_set.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/member_errors.h"
#include "raid/raid_flush.h"
#include "raid/raid_group.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_repair.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"

#define CACHE_MAX_BLOCKS 8192U

/* A block being made of the others of its zone: what those contribute, added up as they arrive. */
struct checksum_derive {
	struct raid *raid;
	struct checksum_block *block;
	unsigned n_pending;
	unsigned missing; /* positions, its own included */
	alignas(XOR_ALIGN) uint8_t sums[LEVEL_MAX_PARITY][PAGE_SIZE];
	struct checksum_wait waits[RAID_MAX_GROUP_DISKS];
	struct task task;
};

/* ---- the table --------------------------------------------------------------------------------------------------- */

static unsigned zone_hash(const struct checksum_cache *c, const struct member *m, uint32_t zone)
{
	uint32_t h = (zone * 256U + m->index) * 2654435761U;

	return (h ^ h >> 15) & c->hash_mask;
}

static struct checksum_block *zone_find(const struct checksum_cache *c, const struct member *m, uint32_t zone)
{
	struct checksum_block *b = c->hash[zone_hash(c, m, zone)];

	while (b != NULL && (b->member != m || b->zone != zone))
		b = b->hash_next;
	return b;
}

static void zone_unhash(struct checksum_cache *c, struct checksum_block *b)
{
	struct checksum_block **slot = &c->hash[zone_hash(c, b->member, b->zone)];

	while (*slot != b)
		slot = &(*slot)->hash_next;
	*slot = b->hash_next;
}

static void zone_free(struct checksum_cache *c, struct checksum_block *b)
{
	vc_invariant(Z1, b->pins == 0 && !b->dirty && !b->writing && !b->evictable);
	zone_unhash(c, b);
	b->member = NULL;
	b->valid = b->loading = b->deriving = b->stale = false;
	TAILQ_INSERT_TAIL(&c->free, b, link);
}

static struct checksum_block *zone_claim(struct checksum_cache *c, struct member *m, uint32_t zone)
{
	struct checksum_block *b = TAILQ_FIRST(&c->free);
	unsigned h = zone_hash(c, m, zone);

	if (b == NULL) {
		b = TAILQ_FIRST(&c->evictable);
		if (b == NULL)
			return NULL;
		vc_invariant(Z2, !b->dirty && !b->writing && b->pins == 0);
		TAILQ_REMOVE(&c->evictable, b, link);
		b->evictable = false;
		zone_unhash(c, b);
	} else {
		TAILQ_REMOVE(&c->free, b, link);
	}
	b->member = m;
	b->zone = zone;
	b->valid = b->stale = false;
	b->loading = true;
	b->hash_next = c->hash[h];
	c->hash[h] = b;
	return b;
}

static void zone_unstarve(struct raid *raid);

/* After any change of pins or flags: is it evictable, or to be dropped? */
static void zone_settle(struct raid *raid, struct checksum_block *b)
{
	struct checksum_cache *c = &raid->cache;
	bool idle = b->valid && b->pins == 0 && !b->dirty && !b->writing;

	if (!idle || b->evictable)
		return;
	if (b->stale) {
		zone_free(c, b);
	} else {
		b->evictable = true;
		TAILQ_INSERT_TAIL(&c->evictable, b, link);
	}
	zone_unstarve(raid);
}

void checksum_zone_pin(struct raid *raid, struct checksum_block *b)
{
	if (b->pins++ == 0 && b->evictable) {
		TAILQ_REMOVE(&raid->cache.evictable, b, link);
		b->evictable = false;
	}
}

void checksum_zone_unpin(struct raid *raid, struct checksum_block *b)
{
	vc_assert(b->pins > 0);
	b->pins--;
	zone_settle(raid, b);
}

static void zone_undirty(struct checksum_cache *c, struct checksum_block *b)
{
	if (!b->dirty)
		return;
	b->dirty = false;
	if (!b->writing)
		c->n_dirty--;
	TAILQ_REMOVE(&c->dirty, b, link);
}

void checksum_zone_dirty(struct raid *raid, struct checksum_block *b)
{
	if (b->dirty || !member_holds_zone(b->member, b->zone) || raid->read_only)
		return;
	vc_assert(b->pins > 0);
	b->dirty = true;
	if (!b->writing)
		raid->cache.n_dirty++;
	TAILQ_INSERT_TAIL(&raid->cache.dirty, b, link);
}

bool checksum_zone_is_zero(const struct checksum_block *block)
{
	return bytes_are_zero(block->page->data, PAGE_SIZE);
}

struct raid_checksum_format checksum_zone_entry(const struct checksum_block *block, uint32_t dbn)
{
	struct raid_checksum_format entry;

	memcpy(&entry, block->page->data + layout_zone_slot(dbn) * sizeof entry, sizeof entry);
	return entry;
}

void checksum_zone_set(struct raid *raid, struct checksum_block *b, uint32_t dbn,
                       const struct raid_checksum_format *entry)
{
	vc_assert(b->pins > 0 && b->valid);
	if (b->writing && b->writing_page == NULL) {
		struct page *copy = page_alloc();

		if (copy == NULL)
			return; /* only a repair comes here; the next read repairs again */
		memcpy(copy->data, b->page->data, PAGE_SIZE);
		b->writing_page = b->page;
		b->page = copy;
	}
	memcpy(b->page->data + layout_zone_slot(dbn) * sizeof *entry, entry, sizeof *entry);
	checksum_zone_dirty(raid, b);
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static void zone_answer(struct raid *raid, struct checksum_block *b, int err)
{
	struct checksum_wait *w;

	if (err == 0)
		checksum_zone_pin(raid, b);
	while ((w = TAILQ_FIRST(&b->waiters)) != NULL) {
		TAILQ_REMOVE(&b->waiters, w, link);
		w->active = false;
		w->ready(w, err == 0 ? b : NULL, err);
	}
	if (err == 0) {
		checksum_zone_unpin(raid, b);
	} else {
		zone_free(&raid->cache, b);
		zone_unstarve(raid);
	}
}

static void zone_loaded(struct raid *raid, struct checksum_block *b)
{
	b->loading = false;
	b->valid = true;
	b->stale = false;
	zone_answer(raid, b, 0);
}

static void derive_end(struct checksum_derive *d)
{
	struct raid *raid = d->raid;
	struct checksum_block *b = d->block;
	const struct raid_group *g = b->member->group;
	const void *sums[LEVEL_MAX_PARITY];
	bool known = (unsigned)__builtin_popcount(d->missing) <= g->n_parity;

	for (unsigned k = 0; k < g->n_parity; k++)
		sums[k] = d->sums[k];
	if (known)
		g->level->solve(g->n_data, d->missing, b->member->position, sums, b->page->data, PAGE_SIZE);
	free(d);
	raid->n_views--;
	b->deriving = false;
	if (!known) {
		b->loading = false;
		zone_answer(raid, b, -EIO);
		still_kick(raid);
		return;
	}
	b->valid = true;
	if (member_holds_zone(b->member, b->zone)) {
		log_warn("raid", "checksum_block_rebuilt", "disk=%s zone=%u", b->member->url, b->zone);
		member_errors_repaired(b->member, RAID_ERROR_READ);
		checksum_zone_pin(raid, b);
		checksum_zone_dirty(raid, b);
		checksum_zone_unpin(raid, b);
	}
	zone_loaded(raid, b);
	still_kick(raid);
}

static void derive_add(struct checksum_derive *d, unsigned position, const struct checksum_block *other)
{
	const struct raid_group *g = d->block->member->group;
	void *sums[LEVEL_MAX_PARITY];

	for (unsigned k = 0; k < g->n_parity; k++)
		sums[k] = d->sums[k];
	if (other == NULL || !member_holds_zone(other->member, other->zone))
		d->missing |= 1U << position;
	else
		level_add(g->level, g->n_data, position, other->page->data, sums);
	if (--d->n_pending == 0)
		derive_end(d);
}

static void derive_ready(struct checksum_wait *wait, struct checksum_block *other, int err)
{
	derive_add(wait->owner, wait->member->position, err == 0 ? other : NULL);
}

static void derive_end_task(struct task *task)
{
	derive_end(container_of(task, struct checksum_derive, task));
}

static void zone_derive(struct raid *raid, struct checksum_block *b);

static void derive_retry(struct timer *timer)
{
	struct checksum_block *b = container_of(timer, struct checksum_block, retry);

	zone_derive(b->member->raid, b);
}

static struct checksum_derive *derive_new(struct raid *raid, struct checksum_block *b)
{
	struct checksum_derive *d;
	void *bytes;

	if (posix_memalign(&bytes, XOR_ALIGN, sizeof *d) != 0)
		return NULL;
	d = bytes;
	memset(d, 0, sizeof *d);
	d->raid = raid;
	d->block = b;
	d->n_pending = 1;
	d->task.run = derive_end_task;
	return d;
}

/* Nothing can be had from these positions: they have no disk, or their block is itself being made, perhaps of `b`. */
static unsigned derive_missing(struct raid *raid, const struct checksum_block *b)
{
	const struct raid_group *g = b->member->group;
	unsigned missing = 0;

	for (unsigned i = 0; i < g->n_members; i++) {
		const struct checksum_block *other = zone_find(&raid->cache, g->members[i], b->zone);

		if (!member_holds_zone(g->members[i], b->zone) || (other != NULL && other->deriving))
			missing |= 1U << i;
	}
	return missing;
}

static void derive_ask(struct checksum_derive *d, struct member *m)
{
	struct checksum_wait *wait = &d->waits[m->position];
	struct checksum_block *other;

	*wait = (struct checksum_wait){ .ready = derive_ready, .owner = d };
	d->n_pending++;
	other = checksum_zone_get(d->raid, m, d->block->zone, wait);
	if (other != NULL)
		derive_add(d, m->position, other);
}

/* From the other members of the group. Without memory: later, for the block is not lost. */
static void zone_derive(struct raid *raid, struct checksum_block *b)
{
	struct raid_group *g = b->member->group;
	struct checksum_derive *d = derive_new(raid, b);

	b->deriving = true;
	if (d == NULL) {
		b->retry = (struct timer){ .fire = derive_retry };
		world_timer_set(raid->world, &b->retry, RAID_RETRY_NS);
		return;
	}
	raid->n_views++; /* positions and level must stay what they are */
	d->missing = derive_missing(raid, b);
	if ((unsigned)__builtin_popcount(d->missing) <= g->n_parity)
		for (unsigned i = 0; i < g->n_members; i++)
			if (!(d->missing >> i & 1) && b->zone < layout_n_zones(group_n_dbn(g, i)))
				derive_ask(d, g->members[i]);
	if (--d->n_pending == 0)
		world_defer(raid->world, &d->task);
}

static void load_done(struct batch *batch)
{
	struct checksum_block *b = container_of(batch, struct checksum_block, batch);

	if (b->item.err != 0 || !member_holds_zone(b->member, b->zone))
		zone_derive(batch->raid, b);
	else
		zone_loaded(batch->raid, b);
}

static void zone_load(struct raid *raid, struct checksum_block *b)
{
	if (!member_holds_zone(b->member, b->zone)) {
		zone_derive(raid, b);
		return;
	}
	b->item = (struct batch_item){ .member = b->member,
		                       .block = layout_checksum_block(&raid->layout, b->zone),
		                       .data = b->page->data };
	b->batch = (struct batch){ .raid = raid, .op = DISK_READ, .items = &b->item, .n_items = 1, .done = load_done };
	batch_submit(&b->batch);
}

struct checksum_block *checksum_zone_get(struct raid *raid, struct member *m, uint32_t zone, struct checksum_wait *wait)
{
	struct checksum_cache *c = &raid->cache;
	struct checksum_block *b = zone_find(c, m, zone);

	if (b != NULL && b->valid) {
		if (b->evictable) {
			TAILQ_REMOVE(&c->evictable, b, link);
			TAILQ_INSERT_TAIL(&c->evictable, b, link);
		}
		return b;
	}
	vc_assert(!wait->active);
	wait->member = m;
	wait->zone = zone;
	wait->active = true;
	if (b != NULL) {
		TAILQ_INSERT_TAIL(&b->waiters, wait, link);
		return NULL;
	}
	b = zone_claim(c, m, zone);
	if (b == NULL) {
		TAILQ_INSERT_TAIL(&c->starved, wait, link);
		if (c->n_dirty > 0) /* those that repairs have changed wait for a flush, and nobody else may want one */
			raid_flush_internal(raid);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&b->waiters, wait, link);
	zone_load(raid, b);
	return NULL;
}

static void zone_unstarve(struct raid *raid)
{
	struct checksum_cache *c = &raid->cache;
	struct checksum_wait *w;
	struct checksum_block *b;

	if (c->unstarving)
		return;
	c->unstarving = true;
	while ((w = TAILQ_FIRST(&c->starved)) != NULL && (!TAILQ_EMPTY(&c->free) || !TAILQ_EMPTY(&c->evictable))) {
		TAILQ_REMOVE(&c->starved, w, link);
		w->active = false;
		b = checksum_zone_get(raid, w->member, w->zone, w);
		if (b == NULL)
			continue;
		checksum_zone_pin(raid, b);
		w->ready(w, b, 0);
		checksum_zone_unpin(raid, b);
	}
	c->unstarving = false;
}

void checksum_zone_drop(struct raid *raid, struct member *m)
{
	struct checksum_cache *c = &raid->cache;

	vc_invariant(Z2, !member_online(m));
	for (unsigned i = 0; i < c->n_blocks; i++) {
		struct checksum_block *b = &c->blocks[i];

		if (b->member != m || b->loading)
			continue;
		b->stale = true;
		zone_undirty(c, b);
		if (b->evictable) {
			TAILQ_REMOVE(&c->evictable, b, link);
			b->evictable = false;
		}
		zone_settle(raid, b);
	}
}

void checksum_zone_forget(struct raid *raid, struct member *m, uint32_t zone)
{
	struct checksum_block *b = zone_find(&raid->cache, m, zone);

	if (b == NULL || !b->evictable)
		return;
	TAILQ_REMOVE(&raid->cache.evictable, b, link);
	b->evictable = false;
	zone_free(&raid->cache, b);
}

/* ---- write-back -------------------------------------------------------------------------------------------------- */

static void writeback_end(struct batch *batch)
{
	struct raid *raid = batch->raid;
	struct checksum_cache *c = &raid->cache;

	for (unsigned i = 0; i < batch->n_items; i++) {
		struct checksum_block *b = c->writeback_blocks[i];

		b->writing = false;
		if (!b->dirty)
			c->n_dirty--;
		page_put(b->writing_page);
		b->writing_page = NULL;
		zone_settle(raid, b);
	}
	c->writeback_done(raid);
}

void checksum_zone_writeback(struct raid *raid, void (*done)(struct raid *raid))
{
	struct checksum_cache *c = &raid->cache;
	struct checksum_block *b;
	unsigned n = 0;

	c->writeback_done = done;
	while ((b = TAILQ_FIRST(&c->dirty)) != NULL) {
		b->writing = true;
		zone_undirty(c, b);
		c->writeback_items[n] = (struct batch_item){ .member = b->member,
			                                     .block = layout_checksum_block(&raid->layout, b->zone),
			                                     .data = b->page->data };
		c->writeback_blocks[n++] = b;
	}
	c->writeback = (struct batch){
		.raid = raid, .op = DISK_WRITE, .items = c->writeback_items, .n_items = n, .done = writeback_end
	};
	batch_submit(&c->writeback);
}

bool checksum_zone_has_room(const struct raid *raid, unsigned n)
{
	const struct checksum_cache *c = &raid->cache;

	return c->complete || c->n_dirty + c->n_admitted + n + c->margin <= c->n_blocks;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

/* How many blocks at most, when the widest group has so many members. */
static size_t cache_most(unsigned widest)
{
	size_t margin = (RAID_REPAIRS * 2 + REBUILD_ZONES) * (size_t)widest;

	return MAX_OF(MIN_OF(page_arena_max() / 16, (size_t)CACHE_MAX_BLOCKS),
	              margin + 2 * CHECKSUM_SET_ZONES * (size_t)widest + 64);
}

static int cache_fill(struct checksum_cache *c, unsigned n)
{
	for (; c->n_blocks < n; c->n_blocks++) {
		struct checksum_block *b = &c->blocks[c->n_blocks];

		b->page = page_alloc();
		if (b->page == NULL)
			return -ENOMEM;
		TAILQ_INIT(&b->waiters);
		TAILQ_INSERT_TAIL(&c->free, b, link);
	}
	return 0;
}

int checksum_cache_widen(struct raid *raid, unsigned n_members, size_t n_zones)
{
	struct checksum_cache *c = &raid->cache;
	size_t total = n_zones;
	unsigned widest = n_members;
	int err;

	for (unsigned i = 0; i < raid->n_groups; i++) {
		const struct raid_group *g = raid->groups[i];

		widest = MAX_OF(widest, g->n_members);
		for (unsigned j = 0; j < g->n_members; j++)
			total += layout_n_zones(group_n_dbn(g, j));
	}
	err = cache_fill(c, (unsigned)MIN_OF(total, cache_most(widest)));
	if (err != 0)
		return err;
	c->margin = (RAID_REPAIRS * 2 + REBUILD_ZONES) * widest;
	c->complete = total <= c->n_blocks;
	return 0;
}

int checksum_cache_init(struct raid *raid)
{
	struct checksum_cache *c = &raid->cache;
	size_t most = cache_most(RAID_MAX_GROUP_DISKS); /* what is never used of these arrays costs nothing */
	unsigned n_hash = 64;

	TAILQ_INIT(&c->free);
	TAILQ_INIT(&c->evictable);
	TAILQ_INIT(&c->dirty);
	TAILQ_INIT(&c->starved);
	while (n_hash < most)
		n_hash *= 2;
	c->hash_mask = n_hash - 1;
	c->hash = calloc(n_hash, sizeof(struct checksum_block *));
	c->blocks = calloc(most, sizeof *c->blocks);
	c->writeback_blocks = calloc(most, sizeof(struct checksum_block *));
	c->writeback_items = calloc(most, sizeof *c->writeback_items);
	if (c->hash == NULL || c->blocks == NULL || c->writeback_blocks == NULL || c->writeback_items == NULL)
		return -ENOMEM;
	return checksum_cache_widen(raid, 0, 0);
}

void checksum_cache_fini(struct raid *raid)
{
	struct checksum_cache *c = &raid->cache;

	for (unsigned i = 0; c->blocks != NULL && i < c->n_blocks; i++) {
		vc_assert(c->blocks[i].pins == 0 && !c->blocks[i].loading);
		page_put(c->blocks[i].page);
	}
	free(c->hash);
	free(c->blocks);
	free(c->writeback_blocks);
	free(c->writeback_items);
}
