/* SPDX-License-Identifier: Apache-2.0 */
/* Applying data operations: the shared part of the first time and of replay. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/nvlogformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/names/file_apply.h"

void file_apply_result(struct inode *inode, const struct write_result *result)
{
	struct inode_attr *attr = inode_modify(inode);

	attr->size_bytes = result->size_bytes;
	attr->mode = result->mode;
	attr->mtime_ns = result->time_ns;
	attr->ctime_ns = result->time_ns;
}

size_t file_write_log_size(unsigned n_blocks)
{
	return nvlog_size(sizeof(struct oplog_write), n_blocks);
}

size_t file_flush_log_size(unsigned n_blocks)
{
	size_t heads_len = (n_blocks + 1U) *
	                   (sizeof(struct nvlog_record_disk) + sizeof(struct oplog_write) + sizeof(le32));

	return nvlog_size(heads_len, n_blocks) + 2U * FS_BLOCK_SIZE; /* they may be cut into two groups */
}

size_t file_new_blocks(struct inode *inode, uint32_t first, unsigned n)
{
	unsigned bit = gen_bit(inode->vol);
	size_t n_new = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct buf *buf = cache_peek(inode, 0, first + i);

		n_new += buf == NULL || (buf->dirty & 1U << bit) == 0;
	}
	return n_new;
}

