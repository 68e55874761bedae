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

struct mount_list {
	pthread_mutex_t lock;
	TAILQ_HEAD(, mount_entry) entries;
	unsigned n_entries;
};

struct mount_list *mount_list_new(void)
{
	struct mount_list *list = calloc(1, sizeof *list);

	if (list == NULL)
		return NULL;
	pthread_mutex_init(&list->lock, NULL);
	TAILQ_INIT(&list->entries);
	return list;
}

static void entry_free(struct mount_list *list, struct mount_entry *entry)
{
	TAILQ_REMOVE(&list->entries, entry, link);
	list->n_entries--;
	free(entry->client);
	free(entry->path);
	free(entry);
}

void mount_list_free(struct mount_list *list)
{
	struct mount_entry *entry;

	while ((entry = TAILQ_FIRST(&list->entries)) != NULL)
		entry_free(list, entry);
	pthread_mutex_destroy(&list->lock);
	free(list);
}

static void remove_locked(struct mount_list *list, const char *client, const char *path)
{
	struct mount_entry *entry, *next;

	TAILQ_FOREACH_SAFE(entry, &list->entries, link, next) {
		if (strcmp(entry->client, client) == 0 && (path == NULL || strcmp(entry->path, path) == 0))
			entry_free(list, entry);
	}
}

static void add_locked(struct mount_list *list, struct mount_entry *entry)
{
	remove_locked(list, entry->client, entry->path);
	if (list->n_entries == MOUNT_LIST_MAX)
		entry_free(list, TAILQ_FIRST(&list->entries));
	TAILQ_INSERT_TAIL(&list->entries, entry, link);
	list->n_entries++;
}

void mount_list_add(struct mount_list *list, const char *client, const char *path)
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
	pthread_mutex_lock(&list->lock);
	add_locked(list, entry);
	pthread_mutex_unlock(&list->lock);
}

void mount_list_remove(struct mount_list *list, const char *client, const char *path)
{
	pthread_mutex_lock(&list->lock);
	remove_locked(list, client, path);
	pthread_mutex_unlock(&list->lock);
}

void mount_list_visit(struct mount_list *list, void (*visit)(const char *client, const char *path, void *arg), void *arg)
{
	const struct mount_entry *entry;

	pthread_mutex_lock(&list->lock);
	TAILQ_FOREACH(entry, &list->entries, link)
		visit(entry->client, entry->path, arg);
	pthread_mutex_unlock(&list->lock);
}
