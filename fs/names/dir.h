/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: their entries, and all that keeps them findable. */
#ifndef FS_DIR_H
#define FS_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/fs_types.h"

struct fs_run;
struct inode;
struct page;

/* ---- entries ---- */
/* Look `name` up in `dir`. -ENOENT, -ENOTDIR, -EAGAIN. */
MUST_CHECK int dir_lookup(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                          struct fs_file_id *ret_id, uint8_t *ret_type);
/* Prepare adding `name` (blocks named, slot found): -EEXIST, -EAGAIN, -ENOSPC. The plan is used by dir_add in the same
 * step. */
struct dir_plan {
	uint32_t slot_fbn;
	uint32_t slot;
	uint32_t n_pages;
	uint64_t word[6];
};
MUST_CHECK int dir_plan_add(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                            struct dir_plan *ret_plan);
void dir_add(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len,
             const struct fs_file_id *id, uint8_t type);
MUST_CHECK int dir_plan_remove(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                               struct dir_plan *ret_plan);
void dir_remove(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len);
/* Next entry at or after slot *io_slot; sets it past that entry. -ENOENT: end. Names point into the block, valid as
 * file_need's bytes. */
struct dir_entry {
	uint32_t slot;
	struct fs_file_id id;
	uint8_t type;
	const char *name;
	size_t name_len;
};
MUST_CHECK int dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry);
MUST_CHECK int dir_is_empty(struct fs_run *run, struct inode *dir, bool *ret_empty);

/* ---- the rest ---- */
/* Pages dir_add, dir_remove may edit at most: for callers that reserve before they plan. */
#define DIR_PLAN_PAGES_MAX 24U

/* A directory, or a stream directory, or the directory of documents, with a sane size. -ENOTDIR, -EUCLEAN. */
MUST_CHECK int dir_check_inode(const struct inode *dir);
/* Make a new, empty inode a directory: `page` (taken over, any content) becomes its block 0. */
void dir_init(struct inode *dir, uint32_t parent, struct page *page);
/* Inode of the parent directory (0: none was recorded). -EAGAIN, -EUCLEAN. Afterwards, in the same step, dir_set_parent
 * (1 page). */
MUST_CHECK int dir_parent(struct fs_run *run, struct inode *dir, uint32_t *ret_parent);
void dir_set_parent(struct inode *dir, uint32_t parent);

/* Find `name` and prepare to change its entry: with the plan either dir_remove or dir_set_entry follows in this
 * step. */
MUST_CHECK int dir_plan_change(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                               struct dir_plan *ret_plan, struct dir_entry *ret_entry);
/* The entry's name now means another file. Slot and cookie stay. */
void dir_set_entry(struct inode *dir, const struct dir_plan *plan, const struct fs_file_id *id, uint8_t type);

/* The check of one directory, a block with each call. Start with a zeroed state, and call until 0 is returned with
 * `done`. Every entry is shown to `visit` once (NULL: not wanted), every fault to `fault`. -EAGAIN, -EIO. Damage is
 * reported to `fault`, not returned. */
struct dir_verify {
	void (*visit)(void *arg, const struct dir_entry *entry);
	/* derived: of index or free table, which can be made anew */
	void (*fault)(void *arg, const char *text, bool derived);
	void *arg;
	bool done;
	/* own */
	unsigned phase;
	uint32_t next;
	uint64_t n_entries, n_pairs;
	bool index_bad;
};
MUST_CHECK int dir_verify_step(struct fs_run *run, struct inode *dir, struct dir_verify *state);

/* Make index and free table anew, a slot block with each call. Start with *io_fbn 0. The rebuild is done when 0 is
 * returned with *io_fbn DIR_INDEXED_ALL. Each call is a step of its own, which changes up to DIR_REBUILD_PAGES pages
 * (and reserves them). Until the index is complete, names are found by scanning, whatever happens in between. Small
 * directories have nothing to rebuild. Not logged: a crash before the CP undoes the whole rebuild. */
#define DIR_REBUILD_PAGES 132U
MUST_CHECK int dir_rebuild_index(struct fs_run *run, struct inode *dir, uint32_t *io_fbn);

#endif
