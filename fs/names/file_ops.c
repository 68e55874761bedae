/* SPDX-License-Identifier: Apache-2.0 */
/* READ, WRITE, COMMIT and ZERO: the data operations of every protocol.
 *
 * WRITE PATH. previous hop: dispatch.c; next hop: fs/file/cache.h (dirty in this generation) and, for stable writes,
 * fs/log/nvlog.h by way of file_apply.c; fs/cp/cp.h later.
 * READ PATH. previous hop: dispatch.c; next hop: file.c. */
#include <stdlib.h>

#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/perm.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/file_apply.h"
#include "raid/raid.h"

#define TRIM_BLOCKS 16U /* both ends of a range, and the paths to them */

#define READ_AHEAD_BLOCKS 512U /* 2 MiB */
#define COMMIT_LOG_BLOCKS 256U /* larger flushes wait for a CP: never the data twice */

static bool type_has_data(uint8_t type)
{
	return type == FS_TYPE_REG || type == FS_TYPE_VDISK || type == FS_TYPE_META;
}

/* The file of a data operation, its attributes for the answer, and the caller's right to it. */
static int data_file(struct fs_run *run, uint32_t want, struct inode **ret_inode)
{
	struct fs_message *msg = run->msg;
	int err = inode_get_id(run, &msg->file, ret_inode);

	if (err != 0)
		return err;
	inode_to_attr(*ret_inode, &msg->out.attr);
	msg->out.has_attr = true;
	inode_to_wcc(*ret_inode, &msg->out.pre);
	if ((*ret_inode)->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	if (!type_has_data((*ret_inode)->attr.type))
		return -EINVAL;
	if (want == FS_ACCESS_MODIFY && msg->file.snapshot != 0)
		return -EROFS;
	return perm_check_io(msg->cred, &(*ret_inode)->attr, want == FS_ACCESS_MODIFY ? PERM_WRITE : PERM_READ);
}

static_assert(FS_FILE_SIZE_MAX == (uint64_t)FBN_MAX * FS_BLOCK_SIZE, "what clients are told is where files end");

static int range_check(uint64_t offset_bytes, uint64_t len_bytes)
{
	if (offset_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE ||
	    len_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE - offset_bytes)
		return -EFBIG;
	return 0;
}

/* ---- READ ---- */

/* A sequential reader gets the blocks after its window read for it. */
static void read_ahead(struct fs_run *run, struct inode *inode, uint32_t first, uint32_t end)
{
	uint32_t file_end = blocks_of_size(inode->attr.size_bytes), fbn, until;
	bool sequential = first != 0 ? first == inode->read_ahead_next || first + 1U == inode->read_ahead_next : true;

	inode->read_ahead_next = end;
	if (!sequential || end >= file_end || inode->has_backing || inode->inline_data)
		return;
	fbn = MAX_OF(end, MIN_OF(inode->read_ahead_end, end + READ_AHEAD_BLOCKS));
	if (fbn > end + READ_AHEAD_BLOCKS / 2U)
		return;
	until = MIN_OF(file_end, end + READ_AHEAD_BLOCKS);
	for (; fbn < until; fbn++) {
		uint32_t vbn;
		uint64_t known;

		if (!tree_in_memory(inode, fbn) || tree_lookup(run, inode, fbn, &vbn, &known) != 0)
			break;
		if (vbn != VBN_HOLE && vbn != VBN_ZERO && !file_is_punched(inode, fbn))
			cache_read_ahead(run, inode, fbn, vbn);
	}
	inode->read_ahead_end = fbn;
}

static int read_pages(struct fs_run *run, struct inode *inode, struct fs_io *io)
{
	uint32_t first = (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE);
	int result = 0;

	for (unsigned i = 0; i < io->n_pages; i++) {
		int err = file_need_page(run, inode, first + i, &io->pages[i]);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN)
			result = err;
	}
	if (result != 0)
		return result;
	for (unsigned i = 0; i < io->n_pages; i++)
		page_get(io->pages[i]);
	return 0;
}

