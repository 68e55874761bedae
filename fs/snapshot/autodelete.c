/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting snapshots when space runs short.
 *
 * THEORY. Free space is known after each CP, so that is when it is looked at. When less than the trigger is available,
 * snapshots are deleted one at a time, the next when the one before is reclaimed, until the target is available. If
 * clients are faster, their changes wait (space_admit parks them, as during any deletion), as long as there is a
 * snapshot that the policy gives up. They see "no space" only after the last one. A snapshot that a LUN needs, or that
 * the policy protects, is never touched.
 * The policy comes from the administration, which keeps it in a document of the volume. The engine acts on it by
 * itself, because nobody could be asked in time. */
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/operations.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/snapshot/autodelete.h"
#include "fs/snapshot/file_restore.h"
#include "fs/vdisk/vdisk.h"

static bool is_protected(struct fs_volume *vol, const struct snapshot *snapshot)
{
	const struct fs_autodelete *policy = &vol->autodelete;
	size_t len = strlen(policy->keep_prefix);

	if (snapshot->deleting || snapshot_is_own(snapshot) || (!snapshot->info.scheduled && !policy->user_created))
		return true;
	if (len > 0 && strncmp(snapshot->info.name, policy->keep_prefix, len) == 0)
		return true;
	return vdisk_dependants(vol, snapshot->info.id, NULL, 0) > 0 ||
	       file_restore_reads(vol, snapshot->info.id) != NULL;
}

static bool is_deferred(const struct fs_autodelete *policy, const struct snapshot *snapshot)
{
	return policy->defer != FS_DEFER_NONE && snapshot->info.scheduled == (policy->defer == FS_DEFER_SCHEDULED);
}

/* The next one to go; NULL: none may. */
static struct snapshot *pick(struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	for (unsigned deferred = 0; deferred < 2; deferred++) {
		for (unsigned i = 0; i < table->n; i++) {
			struct snapshot *snapshot = table->byage[vol->autodelete.newest_first ? table->n - 1U - i : i];

			if (is_deferred(&vol->autodelete, snapshot) == (deferred != 0) && !is_protected(vol, snapshot))
				return snapshot;
		}
	}
	return NULL;
}

static bool is_allowed(const struct fs_volume *vol)
{
	return vol->autodelete.enabled && !vol->read_only && vol->failed == 0 &&
	       atomic_load(&vol->state) == VOLUME_ONLINE &&
	       !vol->snapshots->barred; /* what a restore is being made ready with stays as it is */
}

bool autodelete_make_room(struct fs_volume *vol)
{
	struct snapshot *snapshot = is_allowed(vol) ? pick(vol) : NULL;

	if (snapshot == NULL)
		return false;
	log_warn("fs", "snapshot_autodeleted", "volume=%s snapshot=%s available_mib=%llu", vol->name,
	         snapshot->info.name, (unsigned long long)(space_available(vol) * FS_BLOCK_SIZE >> 20));
	snapshot->deleting = true;
	snapshot_slot_changed(vol, snapshot->slot);
	cp_request(vol, CP_SNAPSHOT);
	return true;
}

static bool is_deleting(const struct snapshot_table *table)
{
	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting)
			return true;
	return false;
}

void autodelete_cp_done(struct fs_volume *vol)
{
	uint64_t percent = vol->maps->n_blocks / 100U, available = space_available(vol);

	if (!is_allowed(vol)) {
		vol->autodelete_runs = false;
		return;
	}
	/* Reservations are counted too high while they are being counted, and while a snapshot is on its way. */
	if (space_count_is_running(vol) || snapshot_creation_asked(vol))
		return;
	if (available >= percent * vol->autodelete.trigger_percent)
		vol->autodelete_said = false;
	else
		vol->autodelete_runs = true;
	if (available >= percent * vol->autodelete.target_percent)
		vol->autodelete_runs = false;
	if (!vol->autodelete_runs || is_deleting(vol->snapshots) || autodelete_make_room(vol))
		return;
	vol->autodelete_runs = false;
	if (!vol->autodelete_said)
		log_warn("fs", "snapshot_autodelete_exhausted",
		         "volume=%s available_mib=%llu: no snapshot is left that may be deleted", vol->name,
		         (unsigned long long)(available * FS_BLOCK_SIZE >> 20));
	vol->autodelete_said = true;
}

int op_autodelete_set(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	const struct fs_autodelete *policy = msg->in.autodelete;

	if (policy->trigger_percent > 100 || policy->target_percent > 100 ||
	    policy->target_percent < policy->trigger_percent ||
	    memchr(policy->keep_prefix, '\0', sizeof(policy->keep_prefix)) == NULL) {
		message_error_text(
		    msg, "snapshot autodelete: percentages are 0 to 100, and the target is not below the trigger");
		return -EINVAL;
	}
	run->vol->autodelete = *policy;
	run->vol->autodelete_said = false;
	autodelete_cp_done(run->vol);
	return 0;
}
