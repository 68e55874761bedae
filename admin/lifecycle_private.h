/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a volume, from within: the operation under way, how its steps are run, and the steps that several
 * operations have. */
#ifndef ADMIN_LIFECYCLE_PRIVATE_H
#define ADMIN_LIFECYCLE_PRIVATE_H

#include "admin/lifecycle.h"
#include "admin/san.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

struct lifecycle_op;
typedef void lifecycle_step(struct lifecycle_op *op);

/* One operation on one volume: a list of steps, and what they need. */
struct lifecycle_op {
	struct admin *admin;
	struct known_volume *known;
	lifecycle_step *const *steps; /* ended by NULL */
	lifecycle_step *undo; /* after an error; NULL: nothing to undo */
	struct world *home;
	lifecycle_step *at_home;
	struct task task;
	struct san_wait wait;
	int err;
	char text[256 + sizeof(struct raid_report)];
	struct fs_volume *volume; /* just mounted */
	lifecycle_done *done;
	void *arg;
	/* create, import */
	struct raid_group_spec groups[RAID_MAX_GROUPS];
	struct raid_spec spec;
	uint64_t disk_size;
	bool preallocate; /* disk files that are made have their space set aside */
	bool force; /* take disks that hold something */
	bool anywhere; /* import: from outside of disk_paths too */
	bool new_identity; /* import: it is a copy of another volume */
	json_t *made; /* URLs of the disk files this operation made */
	const char *disks[RAID_MAX_DISKS];
	unsigned n_disks;
	/* grow */
	json_t *added; /* URLs of the disks that join */
	bool new_group, converts;
	unsigned group;
	/* replace */
	struct lifecycle_replacement replacement;
	char old_url[256], new_url[256];
	/* restore */
	char restore_to[FS_NAME_MAX + 1U]; /* "": an ordinary mount */
	struct fs_message msg;
	bool restore_force;
	int restore_err;
};

/* ---- lifecycle.c: running the steps ---- */

/* `known` (NULL: none) is busy until the operation has ended. */
struct lifecycle_op *lifecycle_op_new(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg);
/* Begin with the first step, never inside this call. With an error it ends at once: nothing but `undo` is done. */
void lifecycle_begin(struct lifecycle_op *op, int err);
/* A step has ended: go on with the next one; after an error with `undo`, or, without one, with the end. */
void lifecycle_next(struct lifecycle_op *op, int err);
/* The operation has ended: what lifecycle_done is told is in it. */
void lifecycle_finish(struct lifecycle_op *op);
/* An operation that can't begin: nothing is changed. */
void lifecycle_refuse(struct admin *admin, int err, const char *text, lifecycle_done *done, void *arg);
/* The sentence for whoever asked. */
void lifecycle_say(struct lifecycle_op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Go on at op->home, the volume's home loop; `at_home` runs there, and lifecycle_back (`arg` is the operation) comes
 * back with the next step. */
void lifecycle_at_home(struct lifecycle_op *op, lifecycle_step *at_home);
void lifecycle_back(void *arg, int err);

/* ---- lifecycle_disk.c: which disks ---- */

/* Append the URLs of the disks of these names to `urls`; each must be nobody's yet. 0 or an error, which is said. */
MUST_CHECK int lifecycle_add_disks(struct lifecycle_op *op, json_t *urls, json_t *names);
/* op->disks: the URLs of the known volume as plain strings. */
void lifecycle_list_disks(struct lifecycle_op *op);
/* `url` is not among `urls` any more. */
void lifecycle_drop_disk(json_t *urls, const char *url);

/* ---- lifecycle_mount.c: steps that put a volume online, in this order ---- */

void lifecycle_step_mount(struct lifecycle_op *op);
void lifecycle_step_documents(struct lifecycle_op *op);
void lifecycle_step_online(struct lifecycle_op *op);
void lifecycle_step_announce(struct lifecycle_op *op);
void lifecycle_step_remember(struct lifecycle_op *op);
void lifecycle_step_adopt_clones(struct lifecycle_op *op);
/* Undo: it could not be mounted, and stays known as failed. */
void lifecycle_mount_failed(struct lifecycle_op *op);
/* Exports and LUNs as they are now, to whom it concerns. */
void lifecycle_step_publish(struct lifecycle_op *op);
/* It is to be online after the next start too. 0 or an error, which is said. */
MUST_CHECK int lifecycle_remember(struct lifecycle_op *op);
/* The volume's share of the cache is free again. */
void lifecycle_memory_back(struct admin *admin, struct known_volume *known);

/* ---- lifecycle_unmount.c: steps that take it offline, in this order ---- */

void lifecycle_step_withdraw(struct lifecycle_op *op);
void lifecycle_step_unmount(struct lifecycle_op *op);
void lifecycle_step_unmounted(struct lifecycle_op *op);
/* Undo: the unmount says that it failed. The volume is gone from memory all the same; its log is replayed at the next
 * mount. */
void lifecycle_unmount_failed(struct lifecycle_op *op);
/* Forget what is known of a mounted volume. */
void lifecycle_let_go(struct admin *admin, struct known_volume *known, enum known_state state);
/* Carry out `steps` on a volume that is online. -EBUSY, -EALREADY: it is not, or something else is being done with
 * it. */
void lifecycle_unmount_with(struct admin *admin, struct known_volume *known, lifecycle_step *const *steps,
                            lifecycle_done *done, void *arg);

#endif
