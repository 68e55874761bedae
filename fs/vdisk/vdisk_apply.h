/* SPDX-License-Identifier: Apache-2.0 */
/* What vdisk operations do to memory, with explicit parameters, and their log records. Replay runs the same code.
 *
 * USE. Fill in the parameters. _prepare (restartable, changes nothing). Admission for `n_pages` and _log_size. _log.
 * _commit, which cannot fail. Then _end, in any case, once _prepare has succeeded. */
#ifndef FS_VDISK_APPLY_H
#define FS_VDISK_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/names/dir.h"
#include "fs/vdisk/vdisk.h"

struct fs_run;
struct fs_volume;
struct inode;
struct vdisk_attr;
struct vtoc_entry;

enum { VDISK_INODES = 3 }; /* container, stream_dir, attributes */

struct vdisk_create {
	uint32_t dir;
	const char *name;
	size_t name_len;
	uint32_t replaced; /* container of the vdisk that has the name now, and goes with everything it has; 0: the name
	                    * is new */
	uint32_t ino[VDISK_INODES];
	uint64_t generation[VDISK_INODES];
	uint64_t size_bytes;
	int64_t now_ns;
	const struct vdisk_attr *attr;
	/* prepared */
	struct inode *dir_inode;
	struct inode *old[VDISK_INODES]; /* with `replaced` */
	struct vtoc_entry *old_entry;
	struct dir_plan plan;
	unsigned n_pages;
};
MUST_CHECK int vdisk_create_prepare(struct fs_run *run, struct vdisk_create *create);
size_t vdisk_create_log_size(const struct vdisk_create *create);
uint64_t vdisk_create_log(struct fs_volume *vol, const struct vdisk_create *create);
struct inode *vdisk_create_commit(struct fs_volume *vol, const struct vdisk_create *create);

struct vdisk_destroy {
	uint32_t dir;
	const char *name;
	size_t name_len;
	struct fs_file_id id;
	int64_t now_ns;
	/* prepared */
	struct inode *dir_inode;
	struct dir_plan plan;
	struct vdisk vdisk;
	unsigned n_pages;
};
MUST_CHECK int vdisk_destroy_prepare(struct fs_run *run, struct vdisk_destroy *destroy);
size_t vdisk_destroy_log_size(const struct vdisk_destroy *destroy);
uint64_t vdisk_destroy_log(struct fs_volume *vol, const struct vdisk_destroy *destroy);
void vdisk_destroy_commit(struct fs_volume *vol, struct vdisk_destroy *destroy);
void vdisk_destroy_end(struct vdisk_destroy *destroy);

#define VDISK_CHANGE_SIZE 0x80000000U /* beside FS_VDISK_SET_* */
struct vdisk_change {
	struct fs_file_id id;
	uint32_t set;
	bool online, write_cache;
	const char *comment;
	size_t comment_len;
	const char *maps;
	size_t maps_len;
	uint64_t size_bytes;
	int64_t now_ns;
	/* prepared */
	struct vdisk vdisk; /* attr: as it will be */
	unsigned n_pages;
};
MUST_CHECK int vdisk_change_prepare(struct fs_run *run, struct vdisk_change *change);
size_t vdisk_change_log_size(const struct vdisk_change *change);
uint64_t vdisk_change_log(struct fs_volume *vol, const struct vdisk_change *change);
void vdisk_change_commit(struct vdisk_change *change);
void vdisk_change_end(struct vdisk_change *change);

/* How the log replays them. */
nvlog_apply_fn vdisk_apply_create, vdisk_apply_set, vdisk_apply_destroy;

#endif
