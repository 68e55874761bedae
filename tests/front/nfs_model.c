/* SPDX-License-Identifier: Apache-2.0 */
/* What an NFS client knows must be there. */
#include "tests/front/nfs_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"

static void *must(void *memory)
{
	vc_assert(memory != NULL);
	return memory;
}

struct nfs_model *nfs_model_new(void)
{
	struct nfs_model *model = must(calloc(1, sizeof *model));

	for (unsigned d = 0; d < NFS_DIRS; d++)
		for (unsigned k = 0; k < NFS_NAMES; k++)
			model->names[d][k].object = NFS_NOBODY;
	return model;
}

static struct cell cell_clone(const struct cell *cell)
{
	struct cell copy = *cell;

	if (cell->n > 0) {
		copy.max = cell->n;
		copy.c = must(malloc(cell->n * sizeof copy.c[0]));
		memcpy(copy.c, cell->c, cell->n * sizeof copy.c[0]);
	} else {
		copy = (struct cell){ NULL, 0, 0 };
	}
	return copy;
}

struct nfs_model *nfs_model_clone(const struct nfs_model *model)
{
	struct nfs_model *copy = must(malloc(sizeof *copy));

	*copy = *model;
	for (unsigned i = 0; i < NFS_OBJECTS; i++) {
		const struct nfs_object *from = &model->objects[i];
		struct nfs_object *to = &copy->objects[i];

		to->size = cell_clone(&from->size);
		to->mode = cell_clone(&from->mode);
		if (from->cells == NULL)
			continue;
		to->cells = must(calloc(NFS_UNITS, sizeof to->cells[0]));
		for (unsigned u = 0; u < NFS_UNITS; u++)
			to->cells[u] = cell_clone(&from->cells[u]);
	}
	return copy;
}

void nfs_model_free(struct nfs_model *model)
{
	for (unsigned i = 0; i < NFS_OBJECTS; i++)
		nfs_object_free(model, (uint8_t)i);
	free(model);
}

uint8_t nfs_object_new(struct nfs_model *model, enum nfs_kind kind, uint64_t now)
{
	for (unsigned i = 0; i < NFS_OBJECTS; i++) {
		struct nfs_object *object = &model->objects[i];

		if (object->kind != NFS_KIND_NONE)
			continue;
		*object = (struct nfs_object){ .kind = kind };
		cell_reset(&object->size, 0, now);
		cell_reset(&object->mode, 0644, now);
		if (kind == NFS_KIND_FILE)
			object->cells = must(calloc(NFS_UNITS, sizeof object->cells[0]));
		return (uint8_t)i;
	}
	return NFS_NOBODY;
}

void nfs_object_free(struct nfs_model *model, uint8_t number)
{
	struct nfs_object *object = &model->objects[number];

	cell_fini(&object->size);
	cell_fini(&object->mode);
	for (unsigned u = 0; object->cells != NULL && u < NFS_UNITS; u++)
		cell_fini(&object->cells[u]);
	free(object->cells);
	*object = (struct nfs_object){ .kind = NFS_KIND_NONE };
}

unsigned nfs_object_links(const struct nfs_model *model, uint8_t object, bool *ret_quiet)
{
	unsigned n = 0;

	*ret_quiet = true;
	for (unsigned d = 0; d < NFS_DIRS; d++) {
		for (unsigned k = 0; k < NFS_NAMES; k++) {
			const struct nfs_name *name = &model->names[d][k];

			if (name->busy)
				*ret_quiet = false;
			n += name->object == object;
		}
	}
	return n;
}

const char *nfs_name_text(unsigned name)
{
	static const char *const names[NFS_NAMES] = { "n0", "n1", "n2", "a-name-that-is-longer-than-the-others",
		                                      "n4", "n5" };

	return names[name];
}

unsigned nfs_name_find(const char *text)
{
	unsigned k = 0;

	while (k < NFS_NAMES && strcmp(nfs_name_text(k), text) != 0)
		k++;
	return k;
}

void nfs_cells_send(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent)
{
	for (unsigned u = first; u < first + n; u++) {
		if (file->cells[u].n == 0)
			cell_reset(&file->cells[u], 0, 0);
		cell_send(&file->cells[u], stamp, sent);
	}
}

void nfs_cells_answered(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent,
                        uint64_t now, bool durable)
{
	for (unsigned u = first; u < first + n; u++)
		cell_ack(&file->cells[u], stamp, sent, now, durable);
}

void nfs_cells_refused(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent)
{
	for (unsigned u = first; u < first + n; u++)
		cell_refuse(&file->cells[u], stamp, sent);
}

bool nfs_cell_may_read(const struct nfs_object *file, unsigned unit, uint64_t stamp, uint64_t since)
{
	return file->cells[unit].n == 0 ? stamp == 0 : cell_may_read(&file->cells[unit], stamp, since);
}

bool nfs_cell_may_survive(const struct nfs_object *file, unsigned unit, uint64_t stamp)
{
	return file->cells[unit].n == 0 ? stamp == 0 : cell_may_survive(&file->cells[unit], stamp);
}

void nfs_object_durable(struct nfs_object *file, uint64_t sent)
{
	cell_durable(&file->size, sent);
	for (unsigned u = 0; u < NFS_UNITS; u++)
		cell_durable(&file->cells[u], sent);
}

void nfs_cell_adopt(struct nfs_object *file, unsigned unit, uint64_t stamp, uint64_t now)
{
	if (stamp != 0 || file->cells[unit].n != 0)
		cell_reset(&file->cells[unit], stamp, now);
}
