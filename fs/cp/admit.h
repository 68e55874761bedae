/* SPDX-License-Identifier: Apache-2.0 */
/* Admitting a change: the last call of a step that can park (RUN1 in fs/file/run.h). */
#ifndef FS_ADMIT_H
#define FS_ADMIT_H

#include <stddef.h>

#include "base/error.h"
#include "fs/cp/space.h"

struct fs_run;

/* A client's change is admitted: dirty limits, log room for `log_bytes`, free space for `n_blocks` more blocks of class
 * `cls` (with 0 pages: nothing becomes dirty).
 * -EAGAIN parked, -ENOSPC, -EROFS, -ENOMEM. Call once all reads have succeeded, before modifying. */
MUST_CHECK int admit_space(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks, enum space_class cls);
/* The same, of class SPACE_NEW; with 0 blocks, of class SPACE_NAMES. */
MUST_CHECK int admit_change(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks);

#endif
