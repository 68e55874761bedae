/* SPDX-License-Identifier: Apache-2.0 */
/* Parity and checksum entries of every stripe, free ones too. Passed over are stripes whose regions are unused on all
 * disks: on a large volume that is sparsely used there would be nothing else to read.
 *
 * THEORY. On a volume at work a stripe found wrong is a suspect. After a consistency point the suspects are looked
 * at again, thousands at a time: only a stripe that is wrong twice is an error. Errors are summed by disk and kind
 * of damage, with their ranges: a disk that was written over is one finding, not one for each stripe. Groups that
 * miss a disk have no parity to compare with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/maps.h"
#include "fs/cp/stripe.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "raid/raid.h"

#define CHUNK_STRIPES 256U
#define SUSPECTS_MAX 16384U
#define RANGES_MAX 6U /* listed of a sum; more are counted */

enum { PARITY_SCAN, PARITY_SCANNED, PARITY_WAITED, PARITY_AGAIN, PARITY_SEEN_AGAIN };

enum wrong_kind {
	WRONG_BLOCK, /* of a disk: bytes that neither their entry nor parity says */
	WRONG_ENTRY, /* of a disk: an entry that neither its block nor parity says */
	WRONG_MEDIUM, /* of a disk: it does not give the block */
	WRONG_PARITY, /* of the group: every block matches its entry, and they do not add up */
	WRONG_LOST, /* of the group: more than parity carries */
	WRONG_KINDS
};

struct range {
	uint32_t first, last;
};
struct parity_sum {
	uint64_t n_stripes, n_ranges;
	struct range now; /* the latest range */
	struct range ranges[RANGES_MAX];
	unsigned positions; /* of the blocks that are lost */
};

struct check_parity {
	struct check *check;
	unsigned group;
	uint32_t dbn, end;
	unsigned state;
	int err;
	struct cp_waiter waiter;
	struct raid_wrong_stripe wrong[CHUNK_STRIPES]; /* of the stripes looked at last */
	unsigned n_wrong;
	struct raid_wrong_stripe suspects[SUSPECTS_MAX];
	unsigned n_suspects, at;
	struct parity_sum sums[WRONG_KINDS][RAID_MAX_GROUP_DISKS];
};

void check_parity_fini(struct check *check)
{
	free(check->parity);
}

/* ---- looking ---- */

static void verified(void *arg, int err, const struct raid_verify_result *result)
{
	struct check *check = arg;
	struct check_parity *parity = check->parity;

	parity->err = err;
	check->no_memory = check->no_memory || err == -ENOMEM;
	parity->n_wrong = 0;
	if (err == 0 && result->n_wrong > 0) {
		memcpy(parity->wrong, result->wrong, result->n_wrong * sizeof(parity->wrong[0]));
		parity->n_wrong = result->n_wrong;
	}
	run_event(&check->run);
}

/* At most CHUNK_STRIPES. */
static int verify(struct fs_run *run, uint32_t dbn, uint32_t n, unsigned state)
{
	struct check *check = check_of(run);

	check->parity->state = state;
	run->n_waiting++;
	raid_verify(run->vol->raid, check->parity->group, dbn, n, verified, check);
	return -EAGAIN;
}

static bool region_is_unused(const void *arg, uint32_t region)
{
	const struct check *check = arg;
	const struct region *counts = &check->vol->maps->regions[region];

	/* The counts of a volume that is not mounted are not loaded; one that is may have come to more than its
	 * image. */
	return check->offline ? !check_bit_get(check->maps.in_use, region) : counts->n_active + counts->n_summary == 0;
}

static void unused_skip(struct check *check, uint32_t n_stripes)
{
	const struct raid_geometry *geometry = raid_geometry(check->vol->raid);
	struct check_parity *parity = check->parity;
	uint32_t end;

	while (parity->dbn < n_stripes &&
	       stripe_is_unused(geometry, parity->group, parity->dbn, region_is_unused, check, &end)) {
		end = MIN_OF(end, n_stripes);
		check->n_done += end - parity->dbn;
		parity->dbn = end;
	}
}

/* ---- summing ---- */

static void range_end(struct check *check, struct parity_sum *sum, bool repairable)
{
	if (sum->n_stripes == 0)
		return;
	if (sum->n_ranges < RANGES_MAX)
		sum->ranges[sum->n_ranges] = sum->now;
	sum->n_ranges++;
	if (repairable)
		check_fix(check, FIX_PARITY, check->parity->group, sum->now.first, sum->now.last - sum->now.first + 1U);
}

static void sum_add(struct check *check, enum wrong_kind kind, unsigned position, const struct raid_wrong_stripe *wrong)
{
	struct parity_sum *sum = &check->parity->sums[kind][position];

	if (sum->n_stripes == 0 || wrong->dbn != sum->now.last + 1U) {
		range_end(check, sum, kind != WRONG_LOST);
		sum->now.first = wrong->dbn;
	}
	sum->now.last = wrong->dbn;
	sum->n_stripes++;
	sum->positions |= (unsigned)(wrong->unreadable | wrong->mismatched);
}

