/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: made and freed by their sender, completed by an operation. */
#include "fs/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/hooks.h"
#include "fs/core/latency.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume,
                     void (*done)(struct fs_message *msg), void *owner)
{
	memset(msg, 0, sizeof(*msg));
	msg->op = op;
	msg->volume = volume;
	msg->done = done;
	msg->owner = owner;
}

void fs_message_fini(struct fs_message *msg)
{
	for (unsigned i = 0; msg->out.vdisks != NULL && i < msg->out.n; i++)
		free(msg->out.vdisks[i].maps);
	free(msg->out.vdisks);
	free(msg->out.blob);
	free(msg->out.dirents);
	free(msg->out.snapshots);
	free(msg->out.names);
	free(msg->out.volume);
	free(msg->out.raid);
	fs_scrub_info_free(msg->out.scrub);
	fs_check_result_fini(&msg->out.check);
	msg->out.vdisks = NULL;
	msg->out.blob = NULL;
	msg->out.dirents = NULL;
	msg->out.snapshots = NULL;
	msg->out.names = NULL;
	msg->out.volume = NULL;
	msg->out.raid = NULL;
	msg->out.scrub = NULL;
}

void message_error_text(struct fs_message *msg, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(msg->out.error_text, sizeof(msg->out.error_text), format, args);
	va_end(args);
}

bool message_is_over(const struct fs_message *msg)
{
	const struct fs_volume *vol = msg == NULL ? NULL : msg->volume;

	return msg != NULL && vol->host_full_ns != 0 && msg->cls != FS_CLASS_BACKDOOR &&
	       world_now_ns(vol->world) - MAX_OF(msg->begun_ns, vol->host_full_ns) >= MESSAGE_ROOM_WAIT_NS;
}

/* ---- completion ---- */

static void message_done_task(struct task *task)
{
	struct fs_message *msg = container_of(task, struct fs_message, task);

	msg->done(msg);
}

/* An operation that fails may have begun to fill in its results: "what an error leaves" of fs/message.h is made here,
 * for all of them. */
static void message_empty_results(struct fs_message *msg)
{
	fs_message_fini(msg);
	msg->out.n = 0;
	msg->out.blob_len = 0;
	msg->out.io = (struct fs_io){ 0 };
	msg->out.eof = false;
	for (unsigned i = 0; msg->op == FS_READ && i < msg->in.io.n_pages_max; i++)
		msg->in.io.pages[i] = NULL;
}

void message_answer(struct fs_message *msg, int status)
{
	struct world *home = msg->volume->world, *to = msg->origin != NULL ? msg->origin : home;

	vc_assert(status <= 0);
	if (status != 0)
		message_empty_results(msg);
	msg->status = status;
	msg->task.run = message_done_task;
	if (to == home && world_is_home(home))
		world_defer(home, &msg->task);
	else
		world_post(to, &msg->task);
}

bool message_is_client_io(const struct fs_message *msg)
{
	return msg->cls == FS_CLASS_CLIENT && (msg->op == FS_READ || msg->op == FS_WRITE);
}

/* What clients feel of everything else: the pace of the background work looks at it. */
static void message_note_latency(const struct fs_message *msg)
{
	struct fs_volume *vol = msg->volume;

	if (message_is_client_io(msg))
		latency_add(&vol->client_latency, world_now_ns(vol->world) - msg->begun_ns);
}

/* The answer is -FS_EJUKEBOX: say why, when this is why. */
static void message_explain_full(struct fs_message *msg)
{
	const char *url = msg->volume->raid != NULL ? raid_waits_for_room(msg->volume->raid) : NULL;

	if (url != NULL && msg->out.error_text[0] == '\0')
		message_error_text(
		    msg, "the host's file system is full: disk %s waits for room; try again when there is some", url);
}

void message_complete(struct fs_message *msg, int status)
{
	struct fs_volume *vol = msg->volume;

	vc_assert(vol->n_messages > 0);
	if (msg->kept != NULL)
		vol->hooks->call_answered(msg, status);
	vol->n_messages--;
	vol->n_client_messages -= msg->cls == FS_CLASS_CLIENT;
	message_note_latency(msg);
	if (status == -FS_EJUKEBOX)
		message_explain_full(msg);
	message_answer(msg, status);
	if (vol->n_messages == 0)
		run_wake_all(&vol->idle_waiters);
}
