/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: small named blobs kept with the volume (exports, igroups, schedules). Each is a file of the hidden
 * directory INO_DOCS.
 *
 * THEORY. A put replaces the whole content in one step, so it is atomic: one generation has the old blob, the next
 * one the new. It is logged with the blob as pages, and answered when the record is durable. The record does not
 * depend on what was there before. */
#include "fs/vdisk/docs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/file/cache.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/dir.h"

#define DOC_BYTES_MAX (1U << 20)
#define DOC_PAGES_SMALL 4U
#define DOC_PAGES_MAX (DOC_BYTES_MAX / FS_BLOCK_SIZE)

size_t docs_staged_name(uint32_t ino, char ret_name[STAGED_NAME_SIZE])
{
	return (size_t)snprintf(ret_name, STAGED_NAME_SIZE, "%crestore-%u", STAGED_MARK, ino);
}

bool docs_is_staged(const struct dir_entry *entry)
{
	char name[STAGED_NAME_SIZE];

	return entry->type == FS_TYPE_REG && docs_staged_name(entry->id.inode, name) == entry->name_len &&
	       memcmp(name, entry->name, entry->name_len) == 0;
}

struct doc_put {
	const char *name;
	size_t name_len;
	uint32_t ino;
	uint64_t generation;
	uint64_t size_bytes;
	int64_t time_ns;
};

/* What a put found: the document to rewrite, or the place of a new one. */
struct doc_place {
	struct inode *dir;
	struct inode *inode; /* NULL: new */
	struct dir_plan plan;
	uint32_t n_pages; /* to be edited beside the content */
};

