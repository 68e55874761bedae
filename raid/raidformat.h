/* SPDX-License-Identifier: Apache-2.0 */
/* Everything raid/ puts on a disk: label, fsinfo slot, intent record, checksum entry, and where they lie.
 *
 * A disk, in blocks of 4 KiB:
 *
 *   0          4              12         16                 log_first            zones_first
 *   +----------+--------------+----------+------------------+---------+---------+--------------------------
 *   | label A  | fsinfo ring  | label B  | intent slots     | log     | log     | zone 0 | zone 1 | ...
 *   | 4 blocks | 8 slots      | 4 blocks | n x 36 blocks    | half 0  | half 1  | (256 blocks each)
 *   +----------+--------------+----------+------------------+---------+---------+--------------------------
 *
 *   Intent slots 0 and 1 end in a block that no intent uses: the two copies of the mark.
 *   zone: | checksum block (255 entries of 16 bytes, 1 spare) | 255 data blocks |        DBN d = zone d / 255, data block d % 255
 *
 * The two label copies are never written at the same time; whichever is valid and newer counts. All integers
 * little-endian. */
#ifndef RAID_RAIDFORMAT_H
#define RAID_RAIDFORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* clang-format off */
#define RAID_FORMAT_VERSION 1U
#define RAID_LABEL_MAGIC "VCLABEL1"
#define RAID_FSINFO_MAGIC "VCFSINF1"
#define RAID_INTENT_MAGIC "VCINTEN1"
#define RAID_MARK_MAGIC "VCMARK_1"
#define RAID_SPARE_MAGIC "VCSPARE1"
#define RAID_MAGIC_BYTES 8U

#define RAID_LABEL_BLOCKS 4U
#define RAID_LABEL_A_BLOCK 0U
#define RAID_LABEL_B_BLOCK 12U
#define RAID_RING_FIRST 4U
#define RAID_RING_SLOTS 8U
#define RAID_INTENT_FIRST 16U
#define RAID_ZONE_DATA 255U
#define RAID_ZONE_BLOCKS 256U

/* Checksum entry. A block of zeros nobody wrote has entry 0; a parity block's entry is made of its stripe's data
 * entries as the block is of their blocks: for the first parity, the XOR. So the crc of a second parity's is no checksum of its block. */
struct raid_checksum_format {
	le32 crc; /* CRC32C, seed 0, no inversion */
	le32 inode;
	le32 fbn;
	le32 generation_level; /* level << 28 | mark << 27 | generation of the CP, low 27 bits */
};
static_assert(sizeof(struct raid_checksum_format) == 16, "an entry never straddles a sector");
#define RAID_GENERATION_MASK 0x07FFFFFFU
#define RAID_MARK_BIT 0x08000000U /* the file system's: raid_ident.mark */
#define RAID_LEVEL_SHIFT 28U

/* Through which starts and flushes a volume, or a disk, has lived (raid/lineage.h). All zeros: not known. */
#define RAID_START_RING 32U
struct raid_start_format {
	le64 id; /* random */
	le64 first_flush;
};
struct raid_lineage_format {
	le64 n_starts;
	le64 flush;
	struct raid_start_format starts[RAID_START_RING]; /* start n (1 is the first) in place n % 32: the last 32 */
};
static_assert(sizeof(struct raid_lineage_format) == 528, "lineage");

/* Row of the member table that every label carries: any one label describes the whole volume. */
struct raid_member_format {
	uint8_t uuid[16];
	le64 size_blocks;
	le32 vbn_first; /* data disks */
	le32 n_dbn;
	le16 group;
	le16 position; /* in the group: data disks, then parity */
	uint8_t role;
	uint8_t state;
	uint8_t reason; /* FAILED: why */
	uint8_t flags;
	le32 rebuilt_zones; /* REBUILDING: the zones below are there */
	uint8_t reserved[4];
};
static_assert(sizeof(struct raid_member_format) == 48, "member row");
enum { RAID_ROLE_DATA = 1, RAID_ROLE_PARITY = 2, RAID_ROLE_PARITY2 = 3 };
enum { RAID_MEMBER_ONLINE = 1, RAID_MEMBER_FAILED = 2, RAID_MEMBER_REBUILDING = 3 };
/* Flags of a row. ZEROED: a disk that is being rebuilt read as zeros from end to end before. WORN: its errors are over a limit. */
enum { RAID_MEMBER_ZEROED = 1, RAID_MEMBER_WORN = 4 };
enum { RAID_REASON_UNKNOWN = 0, RAID_REASON_STALE = 1, RAID_REASON_ABSENT = 2 };

