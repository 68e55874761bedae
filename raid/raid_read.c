/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: data and checksum blocks side by side, verified, repaired when they differ.
 *
 * THEORY. Blocks that follow each other on a disk travel in one I/O straight into the caller's pages; the entries come
 * from the checksum cache, cold ones are read at the same time. Parity is not touched unless something is wrong.
 * INVARIANTS
 *  R1 err is 0 only of a block that read_verify or a repair found right.
 * READ PATH previous hop raid.h; next hops batch.c, checksum_zone.c; on a mismatch raid_repair.c. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
#include "raid/checksum_zone.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"

struct read_block {
	struct member *member; /* NULL: no such VBN */
	uint32_t dbn;
	bool have_entry, suspect, verified;
	struct raid_checksum_format entry;
};

/* One checksum block that a read waits for, and the blocks it covers. */
struct read_wait {
	struct checksum_wait wait;
	struct read_op *op;
	unsigned first, n;
};

struct read_op {
	struct raid *raid;
	struct raid_read *read;
	unsigned n_pending; /* the batch, checksum blocks, repairs */
	struct batch batch;
	struct batch_item *items;
	unsigned *item_block; /* which block an item is */
	struct read_block *blocks;
	struct read_wait *waits;
	struct task task;
	struct timer retry;
	unsigned repair_at;
};

static void read_submit(struct raid *raid, struct raid_read *read);

/* Which blocks are lost is told to people. */
static void read_note(struct raid *raid, const struct raid_read_block *block)
{
	const struct raid_ident *ident = &block->ident;

	if (block->err == 0)
		lost_blocks_remove(&raid->lost, block->vbn);
	else
		lost_blocks_add(&raid->lost,
		                &(struct raid_lost_block){ block->vbn, ident->inode, ident->fbn, ident->level });
}

static void read_finish(struct read_op *op)
{
	struct raid_read *read = op->read;
	struct raid *raid = op->raid;

	for (unsigned i = 0; i < read->n_blocks; i++) {
		vc_invariant(R1, read->blocks[i].err != 0 || op->blocks[i].verified);
		read_note(raid, &read->blocks[i]);
	}
	raid->n_reads_active--;
	free(op);
	read->impl = NULL;
	read->done(read);
	raid_idle_check(raid);
}

/* ---- repair ------------------------------------------------------------------------------------------------------ */

static void read_repair_more(struct read_op *op);

static void read_repaired(struct repair *repair)
{
	struct read_op *op = repair->owner;
	struct read_block *first = &op->blocks[repair->blocks[0] - op->read->blocks];

	for (unsigned i = 0; i < repair->n; i++)
		first[i].verified = repair->blocks[i]->err == 0;
	repair_free(repair);
	if (--op->n_pending == 0)
		read_finish(op);
}

static void read_repair_retry(struct timer *timer)
{
	read_repair_more(container_of(timer, struct read_op, retry));
}

/* Suspect blocks that follow each other go together. */
static unsigned repair_run(const struct read_op *op, unsigned first)
{
	unsigned n = 1;

	while (n < REPAIR_MAX_STRIPES && first + n < op->read->n_blocks && op->blocks[first + n].suspect &&
	       op->blocks[first + n].member == op->blocks[first].member &&
	       op->blocks[first + n].dbn == op->blocks[first].dbn + n)
		n++;
	return n;
}

static void read_repair_more(struct read_op *op)
{
	for (; op->repair_at < op->read->n_blocks; op->repair_at++) {
		struct read_block *b = &op->blocks[op->repair_at];
		struct repair *r;

		if (!b->suspect)
			continue;
		r = repair_new(op->raid);
		if (r == NULL) {
			op->retry = (struct timer){ .fire = read_repair_retry };
			world_timer_set(op->raid->world, &op->retry, RAID_RETRY_NS);
			return;
		}
		r->mode = REPAIR_READ;
		r->group = b->member->group;
		r->position = b->member->position;
		r->first_dbn = b->dbn;
		r->n = repair_run(op, op->repair_at);
		for (unsigned i = 0; i < r->n; i++)
			r->blocks[i] = &op->read->blocks[op->repair_at + i];
		r->owner = op;
		r->done = read_repaired;
		op->n_pending++;
		op->repair_at += r->n - 1;
		repair_submit(r);
	}
	if (--op->n_pending == 0)
		read_finish(op);
}

/* ---- verify ------------------------------------------------------------------------------------------------------ */

static bool read_verify(const struct read_block *b, const struct raid_read_block *block)
{
	return b->have_entry && checksum_entry_matches(&b->entry, &block->ident) &&
	       crc32c_linear(block->page->data, RAID_BLOCK_SIZE) == le32_get(b->entry.crc);
}

