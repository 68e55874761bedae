/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot table: in memory, on disk, and its part in the CP. */
#include "fs/snapshot.h"

#include <stdlib.h>

#include "fs/cache_private.h"
#include "fs/file_restore.h"
#include "fs/inode_table.h"
#include "fs/maps.h"
#include "fs/restore.h"

#define RECORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct snapshot_disk))

int snapshot_table_init(struct fs_volume *vol)
{
	vol->snapshots = calloc(1, sizeof(*vol->snapshots));
	if (vol->snapshots == NULL)
		return -ENOMEM;
	vol->snapshots->next_id = 1;
	TAILQ_INIT(&vol->snapshots->asked);
	TAILQ_INIT(&vol->snapshots->taken);
	return 0;
}

void snapshot_table_fini(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;

	if (table == NULL)
		return;
	for (unsigned i = 0; i < table->n; i++)
		free(table->byage[i]);
	free(table->held.vbns);
	free(table);
	vol->snapshots = NULL;
}

/* ---- finding ---- */

struct snapshot *snapshot_by_id(const struct fs_volume *vol, uint32_t id)
{
	for (unsigned i = 0; i < vol->snapshots->n; i++)
		if (vol->snapshots->byage[i]->info.id == id)
			return vol->snapshots->byage[i];
	return NULL;
}

const struct snapshot *snapshot_find_id(const struct fs_volume *vol, uint32_t id)
{
	const struct snapshot *snapshot = snapshot_by_id(vol, id);

	return snapshot != NULL && !snapshot->deleting && !snapshot_is_own(snapshot) ? snapshot : NULL;
}

const struct snapshot *snapshot_find(const struct fs_volume *vol, const char *name, size_t name_len)
{
	for (unsigned i = 0; i < vol->snapshots->n; i++) {
		const struct snapshot *snapshot = vol->snapshots->byage[i];

		if (!snapshot->deleting && !snapshot_is_own(snapshot) && strlen(snapshot->info.name) == name_len &&
		    memcmp(snapshot->info.name, name, name_len) == 0)
			return snapshot;
	}
	return NULL;
}

const struct snapshot *snapshot_next(const struct fs_volume *vol, const struct snapshot *after)
{
	bool found = after == NULL;

	for (unsigned i = 0; i < vol->snapshots->n; i++) {
		if (found && !vol->snapshots->byage[i]->deleting && !snapshot_is_own(vol->snapshots->byage[i]))
			return vol->snapshots->byage[i];
		found = found || vol->snapshots->byage[i] == after;
	}
	return NULL;
}

int64_t snapshot_changed_ns(const struct fs_volume *vol)
{
	return vol->snapshots->changed_ns;
}

bool snapshot_creation_is_barred(const struct fs_volume *vol)
{
	for (unsigned i = 0; i < vol->snapshots->n; i++)
		if (vol->snapshots->byage[i]->superseded)
			return true;
	return vol->snapshots->barred;
}

unsigned snapshot_count(const struct fs_volume *vol)
{
	unsigned n = 0;

	for (unsigned i = 0; i < vol->snapshots->n; i++)
		n += !snapshot_is_own(vol->snapshots->byage[i]);
	return n;
}

uint32_t snapshot_newest_id(const struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	return table->n == 0 ? 0 : table->byage[table->n - 1U]->info.id;
}

uint32_t snapshot_newest_in(const struct fs_volume *vol, uint32_t region)
{
	const struct snapshot_table *table = vol->snapshots;
	unsigned n = table->n;

	if (n > 0 && table->byage[n - 1U]->info.id == table->delete_id && region < table->delete_region)
		n--;
	return n == 0 ? 0 : table->byage[n - 1U]->info.id;
}

int snapshot_inode_file(struct fs_run *run, uint32_t id, struct inode **ret_file)
{
	struct fs_volume *vol = run->vol;
	const struct snapshot *snapshot;
	struct inode *file;
	int err;

	if (id == 0) {
		*ret_file = vol->inode_file;
		return 0;
	}
	snapshot = snapshot_by_id(vol, id);
	if (snapshot == NULL)
		return -ESTALE;
	file = inode_find(vol, id, INO_INODE_FILE);
	if (file == NULL) {
		file = inode_new(vol, id, INO_INODE_FILE);
		err = inode_decode(&snapshot->inode_file, file);
		file->loaded = true;
		inode_unpin(file);
		if (err != 0) {
			inode_discard(file);
			return err;
		}
	}
	*ret_file = file;
	return 0;
}

