/* SPDX-License-Identifier: Apache-2.0 */
/* A volume on sparse files for the benchmark of big things: lives in processes of their own, messages that wait, pumps
 * that keep many going.
 *
 * THEORY. A life is a process: it mounts the volume, does something, and leaves in order or by _exit in the middle of
 * it (a crash). So its peak memory is its own, and a crash is one. Inside, the engine runs on a loop of its own; the
 * life's main thread sends and waits. Messages of a pump are refilled on the loop itself, `depth` of them side by
 * side. */
#ifndef TESTS_BIGRIG_H
#define TESTS_BIGRIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "fs/message.h"
#include "fs/volume.h"

#define RIG_DISKS_MAX 15U
#define PUMP_DEPTH_MAX 64U
#define PUMP_MARKS_MAX 256U

struct rig {
	const char *dir; /* where the disks' files go */
	unsigned n_disks;
	uint64_t disk_bytes;
	uint64_t memory_bytes; /* as memory= of the daemon */
	bool full; /* the sizes of the issue, not the short ones */
	/* in a life */
	struct loop *loop;
	struct fs_volume *vol;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
	int err;
	/* between lives: shared memory */
	struct rig_shared {
		double mount_s, unmount_s;
		struct fs_file_id ids[64];
		uint64_t numbers[64];
	} * shared;
};

enum rig_end { RIG_UNMOUNT, RIG_CRASH };
struct rig_life {
	double mount_s, unmount_s;
	double rss_mib; /* peak */
};

double rig_now_s(void);
void rig_fail(const char *what, int err) __attribute__((noreturn));
/* Make the files and format. Seconds. */
double rig_format(struct rig *rig, unsigned n_disks, uint64_t disk_bytes, uint64_t memory_bytes);
/* Remove the files. */
void rig_clean(struct rig *rig);
struct rig_life rig_live(struct rig *rig, void (*body)(struct rig *rig), enum rig_end end);

/* ---- inside a life ---- */
void rig_message(struct rig *rig, struct fs_message *msg, enum fs_op op);
/* Status. */
int rig_send(struct rig *rig, struct fs_message *msg);
void rig_must(struct rig *rig, struct fs_message *msg, const char *what);
double rig_sync(struct rig *rig);
struct fs_volume_info rig_stat(struct rig *rig);
struct fs_file_id rig_create(struct rig *rig, struct fs_file_id dir, const char *name, bool is_dir);
/* One block of `tag`s. */
void rig_write(struct rig *rig, struct fs_file_id id, uint64_t block, uint32_t tag);
uint32_t rig_read(struct rig *rig, struct fs_file_id id, uint64_t block);
struct fs_file_id rig_resolve(struct rig *rig, const char *path);
/* 0 or the error, whose text goes to ret_text (may be NULL). */
int rig_snapshot(struct rig *rig, enum fs_op op, const char *name, char ret_text[256]);
unsigned rig_snapshots_left(struct rig *rig);
/* Until every deleted snapshot and removed tree is reclaimed. Seconds; *ret_cps: consistency points. */
double rig_reclaim(struct rig *rig, uint64_t *ret_cps);
/* FS_CHECK. Fails on an error found. Seconds. */
double rig_check(struct rig *rig, uint64_t *ret_inodes, uint64_t *ret_blocks);
double rig_rss_mib(void);

struct pump;
struct pump_slot {
	struct fs_message msg;
	struct pump *pump;
	uint64_t i;
	char name[2][32];
	char path[2][64];
};
struct pump {
	struct rig *rig;
	unsigned depth;
	uint64_t n, step; /* operations; a mark every `step` */
	void (*fill)(struct pump_slot *slot); /* slot->i is the number; the message is initialised with op */
	enum fs_op op;
	void *arg;
	/* results */
	double begin_s, marks_s[PUMP_MARKS_MAX];
	unsigned n_marks;
	int err;
	/* own */
	uint64_t next, n_done;
	struct pump_slot slots[PUMP_DEPTH_MAX];
	struct task start;
};
/* Seconds. Fails on an error. */
double pump_run(struct rig *rig, struct pump *pump);
/* The curve: operations a second, a mark each; and last step / first step after warm-up. */
void pump_print(const struct pump *pump, const char *what);

extern const struct fs_file_id rig_root;

/* ---- the cases ---- */
void big_volume(struct rig *rig), big_lun(struct rig *rig), big_inodes(struct rig *rig), big_snapshots(struct rig *rig),
    big_clones(struct rig *rig), big_directory(struct rig *rig);

#endif
