/* SPDX-License-Identifier: Apache-2.0 */
/* The VTOC against the vdisks themselves: checked at mount, rebuilt by a scan of the inode file when missing or
 * wrong. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/uuid.h"
#include "fs/core/core.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"
#include "fs/vdisk/vtoc_private.h"

#define SCAN_BLOCKS 64U /* of the inode file, a step */

/* ---- rebuild --------------------------------------------------------------------------------------------------- */

static int scan_take(struct fs_run *run, uint32_t ino)
{
	struct inode *inode;
	struct vdisk vdisk;
	int err = inode_get(run, 0, ino, &inode);

	if (err == -ESTALE || (err == 0 && inode->attr.type != FS_TYPE_VDISK))
		return 0;
	if (err == 0)
		err = vdisk_open(run, inode, &vdisk);
	if (err == -EAGAIN || err == -ENOMEM)
		return err;
	if (err != 0) {
		log_error("vdisk", "unreadable", "volume=%s inode=%u error=%s", run->vol->name, ino, error_name(err));
		return 0;
	}
	if (vdisk.entry == NULL)
		(void)vtoc_insert(run->vol->vtoc, ino, inode->attr.generation, &vdisk.attr);
	vdisk_close(&vdisk);
	return 0;
}

static bool block_has_vdisk(const uint8_t *bytes, unsigned i)
{
	struct inode_disk disk;

	memcpy(&disk, bytes + i * sizeof disk, sizeof disk);
	return (disk.type_height & 15U) == FS_TYPE_VDISK;
}

/* One block of the inode file. Taking an inode twice does no harm. */
static int scan_block(struct fs_run *run, uint32_t fbn)
{
	const uint8_t *bytes;
	int err = file_need(run, run->vol->inode_file, fbn, &bytes), result = 0;

	for (unsigned i = 0; err == 0 && i < INODES_PER_BLOCK; i++) {
		if (!block_has_vdisk(bytes, i))
			continue;
		int err2 = scan_take(run, fbn * INODES_PER_BLOCK + i);
		if (err2 != 0 && err2 != -EAGAIN)
			return err2;
		result = err2 != 0 ? err2 : result;
	}
	return err != 0 ? err : result;
}

int vtoc_rebuild(struct fs_run *run)
{
	struct vtoc *vtoc = run->vol->vtoc;
	uint32_t n_blocks = blocks_of_size(run->vol->inode_file->attr.size_bytes);
	uint32_t end = MIN_OF(n_blocks, vtoc->scan_fbn + SCAN_BLOCKS);
	int result = 0;

	for (uint32_t fbn = vtoc->scan_fbn; fbn < end; fbn++) {
		int err = scan_block(run, fbn);
		if (err != 0 && err != -EAGAIN)
			return err;
		result = err != 0 ? err : result;
	}
	if (result != 0)
		return result;
	vtoc->scan_fbn = end;
	if (end < n_blocks) {
		cache_unpin_all(run);
		return run_yield(run);
	}
	vtoc->scan_fbn = 0;
	vtoc->damaged = false;
	vtoc->loaded = true;
	vtoc->rebuilt = true;
	log_info("vdisk", "vtoc_rebuilt", "volume=%s vdisks=%u", run->vol->name, vtoc->n);
	return 0;
}

/* What was rebuilt goes to the file. */
static int rebuilt_write(struct fs_run *run)
{
	struct vtoc *vtoc = run->vol->vtoc;
	uint32_t n = vtoc_blocks(vtoc);
	struct inode *file;
	struct page **pages;
	int err;

	if (!vtoc->rebuilt || run->vol->read_only)
		return 0;
	err = inode_get(run, 0, INO_VTOC, &file);
	if (err == 0)
		err = run_reserve(run, n);
	if (err != 0)
		return err;
	pages = calloc(n, sizeof(struct page *));
	if (pages == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		pages[i] = cache_page_take(run->vol);
	vtoc_write_all(run->vol, pages);
	free(pages);
	vtoc->rebuilt = false;
	return 0;
}

/* ---- check ----------------------------------------------------------------------------------------------------- */

static bool entry_matches(const struct vtoc_entry *entry, const struct vdisk *vdisk)
{
	const struct vdisk_backing *backing = &vdisk->attr.backing;

	return uuid_equal(&entry->uuid, &vdisk->attr.uuid) && entry->backing.snapshot == backing->snapshot &&
	       entry->backing.inode == backing->inode && entry->backing.generation == backing->generation &&
	       vdisk->container->has_backing == (backing->snapshot != 0);
}

/* 0, -EAGAIN, -EUCLEAN: does not match. */
static int entry_verify(struct fs_run *run, struct vtoc_entry *entry)
{
	struct vdisk vdisk;
	int err = vdisk_open_entry(run, entry, &vdisk);

	if (err == -ESTALE || err == -EINVAL)
		return -EUCLEAN;
	if (err != 0)
		return err;
	space_lun_load(run->vol, entry, vdisk.container, vdisk.attr.reserved);
	err = entry_matches(entry, &vdisk) ? 0 : -EUCLEAN;
	vdisk_close(&vdisk);
	return err;
}

static int entries_verify(struct fs_run *run)
{
	struct vtoc_entry *entry = NULL;
	int result = 0;

	while ((entry = vtoc_next(run->vol, entry)) != NULL) {
		int err = entry_verify(run, entry);
		if (err != 0 && err != -EAGAIN)
			return err;
		result = err != 0 ? err : result;
	}
	return result;
}

int vtoc_verify(struct fs_run *run)
{
	struct vtoc *vtoc;
	int err = vtoc_need(run);

	if (err != 0)
		return err;
	vtoc = run->vol->vtoc;
	err = entries_verify(run);
	if (err == -EUCLEAN && !vtoc->rebuilt) {
		log_warn("vdisk", "vtoc_wrong", "volume=%s action=rebuild", run->vol->name);
		vtoc_clear(vtoc);
		vtoc->loaded = false;
		vtoc->damaged = true;
		return run_yield(run);
	}
	if (err != 0 && err != -EUCLEAN)
		return err;
	err = rebuilt_write(run);
	return err != 0 ? err : vtoc_holds_load(run);
}
