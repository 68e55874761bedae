/* SPDX-License-Identifier: Apache-2.0 */
/* The room names/: directories, and the operations of files.
 *
 * FOR. The operations of NFS: names, attributes, READ and WRITE. SCSI reads and writes LUNs by the same op_read and
 * op_write.
 * KEEPS. Directories are files with a format of their own (dir.h). In memory the room keeps only the walks of
 * ancestry.h.
 * HEADERS FOR OTHERS. This one (names, ids and attributes in a step); dir.h (entries of a directory), path.h (from a
 * path to an id and back), ancestry.h (which directory is above which), namespace_apply.h and file_apply.h (the changes
 * and their log records, for replay too). Private: dir_private.h.
 * FROM ABOVE. fs/dispatch.c calls the steps (fs/core/operations.h). FROM BELOW. Blocks and inodes (fs/file/), admission
 * (fs/cp/admit.h), the log (fs/log/nvlog.h).
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/dispatch.c; next hop: file_ops.c for data, namespace_ops.c for names; then
 * fs/file/file.h. */
#ifndef FS_NAMESPACE_H
#define FS_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/file/inode.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"

struct fs_message;
struct fs_run;
struct snapshot;

#define NS_SNAPDIR_NAME ".snapshot"
static inline bool namespace_is_snapdir(const struct fs_file_id *id)
{
	return id->inode == FS_INO_SNAPSHOTS && id->snapshot == 0;
}
static inline bool namespace_is_snapdir_name(const struct inode *dir, const char *name, size_t name_len)
{
	return dir->snapshot == 0 && name_len == sizeof NS_SNAPDIR_NAME - 1U &&
	       memcmp(name, NS_SNAPDIR_NAME, name_len) == 0;
}
static inline struct fs_file_id namespace_id_of(const struct inode *inode)
{
	return (struct fs_file_id){ inode->snapshot, inode->ino, inode->attr.generation };
}

/* May `name` stand in a directory: -EINVAL empty, -ENAMETOOLONG, -EACCES '/' or NUL; -EEXIST "." and "..". */
MUST_CHECK int namespace_name_check(const char *name, size_t name_len);
/* Load the directory that a client named. -ESTALE, -ENOTDIR, -EAGAIN. Not for the pseudo directory. */
MUST_CHECK int namespace_dir_get(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_dir);
/* Load what an entry of a directory names. It must be there: else -EUCLEAN. */
MUST_CHECK int namespace_child_get(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_inode);
void namespace_out_attr(struct fs_message *msg, const struct inode *inode);
void namespace_out_dir(struct fs_message *msg, const struct inode *dir);
void namespace_out_dir_pre(struct fs_message *msg, const struct inode *dir);
void namespace_out_to_dir(struct fs_message *msg, const struct inode *dir);
/* How many bytes namespace_log takes in the log, for admit_change. */
size_t namespace_log_size(const struct fs_run *run, size_t body_len);
/* Append the record; the step then returns what this returns. */
int namespace_log(struct fs_run *run, enum nvlog_type type, const uint8_t *body, size_t body_len);
/* SETATTR of a loaded active inode, permission included; logged. Fills out.attr. */
MUST_CHECK int namespace_setattr(struct fs_run *run, struct inode *inode, const struct fs_setattr *set);

/* Look one component up: a name, ".", "..", ".snapshot", or a snapshot's name. `cred` must have search permission.
 * `dir_id` may be the pseudo directory. */
MUST_CHECK int namespace_lookup(struct fs_run *run, const struct fs_cred *cred, const struct fs_file_id *dir_id,
                                const char *name, size_t name_len, struct fs_file_id *ret_id);
/* The id of an inode of which only the number is known, as of a parent. */
MUST_CHECK int namespace_id_of_ino(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct fs_file_id *ret_id);
/* The id of the directory above `dir`. */
MUST_CHECK int namespace_parent(struct fs_run *run, struct inode *dir, struct fs_file_id *ret_id);
/* Attributes of whatever a client may name, the pseudo directories too. */
MUST_CHECK int namespace_attr(struct fs_run *run, const struct fs_file_id *id, struct fs_attr *ret_attr);

/* The pseudo directories "DIR/.snapshot" (snapdir.c): every directory of the active file system has one. */
struct fs_file_id snapdir_id(const struct inode *dir);
/* The directory that pseudo directory `id` is in. -ESTALE: it is gone. */
MUST_CHECK int snapdir_dir(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_dir);
MUST_CHECK int snapdir_attr(struct fs_run *run, const struct fs_file_id *id, struct fs_attr *ret_attr);
/* The directory as it was in the snapshot of that name. -ENOENT: no such snapshot, or it did not have the directory. */
MUST_CHECK int snapdir_lookup(struct fs_run *run, const struct fs_file_id *id, const char *name, size_t name_len,
                              struct fs_file_id *ret_id);
/* The next snapshot after cookie `after` (0 starts) that has the directory: the directory's id in it, and the
 * snapshot. -ENOENT: there is none. */
MUST_CHECK int snapdir_next(struct fs_run *run, const struct fs_file_id *id, uint64_t after, struct fs_file_id *ret_id,
                            const struct snapshot **ret_snapshot);

#endif
