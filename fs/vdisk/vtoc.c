/* SPDX-License-Identifier: Apache-2.0 */
/* The VTOC: its file, and its form in memory. fs/vdisk/vtoc_verify.c compares and rebuilds it. */
#include "fs/vdisk/vtoc.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/vtocformat.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc_private.h"

#define RECORDS_PER_BLOCK (FS_BLOCK_SIZE / (uint32_t)sizeof(struct vtoc_disk))
#define SLOTS_MAX 1000000U

static uint32_t slot_fbn(uint32_t slot)
{
	return slot / RECORDS_PER_BLOCK;
}
static size_t slot_offset(uint32_t slot)
{
	return slot % RECORDS_PER_BLOCK * sizeof(struct vtoc_disk);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static void record_encode(const struct vtoc_entry *entry, uint8_t *bytes)
{
	struct vtoc_disk disk = {
		.magic = le32_of(VTOC_MAGIC),
		.inode = le32_of(entry->ino),
		.parent = le32_of(entry->parent),
		.generation = le64_of(entry->generation),
		.backing_snapshot = le32_of(entry->backing.snapshot),
		.backing_inode = le32_of(entry->backing.inode),
		.backing_generation = le64_of(entry->backing.generation),
	};

	memcpy(disk.uuid, entry->uuid.b, sizeof disk.uuid);
	memcpy(disk.path, entry->path, strlen(entry->path));
	disk.crc = le32_of(crc32c(&disk, sizeof disk));
	memcpy(bytes, &disk, sizeof disk);
}

/* -ENOENT: the slot is free. */
static int record_decode(const uint8_t *bytes, struct vtoc_entry *ret_entry)
{
	struct vtoc_disk disk;
	uint32_t crc;

	memcpy(&disk, bytes, sizeof disk);
	if (bytes_are_zero(&disk, sizeof disk))
		return -ENOENT;
	crc = le32_get(disk.crc);
	disk.crc = le32_of(0);
	if (le32_get(disk.magic) != VTOC_MAGIC || crc32c(&disk, sizeof disk) != crc ||
	    memchr(disk.path, '\0', sizeof disk.path) == NULL || le32_get(disk.inode) < INO_FIRST_DYNAMIC)
		return -EUCLEAN;
	*ret_entry = (struct vtoc_entry){
		.ino = le32_get(disk.inode),
		.generation = le64_get(disk.generation),
		.parent = le32_get(disk.parent),
		.backing = { le32_get(disk.backing_snapshot), le32_get(disk.backing_inode),
		             le64_get(disk.backing_generation) },
	};
	memcpy(ret_entry->uuid.b, disk.uuid, sizeof disk.uuid);
	memcpy(ret_entry->path, disk.path, sizeof disk.path);
	return 0;
}

static void head_encode(const struct vtoc *vtoc, uint8_t *bytes)
{
	struct vtoc_head_disk head = { .magic = le32_of(VTOC_HEAD_MAGIC), .n_records = le32_of(vtoc->n) };

	head.crc = le32_of(crc32c(&head, sizeof head));
	memcpy(bytes, &head, sizeof head);
}

static int head_decode(const uint8_t *bytes, uint32_t *ret_n)
{
	struct vtoc_head_disk head;
	uint32_t crc;

	memcpy(&head, bytes, sizeof head);
	crc = le32_get(head.crc);
	head.crc = le32_of(0);
	if (le32_get(head.magic) != VTOC_HEAD_MAGIC || crc32c(&head, sizeof head) != crc)
		return -EUCLEAN;
	*ret_n = le32_get(head.n_records);
	return 0;
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static struct vtoc *vtoc_of(struct fs_volume *vol)
{
	if (vol->vtoc == NULL) {
		vol->vtoc = reserve_calloc(1, sizeof *vol->vtoc);
		TAILQ_INIT(&vol->vtoc->entries);
	}
	return vol->vtoc;
}

/* Into the list, by slot. */
static void entry_insert(struct vtoc *vtoc, struct vtoc_entry *entry)
{
	struct vtoc_entry *before;

	TAILQ_FOREACH_REVERSE(before, &vtoc->entries, vtoc_queue, link)
		if (before->slot < entry->slot)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&vtoc->entries, before, entry, link);
	else
		TAILQ_INSERT_HEAD(&vtoc->entries, entry, link);
	vtoc->n++;
}

void vtoc_clear(struct vtoc *vtoc)
{
	struct vtoc_entry *entry;

	while ((entry = TAILQ_FIRST(&vtoc->entries)) != NULL) {
		TAILQ_REMOVE(&vtoc->entries, entry, link);
		free(entry);
	}
	vtoc->n = 0;
}

static uint32_t slot_free(const struct vtoc *vtoc)
{
	const struct vtoc_entry *entry;
	uint32_t slot = 1;

	TAILQ_FOREACH(entry, &vtoc->entries, link) {
		if (entry->slot != slot)
			break;
		slot++;
	}
	return slot;
}

struct vtoc_entry *vtoc_find(struct fs_volume *vol, uint32_t ino, uint64_t generation)
{
	struct vtoc_entry *entry;

	TAILQ_FOREACH(entry, &vol->vtoc->entries, link)
		if (entry->ino == ino && entry->generation == generation)
			return entry;
	return NULL;
}

struct vtoc_entry *vtoc_next(struct fs_volume *vol, const struct vtoc_entry *after)
{
	return after == NULL ? TAILQ_FIRST(&vol->vtoc->entries) : TAILQ_NEXT(after, link);
}

const char *vtoc_path(const struct fs_volume *vol, uint32_t ino)
{
	const struct vtoc_entry *entry;

	if (vol->vtoc == NULL)
		return NULL;
	TAILQ_FOREACH(entry, &vol->vtoc->entries, link)
		if (entry->ino == ino && entry->path[0] != '\0')
			return entry->path;
	return NULL;
}

uint64_t vtoc_changes(const struct fs_volume *vol)
{
	return vol->vtoc->n_changes;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* Show every record of a VTOC file to `visit`. -EUCLEAN: it is damaged. Reads are named before anything is visited. */
int vtoc_file_visit(struct fs_run *run, struct inode *file,
                    int (*visit)(void *arg, uint32_t slot, const struct vtoc_entry *entry), void *arg)
{
	uint32_t n_blocks = blocks_of_size(file->attr.size_bytes), n_records = 0, n = 0;
	const uint8_t *bytes;
	int err = 0;

	if (n_blocks > SLOTS_MAX / RECORDS_PER_BLOCK)
		return -EUCLEAN;
	for (uint32_t fbn = 0; fbn < n_blocks; fbn++) {
		int err2 = file_need(run, file, fbn, &bytes);
		if (err2 != 0 && err2 != -EAGAIN)
			return err2;
		err = err2 != 0 ? err2 : err;
	}
	if (err != 0 || n_blocks == 0)
		return err;
	for (uint32_t slot = 0; slot < n_blocks * RECORDS_PER_BLOCK; slot++) {
		struct vtoc_entry entry;

		err = file_need(run, file, slot_fbn(slot), &bytes);
		if (err == 0)
			err = slot == 0 ? head_decode(bytes, &n_records)
			                : record_decode(bytes + slot_offset(slot), &entry);
		if (err == 0 && slot != 0) {
			err = visit(arg, slot, &entry);
			n++;
		}
		if (err != 0 && err != -ENOENT)
			return err;
	}
	return n == n_records ? 0 : -EUCLEAN;
}

static int load_visit(void *arg, uint32_t slot, const struct vtoc_entry *record)
{
	struct vtoc *vtoc = arg;
	const struct vtoc_entry *other;
	struct vtoc_entry *entry;

	TAILQ_FOREACH(other, &vtoc->entries, link)
		if (other->ino == record->ino)
			return -EUCLEAN;
	entry = malloc(sizeof *entry);
	if (entry == NULL)
		return -ENOMEM;
	*entry = *record;
	entry->slot = slot;
	entry_insert(vtoc, entry);
	return 0;
}

int vtoc_need(struct fs_run *run)
{
	struct vtoc *vtoc = vtoc_of(run->vol);
	struct inode *file;
	int err;

	if (vtoc->loaded)
		return 0;
	err = inode_get(run, 0, INO_VTOC, &file);
	if (err != 0)
		return err;
	if (!vtoc->damaged) {
		vtoc_clear(vtoc);
		err = vtoc_file_visit(run, file, load_visit, vtoc);
		if (err == 0)
			vtoc->loaded = true;
		if (err == 0 || err == -EAGAIN || err == -ENOMEM)
			return err;
		log_warn("vdisk", "vtoc_damaged", "volume=%s error=%s action=rebuild", run->vol->name, error_name(err));
		vtoc->damaged = true;
		vtoc_clear(vtoc);
	}
	return vtoc_rebuild(run);
}

/* ---- changing -------------------------------------------------------------------------------------------------- */

static int block_need(struct fs_run *run, struct inode *file, uint32_t fbn)
{
	const uint8_t *bytes;

	return file_need(run, file, fbn, &bytes);
}

static int slot_plan(struct fs_run *run, uint32_t slot)
{
	struct inode *file;
	int err = inode_get(run, 0, INO_VTOC, &file), err2;

	if (err != 0)
		return err;
	err = block_need(run, file, 0);
	err2 = block_need(run, file, slot_fbn(slot));
	return err != 0 ? err : err2;
}

int vtoc_plan_add(struct fs_run *run)
{
	uint32_t slot;
	int err = vtoc_need(run);

	if (err != 0)
		return err;
	slot = slot_free(run->vol->vtoc);
	return slot >= SLOTS_MAX ? -ENOSPC : slot_plan(run, slot);
}

int vtoc_plan_change(struct fs_run *run, const struct vtoc_entry *entry)
{
	return slot_plan(run, entry->slot);
}

/* The inode is in memory: vtoc_plan_... has been called in this step. */
static struct inode *vtoc_file(struct fs_volume *vol)
{
	struct inode *file = inode_find(vol, 0, INO_VTOC);

	vc_assert(file != NULL && file->loaded);
	return file;
}

static void slot_write(struct fs_volume *vol, uint32_t slot, const struct vtoc_entry *entry)
{
	struct inode *file = vtoc_file(vol);
	uint64_t size = (uint64_t)(slot_fbn(slot) + 1U) * FS_BLOCK_SIZE;
	uint8_t *bytes = file_edit(file, slot_fbn(slot)) + slot_offset(slot);

	if (entry != NULL)
		record_encode(entry, bytes);
	else
		memset(bytes, 0, sizeof(struct vtoc_disk));
	head_encode(vol->vtoc, file_edit(file, 0));
	if (file->attr.size_bytes < size)
		inode_modify(file)->size_bytes = size;
}

static void entry_set(struct vtoc_entry *entry, const struct vdisk_attr *attr)
{
	entry->uuid = attr->uuid;
	entry->backing = (struct vdisk_backing_handle){ attr->backing.snapshot, attr->backing.inode,
		                                        attr->backing.generation };
	entry->parent = attr->parent;
	memset(entry->path, 0, sizeof entry->path);
	if (strlen(attr->path) <= VTOC_PATH_MAX)
		memcpy(entry->path, attr->path, strlen(attr->path));
}

struct vtoc_entry *vtoc_insert(struct vtoc *vtoc, uint32_t ino, uint64_t generation, const struct vdisk_attr *attr)
{
	struct vtoc_entry *entry = reserve_calloc(1, sizeof *entry);

	entry->slot = slot_free(vtoc);
	entry->ino = ino;
	entry->generation = generation;
	entry_set(entry, attr);
	entry_insert(vtoc, entry);
	return entry;
}

struct vtoc_entry *vtoc_add(struct fs_volume *vol, uint32_t ino, uint64_t generation, const struct vdisk_attr *attr)
{
	struct vtoc_entry *entry = vtoc_insert(vol->vtoc, ino, generation, attr);

	vol->vtoc->n_changes++;
	entry->backed_since = vol->generation;
	slot_write(vol, entry->slot, entry);
	return entry;
}

void vtoc_update(struct fs_volume *vol, struct vtoc_entry *entry, const struct vdisk_attr *attr)
{
	if (entry->backing.snapshot != 0 && attr->backing.snapshot == 0)
		vtoc_note_release(vol, entry);
	entry_set(entry, attr);
	slot_write(vol, entry->slot, entry);
}

void vtoc_remove(struct fs_volume *vol, struct vtoc_entry *entry)
{
	if (entry->backing.snapshot != 0)
		vtoc_note_release(vol, entry);
	TAILQ_REMOVE(&vol->vtoc->entries, entry, link);
	vol->vtoc->n--;
	vol->vtoc->n_changes++;
	slot_write(vol, entry->slot, NULL);
	free(entry);
}

/* Everything anew: the blocks [0, vtoc_blocks) are reserved and need not be read. */
uint32_t vtoc_blocks(const struct vtoc *vtoc)
{
	return slot_fbn(vtoc->n) + 1U;
}

void vtoc_write_all(struct fs_volume *vol, struct page *const *pages)
{
	struct inode *file = vtoc_file(vol);
	uint32_t n_blocks = vtoc_blocks(vol->vtoc), old_blocks = blocks_of_size(file->attr.size_bytes);
	const struct vtoc_entry *entry;

	for (uint32_t i = 0; i < n_blocks; i++)
		memset(pages[i]->data, 0, FS_BLOCK_SIZE);
	head_encode(vol->vtoc, pages[0]->data);
	TAILQ_FOREACH(entry, &vol->vtoc->entries, link)
		record_encode(entry, pages[slot_fbn(entry->slot)]->data + slot_offset(entry->slot));
	for (uint32_t i = 0; i < n_blocks; i++)
		file_put_page(file, i, pages[i]);
	if (old_blocks > n_blocks)
		file_punch(file, n_blocks, old_blocks);
	inode_modify(file)->size_bytes = (uint64_t)n_blocks * FS_BLOCK_SIZE;
}

void vtoc_fini(struct fs_volume *vol)
{
	if (vol->vtoc == NULL)
		return;
	vtoc_clear(vol->vtoc);
	free(vol->vtoc->releases);
	for (unsigned i = 0; i < vol->vtoc->n_holds; i++)
		free(vol->vtoc->holds[i].ids);
	free(vol->vtoc->holds);
	free(vol->vtoc);
	vol->vtoc = NULL;
}
