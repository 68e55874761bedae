/* SPDX-License-Identifier: Apache-2.0 */
/* REST: status and stats; /healthz. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "admin/jobs.h"
#include "admin/known.h"
#include "admin/spare.h"
#include "admin/textjson.h"
#include "base/counters.h"
#include "base/metrics.h"
#include "base/page.h"
#include "config.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

#define JOB_REMEMBERED_NS (86400LL * 1000000000LL)

/* ---- status ------------------------------------------------------------------------------------------------------ */

static json_t *problem(const char *severity, const char *target, const char *text)
{
	return json_pack("{s:s,s:o,s:o}", "severity", severity, "target", textjson(target), "message", textjson(text));
}

/* As the events say it: by the thresholds of fs/volume.h. */
static void space_visited(struct call *call, const struct fs_volume_info *info, const char *name)
{
	uint64_t held = info->kept_bytes + info->metadata_bytes,
	         usable = info->size_bytes - MIN_OF(info->size_bytes, held);
	unsigned used = usable == 0 ? 100U : (unsigned)(100U - MIN_OF(info->free_bytes, usable) * 100U / usable);

	if (info->space_level == FS_SPACE_FINE)
		return;
	(void)json_array_append_new(
	    call->records,
	    json_pack("{s:s,s:o,s:o}", "severity", info->space_level == FS_SPACE_CRITICAL ? "error" : "warn", "target",
	              textjson(name), "message",
	              textjson_format("the volume is %u %% full: %llu MiB are available; delete files or snapshots",
	                              used, (unsigned long long)(info->free_bytes >> 20))));
}

/* Blocks that are lost, and whose they are. */
static void lost_visited(struct call *call, const struct fs_volume_info *info)
{
	const char *name = fs_volume_name(call->msg.volume);
	char whose[1024];
	size_t len = 0;

	whose[0] = '\0';
	for (unsigned i = 0; i < info->n_lost; i++) {
		const struct fs_lost_file *file = &info->lost[i];
		int n;

		if (file->lun[0] != '\0')
			n = snprintf(whose + len, sizeof whose - len, "%sLUN /vol/%s%s (%u)", i == 0 ? "" : ", ", name,
			             file->lun, file->n_blocks);
		else
			n = snprintf(whose + len, sizeof whose - len, "%s%s %u (%u)", i == 0 ? "" : ", ",
			             file->inode < FS_INO_ROOT ? "metadata" : "file with inode", file->inode,
			             file->n_blocks);
		len = MIN_OF(len + (size_t)MAX_OF(n, 0), sizeof whose - 1);
	}
	(void)json_array_append_new(
	    call->records,
	    json_pack("{s:s,s:o,s:o}", "severity", "error", "target", textjson(name), "message",
	              textjson_format("%" PRIu64
	                              " blocks%s are lost, more of their stripes is wrong than parity replaces: %s; "
	                              "vcadm volume check %s names files and offsets",
	                              info->n_lost_blocks, info->lost_more ? " and more" : "", whose, name)));
}

static void status_visited(struct call *call)
{
	const struct fs_volume_info *info = call->msg.out.volume;
	const char *name = fs_volume_name(call->msg.volume);
	char text[128];

	if (info->read_only)
		(void)json_array_append_new(call->records, problem("warn", name, "the volume is read-only"));
	if (info->scrub_lost > 0) {
		(void)snprintf(text, sizeof text, "the scrub found %llu blocks lost: \"raid scrub status\" says which",
		               (unsigned long long)info->scrub_lost);
		(void)json_array_append_new(call->records, problem("error", name, text));
	}
	if (info->n_lost_blocks > 0)
		lost_visited(call, info);
	space_visited(call, info, name);
}

/* "data disk /disks/d0 is missing", for every disk of the group that is not well; and the one that is to be told of:
 * one that is lost, or else the one whose rebuild has come furthest. */
static void lost_disks(const struct raid_status *status, unsigned group, char *text, size_t size,
                       const struct raid_disk_status **ret_disk)
{
	size_t len = 0;

	text[0] = '\0';
	*ret_disk = NULL;
	for (unsigned i = 0; i < status->n_disks; i++) {
		const struct raid_disk_status *disk = &status->disks[i], *told = *ret_disk;
		if (disk->group != group || disk->state == RAID_DISK_ONLINE)
			continue;
		int more = snprintf(text + len, size - len, "%s%s disk %s is %s%s%s%s", len == 0 ? "" : ", ",
		                    raid_role_name(disk->is_parity, disk->is_second),
		                    disk->url[0] == '\0' ? "(name not known)" : disk->url,
		                    raid_disk_state_name(disk->state), disk->why[0] != '\0' ? " (" : "", disk->why,
		                    disk->why[0] != '\0' ? ")" : "");
		len = MIN_OF(len + (size_t)MAX_OF(more, 0), size - 1);
		if (told == NULL || disk->state != RAID_DISK_REBUILDING ||
		    (told->state == RAID_DISK_REBUILDING && disk->rebuilt_blocks > told->rebuilt_blocks))
			*ret_disk = disk;
	}
}

