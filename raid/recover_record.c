/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: the intent records, read from all members and judged, with their payloads.
 *
 * THEORY. First the heads of every member, because only all of them together tell which flush they lean on: a disk that
 * has not lived through it is stale, and what it says does not count. Then the payloads, from the first member whose
 * copy is whole. A record that is torn on every member was never durable, so nothing of it was begun, and it is left
 * out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/crc32c.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
#include "raid/layout.h"
#include "raid/lineage.h"
#include "raid/member.h"
#include "raid/raid_group.h"
#include "raid/raid_piece.h"
#include "raid/raid_volume.h"
#include "raid/recover_private.h"

#define PAYLOAD_MAX ((size_t)131072) /* blocks of payloads: more than any volume can have under way */

const struct raid_intent_partial_format *recover_record_partial(const struct recover_record *r, unsigned i)
{
	return (const struct raid_intent_partial_format *)(const void *)(r->bytes + RAID_BLOCK_SIZE) + i;
}

static void records_drop(struct recover *rc)
{
	for (unsigned i = 0; i < rc->n_records; i++) {
		free(rc->records[i].bytes);
		free(rc->records[i].payload);
	}
	rc->n_records = 0;
}

/* ---- payloads ---------------------------------------------------------------------------------------------------- */

static void payload_next(struct recover *rc);

static unsigned record_n_payload(const struct recover_record *r)
{
	return le16_get(((const struct raid_intent_head_format *)(const void *)r->bytes)->n_payload);
}

static const uint8_t *payload_at(const struct recover_record *r, le16 index)
{
	return r->payload + (size_t)le16_get(index) * RAID_BLOCK_SIZE;
}

const uint8_t *recover_record_rest(const struct recover_record *r, const struct raid_intent_partial_format *p,
                                   unsigned k)
{
	return recover_rest_has(p, k) ? payload_at(r, k == 0 ? p->payload : p->payload2) : NULL;
}

/* The rests are what the head says they are. */
static bool payload_valid(const struct recover_record *r)
{
	unsigned n = le16_get(((const struct raid_intent_head_format *)(const void *)r->bytes)->n_partial);

	for (unsigned i = 0; i < n; i++) {
		const struct raid_intent_partial_format *p = recover_record_partial(r, i);

		for (unsigned k = 0; k < r->group->n_parity; k++) {
			uint32_t crc = le32_get(k == 0 ? p->entries_xor.crc : p->payload2_crc);

			if (recover_rest_has(p, k) &&
			    crc32c_linear(recover_record_rest(r, p, k), RAID_BLOCK_SIZE) != crc)
				return false;
		}
	}
	return true;
}

static void payload_read(struct batch *batch)
{
	struct recover *rc = container_of(batch, struct recover, batch);
	struct recover_record *r = &rc->records[rc->record_at];
	bool good = true;

	for (unsigned i = 0; i < batch->n_items; i++)
		good = good && rc->items[i].err == 0;
	if (good && payload_valid(r)) {
		rc->record_at++;
		rc->home_at = 0;
	} else if (++rc->home_at == r->n_homes) {
		r->n_homes = 0; /* torn everywhere: it was never durable, so nothing of it was begun */
		rc->record_at++;
		rc->home_at = 0;
	}
	payload_next(rc);
}

