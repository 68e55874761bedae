/* SPDX-License-Identifier: Apache-2.0 */
/* LUN maps: an immutable, counted table, swapped whole; lookups build the view of one initiator. */
#include "proto/scsi/lunmap.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "proto/scsi/scsi_lu.h"

struct lunmap_row {
	char pattern[LUNMAP_PATTERN_SIZE];
	uint32_t lun;
	struct scsi_lu *lu; /* a reference */
};

/* Immutable once published. Rows of one volume are together, volumes in the order they came. */
struct lunmap_table {
	_Atomic uint32_t refs;
	uint32_t generation;
	unsigned n;
	struct lunmap_row rows[];
};

struct lunmap {
	pthread_mutex_t lock; /* guards `table` the pointer, and one replacement at a time */
	struct lunmap_table *table;
	_Atomic uint32_t generation;
};

static struct lunmap_table *table_new(unsigned n_max)
{
	struct lunmap_table *table = calloc(1, sizeof *table + n_max * sizeof table->rows[0]);

	if (table != NULL)
		atomic_init(&table->refs, 1);
	return table;
}

static void table_put(struct lunmap_table *table)
{
	if (atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < table->n; i++)
		scsi_lu_put(table->rows[i].lu);
	free(table);
}

static struct lunmap_table *lunmap_table_get(struct lunmap *map)
{
	struct lunmap_table *table;

	pthread_mutex_lock(&map->lock);
	table = map->table;
	atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&map->lock);
	return table;
}

int lunmap_new(struct lunmap **ret_map)
{
	struct lunmap *map = calloc(1, sizeof *map);

	if (map == NULL)
		return -ENOMEM;
	map->table = table_new(0);
	if (map->table == NULL) {
		free(map);
		return -ENOMEM;
	}
	pthread_mutex_init(&map->lock, NULL);
	*ret_map = map;
	return 0;
}

void lunmap_free(struct lunmap *map)
{
	if (map == NULL)
		return;
	table_put(map->table);
	pthread_mutex_destroy(&map->lock);
	free(map);
}

uint32_t lunmap_generation(struct lunmap *map)
{
	return atomic_load_explicit(&map->generation, memory_order_acquire);
}

bool lunmap_pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			resume = name;
		} else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*name)) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* The logical unit of an entry: the one we had under that UUID, or one made in this replacement, or a new one. A
 * reference. */
static struct scsi_lu *lu_for(const struct lunmap_table *old, const struct lunmap_table *fresh,
                              struct fs_volume *volume, const struct lunmap_entry *entry)
{
	const struct lunmap_table *tables[] = { fresh, old };
	struct scsi_lu *lu;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (unsigned i = 0; i < tables[t]->n; i++) {
			lu = tables[t]->rows[i].lu;
			if (uuid_equal(&lu->uuid, &entry->uuid) && lu->volume == volume &&
			    lu->file.inode == entry->file.inode && lu->file.generation == entry->file.generation &&
			    lu->file.snapshot == entry->file.snapshot)
				return scsi_lu_get(lu);
		}
	}
	lu = scsi_lu_new(volume, &entry->file, &entry->uuid, entry->serial);
	if (lu != NULL) {
		atomic_store(&lu->size_bytes, entry->size_bytes);
		atomic_store(&lu->write_cache, entry->write_cache);
		atomic_store(&lu->reserved, entry->reserved);
		atomic_store(&lu->online, entry->online);
	}
	return lu;
}

static int lunmap_entry_check(const struct lunmap_entry *entry)
{
	if (entry->lun > LUNMAP_LUN_MAX || strlen(entry->initiator) >= LUNMAP_PATTERN_SIZE || entry->serial == NULL)
		return -EINVAL;
	return 0;
}

static int table_add(struct lunmap_table *fresh, const struct lunmap_table *old, struct fs_volume *volume,
                     const struct lunmap_entry *entry)
{
	struct lunmap_row *row = &fresh->rows[fresh->n];
	struct scsi_lu *lu = lu_for(old, fresh, volume, entry);

	if (lu == NULL)
		return -ENOMEM;
	snprintf(row->pattern, sizeof row->pattern, "%s", entry->initiator);
	row->lun = entry->lun;
	row->lu = lu;
	fresh->n++;
	return 0;
}

/* The maps are accepted: now the units that stay may hear what changed. */
static void units_update(struct lunmap_table *table, unsigned first, const struct lunmap_entry *entries, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct scsi_lu *lu = table->rows[first + i].lu;

		scsi_lu_set_size(lu, entries[i].size_bytes);
		scsi_lu_set_write_cache(lu, entries[i].write_cache);
		atomic_store(&lu->reserved, entries[i].reserved);
		atomic_store(&lu->online, entries[i].online);
	}
}

