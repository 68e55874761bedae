/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: what an administrator may change of how a volume treats its disks. Labels keep what was changed. */
#include "raid/label.h"
#include "raid/raid_volume.h"

static const struct {
	uint64_t usual, least;
	bool may_be_none;
} limits[RAID_N_LIMITS] = {
	[RAID_LIMIT_READ_ERRORS] = { 64, 1, true },
	[RAID_LIMIT_CHECKSUM_ERRORS] = { 256, 1, true },
	[RAID_LIMIT_IDENTITY_ERRORS] = { 256, 1, true },
	[RAID_LIMIT_REBUILD_FLOOR] = { 32ULL << 20, 64ULL << 10, false },
};
static_assert(RAID_N_LIMITS <= RAID_LABEL_LIMITS, "labels have room for them");

uint64_t raid_limit(const struct raid_limits *l, enum raid_limit which)
{
	return l->of[which] != 0 ? l->of[which] : limits[which].usual;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

struct limits_call {
	struct label_wait label;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	struct task task;
};

static void change_end_run(struct task *task)
{
	struct limits_call *call = container_of(task, struct limits_call, task);
	void (*done)(void *arg, int err) = call->done;
	void *arg = call->arg;
	int err = call->err;

	raid_call_free(call);
	done(arg, err);
}

static void change_labelled(struct label_wait *wait, int err)
{
	struct limits_call *call = container_of(wait, struct limits_call, label);

	call->err = err;
	change_end_run(&call->task);
}

static int change_refused(const struct raid *raid, const struct raid_limits *l)
{
	if (raid->read_only || raid->closing)
		return -EROFS;
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		if (l->of[i] != 0 && (l->of[i] == RAID_NO_LIMIT ? !limits[i].may_be_none : l->of[i] < limits[i].least))
			return -ERANGE;
	return 0;
}

void raid_limits_change(struct raid *raid, const struct raid_limits *l, void (*done)(void *arg, int err), void *arg)
{
	struct limits_call *call = raid_call_new(sizeof *call);

	*call = (struct limits_call){ .label.done = change_labelled,
		                      .done = done,
		                      .arg = arg,
		                      .err = change_refused(raid, l),
		                      .task.run = change_end_run };
	if (call->err != 0) {
		world_defer(raid->world, &call->task);
		return;
	}
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		if (l->of[i] != 0)
			raid->limits.of[i] = l->of[i];
	label_changed(raid);
	label_sync(raid, &call->label);
}

void raid_forgive_errors(struct raid *raid)
{
	raid->forgiving = true;
}
