/* SPDX-License-Identifier: Apache-2.0 */
/* Active map, summary map, space map: which VBNs are used, and by whom.
 *
 * THEORY. Maps are files. The active map has a bit for every block that the active file system reaches. The summary map
 * is the OR of the active maps of all snapshots. It is brought up to date ("folded") region by region: lazily, but
 * always before an active bit of that region is cleared. A region is what one map block covers (32,768 VBNs). The
 * counts of all regions are kept in memory, and written as the space map.
 * A VBN can be allocated when it is in neither map, and was not freed in the running CP.
 * THREADS. The CP's run only, but for the counts. */
#ifndef FS_MAPS_H
#define FS_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cp;
struct fs_run;
struct fs_volume;
struct inode;

struct region {
	uint32_t n_active;
	uint32_t n_summary; /* in the summary map and not in the active map */
	uint32_t folded_id;
};
struct maps {
	struct region *regions;
	uint32_t n_regions;
	uint64_t n_active, n_summary; /* sums */
	uint64_t n_blocks; /* VBNs the geometry has */
	uint32_t n_loaded; /* regions loaded, while mounting */
	struct inode *
	    barred; /* an active map that is none any more, but the last fsinfo's (fs/snapshot/restore.c): nothing in it
	             * is allocated; or NULL */
	uint8_t *record_dirty; /* per space map block: its records changed in this CP */
	uint8_t *record_lost; /* per space map block: to be made anew by a repair */
};

MUST_CHECK int maps_init(struct fs_volume *vol);
void maps_fini(struct fs_volume *vol);
/* The geometry has more blocks at its end. They are free: where the maps' files end there are holes, which are zeros.
 * No snapshot has any of them, so new regions count as folded. */
void maps_grow(struct fs_volume *vol);
/* Read the space map (a step). */
MUST_CHECK int maps_load(struct fs_run *run);
/* Repair, before maps_load: block `fbn` of the space map cannot be read. Its regions count nothing until maps_repair of
 * each. */
void maps_records_lost(struct fs_volume *vol, uint32_t fbn);
uint64_t maps_free_blocks(const struct fs_volume *vol);

/* Everything that setting bits in the region needs: active, summary and space map block, paths. -EAGAIN. */
MUST_CHECK int maps_need(struct fs_run *run, uint32_t region);
/* Everything that clearing active bits needs: the above, and what folding needs when the region is not folded yet.
 * -EAGAIN. */
MUST_CHECK int maps_need_clear(struct fs_run *run, uint32_t region);
/* What maps_set_folded needs. -EAGAIN. */
MUST_CHECK int maps_need_record(struct fs_run *run, uint32_t region);
/* To look, without changing anything: the bits of the region's active and summary blocks, and of the barred map
 * beside them (zeros: nothing is barred). -EAGAIN. */
MUST_CHECK int maps_need_look(struct fs_run *run, uint32_t region, const uint8_t **ret_active,
                              const uint8_t **ret_summary, const uint8_t **ret_barred);

/* The CP writes a block here. The VBN is in neither map and was not freed in this CP (CP1, asserted). After
 * maps_need. */
void maps_set_active(struct cp *cp, uint32_t vbn);
/* The same for a block that is in use already, and may be in the summary map. After maps_need_clear. */
void maps_adopt_active(struct cp *cp, uint32_t vbn);
/* *ret_held: a snapshot holds it. -EUCLEAN: the bit was not set (the volume is damaged). Folds first when due. */
MUST_CHECK int maps_clear_active(struct cp *cp, uint32_t vbn, bool *ret_held);
/* Bring the region of the summary map up to date with the newest snapshot. After maps_need_clear. */
void maps_fold(struct cp *cp, uint32_t region);
/* The summary map is known to have what snapshot `id` holds there. After maps_need_record. */
void maps_set_folded(struct cp *cp, uint32_t region, uint32_t id);
bool maps_is_folded(const struct fs_volume *vol, uint32_t region);
/* The region's summary block joins the CP as it is, to get another place. After maps_need_clear. */
void maps_rewrite_summary(struct cp *cp, uint32_t region);
/* Take the bits of `mask` (a map block) out of the region's summary block; VBNs that became free are noted in
 * cp->freed. */
void maps_clear_summary(struct cp *cp, uint32_t region, const uint64_t *mask);
/* Repair: the region's blocks become `active` and `summary` (NULL: the block stays). With `summary`, the region
 * counts as folded up to `folded_id`. The region's counts follow from the blocks. What cannot be read is made anew:
 * a map block if its content is known, the space map's block after maps_records_lost. After maps_need_repair of the
 * region in this step, and before any block is placed. */
MUST_CHECK int maps_need_repair(struct fs_run *run, uint32_t region, bool active_known, bool summary_known);
void maps_repair(struct cp *cp, uint32_t region, const uint8_t *active, const uint8_t *summary, uint32_t folded_id);
/* Write the regions' records into the space map blocks of this CP. */
void maps_encode(struct cp *cp);

#endif
