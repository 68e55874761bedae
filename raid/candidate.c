/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates: the disks offered at a start, and what each of them is to the volume. */
#include "raid/candidate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/fsinfo_ring.h"
#include "raid/mark.h"
#include "raid/raid_volume.h"
#include "raid/spare_label.h"

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static void load_label(struct candidate *c, const struct raid_label_format *bytes, unsigned copy)
{
	struct label *l = raid_call_new(sizeof *l);
	int err = label_decode(bytes, l);

	if ((err != 0 && err != -ENOTSUP) || (c->label != NULL && c->label->generation >= l->generation)) {
		raid_call_free(l);
		return;
	}
	raid_call_free(c->label);
	c->label = l;
	c->label_copy = copy;
	c->unknown_format = err != 0;
}

static void load_marks(struct candidate *c, const struct probe *probe)
{
	struct lineage mark;
	bool found = false;

	c->lineage = c->label->lineage;
	for (unsigned copy = 0; copy < 2; copy++) {
		if (!mark_decode(probe_mark(probe, c->index, copy), &c->label->volume_uuid, &mark))
			continue;
		if (!found || lineage_later(&mark, &c->lineage)) {
			c->mark_copy = copy;
			found = true;
		}
		if (lineage_later(&mark, &c->lineage))
			c->lineage = mark;
	}
}

void candidate_load(struct candidate *c, const struct probe *probe)
{
	struct spare_label spare;

	if (c->err == 0)
		c->err = probe->disks[c->index].err;
	if (c->err != 0)
		return;
	for (unsigned copy = 0; copy < 2; copy++)
		load_label(c, probe_label(probe, c->index, copy), copy);
	if (c->label != NULL && !c->unknown_format)
		load_marks(c, probe);
	c->is_spare = c->label == NULL &&
	              spare_label_decode((const void *)probe_label(probe, c->index, 0), &spare) != -ENOENT;
}

void candidates_free(struct candidate *c, unsigned n)
{
	for (unsigned i = 0; c != NULL && i < n; i++)
		raid_call_free(c[i].label);
	free(c);
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static bool has_label(const struct candidate *c)
{
	return c->label != NULL && !c->unknown_format;
}

__attribute__((format(printf, 3, 4))) static void say(struct candidate *c, enum candidate_verdict verdict,
                                                      const char *format, ...)
{
	va_list args;

	c->verdict = verdict;
	va_start(args, format);
	(void)vsnprintf(c->why, sizeof c->why, format, args);
	va_end(args);
}

/* A failed disk does not come back by itself (one that replaces it is another): a label that calls one failed that the
 * head does not has seen other things. */
static bool contradicts(const struct label *l, const struct label *head)
{
	for (unsigned i = 0; i < MIN_OF(l->n_members, head->n_members); i++)
		if (l->members[i].failed && !head->members[i].failed &&
		    uuid_equal(&l->members[i].uuid, &head->members[i].uuid))
			return true;
	return false;
}

/* Of another volume, or of another history of this one. */
static bool is_apart(const struct candidate *c, const struct label *head, const struct lineage *demand)
{
	const struct label *l = c->label;

	return !uuid_equal(&l->volume_uuid, &head->volume_uuid) || l->generation > head->generation ||
	       (l->generation == head->generation && l->shared_crc != head->shared_crc) || contradicts(l, head) ||
	       lineage_parted(&c->lineage, demand);
}

/* The highest flush that anything of the head's history leans on. */
static struct lineage demand_of(const struct candidate *c, unsigned n, const struct probe *probe,
                                const struct label *head)
{
	struct lineage demand = head->lineage;

	for (unsigned i = 0; i < n && demand.n_starts > 0; i++) {
		if (!has_label(&c[i]) || is_apart(&c[i], head, &head->lineage))
			continue;
		if (c[i].label->lineage.n_starts == demand.n_starts)
			demand.flush = MAX_OF(demand.flush, c[i].label->lineage.flush);
		for (unsigned s = 0; s < RAID_RING_SLOTS; s++) {
			const struct raid_fsinfo_format *f = probe_fsinfo(probe, c[i].index, s);

			if (fsinfo_valid(f, &head->volume_uuid))
				demand.flush = MAX_OF(demand.flush, le64_get(f->flush));
		}
	}
	return demand;
}

static const struct label_member *row_of(const struct candidate *c, const struct label *head)
{
	const struct label_member *row = &head->members[c->label->member_index];

	return c->label->member_index < head->n_members && uuid_equal(&row->uuid, &c->label->disk_uuid) ? row : NULL;
}

static void judge_member(struct candidate *c, const struct label *head, const struct lineage *demand)
{
	const struct label_member *row = row_of(c, head);

	if (row->failed && row->reason == RAID_REASON_STALE)
		say(c, CANDIDATE_STALE, "an earlier start found it stale");
	else if (row->failed)
		say(c, CANDIDATE_FAILED,
		    row->reason == RAID_REASON_ABSENT ? "it was not there at an earlier start" : "it failed before");
	else if (is_apart(c, head, demand))
		say(c, CANDIDATE_PARTED, "it is of another history of this volume: of a copy that lived on by itself");
	else if (c->size_blocks < row->size_blocks)
		say(c, CANDIDATE_CUT, "it is cut short: %" PRIu64 " of %" PRIu64 " bytes",
		    c->size_blocks * RAID_BLOCK_SIZE, row->size_blocks * RAID_BLOCK_SIZE);
	else if (!lineage_covers(&c->lineage, demand))
		say(c, CANDIDATE_STALE,
		    "it is an older copy: it ends in start %" PRIu64 ", flush %" PRIu64 ", the volume in start %" PRIu64
		    ", flush %" PRIu64,
		    c->lineage.n_starts, c->lineage.flush, demand->n_starts, demand->flush);
	else
		say(c, CANDIDATE_GOOD, "%s", "");
}

static void judge(struct candidate *c, const struct label *head, const struct lineage *demand)
{
	char text[UUID_TEXT_SIZE];

	if (c->same_medium)
		return; /* said when it was found */
	if (c->err != 0) {
		say(c, CANDIDATE_NOT_OPENED, "it cannot be opened or read: %s", error_name(c->err));
	} else if (c->label == NULL) {
		say(c, CANDIDATE_BLANK, c->is_spare ? "it is a hot spare, no disk of a volume" : "it has no label");
	} else if (!uuid_equal(&c->label->volume_uuid, &head->volume_uuid)) {
		uuid_format(&c->label->identity, text);
		say(c, CANDIDATE_FOREIGN, "it is a disk of another volume, %s", text);
	} else if (c->unknown_format) {
		say(c, CANDIDATE_UNKNOWN_FORMAT, "a newer version has written its label");
	} else if (row_of(c, head) == NULL) {
		say(c, CANDIDATE_FOREIGN, "it is no member of this volume any more");
	} else {
		judge_member(c, head, demand);
	}
}

/* Of several good disks that are the same member the latest is taken. */
static void judge_twice(struct candidate *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i && c[i].verdict == CANDIDATE_GOOD; j++) {
			struct candidate *a = &c[j], *b = &c[i];

			if (a->verdict != CANDIDATE_GOOD || a->label->member_index != b->label->member_index)
				continue;
			if (lineage_later(&b->lineage, &a->lineage) || a->label->generation < b->label->generation) {
				a = &c[i];
				b = &c[j];
			}
			say(b, CANDIDATE_TWICE, "it is a copy of %.100s", a->url);
		}
	}
}

