/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: files and LUNs: type, links, mode, size, and every block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"
#include "tests/crash/ops.h"
#include "tests/crash/oracle.h"

int oracle_attr(struct oracle *o, struct fs_file_id id, struct fs_attr *ret_attr)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_GETATTR, o->machine->vol, NULL, NULL);
	msg.file = id;
	err = history_ask(o->h, o->machine, &msg);
	*ret_attr = msg.out.attr;
	fs_message_fini(&msg);
	return err;
}

int oracle_resolve(struct oracle *o, const char *path, struct fs_attr *ret_attr)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_RESOLVE, o->machine->vol, NULL, NULL);
	msg.in.path = path;
	err = history_ask(o->h, o->machine, &msg);
	*ret_attr = msg.out.attr;
	fs_message_fini(&msg);
	return err;
}

/* ---- contents ---- */

static void stamps_take(struct oracle *o, const struct fs_message *msg, const char *what, unsigned first, unsigned n,
                        uint64_t *stamps)
{
	for (unsigned i = 0; i < n; i++) {
		size_t offset = (size_t)i * MODEL_CELL_BYTES;
		uint64_t words[MODEL_CELL_BYTES / 8U] = { 0 };
		size_t n_bytes = 0;

		if (offset < msg->out.io.len_bytes) {
			n_bytes = MIN_OF((size_t)MODEL_CELL_BYTES, msg->out.io.len_bytes - offset);
			memcpy(words, msg->in.io.pages[offset / FS_BLOCK_SIZE]->data + offset % FS_BLOCK_SIZE, n_bytes);
		}
		if (!model_cell_is_whole(first + i, words, n_bytes))
			history_fail(o->h, FAIL_WRONG, "%s: cell %u is mixed", what, first + i);
		stamps[first + i] = words[0];
	}
}

void oracle_cells_read(struct oracle *o, struct fs_file_id id, uint32_t stride, const char *what,
                       uint64_t ret_stamps[MODEL_CELLS])
{
	struct page *pages[FS_IO_PAGES_MAX];
	unsigned per_read = stride == 1U ? MODEL_CELLS : MODEL_BLOCK_CELLS;

	for (unsigned first = 0; first < MODEL_CELLS; first += per_read) {
		struct fs_message msg;
		int err;

		fs_message_init(&msg, FS_READ, o->machine->vol, NULL, NULL);
		msg.file = id;
		msg.in.io = (struct fs_io){ .offset_bytes = model_offset(stride, first),
			                    .len_bytes = per_read * MODEL_CELL_BYTES,
			                    .n_pages_max = FS_IO_PAGES_MAX,
			                    .pages = pages };
		err = history_ask(o->h, o->machine, &msg);
		if (err != 0)
			history_fail(o->h, FAIL_LOST, "%s: block %u cannot be read: %s", what,
			             first / MODEL_BLOCK_CELLS, error_name(err));
		stamps_take(o, &msg, what, first, per_read, ret_stamps);
		page_put_many(pages, msg.out.io.n_pages);
		fs_message_fini(&msg);
	}
}

static void complain(struct oracle *o, const char *what, unsigned cell, const struct cell *of, uint64_t got)
{
	for (unsigned i = 0; i < of->n; i++)
		fprintf(stderr, "  may be %llu: sent %llu, answered %llu, overwritten %llu%s\n",
		        (unsigned long long)of->c[i].stamp, (unsigned long long)of->c[i].sent,
		        (unsigned long long)of->c[i].acked, (unsigned long long)of->c[i].gone,
		        of->c[i].dead ? ", for good" : "");
	history_fail(o->h, oracle_crashed(o) ? FAIL_LOST : FAIL_WRONG, "%s: cell %u (block %u) is %llu", what, cell,
	             cell / MODEL_BLOCK_CELLS, (unsigned long long)got);
}

/* A cell shows a write, and a neighbour in the same block, written along with it, something from surely before: the
 * block is torn. */
static void block_torn_check(struct oracle *o, const char *what, const struct cell *cells, const uint64_t *stamps)
{
	for (unsigned i = 0; i < MODEL_BLOCK_CELLS; i++) {
		const struct candidate *w = cell_find(&cells[i], stamps[i]);

		for (unsigned k = 0; w != NULL && stamps[i] != 0 && k < MODEL_BLOCK_CELLS; k++) {
			const struct candidate *with = cell_find(&cells[k], stamps[i]),
			                       *is = cell_find(&cells[k], stamps[k]);

			if (with != NULL && is != NULL && stamps[k] != stamps[i] && with->sent == w->sent &&
			    is->acked != 0 && is->acked < w->sent && (stamps[k] != 0))
				history_fail(o->h, FAIL_LOST, "%s: a block is torn: stamp %llu beside %llu", what,
				             (unsigned long long)stamps[i], (unsigned long long)stamps[k]);
		}
	}
}

