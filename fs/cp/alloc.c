/* SPDX-License-Identifier: Apache-2.0 */
/* The write allocator: windows, bands, and the order of VBNs inside them. */
#include "fs/cp/alloc.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/vbn_set.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "raid/raid.h"

#define WINDOW_STRIPES 4096U
#define BAND_STRIPES 64U
#define TRIES_A_STEP 8192U

struct alloc {
	/* the open window */
	bool open;
	unsigned group;
	uint32_t dbn_first, n_dbn;
	unsigned n_disks;
	const struct raid_disk_geometry *disks[RAID_MAX_GROUP_DISKS];
	uint64_t busy[RAID_MAX_GROUP_DISKS][WINDOW_STRIPES / 64U];
	/* the band in work: stripes [band, band + depth) of the window */
	uint32_t band, depth, offset;
	unsigned disk;
	/* where to look for the next window */
	unsigned next_group;
	uint32_t next_dbn[RAID_MAX_GROUPS];
	unsigned tries; /* windows looked at since the last one taken */
	unsigned n_windows;
	uint64_t n_bands;
};

void alloc_grow(struct fs_volume *vol)
{
	const struct raid_geometry *geometry = raid_geometry(vol->raid);

	/* Groups are looked at in turn, beginning anywhere: a round that misses nothing has as many turns as the
	 * largest one needs. */
	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		vol->alloc->n_windows = MAX_OF(vol->alloc->n_windows,
		                               geometry->n_groups *
		                                   (DIV_UP(geometry->disks[i].n_blocks, WINDOW_STRIPES) + 1U));
}

int alloc_init(struct fs_volume *vol)
{
	vol->alloc = calloc(1, sizeof(*vol->alloc));
	if (vol->alloc == NULL)
		return -ENOMEM;
	alloc_grow(vol);
	return 0;
}

void alloc_fini(struct fs_volume *vol)
{
	free(vol->alloc);
	vol->alloc = NULL;
}

void alloc_cp_done(struct fs_volume *vol)
{
	struct alloc *alloc = vol->alloc;

	if (alloc->open)
		alloc->next_dbn[alloc->group] = alloc->dbn_first + alloc->band +
		                                (alloc->offset > 0 || alloc->disk > 0 ? alloc->depth : 0);
	alloc->open = false;
	alloc->tries = 0;
}

/* ---- opening a window ---- */

static void window_set(struct alloc *alloc, const struct raid_geometry *geometry)
{
	unsigned group = alloc->next_group % geometry->n_groups;
	uint32_t n_dbn = 0;

	alloc->group = group;
	alloc->n_disks = 0;
	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		if (geometry->disks[i].group == group) {
			alloc->disks[alloc->n_disks++] = &geometry->disks[i];
			n_dbn = MAX_OF(n_dbn, geometry->disks[i].n_blocks);
		}
	}
	if (alloc->next_dbn[group] >= n_dbn)
		alloc->next_dbn[group] = 0;
	alloc->dbn_first = alloc->next_dbn[group];
	alloc->n_dbn = MIN_OF(n_dbn - alloc->dbn_first, WINDOW_STRIPES - alloc->dbn_first % WINDOW_STRIPES);
}

static uint32_t disk_end(const struct alloc *alloc, unsigned disk)
{
	uint32_t n = alloc->disks[disk]->n_blocks;

	return n <= alloc->dbn_first ? 0 : MIN_OF(n - alloc->dbn_first, alloc->n_dbn);
}

/* Free blocks of the window if those of each region lie evenly in it: told from the counts in memory. 0: there is
 * none. */
static uint64_t window_estimate(const struct fs_volume *vol, const struct alloc *alloc)
{
	uint64_t sum = 0;

	for (unsigned disk = 0; disk < alloc->n_disks; disk++) {
		uint64_t first = (uint64_t)alloc->disks[disk]->vbn_first + alloc->dbn_first,
		         end = first + disk_end(alloc, disk);

		while (first < end) {
			uint32_t region = region_of((uint32_t)first);
			uint64_t next = MIN_OF(((uint64_t)region + 1U) * REGION_BLOCKS, end);
			const struct region *counts = &vol->maps->regions[region];

			sum += (REGION_BLOCKS - MIN_OF(counts->n_active + counts->n_summary, REGION_BLOCKS)) *
			       (next - first);
			first = next;
		}
	}
	return DIV_UP(sum, REGION_BLOCKS);
}

static int window_need(struct fs_run *run, const struct alloc *alloc)
{
	const uint8_t *active, *summary, *barred;
	int result = 0;

	for (unsigned disk = 0; disk < alloc->n_disks; disk++) {
		uint32_t first = alloc->disks[disk]->vbn_first + alloc->dbn_first, end = first + disk_end(alloc, disk);

		for (uint32_t region = region_of(first); first < end && region <= region_of(end - 1U); region++) {
			int err = maps_need_look(run, region, &active, &summary, &barred);

			if (err != 0 && err != -EAGAIN)
				return err;
			if (err != 0)
				result = err;
		}
	}
	return result;
}

static bool busy_get(const struct alloc *alloc, unsigned disk, uint32_t offset)
{
	return (alloc->busy[disk][offset / 64U] >> (offset % 64U) & 1U) != 0;
}

static void busy_set(struct alloc *alloc, unsigned disk, uint32_t offset)
{
	alloc->busy[disk][offset / 64U] |= 1ULL << (offset % 64U);
}

