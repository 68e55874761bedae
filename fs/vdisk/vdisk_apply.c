/* SPDX-License-Identifier: Apache-2.0 */
/* The vdisk operations' changes to memory, and their log records.
 *
 * INVARIANTS
 *  VD1 a container, its stream_dir and its attributes inode come and go in one step, with the directory entry and the
 *      VTOC record. One that takes the place of another comes in the step in which that one goes: there is always one
 *      vdisk of the name, the old or the new one.
 *  VD2 the VTOC's backing handle is the attributes' backing handle in every generation. */
#include "fs/vdisk/vdisk_apply.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/hooks.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/format/streamformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/vdisk/streamdir.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

static_assert((unsigned)VDISK_INODES == OPLOG_VDISK_INODES, "the record has room for all inodes of a vdisk");

/* Of several calls that each name what they miss: -EAGAIN before all else. */
static int both(int a, int b)
{
	if (a == -EAGAIN || b == -EAGAIN)
		return -EAGAIN;
	return a != 0 ? a : b;
}

static void touch(struct inode *inode, int64_t now_ns)
{
	struct inode_attr *attr = inode_modify(inode);

	attr->mtime_ns = attr->ctime_ns = now_ns;
}

static bool name_is_good(const char *name, size_t len)
{
	return len > 0 && len <= FS_NAME_MAX && memchr(name, '/', len) == NULL && memchr(name, '\0', len) == NULL;
}

/* ---- create ---------------------------------------------------------------------------------------------------- */

/* The vdisk that has the name now. */
static int replaced_plan(struct fs_run *run, struct vdisk_create *create)
{
	struct dir_entry entry;
	struct vdisk vdisk;
	int err = dir_plan_change(run, create->dir_inode, create->name, create->name_len, &create->plan, &entry);

	if (err == 0 && entry.id.inode != create->replaced)
		err = -EUCLEAN;
	if (err == 0)
		err = vdisk_open_id(run, &entry.id, &vdisk);
	if (err != 0)
		return err == -EINVAL ? -EUCLEAN : err;
	create->old[0] = vdisk.container;
	create->old[1] = vdisk.stream_dir;
	create->old[2] = vdisk.attributes;
	create->old_entry = vdisk.entry;
	vdisk_close(&vdisk);
	err = create->old_entry == NULL ? -EUCLEAN : vtoc_plan_change(run, create->old_entry);
	for (unsigned i = 0; i < VDISK_INODES; i++)
		err = both(err, inode_need_map(run, create->old[i]->ino));
	return err;
}

int vdisk_create_prepare(struct fs_run *run, struct vdisk_create *create)
{
	int err = vtoc_need(run), err2;

	if (err == 0)
		err = inode_get(run, 0, create->dir, &create->dir_inode);
	if (err != 0)
		return err;
	err = create->replaced != 0
	          ? replaced_plan(run, create)
	          : dir_plan_add(run, create->dir_inode, create->name, create->name_len, &create->plan);
	err2 = vtoc_plan_add(run);
	err = both(err, err2);
	for (unsigned i = 0; i < VDISK_INODES; i++)
		err = both(err, inode_need_map(run, create->ino[i]));
	create->n_pages = create->plan.n_pages + 2U * VDISK_INODES + 1U + vdisk_store_pages(create->attr) + VTOC_PAGES;
	if (create->replaced != 0)
		create->n_pages += 2U * VDISK_INODES + VTOC_PAGES;
	return err;
}

static struct inode *part_create(struct fs_volume *vol, const struct vdisk_create *create, unsigned part, uint8_t type,
                                 uint8_t flags, uint32_t xinode)
{
	struct inode_attr attr = {
		.type = type,
		.flags = flags,
		.mode = 0600,
		.nlink = 1,
		.xinode = xinode,
		.generation = create->generation[part],
		.atime_ns = create->now_ns,
		.mtime_ns = create->now_ns,
		.ctime_ns = create->now_ns,
	};

	return inode_create(vol, create->ino[part], &attr);
}

