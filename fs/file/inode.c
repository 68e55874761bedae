/* SPDX-License-Identifier: Apache-2.0 */
/* The inode table: loading, keeping, dirtying, and letting go of inodes; their form on disk. */
#include "fs/file/inode.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/reserve.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/hooks.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/file.h"
#include "fs/file/inode_number.h"
#include "fs/file/inode_table.h"
#include "fs/file/range.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"

static size_t bucket_of(const struct inode_table *table, uint32_t snapshot, uint32_t ino)
{
	uint64_t x = (ino ^ (uint64_t)snapshot << 32) * 0x9E3779B97F4A7C15ULL;

	return (size_t)(x >> 32) & (table->n_buckets - 1U);
}

struct inode *inode_find(struct fs_volume *vol, uint32_t snapshot, uint32_t ino)
{
	struct inode *inode = vol->inodes->buckets[bucket_of(vol->inodes, snapshot, ino)];

	while (inode != NULL && (inode->ino != ino || inode->snapshot != snapshot))
		inode = inode->hash_next;
	return inode;
}

static bool inode_is_idle(const struct inode *inode)
{
	return inode->in_table && inode->pins == 0 && inode->dirty_gen_bits == 0 && !inode->cp_busy;
}

static void inode_settle(struct inode *inode)
{
	struct inode_table *table = inode->vol->inodes;

	if (inode_is_idle(inode) != inode->on_lru) {
		inode->on_lru = !inode->on_lru;
		if (inode->on_lru)
			TAILQ_INSERT_TAIL(&table->lru, inode, lru);
		else
			TAILQ_REMOVE(&table->lru, inode, lru);
	}
}

void inode_pin(struct inode *inode)
{
	inode->pins++;
	inode_settle(inode);
}

void inode_unpin(struct inode *inode)
{
	vc_assert(inode->pins > 0);
	inode->pins--;
	inode_settle(inode);
}

static void inode_init(struct inode *inode, struct fs_volume *vol, uint32_t ino)
{
	memset(inode, 0, sizeof(*inode));
	inode->vol = vol;
	inode->ino = ino;
	LIST_INIT(&inode->bufs);
	TAILQ_INIT(&inode->dirty_bufs[0]);
	TAILQ_INIT(&inode->dirty_bufs[1]);
}

struct inode *inode_new_detached(struct fs_volume *vol, uint32_t ino)
{
	struct inode *inode = reserve_malloc(sizeof(*inode));

	inode_init(inode, vol, ino);
	return inode;
}

static void inode_insert(struct inode *inode, uint32_t snapshot)
{
	struct fs_volume *vol = inode->vol;
	struct inode_table *table = vol->inodes;
	size_t bucket = bucket_of(table, snapshot, inode->ino);

	inode->snapshot = snapshot;
	inode->hash_next = table->buckets[bucket];
	table->buckets[bucket] = inode;
	inode->in_table = true;
	table->n++;
	inode_settle(inode);
	if (table->n > table->n_max && !table->trim.queued)
		world_defer(vol->world, &table->trim);
}

struct inode *inode_new(struct fs_volume *vol, uint32_t snapshot, uint32_t ino)
{
	struct inode *inode = inode_new_detached(vol, ino);

	inode_insert(inode, snapshot);
	inode_pin(inode);
	return inode;
}

static void table_remove(struct inode *inode)
{
	struct inode_table *table = inode->vol->inodes;
	struct inode **link = &table->buckets[bucket_of(table, inode->snapshot, inode->ino)];

	if (!inode->in_table)
		return;
	while (*link != inode)
		link = &(*link)->hash_next;
	*link = inode->hash_next;
	inode->in_table = false;
	table->n--;
	inode_settle(inode);
}

void inode_detach(struct inode *inode)
{
	vc_assert(inode->pins == 1 && inode->dirty_gen_bits == 0);
	table_remove(inode);
	inode->pins = 0;
}

void inode_discard(struct inode *inode)
{
	vc_assert(inode->pins == 0 && inode->dirty_gen_bits == 0);
	cache_drop_inode(inode);
	vc_assert(LIST_EMPTY(&inode->bufs));
	if (inode->in_table && inode->snapshot == 0 && (inode->removed || !inode->loaded))
		inode_number_freed(inode->vol->inodes, inode->ino);
	table_remove(inode);
	range_clear(&inode->punched[0]);
	range_clear(&inode->punched[1]);
	free(inode);
}

bool inode_is_quiet(const struct inode *inode)
{
	const struct buf *buf;

	LIST_FOREACH(buf, &inode->bufs, inode_link) {
		if (buf->pins > 0 || buf->in_cp || buf->dirty != 0)
			return false;
	}
	return true;
}

