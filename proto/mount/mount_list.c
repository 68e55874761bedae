/* SPDX-License-Identifier: Apache-2.0 */
/* Who has mounted what. */
#include "proto/mount/mount_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct mount_entry {
	TAILQ_ENTRY(mount_entry) link;
	char *client;
	char *path;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, mount_entry) entries = TAILQ_HEAD_INITIALIZER(entries);
static unsigned n_entries;

static void entry_free(struct mount_entry *entry)
{
	TAILQ_REMOVE(&entries, entry, link);
	n_entries--;
	free(entry->client);
	free(entry->path);
	free(entry);
}

static void remove_locked(const char *client, const char *path)
{
	struct mount_entry *entry, *next;

	TAILQ_FOREACH_SAFE(entry, &entries, link, next) {
		if (strcmp(entry->client, client) == 0 && (path == NULL || strcmp(entry->path, path) == 0))
			entry_free(entry);
	}
}

static void add_locked(struct mount_entry *entry)
{
	remove_locked(entry->client, entry->path);
	if (n_entries == MOUNT_LIST_MAX)
		entry_free(TAILQ_FIRST(&entries));
	TAILQ_INSERT_TAIL(&entries, entry, link);
	n_entries++;
}

void mount_list_add(const char *client, const char *path)
{
	struct mount_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		return;
	entry->client = strdup(client);
	entry->path = strdup(path);
	if (entry->client == NULL || entry->path == NULL) {
		free(entry->client);
		free(entry->path);
		free(entry);
		return;
	}
	pthread_mutex_lock(&lock);
	add_locked(entry);
	pthread_mutex_unlock(&lock);
}

void mount_list_remove(const char *client, const char *path)
{
	pthread_mutex_lock(&lock);
	remove_locked(client, path);
	pthread_mutex_unlock(&lock);
}

void mount_list_visit(void (*visit)(const char *client, const char *path, void *arg), void *arg)
{
	const struct mount_entry *entry;

	pthread_mutex_lock(&lock);
	TAILQ_FOREACH(entry, &entries, link)
		visit(entry->client, entry->path, arg);
	pthread_mutex_unlock(&lock);
}
