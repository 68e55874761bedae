/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: their entries, and all that keeps them findable.
 *
 * A change is a plan and an act. dir_plan_* finds where the change goes, brings every block it needs into memory, and
 * may park the run (-EAGAIN); it changes nothing. The act (dir_add, dir_remove, dir_set_entry) follows in the same
 * step, after run_reserve of plan.n_pages, and cannot fail. Between the two nothing else may change the directory.
 * Names are bytes without NUL and '/', 1 to FS_NAME_MAX of them; the caller has checked that.
 * ERRORS. All that take a run: -EAGAIN (parked), -EIO and -EUCLEAN (a block cannot be read, or is damaged), -ENOMEM.
 * THREADS. The volume's loop, within a step. A directory must be loaded, and stays while the step lasts. */
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
/* Look `name` up in `dir`: which file it means, and of what type (FS_TYPE_*). -ENOENT, -ENOTDIR. "." and ".." are no
 * entries. */
MUST_CHECK int dir_lookup(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                          struct fs_file_id *ret_id, uint8_t *ret_type);
/* Prepare adding `name` (blocks named, slot found). -EEXIST; -ENOTDIR; -ENOSPC: the directory is as large as one can
 * be. The plan is used by dir_add in the same step. */
struct dir_plan {
	uint32_t slot_fbn; /* the block that gets, or has, the entry */
	uint32_t slot;
	uint32_t n_pages; /* to reserve: at most DIR_PLAN_PAGES_MAX */
	uint64_t word[6]; /* own */
};
MUST_CHECK int dir_plan_add(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                            struct dir_plan *ret_plan);
/* The entry is there. Size of the directory as needed; times and links are the caller's. */
void dir_add(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len,
             const struct fs_file_id *id, uint8_t type);
/* The same for removing: -ENOENT, -ENOTDIR. */
MUST_CHECK int dir_plan_remove(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                               struct dir_plan *ret_plan);
void dir_remove(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len);
/* The first entry at or after slot *io_slot, which is then set past it; 0 begins. -ENOENT: there is none any more. An
 * entry that stays in the directory is met exactly once, whatever is added and removed meanwhile: slots do not move.
 * The name points into the block, and is valid until the step returns. */
struct dir_entry {
	uint32_t slot;
	struct fs_file_id id;
	uint8_t type;
	const char *name;
	size_t name_len;
};
MUST_CHECK int dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry);
/* Has it no entries? -ENOTDIR. */
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