/* Where its group was written since a member was lost (raid/dirty_map.h): region r is bit r % 8 of byte r / 8. */
#define RAID_MAP_REGIONS 4096U
struct raid_map_format {
	le16 member; /* its index + 1; 0: none */
	uint8_t reserved[2];
	le32 region_zones;
	le64 n_starts; /* the disk has lived through this start up to ... */
	le64 flush; /* ... this flush */
	uint8_t bits[RAID_MAP_REGIONS / 8];
};
static_assert(sizeof(struct raid_map_format) == 536, "label: map");

#define RAID_LABEL_MAX_MEMBERS 256U
#define RAID_LABEL_MAX_LOG_COPIES 8U
#define RAID_LABEL_LIMITS 8U
#define RAID_LABEL_MAPS 5U
struct raid_label_format {
	uint8_t magic[RAID_MAGIC_BYTES];
	le32 crc; /* of all 16 KiB, this field zero */
	le32 version;
	/* 16: this disk's own */
	uint8_t disk_uuid[16];
	le16 member_index;
	le16 group;
	le16 position;
	le16 role;
	le64 size_blocks;
	uint8_t reserved1[16];
	/* 64: the same on every disk at one generation */
	uint8_t volume_uuid[16];
	le64 generation; /* rises with every label written */
	le64 membership; /* generation of the membership: rises when a disk fails, joins, or the log moves */
	le64 epoch; /* rises with every open: intents of older epochs are settled */
	le64 compat; /* unknown bits: harmless; kept */
	le64 ro_compat; /* unknown bits: do not write, open only to read */
	le64 incompat; /* unknown bits: do not open */
	le32 flags;
	le32 block_size;
	le16 pointer_size;
	le16 inode_size;
	le16 checksum_id;
	le16 parity_id;
	le16 n_members;
	le16 n_groups;
	le16 n_log_copies;
	le16 reserved2;
	le16 log_copies[RAID_LABEL_MAX_LOG_COPIES]; /* member indexes */
	le32 ring_first;
	le32 ring_slots;
	le32 intent_first;
	le32 intent_slots;
	le32 intent_slot_blocks;
	le32 log_first;
	le32 log_half_blocks;
	le32 zones_first;
	struct raid_lineage_format lineage; /* what every disk that is online has lived through */
	le64 limits[RAID_LABEL_LIMITS]; /* by enum raid_limit: 0 the default, RAID_NO_LIMIT none */
	uint8_t reserved3[128];
	uint8_t identity_uuid[16]; /* what the volume is called by now, when it was a copy of volume_uuid's; zeros: volume_uuid */
	uint8_t reserved4[480];
	struct raid_map_format maps[RAID_LABEL_MAPS]; /* of members that are lost, or get only what has changed */
	/* 4096 */
	struct raid_member_format members[RAID_LABEL_MAX_MEMBERS];
};
static_assert(sizeof(struct raid_label_format) == RAID_LABEL_BLOCKS * 4096, "label");
static_assert(offsetof(struct raid_label_format, volume_uuid) == 64, "label: shared part");
static_assert(offsetof(struct raid_label_format, limits) == 728, "label: limits");
static_assert(offsetof(struct raid_label_format, maps) == 1416, "label: maps");
static_assert(offsetof(struct raid_label_format, members) == 4096, "label: member table");
#define RAID_LABEL_SHARED_OFFSET 64U
enum { RAID_LABEL_CLEAN = 1 };
/* Bits of incompat. REBUILDING: a member is; whoever does not know that would believe blocks that are not there yet.
 * IDENTITY: identity_uuid is set; whoever does not know that would serve a copy under the identity of its original. */
#define RAID_INCOMPAT_REBUILDING 1U
#define RAID_INCOMPAT_IDENTITY 32U
#define RAID_INCOMPAT_PARITY2 2U /* a group has a second parity disk */
#define RAID_INCOMPAT_KNOWN (RAID_INCOMPAT_REBUILDING | RAID_INCOMPAT_PARITY2 | RAID_INCOMPAT_IDENTITY)
enum { RAID_CHECKSUM_CRC32C_LINEAR = 1 };
enum { RAID_PARITY_XOR = 1 };