/* The host's file system is full: said once a volume, with a disk that lies there. */
static void room_visited(struct call *call, const struct raid_status *status)
{
	for (unsigned i = 0; i < status->n_disks; i++) {
		if (!status->disks[i].waits_for_room)
			continue;
		(void)json_array_append_new(
		    call->records, json_pack("{s:s,s:o,s:o}", "severity", "error", "target",
		                             textjson(fs_volume_name(call->msg.volume)), "message",
		                             textjson_format("the host's file system is full: disk %s waits for room; "
		                                             "reads go on, changes are refused until "
		                                             "there is some",
		                                             status->disks[i].url)));
		return;
	}
}

/* What the next loss would mean. */
static const char *next_loss(const struct raid_group_status *group, bool rebuilding)
{
	if (group->n_lost < group->n_parity)
		return "one more disk may be lost there, but not two";
	return rebuilding ? "one more disk lost there before it ends loses data"
	                  : "one more disk lost there loses data";
}

/* How it is with a group that is not whole, and what mends it. `disk` is the one to be told of, `disks` tells all. */
static json_t *group_text(struct admin *admin, const char *volume, const struct raid_group_status *group,
                          const struct raid_disk_status *disk, const char *disks)
{
	const struct known_volume *known = known_find(admin, volume);

	if (group->n_lost > group->n_parity)
		return textjson_format("RAID group %u has failed, it lost more disks than parity can replace: %s; make "
		                       "them accessible again, then take the volume offline and online again",
		                       disk->group, disks);
	if (disk->state == RAID_DISK_REBUILDING)
		return textjson_format(
		    "RAID group %u is reconstructing: %s, %u %% are done; %s; there is nothing to do", disk->group,
		    disks, (unsigned)((uint64_t)disk->rebuilt_blocks * 100U / MAX_OF(disk->rebuild_blocks, 1U)),
		    next_loss(group, true));
	if (known != NULL && spare_count(admin, known, disk->needed_bytes) > 0)
		return textjson_format("RAID group %u is degraded: %s; %s; a hot spare takes its place", disk->group,
		                       disks, next_loss(group, false));
	return textjson_format("RAID group %u is degraded: %s; %s; there is no hot spare for it; put another in its "
	                       "place: vcadm raid replace %s %u.%u NEW; or, if it was only away and is there again: "
	                       "vcadm raid online %s %u.%u",
	                       disk->group, disks, next_loss(group, false), volume, disk->group, disk->position, volume,
	                       disk->group, disk->position);
}

/* A disk with too many errors that its group cannot do without yet. */
static void worn_visited(struct call *call, const struct raid_disk_status *disk)
{
	const char *volume = fs_volume_name(call->msg.volume);

	(void)json_array_append_new(
	    call->records,
	    json_pack(
	        "{s:s,s:o,s:o}", "severity", "warn", "target", textjson(volume), "message",
	        textjson_format("%s disk %s should be replaced: %s, and group %u cannot do without it yet; when no "
	                        "other disk of the group is lost: vcadm raid fail %s %u.%u, then vcadm raid "
	                        "replace %s %u.%u NEW",
	                        raid_role_name(disk->is_parity, disk->is_second), disk->url, disk->worn, disk->group,
	                        volume, disk->group, disk->position, volume, disk->group, disk->position)));
}

static void raid_visited(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;
	const char *name = fs_volume_name(call->msg.volume);
	char disks[1024];

	room_visited(call, status);
	for (unsigned i = 0; i < status->n_disks; i++)
		if (status->disks[i].worn[0] != '\0' && status->disks[i].state == RAID_DISK_ONLINE)
			worn_visited(call, &status->disks[i]);
	for (unsigned group = 0; group < status->n_groups; group++) {
		const struct raid_group_status *its = &status->groups[group];
		const struct raid_disk_status *disk;
		lost_disks(status, group, disks, sizeof disks, &disk);
		if (disk == NULL)
			continue;
		(void)json_array_append_new(call->records, json_pack("{s:s,s:o,s:o}", "severity",
		                                                     its->n_lost <= its->n_parity ? "warn" : "error",
		                                                     "target", textjson(name), "message",
		                                                     group_text(call->admin, name, its, disk, disks)));
	}
}

static void missing_exports(const struct known_volume *known, json_t *problems)
{
	json_t *entry;
	size_t i;

	json_array_foreach(known->exports, i, entry) {
		if (json_object_get(entry, "missing") != NULL)
			(void)json_array_append_new(
			    problems,
			    json_pack("{s:s,s:o,s:s}", "severity", "warn", "target",
			              json_sprintf("/vol/%s%s", known->name,
			                           json_string_value(json_object_get(entry, "path"))),
			              "message",
			              "the directory of this export is gone: set the export anew, or delete it"));
	}
}