static void streams_create(struct fs_volume *vol, const struct vdisk_create *create)
{
	struct inode *stream_dir = part_create(vol, create, 1, FS_TYPE_STREAM_DIR, 0, 0);
	struct inode *attributes = part_create(vol, create, 2, FS_TYPE_STREAM, 0, 0);
	struct page *page = cache_page_take(vol);

	memset(page->data, 0, PAGE_SIZE);
	inode_modify(stream_dir)->size_bytes = streamdir_encode(page->data, STREAM_ATTRIBUTES, create->ino[2],
	                                                        create->generation[2]);
	file_put_page(stream_dir, 0, page);
	vdisk_attr_put(attributes, create->attr);
}

/* What makes room: all of the old vdisk, its blocks with the CP. */
static void replaced_remove(struct fs_volume *vol, const struct vdisk_create *create)
{
	vol->hooks->vdisk_gone(vol, create->old[0]);
	vtoc_remove(vol, create->old_entry);
	for (unsigned i = VDISK_INODES; i > 0; i--)
		inode_remove(create->old[i - 1U]);
}

static void name_commit(const struct vdisk_create *create)
{
	struct fs_file_id id = { 0, create->ino[0], create->generation[0] };

	if (create->replaced != 0)
		dir_set_entry(create->dir_inode, &create->plan, &id, FS_TYPE_VDISK);
	else
		dir_add(create->dir_inode, &create->plan, create->name, create->name_len, &id, FS_TYPE_VDISK);
	touch(create->dir_inode, create->now_ns);
}

struct inode *vdisk_create_commit(struct fs_volume *vol, const struct vdisk_create *create)
{
	const struct vdisk_backing *backing = &create->attr->backing;
	uint8_t flags = (uint8_t)(INODE_STREAM | (backing->snapshot != 0 ? INODE_BACKED : 0));
	struct inode *container;

	if (create->replaced != 0)
		replaced_remove(vol, create);
	container = part_create(vol, create, 0, FS_TYPE_VDISK, flags, create->ino[1]);
	inode_modify(container)->size_bytes = create->size_bytes;
	container->has_backing = backing->snapshot != 0;
	container->backing = (struct inode_backing){ backing->snapshot, backing->inode, backing->generation,
		                                     backing->n_blocks };
	streams_create(vol, create);
	name_commit(create);
	container->name_slot = create->plan.slot;
	space_lun_changed(vol, vtoc_add(vol, create->ino[0], create->generation[0], create->attr), container,
	                  create->attr->reserved);
	return container;
}

size_t vdisk_create_log_size(const struct vdisk_create *create)
{
	return nvlog_size(sizeof(struct oplog_vdisk_create) + create->name_len + vdisk_attr_size(create->attr), 0);
}

uint64_t vdisk_create_log(struct fs_volume *vol, const struct vdisk_create *create)
{
	uint8_t body[sizeof(struct oplog_vdisk_create) + FS_NAME_MAX + VDISKATTR_BYTES_MAX];
	size_t len = sizeof(struct oplog_vdisk_create);
	struct oplog_vdisk_create record = {
		.dir = le32_of(create->dir),
		.name_len = le32_of((uint32_t)create->name_len),
		.replaced = le32_of(create->replaced),
		.size_bytes = le64_of(create->size_bytes),
		.now_ns = le64_of((uint64_t)create->now_ns),
	};

	for (unsigned i = 0; i < VDISK_INODES; i++) {
		record.ino[i] = le32_of(create->ino[i]);
		record.generation[i] = le64_of(create->generation[i]);
	}
	memcpy(body, &record, sizeof record);
	memcpy(body + len, create->name, create->name_len);
	len += create->name_len;
	len += vdisk_attr_encode(create->attr, body + len);
	return nvlog_append(vol, NVLOG_VDISK_CREATE, body, len, NULL, 0);
}

