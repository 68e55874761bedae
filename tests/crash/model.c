/* SPDX-License-Identifier: Apache-2.0 */
/* The model: what the volume must hold, known without asking the engine. */
#include "tests/crash/model.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

static const uint8_t long_tail[] = "-a-name-long-enough-that-a-few-of-them-do-not-fit-into-one-block-of-a-directory-"
                                   "and-its-records-in-the-log-take-room";

const char *model_name(unsigned k)
{
	static char names[MODEL_NAMES][160];

	if (names[k][0] == '\0')
		(void)snprintf(names[k], sizeof names[k], "n%u%s", k, k % 4U == 3U ? (const char *)long_tail : "");
	return names[k];
}

unsigned model_name_find(const char *name, size_t len)
{
	for (unsigned k = 0; k < MODEL_NAMES; k++)
		if (strlen(model_name(k)) == len && memcmp(model_name(k), name, len) == 0)
			return k;
	return MODEL_NAMES;
}

void model_init(struct model *model, uint64_t now)
{
	memset(model, 0, sizeof *model);
	memset(model->dirs, NOBODY, sizeof model->dirs);
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			model->names[d][k].object = NOBODY;
	for (unsigned i = 0; i < MODEL_DOCS; i++)
		cell_reset(&model->docs[i], 0, now);
	model->next_serial = model->next_name = 1;
}

/* ---- objects ---- */

static struct cell *cells_new(uint64_t now)
{
	struct cell *cells = calloc(MODEL_CELLS, sizeof *cells);

	for (unsigned i = 0; i < MODEL_CELLS && now > 0; i++)
		cell_reset(&cells[i], 0, now);
	return cells;
}

static void cells_free(struct cell *cells)
{
	for (unsigned i = 0; cells != NULL && i < MODEL_CELLS; i++)
		cell_fini(&cells[i]);
	free(cells);
}

void model_object_init(struct object *object, enum object_kind kind, uint64_t now)
{
	*object = (struct object){ .kind = kind, .stride = 1, .born = UINT64_MAX };
	if (kind == OBJECT_FILE || kind == OBJECT_LUN)
		object->cells = cells_new(now);
	cell_reset(&object->size, 0, now);
	cell_reset(&object->mode, 0, now);
	cell_reset(&object->comment, 0, now);
	cell_reset(&object->atime, TIME_ANY, now);
	cell_reset(&object->mtime, TIME_ANY, now);
}

uint8_t model_object_new(struct model *model, enum object_kind kind, uint64_t now)
{
	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		if (model->objects[i].kind != OBJECT_FREE)
			continue;
		model_object_init(&model->objects[i], kind, now);
		return (uint8_t)i;
	}
	return NOBODY;
}

void model_object_free(struct model *model, uint8_t i)
{
	struct object *object = &model->objects[i];

	cells_free(object->cells);
	cell_fini(&object->size);
	cell_fini(&object->mode);
	cell_fini(&object->comment);
	cell_fini(&object->atime);
	cell_fini(&object->mtime);
	*object = (struct object){ .kind = OBJECT_FREE };
}

unsigned model_links(const struct model *model, uint8_t object)
{
	unsigned n = 0;

	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			n += model->names[d][k].object == object;
	return n;
}

void model_object_durable(struct object *object, uint64_t sent)
{
	for (unsigned i = 0; object->cells != NULL && i < MODEL_CELLS; i++)
		cell_durable(&object->cells[i], sent);
	cell_durable(&object->size, sent);
	cell_durable(&object->mode, sent);
	cell_durable(&object->comment, sent);
	cell_durable(&object->atime, sent);
	cell_durable(&object->mtime, sent);
}

uint64_t model_offset(uint32_t stride, unsigned cell)
{
	return (uint64_t)(cell / MODEL_BLOCK_CELLS) * stride * FS_BLOCK_SIZE +
	       (uint64_t)(cell % MODEL_BLOCK_CELLS) * MODEL_CELL_BYTES;
}

uint64_t model_size_max(uint32_t stride)
{
	return model_offset(stride, MODEL_CELLS - 1U) + MODEL_CELL_BYTES;
}

unsigned model_cells_below(uint32_t stride, uint64_t size)
{
	unsigned n = 0;

	while (n < MODEL_CELLS && model_offset(stride, n) < size)
		n++;
	return n;
}

bool model_size_is_small(uint64_t size)
{
	return size % MODEL_CELL_BYTES != 0;
}

bool model_cell_is_whole(unsigned cell, const uint64_t *words, size_t n_bytes)
{
	size_t n = n_bytes / 8U, same = 0;

	while (same < n && words[same] == words[0])
		same++;
	for (size_t i = same; i < n; i++)
		if (cell != 0 || same > MODEL_SMALL / 8U || words[i] != 0)
			return false;
	return true;
}

/* ---- paths ---- */

unsigned model_dir_name(const struct model *model, unsigned dir)
{
	for (unsigned k = 0; k < MODEL_NAMES; k++)
		if (model->names[0][k].object != NOBODY && model->names[0][k].object == model->dirs[dir])
			return k;
	return MODEL_NAMES;
}

