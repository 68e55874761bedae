/* SPDX-License-Identifier: Apache-2.0 */
/* Stripe intents: what is about to change is durable on one disk of the group more than it may lose, before it changes
 * (R3).
 *
 * THEORY. A record names the stripes of one piece. For a partial stripe it also holds what the blocks that are not
 * written contribute to each parity, and their checksum entries: with it parity can be made right again even when disks
 * are lost together with the crash. A record lives in a slot of its own; slots are used in a ring and released all
 * together by a flush. Recovery believes records of the epoch in the labels with a sequence above the one in the newest
 * fsinfo. A stripe is in at most one unreleased record (a second write of it waits for a flush), so it never contains a
 * block that may itself be torn. */
#include "raid/intent.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
#include "raid/checksum_set.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_piece.h"
#include "raid/raid_volume.h"

/* ---- outstanding stripes: a hash set of dbn + 1 ------------------------------------------------------------------ */

int intent_group_init(struct raid *raid, struct raid_group *g)
{
	uint32_t n = 1024;

	while (n < 2 * raid->layout.intent_slots * PIECE_MAX_STRIPES)
		n *= 2;
	g->outstanding_mask = n - 1;
	g->outstanding = calloc(n, sizeof *g->outstanding);
	return g->outstanding == NULL ? -ENOMEM : 0;
}

static uint32_t *outstanding_slot(const struct raid_group *g, uint32_t dbn)
{
	uint32_t i = (dbn * 2654435761U >> 7) & g->outstanding_mask;

	while (g->outstanding[i] != 0 && g->outstanding[i] != dbn + 1)
		i = (i + 1) & g->outstanding_mask;
	return &g->outstanding[i];
}

bool intent_stripe_outstanding(const struct raid_group *g, uint32_t dbn)
{
	return *outstanding_slot(g, dbn) != 0;
}

void intent_stripe_add(struct raid_group *g, uint32_t dbn)
{
	*outstanding_slot(g, dbn) = dbn + 1;
	g->n_outstanding++;
}

void intent_each_outstanding(const struct raid_group *g, void (*see)(void *arg, uint32_t dbn), void *arg)
{
	for (uint32_t i = 0; g->n_outstanding > 0 && i <= g->outstanding_mask; i++)
		if (g->outstanding[i] != 0)
			see(arg, g->outstanding[i] - 1);
}

void intent_release_all(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++) {
		struct raid_group *g = raid->groups[i];

		if (g->n_outstanding > 0)
			memset(g->outstanding, 0, ((size_t)g->outstanding_mask + 1) * sizeof *g->outstanding);
		g->n_outstanding = 0;
		g->intent_used = 0;
	}
	raid->intent_released = raid->intent_sequence;
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static unsigned encode_run(struct raid_intent_head_format *head, unsigned n_runs, uint32_t dbn)
{
	struct raid_intent_run_format *last = n_runs > 0 ? &head->runs[n_runs - 1] : NULL;

	if (last != NULL && le32_get(last->first_dbn) + le32_get(last->n) == dbn) {
		last->n = le32_of(le32_get(last->n) + 1);
		return n_runs;
	}
	head->runs[n_runs] = (struct raid_intent_run_format){ le32_of(dbn), le32_of(1) };
	return n_runs + 1;
}

/* A rest is unknown when its parity disk is lost: then nothing can be missing that only it could make. */
static unsigned partial_flags(const struct raid_group *g, const struct piece_stripe *s)
{
	static const unsigned unknown[LEVEL_MAX_PARITY] = { RAID_INTENT_REST_UNKNOWN, RAID_INTENT_REST2_UNKNOWN };
	unsigned flags = s->rest_zero ? RAID_INTENT_REST_ZERO : 0U;

	for (unsigned k = 0; k < g->n_parity; k++)
		if (s->rest_unknown || !(s->parity_mask >> (g->n_data + k) & 1))
			flags |= unknown[k];
	return flags;
}

static void encode_partial(const struct piece *p, const struct piece_stripe *s, unsigned payload,
                           struct raid_intent_partial_format *f)
{
	memset(f, 0, sizeof *f);
	f->dbn = le32_of(s->dbn);
	f->mask = le16_of(s->mask);
	f->flags = le16_of((uint16_t)partial_flags(p->group, s));
	f->payload = le16_of((uint16_t)payload);
	if (s->rest[1] != NULL) {
		f->payload2 = le16_of((uint16_t)(payload + (s->rest[0] != NULL ? 1 : 0)));
		f->payload2_crc = le32_of(crc32c_linear(s->rest[1]->data, RAID_BLOCK_SIZE));
	}
	for (unsigned i = 0; i < p->group->n_data; i++) {
		if (!(s->present >> i & 1) || (s->mask >> i & 1))
			continue;
		f->entries[i] = checksum_set_entry(&p->set, i, s->dbn);
		checksum_entry_xor(&f->entries_xor, &f->entries[i]);
	}
}