static void table_trim(struct task *task)
{
	struct inode_table *table = container_of(task, struct inode_table, trim);
	size_t tries = table->n - MIN_OF(table->n, table->n_max) + 64U;
	struct inode *inode;

	while (table->n > table->n_max && tries-- > 0 && (inode = TAILQ_FIRST(&table->lru)) != NULL) {
		if (inode_is_quiet(inode)) {
			inode_discard(inode);
		} else {
			TAILQ_REMOVE(&table->lru, inode, lru);
			TAILQ_INSERT_TAIL(&table->lru, inode, lru);
		}
	}
}

int inode_table_init(struct fs_volume *vol)
{
	struct inode_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	table->n_max = MAX_OF(vol->options.cache_pages / 8U, (size_t)2048);
	table->n_buckets = 1024;
	while (table->n_buckets < table->n_max)
		table->n_buckets *= 2U;
	table->buckets = calloc(table->n_buckets, sizeof(struct inode *));
	table->map_full = calloc(INODE_MAP_FULL_WORDS, sizeof(uint64_t));
	if (table->buckets == NULL || table->map_full == NULL) {
		free(table->buckets);
		free(table->map_full);
		free(table);
		return -ENOMEM;
	}
	TAILQ_INIT(&table->lru);
	table->trim.run = table_trim;
	table->free_hint = INO_FIRST_DYNAMIC;
	vol->inodes = table;
	return 0;
}

size_t inode_dirty_max(const struct fs_volume *vol)
{
	return vol->inodes->n_max;
}

/* Unmount: whatever is still in memory goes, dirty or not (a failed volume keeps its last consistent state on disk). */
static void inode_drop_hard(struct inode *inode)
{
	struct buf *buf, *next;

	LIST_FOREACH_SAFE(buf, &inode->bufs, inode_link, next) {
		cache_hold(buf); /* not gone after the first half */
		cache_cp_written(buf, 0);
		cache_cp_written(buf, 1);
		cache_unhold(buf);
	}
	for (unsigned bit = 0; bit < 2; bit++) {
		if ((inode->dirty_gen_bits & 1U << bit) != 0)
			TAILQ_REMOVE(&inode->vol->dirty_inodes[bit], inode, dirty_link[bit]);
	}
	inode->dirty_gen_bits = 0;
	inode->pins = 0;
	inode->cp_busy = false;
	inode_settle(inode);
	inode_discard(inode);
}

void inode_table_fini(struct fs_volume *vol)
{
	struct inode_table *table = vol->inodes;

	if (table == NULL)
		return;
	for (size_t i = 0; i < table->n_buckets; i++) {
		while (table->buckets[i] != NULL)
			inode_drop_hard(table->buckets[i]);
	}
	vc_assert(!table->trim.queued);
	free(table->buckets);
	free(table->map_full);
	free(table);
	vol->inodes = NULL;
}

void inode_discard_snapshot(struct fs_volume *vol, uint32_t snapshot)
{
	for (size_t i = 0; i < vol->inodes->n_buckets; i++) {
		struct inode *inode = vol->inodes->buckets[i], *next;

		for (; inode != NULL; inode = next) {
			next = inode->hash_next;
			if (inode->snapshot == snapshot && inode->pins == 0 && inode_is_quiet(inode))
				inode_discard(inode);
		}
	}
}

/* ---- form on disk ---- */

