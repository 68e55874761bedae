/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation on a clone changes in memory, and its log record. */
#include "base/bytes.h"
#include "fs/clone/clone_apply.h"
#include "fs/core/core.h"
#include "fs/file/run.h"
#include "fs/format/recordformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/log/nvlog.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

int clone_change_prepare(struct fs_run *run, struct clone_change *change)
{
	struct vdisk_clone *clone = &change->vdisk.attr.clone;
	int err = vtoc_need(run);

	if (err == 0)
		err = vdisk_open_id(run, &change->id, &change->vdisk);
	if (err != 0)
		return err;
	if (change->restart)
		*clone = (struct vdisk_clone){ .n_total = change->vdisk.attr.backing.n_blocks };
	clone->state = change->state;
	clone->error = 0;
	clone->flags = change->flags;
	clone->priority = change->priority;
	clone->rate_bytes_s = change->rate_bytes_s;
	clone->started_ns = change->started_ns;
	change->vdisk.attr.state_generation++;
	change->n_pages = vdisk_store_pages(&change->vdisk.attr);
	return 0;
}

void clone_change_commit(struct clone_change *change)
{
	vdisk_store(&change->vdisk);
}
void clone_change_end(struct clone_change *change)
{
	vdisk_close(&change->vdisk);
}
size_t clone_change_log_size(void)
{
	return nvlog_size(sizeof(struct oplog_clone_set), 0);
}

uint64_t clone_change_log(struct fs_volume *vol, const struct clone_change *change)
{
	struct oplog_clone_set record = {
		.ino = le32_of(change->id.inode),
		.state = le32_of((uint32_t)change->state),
		.generation = le64_of(change->id.generation),
		.rate_bytes_s = le64_of(change->rate_bytes_s),
		.started_ns = le64_of((uint64_t)change->started_ns),
		.flags = le32_of(change->flags | change->priority << VDISKATTR_CLONE_PRIORITY_SHIFT),
		.restart = le32_of(change->restart),
	};

	return nvlog_append(vol, NVLOG_CLONE_SET, &record, sizeof record, NULL, 0);
}

int clone_apply_set(struct fs_run *run, const struct nvlog_record *log_record)
{
	struct oplog_clone_set record;
	struct clone_change change;
	int err;

	if (log_record->body_len != sizeof record)
		return -EUCLEAN;
	memcpy(&record, log_record->body, sizeof record);
	if (le32_get(record.state) > FS_CLONE_DONE ||
	    le32_get(record.flags) >> VDISKATTR_CLONE_PRIORITY_SHIFT > FS_CLONE_PRIORITY_MAX)
		return -EUCLEAN;
	change = (struct clone_change){
		.id = { 0, le32_get(record.ino), le64_get(record.generation) },
		.state = (enum fs_clone_state)le32_get(record.state),
		.flags = le32_get(record.flags) & VDISKATTR_CLONE_FLAGS,
		.priority = le32_get(record.flags) >> VDISKATTR_CLONE_PRIORITY_SHIFT,
		.rate_bytes_s = le64_get(record.rate_bytes_s),
		.started_ns = (int64_t)le64_get(record.started_ns),
		.restart = le32_get(record.restart) != 0,
	};
	err = clone_change_prepare(run, &change);
	if (err != 0)
		return err == -ESTALE || err == -EINVAL ? -EUCLEAN : err;
	err = run_reserve(run, change.n_pages);
	if (err == 0)
		clone_change_commit(&change);
	clone_change_end(&change);
	return err;
}