int op_read(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_io *io = &msg->in.io;
	struct inode *inode;
	uint64_t end;
	int err = data_file(run, FS_ACCESS_READ, &inode);

	if (err != 0)
		return err;
	if (io->len_bytes > FS_IO_MAX)
		return -EINVAL;
	msg->out.io = *io;
	end = io->offset_bytes + io->len_bytes;
	if (io->offset_bytes >= inode->attr.size_bytes || end < io->offset_bytes) {
		msg->out.io.len_bytes = 0;
		msg->out.io.n_pages = 0;
		msg->out.eof = true;
		return 0;
	}
	end = MIN_OF(end, inode->attr.size_bytes);
	msg->out.io.len_bytes = (uint32_t)(end - io->offset_bytes);
	msg->out.io.n_pages = io->len_bytes == 0
	                          ? 0
	                          : (unsigned)(DIV_UP(end, FS_BLOCK_SIZE) - io->offset_bytes / FS_BLOCK_SIZE);
	msg->out.eof = end == inode->attr.size_bytes;
	if (msg->out.io.n_pages > io->n_pages_max)
		return -EINVAL;
	err = read_pages(run, inode, &msg->out.io);
	if (err == 0 || err == -EAGAIN)
		read_ahead(run, inode, (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE),
		           (uint32_t)DIV_UP(end, FS_BLOCK_SIZE));
	return err;
}

/* ---- WRITE ---- */

/* The blocks a write changes only in part, which must be there first: at most two. */
static int write_need(struct fs_run *run, struct inode *inode, uint64_t offset_bytes, uint64_t end_bytes)
{
	uint32_t first = (uint32_t)(offset_bytes / FS_BLOCK_SIZE), last = (uint32_t)((end_bytes - 1U) / FS_BLOCK_SIZE);
	const uint8_t *bytes;
	int err = 0, err2 = 0;

	if (offset_bytes % FS_BLOCK_SIZE != 0 ||
	    (first == last && end_bytes % FS_BLOCK_SIZE != 0 && end_bytes < inode->attr.size_bytes))
		err = file_need(run, inode, first, &bytes);
	if (last != first && end_bytes % FS_BLOCK_SIZE != 0 && end_bytes < inode->attr.size_bytes)
		err2 = file_need(run, inode, last, &bytes);
	return err != 0 && err != -EAGAIN ? err : err2 != 0 ? err2 : err;
}

/* What the write leaves behind in the attributes. */
static struct write_result write_result_of(const struct fs_run *run, const struct inode *inode, uint64_t end_bytes)
{
	struct write_result result = { .ino = inode->ino,
		                       .generation = inode->attr.generation,
		                       .size_bytes = inode->attr.size_bytes,
		                       .mode = inode->attr.mode };

	result.time_ns = volume_now_ns(inode->vol);
	if (end_bytes > result.size_bytes)
		result.size_bytes = end_bytes;
	result.mode = perm_kill_suid(run->msg->cred, &inode->attr);
	return result;
}

static bool block_is_whole(const struct inode *inode, uint64_t begin, uint64_t end, uint64_t block_start)
{
	return begin <= block_start && (end >= block_start + FS_BLOCK_SIZE || end >= inode->attr.size_bytes);
}

/* One block of the write: kept as it is when whole, merged otherwise. */
static void write_block(struct inode *inode, uint32_t fbn, struct page *page, uint64_t begin, uint64_t end)
{
	uint64_t start = (uint64_t)fbn * FS_BLOCK_SIZE;
	uint32_t from = begin > start ? (uint32_t)(begin - start) : 0;
	uint32_t to = end < start + FS_BLOCK_SIZE ? (uint32_t)(end - start) : FS_BLOCK_SIZE;
	uint8_t *bytes;

	if (from == 0 && to == FS_BLOCK_SIZE) {
		file_put_page(inode, fbn, page_get(page));
		return;
	}
	if (block_is_whole(inode, begin, end, start)) {
		struct page *fresh = cache_page_take(inode->vol);

		memset(fresh->data, 0, FS_BLOCK_SIZE);
		memcpy(fresh->data, page->data, to);
		file_put_page(inode, fbn, fresh);
		return;
	}
	bytes = file_edit(inode, fbn);
	memcpy(bytes + from, page->data + from, to - from);
}

/* Blocks between the old end and the write were never there; nothing to do: absent is zero. A tail of the old last
 * block is zero by invariant (file_truncate zeroes it). */
static void write_blocks(struct inode *inode, const struct fs_io *io)
{
	uint32_t first = (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE);
	uint64_t end = io->offset_bytes + io->len_bytes;

	for (unsigned i = 0; i < io->n_pages; i++)
		write_block(inode, first + i, io->pages[i], io->offset_bytes, end);
}