/* Logged blocks stand at the head of the dirty list, so that a flush finds the others at its tail. */
void file_set_logged(struct buf *buf)
{
	struct inode *inode = buf->inode;

	if (buf->logged)
		return;
	buf->logged = true;
	for (unsigned bit = 0; bit < 2; bit++) {
		if ((buf->dirty & 1U << bit) != 0) {
			TAILQ_REMOVE(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
			TAILQ_INSERT_HEAD(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
		}
	}
}

uint64_t file_log_blocks(struct inode *inode, uint32_t first, unsigned n, const struct write_result *result)
{
	struct page *pages[FS_IO_PAGES_MAX];
	struct oplog_write record = {
		.ino = le32_of(result->ino),
		.first_fbn = le32_of(first),
		.generation = le64_of(result->generation),
		.size_bytes = le64_of(result->size_bytes),
		.time_ns = le64_of((uint64_t)result->time_ns),
		.mode = le16_of(result->mode),
	};

	vc_assert(n <= FS_IO_PAGES_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct buf *buf = cache_find(inode, 0, first + i);

		vc_assert(buf != NULL);
		pages[i] = buf->page;
		file_set_logged(buf);
	}
	return nvlog_append(inode->vol, NVLOG_WRITE, &record, sizeof(record), pages, n);
}

int file_apply_write(struct fs_run *run, const struct nvlog_record *record)
{
	const struct oplog_write *body = (const struct oplog_write *)(const void *)record->body;
	struct write_result result;
	struct inode *inode;
	uint32_t first;
	int err;

	if (record->body_len != sizeof(*body))
		return -EUCLEAN;
	result = (struct write_result){ le32_get(body->ino), le16_get(body->mode), le64_get(body->generation),
		                        le64_get(body->size_bytes), (int64_t)le64_get(body->time_ns) };
	first = le32_get(body->first_fbn);
	if (first > FBN_MAX - record->n_pages || result.size_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		return -EUCLEAN;
	err = inode_get(run, 0, result.ino, &inode);
	if (err == -ESTALE)
		return 0; /* removed again later in a record whose effect is already here: nothing to keep */
	if (err == 0)
		err = run_reserve(run, record->n_pages + 2U);
	if (err != 0)
		return err;
	if (inode->attr.generation != result.generation)
		return 0;
	for (unsigned i = 0; i < record->n_pages; i++)
		file_put_page(inode, first + i, page_get(record->pages[i]));
	file_apply_result(inode, &result);
	return 0;
}

/* ---- zero ---- */

static uint32_t zero_first(const struct zero_result *zero)
{
	return (uint32_t)DIV_UP(zero->offset_bytes, FS_BLOCK_SIZE);
}

/* One past the last whole block; the last block of the file counts as whole when the range reaches the end of the
 * file. */
static uint32_t zero_end(const struct inode *inode, const struct zero_result *zero)
{
	return zero->end_bytes >= inode->attr.size_bytes ? blocks_of_size(zero->end_bytes)
	                                                 : (uint32_t)(zero->end_bytes / FS_BLOCK_SIZE);
}

/* The parts of blocks at the ends of the range: up to two {fbn, from, to}. */
struct zero_edge {
	uint32_t fbn, from, to;
};
static unsigned zero_edges(const struct inode *inode, const struct zero_result *zero, struct zero_edge ret_edges[2])
{
	uint32_t head = (uint32_t)(zero->offset_bytes / FS_BLOCK_SIZE),
	         tail = (uint32_t)((zero->end_bytes - 1U) / FS_BLOCK_SIZE);
	uint32_t from = (uint32_t)(zero->offset_bytes % FS_BLOCK_SIZE),
	         to = (uint32_t)((zero->end_bytes - 1U) % FS_BLOCK_SIZE) + 1U;
	unsigned n = 0;

	if (head < zero_first(zero))
		ret_edges[n++] = (struct zero_edge){ head, from, head == tail ? to : FS_BLOCK_SIZE };
	if (tail >= zero_end(inode, zero) && (n == 0 || tail != head))
		ret_edges[n++] = (struct zero_edge){ tail, 0, to };
	return n;
}

int file_zero_need(struct fs_run *run, struct inode *inode, const struct zero_result *zero)
{
	struct zero_edge edges[2];
	const uint8_t *bytes;
	int result = 0;

	for (unsigned i = 0, n = zero_edges(inode, zero, edges); i < n; i++) {
		int err = file_need(run, inode, edges[i].fbn, &bytes);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0)
			result = err;
	}
	return result;
}

void file_zero(struct inode *inode, const struct zero_result *zero)
{
	struct zero_edge edges[2];
	struct inode_attr *attr;

	for (unsigned i = 0, n = zero_edges(inode, zero, edges); i < n; i++)
		memset(file_edit(inode, edges[i].fbn) + edges[i].from, 0, edges[i].to - edges[i].from);
	file_punch(inode, zero_first(zero), zero_end(inode, zero));
	attr = inode_modify(inode);
	attr->mtime_ns = attr->ctime_ns = zero->time_ns;
}

uint64_t file_log_zero(struct fs_volume *vol, const struct zero_result *zero)
{
	struct oplog_zero record = {
		.ino = le32_of(zero->ino),
		.generation = le64_of(zero->generation),
		.offset_bytes = le64_of(zero->offset_bytes),
		.end_bytes = le64_of(zero->end_bytes),
		.time_ns = le64_of((uint64_t)zero->time_ns),
	};

	return nvlog_append(vol, NVLOG_ZERO, &record, sizeof(record), NULL, 0);
}

int file_apply_zero(struct fs_run *run, const struct nvlog_record *record)
{
	const struct oplog_zero *body = (const struct oplog_zero *)(const void *)record->body;
	struct zero_result zero;
	struct inode *inode;
	int err;

	if (record->body_len != sizeof(*body))
		return -EUCLEAN;
	zero = (struct zero_result){ le32_get(body->ino), le64_get(body->generation), le64_get(body->offset_bytes),
		                     le64_get(body->end_bytes), (int64_t)le64_get(body->time_ns) };
	if (zero.offset_bytes >= zero.end_bytes || zero.end_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		return -EUCLEAN;
	err = inode_get(run, 0, zero.ino, &inode);
	if (err == -ESTALE)
		return 0;
	if (err != 0)
		return err;
	/* a growth that was not logged is lost, and zeros with it */
	zero.end_bytes = MIN_OF(zero.end_bytes, inode->attr.size_bytes);
	if (zero.offset_bytes >= zero.end_bytes)
		return 0;
	err = file_zero_need(run, inode, &zero);
	if (err == 0)
		err = run_reserve(run, 3);
	if (err != 0)
		return err;
	if (inode->attr.generation == zero.generation)
		file_zero(inode, &zero);
	return 0;
}
