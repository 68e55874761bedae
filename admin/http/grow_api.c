/* SPDX-License-Identifier: Apache-2.0 */
/* REST: disks and groups that a volume gets, storage/volumes/{volume}/disks and raid-groups. */
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lifecycle.h"
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

static void grow_start(struct call *call, const struct lifecycle_growth *growth)
{
	struct known_volume *known = known_idle(call);
	json_int_t size = json_integer_value(call_member(call, "disk_size"));
	struct job *job;

	if (known == NULL)
		return;
	if (size < 0 || size % FS_BLOCK_SIZE != 0) {
		call_fail(call, -EINVAL, "disk_size", "disk_size must be a multiple of %u", FS_BLOCK_SIZE);
		return;
	}
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

void grow_api_add_group(struct call *call)
{
	size_t n = json_array_size(call_member(call, "disks"));

	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	if (n < 2 || n > RAID_MAX_GROUP_DATA + 1U) {
		call_fail(call, -EINVAL, "disks",
		          "a RAID-4 group has 2 to %u disks, the parity disk last; this one has %zu",
		          RAID_MAX_GROUP_DATA + 1U, n);
		return;
	}
	grow_start(
	    call, &(struct lifecycle_growth){ .names = call_member(call, "disks"),
	                                      .new_group = true,
	                                      .disk_size = (uint64_t)json_integer_value(call_member(call, "disk_size")),
	                                      .preallocate = call_flag(call, "preallocate"),
	                                      .force = call_flag(call, "force") });
}
