/* SPDX-License-Identifier: Apache-2.0 */
/* What lower rooms call of higher ones: one const table of every volume (fs/volume_hooks.c). Each is called on the
 * volume's loop and returns without waiting. None is NULL. */
#ifndef FS_HOOKS_H
#define FS_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/core/file_block.h"

struct cp_client;
struct fs_clone_info;
struct fs_message;
struct fs_run;
struct fs_volume;
struct inode;
struct vdisk;

struct volume_hooks {
	const struct cp_client *cp_clients; /* in the order of what a CP does (fs/cp/cp.h) */
	unsigned n_cp_clients;
	/* A message with an entry among the calls kept is about to be answered with `status` (fs/cp/calls.h). */
	void (*call_answered)(struct fs_message *msg, int status);
	/* There will be no CP any more: tell everybody who waits for one. */
	void (*cp_failed)(struct fs_volume *vol, int err);
	/* An inode with INODE_BACKED is being loaded: set inode->backing from its attributes. 0; -EAGAIN: the run is
	 * parked, and asks again; -EUCLEAN, -ENOTSUP, -EIO: the inode cannot be loaded. */
	int (*backing_load)(struct fs_run *run, struct inode *inode);
	/* The vdisk is being destroyed in this step. */
	void (*vdisk_gone)(struct fs_volume *vol, const struct inode *container);
	/* The clone part of a vdisk's description, all of *ret_info. */
	void (*clone_info)(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_clone_info *ret_info);
	/* A CP has made something else of `n` blocks of the file's tree from `fbn` on. */
	void (*tree_changed)(const struct inode *inode, uint32_t fbn, uint64_t n, enum file_block from,
	                     enum file_block to);
	/* A change finds no room, and nothing under way will make some: begin to make some. False: nothing can be given
	 * up. */
	bool (*make_room)(struct fs_volume *vol);
	/* The check under way, if any, stands in the way of others: end it. */
	void (*check_cancel)(struct fs_volume *vol, const char *why);
};

/* What every volume has. */
extern const struct volume_hooks volume_hooks;

#endif
