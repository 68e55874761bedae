/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on a disk: counted by kind, said, and judged. */
#include "raid/member_errors.h"

#include <stdio.h>

#include "base/log.h"
#include "raid/label.h"
#include "raid/raid_volume.h"

#define SCORE_HALF_NS (3600ULL * 1000000000ULL)

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static bool limit_of(enum raid_error kind, enum raid_limit *ret_limit)
{
	switch (kind) {
	case RAID_ERROR_READ: *ret_limit = RAID_LIMIT_READ_ERRORS; return true;
	case RAID_ERROR_CHECKSUM: *ret_limit = RAID_LIMIT_CHECKSUM_ERRORS; return true;
	case RAID_ERROR_IDENTITY: *ret_limit = RAID_LIMIT_IDENTITY_ERRORS; return true;
	default: return false; /* the disk has failed at once */
	}
}

static void scores_decay(struct member *m)
{
	uint64_t now = world_now_ns(m->raid->world), halves = (now - m->scored_ns) / SCORE_HALF_NS;

	m->scored_ns += halves * SCORE_HALF_NS;
	for (unsigned kind = 0; kind < RAID_N_ERRORS && halves > 0; kind++)
		m->scores[kind] = halves < 32 ? m->scores[kind] >> halves : 0;
}

static void score_add(struct member *m, enum raid_error kind)
{
	enum raid_limit limit;

	/* what is wrong with the identity of parity is another disk's fault */
	if (m->raid->forgiving || !limit_of(kind, &limit) || (kind == RAID_ERROR_IDENTITY && m->is_parity))
		return;
	scores_decay(m);
	m->scores[kind] += m->scores[kind] < UINT32_MAX ? 1U : 0U;
	if (m->worn || m->scores[kind] <= raid_limit(&m->raid->limits, limit))
		return;
	m->worn = true;
	m->worn_by = kind;
	m->worn_score = m->scores[kind];
	log_warn("raid", "disk_worn", "disk=%s group=%u position=%u kind=%s score=%u", m->url, m->group->index,
	         m->position, raid_error_name(kind), m->scores[kind]);
	label_changed(m->raid);
	member_check_health(m);
}

void member_errors_count(struct member *m, enum raid_error kind, uint64_t block)
{
	struct raid_error_count *count = &m->errors[kind];

	count->n++;
	if (is_power_of_two(count->n))
		log_warn("raid", "disk_error", "disk=%s kind=%s block=%llu total=%llu repaired=%llu", m->url,
		         raid_error_name(kind), (unsigned long long)block, (unsigned long long)count->n,
		         (unsigned long long)count->n_repaired);
	score_add(m, kind);
}

void member_errors_repaired(struct member *m, enum raid_error kind)
{
	m->errors[kind].n_repaired++;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static bool is_spotless(struct member *m)
{
	scores_decay(m);
	for (unsigned kind = 0; kind < RAID_N_ERRORS; kind++)
		if (m->scores[kind] > 0)
			return false;
	return !m->worn;
}

/* A disk with bad blocks is still good for all its others: parity must carry its loss together with that of any disk
 * that might have bad blocks too. */
static bool can_do_without(const struct member *m)
{
	const struct raid_group *g = m->group;
	unsigned n_bad = g->n_lost;

	if (m->state == RAID_DISK_REBUILDING)
		return true; /* it does already */
	for (unsigned i = 0; i < g->n_members; i++)
		n_bad += g->members[i] != m && g->members[i]->state == RAID_DISK_ONLINE && !is_spotless(g->members[i]);
	return n_bad < g->n_parity;
}

void member_errors_judge(struct member *m)
{
	if (m->worn && member_online(m) && !m->raid->read_only && can_do_without(m))
		member_fail(m, "worn", -EIO);
}

void member_errors_say(const struct member *m, char ret_text[RAID_WORN_BYTES])
{
	ret_text[0] = '\0';
	if (m->worn && m->worn_score > 0)
		(void)snprintf(ret_text, RAID_WORN_BYTES, "%llu %s errors", (unsigned long long)m->errors[m->worn_by].n,
		               raid_error_name(m->worn_by));
	else if (m->worn)
		(void)snprintf(ret_text, RAID_WORN_BYTES, "too many errors at an earlier start");
}