static int create_decode(const struct nvlog_record *log_record, struct vdisk_create *create, struct vdisk_attr *attr)
{
	struct oplog_vdisk_create record;
	const uint8_t *rest = log_record->body + sizeof record;
	size_t len;

	if (log_record->body_len < sizeof record)
		return -EUCLEAN;
	memcpy(&record, log_record->body, sizeof record);
	len = log_record->body_len - sizeof record;
	*create = (struct vdisk_create){
		.dir = le32_get(record.dir),
		.name = (const char *)rest,
		.name_len = le32_get(record.name_len),
		.replaced = le32_get(record.replaced),
		.size_bytes = le64_get(record.size_bytes),
		.now_ns = (int64_t)le64_get(record.now_ns),
		.attr = attr,
	};
	for (unsigned i = 0; i < VDISK_INODES; i++) {
		create->ino[i] = le32_get(record.ino[i]);
		create->generation[i] = le64_get(record.generation[i]);
		if (create->ino[i] < INO_FIRST_DYNAMIC || create->ino[i] >= FS_INO_SNAPSHOTS)
			return -EUCLEAN;
	}
	if (create->name_len > len || !name_is_good(create->name, create->name_len) ||
	    create->size_bytes > VDISK_SIZE_MAX)
		return -EUCLEAN;
	return vdisk_attr_decode(rest + create->name_len, len - create->name_len, attr);
}

int vdisk_apply_create(struct fs_run *run, const struct nvlog_record *record)
{
	struct vdisk_create create;
	struct vdisk_attr attr;
	int err = create_decode(record, &create, &attr);

	if (err != 0)
		return err;
	err = vdisk_create_prepare(run, &create);
	if (err == 0)
		err = run_reserve(run, create.n_pages);
	if (err == 0)
		(void)vdisk_create_commit(run->vol, &create);
	vdisk_attr_fini(&attr);
	return err == -EEXIST || err == -ENOENT || err == -ESTALE ? -EUCLEAN : err;
}

/* ---- destroy --------------------------------------------------------------------------------------------------- */

static int destroy_find(struct fs_run *run, struct vdisk_destroy *destroy)
{
	struct fs_file_id id;
	uint8_t type;
	int err = vtoc_need(run);

	if (err == 0)
		err = inode_get(run, 0, destroy->dir, &destroy->dir_inode);
	if (err == 0)
		err = dir_lookup(run, destroy->dir_inode, destroy->name, destroy->name_len, &id, &type);
	if (err == 0 && (id.inode != destroy->id.inode || id.generation != destroy->id.generation))
		err = -EUCLEAN;
	if (err == 0)
		err = vdisk_open_id(run, &destroy->id, &destroy->vdisk);
	return err;
}

int vdisk_destroy_prepare(struct fs_run *run, struct vdisk_destroy *destroy)
{
	struct vdisk *vdisk = &destroy->vdisk;
	int err = destroy_find(run, destroy);

	if (err != 0)
		return err;
	err = vdisk->entry == NULL ? -EUCLEAN : vtoc_plan_change(run, vdisk->entry);
	err = both(err, dir_plan_remove(run, destroy->dir_inode, destroy->name, destroy->name_len, &destroy->plan));
	err = both(err, inode_need_map(run, vdisk->container->ino));
	err = both(err, inode_need_map(run, vdisk->stream_dir->ino));
	err = both(err, inode_need_map(run, vdisk->attributes->ino));
	destroy->n_pages = destroy->plan.n_pages + 2U * VDISK_INODES + VTOC_PAGES;
	if (err != 0)
		vdisk_close(vdisk);
	return err;
}

void vdisk_destroy_commit(struct fs_volume *vol, struct vdisk_destroy *destroy)
{
	struct vdisk *vdisk = &destroy->vdisk;

	vol->hooks->vdisk_gone(vol, vdisk->container);
	dir_remove(destroy->dir_inode, &destroy->plan, destroy->name, destroy->name_len);
	touch(destroy->dir_inode, destroy->now_ns);
	vtoc_remove(vol, vdisk->entry);
	vdisk->entry = NULL;
	inode_remove(vdisk->attributes);
	inode_remove(vdisk->stream_dir);
	inode_remove(vdisk->container);
	space_sum(vol);
}