void intent_encode(struct piece *p)
{
	struct raid_intent_head_format *head = (struct raid_intent_head_format *)(void *)p->intent_bytes;
	struct raid_intent_partial_format *partial = (struct raid_intent_partial_format *)(void *)(p->intent_bytes +
	                                                                                           RAID_BLOCK_SIZE);
	unsigned n_runs = 0, n_partial = 0, n_payload = 0;

	memset(p->intent_bytes, 0, (1 + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK) * RAID_BLOCK_SIZE);
	for (unsigned i = 0; i < p->n_stripes; i++) {
		const struct piece_stripe *s = &p->stripes[i];

		if (s->full) {
			n_runs = encode_run(head, n_runs, s->dbn);
			continue;
		}
		encode_partial(p, s, n_payload, &partial[n_partial++]);
		for (unsigned k = 0; k < p->group->n_parity; k++)
			n_payload += s->rest[k] != NULL ? 1 : 0;
	}
	memcpy(head->magic, RAID_INTENT_MAGIC, RAID_MAGIC_BYTES);
	head->version = le32_of(RAID_FORMAT_VERSION);
	memcpy(head->volume_uuid, p->raid->volume_uuid.b, 16);
	head->epoch = le64_of(p->raid->label.epoch);
	head->sequence = le64_of(p->sequence);
	head->flush = le64_of(p->raid->lineage.flush);
	head->group = le16_of((uint16_t)p->group->index);
	head->n_runs = le16_of((uint16_t)n_runs);
	head->n_partial = le16_of((uint16_t)n_partial);
	head->n_payload = le16_of((uint16_t)n_payload);
	p->n_intent_blocks = 1 + DIV_UP(n_partial, RAID_INTENT_PARTIAL_PER_BLOCK);
	/* the field is zero here */
	head->crc = le32_of(crc32c(p->intent_bytes, (size_t)p->n_intent_blocks * RAID_BLOCK_SIZE));
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void intent_choose_members(struct piece *p)
{
	unsigned n_copies = p->group->n_parity + 1U; /* one is left when so many are lost */

	p->n_intent_members = 0;
	for (unsigned i = 0; i < p->group->n_members && p->n_intent_members < n_copies; i++)
		if (member_online(p->group->members[i]))
			p->intent_members[p->n_intent_members++] = p->group->members[i];
}

static void intent_written(struct batch *batch)
{
	struct piece *p = container_of(batch, struct piece, batch);
	bool lost = false;

	for (unsigned i = 0; i < p->n_intent_members; i++)
		lost = lost || !member_online(p->intent_members[i]);
	if (lost) {
		intent_write(p); /* on others: a copy that is not durable is no copy */
		return;
	}
	p->intent_durable = true;
	piece_intent_done(p, 0);
}

static unsigned intent_items(struct piece *p, struct member *m, struct batch_item *items)
{
	uint64_t block = layout_intent_block(p->intent_slot);
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_intent_blocks; i++, n++)
		items[n] = (struct batch_item){ .member = m,
			                        .block = block + n,
			                        .data = p->intent_bytes + (size_t)i * RAID_BLOCK_SIZE };
	for (unsigned i = 0; i < p->n_stripes; i++) {
		const struct piece_stripe *s = &p->stripes[i];

		for (unsigned k = 0; k < p->group->n_parity; k++) {
			if (s->full || s->rest[k] == NULL)
				continue;
			items[n] = (struct batch_item){ .member = m, .block = block + n, .data = s->rest[k]->data };
			n++;
		}
	}
	return n;
}

void intent_write(struct piece *p)
{
	unsigned n = 0;

	intent_choose_members(p);
	if (group_failed(p->group) || p->n_intent_members == 0) {
		piece_intent_done(p, -EIO);
		return;
	}
	for (unsigned i = 0; i < p->n_intent_members; i++)
		n += intent_items(p, p->intent_members[i], p->items + n);
	p->batch = (struct batch){
		.raid = p->raid, .op = DISK_WRITE_DURABLE, .items = p->items, .n_items = n, .done = intent_written
	};
	batch_submit(&p->batch);
}