static void cells_check(struct oracle *o, struct object *object, struct fs_file_id id, const char *what)
{
	uint64_t stamps[MODEL_CELLS];

	oracle_cells_read(o, id, object->stride, what, stamps);
	for (unsigned i = 0; i < MODEL_CELLS; i++) {
		struct cell *cell = &object->cells[i];
		bool fine = oracle_crashed(o) ? cell_may_survive(cell, stamps[i])
		                              : cell_may_read(cell, stamps[i], o->h->clock);

		if (!fine)
			complain(o, what, i, cell, stamps[i]);
		history_note(o->h, stamps[i]);
	}
	for (unsigned i = 0; oracle_crashed(o) && i < MODEL_CELLS; i += MODEL_BLOCK_CELLS)
		block_torn_check(o, what, object->cells + i, stamps + i);
	for (unsigned i = 0; o->mode == ORACLE_ADOPT && i < MODEL_CELLS; i++)
		cell_reset(&object->cells[i], stamps[i], o->h->clock);
}

/* ---- attributes ---- */

static bool value_fits(const struct oracle *o, const struct cell *cell, uint64_t value)
{
	return oracle_crashed(o) ? cell_may_survive(cell, value) : cell_may_read(cell, value, o->h->clock);
}

static void value_check(struct oracle *o, struct cell *cell, uint64_t value, const char *what, const char *of)
{
	if (!value_fits(o, cell, value)) {
		for (unsigned i = 0; i < cell->n; i++)
			fprintf(stderr, "  may be %llu%s\n", (unsigned long long)cell->c[i].stamp,
			        cell->c[i].dead ? ", dead" : "");
		history_fail(o->h, oracle_crashed(o) ? FAIL_LOST : FAIL_WRONG, "%s: its %s is %llu", what, of,
		             (unsigned long long)value);
	}
	if (o->mode == ORACLE_ADOPT)
		cell_reset(cell, value, o->h->clock);
}

static void time_check(struct oracle *o, struct cell *cell, int64_t time_ns, const char *what, const char *of)
{
	if (!value_fits(o, cell, TIME_ANY) && !value_fits(o, cell, (uint64_t)time_ns)) {
		for (unsigned i = 0; i < cell->n; i++)
			fprintf(stderr, "  may be %llu%s\n", (unsigned long long)cell->c[i].stamp,
			        cell->c[i].dead ? ", dead" : "");
		history_fail(o->h, oracle_crashed(o) ? FAIL_LOST : FAIL_WRONG, "%s: its %s is %lld", what, of,
		             (long long)time_ns);
	}
	if (o->mode == ORACLE_ADOPT)
		cell_reset(cell, (uint64_t)time_ns, o->h->clock);
}

void oracle_target_check(struct oracle *o, struct fs_file_id id, unsigned len, const char *what)
{
	char target[256];
	struct fs_message msg;
	int err;

	ops_target_fill(target, len);
	fs_message_init(&msg, FS_READLINK, o->machine->vol, NULL, NULL);
	msg.file = id;
	err = history_ask(o->h, o->machine, &msg);
	if (err != 0 || msg.out.blob_len != len || memcmp(msg.out.blob, target, len) != 0)
		history_fail(o->h, FAIL_WRONG, "%s: the target of the symlink is not what it was (%s)", what,
		             error_name(err));
	fs_message_fini(&msg);
}

static unsigned links_found(const struct oracle *o, uint32_t inode)
{
	unsigned n = 0;

	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			n += o->names[d][k].there && o->names[d][k].id.inode == inode;
	return n;
}

static void object_check(struct oracle *o, struct object *object, struct fs_file_id id, unsigned n_links,
                         const char *what)
{
	struct fs_attr attr;
	int err = oracle_attr(o, id, &attr);

	if (err != 0)
		history_fail(o->h, FAIL_LOST, "%s: no attributes: %s", what, error_name(err));
	if (object->kind != OBJECT_DIR && attr.nlink != n_links)
		history_fail(o->h, FAIL_WRONG, "%s: %u links, expected %u", what, attr.nlink, n_links);
	if (object->kind == OBJECT_SYMLINK)
		oracle_target_check(o, id, object->target, what);
	if (object->cells == NULL)
		return;
	value_check(o, &object->size, attr.size_bytes, what, "size");
	if (object->kind == OBJECT_FILE) {
		value_check(o, &object->mode, attr.mode, what, "mode");
		time_check(o, &object->atime, attr.atime_ns, what, "atime");
		time_check(o, &object->mtime, attr.mtime_ns, what, "mtime");
	}
	cells_check(o, object, id, what);
}

static uint8_t made_by(const struct oracle *o, unsigned dir, unsigned k)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		const struct op *op = &o->h->ops[i];

		for (unsigned c = 0; oracle_pending(o, op) && c < op->n_changes; c++)
			if (op->changes[c].dir == dir && op->changes[c].name == k)
				return op->made;
	}
	return NOBODY;
}

void oracle_objects(struct oracle *o)
{
	bool seen[MODEL_OBJECTS] = { false };

	for (unsigned d = 0; d < MODEL_DIRS; d++) {
		for (unsigned k = 0; k < MODEL_NAMES; k++) {
			const struct found *found = &o->names[d][k];
			uint8_t object = found->object == OBJECT_NEW ? made_by(o, d, k) : found->object;
			char what[48];

			if (!found->there || object == NOBODY || seen[object])
				continue;
			seen[object] = true;
			(void)snprintf(what, sizeof what, "object %u (%u/n%u)", object, d, k);
			object_check(o, &o->h->model.objects[object], found->id, links_found(o, found->id.inode), what);
		}
	}
}
