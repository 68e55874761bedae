/* SPDX-License-Identifier: Apache-2.0 */
/* The engine with many messages in flight, in caches far smaller than the work, through crashes, snapshots, a full
 * volume and failing disks.
 *
 * THEORY. Files are made of cells of 512 bytes, each filled with one 64-bit stamp. For every cell the model keeps the
 * stamps it may hold: a write is a candidate from the moment it is sent; once it has been answered, those that were
 * answered before it was sent are gone for readers, and, when it (or a commit, or a snapshot) was durable, gone for
 * crashes as well. A read may see what was a candidate at any moment while it was under way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/page.h"
#include "fs/file/cache_private.h"
#include "fs/cp/cp.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define FILES 6U
#define SLOTS 1024U /* blocks of a file that are ever written */
#define CELLS_PER_BLOCK 8U
#define CELL_BYTES 512U
#define CELLS (SLOTS * CELLS_PER_BLOCK)
#define OPS_MAX 48U
#define SNAPSHOTS 4U
#define PATIENCE_NS 900000000000ULL /* no message takes longer in virtual time */

struct candidate {
	uint64_t stamp, sent, acked /* 0: under way */, gone /* 0: visible */;
	bool dead; /* no crash brings it back */
};
struct cell {
	struct candidate *c;
	unsigned n, max;
};

enum kind {
	OP_READ,
	OP_WRITE,
	OP_TRUNCATE,
	OP_ZERO,
	OP_COMMIT,
	OP_CREATE,
	OP_REMOVE,
	OP_SNAPSHOT,
	OP_UNSNAPSHOT,
	OP_RENAME,
	OP_SYNC,
	OP_KINDS
};

struct file {
	bool exists, busy; /* busy: a creation or removal is under way */
	uint32_t stride; /* FBN of slot i is i * stride */
	uint64_t born;
	struct fs_file_id id;
	struct cell *cells;
};

struct kept {
	bool exists, busy, known;
	unsigned name;
	bool file[FILES];
	uint32_t stride[FILES];
	uint64_t *values[FILES];
	uint64_t sent;
};

struct stress;
struct op {
	struct fs_message msg;
	struct stress *stress;
	bool used, moot; /* moot: the file or the volume it was for is gone */
	enum kind kind;
	unsigned file, first, n; /* cells */
	unsigned snapshot;
	uint64_t stamp, sent, sent_ns;
	bool durable;
	char name[24], to_name[24];
	struct page *pages[FS_IO_PAGES_MAX];
};

struct stress {
	struct fsbox box;
	uint64_t random, stamp, clock;
	struct file files[FILES];
	struct kept kept[SNAPSHOTS];
	struct op ops[OPS_MAX];
	unsigned n_flying, n_answered, n_nospc;
	unsigned names;
	bool faulty; /* errors may come */
	bool tight; /* -ENOSPC may come */
	bool alone; /* no snapshots */
	uint64_t most_pages;
};

static uint64_t draw(struct stress *s, uint64_t n)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % n;
}

/* ---- cells ---- */

static struct cell *cell_of(struct stress *s, unsigned file, unsigned cell)
{
	return &s->files[file].cells[cell];
}

static void cell_add(struct cell *cell, uint64_t stamp, uint64_t sent, uint64_t acked)
{
	if (cell->n == cell->max) {
		cell->max = cell->max == 0 ? 4U : cell->max * 2U;
		cell->c = realloc(cell->c, cell->max * sizeof(cell->c[0]));
		assert_non_null(cell->c);
	}
	cell->c[cell->n++] = (struct candidate){ stamp, sent, acked, 0, false };
}

static uint64_t oldest_flying(const struct stress *s)
{
	uint64_t oldest = s->clock;

	for (unsigned i = 0; i < OPS_MAX; i++)
		if (s->ops[i].used && s->ops[i].sent < oldest)
			oldest = s->ops[i].sent;
	return oldest;
}

static void cell_prune(struct stress *s, struct cell *cell)
{
	uint64_t oldest = oldest_flying(s);
	unsigned kept = 0;

	for (unsigned i = 0; i < cell->n; i++)
		if (!cell->c[i].dead || cell->c[i].gone >= oldest)
			cell->c[kept++] = cell->c[i];
	cell->n = kept;
}

