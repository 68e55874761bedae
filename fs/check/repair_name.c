/* SPDX-License-Identifier: Apache-2.0 */
/* The repair of names, in a volume that is mounted and serves nobody: entries, indexes, orphans. Nothing of it is
 * logged: a consistency point has all of a step or nothing. An orphan becomes "#INODE" in the directory
 * "lost+found". Link counts and parents that differ after that are found by the next check, and put right as any
 * other. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/reserve.h"
#include "fs/check/check_fix.h"
#include "fs/check/repair.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/dirformat.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/dir.h"

#define LOST_FOUND "lost+found"

struct names {
	struct fs_volume *vol;
	const struct check_fixes *fixes;
	void (*done)(void *arg, uint64_t n_done);
	void *arg;
	struct fs_run run;
	struct fs_message msg; /* makes lost+found, and the last CP */
	size_t at;
	uint32_t rebuild_fbn;
	uint64_t n_done;
};

static int dir_get(struct fs_run *run, uint32_t ino, struct inode **ret_dir)
{
	int err = inode_get(run, 0, ino, ret_dir);

	return err != 0 ? err : dir_check_inode(*ret_dir);
}

/* The entry that stands in the slot, if it is still the one that was found. */
static int entry_get(struct fs_run *run, struct inode *dir, uint32_t slot, struct dir_entry *ret_entry)
{
	uint32_t at = slot;
	int err = dir_next(run, dir, &at, ret_entry);

	return err == 0 && ret_entry->slot != slot ? -ENOENT : err;
}

static int entry_repair(struct fs_run *run, const struct check_fix *fix)
{
	struct dir_entry entry, found;
	struct dir_plan plan;
	struct inode *dir;
	char name[FS_NAME_MAX + 1U];
	int err = dir_get(run, fix->ino, &dir);

	if (err == 0)
		err = entry_get(run, dir, fix->at, &entry);
	if (err != 0)
		return err;
	memcpy(name, entry.name, entry.name_len);
	err = dir_plan_change(run, dir, name, entry.name_len, &plan, &found);
	if (err == 0 && plan.slot != fix->at && plan.slot_fbn * DIR_UNITS + plan.slot != fix->at)
		err = -EEXIST; /* the name stands twice: which one is meant is not known */
	if (err == 0)
		err = run_reserve(run, DIR_PLAN_PAGES_MAX);
	if (err != 0)
		return err;
	if (fix->kind == FIX_ENTRY_REMOVE)
		dir_remove(dir, &plan, name, entry.name_len);
	else
		dir_set_entry(dir, &plan, &found.id, (uint8_t)fix->value);
	return 0;
}

static int index_repair(struct fs_run *run, struct names *names, const struct check_fix *fix)
{
	struct inode *dir;
	int err = dir_get(run, fix->ino, &dir);

	if (err == 0)
		err = run_reserve(run, DIR_REBUILD_PAGES);
	if (err == 0)
		err = dir_rebuild_index(run, dir, &names->rebuild_fbn);
	if (err != 0)
		return err;
	return names->rebuild_fbn == DIR_INDEXED_ALL ? 0 : run_yield(run);
}

static int orphan_repair(struct fs_run *run, const struct check_fix *fix)
{
	struct fs_file_id id;
	struct inode *dir, *orphan;
	struct dir_plan plan;
	uint8_t type;
	char name[16];
	size_t len = (size_t)snprintf(name, sizeof(name), "#%u", fix->ino);
	int err = dir_get(run, INO_ROOT, &dir);

	if (err == 0)
		err = dir_lookup(run, dir, LOST_FOUND, sizeof(LOST_FOUND) - 1U, &id, &type);
	if (err == 0)
		err = dir_get(run, id.inode, &dir);
	if (err == 0)
		err = inode_get(run, 0, fix->ino, &orphan);
	if (err == 0)
		err = dir_plan_add(run, dir, name, len, &plan);
	if (err == 0)
		err = run_reserve(run, DIR_PLAN_PAGES_MAX);
	if (err != 0)
		return err;
	id = (struct fs_file_id){ 0, orphan->ino, orphan->attr.generation };
	dir_add(dir, &plan, name, len, &id, (uint8_t)orphan->attr.type);
	return 0;
}

/* 1: was done before the mount. */
static int name_repair(struct fs_run *run, struct names *names, const struct check_fix *fix)
{
	switch (fix->kind) {
	case FIX_ENTRY_REMOVE:
	case FIX_ENTRY_TYPE: return entry_repair(run, fix);
	case FIX_DIR_INDEX: return index_repair(run, names, fix);
	case FIX_ORPHAN: return orphan_repair(run, fix);
	default: return 1;
	}
}

static int names_step(struct fs_run *run)
{
	struct names *names = run->arg;

	for (; names->at < names->fixes->n; names->at++) {
		int err = name_repair(run, names, &names->fixes->fixes[names->at]);

		if (err == -EAGAIN)
			return err;
		names->rebuild_fbn = 0;
		names->n_done += err == 0;
		if (err < 0)
			log_warn("fs", "repair_skipped", "volume=%s kind=%d object=%u error=%s", run->vol->name,
			         (int)names->fixes->fixes[names->at].kind, names->fixes->fixes[names->at].ino,
			         error_name(err));
		cache_unpin_all(run);
		if (err == 0) {
			names->at++;
			return run_yield(run);
		}
	}
	return 0;
}

static void names_synced(struct fs_message *msg)
{
	struct names *names = msg->owner;

	fs_message_fini(msg);
	names->done(names->arg, names->n_done);
	free(names);
}

static void names_finish(struct fs_run *run, int err)
{
	struct names *names = run->arg;

	(void)err;
	run_fini(run);
	fs_message_init(&names->msg, FS_SYNC, names->vol, names_synced, names);
	fs_message_send(&names->msg);
}

static void names_begin(struct fs_message *msg)
{
	struct names *names = msg->owner;

	fs_message_fini(msg);
	run_init(&names->run, names->vol, names_step, names_finish, names);
	run_start_later(&names->run);
}

static bool has_orphans(const struct check_fixes *fixes)
{
	for (size_t i = 0; i < fixes->n; i++)
		if (fixes->fixes[i].kind == FIX_ORPHAN)
			return true;
	return false;
}

void repair_names(struct fs_volume *vol, const struct check_fixes *fixes, void (*done)(void *arg, uint64_t n_done),
                  void *arg)
{
	struct names *names = reserve_calloc(1, sizeof(*names));
	*names = (struct names){ .vol = vol, .fixes = fixes, .done = done, .arg = arg };
	/* Where orphans go; that it is there already is as good. */
	fs_message_init(&names->msg, has_orphans(fixes) ? FS_MKDIR : FS_SYNC, vol, names_begin, names);
	names->msg.file = (struct fs_file_id){ 0, FS_INO_ROOT, 1 };
	names->msg.in.name = LOST_FOUND;
	names->msg.in.name_len = sizeof(LOST_FOUND) - 1U;
	names->msg.in.setattr.set_mode = true;
	names->msg.in.setattr.mode = 0700;
	fs_message_send(&names->msg);
}