static enum wrong_kind kind_of(const struct raid_wrong_stripe *wrong, unsigned position)
{
	if (wrong->unreadable >> position & 1)
		return WRONG_MEDIUM;
	if ((wrong->bad_blocks | wrong->bad_entries) >> position & 1)
		return wrong->bad_blocks >> position & 1 ? WRONG_BLOCK : WRONG_ENTRY;
	return wrong->parity ? WRONG_BLOCK : WRONG_ENTRY;
}

/* Which disks are it? Those whose block does not match its entry; whether the block or the entry is wrong is told by
 * parity. */
static void stripe_sum(struct check *check, const struct raid_wrong_stripe *wrong)
{
	unsigned bad = (unsigned)(wrong->unreadable | wrong->mismatched);

	if (raid_stripe_is_unsettled(check->vol->raid, check->parity->group, wrong->dbn))
		return;
	if (raid_stripe_is_lost(wrong))
		sum_add(check, WRONG_LOST, 0, wrong);
	else if (bad == 0)
		sum_add(check, WRONG_PARITY, 0, wrong);
	for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS && !raid_stripe_is_lost(wrong); i++)
		if (bad >> i & 1)
			sum_add(check, kind_of(wrong, i), i, wrong);
}

/* ---- saying it ---- */

#define SAY(...) len += (size_t)snprintf(text + len, len < size ? size - len : 0, __VA_ARGS__)

static void ranges_print(const struct parity_sum *sum, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < MIN_OF(sum->n_ranges, (uint64_t)RANGES_MAX); i++) {
		SAY("%s%u", i == 0 ? "" : ", ", sum->ranges[i].first);
		if (sum->ranges[i].last != sum->ranges[i].first)
			SAY("-%u", sum->ranges[i].last);
	}
	if (sum->n_ranges > RANGES_MAX)
		SAY(" and %llu more ranges up to %u", (unsigned long long)(sum->n_ranges - RANGES_MAX), sum->now.last);
}

static void positions_print(unsigned positions, unsigned n_data, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS; i++) {
		if (!(positions >> i & 1U))
			continue;
		if (i < n_data)
			SAY("%s%u", len == 0 ? "" : ", ", i);
		else
			SAY("%s%s", len == 0 ? "" : ", ", raid_role_name(true, i > n_data));
	}
}

static const struct raid_disk_status *disk_at(const struct raid_status *status, unsigned group, unsigned position)
{
	for (unsigned i = 0; i < status->n_disks; i++)
		if (status->disks[i].group == group && status->disks[i].position == position)
			return &status->disks[i];
	return NULL;
}

static void sum_tell(struct check *check, const struct raid_status *status, enum wrong_kind kind, unsigned position)
{
	static const char *const whats[WRONG_KINDS] = {
		[WRONG_BLOCK] = "blocks do not match their checksums, and parity has others",
		[WRONG_ENTRY] = "checksums are wrong, the blocks are what parity says",
		[WRONG_MEDIUM] = "blocks cannot be read",
		[WRONG_PARITY] = "parity is not the sum of blocks that all match their checksums",
	};
	const struct check_parity *parity = check->parity;
	const struct parity_sum *sum = &parity->sums[kind][position];
	const struct raid_disk_status *disk = disk_at(status, parity->group, position);
	/* a second parity has no checksum (raid/checksum_entry.h) */
	bool is_sum = kind == WRONG_PARITY || (kind == WRONG_BLOCK && disk != NULL && disk->is_second);
	const char *what = whats[is_sum ? WRONG_PARITY : kind];
	const char *stripes = sum->n_stripes == 1 ? "stripe" : "stripes";
	unsigned long long n = sum->n_stripes;
	char ranges[256], positions[64];

	ranges_print(sum, ranges, sizeof(ranges));
	if (kind == WRONG_LOST) {
		positions_print(sum->positions, status->groups[parity->group].n_data, positions, sizeof(positions));
		check_found(check, CHECK_PARITY,
		            "group %u: %s %s: more is wrong than parity can put right, on the disks at %s (%llu %s)",
		            parity->group, stripes, ranges, positions, n, stripes);
	} else if (kind == WRONG_PARITY || disk == NULL) {
		check_found(check, CHECK_PARITY, "group %u: %s %s: %s (%llu %s)", parity->group, stripes, ranges, what,
		            n, stripes);
	} else {
		check_found(check, CHECK_PARITY, "%s disk %s (group %u): %s %s: %s (%llu %s)",
		            raid_role_name(disk->is_parity, disk->is_second), disk->url, parity->group, stripes, ranges,
		            what, n, stripes);
		check_found_disk(check, disk->url);
	}
	check_found_count(check, sum->n_stripes);
	if (kind != WRONG_LOST)
		check_found_repairable(check);
}

