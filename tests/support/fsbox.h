/* SPDX-License-Identifier: Apache-2.0 */
/* A volume in a box: simulated world, memory disks, and calls that wait for their answer. */
#ifndef TESTS_FSBOX_H
#define TESTS_FSBOX_H

#include "fs/message.h"
#include "fs/volume.h"
#include "tests/support/simworld.h"

#define BOX_DISKS_MAX 15U

struct fsbox {
	struct simworld *sim;
	struct world *world;
	struct fs_volume *vol;
	unsigned n_disks;
	unsigned life; /* media names change with every crash */
	char urls[BOX_DISKS_MAX][64];
	size_t cache_pages;
	bool read_only; /* how to mount */
	const char *restore_to; /* the same, once */
	unsigned max_calls; /* 0: the default */
	const char *name; /* what the volume is called from the next mount on; NULL: as before */
};

/* Format `n_disks` (the last is parity) of `disk_bytes` each and mount. */
void box_open(struct fsbox *box, uint64_t seed, unsigned n_disks, uint64_t disk_bytes, size_t cache_pages);
/* Unmount and forget everything. */
void box_close(struct fsbox *box);
int box_mount(struct fsbox *box);
int box_unmount(struct fsbox *box);
/* Power cut: what the disks keep is chosen by `seed`. Not mounted afterwards. */
void box_cut(struct fsbox *box, uint64_t seed);
/* The same, and mount. */
void box_crash(struct fsbox *box, uint64_t seed);

/* Both ways to come back: 0 unmounted cleanly, else after a power cut of that seed. */
void box_restart(struct fsbox *box, unsigned way);

/* Send and wait. */
int box_send(struct fsbox *box, struct fs_message *msg);
/* Run the world until the message is answered / for a while. */
void box_run(struct fsbox *box, uint64_t ns);

/* An operation on a name of a directory (symbolic links lead to "target", nodes are FIFOs); *ret_id: whose the answer's
 * attributes are. */
int box_named(struct fsbox *box, enum fs_op op, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id);
int box_create(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id);
int box_lookup(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id);
int box_remove(struct fsbox *box, struct fs_file_id dir, const char *name);
int box_write(struct fsbox *box, struct fs_file_id id, uint64_t offset, const void *bytes, uint32_t len,
              enum fs_stable stable);
/* Bytes read, or negative. */
int box_read(struct fsbox *box, struct fs_file_id id, uint64_t offset, void *bytes, uint32_t len);
int box_truncate(struct fsbox *box, struct fs_file_id id, uint64_t size);
int box_zero(struct fsbox *box, struct fs_file_id id, uint64_t offset, uint64_t len);
int box_commit(struct fsbox *box, struct fs_file_id id);
int box_sync(struct fsbox *box);
int box_snapshot(struct fsbox *box, enum fs_op op, const char *name);
/* FS_SNAPSHOT_RESTORE alone; and with the unmount and the mount that follow it. */
int box_restore_prepare(struct fsbox *box, const char *name, bool force);
int box_restore(struct fsbox *box, const char *name);
int box_resolve(struct fsbox *box, const char *path, struct fs_file_id *ret_id);
/* FS_CHECK: number of errors, the report printed. */
uint64_t box_check(struct fsbox *box);
/* Free bytes as FS_VOLUME_STAT says. */
uint64_t box_free_bytes(struct fsbox *box);
extern const struct fs_file_id box_root;

#endif