void vdisk_destroy_end(struct vdisk_destroy *destroy)
{
	vdisk_close(&destroy->vdisk);
}

size_t vdisk_destroy_log_size(const struct vdisk_destroy *destroy)
{
	return nvlog_size(sizeof(struct oplog_vdisk_destroy) + destroy->name_len, 0);
}

uint64_t vdisk_destroy_log(struct fs_volume *vol, const struct vdisk_destroy *destroy)
{
	uint8_t body[sizeof(struct oplog_vdisk_destroy) + FS_NAME_MAX];
	struct oplog_vdisk_destroy record = {
		.dir = le32_of(destroy->dir),
		.name_len = le32_of((uint32_t)destroy->name_len),
		.ino = le32_of(destroy->id.inode),
		.generation = le64_of(destroy->id.generation),
		.now_ns = le64_of((uint64_t)destroy->now_ns),
	};

	memcpy(body, &record, sizeof record);
	memcpy(body + sizeof record, destroy->name, destroy->name_len);
	return nvlog_append(vol, NVLOG_VDISK_DESTROY, body, sizeof record + destroy->name_len, NULL, 0);
}

int vdisk_apply_destroy(struct fs_run *run, const struct nvlog_record *log_record)
{
	struct oplog_vdisk_destroy record;
	struct vdisk_destroy destroy;
	int err;

	if (log_record->body_len < sizeof record)
		return -EUCLEAN;
	memcpy(&record, log_record->body, sizeof record);
	destroy = (struct vdisk_destroy){
		.dir = le32_get(record.dir),
		.name = (const char *)log_record->body + sizeof record,
		.name_len = le32_get(record.name_len),
		.id = { 0, le32_get(record.ino), le64_get(record.generation) },
		.now_ns = (int64_t)le64_get(record.now_ns),
	};
	if (destroy.name_len != log_record->body_len - sizeof record || !name_is_good(destroy.name, destroy.name_len))
		return -EUCLEAN;
	err = vdisk_destroy_prepare(run, &destroy);
	if (err != 0)
		return err == -ENOENT || err == -ESTALE || err == -EINVAL ? -EUCLEAN : err;
	err = run_reserve(run, destroy.n_pages);
	if (err == 0)
		vdisk_destroy_commit(run->vol, &destroy);
	vdisk_destroy_end(&destroy);
	return err;
}

/* ---- change ---------------------------------------------------------------------------------------------------- */

static int change_attr(struct vdisk_attr *attr, const struct vdisk_change *change)
{
	uint32_t n_blocks = blocks_of_size(change->size_bytes);

	attr->state_generation++;
	if ((change->set & FS_VDISK_SET_ONLINE) != 0)
		attr->online = change->online;
	if ((change->set & FS_VDISK_SET_WRITE_CACHE) != 0)
		attr->write_cache = change->write_cache;
	if ((change->set & FS_VDISK_SET_COMMENT) != 0) {
		if (change->comment_len > VDISK_COMMENT_MAX)
			return -E2BIG;
		memset(attr->comment, 0, sizeof attr->comment);
		if (change->comment_len > 0)
			memcpy(attr->comment, change->comment, change->comment_len);
	}
	if ((change->set & VDISK_CHANGE_SIZE) != 0 && n_blocks < attr->backing.n_blocks)
		attr->backing.n_blocks = n_blocks;
	return (change->set & FS_VDISK_SET_MAPS) != 0 ? vdisk_attr_set_maps(attr, change->maps, change->maps_len) : 0;
}

int vdisk_change_prepare(struct fs_run *run, struct vdisk_change *change)
{
	int err = vtoc_need(run);

	if (err == 0)
		err = vdisk_open_id(run, &change->id, &change->vdisk);
	if (err != 0)
		return err;
	if ((change->set & VDISK_CHANGE_SIZE) != 0)
		err = file_truncate_need(run, change->vdisk.container, change->size_bytes);
	if (err == 0)
		err = change_attr(&change->vdisk.attr, change);
	change->n_pages = vdisk_store_pages(&change->vdisk.attr) + 1U;
	if (err != 0)
		vdisk_close(&change->vdisk);
	return err;
}

