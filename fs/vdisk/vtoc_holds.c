/* SPDX-License-Identifier: Apache-2.0 */
/* Which snapshots are needed as backing stores: by vdisks of the active file system, and by vdisks inside other
 * snapshots.
 *
 * THEORY. A snapshot contains the VTOC of its time, and a mount reads all of them. A snapshot taken while the volume
 * is mounted contains the active VTOC as it was when the generation of its CP closed. Those are the entries that are
 * backed since that generation or earlier, and those that lost their backing in a later generation. */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/vdisk/vtoc.h"
#include "fs/vdisk/vtoc_private.h"

static struct vtoc_hold *hold_find(struct vtoc *vtoc, uint32_t snapshot)
{
	for (unsigned i = 0; i < vtoc->n_holds; i++)
		if (vtoc->holds[i].snapshot == snapshot)
			return &vtoc->holds[i];
	return NULL;
}

static struct vtoc_hold *hold_new(struct vtoc *vtoc, uint32_t snapshot)
{
	ARRAY_ROOM_RESERVED(vtoc->holds, vtoc->n_holds, vtoc->n_holds_max, 8U);
	vtoc->holds[vtoc->n_holds] = (struct vtoc_hold){ .snapshot = snapshot };
	return &vtoc->holds[vtoc->n_holds++];
}

static void hold_add(struct vtoc_hold *hold, uint32_t id)
{
	for (unsigned i = 0; i < hold->n; i++)
		if (hold->ids[i] == id)
			return;
	ARRAY_ROOM_RESERVED(hold->ids, hold->n, hold->n_max, 4U);
	hold->ids[hold->n++] = id;
}

static void hold_drop(struct vtoc *vtoc, unsigned i)
{
	free(vtoc->holds[i].ids);
	vtoc->holds[i] = vtoc->holds[--vtoc->n_holds];
}

/* ---- at mount -------------------------------------------------------------------------------------------------- */

static int hold_visit(void *arg, uint32_t slot, const struct vtoc_entry *entry)
{
	struct vtoc_hold *hold = arg;

	(void)slot;
	if (entry->backing.snapshot != 0)
		hold_add(hold, entry->backing.snapshot);
	return 0;
}

/* A snapshot whose VTOC cannot be read may need any older one. */
static void hold_everything(struct fs_volume *vol, struct vtoc_hold *hold)
{
	const struct snapshot *snapshot = NULL;

	while ((snapshot = snapshot_next(vol, snapshot)) != NULL && snapshot->info.id != hold->snapshot)
		hold_add(hold, snapshot->info.id);
}

int vtoc_holds_load(struct fs_run *run)
{
	struct vtoc *vtoc = run->vol->vtoc;
	const struct snapshot *snapshot = NULL;

	while ((snapshot = snapshot_next(run->vol, snapshot)) != NULL) {
		struct vtoc_hold read = { .snapshot = snapshot->info.id };
		struct inode *file;
		int err;

		if (snapshot->deleting || hold_find(vtoc, snapshot->info.id) != NULL)
			continue;
		err = inode_get(run, snapshot->info.id, INO_VTOC, &file);
		if (err == 0)
			err = vtoc_file_visit(run, file, hold_visit, &read);
		if (err == -EAGAIN || err == -ENOMEM) {
			free(read.ids);
			return err;
		}
		if (err != 0) {
			log_warn("vdisk", "snapshot_vtoc_unreadable", "volume=%s snapshot=%s error=%s", run->vol->name,
			         snapshot->info.name, error_name(err));
			hold_everything(run->vol, &read);
		}
		*hold_new(vtoc, read.snapshot) = read;
	}
	vtoc->holds_loaded = true;
	return 0;
}

/* ---- while mounted --------------------------------------------------------------------------------------------- */

void vtoc_note_release(struct fs_volume *vol, const struct vtoc_entry *entry)
{
	struct vtoc *vtoc = vol->vtoc;

	ARRAY_ROOM_RESERVED(vtoc->releases, vtoc->n_releases, vtoc->n_releases_max, 16U);
	vtoc->releases[vtoc->n_releases++] = (struct vtoc_release){ entry->backing.snapshot, entry->backed_since,
		                                                    vol->generation };
}