static int write_check(const struct fs_message *msg, const struct inode *inode, uint64_t *ret_end)
{
	const struct fs_io *io = &msg->in.io;
	int err = range_check(io->offset_bytes, io->len_bytes);

	if (err != 0)
		return err;
	*ret_end = io->offset_bytes + io->len_bytes;
	if (io->len_bytes > FS_IO_MAX ||
	    (io->len_bytes > 0 && io->n_pages != DIV_UP(*ret_end, FS_BLOCK_SIZE) - io->offset_bytes / FS_BLOCK_SIZE))
		return -EINVAL;
	if (inode->attr.type == FS_TYPE_VDISK && *ret_end > inode->attr.size_bytes)
		return -EFBIG; /* a disk does not grow by being written to */
	return 0;
}

/* The file as the newest snapshot has it, NULL: it has not, and so no other has a block of it. -EBUSY: it cannot be
 * told now. */
static int kept_version(struct fs_run *run, const struct inode *inode, struct inode **ret_then)
{
	const struct snapshot_table *table = run->vol->snapshots;
	const struct snapshot *newest = table->n == 0 ? NULL : table->byage[table->n - 1U];
	struct inode *then;
	int err;

	*ret_then = NULL;
	if (newest == NULL)
		return 0;
	if (newest->deleting || snapshot_is_own(newest))
		return -EBUSY;
	err = inode_get(run, newest->info.id, inode->ino, &then);
	if (err == 0 && then->attr.generation == inode->attr.generation)
		*ret_then = then;
	return err == -ESTALE ? 0 : err;
}

/* 1: block `fbn` is written already, on the disks or soon, and no snapshot holds what is there. */
static int comes_back(struct fs_run *run, struct inode *inode, struct inode *then, uint32_t fbn)
{
	const struct buf *buf = cache_peek(inode, 0, fbn);
	bool held = false;
	uint32_t vbn;
	uint64_t end;
	int err;

	if (buf != NULL && buf->dirty != 0)
		return 1;
	err = tree_lookup(run, inode, fbn, &vbn, &end);
	if (err == 0 && (vbn == VBN_HOLE || vbn == VBN_ZERO))
		return 0;
	if (err == 0 && then != NULL)
		err = tree_compare(run, then, inode, fbn, &held, &end);
	return err != 0 ? err : !held;
}

/* Of what blocks a write lives when hardly any are left: those it gives back itself, if it gives back as many as it
 * takes. */
static int write_class(struct fs_run *run, struct inode *inode, uint32_t first, unsigned n, enum space_class *ret_class)
{
	struct inode *then;
	int rc;

	*ret_class = space_class_of(inode, SPACE_NEW);
	if (*ret_class != SPACE_NEW || space_available(run->vol) > 2U * FS_IO_PAGES_MAX || inode->inline_data)
		return 0;
	rc = kept_version(run, inode, &then);
	if (rc != 0)
		return rc == -EBUSY ? 0 : rc;
	for (unsigned i = 0; i < n; i++) {
		rc = comes_back(run, inode, then, first + i);
		if (rc <= 0)
			return rc;
	}
	*ret_class = SPACE_REWRITE;
	return 0;
}

int op_write(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_io *io = &msg->in.io;
	struct write_result result;
	enum space_class cls;
	struct inode *inode;
	uint64_t end;
	int err = data_file(run, FS_ACCESS_MODIFY, &inode);

	if (err != 0)
		return err;
	err = write_check(msg, inode, &end);
	if (err != 0)
		return err;
	msg->out.io.len_bytes = io->len_bytes;
	msg->out.stable = msg->in.stable;
	msg->out.verifier = volume_write_verifier(run->vol);
	if (io->len_bytes == 0)
		return 0;
	err = write_need(run, inode, io->offset_bytes, end);
	if (err == 0)
		err = write_class(run, inode, (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE), io->n_pages, &cls);
	if (err != 0)
		return err;
	err = admit_space(run, io->n_pages + 2U, file_write_log_size(io->n_pages),
	                  file_new_blocks(inode, (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE), io->n_pages), cls);
	if (err != 0)
		return err;
	result = write_result_of(run, inode, end);
	write_blocks(inode, io);
	file_apply_result(inode, &result);
	inode_to_attr(inode, &msg->out.attr);
	if (msg->in.stable == FS_UNSTABLE) {
		inode->unlogged_attr = true;
		return 0;
	}
	msg->word[0] = file_log_blocks(inode, (uint32_t)(io->offset_bytes / FS_BLOCK_SIZE), io->n_pages, &result);
	return OP_LOGGED;
}

/* ---- COMMIT ---- */

