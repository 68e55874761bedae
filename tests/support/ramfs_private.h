/* SPDX-License-Identifier: Apache-2.0 */
/* What ramfs.c and ramfs_ops.c share. */
#ifndef TESTS_SUPPORT_RAMFS_PRIVATE_H
#define TESTS_SUPPORT_RAMFS_PRIVATE_H

#include <pthread.h>

#include "fs/cp/calls.h"
#include "fs/message.h"
#include "tests/support/ramfs.h"

#define RAM_TREES_MAX 16U

struct ram_entry {
	char name[FS_NAME_MAX + 1U];
	uint32_t inode; /* 0: an empty slot */
};

struct ram_inode {
	struct fs_attr attr; /* type FS_TYPE_NONE: free */
	uint64_t create_verifier;
	struct page **pages; /* data; NULL: a hole */
	size_t n_pages;
	struct ram_entry *entries; /* directory; slot i has cookie i + 3 */
	unsigned n_entries;
	uint32_t parent; /* directory */
	char *target; /* symlink */
};

/* The active file system (trees[0]) or a snapshot of it. */
struct ram_tree {
	bool used;
	char name[FS_NAME_MAX + 1U];
	struct ram_inode *inodes; /* by inode number - FS_INO_ROOT */
	unsigned n_inodes;
};

struct fs_volume {
	struct fs_volume *next;
	_Atomic uint32_t refs;
	char name[FS_NAME_MAX + 1U];
	struct uuid uuid;
	uint8_t key[16];
	struct world *world;
	_Atomic bool mounted;
	_Atomic int fail;
	_Atomic uint64_t messages;
	uint64_t next_generation;
	struct ram_tree trees[RAM_TREES_MAX];
	struct fs_cred last_cred;
	struct calls *calls;
};

/* Run one message on the volume's home; sets status and out. */
void ram_run(struct fs_message *msg);
struct ram_inode *ram_inode_new(struct fs_volume *volume, enum fs_type type, uint32_t mode, const struct fs_cred *cred);
void ram_inode_clear(struct ram_inode *inode);

#endif
