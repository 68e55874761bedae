/* SPDX-License-Identifier: Apache-2.0 */
/* The change that starting, stopping or modifying a clone makes. In this order: prepare (may park), admission, log,
 * commit, and always end. */
#ifndef FS_CLONE_APPLY_H
#define FS_CLONE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/vdisk/vdisk.h"

struct fs_run;
struct fs_volume;
struct vdisk_clone;

/* The clone's attributes as they are after the change, but for what the cloner itself keeps (cursors, counts). */
struct clone_change {
	struct fs_file_id id;
	enum fs_clone_state state;
	uint32_t flags;
	unsigned priority;
	uint64_t rate_bytes_s;
	int64_t started_ns;
	bool restart; /* from FBN 0 */
	/* prepared */
	struct vdisk vdisk;
	unsigned n_pages;
};
MUST_CHECK int clone_change_prepare(struct fs_run *run, struct clone_change *change);
size_t clone_change_log_size(void);
uint64_t clone_change_log(struct fs_volume *vol, const struct clone_change *change);
void clone_change_commit(struct clone_change *change);
void clone_change_end(struct clone_change *change);

/* How the log replays it. */
nvlog_apply_fn clone_apply_set;

#endif
