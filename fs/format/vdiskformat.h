/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a vdisk on disk: a head, then attributes, each a head and its bytes (fs/vdisk/vdiskattr.h). */
#ifndef FS_VDISKFORMAT_H
#define FS_VDISKFORMAT_H

#include <assert.h>

#include "base/bytes.h"

#define VDISK_SERIAL_LEN 20U
#define VDISK_COMMENT_MAX 255U
#define VDISK_MAPS_MAX 32768U
#define VDISKATTR_BYTES_MAX 49152U /* 12 blocks */
#define VDISKATTR_UNKNOWN_MAX                                                                                          \
	4096U /* of types a program does not know, heads included: so much of the room is
                                     * theirs */

#define VDISKATTR_MAGIC 0x41534456U /* "VDSA" */
#define VDISKATTR_VERSION 1U

struct vdiskattr_head_disk {
	le32 magic;
	le16 version;
	le16 reserved;
	le32 length; /* of everything */
	le32 crc; /* of everything, this field zero */
	le64 state_generation;
};
static_assert(sizeof(struct vdiskattr_head_disk) == 24, "attributes head");

struct vdiskattr_item_disk {
	le16 type;
	le16 flags; /* VDISKATTR_MUST_KNOW */
	le32 length;
};
static_assert(sizeof(struct vdiskattr_item_disk) == 8, "attribute head");
#define VDISKATTR_MUST_KNOW 1U

/* Types never change their number. */
enum {
	VDISKATTR_UUID = 1,
	VDISKATTR_SERIAL = 2,
	VDISKATTR_STATE = 3,
	VDISKATTR_COMMENT = 4,
	VDISKATTR_MAPS = 5,
	VDISKATTR_BACKING = 6,
	VDISKATTR_BACKING_SNAPSHOT = 7,
	VDISKATTR_BACKING_PATH = 8,
	VDISKATTR_CLONE = 9,
	VDISKATTR_PARENT = 10,
	VDISKATTR_PATH = 11,
	VDISKATTR_CLONE_PROGRESS = 12, /* beside VDISKATTR_CLONE */
};

struct vdiskattr_state_disk {
	uint8_t online, write_cache, reserved_space, reserved[5];
	le64 created_ns;
};
static_assert(sizeof(struct vdiskattr_state_disk) == 16, "state attribute");

struct vdiskattr_backing_disk {
	le32 snapshot;
	le32 inode;
	le64 generation;
	le32 n_blocks;
	le32 reserved;
};
static_assert(sizeof(struct vdiskattr_backing_disk) == 24, "backing store handle");

struct vdiskattr_clone_disk {
	le32 state;
	le32 error; /* positive errno */
	le32 cursor;
	le32 flags; /* bits 0..7: FS_CLONE_*; bits 8..15: priority, 0: normal */
	le64 rate_bytes_s;
	le64 n_copied;
	le64 started_ns;
	le32 n_total;
	le32 n_own_below;
};
static_assert(sizeof(struct vdiskattr_clone_disk) == 48, "clone attribute");
#define VDISKATTR_CLONE_FLAGS 0xFFU
#define VDISKATTR_CLONE_PRIORITY_SHIFT 8U

/* Beside the clone attribute, which has no room: who does not know it keeps it. */
struct vdiskattr_clone_progress_disk {
	le32 verify_cursor;
	le32 n_zero_above;
	le64 n_verified;
	uint8_t reserved[16];
};
static_assert(sizeof(struct vdiskattr_clone_progress_disk) == 32, "clone progress attribute");

#endif