static void cell_reset(struct cell *cell, uint64_t stamp, uint64_t now)
{
	cell->n = 0;
	cell_add(cell, stamp, now, now);
}

/* The write `stamp` sent at `sent` is answered. */
static void cell_acked(struct stress *s, struct cell *cell, uint64_t stamp, uint64_t sent, bool durable)
{
	for (unsigned i = 0; i < cell->n; i++) {
		struct candidate *c = &cell->c[i];

		if (c->stamp == stamp && c->sent == sent) {
			c->acked = s->clock;
		} else if (c->acked != 0 && c->acked < sent) {
			if (c->gone == 0)
				c->gone = s->clock;
			c->dead = c->dead || durable;
		}
	}
	if (cell->n > 6)
		cell_prune(s, cell);
}

static void cell_failed(struct cell *cell, uint64_t stamp, uint64_t sent)
{
	for (unsigned i = 0; i < cell->n; i++) {
		if (cell->c[i].stamp == stamp && cell->c[i].sent == sent) {
			cell->c[i] = cell->c[--cell->n];
			return;
		}
	}
}

/* Everything answered before `sent` is durable now. */
static void cell_durable(struct cell *cell, uint64_t sent)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].gone != 0 && cell->c[i].gone < sent)
			cell->c[i].dead = true;
}

static bool cell_may_read(const struct cell *cell, uint64_t stamp, uint64_t since)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].stamp == stamp && (cell->c[i].gone == 0 || cell->c[i].gone >= since))
			return true;
	return false;
}

static bool cell_may_survive(const struct cell *cell, uint64_t stamp)
{
	for (unsigned i = 0; i < cell->n; i++)
		if (cell->c[i].stamp == stamp && !cell->c[i].dead)
			return true;
	return false;
}

static void cell_complain(const struct stress *s, const struct cell *cell, unsigned file, unsigned at, uint64_t got,
                          uint64_t since, const char *what)
{
	for (unsigned i = 0; i < cell->n; i++)
		fprintf(stderr, "  stamp %llu sent %llu acked %llu gone %llu%s\n", (unsigned long long)cell->c[i].stamp,
		        (unsigned long long)cell->c[i].sent, (unsigned long long)cell->c[i].acked,
		        (unsigned long long)cell->c[i].gone, cell->c[i].dead ? " dead" : "");
	fail_msg("%s: file %u (stride %u) cell %u (block %u) holds %llu, since %llu, now %llu", what, file,
	         s->files[file].stride, at, at / CELLS_PER_BLOCK, (unsigned long long)got, (unsigned long long)since,
	         (unsigned long long)s->clock);
}

static void file_each_durable(struct stress *s, unsigned file, uint64_t sent)
{
	for (unsigned i = 0; s->files[file].exists && i < CELLS; i++)
		cell_durable(cell_of(s, file, i), sent);
}

/* ---- operations ---- */

static struct op *op_new(struct stress *s, enum kind kind, enum fs_op fs_op, unsigned file);

static void pages_drop(struct op *op, unsigned n)
{
	page_put_many(op->pages, n);
}

/* Stamp of a cell in what a read brought; beyond the end: zeros. */
static uint64_t read_stamp(const struct op *op, unsigned cell)
{
	uint64_t offset = (uint64_t)(cell - op->first) * CELL_BYTES, words[CELL_BYTES / 8];
	uint64_t in_page = op->msg.in.io.offset_bytes % FS_BLOCK_SIZE + offset;
	uint32_t have = offset >= op->msg.out.io.len_bytes
	                    ? 0
	                    : (uint32_t)MIN_OF((uint64_t)CELL_BYTES, op->msg.out.io.len_bytes - offset);

	memset(words, 0, sizeof(words));
	memcpy(words, op->pages[in_page / FS_BLOCK_SIZE]->data + in_page % FS_BLOCK_SIZE, have);
	for (unsigned i = 1; i < CELL_BYTES / 8; i++)
		assert_int_equal(words[i], words[0]);
	return words[0];
}

