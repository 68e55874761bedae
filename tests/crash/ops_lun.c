/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of operations: LUNs, cloning them, and putting one LUN or file back to a snapshot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/crash/ops.h"

static struct object *object_of(struct op *op)
{
	return &op->history->model.objects[op->object];
}

static void path_set(struct op *op)
{
	op->msg.in.path = op->path;
}

/* ---- making and destroying ---- */

/* Below the root, or in a directory that is there: an unused name. */
static bool place_draw(struct history *h, struct op *op, unsigned *ret_dir, unsigned *ret_k)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), at;

	if (dir != 0 && (h->model.dirs[dir] == NOBODY || !h->model.objects[h->model.dirs[dir]].known))
		dir = 0;
	at = dir == 0 ? 0 : model_dir_name(&h->model, dir);
	if (dir != 0 && (at == MODEL_NAMES || h->model.names[0][at].busy))
		return false;
	*ret_dir = dir;
	*ret_k = (unsigned)history_draw(h, MODEL_NAMES);
	return !h->model.names[dir][*ret_k].busy && h->model.names[dir][*ret_k].object == NOBODY &&
	       model_path(&h->model, dir, *ret_k, op->path);
}

static unsigned luns(const struct history *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		n += h->model.objects[i].kind == OBJECT_LUN;
	return n;
}

static bool lun_make(struct history *h, struct op *op, uint32_t stride, uint64_t size)
{
	unsigned dir, k;

	if (luns(h) > 5 || !place_draw(h, op, &dir, &k))
		return false;
	op->made = model_object_new(&h->model, OBJECT_LUN, op->sent);
	if (op->made == NOBODY)
		return false;
	history_op_init(h, op, FS_VDISK_CREATE);
	path_set(op);
	op->durable = true;
	h->model.objects[op->made].stride = stride;
	cell_reset(&h->model.objects[op->made].size, size, op->sent);
	op->msg.in.vdisk.size_bytes = size;
	history_name_change(op, dir, k, OBJECT_NEW);
	return true;
}

static bool create_generate(struct history *h, struct op *op)
{
	uint32_t stride = history_draw(h, 3) == 0 ? 127U : 1U;
	unsigned blocks = MODEL_BLOCKS - (unsigned)history_draw(h, 5);

	if (!lun_make(h, op, stride, model_offset(stride, (blocks - 1U) * MODEL_BLOCK_CELLS) + FS_BLOCK_SIZE))
		return false;
	op->msg.in.vdisk.reserve = stride == 1U && history_draw(h, 3) == 0;
	h->model.objects[op->made].reserved = op->msg.in.vdisk.reserve;
	return true;
}

static void created(struct history *h, struct op *op)
{
	if (op->state != OP_CUT && op->msg.status == 0)
		op->msg.out.attr.id = op->msg.out.vdisks[0].id;
	history_names_answered(h, op);
}

static bool destroy_generate(struct history *h, struct op *op)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), k = (unsigned)history_draw(h, MODEL_NAMES);
	const struct entry *entry = &h->model.names[dir][k];

	if ((dir != 0 && h->model.dirs[dir] == NOBODY) || entry->busy || entry->object == NOBODY ||
	    h->model.objects[entry->object].kind != OBJECT_LUN || h->model.objects[entry->object].admin ||
	    !model_path(&h->model, dir, k, op->path))
		return false;
	if (dir != 0 && h->model.names[0][model_dir_name(&h->model, dir)].busy)
		return false;
	history_op_init(h, op, FS_VDISK_DESTROY);
	path_set(op);
	op->msg.in.vdisk.force = true;
	op->durable = true;
	h->model.objects[entry->object].admin = true;
	op->object = entry->object;
	history_name_change(op, dir, k, NOBODY);
	return true;
}

static void destroyed(struct history *h, struct op *op)
{
	object_of(op)->admin = false;
	history_names_answered(h, op);
}

/* ---- on a snapshot ---- */

