/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a volume: where one leads, and which one leads to an inode.
 *
 * All of these are for steps, and give the loop back when they have done enough for one turn (-EAGAIN). Executed again,
 * they go on where they were (fs/names/pathwalk.h); when the run has ended, or is done with what it asked,
 * pathwalk_forget is called. */
#ifndef FS_PATH_H
#define FS_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct fs_file_id;
struct fs_run;

/* Resolve a path inside the volume, "/.snapshot/NAME/..." too. -ENOENT, -ENOTDIR, -ENAMETOOLONG. */
MUST_CHECK int path_resolve(struct fs_run *run, const char *path, struct fs_file_id *ret_id);
/* The same, below a top: what is found, or the directory whose snapshot it is in, must be `top` or lie below it
 * (fs/names/ancestry.h). Else -ENOENT. */
MUST_CHECK int path_resolve_beneath(struct fs_run *run, const char *path, const struct fs_file_id *top,
                                    struct fs_file_id *ret_id);
/* Resolve the parent of `path`, and give its last component (borrowed from `path`). Errors as path_resolve. */
MUST_CHECK int path_resolve_parent(struct fs_run *run, const char *path, struct fs_file_id *ret_dir,
                                   const char **ret_name, size_t *ret_name_len);
/* The path of inode `id` (its generation is not looked at), which directory `parent` names. It is made from its end,
 * and has less than FS_PATH_MAX bytes. *io_slot: where in `parent` it may have its name (0: not known); is set to where
 * it has it. -ENOENT: a directory on the way does not name what it should. -ENAMETOOLONG, -EUCLEAN. */
MUST_CHECK int path_of(struct fs_run *run, const struct fs_file_id *id, uint32_t parent, uint32_t *io_slot,
                       char *ret_path);

#endif