static void read_answered(struct stress *s, struct op *op)
{
	if (op->msg.status != 0)
		return;
	for (unsigned cell = op->first; !op->moot && cell < op->first + op->n; cell++) {
		uint64_t got = (uint64_t)(cell - op->first) * CELL_BYTES >= op->msg.out.io.len_bytes
		                   ? 0
		                   : read_stamp(op, cell);

		if (!cell_may_read(cell_of(s, op->file, cell), got, op->sent))
			cell_complain(s, cell_of(s, op->file, cell), op->file, cell, got, op->sent, "read");
	}
	pages_drop(op, op->msg.out.io.n_pages);
}

static void change_answered(struct stress *s, struct op *op)
{
	for (unsigned cell = op->first; !op->moot && cell < op->first + op->n; cell++) {
		if (op->msg.status == 0)
			cell_acked(s, cell_of(s, op->file, cell), op->stamp, op->sent, op->durable);
		else if (!s->faulty)
			cell_failed(cell_of(s, op->file, cell), op->stamp, op->sent);
	}
	if (op->kind == OP_WRITE)
		pages_drop(op, op->msg.in.io.n_pages);
}

static void file_forget(struct stress *s, unsigned file)
{
	for (unsigned i = 0; i < OPS_MAX; i++)
		if (s->ops[i].used && s->ops[i].file == file && s->ops[i].kind <= OP_COMMIT)
			s->ops[i].moot = true;
	s->files[file].exists = false;
}

static void file_new(struct stress *s, unsigned file, struct fs_file_id id, uint64_t sent)
{
	struct file *f = &s->files[file];

	f->exists = true;
	f->id = id;
	f->born = sent;
	for (unsigned i = 0; i < CELLS; i++)
		cell_reset(&f->cells[i], 0, s->clock);
}

static uint64_t slot_offset(const struct stress *s, unsigned file, unsigned cell)
{
	return (uint64_t)(cell / CELLS_PER_BLOCK) * s->files[file].stride * FS_BLOCK_SIZE +
	       (uint64_t)(cell % CELLS_PER_BLOCK) * CELL_BYTES;
}

/* A snapshot is there: its cells hold what may have been there while it was made; the first look settles it. */
static void snapshot_taken(struct stress *s, struct op *op)
{
	struct kept *kept = &s->kept[op->snapshot];

	kept->exists = true;
	kept->known = false;
	kept->sent = op->sent;
	for (unsigned f = 0; f < FILES; f++) {
		kept->file[f] = s->files[f].exists && !s->files[f].busy && s->files[f].born < op->sent;
		kept->stride[f] = s->files[f].stride;
		file_each_durable(s, f, op->sent);
	}
}

static void sync_answered(struct stress *s, struct op *op)
{
	for (unsigned f = 0; f < FILES; f++)
		file_each_durable(s, f, op->sent);
}

static void op_effect(struct stress *s, struct op *op)
{
	bool ok = op->msg.status == 0;

	switch (op->kind) {
	case OP_READ: read_answered(s, op); break;
	case OP_WRITE:
	case OP_TRUNCATE:
	case OP_ZERO: change_answered(s, op); break;
	case OP_COMMIT:
		if (ok && !op->moot)
			file_each_durable(s, op->file, op->sent);
		break;
	case OP_CREATE:
		s->files[op->file].busy = false;
		if (ok)
			file_new(s, op->file, op->msg.out.attr.id, s->clock);
		break;
	case OP_REMOVE:
		s->files[op->file].busy = false;
		if (ok)
			file_forget(s, op->file);
		break;
	case OP_SNAPSHOT:
		s->kept[op->snapshot].busy = false;
		if (ok)
			snapshot_taken(s, op);
		break;
	case OP_UNSNAPSHOT:
		s->kept[op->snapshot].busy = false;
		if (ok)
			s->kept[op->snapshot].exists = false;
		break;
	case OP_RENAME: s->kept[op->snapshot].busy = false; break;
	case OP_SYNC:
		if (ok)
			sync_answered(s, op);
		break;
	default: break;
	}
}