static int doc_name_check(const char *name, size_t len)
{
	if (name == NULL || len == 0 || memchr(name, '/', len) != NULL || memchr(name, '\0', len) != NULL ||
	    (len <= 2 && memcmp(name, "..", len) == 0) || name[0] == STAGED_MARK)
		return -EINVAL;
	return len > FS_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int doc_find(struct fs_run *run, const char *name, size_t len, struct inode **ret_dir, struct inode **ret_inode)
{
	struct fs_file_id id;
	uint8_t type;
	int err = inode_get(run, 0, INO_DOCS, ret_dir);

	if (err == 0)
		err = dir_lookup(run, *ret_dir, name, len, &id, &type);
	if (err == 0)
		err = inode_get(run, 0, id.inode, ret_inode);
	if (err == 0 && ((*ret_inode)->attr.type != FS_TYPE_META || (*ret_inode)->attr.generation != id.generation ||
	                 (*ret_inode)->attr.size_bytes > DOC_BYTES_MAX))
		return -EUCLEAN;
	return err == -ESTALE ? -EUCLEAN : err;
}

/* ---- put ---- */

static int doc_place_find(struct fs_run *run, const struct doc_put *put, struct doc_place *place)
{
	int err = doc_find(run, put->name, put->name_len, &place->dir, &place->inode);

	place->n_pages = 0;
	if (err != -ENOENT)
		return err;
	place->inode = NULL;
	err = inode_need_map(run, put->ino);
	if (err == 0)
		err = dir_plan_add(run, place->dir, put->name, put->name_len, &place->plan);
	place->n_pages = place->plan.n_pages + 2U;
	return err;
}

static struct inode *doc_make(struct fs_volume *vol, const struct doc_put *put, const struct doc_place *place)
{
	struct inode_attr attr = { .type = FS_TYPE_META, .mode = 0600, .nlink = 1, .generation = put->generation };
	struct fs_file_id id = { 0, put->ino, put->generation };
	struct inode *inode = inode_create(vol, put->ino, &attr);
	struct inode_attr *dir_attr;

	dir_add(place->dir, &place->plan, put->name, put->name_len, &id, FS_TYPE_META);
	dir_attr = inode_modify(place->dir);
	dir_attr->mtime_ns = dir_attr->ctime_ns = put->time_ns;
	return inode;
}

/* The content becomes `pages` (references taken over). */
static void doc_put(struct fs_volume *vol, const struct doc_put *put, const struct doc_place *place,
                    struct page *const *pages, unsigned n_pages)
{
	struct inode *inode = place->inode != NULL ? place->inode : doc_make(vol, put, place);
	struct inode_attr *attr;
	uint32_t old_blocks = blocks_of_size(inode->attr.size_bytes);

	for (unsigned i = 0; i < n_pages; i++)
		file_put_page(inode, i, pages[i]);
	if (n_pages < old_blocks)
		file_punch(inode, n_pages, old_blocks);
	attr = inode_modify(inode);
	attr->size_bytes = put->size_bytes;
	attr->mtime_ns = attr->ctime_ns = put->time_ns;
}

/* Fresh pages with the blob, the rest of the last one zero. They were reserved. */
static void doc_fill_pages(struct fs_volume *vol, const uint8_t *blob, size_t len, struct page **ret_pages)
{
	for (size_t at = 0, i = 0; at < len; at += FS_BLOCK_SIZE, i++) {
		size_t n = MIN_OF(len - at, (size_t)FS_BLOCK_SIZE);

		ret_pages[i] = cache_page_take(vol);
		memcpy(ret_pages[i]->data, blob + at, n);
		memset(ret_pages[i]->data + n, 0, FS_BLOCK_SIZE - n);
	}
}

static uint64_t doc_put_log(struct fs_volume *vol, const struct doc_put *put, struct page *const *pages,
                            unsigned n_pages)
{
	uint8_t body[sizeof(struct oplog_doc_put) + FS_NAME_MAX];
	struct oplog_doc_put head = {
		.ino = le32_of(put->ino),
		.name_len = le32_of((uint32_t)put->name_len),
		.generation = le64_of(put->generation),
		.size_bytes = le64_of(put->size_bytes),
		.time_ns = le64_of((uint64_t)put->time_ns),
	};

	memcpy(body, &head, sizeof head);
	memcpy(body + sizeof head, put->name, put->name_len);
	return nvlog_append(vol, NVLOG_DOC_PUT, body, sizeof head + put->name_len, pages, n_pages);
}

static int doc_size_check(const struct fs_volume *vol, size_t len, uint64_t *ret_most)
{
	uint64_t used, half;

	nvlog_usage(vol, &used, &half);
	*ret_most = MIN_OF((uint64_t)DOC_BYTES_MAX, half / 2 - 2U * FS_BLOCK_SIZE);
	return len <= DOC_BYTES_MAX && nvlog_size(sizeof(struct oplog_doc_put) + FS_NAME_MAX,
	                                          (unsigned)DIV_UP(len, FS_BLOCK_SIZE)) <= half / 2
	           ? 0
	           : -EFBIG;
}

int docs_write(struct fs_run *run, const struct docs_content *content, uint64_t *ret_sequence)
{
	struct fs_volume *vol = run->vol;
	struct page *pages[DOC_PAGES_MAX];
	unsigned n_pages = (unsigned)DIV_UP(content->blob_len, FS_BLOCK_SIZE);
	struct doc_put put = { .name = content->name,
		               .name_len = content->name_len,
		               .size_bytes = content->blob_len,
		               .time_ns = volume_now_ns(vol) };
	struct doc_place place;
	uint64_t most;
	int err = doc_name_check(put.name, put.name_len);

	if (err == 0)
		err = doc_size_check(vol, content->blob_len, &most);
	if (err == 0)
		err = inode_find_free(run, &put.ino);
	if (err == 0)
		err = doc_place_find(run, &put, &place);
	if (err == 0) /* a small one is admitted like a name: on a full volume too it must be possible to say what shall
	               * be done about it */
		err = admit_change(run, n_pages + place.n_pages,
		                   nvlog_size(sizeof(struct oplog_doc_put) + put.name_len, n_pages),
		                   n_pages <= DOC_PAGES_SMALL ? 0 : n_pages + place.n_pages);
	if (err != 0)
		return err;
	put.generation = volume_next_generation(vol);
	doc_fill_pages(vol, content->blob, content->blob_len, pages);
	*ret_sequence = doc_put_log(vol, &put, pages, n_pages);
	doc_put(vol, &put, &place, pages, n_pages);
	return 0;
}

int op_doc_put(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	const struct docs_content content = { msg->in.name, msg->in.name_len, msg->in.blob, msg->in.blob_len };
	uint64_t most;
	int err = docs_write(run, &content, &msg->word[0]);

	if (err == -EFBIG && doc_size_check(run->vol, content.blob_len, &most) != 0)
		message_error_text(msg, "document \"%.*s\" of %zu bytes is too big: at most %llu bytes on this volume",
		                   (int)msg->in.name_len, msg->in.name, msg->in.blob_len, (unsigned long long)most);
	return err != 0 ? err : OP_LOGGED;
}

int docs_apply_put(struct fs_run *run, const struct nvlog_record *record)
{
	const struct oplog_doc_put *head = (const struct oplog_doc_put *)(const void *)record->body;
	struct doc_place place;
	struct doc_put put;
	int err;

	if (record->body_len < sizeof *head || le32_get(head->name_len) != record->body_len - sizeof *head)
		return -EUCLEAN;
	put = (struct doc_put){
		(const char *)(head + 1),   le32_get(head->name_len),   le32_get(head->ino),
		le64_get(head->generation), le64_get(head->size_bytes), (int64_t)le64_get(head->time_ns)
	};
	if (doc_name_check(put.name, put.name_len) != 0 || put.ino < INO_FIRST_DYNAMIC ||
	    put.size_bytes > DOC_BYTES_MAX || record->n_pages != blocks_of_size(put.size_bytes))
		return -EUCLEAN;
	err = doc_place_find(run, &put, &place);
	if (err == 0)
		err = run_reserve(run, record->n_pages + place.n_pages);
	if (err != 0)
		return err;
	for (unsigned i = 0; i < record->n_pages; i++)
		page_get(record->pages[i]);
	doc_put(run->vol, &put, &place, record->pages, record->n_pages);
	return 0;
}

/* ---- delete ---- */

struct doc_removal {
	struct inode *dir, *inode;
	struct dir_plan plan;
};

static int doc_removal_find(struct fs_run *run, const char *name, size_t name_len, struct doc_removal *removal)
{
	int err = doc_find(run, name, name_len, &removal->dir, &removal->inode);

	if (err == 0)
		err = inode_need_map(run, removal->inode->ino);
	if (err == 0)
		err = dir_plan_remove(run, removal->dir, name, name_len, &removal->plan);
	return err;
}

static void doc_remove(const struct doc_removal *removal, const char *name, size_t name_len, int64_t time_ns)
{
	struct inode_attr *attr;

	dir_remove(removal->dir, &removal->plan, name, name_len);
	attr = inode_modify(removal->dir);
	attr->mtime_ns = attr->ctime_ns = time_ns;
	inode_remove(removal->inode);
}

int op_doc_delete(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	uint8_t body[sizeof(struct oplog_doc_delete) + FS_NAME_MAX];
	size_t name_len = msg->in.name_len;
	struct oplog_doc_delete head = { .name_len = le32_of((uint32_t)name_len) };
	struct doc_removal removal;
	int64_t now = volume_now_ns(run->vol);
	int err = doc_name_check(msg->in.name, name_len);

	if (err == 0)
		err = doc_removal_find(run, msg->in.name, name_len, &removal);
	if (err == 0)
		err = admit_change(run, removal.plan.n_pages + 2U, nvlog_size(sizeof body, 0), 0);
	if (err != 0)
		return err;
	head.time_ns = le64_of((uint64_t)now);
	memcpy(body, &head, sizeof head);
	memcpy(body + sizeof head, msg->in.name, name_len);
	doc_remove(&removal, msg->in.name, name_len, now);
	msg->word[0] = nvlog_append(run->vol, NVLOG_DOC_DELETE, body, sizeof head + name_len, NULL, 0);
	return OP_LOGGED;
}

int docs_apply_delete(struct fs_run *run, const struct nvlog_record *record)
{
	const struct oplog_doc_delete *head = (const struct oplog_doc_delete *)(const void *)record->body;
	const char *name = (const char *)(head + 1);
	struct doc_removal removal;
	size_t name_len;
	int err;

	if (record->body_len < sizeof *head || le32_get(head->name_len) != record->body_len - sizeof *head)
		return -EUCLEAN;
	name_len = le32_get(head->name_len);
	if (doc_name_check(name, name_len) != 0)
		return -EUCLEAN;
	err = doc_removal_find(run, name, name_len, &removal);
	if (err == -ENOENT)
		return -EUCLEAN;
	if (err == 0)
		err = run_reserve(run, removal.plan.n_pages + 2U);
	if (err == 0)
		doc_remove(&removal, name, name_len, (int64_t)le64_get(head->time_ns));
	return err;
}

/* ---- get, list ---- */

int docs_read(struct fs_run *run, const char *name, size_t name_len, void **ret_blob, size_t *ret_len)
{
	struct inode *dir, *inode;
	const uint8_t *bytes[DOC_PAGES_MAX];
	uint8_t *blob;
	uint32_t n;
	int result = 0;
	int err = doc_name_check(name, name_len);

	if (err == 0)
		err = doc_find(run, name, name_len, &dir, &inode);
	if (err != 0)
		return err;
	n = blocks_of_size(inode->attr.size_bytes);
	for (uint32_t i = 0; i < n; i++) {
		err = file_need(run, inode, i, &bytes[i]);
		if (err != 0 && err != -EAGAIN)
			return err;
		result = err != 0 ? err : result;
	}
	if (result != 0)
		return result;
	blob = malloc((size_t)n * FS_BLOCK_SIZE + 1U);
	if (blob == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		memcpy(blob + (size_t)i * FS_BLOCK_SIZE, bytes[i], FS_BLOCK_SIZE);
	blob[inode->attr.size_bytes] = '\0';
	*ret_blob = blob;
	*ret_len = inode->attr.size_bytes;
	return 0;
}

int op_doc_get(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	return docs_read(run, msg->in.name, msg->in.name_len, &msg->out.blob, &msg->out.blob_len);
}

static int doc_list_add(struct fs_message *msg, const struct dir_entry *entry)
{
	if (msg->out.n % 16U == 0) {
		void *more = reallocarray(msg->out.names, msg->out.n + 16U, sizeof *msg->out.names);
		if (more == NULL)
			return -ENOMEM;
		msg->out.names = more;
	}
	memcpy(msg->out.names[msg->out.n], entry->name, entry->name_len);
	msg->out.names[msg->out.n++][entry->name_len] = '\0';
	return 0;
}

int op_doc_list(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct dir_entry entry;
	struct inode *dir;
	uint32_t slot = 0;
	int err = inode_get(run, 0, INO_DOCS, &dir);

	msg->out.n = 0;
	while (err == 0) {
		err = dir_next(run, dir, &slot, &entry);
		if (err == 0 && !docs_is_staged(&entry))
			err = doc_list_add(msg, &entry);
	}
	return err == -ENOENT ? 0 : err;
}
