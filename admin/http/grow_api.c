/* SPDX-License-Identifier: Apache-2.0 */
/* REST: disks and groups that a volume gets, storage/volumes/{volume}/disks and raid-groups, and raid/convert. */
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lifecycle.h"
#include "admin/raidlevel.h"
#include "admin/rebuildjob.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

static void grow_ended(void *arg, int err, const char *text, struct known_volume *known)
{
	struct job *job = arg;

	if (err == 0 && known != NULL)
		job_succeed_take(job, json_pack("{s:s}", "volume", known->name));
	else
		job_fail(job, err != 0 ? err : -ENODEV, text);
}

/* Online, and nothing is done with it; or NULL: it was answered. */
static struct known_volume *known_idle(struct call *call)
{
	struct known_volume *known = known_find(call->admin, call_param(call, "volume"));

	if (known != NULL && !known->busy)
		return known;
	call_fail(call, -EBUSY, call_param(call, "volume"),
	          "something else is being done with this volume; wait until that has ended");
	return NULL;
}

/* False: it was answered. */
static bool size_is_good(struct call *call)
{
	json_int_t size = json_integer_value(call_member(call, "disk_size"));

	if (size >= 0 && size % FS_BLOCK_SIZE == 0)
		return true;
	call_fail(call, -EINVAL, "disk_size", "disk_size must be a multiple of %u", FS_BLOCK_SIZE);
	return false;
}

static void grow_start(struct call *call, const struct lifecycle_growth *growth)
{
	struct known_volume *known = known_idle(call);
	struct job *job;

	if (known == NULL || !size_is_good(call))
		return;
	job = job_new(call->admin, growth->new_group ? "volume add-group" : "volume add-disk", known->name,
	              "%s for volume %s", growth->new_group ? "a new RAID group" : "one more disk", known->name);
	if (job != NULL)
		lifecycle_grow(call->admin, known, growth, grow_ended, job);
	call_accept(call, job);
}

/* ---- add-disk ---------------------------------------------------------------------------------------------------- */

static const struct raid_disk_status *parity_of(const struct raid_status *status, unsigned group)
{
	for (unsigned i = 0; i < status->n_disks; i++)
		if (status->disks[i].group == group && status->disks[i].is_parity)
			return &status->disks[i];
	return NULL;
}

static void add_disk_looked(struct call *call)
{
	json_int_t group = json_integer_value(call_member(call, "group"));
	json_int_t size = json_integer_value(call_member(call, "disk_size"));
	const struct raid_disk_status *parity;
	json_t *names;

	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	parity = group < 0 || group >= RAID_MAX_GROUPS ? NULL : parity_of(call->msg.out.raid, (unsigned)group);
	if (parity == NULL) {
		call_fail(call, -ENOENT, "group", "volume \"%s\" has no RAID group %lld: see vcadm raid show",
		          call_param(call, "volume"), (long long)group);
		return;
	}
	names = json_pack("[O]", call_member(call, "disk"));
	grow_start(call, &(struct lifecycle_growth){ .names = names,
	                                             .group = (unsigned)group,
	                                             .disk_size = size != 0 ? (uint64_t)size : parity->size_bytes,
	                                             .preallocate = call_flag(call, "preallocate"),
	                                             .force = call_flag(call, "force") });
	json_decref(names);
}

void grow_api_add_disk(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, add_disk_looked);
}

/* ---- add-group --------------------------------------------------------------------------------------------------- */

/* A volume is worth what its weakest group is, so none may be weaker than those there are. 0: it was answered. */
static unsigned new_parity(struct call *call, const struct raid_status *status)
{
	const char *level = call_text(call, "raid");
	size_t n = json_array_size(call_member(call, "disks"));
	unsigned least = 0, n_parity;
	char text[RAIDLEVEL_TEXT];

	for (unsigned i = 0; i < status->n_groups; i++)
		least = MAX_OF(least, status->groups[i].n_parity);
	if (raidlevel_parity(level != NULL ? level : raidlevel_name(least), n, &n_parity, text) != 0) {
		call_fail(call, -EINVAL, "disks", "%s", text);
		return 0;
	}
	if (n_parity >= least)
		return n_parity;
	call_fail(call, -EINVAL, "raid",
	          "volume \"%s\" has a group that survives the loss of %u disks, this one would survive %u: give it "
	          "%u parity disks (--raid dp)",
	          call_param(call, "volume"), least, n_parity, least);
	return 0;
}