static void op_answered(struct fs_message *msg)
{
	struct op *op = msg->owner;
	struct stress *s = op->stress;

	assert_true(op->used);
	s->clock++;
	if (msg->status == -ENOSPC && s->tight)
		s->n_nospc++;
	else if (msg->status != 0 && !s->faulty && !op->moot && !(msg->status == -ESTALE && s->files[op->file].busy))
		fail_msg("operation %d answered %d", (int)op->kind, msg->status);
	if (op->kind == OP_READ && op->moot && msg->status == 0)
		pages_drop(op, msg->out.io.n_pages);
	else if (op->kind == OP_WRITE && op->moot)
		pages_drop(op, msg->in.io.n_pages);
	else if (!op->moot)
		op_effect(s, op);
	fs_message_fini(msg);
	op->used = false;
	s->n_flying--;
	s->n_answered++;
}

static struct op *op_new(struct stress *s, enum kind kind, enum fs_op fs_op, unsigned file)
{
	struct op *op = s->ops;

	while (op->used)
		op++;
	memset(op, 0, sizeof(*op));
	op->stress = s;
	op->used = true;
	op->kind = kind;
	op->file = file;
	op->sent = ++s->clock;
	op->sent_ns = world_now_ns(s->box.world);
	s->n_flying++;
	fs_message_init(&op->msg, fs_op, s->box.vol, op_answered, op);
	op->msg.file = s->files[file].id;
	return op;
}

static void change_send(struct stress *s, struct op *op, unsigned first, unsigned n, uint64_t stamp)
{
	op->first = first;
	op->n = n;
	op->stamp = stamp;
	for (unsigned cell = first; cell < first + n; cell++)
		cell_add(cell_of(s, op->file, cell), stamp, op->sent, 0);
	fs_message_send(&op->msg);
}

/* Consecutive cells: anywhere in a dense file, inside one block of a sparse one. */
static unsigned cells_drawn(struct stress *s, unsigned file, unsigned *ret_first, unsigned n_max)
{
	unsigned first = (unsigned)draw(s, CELLS), n;

	if (draw(s, 3) != 0)
		first -= first % CELLS_PER_BLOCK;
	n = 1U + (unsigned)draw(s, draw(s, 3) == 0 ? n_max : 40U);
	if (draw(s, 3) != 0)
		n = ROUND_UP(n, CELLS_PER_BLOCK);
	n = MIN_OF(n, CELLS - first);
	if (s->files[file].stride != 1)
		n = MIN_OF(n, CELLS_PER_BLOCK - first % CELLS_PER_BLOCK);
	*ret_first = first;
	return n;
}

static void send_write(struct stress *s, unsigned file)
{
	unsigned first, n = cells_drawn(s, file, &first, FS_IO_MAX / CELL_BYTES);
	struct op *op = op_new(s, OP_WRITE, FS_WRITE, file);
	uint64_t offset = slot_offset(s, file, first), stamp = ++s->stamp;
	unsigned n_pages = (unsigned)(DIV_UP(offset % FS_BLOCK_SIZE + (uint64_t)n * CELL_BYTES, FS_BLOCK_SIZE));

	for (unsigned i = 0; i < n_pages; i++) {
		op->pages[i] = page_alloc();
		assert_non_null(op->pages[i]);
		memset(op->pages[i]->data, 0xEE, PAGE_SIZE);
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = offset % FS_BLOCK_SIZE + (uint64_t)i * CELL_BYTES;

		for (unsigned w = 0; w < CELL_BYTES; w += 8)
			memcpy(op->pages[at / FS_BLOCK_SIZE]->data + at % FS_BLOCK_SIZE + w, &stamp, 8);
	}
	op->durable = draw(s, 4) == 0;
	op->msg.in.io = (struct fs_io){ .offset_bytes = offset,
		                        .len_bytes = n * CELL_BYTES,
		                        .n_pages = n_pages,
		                        .n_pages_max = n_pages,
		                        .pages = op->pages };
	op->msg.in.stable = op->durable ? FS_FILE_SYNC : FS_UNSTABLE;
	change_send(s, op, first, n, stamp);
}