/* All of a group has been looked at. */
static int group_end(struct check *check)
{
	struct check_parity *parity = check->parity;
	struct raid_status *status = malloc(sizeof(*status));

	if (status == NULL)
		return -ENOMEM;
	raid_status(check->vol->raid, status);
	for (unsigned kind = 0; kind < WRONG_KINDS; kind++)
		for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS; i++) {
			if (parity->sums[kind][i].n_stripes == 0)
				continue;
			range_end(check, &parity->sums[kind][i], kind != WRONG_LOST);
			sum_tell(check, status, (enum wrong_kind)kind, i);
		}
	free(status);
	memset(parity->sums, 0, sizeof(parity->sums));
	parity->n_suspects = 0;
	parity->group++;
	parity->dbn = 0;
	return 0;
}

/* ---- the stages of a group ---- */

static void cp_durable(struct cp_waiter *waiter, int err)
{
	struct check_parity *parity = container_of(waiter, struct check_parity, waiter);

	parity->err = err;
	run_event(&parity->check->run);
}

static int cp_await(struct fs_run *run)
{
	struct check_parity *parity = check_of(run)->parity;

	parity->state = PARITY_WAITED;
	parity->at = 0;
	parity->waiter.durable = cp_durable;
	run->n_waiting++;
	cp_wait(run->vol, &parity->waiter);
	return -EAGAIN;
}

/* The next chunk of the group, or the second look at what was found so far. */
static int scan(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_parity *parity = check->parity;
	uint32_t n = stripe_count(raid_geometry(run->vol->raid), parity->group);

	unused_skip(check, n);
	if (!raid_group_is_whole(run->vol->raid, parity->group))
		return group_end(check);
	if (parity->n_suspects > 0 && (parity->dbn >= n || parity->n_suspects > SUSPECTS_MAX - CHUNK_STRIPES))
		return cp_await(run);
	if (parity->dbn >= n)
		return group_end(check);
	parity->end = MIN_OF(n, (parity->dbn / CHUNK_STRIPES + 1U) * CHUNK_STRIPES);
	return verify(run, parity->dbn, parity->end - parity->dbn, PARITY_SCANNED);
}

static int scanned(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_parity *parity = check->parity;
	bool whole = parity->err == 0 && raid_group_is_whole(run->vol->raid, parity->group);

	for (unsigned i = 0; i < parity->n_wrong && whole; i++) {
		if (check->offline) /* nobody writes: once is enough */
			stripe_sum(check, &parity->wrong[i]);
		else
			parity->suspects[parity->n_suspects++] = parity->wrong[i];
	}
	check->n_done += parity->end - parity->dbn;
	parity->dbn = parity->end;
	parity->state = PARITY_SCAN;
	return check_pace(run, CHUNK_STRIPES * stripe_disks(raid_geometry(run->vol->raid), parity->group));
}

/* Suspects that follow each other are looked at together. */
static int again(struct fs_run *run)
{
	struct check_parity *parity = check_of(run)->parity;
	uint32_t first, n = 1;

	if (parity->at == parity->n_suspects || !raid_group_is_whole(run->vol->raid, parity->group)) {
		parity->n_suspects = 0;
		parity->state = PARITY_SCAN;
		return 0;
	}
	first = parity->suspects[parity->at++].dbn;
	while (parity->at < parity->n_suspects && n < CHUNK_STRIPES && parity->suspects[parity->at].dbn == first + n) {
		parity->at++;
		n++;
	}
	parity->end = first + n;
	return verify(run, first, n, PARITY_SEEN_AGAIN);
}

static int seen_again(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_parity *parity = check->parity;

	for (unsigned i = 0; i < parity->n_wrong; i++)
		stripe_sum(check, &parity->wrong[i]);
	parity->state = PARITY_AGAIN;
	return check_pace(run,
	                  MAX_OF(parity->n_wrong, 1U) * stripe_disks(raid_geometry(run->vol->raid), parity->group));
}

int check_parity_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_parity *parity = check->parity;

	if (parity == NULL) {
		parity = check->parity = calloc(1, sizeof(*parity));
		if (parity == NULL)
			return -ENOMEM;
		parity->check = check;
	}
	while (parity->group < raid_geometry(run->vol->raid)->n_groups) {
		int err = 0;

		if (run->vol->failed != 0) /* there will be no consistency point to wait for */
			return run->vol->failed;
		switch (parity->state) {
		case PARITY_SCANNED: err = scanned(run); break;
		case PARITY_WAITED:
			parity->state = PARITY_AGAIN;
			err = parity->err;
			break;
		case PARITY_AGAIN: err = again(run); break;
		case PARITY_SEEN_AGAIN: err = seen_again(run); break;
		default: err = scan(run);
		}
		if (err != 0)
			return err;
	}
	return 0;
}
