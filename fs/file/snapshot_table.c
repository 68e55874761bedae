/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot table: in memory, and its records on disk. */
#include "fs/file/snapshot_table.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/state.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/vbn_set.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"

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
	free(table->deletion.held.vbns);
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

	if (n > 0 && table->byage[n - 1U]->info.id == table->deletion.id && region < table->deletion.region)
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

void snapshot_record_encode(const struct snapshot *snapshot, struct snapshot_disk *ret_disk)
{
	memset(ret_disk, 0, sizeof(*ret_disk));
	ret_disk->id = le32_of(snapshot->info.id);
	ret_disk->flags = le32_of((snapshot->deleting ? SNAPSHOT_DELETING : 0) |
	                          (snapshot->info.scheduled ? SNAPSHOT_SCHEDULED : 0) |
	                          (snapshot->info.delete_when_free ? SNAPSHOT_DELETE_WHEN_FREE : 0) |
	                          (snapshot->superseded ? SNAPSHOT_SUPERSEDED : 0));
	ret_disk->created_ns = le64_of((uint64_t)snapshot->info.created_ns);
	ret_disk->cp_generation = le64_of(snapshot->cp_generation);
	memcpy(ret_disk->name, snapshot->info.name, MIN_OF(sizeof(ret_disk->name) - 1U, strlen(snapshot->info.name)));
	ret_disk->inode_file = snapshot->inode_file;
}

void snapshot_table_insert(struct snapshot_table *table, struct snapshot *snapshot)
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

void snapshot_table_remove(struct snapshot_table *table, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < table->n; i++) {
		if (table->byage[i] == snapshot) {
			memmove(&table->byage[i], &table->byage[i + 1U], (table->n - i - 1U) * sizeof(table->byage[0]));
			table->n--;
			return;
		}
	}
}

void snapshot_listing_changed(struct fs_volume *vol)
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
	for (unsigned slot = 0; result == 0 && slot < n_blocks * SNAPSHOT_RECORDS_PER_BLOCK; slot++) {
		const struct snapshot_disk *disk = (const struct snapshot_disk *)(const void *)
		                                       bytes[slot / SNAPSHOT_RECORDS_PER_BLOCK] +
		                                   slot % SNAPSHOT_RECORDS_PER_BLOCK;
		struct snapshot *snapshot;

		if (le32_get(disk->id) == 0)
			continue;
		result = record_decode(disk, slot, &snapshot);
		if (result != 0)
			continue;
		snapshot_table_insert(vol->snapshots, snapshot);
		if (snapshot_is_own(snapshot) && !vol->read_only) { /* whoever made it is no more */
			snapshot->deleting = true;
			snapshot_slot_changed(vol, slot);
		}
	}
	snapshot_listing_changed(vol);
	return result;
}

bool snapshot_work_pending(const struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	if (!TAILQ_EMPTY(&table->asked) || table->fold.stage == FOLD_WANTED || table->fold.stage == FOLD_RUNNING)
		return true;
	if (table->passes_held)
		return false;
	if (table->deletion.stage != DELETION_NONE)
		return true;
	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting)
			return true;
	return false;
}

void snapshot_slot_changed(struct fs_volume *vol, unsigned slot)
{
	struct snapshot_table *table = vol->snapshots;

	snapshot_listing_changed(vol);
	if (cp_is_running(vol))
		table->slot_dirty_next[slot] = true;
	else
		table->slot_dirty[slot] = true;
}

/* ---- blocks of the map of one being reclaimed ---- */

void snapshot_deletion_set(struct snapshot_deletion *deletion, enum deletion_stage stage)
{
	static const uint32_t may_follow[] = {
		[DELETION_NONE] = STATE(DELETION_PICKED),
		/* NONE, here and in the next row: a repair knows better */
		[DELETION_PICKED] = STATE(DELETION_PASS) | STATE(DELETION_NONE),
		[DELETION_PASS] = STATE(DELETION_FINISHED) | STATE(DELETION_NONE),
		[DELETION_FINISHED] = STATE(DELETION_NONE),
	};

	deletion->stage = state_follow(may_follow, deletion->stage, stage);
	if (stage == DELETION_NONE) {
		deletion->id = deletion->region = 0;
		deletion->held.n = 0;
	}
}

/* First of the held VBNs at or above `vbn`. */
static size_t held_find(const struct vbn_vector *held, uint64_t vbn)
{
	size_t low = 0, high = held->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2U;

		if (held->vbns[mid] < vbn)
			low = mid + 1U;
		else
			high = mid;
	}
	return low;
}

const uint32_t *snapshot_held_in(const struct fs_volume *vol, uint32_t region, size_t *ret_n)
{
	const struct vbn_vector *held = &vol->snapshots->deletion.held;
	size_t first = held_find(held, (uint64_t)region * REGION_BLOCKS);

	*ret_n = held_find(held, ((uint64_t)region + 1U) * REGION_BLOCKS) - first;
	return held->vbns + first;
}

bool snapshot_holds_back(const struct fs_volume *vol, uint32_t vbn)
{
	const struct snapshot_deletion *deletion = &vol->snapshots->deletion;
	size_t at;

	if (deletion->stage == DELETION_NONE || deletion->stage == DELETION_FINISHED ||
	    region_of(vbn) >= deletion->region)
		return false;
	vc_invariant(SD2, deletion->stage == DELETION_PASS); /* this CP's SNAPSHOTS stage has seen to it */
	at = held_find(&deletion->held, vbn);
	return at < deletion->held.n && deletion->held.vbns[at] == vbn;
}
