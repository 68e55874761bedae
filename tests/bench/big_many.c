/* SPDX-License-Identifier: Apache-2.0 */
/* As many snapshots as there can be; a thousand LUNs backed by one snapshot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bigrig.h"

#define MIB (1ULL << 20)
#define N_SNAPSHOTS 255U
#define N_CLONES 1000U
#define LUN_BLOCKS 256U /* of data in the LUN that all are cloned from */

/* ---- snapshots ---- */

static void snapshots_make(struct rig *rig)
{
	struct fs_file_id id = rig_create(rig, rig_root, "f", false);
	double begin, total = rig_now_s(), first = 0, last = 0;
	char text[256];
	int err;

	rig->shared->numbers[0] = rig_stat(rig).used_bytes;
	for (uint32_t i = 0; i < N_SNAPSHOTS; i++) {
		char name[16];

		for (unsigned b = 0; b < 64; b++)
			rig_write(rig, id, (i * 61U + b * 7U) % 4096U, i + 1U);
		rig_write(rig, id, 4096, i + 1U);
		(void)rig_sync(rig);
		snprintf(name, sizeof name, "s%u", i);
		begin = rig_now_s();
		(void)rig_snapshot(rig, FS_SNAPSHOT_CREATE, name, NULL);
		first += i < 10 ? rig_now_s() - begin : 0;
		last += i >= N_SNAPSHOTS - 10U ? rig_now_s() - begin : 0;
	}
	printf("| 255 snapshots made, 64 blocks changed between | %.2f s |\n", rig_now_s() - total);
	printf("| one created, mean of the first ten / the last ten | %.1f ms / %.1f ms |\n", first * 100, last * 100);
	err = rig_snapshot(rig, FS_SNAPSHOT_CREATE, "one-more", text);
	printf("| the 256th | refused: %s (\"%s\") |\n", strerror(-err), text);
	begin = rig_now_s();
	printf("| listed (%u) |", rig_snapshots_left(rig));
	printf(" %.1f ms |\n", (rig_now_s() - begin) * 1000);
}

static void snapshots_drop(struct rig *rig)
{
	unsigned char gone[N_SNAPSHOTS] = { 0 };
	double begin = rig_now_s(), reclaim;
	uint64_t cps;
	unsigned at = 17;

	for (uint32_t i = 0; i < N_SNAPSHOTS; i++) {
		char path[64];

		snprintf(path, sizeof path, "/.snapshot/s%u/f", i);
		if (rig_read(rig, rig_resolve(rig, path), 4096) != i + 1U)
			rig_fail("a snapshot does not hold what it should", EIO);
	}
	printf("| a block of each read, after a remount | %.1f ms |\n", (rig_now_s() - begin) * 1000);
	begin = rig_now_s();
	for (unsigned i = 0; i < N_SNAPSHOTS; i++) {
		char name[16];

		do
			at = (at * 1103515245U + 12345U) % 65536U;
		while (at % 256U >= N_SNAPSHOTS || gone[at % 256U] != 0);
		gone[at % 256U] = 1;
		snprintf(name, sizeof name, "s%u", at % 256U);
		(void)rig_snapshot(rig, FS_SNAPSHOT_DELETE, name, NULL);
	}
	printf("| all deleted in random order (answered) | %.2f s |\n", rig_now_s() - begin);
	reclaim = rig_reclaim(rig, &cps);
	printf("| and reclaimed after that | %.2f s, %llu consistency points |\n", reclaim, (unsigned long long)cps);
	printf("| left in snapshots | %llu bytes |\n", (unsigned long long)rig_stat(rig).snapshot_bytes);
}

void big_snapshots(struct rig *rig)
{
	struct rig_life life;

	(void)rig_format(rig, 5, 16ULL << 30, 256U * MIB);
	printf("\n### 255 snapshots\n\n| what | |\n|---|---|\n");
	(void)rig_live(rig, snapshots_make, RIG_UNMOUNT);
	life = rig_live(rig, snapshots_drop, RIG_UNMOUNT);
	printf("| mounted with all of them | %.2f s |\n| peak memory, memory = %llu MiB | %.0f MiB |\n", life.mount_s,
	       (unsigned long long)(rig->memory_bytes / MIB), life.rss_mib);
	rig_clean(rig);
}

/* ---- clones ---- */

static void clone_path(struct pump_slot *slot)
{
	snprintf(slot->path[0], sizeof slot->path[0], "/c%llu", (unsigned long long)slot->i);
	slot->msg.in.path = slot->path[0];
	slot->msg.cls = FS_CLASS_ADMIN;
}