static bool queue_has_creation(const struct snapshot_request_queue *queue)
{
	const struct snapshot_request *request;

	TAILQ_FOREACH(request, queue, link)
		if (request->created != NULL && !snapshot_is_own(request->created))
			return true;
	return false;
}

bool snapshot_creation_asked(const struct fs_volume *vol)
{
	return queue_has_creation(&vol->snapshots->asked);
}

bool snapshot_creation_taken(const struct fs_volume *vol)
{
	return queue_has_creation(&vol->snapshots->taken);
}

/* ---- records ---- */

static int record_decode(const struct snapshot_disk *disk, unsigned slot, struct snapshot **ret_snapshot)
{
	struct snapshot *snapshot;

	if (disk->name[SNAPSHOT_NAME_MAX] != '\0' || disk->name[0] == '\0')
		return -EUCLEAN;
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot == NULL)
		return -ENOMEM;
	snapshot->info.id = le32_get(disk->id);
	snapshot->info.created_ns = (int64_t)le64_get(disk->created_ns);
	memcpy(snapshot->info.name, disk->name, sizeof(disk->name));
	snapshot->cp_generation = le64_get(disk->cp_generation);
	snapshot->inode_file = disk->inode_file;
	snapshot->slot = slot;
	snapshot->deleting = (le32_get(disk->flags) & SNAPSHOT_DELETING) != 0;
	snapshot->info.scheduled = (le32_get(disk->flags) & SNAPSHOT_SCHEDULED) != 0;
	snapshot->info.delete_when_free = (le32_get(disk->flags) & SNAPSHOT_DELETE_WHEN_FREE) != 0;
	snapshot->superseded = (le32_get(disk->flags) & SNAPSHOT_SUPERSEDED) != 0;
	*ret_snapshot = snapshot;
	return 0;
}

static void record_encode(const struct snapshot *snapshot, struct snapshot_disk *ret_disk)
{
	memset(ret_disk, 0, sizeof(*ret_disk));
	ret_disk->id = le32_of(snapshot->info.id);
	ret_disk->flags = le32_of((snapshot->deleting ? SNAPSHOT_DELETING : 0) | (snapshot->info.scheduled ? SNAPSHOT_SCHEDULED : 0) |
	                          (snapshot->info.delete_when_free ? SNAPSHOT_DELETE_WHEN_FREE : 0) |
	                          (snapshot->superseded ? SNAPSHOT_SUPERSEDED : 0));
	ret_disk->created_ns = le64_of((uint64_t)snapshot->info.created_ns);
	ret_disk->cp_generation = le64_of(snapshot->cp_generation);
	memcpy(ret_disk->name, snapshot->info.name, MIN_OF(sizeof(ret_disk->name) - 1U, strlen(snapshot->info.name)));
	ret_disk->inode_file = snapshot->inode_file;
}

static void table_insert(struct snapshot_table *table, struct snapshot *snapshot)
{
	unsigned at = table->n;

	vc_assert(table->n < ARRAY_SIZE(table->byage));
	while (at > 0 && table->byage[at - 1U]->info.id > snapshot->info.id) {
		table->byage[at] = table->byage[at - 1U];
		at--;
	}
	table->byage[at] = snapshot;
	table->n++;
	table->slot_used[snapshot->slot] = true;
}

static void table_remove(struct snapshot_table *table, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < table->n; i++) {
		if (table->byage[i] == snapshot) {
			memmove(&table->byage[i], &table->byage[i + 1U], (table->n - i - 1U) * sizeof(table->byage[0]));
			table->n--;
			return;
		}
	}
}

static void listing_changed(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;

	table->changed_ns = MAX_OF(volume_now_ns(vol), table->changed_ns + 1);
}

int snapshot_table_load(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	uint32_t n_blocks = MIN_OF(blocks_of_size(vol->snapshot_file->attr.size_bytes), (uint32_t)PTRS_PER_INODE);
	const uint8_t *bytes[PTRS_PER_INODE];
	int result = 0;

	for (uint32_t fbn = 0; fbn < n_blocks; fbn++) {
		int err = file_need(run, vol->snapshot_file, fbn, &bytes[fbn]);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0)
			result = err;
	}
	for (unsigned slot = 0; result == 0 && slot < n_blocks * RECORDS_PER_BLOCK; slot++) {
		const struct snapshot_disk *disk = (const struct snapshot_disk *)(const void *)bytes[slot / RECORDS_PER_BLOCK] +
		                                   slot % RECORDS_PER_BLOCK;
		struct snapshot *snapshot;

		if (le32_get(disk->id) == 0)
			continue;
		result = record_decode(disk, slot, &snapshot);
		if (result != 0)
			continue;
		table_insert(vol->snapshots, snapshot);
		if (snapshot_is_own(snapshot) && !vol->read_only) { /* whoever made it is no more */
			snapshot->deleting = true;
			snapshot_slot_changed(vol, slot);
		}
	}
	listing_changed(vol);
	return result;
}

