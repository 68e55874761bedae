/* SPDX-License-Identifier: Apache-2.0 */
/* The named attributes of a vdisk, as its attributes inode keeps them (§seed Fig. 8, attributes inode 840).
 * Authoritative: the VTOC and what is in memory are derived from them.
 *
 * FORMAT. A head (magic, version, length, CRC32C, generation) and then attributes, each {type, flags, length, bytes},
 * in any order. A type that is not known is kept as it is and written again with every change, unless its flag says
 * that whoever does not know it must keep off (-ENOTSUP).
 *
 *   0       4         6          8        12    16                            24
 *   +-------+---------+----------+--------+-----+-----------------------------+------------------------------+----
 *   | magic | version | reserved | length | crc | state generation            | type:16 flags:16 length:32   | ...
 *   +-------+---------+----------+--------+-----+-----------------------------+------------------------------+---- */
#ifndef FS_VDISKATTR_H
#define FS_VDISKATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"

/* Backing store handle (§seed 846), and its name for people. */
struct vdisk_backing {
	uint32_t snapshot; /* 0: none */
	uint32_t inode;
	uint64_t generation;
	uint32_t n_blocks;
	char snapshot_name[FS_NAME_MAX + 1U]; /* when the vdisk was made; snapshots can be renamed */
	char path[FS_PATH_MAX]; /* inside the snapshot: "/test" */
};

/* How far a clone has come (fs/clone/clone.h), as it was when a CP or the log last had it. FBNs of the vdisk. */
struct vdisk_clone {
	enum fs_clone_state state;
	int error; /* why it stands still: negative errno; 0: it does not */
	uint32_t cursor; /* every FBN below has been looked at */
	uint32_t n_own_below; /* own data blocks met or made below the cursor */
	uint32_t n_zero_above; /* zeroed by the host at and above it, as far as known */
	uint32_t verify_cursor; /* every FBN below has been compared */
	uint64_t n_verified; /* blocks that were */
	uint32_t flags; /* FS_CLONE_VERIFY, FS_CLONE_DELETE_SNAPSHOT */
	unsigned priority; /* 1..FS_CLONE_PRIORITY_MAX */
	uint64_t rate_bytes_s; /* 0: no limit */
	uint64_t n_copied; /* blocks */
	uint32_t n_total; /* DONE: what the backed length was */
	int64_t started_ns;
};

/* Decoded. Plain values but for `maps` and `unknown`, which it owns. Pure functions, any thread. */
struct vdisk_attr {
	struct uuid uuid;
	char serial[VDISK_SERIAL_LEN + 1U];
	bool online, write_cache, reserved;
	uint64_t state_generation; /* one more with every change: the higher of two is the newer */
	int64_t created_ns;
	char comment[VDISK_COMMENT_MAX + 1U];
	uint32_t parent; /* inode of the directory that names it */
	char path[FS_PATH_MAX]; /* its path when it was made: a hint, directories above it can be renamed */
	char *maps; /* NUL-terminated, malloc'ed; NULL: none */
	uint8_t *unknown; /* attributes of later versions as they were found, head and bytes each; malloc'ed, NULL:
	                   * none */
	size_t unknown_len;
	struct vdisk_backing backing;
	struct vdisk_clone clone;
};

/* The serial number that goes with a UUID. */
void vdisk_serial_of(const struct uuid *uuid, char ret_serial[VDISK_SERIAL_LEN + 1U]);
/* A new vdisk's: identity and serial number from `uuid`, online, write cache on, no backing, no clone. Overwrites what
 * is there; vdisk_attr_fini is owed. */
void vdisk_attr_init(struct vdisk_attr *attr, const struct uuid *uuid, int64_t now_ns);
/* Give back what it owns. */
void vdisk_attr_fini(struct vdisk_attr *attr);
/* Replace the maps by a copy of `len` bytes; NULL or "" for none. -ENOMEM, -E2BIG: the old ones stay. */
MUST_CHECK int vdisk_attr_set_maps(struct vdisk_attr *attr, const char *maps, size_t len);

/* How many bytes vdisk_attr_encode would write. */
size_t vdisk_attr_size(const struct vdisk_attr *attr);
/* Encode into at most VDISKATTR_BYTES_MAX bytes; returns the length. */
size_t vdisk_attr_encode(const struct vdisk_attr *attr, uint8_t *ret_bytes);
/* Decode `len` bytes, whoever wrote them. -EUCLEAN: damaged; -ENOTSUP: an attribute is not known here and says that it
 * must be, or more than VDISKATTR_UNKNOWN_MAX bytes are not known; -ENOMEM. *ret_attr is set on success only; the
 * caller then owes vdisk_attr_fini. */
MUST_CHECK int vdisk_attr_decode(const uint8_t *bytes, size_t len, struct vdisk_attr *ret_attr);

#endif