static void send_read(struct stress *s, unsigned file)
{
	unsigned first, n = cells_drawn(s, file, &first, FS_IO_MAX / CELL_BYTES);
	struct op *op = op_new(s, OP_READ, FS_READ, file);

	op->first = first;
	op->n = n;
	op->msg.in.io = (struct fs_io){ .offset_bytes = slot_offset(s, file, first),
		                        .len_bytes = n * CELL_BYTES,
		                        .n_pages_max = FS_IO_PAGES_MAX,
		                        .pages = op->pages };
	fs_message_send(&op->msg);
}

static void send_truncate(struct stress *s, unsigned file)
{
	unsigned cell = draw(s, 5) == 0 ? 0 : CELLS / 2U + (unsigned)draw(s, CELLS / 2U + 1U);
	struct op *op = op_new(s, OP_TRUNCATE, FS_SETATTR, file);

	op->durable = true;
	op->msg.in.setattr.set_size = true;
	op->msg.in.setattr.size_bytes = slot_offset(s, file, cell);
	change_send(s, op, cell, CELLS - cell, 0);
}

static void send_zero(struct stress *s, unsigned file)
{
	unsigned first = (unsigned)draw(s, CELLS), most = draw(s, 4) == 0 ? CELLS : 100U,
	         n = 1U + (unsigned)draw(s, MIN_OF(CELLS - first, most));
	struct op *op = op_new(s, OP_ZERO, FS_ZERO, file);

	op->durable = draw(s, 2) == 0;
	op->msg.in.zero.offset_bytes = slot_offset(s, file, first);
	op->msg.in.zero.len_bytes = slot_offset(s, file, first + n - 1U) + CELL_BYTES - op->msg.in.zero.offset_bytes;
	op->msg.in.zero.stable = op->durable;
	change_send(s, op, first, n, 0);
}

static void send_named(struct stress *s, struct op *op, const char *name)
{
	snprintf(op->name, sizeof(op->name), "%s", name);
	op->msg.in.name = op->name;
	op->msg.in.name_len = (uint32_t)strlen(op->name);
	(void)s;
	fs_message_send(&op->msg);
}

static void send_link(struct stress *s, unsigned file)
{
	bool remove = s->files[file].exists;
	struct op *op = op_new(s, remove ? OP_REMOVE : OP_CREATE, remove ? FS_REMOVE : FS_CREATE, file);
	char name[16];

	s->files[file].busy = true;
	if (!remove)
		s->files[file].stride = draw(s, 2) == 0 ? 1U : draw(s, 2) == 0 ? 1021U : 50021U;
	snprintf(name, sizeof(name), "f%u", file);
	op->msg.file = box_root;
	op->msg.in.create.mode = FS_CREATE_GUARDED;
	op->msg.in.setattr.set_mode = true;
	op->msg.in.setattr.mode = 0644;
	send_named(s, op, name);
}

static void send_snapshot(struct stress *s)
{
	unsigned at = (unsigned)draw(s, SNAPSHOTS);
	struct kept *kept = &s->kept[at];
	bool rename = kept->exists && draw(s, 3) == 0;
	struct op *op;
	char name[24];

	if (kept->busy || s->alone)
		return;
	op = op_new(s,
	            !kept->exists ? OP_SNAPSHOT
	            : rename      ? OP_RENAME
	                          : OP_UNSNAPSHOT,
	            !kept->exists ? FS_SNAPSHOT_CREATE
	            : rename      ? FS_SNAPSHOT_RENAME
	                          : FS_SNAPSHOT_DELETE,
	            0);
	op->snapshot = at;
	kept->busy = true;
	if (!kept->exists)
		kept->name = ++s->names;
	snprintf(name, sizeof(name), "s%u", kept->name);
	if (rename) {
		kept->name = ++s->names;
		snprintf(op->to_name, sizeof(op->to_name), "s%u", kept->name);
		op->msg.in.to_name = op->to_name;
		op->msg.in.to_name_len = (uint32_t)strlen(op->to_name);
	}
	send_named(s, op, name);
}

