/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the volume back to a snapshot, with power cuts on the way.
 *
 * THEORY. The snapshot chosen has a newer one: whether that is still there tells afterwards which of the two volumes it
 * is. In the model, the frozen objects become the active ones; what the model did not freeze (handles, modes, settings
 * of LUNs) is read once and counts from then on. */
#include "tests/crash/rewind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

/* ---- the model ---- */

static void snapshots_ask(struct history *h, struct fs_message *list)
{
	fs_message_init(list, FS_SNAPSHOT_LIST, h->machine.vol, NULL, NULL);
	if (history_ask(h, &h->machine, list) != 0)
		history_fail(h, FAIL_LOST, "no list of snapshots");
}

static const struct fs_snapshot_info *snapshot_listed(const struct fs_message *list,
                                                      const struct snapshot_model *snapshot)
{
	char name[24];

	(void)snprintf(name, sizeof name, "s%u", snapshot->name);
	for (unsigned i = 0; i < list->out.n; i++)
		if (!list->out.snapshots[i].deleting && strcmp(list->out.snapshots[i].name, name) == 0)
			return &list->out.snapshots[i];
	return NULL;
}

/* Two that were under way at once may have been made in either order: only the volume knows their ages. */
static void ages_learn(struct history *h)
{
	struct fs_message list;

	snapshots_ask(h, &list);
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++) {
		const struct fs_snapshot_info *info = snapshot_listed(&list, &h->model.snapshots[i]);

		h->model.snapshots[i].age = h->model.snapshots[i].used && info != NULL ? info->id : 0;
	}
	fs_message_fini(&list);
}

static bool is_newer(const struct snapshot_model *s, const struct snapshot_model *than)
{
	return s->used && s->age > than->age;
}

static bool has_newer(const struct model *model, const struct snapshot_model *snapshot)
{
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++)
		if (is_newer(&model->snapshots[i], snapshot) && !model->snapshots[i].may_go)
			return true;
	return false;
}

static bool is_certain(const struct snapshot_model *snapshot)
{
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (snapshot->names[d][k].doubtful)
				return false;
	return snapshot->settled;
}

static void object_thaw(struct object *object, const struct frozen_object *frozen, uint64_t now)
{
	cell_reset(&object->size, frozen->size.c[0].stamp, now);
	object->stride = frozen->stride;
	object->target = frozen->target;
	object->dir = frozen->dir;
	for (unsigned i = 0; object->cells != NULL && i < MODEL_CELLS; i++)
		cell_reset(&object->cells[i], frozen->cells[i].c[0].stamp, now);
}

/* The objects that stand in names of the snapshot, under the same numbers. */
static void objects_thaw(struct history *h, const struct snapshot_model *snapshot)
{
	struct model *model = &h->model;
	bool needed[MODEL_OBJECTS] = { false };

	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (snapshot->names[d][k].object != NOBODY)
				needed[snapshot->names[d][k].object] = true;
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		if (model->objects[i].kind != OBJECT_FREE)
			history_object_gone(h, (uint8_t)i);
	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		if (!needed[i])
			continue;
		model_object_init(&model->objects[i], snapshot->objects[i].kind, h->clock);
		object_thaw(&model->objects[i], &snapshot->objects[i], h->clock);
		if (snapshot->objects[i].kind == OBJECT_DIR)
			model->dirs[snapshot->objects[i].dir] = (uint8_t)i;
	}
}

static void model_rewind(struct history *h, unsigned slot)
{
	struct snapshot_model *snapshot = &h->model.snapshots[slot];

	objects_thaw(h, snapshot);
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			h->model.names[d][k] = (struct entry){ .object = d == 0 || h->model.dirs[d] != NOBODY
				                                             ? snapshot->names[d][k].object
				                                             : NOBODY,
				                               .touched = h->clock };
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++)
		if (is_newer(&h->model.snapshots[i], snapshot))
			model_thaw(&h->model.snapshots[i]);
}

/* ---- what was not frozen ---- */

static void lun_adopt(struct history *h, uint8_t index, const struct frozen_object *frozen)
{
	struct object *lun = &h->model.objects[index];
	const struct fs_vdisk_info *info;
	struct fs_message msg;
	char name[24];

	fs_message_init(&msg, FS_VDISK_GET, h->machine.vol, NULL, NULL);
	msg.file = lun->id;
	if (history_ask(h, &h->machine, &msg) != 0)
		history_fail(h, FAIL_LOST, "LUN object %u of the restored volume: %s", index, error_name(msg.status));
	info = msg.out.vdisks;
	if ((frozen->backed == YES && info->backing_snapshot[0] == '\0') ||
	    (frozen->backed == NO && info->backing_snapshot[0] != '\0'))
		history_fail(h, FAIL_WRONG, "LUN %s of the restored volume is %sbacked", info->path,
		             info->backing_snapshot[0] == '\0' ? "not " : "");
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++) {
		(void)snprintf(name, sizeof name, "s%u", h->model.snapshots[i].name);
		if (h->model.snapshots[i].used && strcmp(name, info->backing_snapshot) == 0) {
			lun->backed = YES;
			lun->backing = h->model.snapshots[i].serial;
		}
	}
	lun->cloning = lun->backed == YES &&
	                       (info->clone.state == FS_CLONE_RUNNING || info->clone.state == FS_CLONE_PAUSED)
	                   ? YES
	                   : NO;
	lun->reserved = info->reserved;
	cell_reset(&lun->comment, strtoull(info->comment, NULL, 10), h->clock);
	fs_message_fini(&msg);
}

