/* SPDX-License-Identifier: Apache-2.0 */
/* What the namespace operations do to memory, with explicit parameters. The operation and the replay of its log record
 * share this code.
 *
 * USE. Fill in the parameters. _prepare (restartable, changes nothing: -EAGAIN, and what the directory says).
 * Admission for `n_pages`. _commit, which cannot fail. _encode for the log. Replay decodes the same parameters from
 * the record. */
#ifndef FS_NAMESPACE_APPLY_H
#define FS_NAMESPACE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/file/inode.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/names/dir.h"

struct fs_run;
struct fs_volume;

struct namespace_name {
	const char *bytes;
	size_t len;
};

struct namespace_create {
	uint32_t dir;
	struct namespace_name name;
	uint32_t ino;
	struct inode_attr attr; /* of the new inode, its generation too */
	const void *target; /* symlink */
	uint32_t target_len;
	int64_t now_ns;
	/* prepared */
	struct inode *dir_inode;
	struct dir_plan plan;
	uint32_t n_pages;
};
MUST_CHECK int namespace_create_prepare(struct fs_run *run, struct namespace_create *c);
struct inode *namespace_create_commit(struct fs_volume *vol, struct namespace_create *c);
size_t namespace_create_encode(const struct namespace_create *c, uint8_t *body);

struct namespace_remove {
	uint32_t dir;
	struct namespace_name name;
	struct fs_file_id id; /* what the name must mean */
	int64_t now_ns;
	struct inode *dir_inode, *inode;
	struct dir_plan plan;
	uint32_t n_pages;
};
MUST_CHECK int namespace_remove_prepare(struct fs_run *run, struct namespace_remove *r);
void namespace_remove_commit(struct namespace_remove *r);
size_t namespace_remove_encode(const struct namespace_remove *r, uint8_t *body);

struct namespace_rename {
	uint32_t dir, to_dir;
	struct namespace_name name, to_name;
	struct fs_file_id id;
	uint32_t replaced; /* inode the new name meant, 0: none */
	int64_t now_ns;
	struct inode *dir_inode, *to_dir_inode, *inode, *replaced_inode;
	struct dir_plan plan, to_plan;
	uint32_t n_pages;
};
MUST_CHECK int namespace_rename_prepare(struct fs_run *run, struct namespace_rename *r);
void namespace_rename_commit(struct namespace_rename *r);
size_t namespace_rename_encode(const struct namespace_rename *r, uint8_t *body);

struct namespace_link {
	uint32_t dir;
	struct namespace_name name;
	struct fs_file_id id;
	int64_t now_ns;
	struct inode *dir_inode, *inode;
	struct dir_plan plan;
	uint32_t n_pages;
};
MUST_CHECK int namespace_link_prepare(struct fs_run *run, struct namespace_link *l);
void namespace_link_commit(struct namespace_link *l);
size_t namespace_link_encode(const struct namespace_link *l, uint8_t *body);

struct namespace_setattr {
	struct fs_file_id id;
	bool truncate;
	struct inode_attr attr; /* mode, uid, gid, size_bytes, times: as they are afterwards */
	struct inode *inode;
	uint32_t n_pages;
};
MUST_CHECK int namespace_setattr_prepare(struct fs_run *run, struct namespace_setattr *s);
void namespace_setattr_commit(struct namespace_setattr *s);
size_t namespace_setattr_encode(const struct namespace_setattr *s, uint8_t *body);

/* How the log replays them (struct nvlog_record has what each one decodes). */
nvlog_apply_fn namespace_apply_create, namespace_apply_remove, namespace_apply_rename, namespace_apply_link,
    namespace_apply_setattr;

#endif
