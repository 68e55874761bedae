/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: names. Each stands where the model has it, and an operation that was under way has happened on all of its
 * names or on none. */
#include <string.h>

#include "tests/crash/oracle.h"

static const enum fs_type fs_types[] = {
	[OBJECT_FILE] = FS_TYPE_REG,        [OBJECT_LUN] = FS_TYPE_VDISK, [OBJECT_DIR] = FS_TYPE_DIR,
	[OBJECT_SYMLINK] = FS_TYPE_SYMLINK, [OBJECT_FIFO] = FS_TYPE_FIFO,
};

static void found_add(struct oracle *o, unsigned dir, const struct fs_dirent *entry)
{
	unsigned k = model_name_find(entry->name, entry->name_len);

	if (entry->cookie <= 2 || (dir == 0 && entry->id.inode == o->h->ballast.inode && o->h->ballast.inode != 0))
		return;
	if (k == MODEL_NAMES)
		history_fail(o->h, FAIL_WRONG, "directory %u has a name nobody gave: \"%.*s\"", dir,
		             (int)entry->name_len, entry->name);
	if (o->names[dir][k].there)
		history_fail(o->h, FAIL_WRONG, "directory %u has the name n%u twice", dir, k);
	o->names[dir][k] = (struct found){ true, entry->id, entry->type, NOBODY };
}

static void dir_read(struct oracle *o, unsigned dir, struct fs_file_id id)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_READDIR, o->machine->vol, NULL, NULL);
	msg.file = id;
	msg.in.readdir.max_entries = 64;
	msg.in.readdir.max_bytes = 65536;
	err = history_ask(o->h, o->machine, &msg);
	if (err != 0 || !msg.out.eof)
		history_fail(o->h, FAIL_LOST, "directory %u cannot be listed: %s", dir, error_name(err));
	for (unsigned i = 0; i < msg.out.n; i++)
		found_add(o, dir, &msg.out.dirents[i]);
	fs_message_fini(&msg);
}

static bool id_is(const struct object *object, const struct found *found)
{
	return object->known && found->there && object->id.inode == found->id.inode &&
	       object->id.generation == found->id.generation;
}

static bool is_known(const struct history *h, const struct found *found)
{
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		if (h->model.objects[i].kind != OBJECT_FREE && id_is(&h->model.objects[i], found))
			return true;
	return false;
}

/* Is it what `object` says should stand there? */
static bool stands(const struct oracle *o, const struct op *op, unsigned dir, unsigned k, uint8_t object)
{
	const struct found *found = &o->names[dir][k];

	if (object == NOBODY)
		return !found->there;
	if (object == OBJECT_NEW)
		return found->there && found->type == fs_types[o->h->model.objects[op->made].kind] &&
		       !is_known(o->h, found);
	return id_is(&o->h->model.objects[object], found) && found->type == fs_types[o->h->model.objects[object].kind];
}

static bool all_stand(const struct oracle *o, const struct op *op, bool after)
{
	for (unsigned i = 0; i < op->n_changes; i++) {
		const struct op_change *c = &op->changes[i];

		if (!stands(o, op, c->dir, c->name, after ? c->after : c->before))
			return false;
	}
	return true;
}

static void op_settle(struct oracle *o, unsigned i)
{
	const struct op *op = &o->h->ops[i];
	bool before = all_stand(o, op, false), after = all_stand(o, op, true);

	if (!before && !after) {
		const struct op_change *c = &op->changes[0];

		history_fail(o->h, FAIL_LOST, "%s (of %u/n%u) was under way and has happened in part", op->kind->name,
		             c->dir, c->name);
	}
	o->applied[i] = after && !before;
	for (unsigned c = 0; c < op->n_changes; c++) {
		const struct op_change *change = &op->changes[c];

		o->names[change->dir][change->name].object = o->applied[i] ? change->after : change->before;
		if (o->applied[i] && change->after == OBJECT_NEW)
			o->h->ops[i].msg.out.attr.id = o->names[change->dir][change->name].id;
	}
}

/* A directory that is there as the model knows it, or one that is being made: where it is now. */
static bool dir_find(struct oracle *o, unsigned dir, struct fs_file_id *ret_id)
{
	const struct object *object = &o->h->model.objects[o->h->model.dirs[dir]];

	if (!object->known)
		return false;
	for (unsigned k = 0; k < MODEL_NAMES; k++) {
		if (id_is(object, &o->names[0][k])) {
			*ret_id = object->id;
			return true;
		}
	}
	return false;
}

static void new_dir_check(struct oracle *o, const struct op *op)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_READDIR, o->machine->vol, NULL, NULL);
	msg.file = op->msg.out.attr.id;
	msg.in.readdir.max_entries = 64;
	msg.in.readdir.max_bytes = 65536;
	err = history_ask(o->h, o->machine, &msg);
	if (err != 0 || msg.out.n != 2)
		history_fail(o->h, FAIL_WRONG, "a new directory has %u entries (%s)", msg.out.n, error_name(err));
	fs_message_fini(&msg);
}

static void settled_check(struct oracle *o, unsigned dir, unsigned k)
{
	const struct entry *entry = &o->h->model.names[dir][k];
	struct found *found = &o->names[dir][k];

	if (o->mode != ORACLE_REST && entry->busy)
		return;
	found->object = entry->object;
	if (!stands(o, NULL, dir, k, entry->object))
		history_fail(o->h, FAIL_LOST, "%u/n%u should be object %d and is %s (inode %u)", dir, k,
		             entry->object == NOBODY ? -1 : entry->object, found->there ? "another" : "not there",
		             found->id.inode);
}

void oracle_names(struct oracle *o)
{
	struct fs_file_id id;

	dir_read(o, 0, (struct fs_file_id){ 0, FS_INO_ROOT, 1 });
	for (unsigned dir = 1; dir < MODEL_DIRS; dir++)
		if (o->h->model.dirs[dir] != NOBODY && dir_find(o, dir, &id))
			dir_read(o, dir, id);
	for (unsigned dir = 0; dir < MODEL_DIRS; dir++)
		for (unsigned k = 0; (dir == 0 || o->h->model.dirs[dir] != NOBODY) && k < MODEL_NAMES; k++)
			settled_check(o, dir, k);
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		struct op *op = &o->h->ops[i];

		if (!oracle_pending(o, op) || op->n_changes == 0)
			continue;
		op_settle(o, i);
		if (o->applied[i] && op->made != NOBODY && o->h->model.objects[op->made].kind == OBJECT_DIR)
			new_dir_check(o, op);
	}
}
