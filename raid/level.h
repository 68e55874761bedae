/* SPDX-License-Identifier: Apache-2.0 */
/* A level: the code by which the parity disks of a group make up for disks that are lost.
 *
 * THEORY. A stripe is a word of a linear code. Each parity block is a sum of the data blocks, each times a coefficient
 * that its position has in that parity. Checksum entries are words of the same code: entry k of parity is the same sum
 * of the entries of the data (raid/checksum_entry.h). So the entries of a stripe, and the checksum blocks of a zone,
 * are checked and made by what checks and makes blocks.
 * All of it comes down to two functions. `sums` adds up what is there, parity included: zero, if the word is whole;
 * else what the missing positions contribute. `solve` turns such sums into a missing block.
 * Example: raid4, disks 0, 1 and parity 2; 1 is missing. The sum of blocks 0 and 2 is block 1.
 * A position is a place: that of a disk in its group, data first, then parity. No level moves parity about, so a data
 * disk that joins with zeros changes no stripe.
 * Pure functions, any thread. */
#ifndef RAID_LEVEL_H
#define RAID_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEVEL_MAX_PARITY 2U
#define LEVEL_MAX_DATA 14U
#define LEVEL_MAX_DISKS (LEVEL_MAX_DATA + LEVEL_MAX_PARITY)

struct level {
	const char *name;
	unsigned n_parity; /* as many positions may be missing */
	/* ret_sums[k] = what `blocks` contribute to parity k, its own block included. blocks: by position, those of
	 * parity from n_data on; NULL: left out. ret_sums[k] NULL: not wanted; it is none of the blocks. */
	void (*sums)(unsigned n_data, const void *const *blocks, void *const *ret_sums, size_t len_bytes);
	/* ret = the block of `position`, one of the mask `missing` of at most n_parity positions. sums: of all others.
	 * It is none of the sums. */
	void (*solve)(unsigned n_data, unsigned missing, unsigned position, const void *const *sums, void *ret,
	              size_t len_bytes);
};

extern const struct level level_raid4, level_dp;

/* The level with so many parity disks. NULL: none. */
const struct level *level_of(unsigned n_parity);
/* What people call a group of so many data disks at this level: "raid4", "dp", or "mirror" when there is one. */
const char *level_title(const struct level *level, unsigned n_data);
/* What lies at all positions: blocks, or entries, or checksum blocks. NULL: zeros. */
struct level_word {
	const struct level *level;
	unsigned n_data;
	size_t len_bytes; /* of each; at most PAGE_SIZE */
	const void *blocks[LEVEL_MAX_DISKS];
};
/* The block of `position` from those of the positions that are not in `missing`. */
void level_rebuild(const struct level_word *word, unsigned missing, unsigned position, void *ret);
/* The parity blocks that do not go with the data, as a mask of positions. */
unsigned level_wrong_parity(const struct level_word *word);
/* sums += what the block of one position contributes; a page. sums[k] may not be the block. */
void level_add(const struct level *level, unsigned n_data, unsigned position, const void *block, void *const *sums);

#endif