static void size_commit(struct vdisk_change *change)
{
	struct inode *container = change->vdisk.container;

	inode_modify(container);
	file_truncate(container, change->size_bytes);
	if (container->has_backing)
		container->backing.n_blocks = change->vdisk.attr.backing.n_blocks;
	touch(container, change->now_ns);
	if (change->vdisk.entry != NULL)
		space_lun_changed(container->vol, change->vdisk.entry, container, change->vdisk.attr.reserved);
}

void vdisk_change_commit(struct vdisk_change *change)
{
	vdisk_store(&change->vdisk);
	if ((change->set & VDISK_CHANGE_SIZE) != 0)
		size_commit(change);
}

void vdisk_change_end(struct vdisk_change *change)
{
	vdisk_close(&change->vdisk);
}

size_t vdisk_change_log_size(const struct vdisk_change *change)
{
	return nvlog_size(sizeof(struct oplog_vdisk_set) + change->comment_len + change->maps_len, 0);
}

uint64_t vdisk_change_log(struct fs_volume *vol, const struct vdisk_change *change)
{
	uint8_t body[sizeof(struct oplog_vdisk_set) + VDISK_COMMENT_MAX + VDISK_MAPS_MAX];
	size_t len = sizeof(struct oplog_vdisk_set);
	struct oplog_vdisk_set record = {
		.ino = le32_of(change->id.inode),
		.set = le32_of(change->set),
		.generation = le64_of(change->id.generation),
		.size_bytes = le64_of(change->size_bytes),
		.now_ns = le64_of((uint64_t)change->now_ns),
		.comment_len = le32_of((uint32_t)change->comment_len),
		.maps_len = le32_of((uint32_t)change->maps_len),
		.online = change->online,
		.write_cache = change->write_cache,
	};

	memcpy(body, &record, sizeof record);
	if (change->comment_len > 0)
		memcpy(body + len, change->comment, change->comment_len);
	len += change->comment_len;
	if (change->maps_len > 0)
		memcpy(body + len, change->maps, change->maps_len);
	return nvlog_append(vol, NVLOG_VDISK_SET, body, len + change->maps_len, NULL, 0);
}

static int change_decode(const struct nvlog_record *log_record, struct vdisk_change *change)
{
	struct oplog_vdisk_set record;
	const char *rest = (const char *)log_record->body + sizeof record;
	size_t len;

	if (log_record->body_len < sizeof record)
		return -EUCLEAN;
	memcpy(&record, log_record->body, sizeof record);
	len = log_record->body_len - sizeof record;
	*change = (struct vdisk_change){
		.id = { 0, le32_get(record.ino), le64_get(record.generation) },
		.set = le32_get(record.set),
		.online = record.online != 0,
		.write_cache = record.write_cache != 0,
		.comment = rest,
		.comment_len = le32_get(record.comment_len),
		.maps_len = le32_get(record.maps_len),
		.size_bytes = le64_get(record.size_bytes),
		.now_ns = (int64_t)le64_get(record.now_ns),
	};
	if (change->comment_len > VDISK_COMMENT_MAX || change->comment_len > len ||
	    change->maps_len != len - change->comment_len || change->maps_len > VDISK_MAPS_MAX ||
	    change->size_bytes > VDISK_SIZE_MAX)
		return -EUCLEAN;
	change->maps = rest + change->comment_len;
	return 0;
}

int vdisk_apply_set(struct fs_run *run, const struct nvlog_record *record)
{
	struct vdisk_change change;
	int err = change_decode(record, &change);

	if (err == 0)
		err = vdisk_change_prepare(run, &change);
	if (err != 0)
		return err == -ESTALE || err == -EINVAL ? -EUCLEAN : err;
	err = run_reserve(run, change.n_pages);
	if (err == 0)
		vdisk_change_commit(&change);
	vdisk_change_end(&change);
	return err;
}
