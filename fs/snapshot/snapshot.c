/* SPDX-License-Identifier: Apache-2.0 */
/* What the CP does for snapshots; snapshots that go with their last dependant; the file system's own snapshots. */
#include "fs/snapshot/snapshot.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/cp/cp.h"
#include "fs/file/cache.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/snapshot/file_restore.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vtoc.h"

/* ---- in the CP ---- */

/* Regions of a deletion whose maps a CP may change: a summary map block each, and the cache has to hold them until they
 * are written. */
static unsigned delete_regions(const struct fs_volume *vol)
{
	return (unsigned)MIN_OF(vol->options.cache_pages / 512U, (size_t)1024);
}

void snapshot_cp_open(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot_request *request;

	TAILQ_CONCAT(&table->taken, &table->asked, link);
	TAILQ_FOREACH(request, &table->taken, link) {
		struct snapshot *snapshot = request->created;

		if (snapshot == NULL)
			continue;
		snapshot->info.id = table->next_id++;
		snapshot->cp_generation = vol->generation;
		snapshot->slot = 0;
		while (table->slot_used[snapshot->slot])
			snapshot->slot++;
		table->slot_used[snapshot->slot] = true;
		table->slot_dirty[snapshot->slot] = true;
	}
	for (unsigned i = 0; i < table->n; i++)
		table->byage[i]->delete_durable = table->byage[i]->deleting &&
		                                  !table->slot_dirty[table->byage[i]->slot];
	table->deletion.budget = delete_regions(vol);
	vc_assert(table->deletion.stage != DELETION_FINISHED);
}

int snapshot_cp_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct buf *buf;

	for (unsigned slot = 0; slot < SNAPSHOT_SLOTS; slot++) {
		int err;

		if (!vol->snapshots->slot_dirty[slot])
			continue;
		err = cp_need_inode(run, vol->snapshot_file);
		if (err == 0)
			err = cp_need_block(run, vol->snapshot_file, (uint32_t)(slot / SNAPSHOT_RECORDS_PER_BLOCK),
			                    &buf);
		if (err != 0)
			return err;
		(void)cp_edit_block(vol->cp, buf);
	}
	return 0;
}

static struct snapshot_disk *slot_record(struct fs_volume *vol, unsigned slot)
{
	return (struct snapshot_disk *)(void *)cache_find(vol->snapshot_file, 0,
	                                                  (uint32_t)(slot / SNAPSHOT_RECORDS_PER_BLOCK))
	           ->page->data +
	       slot % SNAPSHOT_RECORDS_PER_BLOCK;
}

/* After the last VBN: the root is known, so the new snapshots' records can be. */
void snapshot_cp_encode(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot_request *request;

	TAILQ_FOREACH(request, &table->taken, link) {
		if (request->created != NULL)
			inode_encode(vol->inode_file, cp_attr_of(vol->inode_file), &request->created->inode_file);
	}
	for (unsigned slot = 0; slot < SNAPSHOT_SLOTS; slot++) {
		if (table->slot_dirty[slot])
			memset(slot_record(vol, slot), 0, sizeof(struct snapshot_disk));
	}
	for (unsigned i = 0; i < table->n; i++) {
		const struct snapshot *snapshot = table->byage[i];

		if (table->slot_dirty[snapshot->slot] &&
		    !(table->deletion.stage == DELETION_FINISHED && snapshot->info.id == table->deletion.id))
			snapshot_record_encode(snapshot, slot_record(vol, snapshot->slot));
	}
	TAILQ_FOREACH(request, &table->taken, link) {
		if (request->created != NULL)
			snapshot_record_encode(request->created, slot_record(vol, request->created->slot));
	}
}

static void deletion_finished(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot *snapshot = snapshot_by_id(vol, table->deletion.id);

	snapshot_table_remove(table, snapshot);
	inode_discard_snapshot(vol, snapshot->info.id);
	table->slot_used[snapshot->slot] = false;
	log_info("fs", "snapshot_reclaimed", "volume=%s snapshot=%s id=%u", vol->name, snapshot->info.name,
	         snapshot->info.id);
	free(snapshot);
	snapshot_deletion_set(&table->deletion, DELETION_NONE);
}