/* A file or LUN of a snapshot, looked at before: what it holds is known. */
static bool backing_at(struct history *h, struct op *op, unsigned dir, unsigned k, unsigned *ret_object)
{
	const struct snapshot_model *snapshot;
	unsigned of_dir = MODEL_NAMES;
	char path[MODEL_PATH];

	op->snapshot = (unsigned)history_draw(h, MODEL_SNAPSHOTS);
	snapshot = &h->model.snapshots[op->snapshot];
	if (!snapshot->used || snapshot->busy || snapshot->may_go || !snapshot->settled ||
	    snapshot->names[dir][k].doubtful)
		return false;
	*ret_object = snapshot->names[dir][k].object;
	if (*ret_object == NOBODY || snapshot->objects[*ret_object].cells == NULL ||
	    snapshot->objects[*ret_object].size.c[0].stamp == 0 ||
	    model_size_is_small(snapshot->objects[*ret_object].size.c[0].stamp))
		return false;
	(void)snprintf(path, sizeof path, "/.snapshot/s%u", snapshot->name);
	if (dir != 0) {
		for (of_dir = 0; of_dir < MODEL_NAMES; of_dir++) {
			unsigned object = snapshot->names[0][of_dir].object;

			if (object != NOBODY && snapshot->objects[object].kind == OBJECT_DIR &&
			    snapshot->objects[object].dir == dir && !snapshot->names[0][of_dir].doubtful)
				break;
		}
		if (of_dir == MODEL_NAMES)
			return false;
	}
	(void)snprintf((char *)op->blob, sizeof op->blob, "%.40s%s%.150s/%.150s", path, dir != 0 ? "/" : "",
	               dir != 0 ? model_name(of_dir) : "", model_name(k));
	return true;
}

static bool backing_draw(struct history *h, struct op *op, unsigned *ret_object)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), k = (unsigned)history_draw(h, MODEL_NAMES);

	return backing_at(h, op, dir, k, ret_object);
}

/* What it makes is what `under` was in the snapshot, and needs it. */
static void made_backed(struct history *h, struct op *op, const struct frozen_object *under)
{
	struct object *object = &h->model.objects[op->made];

	for (unsigned i = 0; i < MODEL_CELLS; i++)
		cell_reset(&object->cells[i], under->cells[i].c[0].stamp, op->sent);
	object->backed = YES;
	object->backing = h->model.snapshots[op->snapshot].serial;
	h->model.snapshots[op->snapshot].n_pins++;
}

static bool backed_generate(struct history *h, struct op *op)
{
	const struct frozen_object *under;
	unsigned which;
	uint64_t size;

	if (!backing_draw(h, op, &which))
		return false;
	under = &h->model.snapshots[op->snapshot].objects[which];
	size = ROUND_UP(under->size.c[0].stamp, FS_BLOCK_SIZE);
	if (!lun_make(h, op, under->stride, size))
		return false;
	op->msg.in.vdisk.size_bytes = 0;
	op->msg.in.vdisk.backing_path = (char *)op->blob;
	op->msg.in.vdisk.reserve = under->stride == 1U && history_draw(h, 3) == 0;
	h->model.objects[op->made].reserved = op->msg.in.vdisk.reserve;
	made_backed(h, op, under);
	return true;
}

static void backed(struct history *h, struct op *op)
{
	h->model.snapshots[op->snapshot].n_pins--;
	created(h, op);
}

/* What follows "/.snapshot/NAME". */
static const char *inner_path(const char *path)
{
	for (unsigned n = 0; n < 2; n++)
		path += 1U + strcspn(path + 1, "/");
	return path;
}

