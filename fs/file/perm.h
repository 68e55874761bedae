/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX permissions: what a credential may do to a file with these attributes.
 *
 * Pure functions, any thread. A credential that is NULL or privileged (the server's own work) may do everything; uid 0
 * may do what POSIX grants root. -EACCES: the mode bits refuse; -EPERM: only the owner, or root, may. Whether the
 * volume or the export is read-only is asked elsewhere. */
#ifndef FS_PERM_H
#define FS_PERM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct fs_cred;
struct fs_setattr;
struct inode_attr;

enum { PERM_EXEC = 1, PERM_WRITE = 2, PERM_READ = 4 };

/* NULL, privileged, or uid 0. */
bool perm_is_root(const struct fs_cred *cred);
bool perm_is_owner(const struct fs_cred *cred, const struct inode_attr *attr); /* root counts as owner */
/* Is `gid` its group, or one of its others? Root is in every group. */
bool perm_in_group(const struct fs_cred *cred, uint32_t gid);
/* All of `want` (PERM_*) by the mode bits: 0 or -EACCES. Root may execute a regular file only when somebody may. */
MUST_CHECK int perm_check(const struct fs_cred *cred, const struct inode_attr *attr, unsigned want);
/* For READ, WRITE and truncation over NFS, which knows no open: the owner of a file may, whatever the mode says now;
 * reading is also granted to whoever may execute (a client that runs a program must read it). */
MUST_CHECK int perm_check_io(const struct fs_cred *cred, const struct inode_attr *attr, unsigned want);
/* May an entry of `dir` that names `victim` be removed or replaced: -EACCES, -EPERM (sticky). */
MUST_CHECK int perm_check_delete(const struct fs_cred *cred, const struct inode_attr *dir,
                                 const struct inode_attr *victim);
/* May `set` be done to `attr`: -EPERM, -EACCES. Types and sizes are not its business. */
MUST_CHECK int perm_check_setattr(const struct fs_cred *cred, const struct inode_attr *attr,
                                  const struct fs_setattr *set);
/* The mode after `set` (mode, chown, truncation), with setuid and setgid cleared where POSIX wants it. */
uint16_t perm_setattr_mode(const struct fs_cred *cred, const struct inode_attr *attr, const struct fs_setattr *set);
/* The mode after somebody wrote to the file. */
uint16_t perm_kill_suid(const struct fs_cred *cred, const struct inode_attr *attr);
/* Which of the bits `want` (FS_ACCESS_*) are granted; of a read_only object none that modifies. For ACCESS, which
 * advises: the operation itself asks again. */
uint32_t perm_access(const struct fs_cred *cred, const struct inode_attr *attr, uint32_t want, bool read_only);
/* Owner, group and mode of a new object in `dir`, into *io_attr, whose type is set. Owner and group are the
 * credential's; a directory with setgid gives its group instead, and to directories the bit too; what `set` names comes
 * before both where the credential may choose it. */
void perm_new_object(const struct fs_cred *cred, const struct inode_attr *dir, const struct fs_setattr *set,
                     struct inode_attr *io_attr);

#endif