bool snapshot_work_pending(const struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	if (!TAILQ_EMPTY(&table->asked) || table->fold.wanted)
		return true;
	if (table->passes_held)
		return false;
	if (table->delete_id != 0)
		return true;
	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting)
			return true;
	return false;
}

void snapshot_slot_changed(struct fs_volume *vol, unsigned slot)
{
	struct snapshot_table *table = vol->snapshots;

	listing_changed(vol);
	if (cp_is_running(vol))
		table->slot_dirty_next[slot] = true;
	else
		table->slot_dirty[slot] = true;
}

/* ---- in the CP ---- */

/* Regions of a deletion whose maps a CP may change: a summary map block each, and the cache has to hold them until they are written. */
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
		table->byage[i]->delete_durable = table->byage[i]->deleting && !table->slot_dirty[table->byage[i]->slot];
	table->delete_budget = delete_regions(vol);
	restore_fold_open(vol);
	table->delete_finished = false;
}

static int slots_need(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct buf *buf;

	for (unsigned slot = 0; slot < SNAPSHOT_SLOTS; slot++) {
		int err;

		if (!vol->snapshots->slot_dirty[slot])
			continue;
		err = cp_need_inode(run, vol->snapshot_file);
		if (err == 0)
			err = cp_need_block(run, vol->snapshot_file, (uint32_t)(slot / RECORDS_PER_BLOCK), &buf);
		if (err != 0)
			return err;
		(void)cp_edit_block(vol->cp, buf);
	}
	return 0;
}

int snapshot_cp_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	int err = snapshot_delete_step(run);

	if (err == 0)
		err = restore_fold_step(run);
	if (err == 0)
		err = slots_need(run);
	if (err == 0 && vol->formatting) {
		err = maps_need(run, 0);
		if (err == 0)
			maps_set_active(vol->cp, VBN_HOLE); /* the block that no pointer can name */
	}
	return err;
}

static struct snapshot_disk *slot_record(struct fs_volume *vol, unsigned slot)
{
	return (struct snapshot_disk *)(void *)cache_find(vol->snapshot_file, 0, (uint32_t)(slot / RECORDS_PER_BLOCK))->page->data +
	       slot % RECORDS_PER_BLOCK;
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

		if (table->slot_dirty[snapshot->slot] && !(table->delete_finished && snapshot->info.id == table->delete_id))
			record_encode(snapshot, slot_record(vol, snapshot->slot));
	}
	TAILQ_FOREACH(request, &table->taken, link) {
		if (request->created != NULL)
			record_encode(request->created, slot_record(vol, request->created->slot));
	}
}

static void deletion_finished(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot *snapshot = snapshot_by_id(vol, table->delete_id);

	table_remove(table, snapshot);
	inode_discard_snapshot(vol, snapshot->info.id);
	table->slot_used[snapshot->slot] = false;
	log_info("fs", "snapshot_reclaimed", "volume=%s snapshot=%s id=%u", vol->name, snapshot->info.name, snapshot->info.id);
	free(snapshot);
	table->delete_id = 0;
	table->delete_region = 0;
	table->held_known = false;
	table->held.n = 0;
	table->delete_finished = false;
}

void snapshot_cp_committed(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot_request *request;

	for (unsigned slot = 0; slot < SNAPSHOT_SLOTS; slot++)
		table->slot_dirty[slot] = table->slot_dirty_next[slot];
	memset(table->slot_dirty_next, 0, sizeof(table->slot_dirty_next));
	if (table->delete_finished)
		deletion_finished(vol);
	restore_fold_committed(vol);
	while ((request = TAILQ_FIRST(&table->taken)) != NULL) {
		TAILQ_REMOVE(&table->taken, request, link);
		if (request->created != NULL) {
			table_insert(table, request->created);
			listing_changed(vol);
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

		if (snapshot->deleting || !snapshot->info.delete_when_free || vdisk_dependants(vol, snapshot->info.id, NULL, 0) > 0 ||
		    file_restore_reads(vol, snapshot->info.id) != NULL)
			continue;
		log_info("fs", "snapshot_deleted",
		         "volume=%s snapshot=%s id=%u: nothing depends on it any more, as a clone was told to see to", vol->name,
		         snapshot->info.name, snapshot->info.id);
		snapshot->deleting = true;
		snapshot_slot_changed(vol, snapshot->slot);
		cp_request(vol, CP_SNAPSHOT);
	}
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
