/* SPDX-License-Identifier: Apache-2.0 */
/* Types and bodies of the NVLOG's records: each carries the operation with its results. On disk: never change one, add
 * a type. */
#ifndef FS_RECORDFORMAT_H
#define FS_RECORDFORMAT_H

#include <assert.h>

#include "base/bytes.h"

/* Types never change their number: they are on disk. Each has one apply function in nvlog_replay.c's table. */
enum nvlog_type {
	NVLOG_CREATE = 1, /* create, mkdir, symlink, mknod, vdisk container, stream: namespace_ops.c */
	NVLOG_REMOVE = 2, /* remove, rmdir */
	NVLOG_RENAME = 3,
	NVLOG_LINK = 4,
	NVLOG_SETATTR = 5, /* also truncation */
	NVLOG_WRITE = 6, /* blocks and resulting attributes: file_ops.c */
	NVLOG_ZERO = 7,
	NVLOG_VDISK_CREATE = 8,
	NVLOG_VDISK_SET = 9,
	NVLOG_VDISK_DESTROY = 10,
	NVLOG_DOC_PUT = 11,
	NVLOG_DOC_DELETE = 12,
	NVLOG_CLONE_SET = 13,
	NVLOG_TYPE_COUNT
};
#define NVLOG_CALL                                                                                                     \
	0x80U /* beside any of them: the body ends with a call. Without it a version that knows none does not
                          * mount */

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

/* NVLOG_WRITE; the blocks from first_fbn on are its pages. */
struct oplog_write {
	le32 ino;
	le32 first_fbn;
	le64 generation;
	le64 size_bytes;
	le64 time_ns;
	le16 mode;
	uint8_t reserved[6];
};
static_assert(sizeof(struct oplog_write) == 40, "write record");

/* NVLOG_ZERO */
struct oplog_zero {
	le32 ino;
	le32 reserved;
	le64 generation;
	le64 offset_bytes;
	le64 end_bytes;
	le64 time_ns;
};
static_assert(sizeof(struct oplog_zero) == 40, "zero record");

/* NVLOG_VDISK_CREATE; then the name and the encoded attributes (fs/format/vdiskformat.h). Inodes: container,
 * stream_dir, attributes. `replaced`: the container that has the name before, and goes in the same change; 0: the name
 * is new. */
#define OPLOG_VDISK_INODES 3U
struct oplog_vdisk_create {
	le32 dir;
	le32 name_len;
	le32 ino[OPLOG_VDISK_INODES];
	le32 replaced;
	le64 generation[OPLOG_VDISK_INODES];
	le64 size_bytes;
	le64 now_ns;
};
static_assert(sizeof(struct oplog_vdisk_create) == 64, "vdisk create record");

/* NVLOG_VDISK_DESTROY; then the name. */
struct oplog_vdisk_destroy {
	le32 dir;
	le32 name_len;
	le32 ino;
	le32 reserved;
	le64 generation;
	le64 now_ns;
};
static_assert(sizeof(struct oplog_vdisk_destroy) == 32, "vdisk destroy record");

/* NVLOG_VDISK_SET; then comment and maps. */
struct oplog_vdisk_set {
	le32 ino;
	le32 set;
	le64 generation;
	le64 size_bytes;
	le64 now_ns;
	le32 comment_len;
	le32 maps_len;
	uint8_t online, write_cache, reserved[6];
};
static_assert(sizeof(struct oplog_vdisk_set) == 48, "vdisk change record");

/* NVLOG_CLONE_SET */
struct oplog_clone_set {
	le32 ino;
	le32 state;
	le64 generation;
	le64 rate_bytes_s;
	le64 started_ns;
	le32 flags; /* as in the clone attribute, the priority too */
	le32 restart;
};
static_assert(sizeof(struct oplog_clone_set) == 40, "clone record");

/* NVLOG_DOC_PUT; then the name. The pages are the content. */
struct oplog_doc_put {
	le32 ino; /* to be made if there is no document of that name */
	le32 name_len;
	le64 generation;
	le64 size_bytes;
	le64 time_ns;
};
static_assert(sizeof(struct oplog_doc_put) == 32, "document put record");

/* NVLOG_DOC_DELETE; then the name. */
struct oplog_doc_delete {
	le32 name_len;
	le32 reserved;
	le64 time_ns;
};
static_assert(sizeof(struct oplog_doc_delete) == 16, "document delete record");

#endif