/* A LUN that stands where it stood in the snapshot: another object takes its place, with what it keeps. */
static bool restore_generate(struct history *h, struct op *op)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), k = (unsigned)history_draw(h, MODEL_NAMES), which;
	const struct entry *entry = &h->model.names[dir][k];
	const struct frozen_object *under;
	struct object *before, *made;
	uint64_t comment;

	if ((dir != 0 && h->model.dirs[dir] == NOBODY) || entry->busy || entry->object == NOBODY ||
	    !model_path(&h->model, dir, k, op->path) ||
	    (dir != 0 && h->model.names[0][model_dir_name(&h->model, dir)].busy))
		return false;
	before = &h->model.objects[entry->object];
	if (before->kind != OBJECT_LUN || before->admin || !before->known ||
	    !cell_settled(&before->comment, &comment) || !backing_at(h, op, dir, k, &which) ||
	    strcmp(inner_path((const char *)op->blob), op->path) != 0)
		return false;
	under = &h->model.snapshots[op->snapshot].objects[which];
	op->made = under->kind == OBJECT_LUN ? model_object_new(&h->model, OBJECT_LUN, op->sent) : NOBODY;
	if (op->made == NOBODY)
		return false;
	history_op_init(h, op, FS_VDISK_RESTORE);
	path_set(op);
	(void)snprintf(op->name, sizeof op->name, "s%u", h->model.snapshots[op->snapshot].name);
	op->msg.in.name = op->name;
	op->msg.in.name_len = (uint32_t)strlen(op->name);
	op->durable = true;
	op->also = before->cloning != NO ? -EBUSY : 0; /* it may be running */
	op->object = entry->object;
	made = &h->model.objects[op->made];
	made->stride = under->stride;
	made->reserved = before->reserved;
	made->cloning = YES;
	cell_reset(&made->size, under->size.c[0].stamp, op->sent);
	cell_reset(&made->comment, comment, op->sent);
	made_backed(h, op, under);
	before->admin = true;
	history_name_change(op, dir, k, OBJECT_NEW);
	return true;
}

static void restored(struct history *h, struct op *op)
{
	object_of(op)->admin = false;
	backed(h, op);
}

/* Nothing that a file may not take the place of; and its directory stays where it is. */
static bool file_place_is_good(const struct history *h, unsigned dir, unsigned k)
{
	const struct entry *entry = &h->model.names[dir][k];
	unsigned at = dir == 0                       ? MODEL_NAMES
	              : h->model.dirs[dir] == NOBODY ? MODEL_NAMES
	                                             : model_dir_name(&h->model, dir);

	if (entry->busy || (dir != 0 && (at == MODEL_NAMES || h->model.names[0][at].busy ||
	                                 !h->model.objects[h->model.dirs[dir]].known)))
		return false;
	return entry->object == NOBODY || (h->model.objects[entry->object].kind != OBJECT_LUN &&
	                                   h->model.objects[entry->object].kind != OBJECT_DIR);
}

/* A file that stands, or stood, where it stood in the snapshot: another one takes the name. */
static bool file_restore_generate(struct history *h, struct op *op)
{
	unsigned dir = (unsigned)history_draw(h, MODEL_DIRS), k = (unsigned)history_draw(h, MODEL_NAMES), which;
	const struct frozen_object *under;
	struct object *made;

	if (!file_place_is_good(h, dir, k) || !model_path(&h->model, dir, k, op->path) ||
	    !backing_at(h, op, dir, k, &which) || strcmp(inner_path((const char *)op->blob), op->path) != 0)
		return false;
	under = &h->model.snapshots[op->snapshot].objects[which];
	op->made = under->kind == OBJECT_FILE ? model_object_new(&h->model, OBJECT_FILE, op->sent) : NOBODY;
	if (op->made == NOBODY)
		return false;
	history_op_init(h, op, FS_FILE_RESTORE);
	path_set(op);
	(void)snprintf(op->name, sizeof op->name, "s%u", h->model.snapshots[op->snapshot].name);
	op->msg.in.name = op->name;
	op->msg.in.name_len = (uint32_t)strlen(op->name);
	op->msg.cls = FS_CLASS_ADMIN;
	op->durable = true;
	op->also = -EBUSY; /* too many at once */
	made = &h->model.objects[op->made];
	made->stride = under->stride;
	cell_reset(&made->size, under->size.c[0].stamp, op->sent);
	cell_reset(&made->mode, under->mode.c[0].stamp, op->sent);
	for (unsigned i = 0; i < MODEL_CELLS; i++)
		cell_reset(&made->cells[i], under->cells[i].c[0].stamp, op->sent);
	h->model.snapshots[op->snapshot].n_pins++;
	history_name_change(op, dir, k, OBJECT_NEW);
	return true;
}

