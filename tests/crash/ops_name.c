/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of operations: names and directories. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/crash/ops.h"

/* Strides of new files: dense, one level-1 block for each block, farther apart than a level-1 block covers. */
static const uint32_t strides[] = { 1, 1, 1, 1, 17, 1021, 50021 };

void ops_target_fill(char *target, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		target[i] = (char)('a' + (i * 7U + len) % 26U);
	target[len] = '\0';
}

/* A directory that is there and stays there while the operation is under way. */
static bool dir_draw(struct history *h, unsigned *ret_dir)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), k;

	*ret_dir = 0;
	if (dir == 0 || history_draw(h, 2) == 0)
		return true;
	if (h->model.dirs[dir] == NOBODY || !h->model.objects[h->model.dirs[dir]].known)
		return false;
	k = model_dir_name(&h->model, dir);
	if (k == MODEL_NAMES || h->model.names[0][k].busy)
		return false;
	*ret_dir = dir;
	return true;
}

static bool slot_draw(struct history *h, unsigned *ret_dir, unsigned *ret_k)
{
	if (!dir_draw(h, ret_dir))
		return false;
	*ret_k = (unsigned)history_draw(h, MODEL_NAMES);
	return !h->model.names[*ret_dir][*ret_k].busy;
}

static bool used_slot_draw(struct history *h, unsigned *ret_dir, unsigned *ret_k)
{
	for (unsigned tries = 0; tries < 12; tries++)
		if (slot_draw(h, ret_dir, ret_k) && h->model.names[*ret_dir][*ret_k].object != NOBODY)
			return true;
	return false;
}

static void named(struct op *op, enum fs_op fs_op, unsigned dir, unsigned k)
{
	history_op_init(op->history, op, fs_op);
	op->msg.file = model_dir_id(&op->history->model, dir);
	history_set_name(op, model_name(k));
	op->msg.in.setattr.set_mode = true;
	op->msg.in.setattr.mode = 0640;
}

/* ---- making ---- */

static bool make(struct history *h, struct op *op, enum fs_op fs_op, enum object_kind kind, unsigned dir, unsigned k)
{
	const struct entry *entry = &h->model.names[dir][k];

	named(op, fs_op, dir, k);
	op->durable = true;
	if (entry->object != NOBODY) {
		op->expect = -EEXIST;
		history_name_change(op, dir, k, entry->object);
		return true;
	}
	op->made = model_object_new(&h->model, kind, op->sent);
	if (op->made == NOBODY)
		return false;
	cell_reset(&h->model.objects[op->made].mode, 0640, op->sent);
	history_name_change(op, dir, k, OBJECT_NEW);
	return true;
}

static bool create_generate(struct history *h, struct op *op)
{
	unsigned dir, k;

	if (!slot_draw(h, &dir, &k) || !make(h, op, FS_CREATE, OBJECT_FILE, dir, k))
		return false;
	op->msg.in.create.mode = history_draw(h, 4) == 0 ? FS_CREATE_EXCLUSIVE : FS_CREATE_GUARDED;
	op->msg.in.create.verifier = ++h->stamp;
	if (op->made != NOBODY)
		h->model.objects[op->made].stride = strides[history_draw(h, ARRAY_SIZE(strides))];
	if (op->made != NOBODY && op->msg.in.create.mode == FS_CREATE_EXCLUSIVE) {
		op->msg.in.setattr.set_mode = false;
		cell_reset(&h->model.objects[op->made].mode, 0, op->sent);
	}
	return true;
}

static bool symlink_generate(struct history *h, struct op *op)
{
	unsigned dir, k, len = 1U + (unsigned)history_draw(h, 200);

	if (!slot_draw(h, &dir, &k) || !make(h, op, FS_SYMLINK, OBJECT_SYMLINK, dir, k))
		return false;
	ops_target_fill((char *)op->blob, len);
	op->msg.in.blob = op->blob;
	op->msg.in.blob_len = len;
	if (op->made != NOBODY)
		h->model.objects[op->made].target = len;
	return true;
}

static bool mkfifo_generate(struct history *h, struct op *op)
{
	unsigned dir, k;

	if (!slot_draw(h, &dir, &k) || !make(h, op, FS_MKNOD, OBJECT_FIFO, dir, k))
		return false;
	op->msg.in.create.type = FS_TYPE_FIFO;
	return true;
}

static bool mkdir_generate(struct history *h, struct op *op)
{
	unsigned k = (unsigned)history_draw(h, MODEL_NAMES), dir = 1;

	while (dir < MODEL_DIRS && h->model.dirs[dir] != NOBODY)
		dir++;
	if (dir == MODEL_DIRS || h->model.names[0][k].busy || h->model.names[0][k].object != NOBODY)
		return false;
	if (!make(h, op, FS_MKDIR, OBJECT_DIR, 0, k))
		return false;
	h->model.objects[op->made].dir = dir;
	h->model.dirs[dir] = op->made;
	for (unsigned i = 0; i < MODEL_NAMES; i++)
		h->model.names[dir][i] = (struct entry){ .object = NOBODY, .touched = op->sent };
	return true;
}