/* Bits of the maps for one disk of the window. The map blocks are in memory: window_need said so in this step. */
static uint32_t window_look_disk(struct fs_run *run, struct alloc *alloc, unsigned disk)
{
	uint32_t first = alloc->disks[disk]->vbn_first + alloc->dbn_first, n = disk_end(alloc, disk), n_free = 0;
	const struct vbn_set *freed = &run->vol->cp->freed; /* not to be had yet */
	const uint8_t *active = NULL, *summary = NULL, *barred = NULL;
	uint32_t region = UINT32_MAX;
	int err;

	for (uint32_t offset = 0; offset < WINDOW_STRIPES; offset++) {
		uint32_t vbn = first + offset, bit = vbn % REGION_BLOCKS;

		if (offset >= n) {
			busy_set(alloc, disk, offset);
			continue;
		}
		if (region_of(vbn) != region) {
			region = region_of(vbn);
			err = maps_need_look(run, region, &active, &summary, &barred);
			vc_assert(err == 0);
		}
		if (((unsigned)(active[bit / 8U] | summary[bit / 8U] | barred[bit / 8U]) >> bit % 8U & 1U) != 0 ||
		    vbn_set_has(freed, vbn))
			busy_set(alloc, disk, offset);
		else
			n_free++;
	}
	return n_free;
}

/* Look at the window the cursor stands on; *ret_free: its free blocks. */
static int window_look(struct fs_run *run, struct alloc *alloc, uint32_t *ret_free)
{
	int err = window_need(run, alloc);

	*ret_free = 0;
	if (err != 0)
		return err;
	memset(alloc->busy, 0, sizeof(alloc->busy));
	for (unsigned disk = 0; disk < alloc->n_disks; disk++)
		*ret_free += window_look_disk(run, alloc, disk);
	return 0;
}

/* Free blocks a window must have in the first round: a quarter, or half of the volume's mean share when that is less,
 * so that on a volume that is nearly full a window is found soon. In the second round any will do. */
static uint64_t window_wanted(const struct fs_volume *vol, const struct alloc *alloc)
{
	uint64_t n_all = (uint64_t)alloc->n_dbn * alloc->n_disks;

	if (alloc->tries >= alloc->n_windows)
		return 1;
	return MAX_OF(MIN_OF(n_all / 4U, n_all * maps_free_blocks(vol) / vol->maps->n_blocks / 2U), (uint64_t)1);
}

/* Windows are passed over by the counts in memory; only one that promises enough is looked at. */
static int window_open(struct fs_run *run)
{
	struct alloc *alloc = run->vol->alloc;
	uint64_t wanted;
	uint32_t n_free;

	while (alloc->tries <= 2U * alloc->n_windows + 2U) {
		window_set(alloc, raid_geometry(run->vol->raid));
		wanted = window_wanted(run->vol, alloc);
		n_free = 0;
		if (window_estimate(run->vol, alloc) >= wanted) {
			int err = window_look(run, alloc, &n_free);

			if (err != 0)
				return err;
		}
		if (n_free >= wanted) {
			alloc->open = true;
			alloc->tries = 0;
			alloc->band = alloc->depth = alloc->offset = 0;
			alloc->disk = 0;
			return 0;
		}
		alloc->next_dbn[alloc->group] = alloc->dbn_first + alloc->n_dbn;
		alloc->next_group++;
		if (++alloc->tries % TRIES_A_STEP == 0)
			return run_yield(run);
	}
	return -ENOSPC;
}

static void window_close(struct alloc *alloc)
{
	alloc->next_dbn[alloc->group] = alloc->dbn_first + alloc->n_dbn;
	alloc->next_group++;
	alloc->open = false;
}

/* ---- inside a window ---- */

static void band_next(struct alloc *alloc, size_t n_left)
{
	alloc->band += alloc->depth;
	alloc->depth = (uint32_t)MIN_OF(DIV_UP(MAX_OF(n_left, (size_t)1), alloc->n_disks), (size_t)BAND_STRIPES);
	alloc->depth = MIN_OF(alloc->depth, alloc->n_dbn - MIN_OF(alloc->band, alloc->n_dbn));
	alloc->offset = 0;
	alloc->disk = 0;
	alloc->n_bands++;
}

uint64_t alloc_band(const struct fs_volume *vol)
{
	return vol->alloc->n_bands;
}

/* Next free place of the band, disk by disk. */
static bool band_take(struct alloc *alloc, uint32_t *ret_vbn)
{
	for (; alloc->disk < alloc->n_disks; alloc->disk++, alloc->offset = 0) {
		while (alloc->offset < alloc->depth) {
			uint32_t offset = alloc->band + alloc->offset++;

			if (!busy_get(alloc, alloc->disk, offset)) {
				busy_set(alloc, alloc->disk, offset);
				*ret_vbn = alloc->disks[alloc->disk]->vbn_first + alloc->dbn_first + offset;
				return true;
			}
		}
	}
	return false;
}

int alloc_next(struct fs_run *run, size_t n_left, uint32_t *ret_vbn)
{
	struct alloc *alloc = run->vol->alloc;

	for (;;) {
		int err;

		if (!alloc->open) {
			err = window_open(run);
			if (err != 0)
				return err;
			band_next(alloc, n_left);
		}
		while (alloc->depth > 0) {
			if (band_take(alloc, ret_vbn))
				return 0;
			band_next(alloc, n_left);
		}
		window_close(alloc);
	}
}
