/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of recovery share: raid_recover.c (the course), recover_record.c (intents read and judged),
 * recover_stripe.c (stripes made whole). */
#ifndef RAID_RECOVER_PRIVATE_H
#define RAID_RECOVER_PRIVATE_H

#include "raid/batch.h"
#include "raid/raid_group.h"

/* The head of a record and its partial stripes; payloads come behind. */
#define RECOVER_HEAD_BLOCKS (1U + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK)

/* One intent record, found on some members. */
struct recover_record {
	uint64_t sequence;
	struct raid_group *group;
	unsigned slot;
	unsigned n_homes;
	struct member *homes[RAID_MAX_GROUP_DISKS];
	uint8_t *bytes; /* RECOVER_HEAD_BLOCKS */
	uint8_t *payload; /* n_payload blocks, NULL: none */
};

/* A stripe to be made whole, and the newest record that names it. */
struct recover_job {
	uint32_t dbn;
	struct recover_record *record;
	const struct raid_intent_partial_format *partial; /* NULL: a full stripe */
};

/* A recovery under way. */
struct recover {
	struct raid *raid;
	void (*done)(struct raid *raid, void *arg, int err);
	void *arg;
	/* heads */
	unsigned member_at;
	uint8_t *heads;
	struct batch batch;
	struct batch_item *items;
	struct recover_record *records;
	unsigned n_records;
	size_t max_records;
	/* payloads */
	unsigned record_at, home_at;
	size_t n_payload; /* blocks of them in memory */
	/* stripes */
	struct recover_job *jobs;
	unsigned n_jobs, job_at;
	size_t max_jobs;
	unsigned n_workers;
	struct recover_worker *workers;
	struct task task;
	int err;
};

/* ---- raid_recover.c ---- */

/* All records are in memory: which stripes do they name? */
void recover_list(struct recover *rc);
/* It has ended: free everything, and say so. */
void recover_end(struct recover *rc, int err);
MUST_CHECK void *recover_blocks_new(size_t n); /* zeros, aligned; NULL: no memory */

/* ---- recover_record.c ---- */

MUST_CHECK int recover_records_init(struct recover *rc);
/* Read every record that counts from every member, then go on in recover_list. */
void recover_records_read(struct recover *rc);
void recover_records_free(struct recover *rc);
/* What the blocks that are not written contribute to parity k: has the record a payload of it? */
static inline bool recover_rest_has(const struct raid_intent_partial_format *p, unsigned k)
{
	return (le16_get(p->flags) & (RAID_INTENT_REST_ZERO | RAID_INTENT_REST_UNKNOWN << k)) == 0;
}
/* It; NULL: there is none. */
const uint8_t *recover_record_rest(const struct recover_record *r, const struct raid_intent_partial_format *p,
                                   unsigned k);
/* Partial stripe `i` of the record. */
const struct raid_intent_partial_format *recover_record_partial(const struct recover_record *r, unsigned i);

/* ---- recover_stripe.c ---- */

/* Make the stripes of all jobs whole, several at once; recover_end is called afterwards. */
void recover_stripes(struct recover *rc);
void recover_stripes_free(struct recover *rc);
#endif