/* ---- removing ---- */

static bool dir_is_empty(const struct history *h, unsigned dir)
{
	for (unsigned k = 0; k < MODEL_NAMES; k++)
		if (h->model.names[dir][k].object != NOBODY)
			return false;
	return true;
}

static bool remove_generate(struct history *h, struct op *op)
{
	unsigned dir, k;
	const struct object *object;

	if (!used_slot_draw(h, &dir, &k))
		return false;
	object = &h->model.objects[h->model.names[dir][k].object];
	if (object->kind == OBJECT_DIR && !model_dir_quiet(&h->model, object->dir))
		return false;
	named(op, object->kind == OBJECT_DIR ? FS_RMDIR : FS_REMOVE, dir, k);
	if (object->kind == OBJECT_LUN)
		op->expect = -EPERM;
	if (object->kind == OBJECT_DIR && !dir_is_empty(h, object->dir))
		op->expect = -ENOTEMPTY;
	op->durable = true;
	history_name_change(op, dir, k, op->expect == 0 ? NOBODY : h->model.names[dir][k].object);
	return true;
}

/* ---- moving ---- */

/* LUN paths run through this name: no administrative operation may be on its way along them. */
static bool luns_are_idle(const struct history *h, uint8_t moved)
{
	const struct object *object = &h->model.objects[moved];

	if (object->kind == OBJECT_LUN)
		return !object->admin;
	for (unsigned k = 0; object->kind == OBJECT_DIR && k < MODEL_NAMES; k++) {
		const struct entry *entry = &h->model.names[object->dir][k];

		if (entry->busy || (entry->object != NOBODY && h->model.objects[entry->object].admin))
			return false;
	}
	return true;
}

static bool may_move(const struct history *h, uint8_t moved, uint8_t over, unsigned dir, unsigned to_dir)
{
	enum object_kind kind = h->model.objects[moved].kind;

	if ((kind == OBJECT_DIR && to_dir != 0) || (kind == OBJECT_LUN && dir != to_dir) || !luns_are_idle(h, moved))
		return false;
	if (over == NOBODY)
		return true;
	return kind != OBJECT_DIR && h->model.objects[over].kind != OBJECT_DIR &&
	       h->model.objects[over].kind != OBJECT_LUN;
}

static bool rename_generate(struct history *h, struct op *op)
{
	unsigned dir, k, to_dir, to_k;
	uint8_t moved, over;

	if (!used_slot_draw(h, &dir, &k) || !slot_draw(h, &to_dir, &to_k) || (dir == to_dir && k == to_k))
		return false;
	moved = h->model.names[dir][k].object;
	over = h->model.names[to_dir][to_k].object;
	if (!may_move(h, moved, over, dir, to_dir))
		return false;
	named(op, FS_RENAME, dir, k);
	op->msg.in.to_dir = model_dir_id(&h->model, to_dir);
	history_set_to_name(op, model_name(to_k));
	op->durable = true;
	history_name_change(op, dir, k, moved == over ? moved : NOBODY); /* two names of one file: nothing happens */
	history_name_change(op, to_dir, to_k, moved);
	return true;
}

static bool link_generate(struct history *h, struct op *op)
{
	unsigned dir, k, to_dir, to_k;
	uint8_t object;

	if (!used_slot_draw(h, &dir, &k) || !slot_draw(h, &to_dir, &to_k) ||
	    h->model.names[to_dir][to_k].object != NOBODY)
		return false;
	object = h->model.names[dir][k].object;
	if (h->model.objects[object].kind != OBJECT_FILE)
		return false;
	history_op_init(h, op, FS_LINK);
	op->msg.file = h->model.objects[object].id;
	op->msg.in.to_dir = model_dir_id(&h->model, to_dir);
	history_set_to_name(op, model_name(to_k));
	op->durable = true;
	history_name_change(op, dir, k, object); /* its other name stays meanwhile */
	history_name_change(op, to_dir, to_k, object);
	return true;
}

const struct op_kind ops_name[] = {
	{ "create", 7, create_generate, history_names_answered },
	{ "mkdir", 2, mkdir_generate, history_names_answered },
	{ "symlink", 2, symlink_generate, history_names_answered },
	{ "mkfifo", 1, mkfifo_generate, history_names_answered },
	{ "remove", 5, remove_generate, history_names_answered },
	{ "rename", 5, rename_generate, history_names_answered },
	{ "link", 2, link_generate, history_names_answered },
	{ NULL, 0, NULL, NULL },
};
