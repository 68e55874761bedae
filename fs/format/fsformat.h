/* SPDX-License-Identifier: Apache-2.0 */
/* The room format/: structures on disk. This door has the inode, fsinfo, and the records of snapshots, regions and
 * zombies.
 *
 * FOR. Every structure of the file system that stands on a disk, and nothing else: no code, no state.
 * KEEPS. Byte-array integers only (base/bytes.h), so a structure has alignment 1 and a forgotten conversion does not
 * compile.
 * HEADERS FOR OTHERS. This one; dirformat.h (directories), streamformat.h, vdiskformat.h and vtocformat.h (LUNs),
 * nvlogformat.h (groups of the log), recordformat.h (bodies of its records), callformat.h (kept calls).
 * docs/ON-DISK-FORMAT.md draws them all.
 * FROM ABOVE. The room that owns a structure decodes and validates it once, when it is read: -EUCLEAN if it cannot be
 * true. All other code works with the native structure. FROM BELOW. base/bytes.h, and raid/raid.h for the size of an
 * fsinfo body.
 * THREADS. None: types and constants.
 * WRITE PATH. fs/log/nvlog.h and fs/cp/cp.h write these structures. */
#ifndef FS_FSFORMAT_H
#define FS_FSFORMAT_H

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"
#include "raid/raid.h"

#define FS_FORMAT_VERSION 1U
#define PTRS_PER_INODE 16U
#define PTRS_PER_BLOCK 1024U
#define TREE_HEIGHT_MAX 4U /* 64 KiB, 64 MiB, 64 GiB, 64 TiB */
#define INODES_PER_BLOCK 32U
#define INLINE_MAX 64U
#define FBN_MAX 0xFFFFFFFEU /* exclusive end of any file: 16 TiB */

/* Fixed inodes of every volume. */
enum {
	INO_INODE_FILE = 1, /* its inode stands in fsinfo */
	/* its inode stands in fsinfo: snapshot records. The record here repeats it: a snapshot keeps it */
	INO_SNAPSHOT_TABLE = 2,
	INO_INODE_MAP = 3, /* one bit an inode: 1 = used */
	INO_ACTIVE_MAP = 4, /* one bit a VBN */
	INO_SUMMARY_MAP = 5, /* one bit a VBN: held by some snapshot */
	INO_SPACE_MAP = 6, /* one record a region of 32768 VBNs */
	INO_ZOMBIES = 7, /* trees being freed: one record each */
	INO_VTOC = 8, /* vdisk table of contents */
	INO_DOCS = 9, /* directory of documents */
	INO_FIRST_DYNAMIC = 65,
	INO_ROOT = 64,
};

enum {
	INODE_INLINE = 1, /* data area holds the first 64 bytes of the content, not pointers */
	INODE_STREAM = 2, /* §seed flag_stream: xinode names a stream_dir inode */
	INODE_BACKED = 4, /* vdisk with a backing store: its attributes inode says which */
};

/*   0        1       2      4       6          8      16       20    24    28       32           40    48    56   64      128
 *   +--------+-------+------+-------+----------+------+--------+-----+-----+--------+------------+-----+-----+-----+--------+
 *   | type:4 | flags | mode | nlink | reserved | size | blocks | uid | gid | xinode | generation |atime|mtime|ctime|  data  |
 *   | hgt :4 |       |      |       |          |      |        |     |     |        |            |     |     |     |        |
 *   +--------+-------+------+-------+----------+------+--------+-----+-----+--------+------------+-----+-----+-----+--------+
 * Times: signed nanoseconds since 1970, 64 bits (1677..2262). */
struct inode_disk {
	uint8_t type_height;
	uint8_t flags;
	le16 mode;
	le16 nlink;
	le16 reserved;
	le64 size_bytes;
	le32 n_blocks;
	le32 uid;
	le32 gid;
	le32 xinode;
	le64 generation;
	le64 atime_ns;
	le64 mtime_ns;
	le64 ctime_ns;
	union {
		le32 ptr[PTRS_PER_INODE];
		uint8_t inline_bytes[INLINE_MAX];
		struct {
			le32 major, minor;
		} rdev;
	} data;
};
static_assert(sizeof(struct inode_disk) == 128, "inode is 128 bytes");
static_assert(offsetof(struct inode_disk, data) == 64, "64 of metadata, 64 of data");

