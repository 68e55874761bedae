/* SPDX-License-Identifier: Apache-2.0 */
/* Identity: a volume that is a copy of another one gets a UUID of its own.
 *
 * THEORY. Labels, marks, fsinfo and intents all carry the UUID the volume was made with. To rewrite them would be many
 * writes with crashes between them; so they keep it, and every label names beside it what the volume is called by now.
 * That is one new generation of the labels, like any other change of theirs, and the newest label counts. All other
 * identifiers follow from the two UUIDs (raid_identity_mask), those in snapshots too. */
#include "raid/raid_volume.h"

struct identify {
	struct label_wait label;
	struct task task;
	void (*done)(void *arg, int err);
	void *arg;
};

static void identify_end(struct identify *call, int err)
{
	void (*done)(void *arg, int err) = call->done;
	void *arg = call->arg;

	raid_call_free(call);
	done(arg, err);
}

static void identify_labelled(struct label_wait *wait, int err)
{
	identify_end(container_of(wait, struct identify, label), err);
}

static void identify_refused(struct task *task)
{
	identify_end(container_of(task, struct identify, task), -EROFS);
}

void raid_identify(struct raid *raid, const struct uuid *uuid, void (*done)(void *arg, int err), void *arg)
{
	struct identify *call = raid_call_new(sizeof *call);

	*call = (struct identify){
		.label.done = identify_labelled, .task.run = identify_refused, .done = done, .arg = arg
	};
	if (raid->read_only) {
		world_defer(raid->world, &call->task);
		return;
	}
	raid->identity = *uuid;
	label_changed(raid);
	label_sync(raid, &call->label);
}

const struct uuid *raid_volume_uuid(const struct raid *raid)
{
	return &raid->identity;
}

void raid_identity_mask(const struct raid *raid, struct uuid *id)
{
	for (unsigned i = 0; i < sizeof id->b; i++)
		id->b[i] ^= raid->volume_uuid.b[i] ^ raid->identity.b[i];
}
