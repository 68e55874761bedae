/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for cache, inode table and log under the namespace code: files are blocks in memory that pretend not to be
 * there.
 *
 * What it checks, by failing the program:
 *  - RUN1: no -EAGAIN after something was modified in the same step
 *  - a block is edited only when file_need succeeded for it in the same step, and no more pages than were reserved
 *  - bytes of file_need are not used after the block was edited or the step ended (blocks move: ASan sees it) */
#ifndef SUPPORT_RAMFILE_H
#define SUPPORT_RAMFILE_H

#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/inode.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/recordformat.h"
#include "fs/log/nvlog.h"

struct ram_record {
	enum nvlog_type type;
	uint8_t *body;
	size_t body_len;
};

struct ram {
	struct fs_volume vol;
	struct world world;
	int64_t wall_ns;
	unsigned miss_percent; /* of first touches that answer -EAGAIN */
	uint64_t seed;
	struct ram_record *records;
	size_t n_records, n_records_max;
	struct snapshot snapshots[8];
	unsigned n_snapshots;
	uint32_t free_hint;
	struct space_figures figures; /* what FSSTAT is told */
	int admit_err; /* what admit_change answers, once it got so far */
	/* of the last ram_run */
	unsigned n_steps, n_blocks_needed, n_blocks_edited;
	/* own */
	uint64_t step;
	bool modified, missed;
	size_t reserved;
};

struct ram *ram_new(uint64_t seed, unsigned miss_percent);
void ram_free(struct ram *ram);
uint32_t ram_random(struct ram *ram, uint32_t below);

/* Run a step until it answers something else than -EAGAIN. */
int ram_run(struct ram *ram, int (*step)(struct fs_run *run), void *arg);
/* Send a message; out.* as the operation left it. OP_LOGGED counts as 0. */
int ram_send(struct ram *ram, struct fs_message *msg);
/* Look at an inode without any pretence. */
struct inode *ram_inode(struct ram *ram, uint32_t snapshot, uint32_t ino);
uint8_t *ram_block(struct inode *inode, uint32_t fbn); /* NULL: hole */
struct inode *ram_inode_add(struct ram *ram, uint32_t ino, const struct inode_attr *attr);
size_t ram_n_inodes(const struct ram *ram);
uint32_t ram_snapshot(struct ram *ram, const char *name);
/* Equal trees: every inode and block of the active file system. */
bool ram_equal(struct ram *a, struct ram *b);
/* Apply the log of `from` to `to`. */
int ram_replay(struct ram *to, const struct ram *from);
nvlog_apply_fn *ram_apply_fn(enum nvlog_type type);
/* One record, whatever its bytes. */
int ram_apply(struct ram *to, enum nvlog_type type, const uint8_t *body, size_t body_len);

#endif
