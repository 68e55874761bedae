/* SPDX-License-Identifier: Apache-2.0 */
/* The last thing a change asks for: dirty limits, log room, space, pages. */
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/log/nvlog.h"

/* Worst case of indirect and map blocks that n changed blocks of one file drag along. */
static size_t blocks_with_overhead(size_t n_blocks)
{
	return n_blocks + n_blocks / 64U + 8U;
}

int admit_space(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks, enum space_class cls)
{
	struct fs_volume *vol = run->vol;
	size_t dirty_max = cache_dirty_max(vol), inodes_max = inode_dirty_max(vol);

	if (vol->read_only)
		return -EROFS;
	if (vol->failed != 0)
		return vol->failed;
	/* What a running CP writes counts too: another one is due only when the next generation has grown as well. */
	if (vol->n_dirty_pages + n_pages > (cp_is_running(vol) ? dirty_max / 8U * 7U : dirty_max / 2U) ||
	    vol->n_dirty_inodes > (cp_is_running(vol) ? inodes_max / 8U * 7U : inodes_max / 2U))
		cp_request(vol, CP_DIRTY);
	if ((vol->n_dirty_pages + n_pages > dirty_max && vol->n_dirty_pages > 0) || vol->n_dirty_inodes > inodes_max)
		return run_wait(run, &vol->cp_waiters);
	if (log_bytes > 0 && !nvlog_room(vol, log_bytes)) {
		cp_request(vol, CP_LOG);
		return run_wait(run, &vol->cp_waiters);
	}
	if (n_pages > 0) {
		int err = space_admit(run, blocks_with_overhead(n_blocks), cls);
		if (err != 0)
			return err;
	}
	return run_reserve(run, n_pages);
}

int admit_change(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks)
{
	return admit_space(run, n_pages, log_bytes, n_blocks == 0 ? n_pages : n_blocks,
	                   n_blocks == 0 ? SPACE_NAMES : SPACE_NEW);
}