static void send_file_op(struct stress *s)
{
	unsigned file = (unsigned)draw(s, FILES), what = (unsigned)draw(s, 100);
	struct file *f = &s->files[file];

	if (f->busy)
		return;
	if (!f->exists || draw(s, 150) == 0)
		send_link(s, file);
	else if (what < 45)
		send_write(s, file);
	else if (what < 90)
		send_read(s, file);
	else if (what < 92)
		send_truncate(s, file);
	else if (what < 95)
		send_zero(s, file);
	else
		fs_message_send(&op_new(s, OP_COMMIT, FS_COMMIT, file)->msg);
}

/* ---- the world ---- */

static void watch(struct stress *s)
{
	uint64_t now = world_now_ns(s->box.world);

	for (unsigned i = 0; i < OPS_MAX; i++)
		if (s->ops[i].used && now - s->ops[i].sent_ns > PATIENCE_NS)
			fail_msg("operation %d sent at %llu has no answer", (int)s->ops[i].kind,
			         (unsigned long long)s->ops[i].sent);
	if (s->box.vol != NULL && s->box.vol->cache != NULL && s->box.vol->cache->n_pages > s->most_pages)
		s->most_pages = s->box.vol->cache->n_pages;
}

static void steps(struct stress *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!sim_step(s->box.sim))
			break;
	watch(s);
}

/* Everything sent is answered. */
static void land(struct stress *s)
{
	for (unsigned i = 0; s->n_flying > 0; i++) {
		if (i == 3000000U)
			fail_msg("%u messages are not answered after %u turns", s->n_flying, i * 8U);
		steps(s, 8);
	}
}

/* What is there after a power cut counts from now on. */
static void adopt(struct stress *s, unsigned file, struct fs_file_id id, bool crashed)
{
	static uint64_t got[FS_IO_MAX / 8];
	struct file *f = &s->files[file];
	unsigned per_read = f->stride == 1 ? FS_IO_MAX / CELL_BYTES : CELLS_PER_BLOCK;

	for (unsigned first = 0; first < CELLS; first += per_read) {
		unsigned n = MIN_OF(per_read, CELLS - first);
		int len = box_read(&s->box, id, slot_offset(s, file, first), got, n * CELL_BYTES);

		assert_true(len >= 0);
		memset((uint8_t *)got + len, 0, n * CELL_BYTES - (size_t)len);
		for (unsigned i = 0; i < n; i++) {
			struct cell *cell = cell_of(s, file, first + i);
			uint64_t stamp = got[i * CELL_BYTES / 8];

			assert_int_equal(got[(i + 1) * CELL_BYTES / 8 - 1], stamp);
			if (crashed ? !cell_may_survive(cell, stamp) : !cell_may_read(cell, stamp, s->clock))
				cell_complain(s, cell, file, first + i, stamp, s->clock,
				              crashed ? "after the crash" : "at rest");
			if (crashed)
				cell_reset(cell, stamp, s->clock);
		}
	}
}

static void adopt_all(struct stress *s, bool crashed)
{
	s->clock++;
	for (unsigned f = 0; f < FILES; f++) {
		struct fs_file_id id;
		char name[16];
		int err;

		snprintf(name, sizeof(name), "f%u", f);
		err = box_lookup(&s->box, box_root, name, &id);
		assert_true(err == 0 || err == -ENOENT);
		if (!s->files[f].busy)
			assert_int_equal(err, s->files[f].exists ? 0 : -ENOENT);
		s->files[f].busy = false;
		if (err == 0 && s->files[f].exists)
			adopt(s, f, id, crashed);
		else if (err == 0)
			file_new(s, f, id, s->clock);
		s->files[f].exists = err == 0;
	}
}

