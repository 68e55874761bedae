/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of operations: the data and the attributes of files and LUNs. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"
#include "tests/crash/ops.h"

#define CELLS_MOST 72U /* of one read or write: some have more than 8 blocks */

static bool entry_is_busy(const struct history *h, uint8_t object)
{
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (h->model.names[d][k].object == object && h->model.names[d][k].busy)
				return true;
	return false;
}

uint8_t ops_data_object(struct history *h, enum object_kind kind)
{
	uint8_t candidates[MODEL_OBJECTS];
	unsigned n = 0;

	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		const struct object *object = &h->model.objects[i];

		if ((object->kind == OBJECT_FILE || object->kind == OBJECT_LUN) &&
		    (kind == OBJECT_FREE || kind == object->kind) && object->known && !entry_is_busy(h, (uint8_t)i))
			candidates[n++] = (uint8_t)i;
	}
	return n == 0 ? NOBODY : candidates[history_draw(h, n)];
}

static bool object_choose(struct history *h, struct op *op, enum fs_op fs_op)
{
	op->object = ops_data_object(h, OBJECT_FREE);
	if (op->object == NOBODY)
		return false;
	history_op_init(h, op, fs_op);
	op->msg.file = h->model.objects[op->object].id;
	return true;
}

static struct object *object_of(struct op *op)
{
	return &op->history->model.objects[op->object];
}

/* Consecutive cells below `end`: anywhere in a dense file, inside one block of a sparse one. Whole blocks more often
 * than not. */
static bool cells_draw(struct history *h, const struct object *object, struct op *op, unsigned end)
{
	if (end == 0)
		return false;
	op->first = (unsigned)history_draw(h, end);
	if (history_draw(h, 3) != 0)
		op->first -= op->first % MODEL_BLOCK_CELLS;
	op->n = 1U + (unsigned)history_draw(h, history_draw(h, 6) == 0 ? CELLS_MOST : 20U);
	if (history_draw(h, 3) != 0)
		op->n = ROUND_UP(op->n, MODEL_BLOCK_CELLS);
	op->n = MIN_OF(op->n, end - op->first);
	if (object->stride != 1)
		op->n = MIN_OF(op->n, MODEL_BLOCK_CELLS - op->first % MODEL_BLOCK_CELLS);
	return true;
}

static uint64_t range_begin(const struct op *op, const struct object *object)
{
	return model_offset(object->stride, op->first);
}

static uint64_t range_end(const struct op *op, const struct object *object)
{
	return model_offset(object->stride, op->first + op->n - 1U) + MODEL_CELL_BYTES;
}

/* ---- changes of cells ---- */

/* From now on the cells may hold the stamp, and the file may have op->size (when not 0). */
static void change_begin(struct op *op, uint64_t stamp)
{
	struct object *object = object_of(op);

	op->stamp = stamp;
	object->n_changes++;
	history_cell_send(op, &object->mtime, TIME_ANY);
	for (unsigned i = op->first; i < op->first + op->n; i++)
		history_cell_send(op, &object->cells[i], stamp);
}

static void size_begin(struct op *op, uint64_t size)
{
	struct object *object = object_of(op);

	op->size = size;
	object->exclusive = true;
	history_cell_send(op, &object->size, size);
}

static void change_answered(struct history *h, struct op *op)
{
	struct object *object = object_of(op);

	(void)h;
	if (op->moot)
		return;
	object->n_changes--;
	history_cell_answered(op, &object->mtime, TIME_ANY);
	for (unsigned i = op->first; i < op->first + op->n; i++)
		history_cell_answered(op, &object->cells[i], op->stamp);
	if (object->exclusive) {
		history_cell_answered(op, &object->size, op->size);
		object->exclusive = false;
	}
}

static void pages_fill(struct op *op, uint64_t offset, uint32_t len)
{
	unsigned n_pages = (unsigned)DIV_UP(offset % FS_BLOCK_SIZE + len, FS_BLOCK_SIZE);

	for (unsigned i = 0; i < n_pages; i++) {
		op->pages[i] = page_alloc();
		vc_assert(op->pages[i] != NULL);
		memset(op->pages[i]->data, 0xEE, PAGE_SIZE); /* what is not part of the write must not matter */
	}
	for (uint64_t at = offset % FS_BLOCK_SIZE, i = 0; i < len / 8U; at += 8, i++)
		memcpy(op->pages[at / FS_BLOCK_SIZE]->data + at % FS_BLOCK_SIZE, &op->stamp, 8);
	op->msg.in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = len, .n_pages = n_pages, .n_pages_max = n_pages, .pages = op->pages
	};
}

