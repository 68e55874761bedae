/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory each export is, and what it is called now.
 *
 * THEORY. An export is a directory, not a path: its entry in the volume's document says which one ("directory": inode,
 * generation, and a snapshot if it is in one), and the id in its clients' file handles is made from that, so
 * withdrawing and setting it again changes no handle. Directories are renamed and removed by clients. Volumes count
 * that (fs_volume_tree_changes); who is about to show or use a path asks whether one has changed, and a timer does so
 * every second. Then all exports are looked up again, LUNs too (san.h): a renamed one goes on under its new path, and
 * one whose directory is gone says so ("missing": true, not written) and is not published until it is set anew. */
#ifndef ADMIN_EXPORTWATCH_H
#define ADMIN_EXPORTWATCH_H

#include "admin/san.h"

struct exportwatch;
struct known_volume;

struct exportwatch *exportwatch_new(struct admin *admin);
void exportwatch_free(struct exportwatch *watch);
void exportwatch_stop(struct exportwatch *watch);
/* Is a look under way? */
bool exportwatch_is_busy(const struct exportwatch *watch);

/* Look up the exports of a volume that is coming online. Those of older versions learn which directories they are,
 * which is written. `done` never inline. */
void exportwatch_learn(struct admin *admin, struct known_volume *known, void (*done)(void *arg), void *arg);
/* May a path of an online volume have changed since the last look? */
bool exportwatch_is_stale(const struct exportwatch *watch);
/* Look up all exports again, publish them, and paint the LUNs again if a path may have changed; then wait->done, never
 * inline. `wait` may be NULL. */
void exportwatch_refresh(struct exportwatch *watch, struct san_wait *wait);

/* The "directory" of an entry; inode 0: it has none. */
struct fs_file_id exportwatch_directory(const json_t *entry);
json_t *exportwatch_directory_json(const struct fs_file_id *id);
/* The id for a directory's export beside those in `exports`. */
uint32_t exportwatch_id(const struct fs_file_id *directory, const json_t *exports);

#endif
