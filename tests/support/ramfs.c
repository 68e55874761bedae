/* SPDX-License-Identifier: Apache-2.0 */
/* The double's volumes and its door: finding, references, sending, completing. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/siphash.h"
#include "tests/support/ramfs_private.h"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fs_volume *table;

struct fs_volume *ramfs_new(struct world *world, const char *name)
{
	struct fs_volume *volume = calloc(1, sizeof *volume);
	uint8_t random[16];

	vc_assert(volume != NULL && strlen(name) < sizeof volume->name);
	memcpy(volume->name, name, strlen(name) + 1);
	world_random(world, random, sizeof random);
	volume->uuid = uuid_from_random(random);
	world_random(world, volume->key, sizeof volume->key);
	volume->world = world;
	vc_assert(calls_new(1024, &(struct siphash_key){ { 1 } }, &volume->calls) == 0);
	volume->refs = 1;
	volume->mounted = true;
	volume->next_generation = 1;
	volume->trees[0].used = true;
	ram_inode_new(volume, FS_TYPE_DIR, 0777, NULL)->parent = FS_INO_ROOT;
	pthread_mutex_lock(&table_lock);
	volume->next = table;
	table = volume;
	pthread_mutex_unlock(&table_lock);
	return volume;
}

void ramfs_unmount(struct fs_volume *volume)
{
	volume->mounted = false;
	pthread_mutex_lock(&table_lock);
	for (struct fs_volume **at = &table; *at != NULL; at = &(*at)->next) {
		if (*at == volume) {
			*at = volume->next;
			break;
		}
	}
	pthread_mutex_unlock(&table_lock);
	fs_volume_put(volume);
}

void ramfs_fail(struct fs_volume *volume, int err)
{
	volume->fail = err;
}

void ramfs_set_type(struct fs_volume *volume, const char *name_in_root, unsigned fs_type)
{
	struct ram_inode *root = &volume->trees[0].inodes[0];

	for (unsigned i = 0; i < root->n_entries; i++) {
		if (root->entries[i].inode != 0 && strcmp(root->entries[i].name, name_in_root) == 0)
			volume->trees[0].inodes[root->entries[i].inode - FS_INO_ROOT].attr.type = (enum fs_type)fs_type;
	}
}

uint64_t ramfs_messages(const struct fs_volume *volume)
{
	return volume->messages;
}

void ramfs_last_cred(const struct fs_volume *volume, struct fs_cred *ret_cred)
{
	*ret_cred = volume->last_cred;
}

/* --- fs/volume.h --- */

static struct fs_volume *find(bool (*match)(const struct fs_volume *volume, const void *key), const void *key)
{
	struct fs_volume *volume;

	pthread_mutex_lock(&table_lock);
	for (volume = table; volume != NULL && !match(volume, key); volume = volume->next)
		;
	if (volume != NULL)
		fs_volume_get(volume);
	pthread_mutex_unlock(&table_lock);
	return volume;
}

static bool match_name(const struct fs_volume *volume, const void *key)
{
	return strcmp(volume->name, key) == 0;
}

static bool match_uuid(const struct fs_volume *volume, const void *key)
{
	return uuid_equal(&volume->uuid, key);
}

struct fs_volume *fs_volume_find(const char *name)
{
	return find(match_name, name);
}

struct fs_volume *fs_volume_find_uuid(const struct uuid *uuid)
{
	return find(match_uuid, uuid);
}

struct fs_volume *fs_volume_get(struct fs_volume *volume)
{
	atomic_fetch_add(&volume->refs, 1);
	return volume;
}

void fs_volume_put(struct fs_volume *volume)
{
	if (atomic_fetch_sub(&volume->refs, 1) != 1)
		return;
	for (unsigned t = 0; t < RAM_TREES_MAX; t++) {
		for (unsigned i = 0; i < volume->trees[t].n_inodes; i++)
			ram_inode_clear(&volume->trees[t].inodes[i]);
		free(volume->trees[t].inodes);
	}
	calls_free(volume->calls);
	free(volume);
}

const char *fs_volume_name(const struct fs_volume *volume)
{
	return volume->name;
}

const struct uuid *fs_volume_uuid(const struct fs_volume *volume)
{
	return &volume->uuid;
}

struct world *fs_volume_world(const struct fs_volume *volume)
{
	return volume->world;
}

const uint8_t *fs_volume_handle_key(const struct fs_volume *volume)
{
	return volume->key;
}

uint64_t fs_volume_write_verifier(const struct fs_volume *volume)
{
	return (uint64_t)volume->key[0] << 8 | 1;
}

void fs_volume_space(const struct fs_volume *volume, struct fs_space_notice *ret_notice)
{
	(void)volume;
	*ret_notice = (struct fs_space_notice){ .available_bytes = 1ULL << 39, .soft_bytes = 1ULL << 37 };
}

/* --- fs/message.h --- */

void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume,
                     void (*done)(struct fs_message *msg), void *owner)
{
	memset(msg, 0, sizeof *msg);
	msg->op = op;
	msg->volume = volume;
	msg->done = done;
	msg->owner = owner;
}

static void done_run(struct task *task)
{
	struct fs_message *msg = container_of(task, struct fs_message, task);

	msg->done(msg);
}

/* Messages are carried out at once, so none is ever under way when another comes. */
static void run_call(struct fs_message *msg)
{
	struct calls *calls = msg->volume->calls;
	struct call *call = calls_find(calls, &msg->call->key, world_now_ns(msg->volume->world));

	if (call != NULL) {
		msg->status = call->status;
		msg->out.reply_len = call->reply_len;
		memcpy(msg->call->reply, call->reply, call->reply_len);
		return;
	}
	ram_run(msg);
	msg->out.reply_len = msg->call->encode(msg, msg->status, msg->call->reply);
	call = calls_add(calls, &msg->call->key, msg);
	if (call == NULL)
		return;
	if (msg->out.reply_len > 0)
		calls_reply(call,
		            &(struct call_reply){
		                .bytes = msg->call->reply, .len_bytes = msg->out.reply_len, .status = msg->status },
		            world_now_ns(msg->volume->world));
	calls_end(calls, call);
}

static void run(struct task *task)
{
	struct fs_message *msg = container_of(task, struct fs_message, task);
	struct world *origin = msg->origin != NULL ? msg->origin : msg->volume->world;

	if (msg->call != NULL)
		run_call(msg);
	else
		ram_run(msg);
	msg->task.run = done_run;
	if (world_is_home(origin))
		world_defer(origin, &msg->task);
	else
		world_post(origin, &msg->task);
}

void fs_message_send(struct fs_message *msg)
{
	msg->task.run = run;
	if (world_is_home(msg->volume->world))
		run(&msg->task);
	else
		world_post(msg->volume->world, &msg->task);
}

void fs_message_fini(struct fs_message *msg)
{
	free(msg->out.blob);
	free(msg->out.dirents);
	free(msg->out.snapshots);
	msg->out.blob = NULL;
	msg->out.dirents = NULL;
	msg->out.snapshots = NULL;
}
