/* SPDX-License-Identifier: Apache-2.0 */
/* The table of mounted volumes: found by name or UUID from any thread. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/volume.h"
#include "fs/volume/volume_private.h"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, fs_volume) table = TAILQ_HEAD_INITIALIZER(table);

int volume_table_insert(struct fs_volume *vol)
{
	struct fs_volume *other, *next = NULL; /* in the order of names */
	int err = 0;

	pthread_mutex_lock(&table_lock);
	TAILQ_FOREACH(other, &table, link) {
		int order = strcmp(other->name, vol->name);
		if (uuid_equal(&other->uuid, &vol->uuid))
			err = -EALREADY;
		else if (order == 0 && err == 0)
			err = -EEXIST;
		if (order > 0 && next == NULL)
			next = other;
	}
	if (err == 0 && next != NULL)
		TAILQ_INSERT_BEFORE(next, vol, link);
	else if (err == 0)
		TAILQ_INSERT_TAIL(&table, vol, link);
	pthread_mutex_unlock(&table_lock);
	return err;
}

void volume_table_remove(struct fs_volume *vol)
{
	pthread_mutex_lock(&table_lock);
	TAILQ_REMOVE(&table, vol, link);
	pthread_mutex_unlock(&table_lock);
}

struct fs_volume *fs_volume_find(const char *name)
{
	struct fs_volume *vol;

	pthread_mutex_lock(&table_lock);
	TAILQ_FOREACH(vol, &table, link) {
		if (strcmp(vol->name, name) == 0) {
			fs_volume_get(vol);
			break;
		}
	}
	pthread_mutex_unlock(&table_lock);
	return vol;
}

struct fs_volume *fs_volume_find_uuid(const struct uuid *uuid)
{
	struct fs_volume *vol;

	pthread_mutex_lock(&table_lock);
	TAILQ_FOREACH(vol, &table, link) {
		if (uuid_equal(&vol->uuid, uuid)) {
			fs_volume_get(vol);
			break;
		}
	}
	pthread_mutex_unlock(&table_lock);
	return vol;
}

void fs_volume_visit(void (*visit)(struct fs_volume *volume, void *arg), void *arg)
{
	struct fs_volume *vol;

	pthread_mutex_lock(&table_lock);
	TAILQ_FOREACH(vol, &table, link)
		visit(vol, arg);
	pthread_mutex_unlock(&table_lock);
}

struct fs_volume *fs_volume_get(struct fs_volume *vol)
{
	atomic_fetch_add(&vol->refs, 1);
	return vol;
}

void fs_volume_put(struct fs_volume *vol)
{
	if (atomic_fetch_sub(&vol->refs, 1) > 1)
		return;
	free(vol->counters);
	free(vol);
}

const char *fs_volume_name(const struct fs_volume *vol)
{
	return vol->name;
}

const struct uuid *fs_volume_uuid(const struct fs_volume *vol)
{
	return &vol->uuid;
}

struct world *fs_volume_world(const struct fs_volume *vol)
{
	return vol->world;
}

const uint8_t *fs_volume_handle_key(const struct fs_volume *vol)
{
	return vol->export_key;
}

uint64_t fs_volume_tree_changes(const struct fs_volume *volume)
{
	return atomic_load_explicit(&volume->tree_changes, memory_order_relaxed);
}

uint64_t fs_volume_write_verifier(const struct fs_volume *vol)
{
	return volume_write_verifier(vol);
}