static void hold_learn(struct fs_volume *vol, uint32_t snapshot, uint64_t generation)
{
	struct vtoc *vtoc = vol->vtoc;
	struct vtoc_hold *hold = hold_new(vtoc, snapshot);
	const struct vtoc_entry *entry;

	TAILQ_FOREACH(entry, &vtoc->entries, link)
		if (entry->backing.snapshot != 0 && entry->backed_since <= generation)
			hold_add(hold, entry->backing.snapshot);
	for (unsigned i = 0; i < vtoc->n_releases; i++)
		if (vtoc->releases[i].since <= generation && vtoc->releases[i].until > generation)
			hold_add(hold, vtoc->releases[i].backing);
}

void vtoc_cp_done(struct fs_volume *vol)
{
	struct vtoc *vtoc = vol->vtoc;
	const struct snapshot *snapshot = NULL;
	unsigned n = 0;

	if (vtoc == NULL || !vtoc->holds_loaded)
		return; /* the CP of a replay: the snapshots are about to be read */
	for (unsigned i = vtoc->n_holds; i-- > 0;) {
		snapshot = snapshot_find_id(vol, vtoc->holds[i].snapshot);
		if (snapshot == NULL || snapshot->deleting)
			hold_drop(vtoc, i);
	}
	snapshot = NULL;
	while ((snapshot = snapshot_next(vol, snapshot)) != NULL)
		if (!snapshot->deleting && hold_find(vtoc, snapshot->info.id) == NULL)
			hold_learn(vol, snapshot->info.id, snapshot->cp_generation);
	for (unsigned i = 0; i < vtoc->n_releases; i++)
		if (vtoc->releases[i].until + 1U >= vol->generation)
			vtoc->releases[n++] = vtoc->releases[i];
	vtoc->n_releases = n;
}

bool vtoc_is_ready(const struct fs_volume *vol)
{
	return vol->vtoc != NULL && vol->vtoc->loaded && vol->vtoc->holds_loaded;
}

static void path_note(char *ret_path, size_t path_size, unsigned n, const char *prefix, const char *path)
{
	if (n == 0 && path_size > 0)
		(void)snprintf(ret_path, path_size, "%s%s", prefix, path);
}

/* A CP under way takes a snapshot, and vdisks that have lost their backing since its generation closed are in it. */
static unsigned taken_dependants(struct fs_volume *vol, uint32_t id)
{
	const struct snapshot_request *request;
	unsigned n_created = 0, n = 0;

	TAILQ_FOREACH(request, &vol->snapshots->taken, link)
		n_created += request->created != NULL;
	for (unsigned i = 0; i < vol->vtoc->n_releases && n_created > 0; i++)
		n += vol->vtoc->releases[i].backing == id && vol->vtoc->releases[i].until >= vol->generation;
	return n;
}

unsigned vtoc_backed_by(struct fs_volume *vol, uint32_t id, char *ret_path, size_t path_size)
{
	const struct vtoc_entry *entry;
	unsigned n = 0;

	if (vol->vtoc == NULL)
		return 0;
	TAILQ_FOREACH(entry, &vol->vtoc->entries, link)
		if (entry->backing.snapshot == id)
			path_note(ret_path, path_size, n++, "", entry->path);
	return n;
}

unsigned vtoc_dependants(struct fs_volume *vol, uint32_t id, char *ret_path, size_t path_size)
{
	unsigned n = vtoc_backed_by(vol, id, ret_path, path_size);

	if (vol->vtoc == NULL)
		return 0;
	for (unsigned i = 0; i < vol->vtoc->n_holds; i++) {
		const struct vtoc_hold *hold = &vol->vtoc->holds[i];
		const struct snapshot *snapshot = snapshot_find_id(vol, hold->snapshot);

		for (unsigned k = 0; k < hold->n && snapshot != NULL && !snapshot->deleting; k++)
			if (hold->ids[k] == id)
				path_note(ret_path, path_size, n++, "/.snapshot/", snapshot->info.name);
	}
	if (n == 0 && taken_dependants(vol, id) > 0)
		path_note(ret_path, path_size, n++, "", "/.snapshot (one is being taken)");
	return n;
}
