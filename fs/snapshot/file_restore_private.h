/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by file_restore.c (phases and pace), file_restore_fill.c (steps) and file_restore_ops.c (messages). */
#ifndef FS_FILE_RESTORE_PRIVATE_H
#define FS_FILE_RESTORE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/space.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"

struct fs_message;
struct fs_volume;
struct inode;
struct namespace_rename;

enum file_restore_phase {
	FILE_RESTORE_STAGE,
	FILE_RESTORE_FILL,
	FILE_RESTORE_SETTLE,
	FILE_RESTORE_PLACE,
	FILE_RESTORE_DROP
};

struct file_restore {
	struct fs_volume *vol;
	struct fs_message *msg; /* answered at the end */
	enum file_restore_phase phase;
	struct fs_run run;
	struct cp_waiter settled;
	struct nvlog_waiter logged;
	struct timer timer;
	struct fs_file_id source, staged; /* staged.inode 0: there is none */
	struct space_claim claim;
	uint32_t cursor, end; /* FBNs below `cursor` are filled */
	uint32_t n_filled; /* pages since the last CP it waited for */
	uint32_t batch_blocks; /* what the next step may fill */
	uint64_t sequence; /* of the log record to wait for */
	bool cancelled;
	int err; /* DROP: why */
	TAILQ_ENTRY(file_restore) link;
};

struct file_restore_table {
	TAILQ_HEAD(, file_restore) all;
	unsigned n;
	struct fs_run sweep;
	uint32_t sweep_slot;
	uint64_t n_swept;
};

/* Find where the restored file is to stand, from the message's path: to_dir, to_name, replaced. -EAGAIN; any other
 * error has its text in `msg`. */
MUST_CHECK int file_restore_place(struct fs_run *run, struct fs_message *msg, struct namespace_rename *ret_rename);
/* Begin a restore. `source` is the file in the snapshot. `n_blocks` is what the restore may take, which was admitted
 * in this step. */
MUST_CHECK int file_restore_begin(struct fs_message *msg, const struct inode *source, uint64_t n_blocks);
/* End the restore before it is done: with -ECANCELED, unless it has an error already. */
void file_restore_cancel(struct file_restore *restore);
struct file_restore *file_restore_find(const struct fs_volume *vol, const char *path);

/* Remove the staged file `id`. This is the last thing of its step. -EAGAIN, -ENOENT, errors. */
MUST_CHECK int file_restore_unstage(struct fs_run *run, const struct fs_file_id *id);
/* The steps of restore->run. */
MUST_CHECK int file_restore_stage_step(struct fs_run *run);
MUST_CHECK int file_restore_fill_step(struct fs_run *run);
MUST_CHECK int file_restore_place_step(struct fs_run *run);
MUST_CHECK int file_restore_drop_step(struct fs_run *run);

#endif