static bool write_generate(struct history *h, struct op *op, bool durable)
{
	struct object *object;
	uint64_t size;

	if (!object_choose(h, op, FS_WRITE))
		return false;
	object = object_of(op);
	if (object->exclusive || !cell_settled(&object->size, &size))
		return false;
	if (!cells_draw(h, object, op,
	                object->kind == OBJECT_LUN ? model_cells_below(object->stride, size) : MODEL_CELLS))
		return false;
	if (range_end(op, object) > size && object->n_changes > 0) {
		op->n = 0;
		return false;
	}
	op->durable = durable;
	op->msg.in.stable = durable ? (history_draw(h, 2) == 0 ? FS_FILE_SYNC : FS_DATA_SYNC) : FS_UNSTABLE;
	change_begin(op, ++h->stamp);
	if (range_end(op, object) > size)
		size_begin(op, range_end(op, object));
	pages_fill(op, range_begin(op, object), op->n * MODEL_CELL_BYTES);
	return true;
}

static bool write_unstable_generate(struct history *h, struct op *op)
{
	return write_generate(h, op, false);
}

static bool write_sync_generate(struct history *h, struct op *op)
{
	return write_generate(h, op, true);
}

/* A file of a few words, written as a whole: its inode holds up to 64 bytes. Every other time it is only cut
 * shorter. */
static bool write_small_generate(struct history *h, struct op *op)
{
	struct object *object;
	uint64_t size;

	op->object = ops_data_object(h, OBJECT_FILE);
	if (op->object == NOBODY)
		return false;
	object = object_of(op);
	if (object->n_changes > 0 || !cell_settled(&object->size, &size) || size > MODEL_SMALL)
		return false;
	op->n = 1;
	op->durable = history_draw(h, 2) == 0;
	if (size > 8U && history_draw(h, 2) == 0) {
		history_op_init(h, op, FS_SETATTR);
		op->n = 0;
		op->durable = true;
		op->msg.in.setattr.set_size = true;
		op->msg.in.setattr.size_bytes = size = 8U * (1U + history_draw(h, size / 8U - 1U));
		change_begin(op, 0);
	} else {
		history_op_init(h, op, FS_WRITE);
		op->msg.in.stable = op->durable ? FS_FILE_SYNC : FS_UNSTABLE;
		change_begin(op, ++h->stamp);
		op->size = 8U * (1U + history_draw(h, MODEL_SMALL / 8U));
		size = MAX_OF(size, op->size);
		pages_fill(op, 0, (uint32_t)size);
	}
	op->msg.file = object->id;
	size_begin(op, size);
	return true;
}

static bool zero_generate(struct history *h, struct op *op)
{
	struct object *object;
	uint64_t size;

	if (!object_choose(h, op, FS_ZERO))
		return false;
	object = object_of(op);
	if (object->exclusive || !cell_settled(&object->size, &size) || model_size_is_small(size) ||
	    !cells_draw(h, object, op, model_cells_below(object->stride, size)))
		return false;
	if (history_draw(h, 4) == 0) /* a long one, over the gaps of a sparse file too */
		op->n = 1U + (unsigned)history_draw(h, model_cells_below(object->stride, size) - op->first);
	op->durable = history_draw(h, 2) == 0;
	op->msg.in.zero.offset_bytes = range_begin(op, object);
	op->msg.in.zero.len_bytes = range_end(op, object) - op->msg.in.zero.offset_bytes;
	op->msg.in.zero.stable = op->durable;
	change_begin(op, 0);
	return true;
}

static bool truncate_generate(struct history *h, struct op *op)
{
	struct object *object;

	op->object = ops_data_object(h, OBJECT_FILE);
	if (op->object == NOBODY)
		return false;
	object = object_of(op);
	if (object->n_changes > 0)
		return false;
	history_op_init(h, op, FS_SETATTR);
	op->msg.file = object->id;
	op->first = history_draw(h, 5) == 0 ? 0 : (unsigned)history_draw(h, MODEL_CELLS + 1U);
	op->n = MODEL_CELLS - op->first;
	op->durable = true;
	op->msg.in.setattr.set_size = true;
	op->msg.in.setattr.size_bytes = model_offset(object->stride, op->first);
	change_begin(op, 0);
	size_begin(op, op->msg.in.setattr.size_bytes);
	return true;
}

/* ---- durability ---- */

static bool commit_generate(struct history *h, struct op *op)
{
	return object_choose(h, op, FS_COMMIT);
}

static void commit_answered(struct history *h, struct op *op)
{
	(void)h;
	if (!op->moot && op->msg.status == 0)
		model_object_durable(object_of(op), op->sent);
}

/* ---- attributes ---- */

static bool chmod_generate(struct history *h, struct op *op)
{
	op->object = ops_data_object(h, OBJECT_FILE);
	if (op->object == NOBODY)
		return false;
	history_op_init(h, op, FS_SETATTR);
	op->msg.file = object_of(op)->id;
	op->stamp = history_draw(h, 0777);
	op->durable = true;
	op->msg.in.setattr.set_mode = true;
	op->msg.in.setattr.mode = (uint32_t)op->stamp;
	history_cell_send(op, &object_of(op)->mode, op->stamp);
	return true;
}

static void chmod_answered(struct history *h, struct op *op)
{
	(void)h;
	if (!op->moot)
		history_cell_answered(op, &object_of(op)->mode, op->stamp);
}