static void payload_next(struct recover *rc)
{
	struct recover_record *r;
	const struct raid_intent_head_format *head;
	unsigned n, first;

	while (rc->record_at < rc->n_records && record_n_payload(&rc->records[rc->record_at]) == 0)
		rc->record_at++;
	if (rc->record_at == rc->n_records) {
		recover_list(rc);
		return;
	}
	r = &rc->records[rc->record_at];
	head = (const void *)r->bytes;
	n = record_n_payload(r);
	first = 1 + DIV_UP(le16_get(head->n_partial), RAID_INTENT_PARTIAL_PER_BLOCK);
	if (r->payload == NULL && (rc->n_payload += n) <= PAYLOAD_MAX)
		r->payload = recover_blocks_new(n);
	if (r->payload == NULL) {
		recover_end(rc, rc->n_payload > PAYLOAD_MAX ? -EUCLEAN : -ENOMEM);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		rc->items[i] = (struct batch_item){
			.member = r->homes[rc->home_at],
			.block = layout_intent_block(r->slot) + first + i,
			.data = r->payload + (size_t)i * RAID_BLOCK_SIZE,
		};
	rc->batch = (struct batch){
		.raid = rc->raid, .op = DISK_READ, .items = rc->items, .n_items = n, .done = payload_read
	};
	batch_submit(&rc->batch);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void heads_next(struct recover *rc);

/* Is it an intent of this group that may count? */
static bool head_is_ours(const struct recover *rc, const struct raid_group *g,
                         const struct raid_intent_head_format *head)
{
	const struct raid *raid = rc->raid;

	if (memcmp(head->magic, RAID_INTENT_MAGIC, RAID_MAGIC_BYTES) != 0 ||
	    le32_get(head->version) != RAID_FORMAT_VERSION || memcmp(head->volume_uuid, raid->volume_uuid.b, 16) != 0 ||
	    le64_get(head->epoch) != raid->label.epoch || le16_get(head->group) != g->index)
		return false;
	return !raid->fsinfo.present || raid->fsinfo.intent_epoch != raid->label.epoch ||
	       le64_get(head->sequence) > raid->fsinfo.intent_released;
}

/* A partial stripe that we could have written: everything that is used of it later is within its bounds. */
static bool partial_valid(const struct raid_group *g, const struct raid_intent_partial_format *p, unsigned n_payload)
{
	unsigned flags = le16_get(p->flags), mask = le16_get(p->mask);
	struct raid_checksum_format sum = { 0 };

	if (le32_get(p->dbn) >= g->n_dbn || mask >> g->n_data != 0 || flags >> (g->n_parity + 1U) != 0)
		return false;
	for (unsigned k = 0; k < g->n_parity; k++)
		if (recover_rest_has(p, k) && le16_get(k == 0 ? p->payload : p->payload2) >= n_payload)
			return false;
	for (unsigned i = 0; i < g->n_data; i++)
		if (!(mask >> i & 1))
			checksum_entry_xor(&sum, &p->entries[i]);
	return checksum_entry_equal(&sum, &p->entries_xor) &&
	       ((flags & RAID_INTENT_REST_ZERO) == 0 || le32_get(sum.crc) == 0);
}

/* A record that counts? Bytes from a disk: anything may be in them. */
static bool head_valid(const struct recover *rc, const struct raid_group *g, const uint8_t *bytes)
{
	const struct raid_intent_head_format *head = (const void *)bytes;
	const struct raid_intent_partial_format *partial = (const void *)(bytes + RAID_BLOCK_SIZE);
	unsigned n_partial = le16_get(head->n_partial);
	size_t len = (size_t)(1 + DIV_UP(n_partial, RAID_INTENT_PARTIAL_PER_BLOCK)) * RAID_BLOCK_SIZE;
	uint64_t n_stripes = n_partial;
	bool ok;

	if (!head_is_ours(rc, g, head))
		return false;
	if (n_partial > RAID_INTENT_MAX_PARTIAL || le16_get(head->n_runs) > RAID_INTENT_MAX_RUNS ||
	    le16_get(head->n_payload) > n_partial * g->n_parity || le16_get(head->n_payload) > RAID_INTENT_MAX_PAYLOAD)
		return false;
	ok = crc32c_sealed(bytes, len, offsetof(struct raid_intent_head_format, crc)) == le32_get(head->crc);
	for (unsigned i = 0; ok && i < le16_get(head->n_runs); i++) {
		n_stripes += le32_get(head->runs[i].n);
		ok = (uint64_t)le32_get(head->runs[i].first_dbn) + le32_get(head->runs[i].n) <= g->n_dbn;
	}
	for (unsigned i = 0; ok && i < n_partial; i++)
		ok = partial_valid(g, &partial[i], le16_get(head->n_payload));
	return ok && n_stripes <= PIECE_MAX_STRIPES;
}

static int head_add(struct recover *rc, struct member *m, unsigned slot, const uint8_t *bytes)
{
	uint64_t sequence = le64_get(((const struct raid_intent_head_format *)(const void *)bytes)->sequence);
	struct recover_record *r;

	for (unsigned i = 0; i < rc->n_records; i++) {
		r = &rc->records[i];
		if (r->sequence == sequence && r->group == m->group && r->slot == slot) {
			r->homes[r->n_homes++] = m;
			return 0;
		}
	}
	if (!ARRAY_ROOM(rc->records, rc->n_records, rc->max_records, 64U))
		return -ENOMEM;
	r = &rc->records[rc->n_records];
	*r = (struct recover_record){ .sequence = sequence,
		                      .group = m->group,
		                      .slot = slot,
		                      .n_homes = 1,
		                      .homes = { m },
		                      .bytes = recover_blocks_new(RECOVER_HEAD_BLOCKS) };
	if (r->bytes == NULL)
		return -ENOMEM;
	memcpy(r->bytes, bytes, (size_t)RECOVER_HEAD_BLOCKS * RAID_BLOCK_SIZE);
	rc->n_records++;
	return 0;
}

static void heads_read(struct batch *batch)
{
	struct recover *rc = container_of(batch, struct recover, batch);
	struct member *m = rc->raid->members[rc->member_at++];
	int err = 0;

	for (unsigned slot = 0; slot < rc->raid->layout.intent_slots && err == 0; slot++) {
		uint8_t *bytes = rc->heads + (size_t)slot * RECOVER_HEAD_BLOCKS * RAID_BLOCK_SIZE;
		bool readable = true;

		for (unsigned i = 0; i < RECOVER_HEAD_BLOCKS; i++)
			readable = readable && rc->items[slot * RECOVER_HEAD_BLOCKS + i].err == 0;
		if (readable && head_valid(rc, m->group, bytes))
			err = head_add(rc, m, slot, bytes);
	}
	if (err != 0)
		recover_end(rc, err);
	else
		heads_next(rc);
}

static bool log_any(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->label.n_log_copies; i++)
		if (member_online(raid->members[raid->label.log_copies[i]]))
			return true;
	return false;
}

/* R5: intents lean on flushes, too: in the middle of a consistency point nothing else does. -EAGAIN: a disk has not
 * lived through all of them, and what it says does not count. */
static int heads_judge(struct recover *rc)
{
	struct raid *raid = rc->raid;
	int err = 0;

	for (unsigned i = 0; i < rc->n_records && raid->lineage.n_starts > 0; i++) {
		const struct raid_intent_head_format *head = (const void *)rc->records[i].bytes;

		raid->lineage.flush = MAX_OF(raid->lineage.flush, le64_get(head->flush));
	}
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (!member_online(m) || lineage_covers(&m->lineage, &raid->lineage))
			continue;
		(void)snprintf(m->why, sizeof m->why,
		               "it is an older copy: it ends in flush %" PRIu64 ", the volume in flush %" PRIu64,
		               m->lineage.flush, raid->lineage.flush);
		member_stale(m);
		err = -EAGAIN;
	}
	if (raid_group_failed_any(raid))
		err = -ENXIO;
	return log_any(raid) ? err : -ENXIO;
}