static void read_arrived(struct read_op *op)
{
	if (--op->n_pending > 0)
		return;
	for (unsigned i = 0; i < op->batch.n_items; i++)
		if (op->items[i].err != 0)
			op->blocks[op->item_block[i]].suspect = true;
	for (unsigned i = 0; i < op->read->n_blocks; i++) {
		struct read_block *b = &op->blocks[i];

		if (b->member == NULL)
			continue;
		b->verified = !b->suspect && read_verify(b, &op->read->blocks[i]);
		b->suspect = !b->verified;
		if (b->verified)
			op->read->blocks[i].ident.mark = checksum_entry_mark(&b->entry);
		op->read->blocks[i].err = b->verified ? 0 : -EIO; /* until the repair says otherwise */
	}
	op->n_pending = 1;
	read_repair_more(op);
}

static void read_data_done(struct batch *batch)
{
	read_arrived(container_of(batch, struct read_op, batch));
}

static void read_take_entries(struct read_op *op, unsigned first, unsigned n, const struct checksum_block *cb)
{
	for (unsigned i = first; i < first + n; i++) {
		op->blocks[i].entry = checksum_zone_entry(cb, op->blocks[i].dbn);
		op->blocks[i].have_entry = true;
	}
}

static void read_entries_ready(struct checksum_wait *wait, struct checksum_block *cb, int err)
{
	struct read_wait *w = wait->owner;

	if (err == 0)
		read_take_entries(w->op, w->first, w->n, cb);
	read_arrived(w->op);
}

/* ---- submit ------------------------------------------------------------------------------------------------------ */

static struct read_op *read_op_new(struct raid *raid, struct raid_read *read)
{
	size_t n = read->n_blocks;
	struct read_op *op = calloc(
	    1, sizeof *op + n * (sizeof *op->items + sizeof *op->blocks + sizeof *op->waits + sizeof *op->item_block));

	if (op == NULL)
		return NULL;
	op->raid = raid;
	op->read = read;
	op->items = (struct batch_item *)(void *)(op + 1);
	op->blocks = (struct read_block *)(void *)(op->items + n);
	op->waits = (struct read_wait *)(void *)(op->blocks + n);
	op->item_block = (unsigned *)(void *)(op->waits + n);
	return op;
}

/* The blocks of one zone of one disk, from `first` on: ask for their checksum block. */
static unsigned read_want_entries(struct read_op *op, unsigned first)
{
	struct read_block *b = &op->blocks[first];
	uint32_t zone = layout_zone(b->dbn);
	struct read_wait *w = &op->waits[first];
	struct checksum_block *cb;
	unsigned n = 1;

	while (first + n < op->read->n_blocks && op->blocks[first + n].member == b->member &&
	       layout_zone(op->blocks[first + n].dbn) == zone)
		n++;
	*w = (struct read_wait){
		.wait = { .ready = read_entries_ready, .owner = w }, .op = op, .first = first, .n = n
	};
	op->n_pending++;
	cb = checksum_zone_get(op->raid, b->member, zone, &w->wait);
	if (cb != NULL) {
		read_take_entries(op, first, n, cb);
		op->n_pending--;
	}
	return n;
}

static void read_map(struct read_op *op, unsigned *ret_n_items)
{
	unsigned n_items = 0;

	for (unsigned i = 0; i < op->read->n_blocks; i++) {
		struct read_block *b = &op->blocks[i];

		b->member = raid_member_of(op->raid, op->read->blocks[i].vbn, &b->dbn);
		op->read->blocks[i].err = b->member == NULL ? -EINVAL : 0;
		if (b->member == NULL)
			continue;
		if (!member_holds(b->member, b->dbn)) {
			b->suspect = true; /* parity gives it */
			continue;
		}
		op->item_block[n_items] = i;
		op->items[n_items++] = (struct batch_item){
			.member = b->member,
			.block = layout_data_block(&op->raid->layout, b->dbn),
			.data = op->read->blocks[i].page->data,
		};
	}
	*ret_n_items = n_items;
}

static void read_start(struct read_op *op)
{
	unsigned n_items;

	read_map(op, &n_items);
	op->n_pending = 1;
	op->batch = (struct batch){
		.raid = op->raid, .op = DISK_READ, .items = op->items, .n_items = n_items, .done = read_data_done
	};
	batch_submit(&op->batch);
	for (unsigned i = 0; i < op->read->n_blocks;)
		i += op->blocks[i].member == NULL || op->blocks[i].suspect ? 1 : read_want_entries(op, i);
}

static void read_retry_fire(struct timer *timer)
{
	struct raid *raid = container_of(timer, struct raid, read_retry);
	struct raid_read *read = raid->starved_reads, *next;

	raid->starved_reads = NULL;
	for (; read != NULL; read = next) {
		next = read->impl;
		read_submit(raid, read);
	}
}

static void read_submit(struct raid *raid, struct raid_read *read)
{
	struct read_op *op = read_op_new(raid, read);

	if (op == NULL) {
		read->impl = raid->starved_reads;
		raid->starved_reads = read;
		raid->read_retry.fire = read_retry_fire;
		world_timer_set(raid->world, &raid->read_retry, RAID_RETRY_NS);
		return;
	}
	read->impl = op;
	raid->n_reads_active++;
	read_start(op);
}

void raid_read(struct raid *raid, struct raid_read *read)
{
	read_submit(raid, read);
}
