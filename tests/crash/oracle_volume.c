/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: snapshots, documents, LUNs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/ops.h"
#include "tests/crash/oracle.h"

/* ---- snapshots ---- */

static void frozen_cells_check(struct oracle *o, struct frozen_object *frozen, const struct fs_attr *attr,
                               const char *path)
{
	uint64_t stamps[MODEL_CELLS];

	if (!cell_may_read(&frozen->size, attr->size_bytes, 0))
		history_fail(o->h, FAIL_WRONG, "%s: its size is %llu", path, (unsigned long long)attr->size_bytes);
	if (frozen->kind == OBJECT_FILE && !cell_may_read(&frozen->mode, attr->mode, 0))
		history_fail(o->h, FAIL_WRONG, "%s: its mode is %o", path, attr->mode);
	oracle_cells_read(o, attr->id, frozen->stride, path, stamps);
	for (unsigned i = 0; i < MODEL_CELLS; i++) {
		if (!cell_may_read(&frozen->cells[i], stamps[i], 0)) {
			for (unsigned c = 0; c < frozen->cells[i].n; c++)
				fprintf(stderr, "  may be %llu\n", (unsigned long long)frozen->cells[i].c[c].stamp);
			history_fail(o->h, FAIL_WRONG, "%s: cell %u is %llu", path, i, (unsigned long long)stamps[i]);
		}
		if (o->mode != ORACLE_LOOK)
			cell_reset(&frozen->cells[i], stamps[i], o->h->clock);
		history_note(o->h, stamps[i]);
	}
	if (o->mode != ORACLE_LOOK) {
		cell_reset(&frozen->size, attr->size_bytes, o->h->clock);
		cell_reset(&frozen->mode, attr->mode, o->h->clock);
	}
}

static void frozen_name_check(struct oracle *o, struct snapshot_model *s, unsigned d, unsigned k, const char *dir_path)
{
	unsigned object = s->names[d][k].object;
	char path[MODEL_PATH];
	struct fs_attr attr;
	int err;

	(void)snprintf(path, sizeof path, "%.300s/%.180s", dir_path, model_name(k));
	err = oracle_resolve(o, path, &attr);
	if (err == -ENOENT && (object == NOBODY || s->names[d][k].doubtful)) {
		if (o->mode != ORACLE_LOOK && s->names[d][k].doubtful)
			s->names[d][k].object = NOBODY;
		return;
	}
	if (s->names[d][k].doubtful)
		return; /* it was being changed: anything may be there, for good */
	if (err != 0 || object == NOBODY)
		history_fail(o->h, FAIL_WRONG, "%s: %s, expected object %d", path, error_name(err),
		             object == NOBODY ? -1 : (int)object);
	if (s->objects[object].kind == OBJECT_SYMLINK)
		oracle_target_check(o, attr.id, s->objects[object].target, path);
	if (s->objects[object].cells != NULL)
		frozen_cells_check(o, &s->objects[object], &attr, path);
}

static void snapshot_check(struct oracle *o, struct snapshot_model *s, unsigned name)
{
	char path[MODEL_PATH];

	(void)snprintf(path, sizeof path, "/.snapshot/s%u", name);
	for (unsigned k = 0; k < MODEL_NAMES; k++)
		frozen_name_check(o, s, 0, k, path);
	for (unsigned k = 0; k < MODEL_NAMES; k++) {
		unsigned object = s->names[0][k].object;

		if (object == NOBODY || s->names[0][k].doubtful || s->objects[object].kind != OBJECT_DIR)
			continue;
		(void)snprintf(path, sizeof path, "/.snapshot/s%u/%.180s", name, model_name(k));
		for (unsigned n = 0; n < MODEL_NAMES; n++)
			frozen_name_check(o, s, s->objects[object].dir, n, path);
	}
	if (o->mode != ORACLE_LOOK)
		s->settled = true;
}

static const struct op *snapshot_op(const struct oracle *o, unsigned slot, unsigned *ret_index)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		const struct op *op = &o->h->ops[i];

		if (oracle_pending(o, op) && op->snapshot == slot &&
		    (op->msg.op == FS_SNAPSHOT_CREATE || op->msg.op == FS_SNAPSHOT_DELETE ||
		     op->msg.op == FS_SNAPSHOT_RENAME)) {
			*ret_index = i;
			return op;
		}
	}
	return NULL;
}

static bool listed(const struct fs_message *list, unsigned name)
{
	char text[24];

	(void)snprintf(text, sizeof text, "s%u", name);
	for (unsigned i = 0; i < list->out.n; i++)
		if (!list->out.snapshots[i].deleting && strcmp(list->out.snapshots[i].name, text) == 0)
			return true;
	return false;
}

/* The one that was being made when the power failed is there: frozen from what the model held until then. */
static void snapshot_found(struct oracle *o, unsigned slot)
{
	struct snapshot_model copy = o->h->model.snapshots[slot];

	if (o->mode == ORACLE_ADOPT) {
		model_freeze(&o->h->model, &o->h->model.snapshots[slot], o->h->clock);
		return;
	}
	model_freeze(&o->h->model, &copy, o->h->clock);
	snapshot_check(o, &copy, copy.name);
	model_thaw(&copy);
}

