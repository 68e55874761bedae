/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and settings of LUNs, carried over a restore.
 *
 * THEORY. They are read from the volume as it was, and put into the volume it becomes: in memory, in the generation
 * of the one consistency point that switches. A document goes through the code that replays its log record. A LUN
 * that exists in both keeps its maps, state, write cache, comment and reservation. A LUN that only the snapshot has
 * comes back unmapped: its number may be another LUN's by now. LUNs are told apart by their UUID. So a LUN is the
 * same one with another inode, when it was put back by itself since the snapshot, or was gone and is back. */
#include "fs/snapshot/restore_kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/uuid.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/names/dir.h"
#include "fs/vdisk/docs.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

#define DOC_PAGES_MAX 256U

void restore_kept_fini(struct restore_kept *kept)
{
	for (size_t i = 0; i < kept->n_docs; i++) {
		page_put_many(kept->docs[i].pages, kept->docs[i].n_pages);
		free(kept->docs[i].pages);
	}
	for (size_t i = 0; i < kept->n_luns; i++)
		free(kept->luns[i].maps);
	free(kept->docs);
	free(kept->luns);
	*kept = (struct restore_kept){ 0 };
}

/* ---- taking ---- */

static int doc_take(struct fs_run *run, struct restore_kept *kept, const struct dir_entry *entry)
{
	struct page *pages[DOC_PAGES_MAX];
	struct kept_doc doc = { .name_len = entry->name_len };
	struct inode *inode;
	int err = inode_get(run, 0, entry->id.inode, &inode), result = 0;

	if (err == 0 && inode->attr.size_bytes > (uint64_t)DOC_PAGES_MAX * FS_BLOCK_SIZE)
		err = -EUCLEAN;
	if (err != 0)
		return err == -ESTALE ? -EUCLEAN : err;
	memcpy(doc.name, entry->name, entry->name_len);
	doc.size_bytes = inode->attr.size_bytes;
	doc.n_pages = blocks_of_size(doc.size_bytes);
	for (uint32_t fbn = 0; fbn < doc.n_pages; fbn++) {
		err = file_need_page(run, inode, fbn, &pages[fbn]);
		if (err != 0 && err != -EAGAIN)
			return err;
		result = err != 0 ? err : result;
	}
	if (result != 0)
		return result;
	if (!ARRAY_ROOM(kept->docs, kept->n_docs, kept->n_docs_max, 16U))
		return -ENOMEM;
	doc.pages = calloc(MAX_OF(doc.n_pages, 1U), sizeof(struct page *));
	if (doc.pages == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < doc.n_pages; i++)
		doc.pages[i] = page_get(pages[i]);
	kept->docs[kept->n_docs++] = doc;
	return 0;
}

static int docs_take(struct fs_run *run, struct restore_kept *kept)
{
	struct dir_entry entry;
	struct inode *dir;
	int err = inode_get(run, 0, INO_DOCS, &dir);

	while (err == 0) {
		uint32_t slot = kept->doc_slot;

		err = dir_next(run, dir, &slot, &entry);
		if (err == 0 && !docs_is_staged(&entry))
			err = doc_take(run, kept, &entry);
		if (err == 0) {
			kept->doc_slot = slot;
			cache_unpin_all(run);
		}
	}
	return err == -ENOENT ? 0 : err;
}

static int lun_take(struct restore_kept *kept, const struct vdisk *vdisk)
{
	const struct vdisk_attr *attr = &vdisk->attr;
	struct kept_lun lun = { .uuid = attr->uuid,
		                .online = attr->online,
		                .write_cache = attr->write_cache,
		                .reserved = attr->reserved,
		                .state_generation = attr->state_generation };

	memcpy(lun.comment, attr->comment, sizeof(lun.comment));
	if (attr->maps != NULL && (lun.maps = strdup(attr->maps)) == NULL)
		return -ENOMEM;
	if (!ARRAY_ROOM(kept->luns, kept->n_luns, kept->n_luns_max, 16U)) {
		free(lun.maps);
		return -ENOMEM;
	}
	kept->luns[kept->n_luns++] = lun;
	return 0;
}

