/* SPDX-License-Identifier: Apache-2.0 */
/* Zombies: the trees of removed files. Each CP frees a slice of them, and the cursor is durable.
 *
 * A file of many terabytes must not pin its indirect blocks in memory, nor hold up a CP. So its tree becomes a
 * zombie: the record on disk (zombie_disk) keeps the pointers, and `cursor_fbn` says what is freed already. */
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
	uint32_t cursor_fbn;
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

MUST_CHECK int zombie_init(struct fs_volume *vol);
void zombie_fini(struct fs_volume *vol);
/* Read the records (a step, at mount). */
MUST_CHECK int zombie_load(struct fs_run *run);
/* The CP takes the tree of a removed inode over: small ones are freed at once. Restartable. */
MUST_CHECK int zombie_adopt(struct fs_run *run, struct inode *inode);
/* CP stage ZOMBIES: free up to a slice. */
MUST_CHECK int zombie_step(struct fs_run *run);
/* More to free: another CP should follow. */
bool zombie_pending(const struct fs_volume *vol);

#endif
