/* SPDX-License-Identifier: Apache-2.0 */
/* What was found wrong: whose fault it is, counted by disk and kind.
 *
 * THEORY. Each block has a checksum entry, and the entries add up as the blocks do (raid/checksum_entry.h). So one
 * fault in a stripe is told from all others:
 *  a block does not match its entry, the blocks do not add up     the block is wrong
 *  the same, but the blocks do add up                              its entry is wrong
 *  all blocks match, blocks or entries do not add up               parity's block or entry is wrong
 *  a disk does not give its block                                  it is made of the others
 * As many faults in a stripe can be told apart and put right as its group has parity disks; a disk that is not there
 * counts as one. When there are more, nothing is written: as long as it is not, a reader whose own block is right gets
 * it. What would be written, disk by disk, raid/ tells (raid_wrong_stripe).
 * Example: disks 0 and 1 and parity. Block 0 does not match its entry, 0 xor 1 is not parity: block 0 becomes 1 xor
 * parity. If block 1 did not match either, both stay as they are; with a second parity disk both are made anew. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/scrub/scrub.h"
#include "fs/scrub/scrub_private.h"

/* ---- members ---- */

static int16_t member_find(struct scrub_result *result, const struct raid_disk_status *disk)
{
	unsigned i = 0;

	while (i < result->n_members && !uuid_equal(&result->members[i].uuid, &disk->uuid))
		i++;
	if (i == RAID_MAX_DISKS)
		return -1; /* replaced more often than there are places: not counted by disk */
	if (i == result->n_members)
		result->members[result->n_members++] = (struct scrub_member){ .uuid = disk->uuid };
	result->members[i].group = (uint16_t)disk->group;
	result->members[i].position = (uint16_t)disk->position;
	result->members[i].is_parity = disk->is_parity;
	result->members[i].is_second = disk->is_second;
	return (int16_t)i;
}

void scrub_members_learn(struct scrub *scrub)
{
	struct raid_status *status = malloc(sizeof(*status));

	if (status == NULL)
		return; /* as it was before */
	raid_status(scrub->vol->raid, status);
	memset(scrub->member_of, 0xFF, sizeof(scrub->member_of));
	memset(scrub->missing, 0, sizeof(scrub->missing));
	for (unsigned i = 0; i < status->n_disks; i++) {
		const struct raid_disk_status *disk = &status->disks[i];

		scrub->member_of[disk->group][disk->position] = member_find(&scrub->state.now, disk);
		if (disk->state != RAID_DISK_ONLINE)
			scrub->missing[disk->group] |= (uint16_t)(1U << disk->position);
	}
	free(status);
}

void scrub_disks_changed(struct fs_volume *vol)
{
	if (vol->scrub != NULL)
		scrub_members_learn(vol->scrub);
}

static struct scrub_member *member_at(struct scrub *scrub, unsigned position)
{
	int16_t i = scrub->member_of[scrub->span.group][position];

	return i < 0 ? NULL : &scrub->state.now.members[i];
}

void scrub_count_read(struct scrub *scrub, const struct scrub_span *span)
{
	const struct raid_geometry *geometry = raid_geometry(scrub->vol->raid);
	unsigned n_data = 0;

	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		const struct raid_disk_geometry *disk = &geometry->disks[i];
		struct scrub_member *member = disk->group == span->group ? member_at(scrub, disk->position) : NULL;

		n_data += disk->group == span->group;
		if (member != NULL && disk->n_blocks > span->dbn)
			member->counts.n_read += MIN_OF(span->n, disk->n_blocks - span->dbn);
	}
	for (unsigned i = n_data; i < n_data + geometry->n_parity[span->group]; i++)
		if (member_at(scrub, i) != NULL)
			member_at(scrub, i)->counts.n_read += span->n;
}

/* ---- counting ---- */

static const char *url_of(const struct raid_status *status, const struct scrub_member *member)
{
	for (unsigned i = 0; status != NULL && i < status->n_disks; i++)
		if (uuid_equal(&status->disks[i].uuid, &member->uuid))
			return status->disks[i].url;
	return "?";
}

/* The first wrong block of a disk is told, and every doubling. */
static void member_tell(const struct scrub *scrub, const struct scrub_member *member, uint64_t n_before)
{
	uint64_t n = fs_scrub_n_wrong(&member->counts), step = 1;
	struct raid_status *status;

	while (step <= n_before)
		step *= 2U;
	if (n < step)
		return;
	status = malloc(sizeof(*status));
	if (status != NULL)
		raid_status(scrub->vol->raid, status);
	log_warn("scrub", "blocks_wrong",
	         "volume=%s disk=%s role=%s dbn=%u wrong=%llu entries=%llu unreadable=%llu repaired=%llu lost=%llu",
	         scrub->vol->name, url_of(status, member), raid_role_name(member->is_parity, member->is_second),
	         scrub->wrong[scrub->at].dbn, (unsigned long long)member->counts.n_wrong,
	         (unsigned long long)member->counts.n_entries, (unsigned long long)member->counts.n_unreadable,
	         (unsigned long long)member->counts.n_repaired, (unsigned long long)member->counts.n_lost);
	free(status);
}