static void heads_end(struct recover *rc)
{
	int err = heads_judge(rc);

	if (err == 0) {
		payload_next(rc);
	} else if (err == -EAGAIN) {
		records_drop(rc);
		rc->member_at = 0;
		heads_next(rc);
	} else {
		recover_end(rc, err);
	}
}

static void heads_next(struct recover *rc)
{
	struct raid *raid = rc->raid;
	unsigned n = raid->layout.intent_slots * RECOVER_HEAD_BLOCKS;

	while (rc->member_at < raid->n_members && !member_online(raid->members[rc->member_at]))
		rc->member_at++;
	if (rc->member_at == raid->n_members) {
		heads_end(rc);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		rc->items[i] = (struct batch_item){
			.member = raid->members[rc->member_at],
			.block = layout_intent_block(i / RECOVER_HEAD_BLOCKS) + i % RECOVER_HEAD_BLOCKS,
			.data = rc->heads + (size_t)i * RAID_BLOCK_SIZE,
		};
	rc->batch = (struct batch){
		.raid = raid, .op = DISK_READ, .items = rc->items, .n_items = n, .done = heads_read
	};
	batch_submit(&rc->batch);
}

void recover_records_read(struct recover *rc)
{
	heads_next(rc);
}

int recover_records_init(struct recover *rc)
{
	size_t n = (size_t)rc->raid->layout.intent_slots * RECOVER_HEAD_BLOCKS;

	rc->heads = recover_blocks_new(n);
	rc->items = calloc(MAX_OF(n, (size_t)RAID_INTENT_MAX_PAYLOAD), sizeof *rc->items);
	return rc->heads == NULL || rc->items == NULL ? -ENOMEM : 0;
}

void recover_records_free(struct recover *rc)
{
	records_drop(rc);
	free(rc->records);
	free(rc->heads);
	free(rc->items);
}
