/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the damaged blocks are: file and bytes, for whoever has to restore them.
 *
 * THEORY. Only when there is something to name. The directories of the tree in which a damaged block was met are
 * searched for its inode, once for all findings of that tree. The path is made from its end. A block of the active
 * file system may be in snapshots as well: their maps say in which. */
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/dirformat.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"
#include "fs/names/path.h"
#include "fs/names/pathwalk.h"
#include "raid/raid.h"

struct wanted {
	uint32_t ino, parent;
	uint32_t slot; /* where `parent` names it */
};
struct check_names {
	size_t finding; /* the next one whose tree has not had its turn */
	uint32_t snapshot; /* the tree in work */
	struct wanted *wanted; /* by inode */
	size_t n_wanted, n_named, at;
	uint32_t ino, n_inodes, slot; /* of the directories being looked through */
	size_t also; /* finding whose snapshots are being looked for */
	bool scanning;
};

void check_name_fini(struct check *check)
{
	if (check->names != NULL)
		free(check->names->wanted);
	free(check->names);
}

static int wanted_order(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static struct wanted *wanted_find(struct check_names *names, uint32_t ino)
{
	const struct wanted key = { ino, 0, 0 };

	return names->n_wanted == 0 ? NULL : bsearch(&key, names->wanted, names->n_wanted, sizeof(key), wanted_order);
}

/* All inodes damaged in the tree of the next finding that has a place. False: there is none. */
static bool tree_next(struct check *check)
{
	struct check_names *names = check->names;
	struct check_report *report = &check->report;
	size_t first;

	while (names->finding < report->n &&
	       (!report->findings[names->finding].placed || report->findings[names->finding].named))
		names->finding++;
	first = names->finding;
	if (first == report->n)
		return false;
	names->snapshot = report->findings[first].place.snapshot;
	names->n_wanted = names->n_named = names->at = 0;
	for (size_t i = first; i < report->n; i++) {
		struct check_finding *finding = &report->findings[i];

		if (!finding->placed || finding->place.snapshot != names->snapshot)
			continue;
		finding->named = true;
		if (finding->place.ino > INO_ROOT)
			names->wanted[names->n_wanted++] = (struct wanted){ finding->place.ino, 0, 0 };
	}
	qsort(names->wanted, names->n_wanted, sizeof(names->wanted[0]), wanted_order);
	names->ino = INO_ROOT;
	names->slot = 0;
	names->scanning = true;
	return true;
}

/* One directory's entries from the cursor on. */
static int dir_look(struct fs_run *run, struct inode *dir)
{
	struct check_names *names = check_of(run)->names;

	/* a size that no directory has, which was said: there is no walking to its end */
	if (dir_check_inode(dir) != 0)
		return 0;
	for (unsigned n = 0; n < 4096U; n++) {
		struct dir_entry entry;
		struct wanted *wanted;
		int err = dir_next(run, dir, &names->slot, &entry);

		if (err == -ENOENT)
			return 0;
		if (err == -EAGAIN)
			return err;
		if (err != 0) { /* damaged, which was said: on with the next block */
			names->slot = (names->slot / DIR_UNITS + 1U) * DIR_UNITS;
			if (names->slot / DIR_UNITS >= blocks_of_size(dir->attr.size_bytes))
				return 0;
			continue;
		}
		wanted = wanted_find(names, entry.id.inode);
		if (wanted != NULL && wanted->parent == 0) {
			while (wanted > names->wanted && wanted[-1].ino == wanted->ino)
				wanted--;
			wanted->parent = dir->ino;
			wanted->slot = entry.slot;
			names->n_named++;
		}
	}
	return run_yield(run);
}

static int dirs_look(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_names *names = check->names;
	struct inode *file, *dir;
	int err = snapshot_inode_file(run, names->snapshot, &file);

	if (err != 0)
		return err == -EAGAIN ? err : 0;
	names->n_inodes = (uint32_t)MIN_OF(file->attr.size_bytes / sizeof(struct inode_disk),
	                                   (uint64_t)FS_INO_SNAPSHOTS);
	while (names->ino < names->n_inodes && names->n_named < names->n_wanted) {
		err = inode_get(run, names->snapshot, names->ino, &dir);
		if (err == 0 && dir->attr.type == FS_TYPE_DIR)
			err = dir_look(run, dir);
		if (err == -EAGAIN)
			return err;
		names->ino++;
		names->slot = 0;
		cache_unpin_all(run);
		err = check_pace(run, 1);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- saying it ---- */

static const char *metafile_name(uint32_t ino)
{
	static const char *const names[] = { [INO_INODE_FILE] = "; it is of the inode file",
		                             [INO_SNAPSHOT_TABLE] = "; it is of the snapshot table",
		                             [INO_INODE_MAP] = "; it is of the inode map",
		                             [INO_ACTIVE_MAP] = "; it is of the active map",
		                             [INO_SUMMARY_MAP] = "; it is of the summary map",
		                             [INO_SPACE_MAP] = "; it is of the space map",
		                             [INO_ZOMBIES] = "; it is of removed files",
		                             [INO_VTOC] = "; it is of the VTOC",
		                             [INO_DOCS] = "; it is of the directory of documents" };

	if (ino == INO_ROOT)
		return "; it is of the root directory";
	return ino < ARRAY_SIZE(names) && names[ino] != NULL ? names[ino] : "; no directory names its file";
}

static const char *snapshot_name(const struct check *check, uint32_t id)
{
	for (unsigned i = 0; i < check->n_snapshots; i++)
		if (check->snapshots[i].id == id)
			return check->snapshots[i].name;
	return NULL;
}

static void finding_name(struct check *check, struct check_finding *finding, const char *path)
{
	const char *snapshot = finding->place.snapshot == check->image ? NULL
	                                                               : snapshot_name(check, finding->place.snapshot);
	char bytes[96];

	if (path == NULL) {
		if (finding->public.path == NULL)
			check_finding_add(check, finding, metafile_name(finding->place.ino), "");
		return;
	}
	free(finding->public.path);
	if (asprintf(&finding->public.path, "%s%s%s", snapshot != NULL ? "/.snapshot/" : "",
	             snapshot != NULL ? snapshot : "", path) < 0) {
		finding->public.path = NULL;
		check->no_memory = true;
		return;
	}
	finding->public.offset_bytes = (uint64_t)finding->place.fbn * FS_BLOCK_SIZE;
	finding->public.len_bytes = finding->public.count * tree_span(finding->place.level) * FS_BLOCK_SIZE;
	(void)snprintf(bytes, sizeof(bytes), "; it is bytes %llu to %llu of ",
	               (unsigned long long)finding->public.offset_bytes,
	               (unsigned long long)(finding->public.offset_bytes + finding->public.len_bytes - 1U));
	check_finding_add(check, finding, bytes, finding->public.path);
}

static void findings_name(struct check *check, uint32_t ino, const char *path)
{
	for (size_t i = 0; i < check->report.n; i++) {
		struct check_finding *finding = &check->report.findings[i];

		if (finding->placed && finding->place.snapshot == check->names->snapshot && finding->place.ino == ino)
			finding_name(check, finding, path);
	}
}

static int paths_make(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_names *names = check->names;

	for (; names->at < names->n_wanted; names->at++) {
		struct wanted *wanted = &names->wanted[names->at];
		const struct fs_file_id id = { names->snapshot, wanted->ino, 0 };
		char path[FS_PATH_MAX];
		int err = path_of(run, &id, wanted->parent, &wanted->slot, path);

		if (err == -EAGAIN)
			return err;
		if (names->at == 0 || wanted[-1].ino != wanted->ino)
			findings_name(check, wanted->ino, err == 0 ? path : NULL);
		pathwalk_forget(run);
		cache_unpin_all(run);
	}
	for (uint32_t ino = 0; ino <= INO_ROOT; ino++)
		findings_name(check, ino, NULL);
	return 0;
}

/* Those of blocks that follow each other. */
static void runs_say(struct check *check)
{
	char text[64];

	for (size_t i = 0; i < check->report.n; i++) {
		struct check_finding *finding = &check->report.findings[i];

		if (!finding->placed || finding->public.count == 1)
			continue;
		(void)snprintf(text, sizeof(text), "; so it is with the %llu blocks after it",
		               (unsigned long long)finding->public.count - 1U);
		check_finding_add(check, finding, text, "");
	}
}

/* ---- in which snapshots ---- */

static int also_look(struct fs_run *run, struct check_finding *finding)
{
	struct check *check = check_of(run);
	bool held[SNAPSHOT_SLOTS] = { false };
	const char *what = "; the block is also in snapshot ";

	for (unsigned i = 0; i < check->n_snapshots; i++) {
		const uint8_t *bytes;
		int err = check_need(run, check->snapshots[i].id, INO_ACTIVE_MAP, region_of(finding->place.vbn),
		                     &bytes);

		if (err == -EAGAIN)
			return err;
		held[i] = err == 0 &&
		          check_bit_get((const uint64_t *)(const void *)bytes, finding->place.vbn % REGION_BLOCKS);
	}
	for (unsigned i = 0; i < check->n_snapshots; i++) {
		if (!held[i] || check->snapshots[i].deleting)
			continue;
		check_finding_add(check, finding, what, check->snapshots[i].name);
		what = ", ";
	}
	return 0;
}

static int snapshots_look(struct fs_run *run)
{
	struct check *check = check_of(run);

	for (; check->names->also < check->report.n; check->names->also++) {
		struct check_finding *finding = &check->report.findings[check->names->also];
		int err = 0;

		if (finding->placed && finding->place.snapshot == check->image &&
		    finding->place.vbn < raid_geometry(run->vol->raid)->vbn_end)
			err = also_look(run, finding);
		if (err != 0)
			return err;
		cache_unpin_all(run);
	}
	return 0;
}

int check_name_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	int err;

	if (check->names == NULL) {
		check->names = calloc(1, sizeof(*check->names));
		if (check->names == NULL)
			return -ENOMEM;
		check->names->wanted = calloc(MAX_OF(check->report.n, (size_t)1), sizeof(struct wanted));
		if (check->names->wanted == NULL)
			return -ENOMEM;
		runs_say(check);
	}
	while (check->names->scanning || tree_next(check)) {
		err = dirs_look(run);
		if (err == 0)
			err = paths_make(run);
		if (err != 0)
			return err;
		check->names->scanning = false;
	}
	return snapshots_look(run);
}
