/* SPDX-License-Identifier: Apache-2.0 */
/* Checksum entries: their arithmetic. */
#include "raid/checksum_entry.h"

#include <string.h>

struct raid_checksum_format checksum_entry_make(const struct raid_ident *ident, uint32_t crc)
{
	return (struct raid_checksum_format){
		.crc = le32_of(crc),
		.inode = le32_of(ident->inode),
		.fbn = le32_of(ident->fbn),
		.generation_level = le32_of(ident->level << RAID_LEVEL_SHIFT | (ident->mark ? RAID_MARK_BIT : 0U) |
		                            (ident->generation & RAID_GENERATION_MASK)),
	};
}

struct raid_ident checksum_entry_ident(const struct raid_checksum_format *a)
{
	uint32_t generation_level = le32_get(a->generation_level);

	return (struct raid_ident){ .inode = le32_get(a->inode),
		                    .fbn = le32_get(a->fbn),
		                    .generation = generation_level & RAID_GENERATION_MASK,
		                    .level = generation_level >> RAID_LEVEL_SHIFT,
		                    .mark = checksum_entry_mark(a) };
}

void checksum_entry_xor(struct raid_checksum_format *a, const struct raid_checksum_format *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	x[0] ^= y[0];
	x[1] ^= y[1];
	memcpy(a, x, sizeof x);
}

bool checksum_entry_is_zero(const struct raid_checksum_format *a)
{
	uint64_t x[2];

	memcpy(x, a, sizeof x);
	return (x[0] | x[1]) == 0;
}

bool checksum_entry_equal(const struct raid_checksum_format *a, const struct raid_checksum_format *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool checksum_entry_matches(const struct raid_checksum_format *a, const struct raid_ident *ident)
{
	return le32_get(a->inode) == ident->inode && le32_get(a->fbn) == ident->fbn &&
	       le32_get(a->generation_level) >> RAID_LEVEL_SHIFT == ident->level;
}

bool checksum_entry_mark(const struct raid_checksum_format *a)
{
	return (le32_get(a->generation_level) & RAID_MARK_BIT) != 0;
}