/* The snapshots hold what they held the last time. */
static void look_at_snapshot(struct stress *s, struct kept *kept)
{
	static uint64_t got[FS_IO_MAX / 8];

	for (unsigned f = 0; f < FILES; f++) {
		struct fs_file_id id;
		char path[64];
		unsigned per_read = kept->stride[f] == 1 ? FS_IO_MAX / CELL_BYTES : CELLS_PER_BLOCK;

		if (!kept->file[f])
			continue;
		snprintf(path, sizeof(path), "/.snapshot/s%u/f%u", kept->name, f);
		assert_int_equal(box_resolve(&s->box, path, &id), 0);
		if (kept->values[f] == NULL)
			kept->values[f] = calloc(CELLS, sizeof(uint64_t));
		for (unsigned first = 0; first < CELLS; first += per_read) {
			unsigned n = MIN_OF(per_read, CELLS - first);
			uint64_t offset = (uint64_t)(first / CELLS_PER_BLOCK) * kept->stride[f] * FS_BLOCK_SIZE;
			int len = box_read(&s->box, id, offset, got, n * CELL_BYTES);

			assert_true(len >= 0);
			memset((uint8_t *)got + len, 0, n * CELL_BYTES - (size_t)len);
			for (unsigned i = 0; i < n; i++) {
				uint64_t stamp = got[i * CELL_BYTES / 8];

				if (kept->known)
					assert_int_equal(stamp, kept->values[f][first + i]);
				kept->values[f][first + i] = stamp;
			}
		}
	}
	kept->known = true;
}

static void look_at_snapshots(struct stress *s)
{
	for (unsigned i = 0; i < SNAPSHOTS; i++)
		if (s->kept[i].exists)
			look_at_snapshot(s, &s->kept[i]);
}

/* A power cut with messages in flight. */
static void crash(struct stress *s)
{
	for (unsigned i = 0; i < OPS_MAX; i++) {
		struct op *op = &s->ops[i];

		if (!op->used)
			continue;
		op->moot = true;
		if (op->kind == OP_SNAPSHOT || op->kind == OP_UNSNAPSHOT || op->kind == OP_RENAME)
			/* there or not, under one name or the other: not looked at any more */
			s->kept[op->snapshot].exists = false;
	}
	box_crash(&s->box, draw(s, 1U << 30));
	assert_int_equal(s->n_flying, 0);
	for (unsigned i = 0; i < SNAPSHOTS; i++)
		s->kept[i].busy = false;
	adopt_all(s, true);
}

static void stress_open(struct stress *s, uint64_t seed, unsigned n_disks, uint64_t disk_bytes)
{
	memset(s, 0, sizeof(*s));
	s->random = (seed + 77) * 0x9E3779B97F4A7C15ULL;
	s->stamp = 1000;
	s->clock = 1;
	for (unsigned i = 0; i < 10; i++)
		draw(s, 2);
	for (unsigned f = 0; f < FILES; f++) {
		s->files[f].cells = calloc(CELLS, sizeof(struct cell));
		s->files[f].stride = 1;
	}
	box_open(&s->box, seed, n_disks, disk_bytes, 2048);
}

static void stress_close(struct stress *s)
{
	if (s->box.vol != NULL && s->box.vol->failed == 0)
		box_close(&s->box);
	else {
		if (s->box.vol != NULL)
			(void)box_unmount(&s->box);
		box_close(&s->box);
	}
	for (unsigned f = 0; f < FILES; f++) {
		for (unsigned i = 0; i < CELLS; i++)
			free(s->files[f].cells[i].c);
		free(s->files[f].cells);
		for (unsigned k = 0; k < SNAPSHOTS; k++)
			free(s->kept[k].values[f]);
	}
}

static void load(struct stress *s, unsigned n)
{
	unsigned width = 1U + (unsigned)draw(s, OPS_MAX - 4U);

	for (unsigned i = 0; i < n; i++) {
		while (s->n_flying >= width)
			steps(s, 1);
		if (draw(s, 60) == 0)
			send_snapshot(s);
		else if (draw(s, 100) == 0)
			fs_message_send(&op_new(s, OP_SYNC, FS_SYNC, 0)->msg);
		else
			send_file_op(s);
		steps(s, (unsigned)draw(s, 30));
		if (draw(s, 300) == 0)
			width = 1U + (unsigned)draw(s, OPS_MAX - 4U);
	}
}