static unsigned judge_all(struct candidate *c, unsigned n, const struct probe *probe, const struct label *head,
                          struct lineage *ret_demand)
{
	unsigned n_good = 0;

	*ret_demand = demand_of(c, n, probe, head);
	for (unsigned i = 0; i < n; i++)
		judge(&c[i], head, ret_demand);
	judge_twice(c, n);
	for (unsigned i = 0; i < n; i++)
		n_good += c[i].verdict == CANDIDATE_GOOD;
	return n_good;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

/* Do the good disks suffice? */
static bool suffices(const struct candidate *c, unsigned n, const struct label *head)
{
	unsigned lost[RAID_MAX_GROUPS] = { 0 }, n_parity[RAID_MAX_GROUPS] = { 0 };
	bool log = false;

	for (unsigned m = 0; m < head->n_members; m++) {
		bool good = false;

		for (unsigned i = 0; i < n && !good; i++)
			good = c[i].verdict == CANDIDATE_GOOD && c[i].label->member_index == m;
		for (unsigned i = 0; i < head->n_log_copies; i++)
			log = log || (good && head->log_copies[i] == m);
		lost[head->members[m].group] += !good || head->members[m].rebuilding;
		n_parity[head->members[m].group] += head->members[m].is_parity;
	}
	for (unsigned i = 0; i < head->n_groups; i++)
		if (lost[i] > n_parity[i])
			return false;
	return log;
}

/* The newest label that is apart from all heads tried so far. NULL: no more. */
static struct candidate *next_head(struct candidate *c, unsigned n)
{
	struct candidate *best = NULL;

	for (unsigned i = 0; i < n; i++) {
		bool apart = has_label(&c[i]) && !c[i].was_head;

		for (unsigned j = 0; j < n && apart; j++)
			apart = !c[j].was_head || is_apart(&c[i], c[j].label, &c[j].label->lineage);
		if (apart && (best == NULL || best->label->generation < c[i].label->generation))
			best = &c[i];
	}
	return best;
}

static uint64_t last_flush_of(const struct candidate *c, unsigned n, const struct label *head)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < n; i++)
		if (has_label(&c[i]) && uuid_equal(&c[i].label->volume_uuid, &head->volume_uuid))
			last = MAX_OF(last, c[i].lineage.flush);
	return last;
}

static bool any_unknown(const struct candidate *c, unsigned n, const struct label *head)
{
	for (unsigned i = 0; i < n; i++)
		if (c[i].unknown_format && (head == NULL || uuid_equal(&c[i].label->volume_uuid, &head->volume_uuid)))
			return true;
	return false;
}

int candidates_choose(struct candidate *c, unsigned n, const struct probe *probe, struct candidate_choice *choice)
{
	unsigned n_sufficient = 0, most = 0;
	struct candidate *head;

	*choice = (struct candidate_choice){ 0 };
	while ((head = next_head(c, n)) != NULL) {
		unsigned n_good = judge_all(c, n, probe, head->label, &choice->demand);
		bool enough = suffices(c, n, head->label);

		head->was_head = true;
		if (enough ? n_sufficient++ == 0 : n_sufficient == 0 && (choice->head == NULL || n_good > most)) {
			choice->head = head->label;
			most = n_good;
		}
	}
	if (choice->head == NULL)
		return any_unknown(c, n, NULL) ? -ENOTSUP : -ENOENT;
	(void)judge_all(c, n, probe, choice->head, &choice->demand);
	choice->last_flush = last_flush_of(c, n, choice->head);
	if (any_unknown(c, n, choice->head))
		return -ENOTSUP;
	return n_sufficient == 1 ? 0 : n_sufficient > 1 ? -EUCLEAN : -ENXIO;
}
