/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX permissions. */
#include "base/list.h"
#include "fs/file/inode.h"
#include "fs/file/perm.h"
#include "fs/fs_types.h"

#define MODE_SUID 04000U
#define MODE_SGID 02000U
#define MODE_STICKY 01000U
#define MODE_GROUP_EXEC 00010U

bool perm_is_root(const struct fs_cred *cred)
{
	return cred == NULL || cred->privileged || cred->uid == 0;
}

bool perm_is_owner(const struct fs_cred *cred, const struct inode_attr *attr)
{
	return perm_is_root(cred) || cred->uid == attr->uid;
}

bool perm_in_group(const struct fs_cred *cred, uint32_t gid)
{
	if (perm_is_root(cred) || cred->gid == gid)
		return true;
	for (uint32_t i = 0; i < MIN_OF(cred->n_gids, (uint32_t)ARRAY_SIZE(cred->gids)); i++) {
		if (cred->gids[i] == gid)
			return true;
	}
	return false;
}

/* The rwx bits that apply to this credential. */
static unsigned granted(const struct fs_cred *cred, const struct inode_attr *attr)
{
	if (cred == NULL || cred->privileged)
		return 7;
	if (cred->uid == 0) {
		bool exec = attr->type == FS_TYPE_DIR || (attr->mode & 0111U) != 0;
		return exec ? 7 : PERM_READ | PERM_WRITE;
	}
	if (cred->uid == attr->uid)
		return attr->mode >> 6 & 7U;
	return perm_in_group(cred, attr->gid) ? attr->mode >> 3 & 7U : attr->mode & 7U;
}

int perm_check(const struct fs_cred *cred, const struct inode_attr *attr, unsigned want)
{
	return (want & ~granted(cred, attr)) != 0 ? -EACCES : 0;
}

int perm_check_io(const struct fs_cred *cred, const struct inode_attr *attr, unsigned want)
{
	unsigned have = granted(cred, attr);
	if (attr->type != FS_TYPE_DIR && perm_is_owner(cred, attr))
		have |= PERM_READ | PERM_WRITE;
	if (attr->type != FS_TYPE_DIR && (have & PERM_EXEC) != 0)
		have |= PERM_READ;
	return (want & ~have) != 0 ? -EACCES : 0;
}

int perm_check_delete(const struct fs_cred *cred, const struct inode_attr *dir, const struct inode_attr *victim)
{
	int err = perm_check(cred, dir, PERM_WRITE | PERM_EXEC);
	if (err != 0 || (dir->mode & MODE_STICKY) == 0 || perm_is_root(cred))
		return err;
	return cred->uid == dir->uid || cred->uid == victim->uid ? 0 : -EPERM;
}

int perm_check_setattr(const struct fs_cred *cred, const struct inode_attr *attr, const struct fs_setattr *set)
{
	bool owner = perm_is_owner(cred, attr);
	if (perm_is_root(cred))
		return 0;
	if (set->set_uid && (!owner || set->uid != attr->uid))
		return -EPERM;
	if (set->set_gid && (!owner || (set->gid != attr->gid && !perm_in_group(cred, set->gid))))
		return -EPERM;
	if (set->set_mode && !owner)
		return -EPERM;
	if ((set->set_atime == FS_TIME_CLIENT || set->set_mtime == FS_TIME_CLIENT) && !owner)
		return -EPERM;
	if ((set->set_atime == FS_TIME_SERVER || set->set_mtime == FS_TIME_SERVER) && !owner &&
	    perm_check(cred, attr, PERM_WRITE) != 0)
		return -EACCES;
	return set->set_size ? perm_check_io(cred, attr, PERM_WRITE) : 0;
}

static uint16_t without_suid(const struct inode_attr *attr)
{
	unsigned mode = attr->mode & ~MODE_SUID;
	if ((mode & MODE_GROUP_EXEC) != 0) /* without it the bit means mandatory locking, not a group */
		mode &= ~MODE_SGID;
	return attr->type == FS_TYPE_DIR ? attr->mode : (uint16_t)mode;
}

uint16_t perm_kill_suid(const struct fs_cred *cred, const struct inode_attr *attr)
{
	return perm_is_root(cred) ? attr->mode : without_suid(attr);
}

uint16_t perm_setattr_mode(const struct fs_cred *cred, const struct inode_attr *attr, const struct fs_setattr *set)
{
	uint32_t gid = set->set_gid ? set->gid : attr->gid;
	uint16_t mode = set->set_uid || set->set_gid ? without_suid(attr)
	                : set->set_size              ? perm_kill_suid(cred, attr)
	                                             : attr->mode;
	if (!set->set_mode)
		return mode;
	mode = (uint16_t)(set->mode & 07777U);
	if (!perm_in_group(cred, gid))
		mode = (uint16_t)(mode & ~MODE_SGID);
	return mode;
}

uint32_t perm_access(const struct fs_cred *cred, const struct inode_attr *attr, uint32_t want, bool read_only)
{
	unsigned have = granted(cred, attr);
	bool dir = attr->type == FS_TYPE_DIR;
	uint32_t access = 0;
	if ((have & PERM_READ) != 0)
		access |= FS_ACCESS_READ;
	if ((have & PERM_EXEC) != 0)
		access |= dir ? FS_ACCESS_LOOKUP : FS_ACCESS_EXECUTE;
	if ((have & PERM_WRITE) != 0 && !read_only && (!dir || (have & PERM_EXEC) != 0))
		access |= FS_ACCESS_MODIFY | FS_ACCESS_EXTEND | (dir ? FS_ACCESS_DELETE : 0);
	return access & want;
}

void perm_new_object(const struct fs_cred *cred, const struct inode_attr *dir, const struct fs_setattr *set,
                     struct inode_attr *io_attr)
{
	unsigned mode = set->set_mode ? set->mode & 07777U : 0;
	io_attr->uid = cred == NULL ? 0 : cred->uid;
	io_attr->gid = (dir->mode & MODE_SGID) != 0 ? dir->gid : cred == NULL ? 0 : cred->gid;
	if (perm_is_root(cred)) {
		io_attr->uid = set->set_uid ? set->uid : io_attr->uid;
		io_attr->gid = set->set_gid ? set->gid : io_attr->gid;
	} else if (set->set_gid && perm_in_group(cred, set->gid)) {
		io_attr->gid = set->gid;
	}
	if (!perm_in_group(cred, io_attr->gid))
		mode &= ~MODE_SGID;
	if (io_attr->type == FS_TYPE_DIR && (dir->mode & MODE_SGID) != 0)
		mode |= MODE_SGID;
	io_attr->mode = io_attr->type == FS_TYPE_SYMLINK ? 0777 : (uint16_t)mode;
}