static bool utimes_generate(struct history *h, struct op *op)
{
	op->object = ops_data_object(h, OBJECT_FILE);
	if (op->object == NOBODY)
		return false;
	history_op_init(h, op, FS_SETATTR);
	op->msg.file = object_of(op)->id;
	op->stamp = ++h->stamp;
	op->durable = true;
	op->msg.in.setattr.set_atime = op->msg.in.setattr.set_mtime = FS_TIME_CLIENT;
	op->msg.in.setattr.atime_ns = op->msg.in.setattr.mtime_ns = (int64_t)op->stamp;
	history_cell_send(op, &object_of(op)->atime, op->stamp);
	history_cell_send(op, &object_of(op)->mtime, op->stamp);
	return true;
}

static void utimes_answered(struct history *h, struct op *op)
{
	(void)h;
	if (op->moot)
		return;
	history_cell_answered(op, &object_of(op)->atime, op->stamp);
	history_cell_answered(op, &object_of(op)->mtime, op->stamp);
}

/* ---- reading ---- */

static bool read_generate(struct history *h, struct op *op)
{
	struct object *object;

	if (!object_choose(h, op, FS_READ))
		return false;
	object = object_of(op);
	if (!cells_draw(h, object, op, MODEL_CELLS))
		return false;
	op->msg.in.io = (struct fs_io){ .offset_bytes = range_begin(op, object),
		                        .len_bytes = (uint32_t)(range_end(op, object) - range_begin(op, object)),
		                        .n_pages_max = FS_IO_PAGES_MAX,
		                        .pages = op->pages };
	return true;
}

static void read_answered(struct history *h, struct op *op)
{
	const struct object *object = object_of(op);
	uint64_t offset = op->msg.in.io.offset_bytes % FS_BLOCK_SIZE;

	if (op->moot || op->msg.status != 0 || op->state == OP_CUT)
		return;
	for (unsigned i = 0; i < op->n; i++, offset += MODEL_CELL_BYTES) {
		uint64_t words[MODEL_CELL_BYTES / 8U] = { 0 };
		size_t before = (size_t)i * MODEL_CELL_BYTES, n_bytes = 0;

		if (before < op->msg.out.io.len_bytes) {
			n_bytes = MIN_OF((size_t)MODEL_CELL_BYTES, op->msg.out.io.len_bytes - before);
			memcpy(words, op->pages[offset / FS_BLOCK_SIZE]->data + offset % FS_BLOCK_SIZE, n_bytes);
		}
		if (!model_cell_is_whole(op->first + i, words, n_bytes))
			history_fail(h, FAIL_WRONG, "a read of object %u found cell %u mixed", op->object,
			             op->first + i);
		if (!cell_may_read(&object->cells[op->first + i], words[0], op->sent))
			history_fail(h, FAIL_WRONG, "a read of object %u found cell %u (block %u) to be %llu",
			             op->object, op->first + i, (op->first + i) / MODEL_BLOCK_CELLS,
			             (unsigned long long)words[0]);
		history_note(h, words[0]);
	}
}

/* Part of the ballast: what else is in the cache has to go. */
static bool flood_generate(struct history *h, struct op *op)
{
	if (h->ballast.inode == 0)
		return false;
	history_op_init(h, op, FS_READ);
	op->msg.file = h->ballast;
	op->first = (unsigned)history_draw(h, BALLAST_BLOCKS / 256U) * 256U;
	op->msg.in.io = (struct fs_io){ .offset_bytes = (uint64_t)op->first * FS_BLOCK_SIZE,
		                        .len_bytes = FS_IO_MAX,
		                        .n_pages_max = FS_IO_PAGES_MAX,
		                        .pages = op->pages };
	return true;
}

static void flooded(struct history *h, struct op *op)
{
	if (op->state == OP_CUT || op->msg.status != 0)
		return;
	for (unsigned i = 0; i < op->msg.out.io.n_pages; i++) {
		uint64_t word;

		memcpy(&word, op->pages[i]->data + 8U * (i % 512U), 8);
		if (word != op->first + i + 1U)
			history_fail(h, FAIL_WRONG, "block %u of the ballast is %llu", op->first + i,
			             (unsigned long long)word);
	}
}

const struct op_kind ops_file[] = {
	{ "write", 30, write_unstable_generate, change_answered },
	{ "write_sync", 14, write_sync_generate, change_answered },
	{ "write_small", 5, write_small_generate, change_answered },
	{ "zero", 6, zero_generate, change_answered },
	{ "truncate", 4, truncate_generate, change_answered },
	{ "commit", 6, commit_generate, commit_answered },
	{ "chmod", 2, chmod_generate, chmod_answered },
	{ "utimes", 2, utimes_generate, utimes_answered },
	{ "read", 16, read_generate, read_answered },
	{ "flood", 6, flood_generate, flooded },
	{ NULL, 0, NULL, NULL },
};
