/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the namespace operations' log records: each carries the operation with its results. On disk: never change one, add a type. */
#ifndef FS_OPLOG_H
#define FS_OPLOG_H

#include <assert.h>

#include "base/bytes.h"

/* NVLOG_CREATE; then the name, then a symlink's target. */
struct oplog_create {
	le32 dir, inode;
	le64 generation;
	uint8_t type, name_len;
	le16 mode;
	le32 uid, gid;
	le32 rdev_major, rdev_minor;
	le32 target_len;
	le64 size_bytes;
	le64 atime_ns, mtime_ns, ctime_ns;
	le64 now_ns; /* the directory's times */
};
static_assert(sizeof(struct oplog_create) == 80, "create record");

/* NVLOG_REMOVE; then the name. */
struct oplog_remove {
	le32 dir, inode;
	le64 generation;
	le64 now_ns;
	uint8_t name_len, reserved[7];
};
static_assert(sizeof(struct oplog_remove) == 32, "remove record");

/* NVLOG_RENAME; then the old name and the new one. */
struct oplog_rename {
	le32 dir, to_dir;
	le32 inode, replaced; /* replaced 0: the new name was free */
	le64 generation;
	le64 now_ns;
	uint8_t name_len, to_name_len, reserved[6];
};
static_assert(sizeof(struct oplog_rename) == 40, "rename record");

/* NVLOG_LINK; then the name. */
struct oplog_link {
	le32 dir, inode;
	le64 generation;
	le64 now_ns;
	uint8_t name_len, reserved[7];
};
static_assert(sizeof(struct oplog_link) == 32, "link record");

/* NVLOG_SETATTR: the attributes as they are afterwards. */
#define OPLOG_SETATTR_TRUNCATE 1U
struct oplog_setattr {
	le32 inode;
	le32 flags;
	le64 generation;
	le16 mode;
	uint8_t reserved[6];
	le32 uid, gid;
	le64 size_bytes;
	le64 atime_ns, mtime_ns, ctime_ns;
};
static_assert(sizeof(struct oplog_setattr) == 64, "setattr record");

#define OPLOG_NAMESPACE_MAX (80U + 255U + 4096U)

#endif
