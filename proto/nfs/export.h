/* SPDX-License-Identifier: Apache-2.0 */
/* The table of exports: which directories of which volumes which clients may use.
 *
 * THEORY. The table points to an immutable set with a reference count. A change makes a new set (entries of other
 * volumes are shared) and swaps the pointer; loops keep a view of the set they saw last and notice a new one by one
 * relaxed load. So requests look exports up without a lock, and every request sees the table as it is when the request
 * arrives.
 * Where exports are kept is the volume's business (fs/message.h, FS_DOC_*); who loads them tells the table.
 * THREADS. The table's functions: any thread. A view belongs to one thread; a set and its entries stay while a
 * reference is held. */
#ifndef PROTO_NFS_EXPORT_H
#define PROTO_NFS_EXPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "fs/fs_types.h"
#include "proto/nfs/export_client.h"

#define EXPORT_PATH_MAX 1024U /* of the whole path, with the NUL */
#define EXPORT_CLIENTS_MAX 1024U

struct export_table;

/* What the caller wants exported. `id` is in file handles: it must stay the same for the life of the export, also
 * across restarts, and never be used again for another export of the same volume. */
struct export_spec {
	uint32_t id;
	const char *path; /* inside the volume: "/", "/dir" */
	const struct export_client *clients;
	unsigned n_clients;
	struct fs_file_id root; /* not for "/": which directory it is; inode 0: it is gone */
};

/* An export; immutable. */
struct export
{
	_Atomic uint32_t refs;
	uint32_t id;
	struct uuid volume_uuid;
	bool is_subdirectory; /* not the root of its volume: nobody gets out of it */
	struct fs_file_id root; /* then: its directory, whatever it is called now; inode 0: it is gone */
	unsigned n_clients;
	char *full_path; /* "/vol/NAME" or "/vol/NAME/dir" */
	const char *path; /* its part inside the volume: "/" or "/dir" */
	struct export_client
	    clients[]; /* longest prefix first, no network twice: so the first match is the most specific one, and
	                * counts */
};

struct export_set {
	_Atomic uint32_t refs;
	uint64_t generation;
	unsigned n_exports;
	struct export *exports[]; /* by (id, volume) */
};

MUST_CHECK int export_table_new(struct export_table **ret_table);
void export_table_free(struct export_table *table);

/* Replace all exports of a volume (none: n 0). All or nothing. -EINVAL: a path that is not absolute and clean, an id or
 * path twice, too many clients; -ENAMETOOLONG; -ENOMEM. */
MUST_CHECK int export_table_set(struct export_table *table, const struct uuid *volume_uuid, const char *volume_name,
                                const struct export_spec *specs, unsigned n_specs);
/* Forget a volume. -ENOMEM: nothing has changed. */
MUST_CHECK int export_table_delete(struct export_table *table, const struct uuid *volume_uuid);
/* The set of now; put it back. */
struct export_set *export_table_get(struct export_table *table);
void export_set_put(struct export_set *set);

/* By what a file handle says; NULL: not exported (any more). */
struct export *export_set_find(const struct export_set *set, uint32_t id, const struct uuid *volume_uuid);
/* The export whose directory is `path` (clean and absolute) or the nearest above it; NULL: none. */
struct export *export_set_find_path(const struct export_set *set, const char *path);
/* The client entry that counts for `peer`, that of the smallest network it is in, in whatever order they were given (of
 * one given twice, what both allow); NULL: it may not use the export. */
const struct export_client *export_find_client(const struct export *export, const struct export_peer *peer);
struct export *export_get(struct export *export);
void export_put(struct export *export);

/* Make `path` clean in place: no double or trailing slashes. -EINVAL: not absolute, or with "." or ".." in it. */
MUST_CHECK int export_path_clean(char *path);

/* A loop's view of the table. */
struct export_view {
	struct export_table *table;
	struct export_set *set;
};
void export_view_init(struct export_view *view, struct export_table *table);
void export_view_fini(struct export_view *view);
/* The set as it is now; valid until the next call on this view. */
const struct export_set *export_view_now(struct export_view *view);

#endif