/* Unlogged dirty blocks of both generations, newest at the tails of the lists; stops counting beyond `max`. */
static unsigned unlogged_blocks(const struct inode *inode, uint32_t *ret_fbns, unsigned max, bool *ret_only_in_cp)
{
	unsigned n = 0, bit = gen_bit(inode->vol);
	const struct buf *buf;

	*ret_only_in_cp = true;
	for (unsigned pass = 0; pass < 2; pass++, bit ^= 1U) {
		TAILQ_FOREACH_REVERSE(buf, &inode->dirty_bufs[bit], buf_queue, dirty_link[bit]) {
			if (buf->logged)
				break;
			if (pass == 1 && (buf->dirty & 1U << (bit ^ 1U)) != 0)
				continue; /* rewritten since: seen in the first pass */
			if (pass == 1 && buf->page == NULL)
				continue; /* punched since */
			if (n == max)
				return max + 1U;
			if (pass == 0)
				*ret_only_in_cp = false;
			ret_fbns[n++] = buf->fbn;
		}
	}
	return n;
}

static int fbn_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Log what is not logged yet: consecutive blocks share a record. */
static uint64_t commit_log(struct inode *inode, uint32_t *fbns, unsigned n)
{
	struct write_result result = { .ino = inode->ino,
		                       .generation = inode->attr.generation,
		                       .size_bytes = inode->attr.size_bytes,
		                       .mode = inode->attr.mode,
		                       .time_ns = inode->attr.mtime_ns };
	uint64_t sequence = nvlog_last_sequence(inode->vol);

	qsort(fbns, n, sizeof(fbns[0]), fbn_order);
	for (unsigned i = 0, j; i < n || (n == 0 && i == 0 && inode->unlogged_attr); i = j) {
		for (j = i; j < n && fbns[j] == fbns[i] + (j - i); j++)
			;
		sequence = file_log_blocks(inode, n == 0 ? 0 : fbns[i], j - i, &result);
		if (n == 0)
			break;
	}
	inode->unlogged_attr = false;
	return sequence;
}

int op_commit(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	uint32_t fbns[COMMIT_LOG_BLOCKS];
	bool only_in_cp;
	struct inode *inode;
	unsigned n;
	int err = data_file(run, FS_ACCESS_MODIFY, &inode);

	if (err == -EROFS || err == -EACCES)
		err = 0; /* nothing of it can be unstable through this caller */
	if (err != 0)
		return err;
	msg->out.verifier = volume_write_verifier(run->vol);
	if (run->vol->failed != 0)
		return run->vol->failed;
	if (msg->file.snapshot != 0)
		return 0;
	n = unlogged_blocks(inode, fbns, COMMIT_LOG_BLOCKS, &only_in_cp);
	if (n > COMMIT_LOG_BLOCKS || (n > 0 && only_in_cp && !inode->unlogged_attr))
		return OP_IN_CP;
	if (n > 0 || inode->unlogged_attr) {
		err = admit_change(run, 0, file_flush_log_size(n), 0);
		if (err != 0)
			return err == -EROFS ? 0 : err;
	}
	/* Even with nothing of its own to log: records appended before (truncation, zeroed ranges) may still be on
	 * their way. */
	msg->word[0] = commit_log(inode, fbns, n);
	return OP_LOGGED;
}

/* ---- ZERO ---- */

int op_zero(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	uint64_t offset = msg->in.zero.offset_bytes, end = offset + msg->in.zero.len_bytes;
	struct zero_result zero;
	struct inode *inode;
	int err = data_file(run, FS_ACCESS_MODIFY, &inode);

	if (err == 0)
		err = range_check(offset, msg->in.zero.len_bytes);
	if (err != 0)
		return err;
	end = MIN_OF(end, inode->attr.size_bytes);
	if (offset >= end)
		return 0;
	zero = (struct zero_result){ .ino = inode->ino,
		                     .generation = inode->attr.generation,
		                     .offset_bytes = offset,
		                     .end_bytes = end,
		                     .time_ns = volume_now_ns(run->vol) };
	err = file_zero_need(run, inode, &zero);
	if (err == 0)
		err = admit_space(run, 3, nvlog_size(64, 0), TRIM_BLOCKS, space_class_of(inode, SPACE_TRIM));
	if (err != 0)
		return err;
	file_zero(inode, &zero);
	msg->word[0] = file_log_zero(run->vol, &zero);
	inode_to_attr(inode, &msg->out.attr);
	return msg->in.zero.stable ? OP_LOGGED : 0;
}
