/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the file system's door: files and their attributes, who asks, limits. What is done with them,
 * fs/message.h says. */
#ifndef FS_TYPES_H
#define FS_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#define FS_BLOCK_SIZE 4096U
#define FS_IO_MAX (1U << 20) /* most bytes of one read or write */
#define FS_IO_PAGES_MAX 257U /* an unaligned FS_IO_MAX */
#define FS_FILE_SIZE_MAX (0xFFFFFFFEULL * FS_BLOCK_SIZE) /* of any file: beyond it -EFBIG */
#define FS_NAME_MAX 255U
#define FS_PATH_MAX 4096U /* symlink targets, administrative paths */
#define FS_LINK_MAX 65000U
#define FS_EJUKEBOX 528
#define FS_ENOTSYNC 522

enum fs_type {
	FS_TYPE_NONE,
	FS_TYPE_REG,
	FS_TYPE_DIR,
	FS_TYPE_SYMLINK,
	FS_TYPE_BLK,
	FS_TYPE_CHR,
	FS_TYPE_FIFO,
	FS_TYPE_SOCK,
	FS_TYPE_VDISK,
	FS_TYPE_STREAM_DIR,
	FS_TYPE_STREAM,
	FS_TYPE_META
};

/* Which file of a volume. snapshot 0 is the active file system. */
struct fs_file_id {
	uint32_t snapshot;
	uint32_t inode;
	uint64_t generation;
};
#define FS_INO_ROOT 64U /* the root directory of every volume */
#define FS_INO_SNAPSHOTS                                                                                               \
	0xFFFFFFF0U /* the pseudo directories "DIR/.snapshot" (snapshot 0; generation: whose, 0 the
                                      * root's) */

struct fs_attr {
	enum fs_type type;
	uint32_t mode; /* permission bits, 07777 */
	uint32_t nlink;
	uint32_t uid, gid;
	uint32_t rdev_major, rdev_minor;
	uint64_t size_bytes;
	uint64_t used_bytes;
	uint64_t fsid; /* differs between volumes and between snapshots */
	struct fs_file_id id; /* id.inode is the fileid */
	int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
};
struct fs_extent {
	uint64_t offset_bytes, len_bytes;
	bool is_hole; /* reads as zeros and has no block */
};
struct fs_wcc {
	bool valid;
	uint64_t size_bytes;
	int64_t mtime_ns, ctime_ns;
};

/* Who asks. privileged: no permission check (administration, SCSI). NFS root without squash is uid 0, checked as POSIX
 * checks root. */
struct fs_cred {
	bool privileged;
	uint32_t uid, gid;
	uint32_t n_gids;
	uint32_t gids[16];
};

enum fs_set_time { FS_TIME_KEEP, FS_TIME_SERVER, FS_TIME_CLIENT };
struct fs_setattr {
	bool set_mode, set_uid, set_gid, set_size;
	enum fs_set_time set_atime, set_mtime;
	uint32_t mode, uid, gid;
	uint64_t size_bytes;
	int64_t atime_ns, mtime_ns;
};

enum fs_create_mode { FS_CREATE_UNCHECKED, FS_CREATE_GUARDED, FS_CREATE_EXCLUSIVE };

#define FS_ACCESS_READ 0x01U
#define FS_ACCESS_LOOKUP 0x02U
#define FS_ACCESS_MODIFY 0x04U
#define FS_ACCESS_EXTEND 0x08U
#define FS_ACCESS_DELETE 0x10U
#define FS_ACCESS_EXECUTE 0x20U

struct fs_dirent {
	uint64_t cookie; /* of the entry itself: pass it to go on after it; 1 ".", 2 ".." */
	struct fs_file_id id;
	enum fs_type type;
	bool has_attr;
	struct fs_attr attr; /* when in.readdir.want_attr */
	uint32_t name_len;
	char name[FS_NAME_MAX + 1U];
};

enum fs_class { FS_CLASS_CLIENT, FS_CLASS_ADMIN, FS_CLASS_BACKDOOR };
enum fs_stable { FS_UNSTABLE, FS_DATA_SYNC, FS_FILE_SYNC };

#endif