int inode_decode(const struct inode_disk *disk, struct inode *inode)
{
	struct inode_attr *attr = &inode->attr;
	unsigned type = disk->type_height & 15U, height = disk->type_height >> 4;

	if (type > FS_TYPE_META || height > TREE_HEIGHT_MAX ||
	    le64_get(disk->size_bytes) > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		return -EUCLEAN;
	attr->type = (uint8_t)type;
	attr->flags = disk->flags & (uint8_t)~INODE_INLINE;
	attr->mode = le16_get(disk->mode);
	attr->nlink = le16_get(disk->nlink);
	attr->size_bytes = le64_get(disk->size_bytes);
	attr->uid = le32_get(disk->uid);
	attr->gid = le32_get(disk->gid);
	attr->xinode = le32_get(disk->xinode);
	attr->generation = le64_get(disk->generation);
	attr->atime_ns = (int64_t)le64_get(disk->atime_ns);
	attr->mtime_ns = (int64_t)le64_get(disk->mtime_ns);
	attr->ctime_ns = (int64_t)le64_get(disk->ctime_ns);
	inode->height = (uint8_t)height;
	inode->n_blocks = le32_get(disk->n_blocks);
	inode->inline_data = (disk->flags & INODE_INLINE) != 0;
	if (type == FS_TYPE_BLK || type == FS_TYPE_CHR) {
		attr->rdev_major = le32_get(disk->data.rdev.major);
		attr->rdev_minor = le32_get(disk->data.rdev.minor);
	} else if (inode->inline_data) {
		if (height != 0)
			return -EUCLEAN;
		memcpy(inode->inline_bytes, disk->data.inline_bytes, INLINE_MAX);
	} else {
		for (unsigned i = 0; i < PTRS_PER_INODE; i++)
			inode->ptr[i] = le32_get(disk->data.ptr[i]);
	}
	return 0;
}

void inode_encode(const struct inode *inode, const struct inode_attr *attr, struct inode_disk *ret_disk)
{
	memset(ret_disk, 0, sizeof(*ret_disk));
	ret_disk->type_height = (uint8_t)(attr->type | inode->height << 4);
	ret_disk->flags = (uint8_t)(attr->flags | (inode->inline_data ? INODE_INLINE : 0));
	ret_disk->mode = le16_of(attr->mode);
	ret_disk->nlink = le16_of(attr->nlink);
	ret_disk->size_bytes = le64_of(attr->size_bytes);
	ret_disk->n_blocks = le32_of(inode->n_blocks);
	ret_disk->uid = le32_of(attr->uid);
	ret_disk->gid = le32_of(attr->gid);
	ret_disk->xinode = le32_of(attr->xinode);
	ret_disk->generation = le64_of(attr->generation);
	ret_disk->atime_ns = le64_of((uint64_t)attr->atime_ns);
	ret_disk->mtime_ns = le64_of((uint64_t)attr->mtime_ns);
	ret_disk->ctime_ns = le64_of((uint64_t)attr->ctime_ns);
	if (attr->type == FS_TYPE_BLK || attr->type == FS_TYPE_CHR) {
		ret_disk->data.rdev.major = le32_of(attr->rdev_major);
		ret_disk->data.rdev.minor = le32_of(attr->rdev_minor);
	} else if (inode->inline_data) {
		memcpy(ret_disk->data.inline_bytes, inode->inline_bytes, INLINE_MAX);
	} else {
		for (unsigned i = 0; i < PTRS_PER_INODE; i++)
			ret_disk->data.ptr[i] = le32_of(inode->ptr[i]);
	}
}

/* ---- loading ---- */

static int inode_load(struct fs_run *run, struct inode *file, struct inode *inode)
{
	const uint8_t *bytes;
	int err = file_need(run, file, inode->ino / INODES_PER_BLOCK, &bytes);

	if (err != 0)
		return err;
	err = inode_decode((const struct inode_disk *)(const void *)bytes + inode->ino % INODES_PER_BLOCK, inode);
	if (err != 0)
		return err;
	if (inode->attr.type == FS_TYPE_NONE)
		return -ESTALE;
	if ((inode->attr.flags & INODE_BACKED) != 0)
		err = run->vol->hooks->backing_load(run, inode);
	inode->loaded = err == 0;
	return err;
}

int inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode)
{
	struct fs_volume *vol = run->vol;
	struct inode *inode = inode_find(vol, snapshot, ino), *file;
	int err;

	if (snapshot != 0 && snapshot_by_id(vol, snapshot) == NULL)
		return -ESTALE;
	if (inode != NULL && inode->loaded) {
		if (inode->removed)
			return -ESTALE;
		if (inode->on_lru) {
			TAILQ_REMOVE(&vol->inodes->lru, inode, lru);
			TAILQ_INSERT_TAIL(&vol->inodes->lru, inode, lru);
		}
		*ret_inode = inode;
		return 0;
	}
	err = snapshot_inode_file(run, snapshot, &file);
	if (err != 0)
		return err;
	if (ino <= INO_SNAPSHOT_TABLE || (uint64_t)ino * sizeof(struct inode_disk) >= file->attr.size_bytes)
		return -ESTALE;
	if (inode == NULL) {
		inode = malloc(sizeof(*inode));
		if (inode == NULL)
			return run_no_memory(run);
		inode_init(inode, vol, ino);
		inode_insert(inode, snapshot);
	}
	inode_pin(inode);
	err = inode_load(run, file, inode);
	inode_unpin(inode);
	if (err == 0)
		*ret_inode = inode;
	else if (err != -EAGAIN)
		inode_discard(inode);
	return err;
}

int inode_get_id(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_inode)
{
	struct inode *inode;
	int err;

	if (id->inode < INO_ROOT || (id->snapshot != 0 && snapshot_find_id(run->vol, id->snapshot) == NULL))
		return -ESTALE;
	err = inode_get(run, id->snapshot, id->inode, &inode);
	if (err != 0)
		return err;
	if (inode->attr.generation != id->generation)
		return -ESTALE;
	*ret_inode = inode;
	return 0;
}