static bool is_being_deleted(const struct fs_message *list, unsigned name)
{
	char text[24];

	(void)snprintf(text, sizeof text, "s%u", name);
	for (unsigned i = 0; i < list->out.n; i++)
		if (list->out.snapshots[i].deleting && strcmp(list->out.snapshots[i].name, text) == 0)
			return true;
	return false;
}

/* One that goes by itself: it is there as long as something surely needs it; what it holds is compared only then. While
 * it is being deleted, a power cut may bring it back: nobody has been told that it is gone. */
static bool snapshot_has_gone(struct oracle *o, const struct fs_message *list, unsigned slot, bool there)
{
	struct snapshot_model *s = &o->h->model.snapshots[slot];
	enum doubt held = model_held(&o->h->model, s->serial);

	if (!there && held == YES && snapshot_op(o, slot, &(unsigned){ 0 }) == NULL)
		history_fail(o->h, FAIL_LOST, "snapshot s%u is gone, and something needs it", s->name);
	if (!there && o->mode != ORACLE_LOOK && !is_being_deleted(list, s->name) &&
	    snapshot_op(o, slot, &(unsigned){ 0 }) == NULL)
		model_thaw(s);
	return held != YES;
}

/* Which of them are there. True: it is, under *ret_name. */
static bool snapshot_locate(struct oracle *o, const struct fs_message *list, unsigned slot, unsigned *ret_name)
{
	const struct snapshot_model *s = &o->h->model.snapshots[slot];
	unsigned index = 0;
	const struct op *op = snapshot_op(o, slot, &index);
	bool there = listed(list, s->name);

	*ret_name = s->name;
	if (s->may_go && snapshot_has_gone(o, list, slot, there))
		return false;
	if (op == NULL) {
		if (there != s->used && (s->used || s->name != 0))
			history_fail(o->h, FAIL_LOST, "snapshot s%u is %s", s->name, there ? "back" : "gone");
		return s->used;
	}
	if (op->msg.op == FS_SNAPSHOT_RENAME && !there && listed(list, (unsigned)op->stamp)) {
		o->applied[index] = true;
		*ret_name = (unsigned)op->stamp;
		return true;
	}
	if (op->msg.op == FS_SNAPSHOT_RENAME && !there)
		history_fail(o->h, FAIL_LOST, "snapshot s%u was being renamed and is gone", s->name);
	o->applied[index] = op->msg.op == FS_SNAPSHOT_CREATE   ? there
	                    : op->msg.op == FS_SNAPSHOT_DELETE ? !there
	                                                       : false;
	if (op->msg.op == FS_SNAPSHOT_CREATE && there)
		snapshot_found(o, slot);
	return there && op->msg.op != FS_SNAPSHOT_CREATE;
}

/* How many must be listed: at least, and at most. */
static void snapshots_count(struct oracle *o, const struct fs_message *list)
{
	unsigned least = 0, most = 0, n = 0;

	for (unsigned slot = 0; slot < MODEL_SNAPSHOTS; slot++) {
		const struct snapshot_model *s = &o->h->model.snapshots[slot];
		unsigned index = 0;
		const struct op *op = snapshot_op(o, slot, &index);
		bool there = s->used;

		if (op != NULL && op->msg.op == FS_SNAPSHOT_CREATE)
			there = o->applied[index];
		if (op != NULL && op->msg.op == FS_SNAPSHOT_DELETE)
			there = !o->applied[index];
		most += there;
		least += there && !s->may_go;
	}
	for (unsigned i = 0; i < list->out.n; i++)
		n += !list->out.snapshots[i].deleting;
	for (unsigned i = 0; (n < least || n > most) && i < list->out.n; i++)
		fprintf(stderr, "  listed: %s%s\n", list->out.snapshots[i].name,
		        list->out.snapshots[i].deleting ? ", being deleted" : "");
	if (n < least || n > most)
		history_fail(o->h, FAIL_WRONG, "%u snapshots are listed, expected %u to %u", n, least, most);
}

void oracle_snapshots(struct oracle *o)
{
	struct fs_message list;

	fs_message_init(&list, FS_SNAPSHOT_LIST, o->machine->vol, NULL, NULL);
	if (history_ask(o->h, o->machine, &list) != 0)
		history_fail(o->h, FAIL_LOST, "no list of snapshots");
	for (unsigned slot = 0; slot < MODEL_SNAPSHOTS; slot++) {
		unsigned name;

		if (snapshot_locate(o, &list, slot, &name))
			snapshot_check(o, &o->h->model.snapshots[slot], name);
	}
	snapshots_count(o, &list);
	fs_message_fini(&list);
}

/* ---- documents ---- */

