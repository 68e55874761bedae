/* SPDX-License-Identifier: Apache-2.0 */
/* Zombies: the trees of removed files. Each CP frees a slice of them, and the cursor is durable.
 *
 * A file of many terabytes must not pin its indirect blocks in memory, nor hold up a CP. So its tree becomes a
 * zombie: the record on disk (zombie_disk) keeps the pointers, and `cursor_fbn` says what is freed already.
 * Example: a file of 1 TiB has 268 million blocks. Removing it is one change; each of the CPs that follow frees a slice
 * of the tree, and one after a crash begins where the last durable cursor stands.
 * THREADS. The volume's loop. */
#ifndef FS_ZOMBIE_H
#define FS_ZOMBIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

struct fs_run;
struct fs_volume;
struct inode;

struct zombie {
	unsigned slot;
	uint32_t cursor_fbn; /* every block below has been freed */
	struct inode *inode; /* detached: identity and tree for reading its indirect blocks */
	TAILQ_ENTRY(zombie) link;
};
struct zombie_list {
	TAILQ_HEAD(, zombie) queue;
	uint8_t *slots; /* 1: used */
	unsigned n_slots;
	unsigned slot_hint; /* none below is free */
	unsigned n;
};

/* An empty list, vol->zombie_list. -ENOMEM. */
MUST_CHECK int zombie_init(struct fs_volume *vol);
/* The list and its inodes go; what was not freed stays on disk for the next mount. */
void zombie_fini(struct fs_volume *vol);
/* Read the records: a step, at mount. -EAGAIN, and then it goes on where it was; -EUCLEAN, -EIO, -ENOMEM. */
MUST_CHECK int zombie_load(struct fs_run *run);
/* The CP takes the tree of a removed inode over. A tree without indirect blocks is freed at once; of another the record
 * is written, and the inode gives its tree up. -EAGAIN: nothing is done yet, call again; -EIO, -EUCLEAN: the CP
 * fails. */
MUST_CHECK int zombie_adopt(struct fs_run *run, struct inode *inode);
/* CP stage ZOMBIES: free up to a slice of the oldest ones, and write how far they are. A block that a snapshot holds
 * stays with the snapshot. -EAGAIN: call again; other errors fail the CP. */
MUST_CHECK int zombie_step(struct fs_run *run);
/* More to free: another CP should follow. */
bool zombie_pending(const struct fs_volume *vol);

#endif