static json_t *volumes_summary(struct admin *admin, json_t *problems)
{
	const struct known_volume *known;
	int n = 0, online = 0;
	json_t *unsound;
	size_t i;

	json_array_foreach(admin->unsound, i, unsound)
		(void)json_array_append_new(
		    problems, problem("error", "volumes.json", json_string_value(json_object_get(unsound, "why"))));
	TAILQ_FOREACH(known, &admin->volumes, link) {
		n++;
		online += known->state == KNOWN_ONLINE;
		if (json_array_size(known->kept_out) > 0)
			(void)json_array_append_new(problems,
			                            problem("warn", known->name,
			                                    "it came with other igroups of identities that are known "
			                                    "here; LUNs mapped to those are "
			                                    "not served (conflict): unmap them, and map them again"));
		missing_exports(known, problems);
		if (known->state == KNOWN_FAILED)
			(void)json_array_append_new(problems, problem("error", known->name, known->error));
	}
	return json_pack("{s:i,s:i}", "count", n, "online", online);
}

static void spares_summary(struct admin *admin, json_t *problems)
{
	struct spare *spare;

	TAILQ_FOREACH(spare, &admin->spares, link) {
		spare_look(admin, spare);
		if (spare->state == SPARE_MISSING || spare->state == SPARE_BROKEN)
			(void)json_array_append_new(
			    problems,
			    json_pack("{s:s,s:o,s:o}", "severity", "warn", "target", textjson(spare->url), "message",
			              textjson_format("this hot spare cannot be used: %s; vcadm raid spare "
			                              "remove takes it off the list",
			                              spare->why)));
	}
}

/* The same has been done, or is being done, since. */
static bool is_made_good(const struct job *job)
{
	const struct job *newer = job;

	while ((newer = TAILQ_PREV(newer, job_list, link)) != NULL) {
		if (strcmp(newer->kind, job->kind) == 0 && strcmp(newer->target, job->target) == 0 &&
		    (newer->state == JOB_SUCCESS || !job_is_over(newer)))
			return true;
	}
	return false;
}

/* Work that failed or was interrupted: for a day, and not what was only refused. */
static void jobs_summary(const struct admin *admin, json_t *problems)
{
	int64_t now = world_wall_ns(admin->world);
	const struct job *job;

	TAILQ_FOREACH(job, &admin->jobs, link) {
		bool bad = job->state == JOB_INTERRUPTED ||
		           (job->state == JOB_FAILURE && fault_status_of(job->code) >= 500);

		if (!bad || now - job->ended_ns > JOB_REMEMBERED_NS || is_made_good(job))
			continue;
		(void)json_array_append_new(
		    problems, json_pack("{s:s,s:o,s:o}", "severity", "warn", "target", textjson(job->target), "message",
		                        textjson_format("job %s, %s: %s", job->uuid, job->description, job->message)));
	}
}

static void status_end(struct call *call)
{
	struct admin *admin = call->admin;
	json_t *volumes = volumes_summary(admin, call->records);

	spares_summary(admin, call->records);
	jobs_summary(admin, call->records);
	const char *state = !admin->ready ? "starting" : json_array_size(call->records) == 0 ? "ok" : "degraded";
	int64_t up = (world_wall_ns(admin->world) - admin->started_ns) / 1000000000;

	call_reply_take(call, 200,
	                json_pack("{s:s,s:s,s:s,s:O,s:o,s:I,s:i,s:{s:I,s:I},s:O}", "state", state, "version",
	                          PACKAGE_VERSION, "name", PACKAGE_NAME, "problems", call->records, "volumes", volumes,
	                          "uptime_seconds", (json_int_t)up, "pid", (int)getpid(), "memory", "used",
	                          (json_int_t)(page_arena_used() * PAGE_SIZE), "size",
	                          (json_int_t)(page_arena_max() * PAGE_SIZE), "addresses", admin->info));
}

static void status_raid(struct call *call)
{
	call_each_again(call, FS_RAID_STATUS, raid_visited, status_end);
}

void status_api_show(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_VOLUME_STAT, status_visited, status_raid);
}

/* ---- stats ------------------------------------------------------------------------------------------------------- */

static void stat_visit(const struct metric *metric, void *arg)
{
	json_t *records = arg;
	uint64_t count = 0;

	if (metric->kind == METRIC_HISTOGRAM) {
		const struct histogram *histogram = metric->value;
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
			count += atomic_load_explicit(&((struct histogram *)(uintptr_t)histogram)->buckets[i],
			                              memory_order_relaxed);
	} else {
		count = counter_get(metric->value);
	}
	(void)json_array_append_new(records, json_pack("{s:s,s:s,s:I,s:s}", "name", metric->name, "labels",
	                                               metric->labels == NULL ? "" : metric->labels, "value",
	                                               (json_int_t)count, "help", metric->help));
}

void status_api_stats(struct call *call)
{
	call->records = json_array();
	metrics_visit(stat_visit, call->records);
	call_reply_collection(call);
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

void status_api_health(struct call *call)
{
	if (call->admin->ready)
		call_reply_take(call, 200, json_pack("{s:s}", "state", "ok"));
	else
		call_fail(call, -EAGAIN, NULL, "the volumes are being mounted");
}