static int luns_take(struct fs_run *run, struct restore_kept *kept)
{
	struct vtoc_entry *entry;
	int err = vtoc_need(run);

	while (err == 0 && !kept->entries_done && (entry = vtoc_next(run->vol, kept->entry)) != NULL) {
		struct vdisk vdisk;

		err = vdisk_open_entry(run, entry, &vdisk);
		if (err == -EAGAIN || err == -ENOMEM)
			return err;
		if (err != 0) { /* what it was cannot be known; what the snapshot has of it can be */
			log_error("vdisk", "unreadable", "volume=%s inode=%u error=%s", run->vol->name, entry->ino,
			          error_name(err));
		} else {
			err = lun_take(kept, &vdisk);
			vdisk_close(&vdisk);
			if (err != 0)
				return err;
		}
		err = 0;
		kept->entry = entry;
		cache_unpin_all(run);
	}
	kept->entries_done |= err == 0;
	return err;
}

int restore_kept_take(struct fs_run *run, struct restore_kept *kept)
{
	int err = docs_take(run, kept);

	return err != 0 ? err : luns_take(run, kept);
}

static int lun_order(const void *a, const void *b)
{
	const struct kept_lun *x = a, *y = b;

	return memcmp(x->uuid.b, y->uuid.b, sizeof(x->uuid.b));
}

void restore_kept_switch(struct restore_kept *kept)
{
	if (kept->n_luns > 1)
		qsort(kept->luns, kept->n_luns, sizeof(kept->luns[0]), lun_order);
	kept->sorted = true;
	kept->doc_slot = 0;
	kept->entry = NULL;
	kept->entries_done = false;
}

/* ---- putting ---- */

/* All of it goes into one CP, and none can make room meanwhile. */
static int dirty_account(struct fs_run *run, struct restore_kept *kept, unsigned n_pages)
{
	if (kept->n_dirty + n_pages > cache_dirty_max(run->vol))
		return -ENOMEM;
	kept->n_dirty += n_pages;
	return 0;
}

static int doc_put(struct fs_run *run, const struct kept_doc *doc)
{
	uint8_t body[sizeof(struct oplog_doc_put) + FS_NAME_MAX];
	struct nvlog_record record = {
		.type = NVLOG_DOC_PUT, .body = body, .pages = doc->pages, .n_pages = doc->n_pages
	};
	struct oplog_doc_put head = { .name_len = le32_of((uint32_t)doc->name_len),
		                      .size_bytes = le64_of(doc->size_bytes) };
	uint32_t ino;
	int err = inode_find_free(run, &ino);

	if (err != 0)
		return err;
	head.ino = le32_of(ino);
	head.generation = le64_of(volume_next_generation(run->vol));
	head.time_ns = le64_of((uint64_t)volume_now_ns(run->vol));
	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), doc->name, doc->name_len);
	record.body_len = sizeof(head) + doc->name_len;
	return docs_apply_put(run, &record);
}

static bool doc_is_kept(const struct restore_kept *kept, const struct dir_entry *entry)
{
	for (size_t i = 0; i < kept->n_docs; i++)
		if (kept->docs[i].name_len == entry->name_len &&
		    memcmp(kept->docs[i].name, entry->name, entry->name_len) == 0)
			return true;
	return false;
}

static int doc_delete(struct fs_run *run, const struct dir_entry *entry)
{
	uint8_t body[sizeof(struct oplog_doc_delete) + FS_NAME_MAX];
	struct nvlog_record record = { .type = NVLOG_DOC_DELETE,
		                       .body = body,
		                       .body_len = sizeof(struct oplog_doc_delete) + entry->name_len };
	struct oplog_doc_delete head = { .name_len = le32_of((uint32_t)entry->name_len),
		                         .time_ns = le64_of((uint64_t)volume_now_ns(run->vol)) };

	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), entry->name, entry->name_len);
	return docs_apply_delete(run, &record);
}