void snapshot_cp_committed(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot_request *request;

	for (unsigned slot = 0; slot < SNAPSHOT_SLOTS; slot++)
		table->slot_dirty[slot] = table->slot_dirty_next[slot];
	memset(table->slot_dirty_next, 0, sizeof(table->slot_dirty_next));
	if (table->deletion.stage == DELETION_FINISHED)
		deletion_finished(vol);
	while ((request = TAILQ_FIRST(&table->taken)) != NULL) {
		TAILQ_REMOVE(&table->taken, request, link);
		if (request->created != NULL) {
			snapshot_table_insert(table, request->created);
			snapshot_listing_changed(vol);
		}
		request->done(request, 0);
	}
}

static void requests_fail(struct snapshot_request_queue *queue, int err)
{
	struct snapshot_request *request;

	while ((request = TAILQ_FIRST(queue)) != NULL) {
		TAILQ_REMOVE(queue, request, link);
		free(request->created);
		request->created = NULL;
		request->done(request, err);
	}
}

void snapshot_cp_failed(struct fs_volume *vol, int err)
{
	requests_fail(&vol->snapshots->taken, err);
	requests_fail(&vol->snapshots->asked, err);
}

/* ---- with the last dependant ---- */

void snapshot_delete_when_free(struct fs_volume *vol, uint32_t id)
{
	struct snapshot *snapshot = snapshot_by_id(vol, id);

	if (snapshot == NULL || snapshot->deleting || snapshot->info.delete_when_free)
		return;
	snapshot->info.delete_when_free = true;
	snapshot_slot_changed(vol, snapshot->slot);
}

void snapshot_delete_freed(struct fs_volume *vol)
{
	for (unsigned i = 0; i < vol->snapshots->n; i++) {
		struct snapshot *snapshot = vol->snapshots->byage[i];

		if (snapshot->deleting || !snapshot->info.delete_when_free ||
		    vdisk_dependants(vol, snapshot->info.id, NULL, 0) > 0 ||
		    file_restore_reads(vol, snapshot->info.id) != NULL)
			continue;
		log_info("fs", "snapshot_deleted",
		         "volume=%s snapshot=%s id=%u: nothing depends on it any more, as a clone was told to see to",
		         vol->name, snapshot->info.name, snapshot->info.id);
		snapshot->deleting = true;
		snapshot_slot_changed(vol, snapshot->slot);
		cp_request(vol, CP_SNAPSHOT);
	}
}

void snapshot_cp_served(struct fs_volume *vol)
{
	if (vol->vtoc != NULL && vtoc_is_ready(vol))
		snapshot_delete_freed(vol);
}

/* ---- the file system's own ---- */

int snapshot_create_own(struct fs_volume *vol, const char *name, struct snapshot_request *request)
{
	if (snapshot_creation_is_barred(vol))
		return -EBUSY;
	for (unsigned i = 0; i < vol->snapshots->n; i++)
		if (strcmp(vol->snapshots->byage[i]->info.name, name) == 0)
			return -EBUSY;
	vc_assert(name[0] == SNAPSHOT_OWN_MARK && strlen(name) <= SNAPSHOT_NAME_MAX);
	request->msg = NULL;
	request->created = calloc(1, sizeof(*request->created));
	if (request->created == NULL)
		return -ENOMEM;
	memcpy(request->created->info.name, name, strlen(name));
	request->created->info.created_ns = volume_now_ns(vol);
	TAILQ_INSERT_TAIL(&vol->snapshots->asked, request, link);
	cp_request(vol, CP_SNAPSHOT);
	return 0;
}

void snapshot_delete_own(struct fs_volume *vol, uint32_t id)
{
	struct snapshot *snapshot = snapshot_by_id(vol, id);

	vc_assert(snapshot != NULL && snapshot_is_own(snapshot));
	snapshot->deleting = true;
	snapshot_slot_changed(vol, snapshot->slot);
	cp_request(vol, CP_SNAPSHOT);
}

void snapshot_passes_hold(struct fs_volume *vol)
{
	vc_assert(!vol->snapshots->passes_held);
	vol->snapshots->passes_held = true;
}

void snapshot_passes_release(struct fs_volume *vol)
{
	vol->snapshots->passes_held = false;
	if (snapshot_work_pending(vol))
		cp_request(vol, CP_SNAPSHOT);
}
