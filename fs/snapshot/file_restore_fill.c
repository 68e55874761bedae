/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a file's restore: making the staged file, filling it, putting it in place, dropping it.
 *
 * WRITE PATH previous hop file_restore.c; next hops namespace_apply.c, cache.h, nvlog.h. */
#include <stdio.h>

#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/page_batch.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/namespace_apply.h"
#include "fs/snapshot/file_restore_private.h"
#include "fs/vdisk/docs.h"

/* -ECANCELED: asked for, or the volume goes offline. */
static int must_end(const struct file_restore *restore)
{
	return restore->cancelled || atomic_load_explicit(&restore->vol->state, memory_order_relaxed) != VOLUME_ONLINE
	           ? -ECANCELED
	           : 0;
}

/* Names and pages are paid for by the claim. */
static int admit(struct fs_run *run, const struct file_restore *restore, size_t n_pages, size_t log_bytes)
{
	int err = space_claim_admit(run, &restore->claim, n_pages + n_pages / 64U + 8U);

	return err != 0 ? err : admit_space(run, n_pages, log_bytes, 0, SPACE_NAMES);
}

static int source_get(struct fs_run *run, const struct file_restore *restore, struct inode **ret_inode)
{
	int err = inode_get_id(run, &restore->source, ret_inode);

	return err == -ESTALE ? -EUCLEAN : err; /* its snapshot is not deleted meanwhile */
}

/* ---- stage ---- */

/* Size and attributes are the snapshot's from the beginning; the rename sets the time of the change. */
static struct inode_attr attr_of(const struct inode *source)
{
	return (struct inode_attr){ .type = FS_TYPE_REG,
		                    .nlink = 1,
		                    .mode = source->attr.mode,
		                    .uid = source->attr.uid,
		                    .gid = source->attr.gid,
		                    .size_bytes = source->attr.size_bytes,
		                    .atime_ns = source->attr.atime_ns,
		                    .mtime_ns = source->attr.mtime_ns,
		                    .ctime_ns = source->attr.ctime_ns };
}

int file_restore_stage_step(struct fs_run *run)
{
	struct file_restore *restore = run->arg;
	struct fs_volume *vol = run->vol;
	struct namespace_create create = { .dir = INO_DOCS, .now_ns = volume_now_ns(vol) };
	uint8_t body[sizeof(struct oplog_create) + STAGED_NAME_SIZE];
	char name[STAGED_NAME_SIZE];
	struct inode *source;
	int err = must_end(restore);

	if (err == 0)
		err = source_get(run, restore, &source);
	if (err == 0)
		err = inode_find_free(run, &create.ino);
	if (err != 0)
		return err;
	create.name = (struct namespace_name){ name, docs_staged_name(create.ino, name) };
	create.attr = attr_of(source);
	err = namespace_create_prepare(run, &create);
	if (err == 0)
		err = admit(run, restore, create.n_pages, nvlog_size(sizeof(body), 0));
	if (err != 0)
		return err;
	create.attr.generation = volume_next_generation(vol);
	space_claim_draw(vol, &restore->claim, create.n_pages);
	(void)namespace_create_commit(vol, &create);
	restore->staged = (struct fs_file_id){ 0, create.ino, create.attr.generation };
	(void)nvlog_append(vol, NVLOG_CREATE, body, namespace_create_encode(&create, body), NULL, 0);
	return 0;
}

/* ---- fill ---- */

static int fill_look(struct fs_run *run, struct inode *source, struct page_batch *batch, uint32_t end)
{
	enum file_block state;
	uint32_t run_end;
	int err = file_block_state(run, source, batch->end, &state, &run_end);

	if (err != 0)
		return err;
	if (state == FILE_BLOCK_DATA)
		return page_batch_take(run, batch, source);
	batch->end = MIN_OF(run_end, end);
	return 0;
}

int file_restore_fill_step(struct fs_run *run)
{
	struct file_restore *restore = run->arg;
	struct page_batch batch = { .n_max = restore->batch_blocks, .end = restore->cursor };
	struct inode *source, *staged;
	int err = must_end(restore);

	if (err == 0)
		err = source_get(run, restore, &source);
	if (err == 0)
		err = inode_get_id(run, &restore->staged, &staged);
	if (err == 0)
		err = page_batch_collect(run, &batch, source, restore->end, fill_look);
	if (err == 0 && batch.n > 0)
		err = admit(run, restore, batch.n + 2U, 0);
	if (err != 0)
		return err == -ESTALE ? -EUCLEAN : err;
	for (unsigned i = 0; i < batch.n; i++)
		(void)cache_install(staged, batch.fbn[i], page_get(batch.page[i]));
	space_claim_draw(run->vol, &restore->claim, batch.n + DIV_UP(batch.n, 512U));
	restore->cursor = batch.end;
	restore->n_filled += batch.n;
	return 0;
}

/* ---- place, drop ---- */

int file_restore_place_step(struct fs_run *run)
{
	struct file_restore *restore = run->arg;
	struct namespace_rename rename = { .dir = INO_DOCS, .id = restore->staged, .now_ns = volume_now_ns(run->vol) };
	uint8_t body[sizeof(struct oplog_rename) + STAGED_NAME_SIZE + FS_NAME_MAX];
	char name[STAGED_NAME_SIZE];
	int err = must_end(restore);

	vc_invariant(FR1, restore->cursor == restore->end && restore->n_filled == 0);
	if (err == 0)
		err = file_restore_place(run, restore->msg, &rename);
	if (err != 0)
		return err;
	rename.name = (struct namespace_name){ name, docs_staged_name(restore->staged.inode, name) };
	err = namespace_rename_prepare(run, &rename);
	if (err == 0)
		err = admit(run, restore, rename.n_pages, nvlog_size(sizeof(body), 0));
	if (err != 0)
		return err == -ESTALE ? -EUCLEAN : err;
	namespace_rename_commit(&rename);
	inode_to_attr(rename.inode, &restore->msg->out.attr);
	restore->msg->out.has_attr = true;
	restore->staged.inode = 0;
	restore->sequence = nvlog_append(run->vol, NVLOG_RENAME, body, namespace_rename_encode(&rename, body), NULL, 0);
	return 0;
}

int file_restore_unstage(struct fs_run *run, const struct fs_file_id *id)
{
	struct namespace_remove remove = { .dir = INO_DOCS, .id = *id, .now_ns = volume_now_ns(run->vol) };
	uint8_t body[sizeof(struct oplog_remove) + STAGED_NAME_SIZE];
	char name[STAGED_NAME_SIZE];
	int err;

	remove.name = (struct namespace_name){ name, docs_staged_name(id->inode, name) };
	err = namespace_remove_prepare(run, &remove);
	if (err == 0)
		err = admit_change(run, remove.n_pages, nvlog_size(sizeof(body), 0), 0);
	if (err != 0)
		return err;
	namespace_remove_commit(&remove);
	(void)nvlog_append(run->vol, NVLOG_REMOVE, body, namespace_remove_encode(&remove, body), NULL, 0);
	return 0;
}

int file_restore_drop_step(struct fs_run *run)
{
	struct file_restore *restore = run->arg;
	int err = file_restore_unstage(run, &restore->staged);

	if (err == 0)
		restore->staged.inode = 0;
	return err;
}