/* What INODE_BACKED adds is in the attributes inode (fs/vdisk/vdiskattr.h). */

/* The file system's part of an fsinfo slot (the head with magic, CRC and generation is raid's). */
struct fsinfo_disk {
	le32 version;
	le32 flags; /* FSINFO_CLEAN */
	le64 incompat; /* unknown bits: no mount */
	le64 ro_compat; /* unknown bits: mounted read-only or not at all */
	le64 compat; /* unknown bits: harmless; kept */
	le64 cp_generation;
	le64 nvlog_epoch; /* mount epoch: records of another are not ours */
	le64 nvlog_sequence; /* last record covered by this consistency point */
	le64 next_generation; /* of inodes; never repeats */
	le32 next_snapshot_id;
	le32 n_snapshots;
	le64 created_ns;
	le64 crash_count; /* rises when a mount finds an unclean volume: for people; the write verifier is the epoch */
	uint8_t handle_key[16];
	char name[256];
	le64 used_blocks; /* active map population */
	le64 inodes_used;
	le32 delete_snapshot_id; /* the snapshot being reclaimed, 0: none */
	le32 delete_region; /* its cursor: regions below are done */
	le64 name_blocks; /* of directories and streams, if FSINFO_NAMES_COUNTED */
	le64 shared_names; /* of them and of the metafiles: held by the newest snapshot, never less */
	le32 space_flags;
	uint8_t reserved[108];
	struct inode_disk inode_file;
	struct inode_disk snapshot_table;
};
static_assert(sizeof(struct fsinfo_disk) <= RAID_FSINFO_BODY, "fsinfo fits its slot");
#define FSINFO_CLEAN 1U
#define FSINFO_COMPAT_CALLS 1U /* consistency points save calls (fs/format/callformat.h) */
#define FSINFO_NAMES_COUNTED 1U /* space_flags; a volume made by an early version does not have it */

/* A snapshot: a kept copy of the inode file's inode. 16 a block, by slot. */
#define SNAPSHOT_NAME_MAX 103U
#define SNAPSHOTS_MAX 255U
struct snapshot_disk {
	le32 id; /* 0: slot is free; ids rise for ever */
	le32 flags; /* SNAPSHOT_DELETING, SNAPSHOT_SCHEDULED, SNAPSHOT_DELETE_WHEN_FREE, SNAPSHOT_SUPERSEDED */
	le64 created_ns;
	le64 cp_generation;
	char name[SNAPSHOT_NAME_MAX + 1U];
	struct inode_disk inode_file;
};
static_assert(sizeof(struct snapshot_disk) == 256, "snapshot record");
#define SNAPSHOT_DELETING 1U
#define SNAPSHOT_SCHEDULED 2U
#define SNAPSHOT_DELETE_WHEN_FREE 4U /* with the last vdisk, and snapshot with such a vdisk, that needs it */
#define SNAPSHOT_SUPERSEDED 8U /* with DELETING: newer than the snapshot the volume was put back to */

/* Space map: one record a region. */
#define REGION_BLOCKS 32768U /* VBNs one map block covers */
struct region_disk {
	le32 n_active; /* population of the active map's block */
	le32 n_summary; /* VBNs in the summary map and not in the active map */
	le32 folded_id; /* snapshots up to this id are in the summary map (0: none) */
	le32 reserved;
};
static_assert(sizeof(struct region_disk) == 16, "region record");

/* Zombie: a tree on its way to the free space. */
struct zombie_disk {
	le32 used; /* 0: slot is free */
	le32 inode; /* whose blocks they are: the identity in their checksum entries */
	le32 height;
	le32 cursor_fbn; /* everything below is freed */
	le64 n_blocks;
	uint8_t reserved[40];
	le32 ptr[PTRS_PER_INODE];
};
static_assert(sizeof(struct zombie_disk) == 128, "zombie record");

static inline uint32_t region_of(uint32_t vbn)
{
	return vbn / REGION_BLOCKS;
}

#endif
