/* SPDX-License-Identifier: Apache-2.0 */
/* Parity and checksum entries of every stripe, free ones too, but for those where nothing is used in whole regions of all disks: on a large volume
 * that is sparsely used there would be nothing else to read. A stripe found wrong is looked at again after a consistency point, by itself:
 * only what is wrong twice is an error. Groups that miss a disk have no parity to compare with. */
#include <stdlib.h>

#include "fs/check_fix.h"
#include "fs/maps.h"

#define CHUNK_STRIPES 256U

enum { PARITY_NEXT, PARITY_LOOKED, PARITY_WAIT, PARITY_LOOKED_AGAIN };

static void verified(void *arg, int err, const struct raid_verify_result *result)
{
	struct check *check = arg;

	check->parity.err = err;
	if (err == 0)
		check->parity.result = *result;
	run_event(&check->run);
}

static int verify(struct fs_run *run, uint32_t dbn, uint32_t n, unsigned state)
{
	struct check *check = check_of(run);

	check->parity.state = state;
	run->n_waiting++;
	raid_verify(run->vol->raid, check->parity.group, dbn, n, verified, check);
	return -EAGAIN;
}

static uint32_t group_stripes(const struct raid_geometry *geometry, unsigned group)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		if (geometry->disks[i].group == group)
			n = MAX_OF(n, geometry->disks[i].n_blocks);
	return n;
}

static unsigned group_disks(const struct raid_geometry *geometry, unsigned group)
{
	unsigned n = 1; /* parity */

	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		n += geometry->disks[i].group == group;
	return n;
}

static bool group_is_whole(struct raid *raid, unsigned group)
{
	struct raid_status *status = calloc(1, sizeof(*status));
	bool whole = status != NULL;

	if (status == NULL)
		return false;
	raid_status(raid, status);
	for (unsigned i = 0; i < status->n_disks; i++)
		whole = whole && (status->disks[i].group != group || status->disks[i].state == RAID_DISK_ONLINE);
	free(status);
	return whole;
}

static bool result_is_wrong(const struct check *check)
{
	return check->parity.err == 0 && check->parity.result.n_parity_wrong + check->parity.result.n_checksum_wrong > 0;
}

static void cp_durable(struct cp_waiter *waiter, int err)
{
	struct check *check = container_of(waiter, struct check, parity.waiter);

	check->parity.err = err;
	run_event(&check->run);
}

static bool region_is_unused(const struct check *check, uint32_t region)
{
	const struct region *counts = &check->vol->maps->regions[region];

	/* The counts of a volume that is not mounted are not loaded; one that is may have come to more than its image. */
	return check->offline ? !check_bit_get(check->maps.in_use, region) : counts->n_active + counts->n_summary == 0;
}

/* Is there nothing in the regions that stripe `dbn` goes through? *ret_end: so far they go. */
static bool stripes_are_unused(const struct check *check, uint32_t dbn, uint32_t *ret_end)
{
	const struct raid_geometry *geometry = raid_geometry(check->vol->raid);
	uint32_t n = UINT32_MAX;

	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		const struct raid_disk_geometry *disk = &geometry->disks[i];
		uint32_t vbn = disk->vbn_first + dbn;

		if (disk->group != check->parity.group || dbn >= disk->n_blocks)
			continue;
		if (!region_is_unused(check, region_of(vbn)))
			return false;
		n = MIN_OF(n, MIN_OF(REGION_BLOCKS - vbn % REGION_BLOCKS, disk->n_blocks - dbn));
	}
	*ret_end = dbn + n;
	return true;
}

static void unused_skip(struct check *check, uint32_t n_stripes)
{
	uint32_t end;

	while (check->parity.dbn < n_stripes && stripes_are_unused(check, check->parity.dbn, &end)) {
		end = MIN_OF(end, n_stripes);
		check->n_done += end - check->parity.dbn;
		check->parity.dbn = end;
	}
}

/* The next chunk of the group; 0: the group is done. */
static int chunk_start(struct fs_run *run)
{
	struct check *check = check_of(run);
	uint32_t n = group_stripes(raid_geometry(run->vol->raid), check->parity.group);

	unused_skip(check, n);
	if (check->parity.dbn >= n || !group_is_whole(run->vol->raid, check->parity.group))
		return 0;
	check->parity.end = MIN_OF(n, (check->parity.dbn / CHUNK_STRIPES + 1U) * CHUNK_STRIPES);
	return verify(run, check->parity.dbn, check->parity.end - check->parity.dbn, PARITY_LOOKED);
}

static int chunk_looked(struct fs_run *run)
{
	struct check *check = check_of(run);

	if (run->vol->failed != 0) /* there will be no consistency point to wait for */
		return run->vol->failed;
	if (result_is_wrong(check) && check->offline) { /* nobody writes: once is enough, but for the stripe's own figures */
		check->parity.wrong_dbn = check->parity.result.first_wrong_dbn;
		return verify(run, check->parity.wrong_dbn, 1, PARITY_LOOKED_AGAIN);
	}
	if (result_is_wrong(check)) {
		check->parity.wrong_dbn = check->parity.result.first_wrong_dbn;
		check->parity.state = PARITY_WAIT;
		check->parity.waiter.durable = cp_durable;
		run->n_waiting++;
		cp_wait(run->vol, &check->parity.waiter);
		return -EAGAIN;
	}
	check->n_done += check->parity.end - check->parity.dbn;
	check->parity.state = PARITY_NEXT;
	check->parity.dbn = check->parity.end;
	return check_pace(run, CHUNK_STRIPES * group_disks(raid_geometry(run->vol->raid), check->parity.group));
}

static void stripe_looked_again(struct check *check)
{
	uint32_t dbn = check->parity.wrong_dbn;

	if (result_is_wrong(check) && !raid_stripe_is_unsettled(check->vol->raid, check->parity.group, dbn)) {
		check_found(check, CHECK_PARITY,
		            "group %u stripe %u: parity is not the sum of its blocks (%llu), %llu blocks do not match their checksums",
		            check->parity.group, dbn, (unsigned long long)check->parity.result.n_parity_wrong,
		            (unsigned long long)check->parity.result.n_checksum_wrong);
		if (check->parity.result.n_lost == 0) {
			check_found_repairable(check);
			check_fix(check, FIX_PARITY, check->parity.group, dbn, 0);
		}
	}
	check->n_done += dbn + 1U - check->parity.dbn;
	check->parity.dbn = dbn + 1U;
	check->parity.state = PARITY_NEXT;
}

int check_parity_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	while (check->parity.group < raid_geometry(run->vol->raid)->n_groups) {
		int err = 0;

		switch (check->parity.state) {
		case PARITY_LOOKED: err = chunk_looked(run); break;
		case PARITY_WAIT:
			if (check->parity.err != 0)
				return check->parity.err;
			return verify(run, check->parity.wrong_dbn, 1, PARITY_LOOKED_AGAIN);
		case PARITY_LOOKED_AGAIN:
			stripe_looked_again(check);
			err = check_pace(run, 1);
			break;
		default:
			err = chunk_start(run);
			if (err == 0) {
				check->parity.group++;
				check->parity.dbn = 0;
			}
		}
		if (err != 0)
			return err;
	}
	return 0;
}
