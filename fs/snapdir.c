/* SPDX-License-Identifier: Apache-2.0 */
/* The pseudo directory "/.snapshot": its entries are the snapshots' roots. It is in no block; it borrows owner and times from the root. */
#include "fs/namespace.h"

int snapdir_attr(struct fs_run *run, struct fs_attr *ret_attr)
{
	struct inode *root;
	uint32_t n = 0;
	int err = inode_get(run, 0, FS_INO_ROOT, &root);
	if (err != 0)
		return err;
	for (const struct snapshot *s = snapshot_next(run->vol, NULL); s != NULL; s = snapshot_next(run->vol, s))
		n += !s->deleting;
	inode_to_attr(root, ret_attr);
	ret_attr->type = FS_TYPE_DIR;
	ret_attr->mode = 0555;
	ret_attr->nlink = 2U + n;
	ret_attr->size_bytes = FS_BLOCK_SIZE;
	ret_attr->used_bytes = 0;
	ret_attr->id = (struct fs_file_id){ 0, FS_INO_SNAPSHOTS, 0 };
	return 0;
}

static int root_of(struct fs_run *run, const struct snapshot *snapshot, struct fs_file_id *ret_id)
{
	return ns_id_of_ino(run, snapshot->info.id, FS_INO_ROOT, ret_id);
}

int snapdir_lookup(struct fs_run *run, const char *name, size_t name_len, struct fs_file_id *ret_id)
{
	const struct snapshot *snapshot = snapshot_find(run->vol, name, name_len);
	return snapshot == NULL ? -ENOENT : root_of(run, snapshot, ret_id);
}

/* Ids rise with age, so the id is the cookie, and a deleted snapshot does not disturb a listing. */
int snapdir_next(struct fs_run *run, uint64_t after, struct fs_file_id *ret_id, const struct snapshot **ret_snapshot)
{
	for (const struct snapshot *s = snapshot_next(run->vol, NULL); s != NULL; s = snapshot_next(run->vol, s)) {
		if (s->deleting || s->info.id <= after)
			continue;
		*ret_snapshot = s;
		return root_of(run, s, ret_id);
	}
	return -ENOENT;
}