bool model_dir_path(const struct model *model, unsigned dir, char path[MODEL_PATH])
{
	unsigned k = dir == 0 ? 0 : model_dir_name(model, dir);

	if (k == MODEL_NAMES)
		return false;
	(void)snprintf(path, MODEL_PATH, "%s%s", dir == 0 ? "" : "/", dir == 0 ? "" : model_name(k));
	return true;
}

bool model_path(const struct model *model, unsigned dir, unsigned k, char path[MODEL_PATH])
{
	char of_dir[MODEL_PATH];

	if (!model_dir_path(model, dir, of_dir))
		return false;
	(void)snprintf(path, MODEL_PATH, "%.200s/%.200s", of_dir, model_name(k));
	return true;
}

bool model_object_path(const struct model *model, uint8_t object, char path[MODEL_PATH])
{
	for (unsigned d = 0; d < MODEL_DIRS; d++)
		for (unsigned k = 0; k < MODEL_NAMES; k++)
			if (model->names[d][k].object == object)
				return model_path(model, d, k, path);
	return false;
}

struct fs_file_id model_dir_id(const struct model *model, unsigned dir)
{
	return dir == 0 ? (struct fs_file_id){ 0, FS_INO_ROOT, 1 } : model->objects[model->dirs[dir]].id;
}

/* Nothing is in it and nothing is on its way into it. */
bool model_dir_quiet(const struct model *model, unsigned dir)
{
	for (unsigned k = 0; k < MODEL_NAMES; k++)
		if (model->names[dir][k].busy)
			return false;
	return true;
}

/* ---- snapshots ---- */

static void object_freeze(const struct object *object, uint64_t since, uint64_t now, struct frozen_object *to)
{
	*to = (struct frozen_object){ .kind = object->kind,
		                      .stride = object->stride,
		                      .target = object->target,
		                      .dir = object->dir,
		                      .backing = object->backing };
	to->backed = object->backed == YES && object->born < since && object->cloning == NO && !object->admin ? YES
	             : object->backing != 0                                                                   ? MAYBE
	                                                                                                      : NO;
	cell_freeze(&object->size, since, now, &to->size);
	cell_freeze(&object->mode, since, now, &to->mode);
	if (object->cells == NULL)
		return;
	to->cells = cells_new(0);
	for (unsigned i = 0; i < MODEL_CELLS; i++)
		cell_freeze(&object->cells[i], since, now, &to->cells[i]);
}

void model_freeze(const struct model *model, struct snapshot_model *snapshot, uint64_t now)
{
	snapshot->used = true;
	snapshot->settled = false;
	for (unsigned d = 0; d < MODEL_DIRS; d++) {
		for (unsigned k = 0; k < MODEL_NAMES; k++) {
			const struct entry *entry = &model->names[d][k];

			snapshot->names[d][k].object = entry->object;
			snapshot->names[d][k].doubtful = entry->busy || entry->touched >= snapshot->sent;
		}
	}
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		if (model->objects[i].kind != OBJECT_FREE)
			object_freeze(&model->objects[i], snapshot->sent, now, &snapshot->objects[i]);
	for (unsigned i = 0; i < MODEL_RELEASES; i++)
		if (model->releases[i].serial != 0 && model->releases[i].at >= snapshot->sent)
			snapshot->maybe[snapshot->n_maybe++] = model->releases[i].serial;
}

void model_release(struct model *model, struct object *lun, uint64_t now)
{
	if (lun->backing == 0)
		return;
	model->releases[model->n_releases % MODEL_RELEASES].serial = lun->backing;
	model->releases[model->n_releases++ % MODEL_RELEASES].at = now;
	lun->backed = NO;
	lun->backing = 0;
}

void model_thaw(struct snapshot_model *snapshot)
{
	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		cells_free(snapshot->objects[i].cells);
		cell_fini(&snapshot->objects[i].size);
		cell_fini(&snapshot->objects[i].mode);
	}
	memset(snapshot, 0, sizeof *snapshot);
}

static enum doubt worse(enum doubt a, enum doubt b)
{
	return a > b ? a : b;
}

enum doubt model_held(const struct model *model, unsigned serial)
{
	enum doubt held = NO;

	for (unsigned i = 0; i < MODEL_OBJECTS; i++) {
		const struct object *object = &model->objects[i];

		if (object->kind == OBJECT_LUN && object->backing == serial && object->backed != NO)
			held = worse(held, object->cloning == NO && !object->admin ? object->backed : MAYBE);
	}
	for (unsigned s = 0; s < MODEL_SNAPSHOTS; s++) {
		const struct snapshot_model *snapshot = &model->snapshots[s];

		for (unsigned i = 0; snapshot->used && i < MODEL_OBJECTS; i++)
			if (snapshot->objects[i].kind == OBJECT_LUN && snapshot->objects[i].backing == serial)
				held = worse(held, snapshot->busy || snapshot->may_go
				                       ? MIN_OF(snapshot->objects[i].backed, MAYBE)
				                       : snapshot->objects[i].backed);
		for (unsigned i = 0; snapshot->used && i < snapshot->n_maybe; i++)
			if (snapshot->maybe[i] == serial)
				held = worse(held, MAYBE);
	}
	return held;
}

void model_fini(struct model *model)
{
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		model_object_free(model, (uint8_t)i);
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++)
		model_thaw(&model->snapshots[i]);
	for (unsigned i = 0; i < MODEL_DOCS; i++)
		cell_fini(&model->docs[i]);
}
