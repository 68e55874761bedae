/* SPDX-License-Identifier: Apache-2.0 */
/* vdisks: loading, storing, describing; what the rest of the file system asks of them. */
#include "fs/vdisk/vdisk.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/hooks.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/streamformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/names/path.h"
#include "fs/vdisk/streamdir.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

/* ---- loading --------------------------------------------------------------------------------------------------- */

/* Read and decode the content of an attributes inode. */
static int attr_load(struct fs_run *run, struct inode *attributes, struct vdisk_attr *ret_attr)
{
	uint64_t size = attributes->attr.size_bytes;
	uint32_t n = blocks_of_size(size);
	uint8_t *buffer;
	int err = 0;

	if (size == 0 || size > VDISKATTR_BYTES_MAX)
		return -EUCLEAN;
	buffer = malloc((size_t)n * FS_BLOCK_SIZE);
	if (buffer == NULL)
		return -ENOMEM;
	for (uint32_t fbn = 0; fbn < n; fbn++) {
		const uint8_t *bytes;
		int err2 = file_need(run, attributes, fbn, &bytes);

		if (err2 == 0)
			memcpy(buffer + (size_t)fbn * FS_BLOCK_SIZE, bytes, FS_BLOCK_SIZE);
		else if (err == 0 || err == -EAGAIN)
			err = err2;
	}
	if (err == 0)
		err = vdisk_attr_decode(buffer, (size_t)size, ret_attr);
	free(buffer);
	return err;
}

int vdisk_open(struct fs_run *run, struct inode *container, struct vdisk *ret_vdisk)
{
	int err;

	if (container->attr.type != FS_TYPE_VDISK)
		return -EINVAL;
	ret_vdisk->container = container;
	err = streamdir_find(run, container, STREAM_ATTRIBUTES, &ret_vdisk->stream_dir, &ret_vdisk->attributes);
	if (err == 0)
		err = attr_load(run, ret_vdisk->attributes, &ret_vdisk->attr);
	if (err != 0)
		return err == -ENOENT ? -EUCLEAN : err;
	ret_vdisk->entry = container->snapshot == 0 && run->vol->vtoc != NULL
	                       ? vtoc_find(run->vol, container->ino, container->attr.generation)
	                       : NULL;
	return 0;
}

int vdisk_open_id(struct fs_run *run, const struct fs_file_id *id, struct vdisk *ret_vdisk)
{
	struct inode *container;
	int err = inode_get_id(run, id, &container);

	return err != 0 ? err : vdisk_open(run, container, ret_vdisk);
}

int vdisk_open_path(struct fs_run *run, const char *path, struct vdisk *ret_vdisk)
{
	struct fs_file_id id;
	struct inode *inode;
	int err = vtoc_need(run);

	if (err == 0)
		err = path_resolve(run, path, &id);
	if (err == 0 && id.snapshot != 0)
		err = -EROFS;
	if (err == 0)
		err = inode_get_id(run, &id, &inode);
	if (err == 0)
		err = vdisk_open(run, inode, ret_vdisk);
	if (err == 0 && ret_vdisk->entry == NULL) {
		vdisk_close(ret_vdisk);
		return -EUCLEAN;
	}
	return err;
}

int vdisk_open_entry(struct fs_run *run, struct vtoc_entry *entry, struct vdisk *ret_vdisk)
{
	struct fs_file_id id = { 0, entry->ino, entry->generation };
	struct inode *inode;
	int err = inode_get_id(run, &id, &inode);

	return err != 0 ? err : vdisk_open(run, inode, ret_vdisk);
}

void vdisk_close(struct vdisk *vdisk)
{
	vdisk_attr_fini(&vdisk->attr);
}

int vdisk_load_backing(struct fs_run *run, struct inode *inode)
{
	struct inode *stream_dir, *attributes;
	struct vdisk_attr attr;
	int err = streamdir_find(run, inode, STREAM_ATTRIBUTES, &stream_dir, &attributes);

	if (err == 0)
		err = attr_load(run, attributes, &attr);
	if (err != 0)
		return err == -ENOENT ? -EUCLEAN : err;
	inode->has_backing = attr.backing.snapshot != 0;
	inode->backing = (struct inode_backing){ attr.backing.snapshot, attr.backing.inode, attr.backing.generation,
		                                 attr.backing.n_blocks };
	vdisk_attr_fini(&attr);
	return inode->has_backing ? 0 : -EUCLEAN;
}

/* ---- storing --------------------------------------------------------------------------------------------------- */

unsigned vdisk_store_pages(const struct vdisk_attr *attr)
{
	return (unsigned)DIV_UP(vdisk_attr_size(attr), FS_BLOCK_SIZE);
}