static void rest(struct stress *s)
{
	land(s);
	adopt_all(s, false);
	look_at_snapshots(s);
	assert_int_equal(box_check(&s->box), 0);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* One history for each of STRESS_SEEDS seeds from STRESS_SEED on. */
static void each_seed(const char *what, uint64_t n_default, void (*history)(struct stress *s, uint64_t seed))
{
	uint64_t first = env_number("STRESS_SEED", 1), n = env_number("STRESS_SEEDS", n_default);

	for (uint64_t seed = first; seed < first + n; seed++) {
		struct stress *s = calloc(1, sizeof(*s));

		fprintf(stderr, "%s seed %llu\n", what, (unsigned long long)seed);
		history(s, seed);
		free(s);
	}
}

static void history_load(struct stress *s, uint64_t seed)
{
	stress_open(s, seed, 4, 64ULL << 20);
	for (unsigned round = 0; round < 4; round++) {
		load(s, 600);
		if (draw(s, 2) == 0)
			rest(s);
		crash(s);
		look_at_snapshots(s);
	}
	rest(s);
	/* The bound holds but for what one message brings with it. */
	assert_true(s->most_pages <= 2048U + FS_IO_PAGES_MAX + 64U);
	stress_close(s);
}

static void many_messages_in_flight_match_the_model(void **state)
{
	(void)state;
	each_seed("load", 4, history_load);
}

/* ---- a full volume ---- */

static void history_full(struct stress *s, uint64_t seed)
{
	stress_open(s, seed, 2, 20ULL << 20);
	s->tight = true;
	for (unsigned round = 0; round < 4; round++) {
		load(s, 500);
		rest(s);
		for (unsigned f = 0; f < FILES && round % 2U == 1U; f++)
			if (s->files[f].exists)
				send_link(s, f);
		land(s);
	}
	crash(s);
	rest(s);
	stress_close(s);
}

static void full_volume_never_gets_stuck(void **state)
{
	(void)state;
	each_seed("full", 3, history_full);
}

/* ---- failing disks ---- */

static void history_fault(struct stress *s, uint64_t seed)
{
	unsigned victim;

	stress_open(s, seed, 4, 64ULL << 20);
	load(s, 300);
	victim = (unsigned)draw(s, 4);
	switch (draw(s, 4)) {
	case 0: memdisk_lose(s->box.urls[victim] + 4); break;
	case 1: memdisk_fail_flush(s->box.urls[victim] + 4, 1); break;
	case 2: memdisk_fail_writes(s->box.urls[victim] + 4, 2); break;
	default:
		for (unsigned i = 0; i < 64; i++)
			memdisk_fail_reads(s->box.urls[victim] + 4, 1100 + draw(s, 3000), 1);
		break;
	}
	load(s, 600);
	rest(s); /* one disk: nobody notices */
	s->faulty = true;
	load(s, 100);
	for (unsigned i = 0; i < 4; i++) {
		switch (seed % 3U) {
		case 0: memdisk_lose(s->box.urls[i] + 4); break;
		case 1: memdisk_fail_flush(s->box.urls[i] + 4, 1000000); break;
		default: memdisk_fail_writes(s->box.urls[i] + 4, 1000000); break;
		}
	}
	for (unsigned i = 0; i < 200; i++) {
		if (s->n_flying >= OPS_MAX - 4U)
			break;
		send_file_op(s);
		if (draw(s, 20) == 0)
			send_snapshot(s);
		if (draw(s, 20) == 0)
			fs_message_send(&op_new(s, OP_SYNC, FS_SYNC, 0)->msg);
		steps(s, (unsigned)draw(s, 60));
	}
	if (draw(s, 2) == 0)
		land(s);
	(void)box_unmount(&s->box);
	assert_int_equal(s->n_flying, 0);
	stress_close(s);
}

static void failing_disks_leave_nobody_waiting(void **state)
{
	(void)state;
	each_seed("fault", 6, history_fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_messages_in_flight_match_the_model),
		cmocka_unit_test(full_volume_never_gets_stuck),
		cmocka_unit_test(failing_disks_leave_nobody_waiting),
	};

	cmocka_set_test_filter(getenv("STRESS_ONLY"));
	return cmocka_run_group_tests_name("engine_stress", tests, NULL, NULL);
}
