/* SPDX-License-Identifier: Apache-2.0 */
/* Which stripes are read: those in which the active map or the summary map has a block. What no file system reaches
 * was never written, or is free: nothing in it can be lost. */
#include <string.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/cp/maps.h"
#include "fs/cp/stripe.h"
#include "fs/file/cache.h"
#include "fs/format/fsformat.h"
#include "fs/scrub/scrub_private.h"

#define LOOK_STRIPES 256U
#define LOOKS_A_TURN 64U
#define GAP_STRIPES 16U /* fewer free ones are read with their neighbours: that is faster than two reads */

static bool region_is_unused(const void *arg, uint32_t region)
{
	const struct fs_volume *vol = arg;
	const struct region *counts = &vol->maps->regions[region];

	return counts->n_active + counts->n_summary == 0;
}

/* The bits of a region; both maps all ones where a map cannot be read. -EAGAIN. */
static int bits_need(struct fs_run *run, uint32_t region, const uint8_t **ret_active, const uint8_t **ret_summary)
{
	static uint8_t ones[FS_BLOCK_SIZE];
	const uint8_t *barred;
	int err = maps_need_look(run, region, ret_active, ret_summary, &barred);

	if (err == 0 || err == -EAGAIN)
		return err;
	memset(ones, 0xFF, sizeof(ones));
	*ret_active = *ret_summary = ones;
	return 0;
}

static bool bit_of(const uint8_t *map, uint32_t bit)
{
	return ((unsigned)map[bit / 8U] >> bit % 8U & 1U) != 0;
}

int scrub_walk_is_used(struct fs_run *run, uint32_t vbn, bool *ret_used)
{
	const uint8_t *active, *summary;
	int err = bits_need(run, region_of(vbn), &active, &summary);

	if (err == 0)
		*ret_used = bit_of(active, vbn % REGION_BLOCKS) || bit_of(summary, vbn % REGION_BLOCKS);
	return err;
}

/* used[i]: how many blocks of stripe dbn + i are in use. -EAGAIN. */
static int stripes_look(struct fs_run *run, const struct scrub_span *span, uint8_t used[LOOK_STRIPES])
{
	const struct raid_geometry *geometry = raid_geometry(run->vol->raid);
	int result = 0;

	memset(used, 0, LOOK_STRIPES * sizeof(used[0]));
	for (unsigned d = 0; d < geometry->n_data_disks; d++) {
		const struct raid_disk_geometry *disk = &geometry->disks[d];
		const uint8_t *active = NULL, *summary = NULL;
		uint32_t region = UINT32_MAX;

		for (uint32_t i = 0; disk->group == span->group && i < span->n && span->dbn + i < disk->n_blocks; i++) {
			uint32_t vbn = disk->vbn_first + span->dbn + i, bit = vbn % REGION_BLOCKS;
			int err = 0;

			if (region_of(vbn) != region)
				err = bits_need(run, region_of(vbn), &active, &summary);
			if (err != 0)
				result = err;
			if (result != 0)
				break; /* name what the other disks need, too */
			region = region_of(vbn);
			used[i] = (uint8_t)(used[i] + (bit_of(active, bit) || bit_of(summary, bit)));
		}
	}
	return result;
}

/* Of the `n` stripes looked at: the first in use, and as many after it as are read together. */
static void span_find(const uint8_t used[LOOK_STRIPES], uint32_t n, uint32_t n_max, uint32_t *ret_first,
                      uint32_t *ret_n)
{
	uint32_t first = 0, end;

	while (first < n && used[first] == 0)
		first++;
	end = first;
	for (uint32_t i = first; i < n && i < first + n_max && i - end <= GAP_STRIPES; i++)
		if (used[i] != 0)
			end = i + 1U;
	*ret_first = first;
	*ret_n = end - first;
}

int scrub_walk_next(struct fs_run *run, struct scrub *scrub, unsigned n_max, struct scrub_span *ret_span)
{
	const struct raid_geometry *geometry = raid_geometry(run->vol->raid);
	struct scrub_state *state = &scrub->state;
	uint8_t used[LOOK_STRIPES];
	unsigned n_looks = 0;

	while (state->group < geometry->n_groups) {
		uint32_t n = stripe_count(geometry, state->group), end, first;
		int err;

		if (state->dbn >= n) {
			state->group++;
			state->dbn = 0;
			continue;
		}
		if (stripe_is_unused(geometry, state->group, state->dbn, region_is_unused, run->vol, &end)) {
			state->dbn = MIN_OF(end, n);
			continue;
		}
		*ret_span = (struct scrub_span){ state->group, state->dbn, MIN_OF(n - state->dbn, LOOK_STRIPES), 0 };
		if (n_looks++ == LOOKS_A_TURN)
			return run_yield(run);
		err = stripes_look(run, ret_span, used);
		if (err != 0)
			return err;
		cache_unpin_all(run);
		span_find(used, ret_span->n, n_max, &first, &n);
		state->dbn += first;
		if (n == 0)
			continue;
		*ret_span = (struct scrub_span){ state->group, state->dbn, n, 0 };
		for (uint32_t i = first; i < first + n; i++)
			ret_span->n_used += used[i];
		return 0;
	}
	ret_span->n = 0;
	return 0;
}

uint64_t scrub_walk_left(const struct scrub *scrub)
{
	const struct maps *maps = scrub->vol->maps;
	uint64_t all = maps->n_active + maps->n_summary, done = scrub->state.now.n_used;

	return all > done ? all - done : 0;
}