/* ---- changing ---- */

void inode_touch(struct inode *inode)
{
	struct fs_volume *vol = inode->vol;
	unsigned bit = gen_bit(vol);

	vc_assert(inode->snapshot == 0);
	vol->n_changes++;
	if ((inode->dirty_gen_bits & 1U << bit) != 0)
		return;
	if ((inode->dirty_gen_bits & 1U << (bit ^ 1U)) != 0 && !inode->frozen) {
		/* The running CP writes the inode as it was when its generation closed. */
		inode->frozen = true;
		inode->cp_attr = inode->attr;
		inode->cp_has_backing = inode->has_backing;
		inode->cp_backing = inode->backing;
		inode->cp_removed = inode->removed;
	}
	inode->dirty_gen_bits |= 1U << bit;
	vol->n_dirty_inodes++;
	TAILQ_INSERT_TAIL(&vol->dirty_inodes[bit], inode, dirty_link[bit]);
	vol->pending_blocks[bit] += 2;
	inode_settle(inode);
}

struct inode_attr *inode_modify(struct inode *inode)
{
	inode_touch(inode);
	return &inode->attr;
}

void inode_cp_done(struct inode *inode, unsigned bit)
{
	inode->dirty_gen_bits &= ~(1U << bit);
	inode->vol->n_dirty_inodes--;
	inode->frozen = false;
	range_clear(&inode->punched[bit]);
	inode_settle(inode);
}

/* ---- beginning and end ---- */

struct inode *inode_create(struct fs_volume *vol, uint32_t ino, const struct inode_attr *attr)
{
	struct inode *inode = inode_find(vol, 0, ino);
	uint64_t size = ((uint64_t)ino / INODES_PER_BLOCK + 1U) * FS_BLOCK_SIZE;

	vc_assert(inode == NULL || !inode->loaded);
	if (inode == NULL) {
		inode = inode_new_detached(vol, ino);
		inode_insert(inode, 0);
	}
	inode->attr = *attr;
	inode->loaded = true;
	inode_modify(inode);
	inode_number_set(vol, ino, true);
	if (vol->inode_file->attr.size_bytes < size)
		inode_modify(vol->inode_file)->size_bytes = size;
	if (attr->generation >= vol->next_generation)
		vol->next_generation = attr->generation + 1U;
	vol->inodes->free_hint = ino + 1U;
	return inode;
}

void inode_remove(struct inode *inode)
{
	inode_modify(inode)->nlink = 0;
	inode->removed = true;
	cache_drop_range(inode, 0, FBN_MAX);
	inode_number_set(inode->vol, inode->ino, false);
}

/* ---- views ---- */

void inode_to_attr(const struct inode *inode, struct fs_attr *ret_attr)
{
	const struct inode_attr *attr = &inode->attr;
	const struct fs_volume *vol = inode->vol;
	uint64_t fsid;

	memcpy(&fsid, vol->uuid.b, sizeof(fsid));
	*ret_attr = (struct fs_attr){
		.type = (enum fs_type)attr->type,
		.mode = attr->mode & 07777U,
		.nlink = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.rdev_major = attr->rdev_major,
		.rdev_minor = attr->rdev_minor,
		.size_bytes = attr->size_bytes,
		.used_bytes = ((uint64_t)inode->n_blocks + inode->n_dirty_bufs[gen_bit(vol)]) * FS_BLOCK_SIZE,
		.fsid = fsid ^ (uint64_t)inode->snapshot << 32,
		.id = { inode->snapshot, inode->ino, attr->generation },
		.atime_ns = attr->atime_ns,
		.mtime_ns = attr->mtime_ns,
		.ctime_ns = attr->ctime_ns,
	};
}

void inode_to_wcc(const struct inode *inode, struct fs_wcc *ret_wcc)
{
	*ret_wcc = (struct fs_wcc){ true, inode->attr.size_bytes, inode->attr.mtime_ns, inode->attr.ctime_ns };
}

/* ---- those everybody uses ---- */

int inode_metafiles_load(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	const struct {
		uint32_t ino;
		struct inode **slot;
	} files[] = {
		{ INO_INODE_MAP, &vol->inode_map },     { INO_ACTIVE_MAP, &vol->active_map },
		{ INO_SUMMARY_MAP, &vol->summary_map }, { INO_SPACE_MAP, &vol->space_map },
		{ INO_ZOMBIES, &vol->zombies },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		int err;

		if (*files[i].slot != NULL)
			continue;
		err = inode_get(run, 0, files[i].ino, files[i].slot);
		if (err != 0) {
			*files[i].slot = NULL;
			return err == -ESTALE ? -EUCLEAN : err;
		}
		inode_pin(*files[i].slot);
	}
	return 0;
}