static void file_restored(struct history *h, struct op *op)
{
	h->model.snapshots[op->snapshot].n_pins--;
	history_names_answered(h, op);
}

/* ---- administration of one LUN ---- */

static bool admin_begin(struct history *h, struct op *op, enum fs_op fs_op)
{
	op->object = ops_data_object(h, OBJECT_LUN);
	if (op->object == NOBODY || object_of(op)->admin || !model_object_path(&h->model, op->object, op->path))
		return false;
	for (unsigned d = 1; d < MODEL_DIRS; d++) { /* the path must hold while it is under way */
		unsigned k = h->model.dirs[d] == NOBODY ? MODEL_NAMES : model_dir_name(&h->model, d);

		if (k < MODEL_NAMES && h->model.names[0][k].busy)
			return false;
	}
	history_op_init(h, op, fs_op);
	path_set(op);
	op->durable = true;
	return true;
}

static bool resize_generate(struct history *h, struct op *op)
{
	struct object *object;

	if (!admin_begin(h, op, FS_VDISK_RESIZE) || object_of(op)->n_changes > 0)
		return false;
	object = object_of(op);
	op->first = MODEL_BLOCK_CELLS * (1U + (unsigned)history_draw(h, MODEL_BLOCKS));
	op->n = MODEL_CELLS - op->first;
	op->size = model_offset(object->stride, op->first - MODEL_BLOCK_CELLS) + FS_BLOCK_SIZE;
	op->msg.in.vdisk.size_bytes = op->size;
	op->msg.in.vdisk.force = true;
	object->admin = object->exclusive = true;
	object->n_changes++;
	for (unsigned i = op->first; i < MODEL_CELLS; i++)
		history_cell_send(op, &object->cells[i], 0);
	history_cell_send(op, &object->size, op->size);
	return true;
}

static void resized(struct history *h, struct op *op)
{
	struct object *object = object_of(op);

	(void)h;
	if (op->moot)
		return;
	object->admin = object->exclusive = false;
	object->n_changes--;
	for (unsigned i = op->first; i < MODEL_CELLS; i++)
		history_cell_answered(op, &object->cells[i], 0);
	history_cell_answered(op, &object->size, op->size);
}

static bool comment_generate(struct history *h, struct op *op)
{
	if (!admin_begin(h, op, FS_VDISK_SET))
		return false;
	object_of(op)->admin = true;
	op->stamp = ++h->stamp;
	(void)snprintf(op->name, sizeof op->name, "%llu", (unsigned long long)op->stamp);
	op->msg.in.vdisk.set = FS_VDISK_SET_COMMENT;
	op->msg.in.vdisk.comment = op->name;
	history_cell_send(op, &object_of(op)->comment, op->stamp);
	return true;
}

static void commented(struct history *h, struct op *op)
{
	(void)h;
	if (op->moot)
		return;
	object_of(op)->admin = false;
	history_cell_answered(op, &object_of(op)->comment, op->stamp);
}

/* ---- cloning ---- */

/* From now on the snapshot may go by itself; not while LUNs are being made on it or it is being renamed or deleted. */
static bool snapshot_may_go(struct history *h, unsigned serial)
{
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++) {
		struct snapshot_model *snapshot = &h->model.snapshots[i];

		if (!snapshot->used || snapshot->serial != serial || snapshot->busy || snapshot->n_pins > 0)
			continue;
		snapshot->may_go = true;
		return true;
	}
	return false;
}

static bool start_generate(struct history *h, struct op *op)
{
	if (!admin_begin(h, op, FS_CLONE_START) || object_of(op)->backed == NO || object_of(op)->cloning != NO)
		return false;
	op->msg.in.clone.rate_bytes_s = history_draw(h, 3) == 0 ? 65536U << history_draw(h, 6) : 0;
	op->msg.in.clone.flags = history_draw(h, 3) == 0 ? FS_CLONE_VERIFY : 0;
	if (history_draw(h, 4) == 0 && snapshot_may_go(h, object_of(op)->backing))
		op->msg.in.clone.flags |= FS_CLONE_DELETE_SNAPSHOT;
	object_of(op)->admin = true;
	return true;
}