void vdisk_attr_put(struct inode *attributes, const struct vdisk_attr *attr)
{
	uint8_t bytes[VDISKATTR_BYTES_MAX];
	size_t len = vdisk_attr_encode(attr, bytes);
	uint32_t n = (uint32_t)DIV_UP(len, FS_BLOCK_SIZE), old = blocks_of_size(attributes->attr.size_bytes);

	memset(bytes + len, 0, (size_t)n * FS_BLOCK_SIZE - len);
	for (uint32_t i = 0; i < n; i++) {
		struct page *page = cache_page_take(attributes->vol);

		memcpy(page->data, bytes + (size_t)i * FS_BLOCK_SIZE, FS_BLOCK_SIZE);
		file_put_page(attributes, i, page);
	}
	if (old > n)
		file_punch(attributes, n, old);
	inode_modify(attributes)->size_bytes = len;
}

void vdisk_store(struct vdisk *vdisk)
{
	vdisk_attr_put(vdisk->attributes, &vdisk->attr);
}

unsigned vdisk_store_growth(const struct vdisk *vdisk)
{
	unsigned n = vdisk_store_pages(&vdisk->attr), old = blocks_of_size(vdisk->attributes->attr.size_bytes);

	return n > old ? n - old : 0;
}

/* ---- describing ------------------------------------------------------------------------------------------------ */

int vdisk_path(struct fs_run *run, const struct vdisk *vdisk, char *ret_path)
{
	struct fs_file_id id;
	int err = vdisk->attr.path[0] == '\0' ? -ENOENT : path_resolve(run, vdisk->attr.path, &id);

	if (err == -EAGAIN)
		return err;
	if (err == 0 && id.snapshot == 0 && id.inode == vdisk->container->ino &&
	    id.generation == vdisk->container->attr.generation) {
		memcpy(ret_path, vdisk->attr.path, strlen(vdisk->attr.path) + 1U);
		return 0;
	}
	id = (struct fs_file_id){ 0, vdisk->container->ino, vdisk->container->attr.generation };
	err = path_of(run, &id, vdisk->attr.parent, &vdisk->container->name_slot, ret_path);
	if (err != 0 && err != -EAGAIN) { /* moved away: the last path we knew */
		memcpy(ret_path, vdisk->attr.path, strlen(vdisk->attr.path) + 1U);
		return 0;
	}
	return err;
}

static void backing_info(struct fs_volume *vol, const struct vdisk_backing *backing, struct fs_vdisk_info *info)
{
	const struct snapshot *snapshot;

	if (backing->snapshot == 0)
		return;
	snapshot = snapshot_find_id(vol, backing->snapshot);
	(void)snprintf(info->backing_snapshot, sizeof info->backing_snapshot, "%s",
	               snapshot != NULL ? snapshot->info.name : backing->snapshot_name);
	memcpy(info->backing_path, backing->path, strlen(backing->path) + 1U);
}

/* Who the LUN is for others. In a copy of a volume that lives on it is somebody else than its original. */
static void vdisk_told(const struct fs_volume *vol, const struct vdisk_attr *attr, struct fs_vdisk_info *ret_info)
{
	ret_info->uuid = attr->uuid;
	raid_identity_mask(vol->raid, &ret_info->uuid);
	if (uuid_equal(&ret_info->uuid, &attr->uuid))
		memcpy(ret_info->serial, attr->serial, sizeof ret_info->serial);
	else
		vdisk_serial_of(&ret_info->uuid, ret_info->serial);
}

void vdisk_describe(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_vdisk_info *ret_info)
{
	const struct vdisk_attr *attr = &vdisk->attr;
	struct fs_attr file;

	inode_to_attr(vdisk->container, &file);
	ret_info->id = file.id;
	vdisk_told(vol, attr, ret_info);
	ret_info->size_bytes = file.size_bytes;
	ret_info->used_bytes = file.used_bytes;
	ret_info->online = attr->online;
	ret_info->reserved = attr->reserved;
	ret_info->write_cache = attr->write_cache;
	ret_info->state_generation = attr->state_generation;
	memcpy(ret_info->comment, attr->comment, sizeof ret_info->comment);
	backing_info(vol, &attr->backing, ret_info);
	vol->hooks->clone_info(vol, vdisk, &ret_info->clone);
}

int vdisk_info(struct fs_run *run, const struct vdisk *vdisk, struct fs_vdisk_info *ret_info)
{
	int err;

	memset(ret_info, 0, sizeof *ret_info);
	err = vdisk_path(run, vdisk, ret_info->path);
	if (err != 0)
		return err;
	vdisk_describe(run->vol, vdisk, ret_info);
	if (vdisk->attr.maps == NULL)
		return 0;
	ret_info->maps = strdup(vdisk->attr.maps);
	return ret_info->maps == NULL ? -ENOMEM : 0;
}

/* ---- for the rest of the file system --------------------------------------------------------------------------- */

unsigned vdisk_dependants(struct fs_volume *vol, uint32_t snapshot_id, char *ret_path, size_t path_size)
{
	return vtoc_dependants(vol, snapshot_id, ret_path, path_size);
}

int vdisk_mount(struct fs_run *run)
{
	int err = vtoc_verify(run);

	if (err != 0)
		return err;
	space_sum(run->vol);
	return 0;
}

void vdisk_unmount(struct fs_volume *vol)
{
	vtoc_fini(vol);
}

void vdisk_cp_done(struct fs_volume *vol)
{
	if (vol->vtoc != NULL)
		vtoc_cp_done(vol);
}