/* Where the rows of `volume` begin in `table`, or its end. */
static unsigned volume_first(const struct lunmap_table *table, const struct fs_volume *volume)
{
	unsigned i = 0;

	while (i < table->n && table->rows[i].lu->volume != volume)
		i++;
	return i;
}

static void row_copy(struct lunmap_table *to, const struct lunmap_row *row)
{
	to->rows[to->n] = *row;
	scsi_lu_get(row->lu);
	to->n++;
}

static int lunmap_rebuild(struct lunmap_table *fresh, const struct lunmap_table *old, struct fs_volume *volume,
                          const struct lunmap_entry *entries, unsigned n, unsigned first)
{
	for (unsigned i = 0; i < first; i++)
		row_copy(fresh, &old->rows[i]);
	for (unsigned i = 0; i < n; i++) {
		int err = table_add(fresh, old, volume, &entries[i]);

		if (err != 0)
			return err;
	}
	for (unsigned i = first; i < old->n; i++) {
		if (old->rows[i].lu->volume != volume)
			row_copy(fresh, &old->rows[i]);
	}
	return 0;
}

int lunmap_replace(struct lunmap *map, struct fs_volume *volume, const struct lunmap_entry *entries, unsigned n)
{
	struct lunmap_table *old, *fresh;
	unsigned first;
	int err;

	for (unsigned i = 0; i < n; i++) {
		err = lunmap_entry_check(&entries[i]);
		if (err != 0)
			return err;
	}
	pthread_mutex_lock(&map->lock);
	old = map->table;
	fresh = table_new(old->n + n);
	first = volume_first(old, volume);
	err = fresh == NULL ? -ENOMEM : lunmap_rebuild(fresh, old, volume, entries, n, first);
	if (err == 0) {
		units_update(fresh, first, entries, n);
		fresh->generation = old->generation + 1;
		map->table = fresh;
		atomic_store_explicit(&map->generation, fresh->generation, memory_order_release);
	}
	pthread_mutex_unlock(&map->lock);
	if (err == 0)
		table_put(old);
	else if (fresh != NULL)
		table_put(fresh);
	return err;
}

/* Insert by rising number; a number that is taken by another unit stays with who came first. */
static void view_insert(struct lunmap_view *view, const struct lunmap_row *row, const char *initiator)
{
	unsigned at = view->n;

	while (at > 0 && view->luns[at - 1].lun > row->lun)
		at--;
	if (at > 0 && view->luns[at - 1].lun == row->lun) {
		if (view->luns[at - 1].lu != row->lu)
			log_peer_warn("scsi", "lun_conflict", "initiator=%s lun=%u serial=%s", initiator, row->lun,
			              row->lu->serial);
		return;
	}
	if (view->n == LUNMAP_VIEW_MAX) {
		log_peer_warn("scsi", "too_many_luns", "initiator=%s lun=%u serial=%s", initiator, row->lun,
		              row->lu->serial);
		return;
	}
	memmove(&view->luns[at + 1], &view->luns[at], (view->n - at) * sizeof view->luns[0]);
	view->luns[at].lun = row->lun;
	view->luns[at].lu = scsi_lu_get(row->lu);
	view->n++;
}

int lunmap_view_new(struct lunmap *map, const char *initiator, struct lunmap_view **ret_view)
{
	struct lunmap_table *table = lunmap_table_get(map);
	struct lunmap_view *view;
	unsigned n = 0;

	for (unsigned i = 0; i < table->n; i++)
		n += lunmap_pattern_matches(table->rows[i].pattern, initiator);
	n = MIN_OF(n, LUNMAP_VIEW_MAX);
	view = calloc(1, sizeof *view + (n + 1U) * sizeof view->luns[0]);
	if (view == NULL) {
		table_put(table);
		return -ENOMEM;
	}
	view->generation = table->generation;
	for (unsigned i = 0; i < table->n; i++) {
		if (lunmap_pattern_matches(table->rows[i].pattern, initiator))
			view_insert(view, &table->rows[i], initiator);
	}
	table_put(table);
	*ret_view = view;
	return 0;
}

void lunmap_view_free(struct lunmap_view *view)
{
	if (view == NULL)
		return;
	for (unsigned i = 0; i < view->n; i++)
		scsi_lu_put(view->luns[i].lu);
	free(view);
}