static void name_adopt(struct history *h, const struct snapshot_model *snapshot, unsigned d, unsigned k)
{
	uint8_t index = h->model.names[d][k].object;
	struct object *object = &h->model.objects[index];
	struct fs_message msg;

	fs_message_init(&msg, FS_LOOKUP, h->machine.vol, NULL, NULL);
	msg.file = model_dir_id(&h->model, d);
	msg.in.name = model_name(k);
	msg.in.name_len = (uint32_t)strlen(model_name(k));
	if (history_ask(h, &h->machine, &msg) != 0)
		history_fail(h, FAIL_LOST, "%u/n%u of the restored volume: %s", d, k, error_name(msg.status));
	object->id = msg.out.attr.id;
	object->known = true;
	object->born = h->clock;
	cell_reset(&object->mode, msg.out.attr.mode, h->clock);
	cell_reset(&object->atime, (uint64_t)msg.out.attr.atime_ns, h->clock);
	cell_reset(&object->mtime, (uint64_t)msg.out.attr.mtime_ns, h->clock);
	fs_message_fini(&msg);
	if (object->kind == OBJECT_LUN)
		lun_adopt(h, index, &snapshot->objects[index]);
}

static void names_adopt(struct history *h, const struct snapshot_model *snapshot)
{
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (h->model.names[d][k].object != NOBODY)
				name_adopt(h, snapshot, d, k);
}

/* ---- the volume ---- */

static bool newer_is_listed(struct history *h, const struct snapshot_model *snapshot)
{
	struct fs_message list;
	bool found = false;

	snapshots_ask(h, &list);
	for (unsigned i = 0; i < MODEL_SNAPSHOTS && !found; i++)
		found = is_newer(&h->model.snapshots[i], snapshot) &&
		        snapshot_listed(&list, &h->model.snapshots[i]) != NULL;
	fs_message_fini(&list);
	return found;
}

static int prepare(struct history *h, const char *name)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_SNAPSHOT_RESTORE, h->machine.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.restore.force = true;
	err = history_ask(h, &h->machine, &msg);
	fs_message_fini(&msg);
	return err;
}

/* Unmount, and mount as what the snapshot holds; often the power fails on the way. */
static bool switch_over(struct history *h, const char *name)
{
	int err = machine_unmount(&h->machine);
	bool cut;

	h->autodelete = false;
	if (err != 0)
		history_fail(h, FAIL_LOST, "before a restore: unmounted: %s", error_name(err));
	h->machine.restore_to = name;
	cut = machine_cut_in_mount(&h->machine, history_draw(h, 1U << 30),
	                           history_draw(h, 2) == 0 ? 1U << 20 : 1U + history_draw(h, 400), &err);
	h->machine.restore_to = NULL;
	if (cut || err != 0) {
		history_say(h, "====  %s", cut ? "power cut during the restore" : error_name(err));
		if (!cut && err != -EBUSY && err != -ENOSPC)
			history_fail(h, FAIL_LOST, "restore of %s: %s", name, error_name(err));
		err = machine_mount(&h->machine);
		h->counts->states += cut;
	}
	if (err != 0)
		history_fail(h, FAIL_LOST, "after a restore: mounted: %s", error_name(err));
	return cut;
}

static bool may_rewind(const struct model *model, unsigned slot)
{
	const struct snapshot_model *snapshot = &model->snapshots[slot];

	return snapshot->used && !snapshot->may_go && is_certain(snapshot) && has_newer(model, snapshot);
}

void rewind_try(struct history *h)
{
	unsigned slot = (unsigned)history_draw(h, MODEL_SNAPSHOTS);
	struct snapshot_model *snapshot = NULL;
	char name[24];
	int err;

	history_land(h);
	ages_learn(h);
	for (unsigned tries = 0; tries < MODEL_SNAPSHOTS && snapshot == NULL; tries++) {
		slot = (slot + 1U) % MODEL_SNAPSHOTS;
		if (may_rewind(&h->model, slot))
			snapshot = &h->model.snapshots[slot];
	}
	if (snapshot == NULL)
		return;
	(void)snprintf(name, sizeof name, "s%u", snapshot->name);
	history_say(h, "====  restore %s", name);
	err = prepare(h, name);
	if (err != 0 && err != -EBUSY && err != -ENOSPC)
		history_fail(h, FAIL_WRONG, "restore of %s is refused: %s", name, error_name(err));
	if (err == 0) {
		(void)switch_over(h, name);
		if (!newer_is_listed(h, snapshot)) {
			history_say(h, "====  it is restored");
			model_rewind(h, slot);
			names_adopt(h, snapshot);
		}
	}
	h->clock++;
	oracle_compare(h, &h->machine, ORACLE_REST);
}
