/* SPDX-License-Identifier: Apache-2.0 */
/* A checksum entry: what a checksum block keeps of one data block, and the arithmetic of it.
 *
 * THEORY. An entry holds the CRC of the block and its identity (inode, FBN, generation, level). The CRC is linear: the
 * CRC of a XOR b is the XOR of the CRCs. So in every stripe the parity disk's entry is the XOR of the data disks'
 * entries, and a block of zeros has entry 0. */
#ifndef RAID_CHECKSUM_ENTRY_H
#define RAID_CHECKSUM_ENTRY_H

#include "raid/raid.h"
#include "raid/raidformat.h"

struct raid_checksum_format checksum_entry_make(const struct raid_ident *ident, uint32_t crc);
/* Who the block is by its entry. */
struct raid_ident checksum_entry_ident(const struct raid_checksum_format *a);
/* a = a XOR b. */
void checksum_entry_xor(struct raid_checksum_format *a, const struct raid_checksum_format *b);
bool checksum_entry_is_zero(const struct raid_checksum_format *a);
bool checksum_entry_equal(const struct raid_checksum_format *a, const struct raid_checksum_format *b);
/* The mark that the writer has set (raid.h, struct raid_ident). */
bool checksum_entry_mark(const struct raid_checksum_format *a);
/* Is it the entry of this block? Inode, FBN and level are compared; the generation is not. */
bool checksum_entry_matches(const struct raid_checksum_format *a, const struct raid_ident *ident);

#endif