void oracle_docs(struct oracle *o)
{
	for (unsigned i = 0; i < MODEL_DOCS; i++) {
		struct cell *cell = &o->h->model.docs[i];
		uint8_t expected[8192];
		struct fs_message msg;
		bool found = false;
		char name[16];
		int err;

		(void)snprintf(name, sizeof name, "doc%u", i);
		fs_message_init(&msg, FS_DOC_GET, o->machine->vol, NULL, NULL);
		msg.in.name = name;
		msg.in.name_len = (uint32_t)strlen(name);
		err = history_ask(o->h, o->machine, &msg);
		for (unsigned c = 0; c < cell->n && !found; c++) {
			uint64_t stamp = cell->c[c].stamp;

			if (oracle_crashed(o) ? cell->c[c].dead : cell->c[c].gone != 0)
				continue;
			if (stamp != 0)
				ops_doc_fill(expected, stamp);
			found = stamp == 0 ? err == -ENOENT
			                   : err == 0 && msg.out.blob_len == ops_doc_len(stamp) &&
			                         memcmp(expected, msg.out.blob, msg.out.blob_len) == 0;
			if (found && o->mode == ORACLE_ADOPT)
				cell_reset(cell, stamp, o->h->clock);
		}
		if (!found)
			history_fail(o->h, FAIL_LOST, "document %s is not what it was: %s", name, error_name(err));
		fs_message_fini(&msg);
	}
}

/* ---- LUNs ---- */

static struct op *lun_op(struct oracle *o, uint8_t object, enum fs_op fs_op)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++)
		if (oracle_pending(o, &o->h->ops[i]) && o->h->ops[i].msg.op == fs_op && o->h->ops[i].object == object)
			return &o->h->ops[i];
	return NULL;
}

static void clone_check(struct oracle *o, uint8_t index, struct object *lun, const struct fs_vdisk_info *info)
{
	bool is_backed = info->backing_snapshot[0] != '\0';
	bool runs = info->clone.state == FS_CLONE_RUNNING || info->clone.state == FS_CLONE_PAUSED;
	bool starting = lun_op(o, index, FS_CLONE_START) != NULL, stopping = lun_op(o, index, FS_CLONE_STOP) != NULL;

	if (info->clone.state == FS_CLONE_FAILED && !o->h->faulty)
		history_fail(o->h, FAIL_WRONG, "the clone of %s has failed: %s", info->path,
		             error_name(info->clone.error));
	if (is_backed && lun->backed == NO)
		history_fail(o->h, FAIL_WRONG, "LUN %s is backed again", info->path);
	if (!is_backed && lun->backed == YES && lun->cloning == NO && !starting)
		history_fail(o->h, FAIL_WRONG, "LUN %s has lost its backing store", info->path);
	if (is_backed && runs && lun->cloning == NO && !starting)
		history_fail(o->h, FAIL_WRONG, "LUN %s is being cloned, and nobody started it", info->path);
	if (is_backed && !runs && info->clone.state != FS_CLONE_FAILED && lun->cloning == YES && !stopping)
		history_fail(o->h, FAIL_LOST, "the clone of %s was started and does not run (state %d)", info->path,
		             (int)info->clone.state);
	if (o->mode == ORACLE_LOOK)
		return;
	if (!is_backed)
		model_release(&o->h->model, lun, o->h->clock);
	lun->cloning = is_backed && runs ? YES : NO;
}

static void lun_check(struct oracle *o, const struct fs_vdisk_info *info)
{
	struct object *lun = NULL;
	uint8_t index = NOBODY;
	char *end;
	uint64_t comment = strtoull(info->comment, &end, 10);

	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (o->names[d][k].there && o->names[d][k].id.inode == info->id.inode)
				index = o->names[d][k].object;
	if (index == NOBODY)
		history_fail(o->h, FAIL_WRONG, "LUN %s is listed and stands under no name", info->path);
	if (index == OBJECT_NEW)
		return;
	lun = &o->h->model.objects[index];
	if (oracle_crashed(o) ? !cell_may_survive(&lun->comment, comment)
	                      : !cell_may_read(&lun->comment, comment, o->h->clock))
		history_fail(o->h, FAIL_LOST, "the comment of LUN %s is \"%s\"", info->path, info->comment);
	if (o->mode == ORACLE_ADOPT)
		cell_reset(&lun->comment, comment, o->h->clock);
	if (info->reserved != lun->reserved)
		history_fail(o->h, FAIL_WRONG, "LUN %s is %sreserved", info->path, info->reserved ? "" : "not ");
	clone_check(o, index, lun, info);
}

void oracle_luns(struct oracle *o)
{
	struct fs_message msg;
	unsigned n = 0;

	fs_message_init(&msg, FS_VDISK_LIST, o->machine->vol, NULL, NULL);
	if (history_ask(o->h, o->machine, &msg) != 0)
		history_fail(o->h, FAIL_LOST, "no list of LUNs");
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			n += o->names[d][k].there && o->names[d][k].type == FS_TYPE_VDISK;
	if (msg.out.n != n)
		history_fail(o->h, FAIL_WRONG, "%u LUNs are listed, %u have names", msg.out.n, n);
	for (unsigned i = 0; i < msg.out.n; i++)
		lun_check(o, &msg.out.vdisks[i]);
	fs_message_fini(&msg);
}