struct raid_fsinfo_format {
	uint8_t magic[RAID_MAGIC_BYTES];
	le32 crc; /* of the block, this field zero */
	le32 version;
	uint8_t volume_uuid[16];
	le64 generation;
	le64 intent_epoch; /* intents of this epoch ... */
	le64 intent_released; /* ... up to this sequence were settled when this was written */
	le64 flush; /* the flush before it; 0: not known */
	uint8_t body[4032];
};
static_assert(sizeof(struct raid_fsinfo_format) == 4096, "fsinfo slot");
static_assert(offsetof(struct raid_fsinfo_format, body) == 64, "fsinfo body");

/* Intent record, in one slot: head block, partial stripes (16 a block), then the payload: for each partial stripe what the blocks it does not
 * write contribute to each parity. For the first, which is their XOR, the CRC is the XOR of theirs, so it needs none of its own. */
struct raid_intent_run_format {
	le32 first_dbn;
	le32 n;
}; /* full stripes */
#define RAID_INTENT_MAX_RUNS 256U
#define RAID_INTENT_MAX_PARTIAL 32U
#define RAID_INTENT_MAX_PAYLOAD 32U
#define RAID_INTENT_PARTIAL_PER_BLOCK 16U
#define RAID_INTENT_SLOT_BLOCKS 36U
struct raid_intent_head_format {
	uint8_t magic[RAID_MAGIC_BYTES];
	le32 crc; /* of head and partial blocks, this field zero */
	le32 version;
	uint8_t volume_uuid[16];
	le64 epoch;
	le64 sequence;
	le16 group;
	le16 n_runs;
	le16 n_partial;
	le16 n_payload;
	le64 flush; /* the last flush when it was written; 0: not known */
	struct raid_intent_run_format runs[RAID_INTENT_MAX_RUNS];
	uint8_t reserved2[4096 - 64 - 8 * RAID_INTENT_MAX_RUNS];
};
static_assert(sizeof(struct raid_intent_head_format) == 4096, "intent head");
enum { RAID_INTENT_REST_ZERO = 1, RAID_INTENT_REST_UNKNOWN = 2, RAID_INTENT_REST2_UNKNOWN = 4 };
struct raid_intent_partial_format {
	le32 dbn;
	le16 mask; /* bit i: data position i is being written */
	le16 flags; /* REST_ZERO: no payload, it is zeros; REST_UNKNOWN, REST2_UNKNOWN: no payload for that parity */
	le16 payload; /* index among the payload blocks */
	le16 payload2; /* of that for the second parity */
	le32 payload2_crc; /* CRC32C, seed 0, no inversion */
	struct raid_checksum_format entries[14]; /* of the positions not being written */
	struct raid_checksum_format entries_xor; /* XOR of those */
};
static_assert(sizeof(struct raid_intent_partial_format) == 256, "intent partial stripe");
static_assert(1 + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK + RAID_INTENT_MAX_PAYLOAD <= RAID_INTENT_SLOT_BLOCKS, "intent slot");

/* Mark: which flush this disk has taken part in. Written to the older of its two copies by each flush, made durable by that flush. */
#define RAID_MARK_A_BLOCK (RAID_INTENT_FIRST + RAID_INTENT_SLOT_BLOCKS - 1U)
#define RAID_MARK_B_BLOCK (RAID_MARK_A_BLOCK + RAID_INTENT_SLOT_BLOCKS)
struct raid_mark_format {
	uint8_t magic[RAID_MAGIC_BYTES];
	le32 crc; /* of the block, this field zero */
	le32 version;
	uint8_t volume_uuid[16];
	struct raid_lineage_format lineage;
	uint8_t reserved[3536];
};
static_assert(sizeof(struct raid_mark_format) == 4096, "mark");
static_assert(1 + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK + RAID_INTENT_MAX_PAYLOAD < RAID_INTENT_SLOT_BLOCKS, "no intent reaches a mark");

/* A hot spare, a disk that waits for its place: one block in the place of label A, and zeros up to the intents. */
struct raid_spare_format {
	uint8_t magic[RAID_MAGIC_BYTES];
	le32 crc; /* of the block, this field zero */
	le32 version;
	uint8_t disk_uuid[16];
	uint8_t volume_uuid[16]; /* whose disks it may replace; zeros: any volume's */
	le64 size_blocks;
	uint8_t reserved[4040];
};
static_assert(sizeof(struct raid_spare_format) == 4096, "spare");
/* clang-format on */

#endif