static void backed_fill(struct pump_slot *slot)
{
	clone_path(slot);
	slot->msg.in.vdisk.backing_path = "/.snapshot/base/lun";
}

static void destroy_fill(struct pump_slot *slot)
{
	clone_path(slot);
	slot->msg.in.vdisk.force = true;
}

static void clones_make(struct rig *rig)
{
	static struct pump pump = {
		.op = FS_VDISK_CREATE, .depth = 8, .n = N_CLONES, .step = 100, .fill = backed_fill
	};
	struct fs_message msg;
	struct fs_file_id id;

	rig_message(rig, &msg, FS_VDISK_CREATE);
	msg.in.path = "/lun";
	msg.in.vdisk.size_bytes = 64U * MIB;
	rig_must(rig, &msg, "/lun");
	id = msg.out.vdisks[0].id;
	fs_message_fini(&msg);
	for (uint32_t b = 0; b < LUN_BLOCKS; b++)
		rig_write(rig, id, b * 61U, b + 1U);
	(void)rig_snapshot(rig, FS_SNAPSHOT_CREATE, "base", NULL);
	printf("\nThousand operations a second, a figure each hundred; last to second:\n\n| LUNs backed by one "
	       "snapshot | | "
	       "|\n|---|---|---|\n");
	(void)pump_run(rig, &pump);
	pump_print(&pump, "created");
}

/* How many of all clones are in `state`; seconds the listing took. */
static unsigned clones_in(struct rig *rig, enum fs_clone_state state, double *ret_s)
{
	double begin = rig_now_s();
	struct fs_message msg;
	unsigned n = 0;

	rig_message(rig, &msg, FS_VDISK_LIST);
	rig_must(rig, &msg, "lun list");
	*ret_s = rig_now_s() - begin;
	for (unsigned i = 0; i < msg.out.n; i++)
		n += msg.out.vdisks[i].clone.state == state;
	fs_message_fini(&msg);
	return n;
}

static void clones_start(struct rig *rig)
{
	static struct pump pump = { .op = FS_CLONE_START, .depth = 8, .n = N_CLONES, .fill = clone_path };
	double s, list_s, begin;
	char text[256];

	(void)clones_in(rig, FS_CLONE_NONE, &list_s);
	printf("| `lun list` of 1,001, after a remount | %.1f ms |\n", list_s * 1000);
	(void)rig_snapshot(rig, FS_SNAPSHOT_DELETE, "base", text);
	printf("| their snapshot deleted | refused: %s |\n", text);
	begin = rig_now_s();
	s = pump_run(rig, &pump);
	printf("| all clones started at once (answered) | %.2f s |\n", s);
	printf("| running or queued right after that | %u |\n", clones_in(rig, FS_CLONE_RUNNING, &list_s));
	while (clones_in(rig, FS_CLONE_DONE, &list_s) < N_CLONES) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		if (clones_in(rig, FS_CLONE_FAILED, &list_s) > 0)
			rig_fail("a clone failed", EIO);
	}
	printf("| all done, %u MiB written | %.1f s |\n", N_CLONES * LUN_BLOCKS / 256U, rig_now_s() - begin);
}

static void clones_destroy(struct rig *rig)
{
	static struct pump pump = { .op = FS_VDISK_DESTROY, .depth = 8, .n = N_CLONES, .fill = destroy_fill };
	double s = pump_run(rig, &pump), reclaim;
	uint64_t cps;

	printf("| all destroyed (answered) | %.2f s |\n", s);
	(void)rig_snapshot(rig, FS_SNAPSHOT_DELETE, "base", NULL);
	reclaim = rig_reclaim(rig, &cps);
	printf("| all space back | %.2f s, %llu consistency points |\n", reclaim, (unsigned long long)cps);
}

void big_clones(struct rig *rig)
{
	struct rig_life life, gone;

	(void)rig_format(rig, 5, 16ULL << 30, 256U * MIB);
	printf("\n### 1,000 clones of one snapshot\n");
	(void)rig_live(rig, clones_make, RIG_UNMOUNT);
	printf("\n| what | |\n|---|---|\n");
	life = rig_live(rig, clones_start, RIG_UNMOUNT);
	gone = rig_live(rig, clones_destroy, RIG_UNMOUNT);
	printf(
	    "| mounted with them unsplit / split | %.2f s / %.2f s |\n| peak memory, memory = %llu MiB | %.0f MiB |\n",
	    life.mount_s, gone.mount_s, (unsigned long long)(rig->memory_bytes / MIB), life.rss_mib);
	rig_clean(rig);
}