/* Those the snapshot had and nobody has today go. */
static int docs_delete(struct fs_run *run, struct restore_kept *kept)
{
	struct dir_entry entry;
	struct inode *dir;
	int err = inode_get(run, 0, INO_DOCS, &dir);

	while (err == 0) {
		uint32_t slot = kept->doc_slot;

		err = dir_next(run, dir, &slot, &entry);
		/* the sweep after the mount has it */
		if (err == 0 && !doc_is_kept(kept, &entry) && !docs_is_staged(&entry))
			err = doc_delete(run, &entry);
		if (err == 0)
			kept->doc_slot = slot;
	}
	return err == -ENOENT ? 0 : err;
}

static int docs_put(struct fs_run *run, struct restore_kept *kept)
{
	int err = docs_delete(run, kept);

	while (err == 0 && kept->docs_put < kept->n_docs) {
		const struct kept_doc *doc = &kept->docs[kept->docs_put];

		err = doc_put(run, doc);
		if (err == 0)
			err = dirty_account(run, kept, doc->n_pages + DIR_PLAN_PAGES_MAX);
		if (err == 0)
			kept->docs_put++;
		cache_unpin_all(run);
	}
	return err;
}

static const struct kept_lun *lun_find(const struct restore_kept *kept, const struct uuid *uuid)
{
	const struct kept_lun key = { .uuid = *uuid };

	return kept->n_luns == 0 ? NULL : bsearch(&key, kept->luns, kept->n_luns, sizeof(key), lun_order);
}

static bool text_is(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool lun_is_so(const struct kept_lun *lun, const struct vdisk_attr *attr)
{
	if (lun == NULL)
		return attr->maps == NULL;
	return lun->online == attr->online && lun->write_cache == attr->write_cache &&
	       lun->reserved == attr->reserved && strcmp(lun->comment, attr->comment) == 0 &&
	       text_is(lun->maps, attr->maps);
}

static int lun_set(const struct kept_lun *lun, struct vdisk_attr *attr)
{
	const char *maps = lun != NULL ? lun->maps : NULL;

	if (lun != NULL) {
		attr->online = lun->online;
		attr->write_cache = lun->write_cache;
		attr->reserved = lun->reserved;
		attr->state_generation = MAX_OF(attr->state_generation, lun->state_generation);
		memcpy(attr->comment, lun->comment, sizeof(attr->comment));
	}
	attr->state_generation++;
	return vdisk_attr_set_maps(attr, maps, maps != NULL ? strlen(maps) : 0);
}

static int lun_put(struct fs_run *run, struct restore_kept *kept, struct vdisk *vdisk)
{
	const struct kept_lun *lun = lun_find(kept, &vdisk->attr.uuid);
	int err;

	if (lun == NULL && vdisk->attr.maps != NULL)
		log_warn("vdisk", "unmapped",
		         "volume=%s lun=%s: it was destroyed after the snapshot and is back, without its maps",
		         run->vol->name, vdisk->attr.path);
	if (lun_is_so(lun, &vdisk->attr))
		return 0;
	err = lun_set(lun, &vdisk->attr);
	if (err == 0)
		err = run_reserve(run, vdisk_store_pages(&vdisk->attr));
	if (err == 0)
		err = dirty_account(run, kept, vdisk_store_pages(&vdisk->attr) + 2U);
	if (err == 0)
		vdisk_store(vdisk);
	return err;
}

static int luns_put(struct fs_run *run, struct restore_kept *kept)
{
	struct vtoc_entry *entry;
	int err = vtoc_need(run);

	while (err == 0 && !kept->entries_done && (entry = vtoc_next(run->vol, kept->entry)) != NULL) {
		struct vdisk vdisk;

		err = vdisk_open_entry(run, entry, &vdisk);
		if (err == -ESTALE || err == -EINVAL) { /* a VTOC that is wrong: the mount rebuilds it */
			err = 0;
		} else if (err == 0) {
			err = lun_put(run, kept, &vdisk);
			vdisk_close(&vdisk);
		}
		if (err == 0) {
			kept->entry = entry;
			cache_unpin_all(run);
		}
	}
	kept->entries_done |= err == 0;
	return err;
}

int restore_kept_put(struct fs_run *run, struct restore_kept *kept)
{
	int err = docs_put(run, kept);

	return err != 0 ? err : luns_put(run, kept);
}