static void started(struct history *h, struct op *op)
{
	(void)h;
	if (op->moot)
		return;
	object_of(op)->admin = false;
	if (op->state == OP_CUT)
		return; /* the oracle has seen whether it runs */
	if (op->msg.status == 0)
		object_of(op)->cloning = YES;
}

static bool modify_generate(struct history *h, struct op *op)
{
	if (!admin_begin(h, op, FS_CLONE_MODIFY) || object_of(op)->cloning != YES)
		return false;
	object_of(op)->admin = true;
	op->also = -ESRCH; /* done */
	op->msg.in.clone.set = history_draw(h, 2) == 0 ? FS_CLONE_SET_RATE
	                                               : FS_CLONE_SET_PRIORITY | FS_CLONE_SET_VERIFY;
	op->msg.in.clone.rate_bytes_s = history_draw(h, 2) == 0 ? 65536U << history_draw(h, 8) : 0;
	op->msg.in.clone.priority = 1U + (unsigned)history_draw(h, FS_CLONE_PRIORITY_MAX);
	op->msg.in.clone.flags = history_draw(h, 2) == 0 ? FS_CLONE_VERIFY : 0;
	return true;
}

static void modified(struct history *h, struct op *op)
{
	(void)h;
	if (!op->moot)
		object_of(op)->admin = false;
}

static bool stop_generate(struct history *h, struct op *op)
{
	if (!admin_begin(h, op, FS_CLONE_STOP) || object_of(op)->cloning != YES)
		return false;
	object_of(op)->admin = true;
	op->also = -ESRCH; /* it may be done before it can be stopped */
	return true;
}

/* Done in the meantime: not backed any more. (While it is being released a power cut may bring the backing store
 * back.) */
static void clone_seen(struct history *h, struct op *op)
{
	const struct fs_vdisk_info *info = op->msg.out.vdisks;

	if (op->msg.status == 0 && info != NULL && info->backing_snapshot[0] == '\0' &&
	    info->clone.state != FS_CLONE_RUNNING) {
		model_release(&h->model, object_of(op), h->clock);
		object_of(op)->cloning = NO;
	}
}

static void stopped(struct history *h, struct op *op)
{
	if (op->moot)
		return;
	object_of(op)->admin = false;
	if (op->state == OP_CUT)
		return;
	if (op->msg.status == 0)
		object_of(op)->cloning = NO;
	clone_seen(h, op);
}

static bool status_generate(struct history *h, struct op *op)
{
	if (!admin_begin(h, op, FS_CLONE_STATUS))
		return false;
	object_of(op)->admin = true;
	return true;
}

static void status_answered(struct history *h, struct op *op)
{
	if (op->moot)
		return;
	object_of(op)->admin = false;
	if (op->state == OP_CUT)
		return;
	if (op->msg.status == 0 && object_of(op)->backed == YES && object_of(op)->cloning == NO &&
	    op->msg.out.vdisks[0].backing_snapshot[0] == '\0')
		history_fail(h, FAIL_WRONG, "LUN %s has lost its backing store, and nobody cloned it", op->path);
	clone_seen(h, op);
}

const struct op_kind ops_lun[] = {
	{ "lun_create", 3, create_generate, created },
	{ "lun_backed", 8, backed_generate, backed },
	{ "lun_destroy", 3, destroy_generate, destroyed },
	{ "lun_resize", 2, resize_generate, resized },
	{ "lun_comment", 1, comment_generate, commented },
	{ "clone_start", 5, start_generate, started },
	{ "clone_modify", 2, modify_generate, modified },
	{ "clone_stop", 2, stop_generate, stopped },
	{ "clone_status", 2, status_generate, status_answered },
	{ "lun_restore", 8, restore_generate, restored },
	{ "file_restore", 8, file_restore_generate, file_restored },
	{ NULL, 0, NULL, NULL },
};
