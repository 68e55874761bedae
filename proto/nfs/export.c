/* SPDX-License-Identifier: Apache-2.0 */
/* The table of exports: immutable sets, swapped. */
#include "proto/nfs/export.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct export_table {
	pthread_mutex_t lock; /* of `set` and the making of new ones */
	struct export_set *set;
	_Atomic uint64_t generation; /* of `set`, for views */
};

/* --- one export --- */

struct export *export_get(struct export *export)
{
	atomic_fetch_add_explicit(&export->refs, 1, memory_order_relaxed);
	return export;
}

void export_put(struct export *export)
{
	if (export == NULL || atomic_fetch_sub_explicit(&export->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(export->full_path);
	free(export);
}

static int client_compare(const void *a, const void *b)
{
	const struct export_client *left = a, *right = b;

	if (left->prefix_bits != right->prefix_bits)
		return (int)right->prefix_bits - (int)left->prefix_bits;
	return memcmp(left->address, right->address, sizeof left->address);
}

/* Longest prefix first; the same network twice becomes one that may what both may. */
static void clients_sort(struct export *export)
{
	unsigned n = 0;

	qsort(export->clients, export->n_clients, sizeof export->clients[0], client_compare);
	for (unsigned i = 0; i < export->n_clients; i++) {
		if (n > 0 && client_compare(&export->clients[n - 1], &export->clients[i]) == 0)
			export_client_restrict(&export->clients[n - 1], &export->clients[i]);
		else
			export->clients[n++] = export->clients[i];
	}
	export->n_clients = n;
}

int export_path_clean(char *path)
{
	char *from = path, *to = path, *component;
	size_t len;

	if (*path != '/')
		return -EINVAL;
	while (*from != '\0') {
		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (len == 0)
			break;
		component = from;
		from += len;
		if ((len == 1 && component[0] == '.') || (len == 2 && component[0] == '.' && component[1] == '.'))
			return -EINVAL;
		*to++ = '/';
		memmove(to, component, len);
		to += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
	return 0;
}

/* "/vol/NAME" + path; "/" adds nothing. */
static int full_path_make(const char *volume_name, const char *path, char **ret_full_path)
{
	char text[EXPORT_PATH_MAX], *copy;
	int len;

	if (strlen(path) >= sizeof text)
		return -ENAMETOOLONG;
	memcpy(text, path, strlen(path) + 1);
	if (export_path_clean(text) != 0 || strcmp(text, path) != 0 || *volume_name == '\0' ||
	    strchr(volume_name, '/') != NULL)
		return -EINVAL;
	len = snprintf(text, sizeof text, "/vol/%s%s", volume_name, strcmp(path, "/") == 0 ? "" : path);
	if (len < 0 || (size_t)len >= sizeof text)
		return -ENAMETOOLONG;
	copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;
	*ret_full_path = copy;
	return 0;
}

static int export_new(const struct uuid *volume_uuid, const char *volume_name, const struct export_spec *spec,
                      struct export **ret_export)
{
	struct export *export;
	int err;

	if (spec->n_clients > EXPORT_CLIENTS_MAX)
		return -EINVAL;
	export = calloc(1, sizeof *export + spec->n_clients * sizeof export->clients[0]);
	if (export == NULL)
		return -ENOMEM;
	err = full_path_make(volume_name, spec->path, &export->full_path);
	if (err != 0) {
		free(export);
		return err;
	}
	export->refs = 1;
	export->id = spec->id;
	export->volume_uuid = *volume_uuid;
	export->is_subdirectory = strcmp(spec->path, "/") != 0;
	export->path = export->is_subdirectory ? export->full_path + strlen("/vol/") + strlen(volume_name) : "/";
	export->root = spec->root;
	export->n_clients = spec->n_clients;
	if (spec->n_clients > 0) {
		memcpy(export->clients, spec->clients, spec->n_clients * sizeof export->clients[0]);
		clients_sort(export);
	}
	*ret_export = export;
	return 0;
}

const struct export_client *export_find_client(const struct export *export, const struct export_peer *peer)
{
	for (unsigned i = 0; i < export->n_clients; i++) {
		if (export_client_matches(&export->clients[i], peer))
			return &export->clients[i];
	}
	return NULL;
}

/* --- sets --- */

static int key_compare(const struct export *export, uint32_t id, const struct uuid *volume_uuid)
{
	if (export->id != id)
		return export->id < id ? -1 : 1;
	return memcmp(&export->volume_uuid, volume_uuid, sizeof *volume_uuid);
}

static int export_compare(const void *a, const void *b)
{
	struct export *const *left = a, *const *right = b;

	return key_compare(*left, (*right)->id, &(*right)->volume_uuid);
}

void export_set_put(struct export_set *set)
{
	if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < set->n_exports; i++)
		export_put(set->exports[i]);
	free(set);
}

struct export *export_set_find(const struct export_set *set, uint32_t id, const struct uuid *volume_uuid)
{
	unsigned low = 0, high = set->n_exports;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = key_compare(set->exports[middle], id, volume_uuid);

		if (order == 0)
			return set->exports[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct export *export_set_find_path(const struct export_set *set, const char *path)
{
	struct export *best = NULL;
	size_t best_len = 0;

	for (unsigned i = 0; i < set->n_exports; i++) {
		size_t len = strlen(set->exports[i]->full_path);

		if (len <= best_len || strncmp(set->exports[i]->full_path, path, len) != 0 ||
		    (path[len] != '\0' && path[len] != '/'))
			continue;
		best = set->exports[i];
		best_len = len;
	}
	return best;
}

static struct export_set *set_new(unsigned n_max, uint64_t generation)
{
	struct export_set *set = calloc(1, sizeof *set + n_max * sizeof set->exports[0]);

	if (set == NULL)
		return NULL;
	set->refs = 1;
	set->generation = generation;
	return set;
}

/* No id and no path twice in a volume. The set is sorted. */
static int set_check(const struct export_set *set)
{
	for (unsigned i = 0; i < set->n_exports; i++) {
		if (i > 0 && export_compare(&set->exports[i - 1], &set->exports[i]) == 0)
			return -EINVAL;
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(set->exports[i]->full_path, set->exports[j]->full_path) == 0)
				return -EINVAL;
		}
	}
	return 0;
}

/* `old` with the volume's exports replaced. */
static int set_make(const struct export_set *old, const struct uuid *volume_uuid, const char *volume_name,
                    const struct export_spec *specs, unsigned n_specs, struct export_set **ret_set)
{
	struct export_set *set = set_new(old->n_exports + n_specs, old->generation + 1);
	int err = 0;

	if (set == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < old->n_exports; i++) {
		if (!uuid_equal(&old->exports[i]->volume_uuid, volume_uuid))
			set->exports[set->n_exports++] = export_get(old->exports[i]);
	}
	for (unsigned i = 0; i < n_specs && err == 0; i++) {
		err = export_new(volume_uuid, volume_name, &specs[i], &set->exports[set->n_exports]);
		if (err == 0)
			set->n_exports++;
	}
	if (err == 0) {
		qsort(set->exports, set->n_exports, sizeof(struct export *), export_compare);
		err = set_check(set);
	}
	if (err != 0) {
		export_set_put(set);
		return err;
	}
	*ret_set = set;
	return 0;
}

/* --- the table --- */

int export_table_new(struct export_table **ret_table)
{
	struct export_table *table = calloc(1, sizeof *table);

	if (table == NULL)
		return -ENOMEM;
	table->generation = 1;
	table->set = set_new(0, 1);
	if (table->set == NULL) {
		free(table);
		return -ENOMEM;
	}
	pthread_mutex_init(&table->lock, NULL);
	*ret_table = table;
	return 0;
}

void export_table_free(struct export_table *table)
{
	export_set_put(table->set);
	pthread_mutex_destroy(&table->lock);
	free(table);
}

int export_table_set(struct export_table *table, const struct uuid *volume_uuid, const char *volume_name,
                     const struct export_spec *specs, unsigned n_specs)
{
	struct export_set *set, *old = NULL;
	int err;

	pthread_mutex_lock(&table->lock);
	err = set_make(table->set, volume_uuid, volume_name, specs, n_specs, &set);
	if (err == 0) {
		old = table->set;
		table->set = set;
		atomic_store_explicit(&table->generation, set->generation, memory_order_release);
	}
	pthread_mutex_unlock(&table->lock);
	export_set_put(old);
	return err;
}

int export_table_delete(struct export_table *table, const struct uuid *volume_uuid)
{
	return export_table_set(table, volume_uuid, "", NULL, 0);
}

struct export_set *export_table_get(struct export_table *table)
{
	struct export_set *set;

	pthread_mutex_lock(&table->lock);
	set = table->set;
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&table->lock);
	return set;
}

/* --- views --- */

void export_view_init(struct export_view *view, struct export_table *table)
{
	view->table = table;
	view->set = export_table_get(table);
}

void export_view_fini(struct export_view *view)
{
	export_set_put(view->set);
	view->set = NULL;
}

const struct export_set *export_view_now(struct export_view *view)
{
	if (atomic_load_explicit(&view->table->generation, memory_order_acquire) != view->set->generation) {
		export_set_put(view->set);
		view->set = export_table_get(view->table);
	}
	return view->set;
}