enum scrub_verdict scrub_judge(const struct scrub *scrub, const struct raid_wrong_stripe *wrong)
{
	unsigned bad = (unsigned)(wrong->unreadable | wrong->mismatched | wrong->bad_blocks | wrong->bad_entries);
	unsigned missing = scrub->missing[scrub->span.group];

	if (missing != 0 && (bad & ~missing) == 0)
		return SCRUB_FINE; /* as far as can be seen without that disk */
	return raid_stripe_is_lost(wrong) ? SCRUB_LOST : SCRUB_REPAIRABLE;
}

static void count_wrong_at(struct scrub *scrub, const struct raid_wrong_stripe *wrong, unsigned position, bool repaired)
{
	struct scrub_member *member = member_at(scrub, position);
	bool known = (wrong->bad_blocks | wrong->bad_entries) >> position & 1;
	struct fs_scrub_counts *counts;
	uint64_t before;

	if (member == NULL)
		return;
	counts = &member->counts;
	before = fs_scrub_n_wrong(counts);
	if (wrong->unreadable >> position & 1)
		counts->n_unreadable++;
	else
		counts->n_wrong += known ? wrong->bad_blocks >> position & 1 : wrong->parity;
	counts->n_entries += known ? wrong->bad_entries >> position & 1 : wrong->entries;
	if (repaired)
		counts->n_repaired += fs_scrub_n_wrong(counts) - before;
	member_tell(scrub, member, before);
}

void scrub_count_wrong(struct scrub *scrub, const struct raid_wrong_stripe *wrong, bool repaired)
{
	unsigned bad = (unsigned)(wrong->unreadable | wrong->mismatched | wrong->bad_blocks | wrong->bad_entries);

	bad &= ~(unsigned)scrub->missing[scrub->span.group];
	for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS; i++)
		if (bad >> i & 1)
			count_wrong_at(scrub, wrong, i, repaired);
}

/* ---- lost ---- */

static uint32_t vbn_at(const struct scrub *scrub, unsigned position, uint32_t dbn)
{
	const struct raid_geometry *geometry = raid_geometry(scrub->vol->raid);

	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		const struct raid_disk_geometry *disk = &geometry->disks[i];

		if (disk->group == scrub->span.group && disk->position == position)
			return dbn < disk->n_blocks ? disk->vbn_first + dbn : VBN_HOLE;
	}
	return VBN_HOLE; /* parity */
}

static void lost_note(struct scrub *scrub, struct scrub_member *member, uint32_t vbn, const struct raid_ident *ident)
{
	struct scrub_result *result = &scrub->state.now;

	member->counts.n_lost++;
	if (result->n_lost == FS_SCRUB_LOST_MAX)
		return; /* counted */
	result->lost[result->n_lost++] = (struct scrub_lost){ vbn, ident->inode, ident->fbn, ident->level };
	log_error("scrub", "block_lost", "volume=%s vbn=%u inode=%u fbn=%u level=%u", scrub->vol->name, vbn,
	          ident->inode, ident->fbn, ident->level);
}

int scrub_count_lost(struct fs_run *run, struct scrub *scrub, const struct raid_wrong_stripe *wrong)
{
	bool used[RAID_MAX_GROUP_DISKS] = { false };
	unsigned bad = (unsigned)(wrong->unreadable | wrong->mismatched);
	int result = 0;

	for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS; i++) {
		uint32_t vbn = (bad >> i & 1U) != 0 ? vbn_at(scrub, i, wrong->dbn) : VBN_HOLE;
		int err = vbn == VBN_HOLE ? 0 : scrub_walk_is_used(run, vbn, &used[i]);

		result = err != 0 ? err : result;
	}
	for (unsigned i = 0; i < RAID_MAX_GROUP_DISKS && result == 0; i++) {
		struct scrub_member *member = (bad >> i & 1U) != 0 ? member_at(scrub, i) : NULL;
		uint64_t before;

		if (member == NULL)
			continue;
		before = fs_scrub_n_wrong(&member->counts);
		if ((wrong->mismatched >> i & 1U) != 0)
			member->counts.n_wrong++;
		else if (((unsigned)scrub->missing[scrub->span.group] >> i & 1U) == 0)
			member->counts.n_unreadable++;
		if (used[i])
			lost_note(scrub, member, vbn_at(scrub, i, wrong->dbn), &scrub->idents[i]);
		member_tell(scrub, member, before);
	}
	return result;
}
