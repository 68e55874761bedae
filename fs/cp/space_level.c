/* SPDX-License-Identifier: Apache-2.0 */
/* How full the volume is, in levels: an event when a level is entered, and a count that makes SCSI warn the initiators
 * of thin LUNs.
 *
 * THEORY. After a mount the promises to LUNs are too high until they have been counted. Nobody is warned of what may
 * not be true: a level is entered only when even the least that the promises can be leaves too little. */
#include <inttypes.h>

#include "base/log.h"
#include "fs/core/core.h"
#include "fs/cp/space.h"
#include "fs/fs_types.h"
#include "fs/volume.h"

#define HYSTERESIS_PERCENT 5U

/* Available at `percent` used, of `usable`. */
static uint64_t available_at(uint64_t usable, unsigned percent)
{
	return usable / 100U * (100U - percent);
}

static enum fs_space_level level_of(uint64_t usable, uint64_t available, enum fs_space_level before)
{
	static const unsigned percents[] = {
		[FS_SPACE_SOFT] = FS_SPACE_SOFT_PERCENT, [FS_SPACE_CRITICAL] = FS_SPACE_CRITICAL_PERCENT
	};

	for (unsigned level = FS_SPACE_CRITICAL; level > FS_SPACE_FINE; level--) {
		unsigned percent = percents[level] - (level <= (unsigned)before ? HYSTERESIS_PERCENT : 0U);

		if (available < available_at(usable, percent))
			return (enum fs_space_level)level;
	}
	return FS_SPACE_FINE;
}

static void level_tell(struct fs_volume *vol, enum fs_space_level level, uint64_t usable, uint64_t available)
{
	unsigned used = usable == 0 ? 100U : (unsigned)(100U - available * 100U / usable);

	if (level == FS_SPACE_CRITICAL)
		log_error("fs", "space_critical",
		          "volume=%s used_percent=%u available_bytes=%" PRIu64 ": delete files or snapshots", vol->name,
		          used, available * FS_BLOCK_SIZE);
	else
		log_warn("fs", "space_low", "volume=%s used_percent=%u available_bytes=%" PRIu64, vol->name, used,
		         available * FS_BLOCK_SIZE);
}

void space_level_update(struct fs_volume *vol)
{
	struct space_figures figures;
	enum fs_space_level before = (enum fs_space_level)atomic_load(&vol->space_level), level;
	uint64_t usable, available = space_available_most(vol);

	space_figures(vol, &figures);
	usable = figures.size_blocks - figures.kept_blocks - figures.metadata_blocks;
	level = level_of(usable, available, before);
	atomic_store(&vol->space_available_bytes, figures.available_blocks * FS_BLOCK_SIZE);
	atomic_store(&vol->space_soft_bytes, available_at(usable, FS_SPACE_SOFT_PERCENT) * FS_BLOCK_SIZE);
	if (level == before)
		return;
	atomic_store(&vol->space_level, (int)level);
	if (level < before) {
		log_info("fs", "space_back", "volume=%s available_bytes=%" PRIu64, vol->name,
		         available * FS_BLOCK_SIZE);
		return;
	}
	level_tell(vol, level, usable, available);
	atomic_fetch_add(&vol->space_warnings, 1);
}

void fs_volume_space(const struct fs_volume *vol, struct fs_space_notice *ret_notice)
{
	*ret_notice = (struct fs_space_notice){
		.level = (enum fs_space_level)atomic_load_explicit(&vol->space_level, memory_order_relaxed),
		.n_warnings = atomic_load_explicit(&vol->space_warnings, memory_order_relaxed),
		.available_bytes = atomic_load_explicit(&vol->space_available_bytes, memory_order_relaxed),
		.soft_bytes = atomic_load_explicit(&vol->space_soft_bytes, memory_order_relaxed),
	};
}