static void add_group_looked(struct call *call)
{
	unsigned n_parity;

	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	n_parity = new_parity(call, call->msg.out.raid);
	if (n_parity == 0)
		return;
	grow_start(
	    call, &(struct lifecycle_growth){ .names = call_member(call, "disks"),
	                                      .new_group = true,
	                                      .n_parity = n_parity,
	                                      .disk_size = (uint64_t)json_integer_value(call_member(call, "disk_size")),
	                                      .preallocate = call_flag(call, "preallocate"),
	                                      .force = call_flag(call, "force") });
}

void grow_api_add_group(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, add_group_looked);
}

/* ---- convert ----------------------------------------------------------------------------------------------------- */

static void convert_ended(void *arg, int err, const char *text, struct known_volume *known)
{
	struct job *job = arg;

	if (err == 0 && known != NULL && known->volume != NULL)
		rebuildjob_follow(job, known->volume);
	else
		job_fail(job, err != 0 ? err : -ENODEV, text);
}

/* The group that is meant: the one that is given, or the first with one parity disk. -1: it was answered. */
static int group_to_convert(struct call *call, const struct raid_status *status)
{
	json_t *given = call_member(call, "group");
	json_int_t group = json_integer_value(given);
	unsigned first = 0;

	if (given != NULL && (group < 0 || group >= (json_int_t)status->n_groups)) {
		call_fail(call, -ENOENT, "group", "volume \"%s\" has no RAID group %lld: see vcadm raid show",
		          call_param(call, "volume"), (long long)group);
		return -1;
	}
	while (given == NULL && first < status->n_groups && status->groups[first].n_parity > 1)
		first++;
	if (given == NULL)
		group = first;
	if (group < (json_int_t)status->n_groups && status->groups[group].n_parity == 1)
		return (int)group;
	if (given != NULL)
		call_fail(call, -EALREADY, "group", "RAID group %lld has two parity disks already", (long long)group);
	else
		call_fail(call, -EALREADY, "volume", "every RAID group of volume \"%s\" has two parity disks already",
		          call_param(call, "volume"));
	return -1;
}

static void convert_start(struct call *call, struct known_volume *known, unsigned group)
{
	const struct raid_status *status = call->msg.out.raid;
	json_int_t size = json_integer_value(call_member(call, "disk_size"));
	json_t *names = json_pack("[O]", call_member(call, "disk"));
	unsigned position = status->groups[group].n_data + status->groups[group].n_parity;
	struct job *job = rebuildjob_new(call->admin, known->name, group, position);
	struct lifecycle_growth growth = { .names = names,
		                           .group = group,
		                           .converts = true,
		                           .disk_size = (uint64_t)size,
		                           .preallocate = call_flag(call, "preallocate"),
		                           .force = call_flag(call, "force") };

	if (size == 0)
		growth.disk_size = parity_of(status, group)->size_bytes;
	if (job != NULL)
		lifecycle_grow(call->admin, known, &growth, convert_ended, job);
	json_decref(names);
	call_accept(call, job);
}

static void convert_looked(struct call *call)
{
	struct known_volume *known;
	int group;

	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	group = group_to_convert(call, call->msg.out.raid);
	known = group < 0 || !size_is_good(call) ? NULL : known_idle(call);
	if (known != NULL)
		convert_start(call, known, (unsigned)group);
}

void grow_api_convert(struct call *call)
{
	const char *to = call_text(call, "to");

	if (strcmp(to, "dp") != 0) {
		call_fail(call, -EINVAL, "to", "a volume can be converted to dp (double parity), not to \"%s\"", to);
		return;
	}
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, convert_looked);
}
