/* SPDX-License-Identifier: Apache-2.0 */
/* A volume of 16 TiB, and a LUN of 15 TiB on it. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/page.h"
#include "tests/bench/bigrig.h"

#define HUGE_DISK_BYTES ((35328ULL + 1203071ULL * 256U) * 4096U) /* 14 of them hold just less than 2^32 blocks */
#define MIB (1ULL << 20)
#define TIB (1ULL << 40)
#define MEMORY (256U * MIB)
#define CHURN_FILES 64U
#define TEXT_MAX 256

static void nothing(struct rig *rig)
{
	(void)rig;
}

static void small_change(struct rig *rig)
{
	struct fs_file_id id = rig_create(rig, rig_root, "small", false);
	struct fs_volume_info before, after;
	double sum = 0, worst = 0;

	(void)rig_sync(rig);
	before = rig_stat(rig);
	for (unsigned i = 0; i < 20; i++) {
		double s;

		rig_write(rig, id, i, i + 1U);
		s = rig_sync(rig);
		sum += s;
		worst = s > worst ? s : worst;
	}
	after = rig_stat(rig);
	printf("| consistency point of one changed block, mean / worst of %llu | %.1f ms / %.1f ms |\n",
	       (unsigned long long)(after.cp_count - before.cp_count), sum / 20 * 1000, worst * 1000);
}

static void snapshots(struct rig *rig)
{
	struct fs_file_id id = rig_create(rig, rig_root, "changing", false);
	double create = 0, reclaim;
	uint64_t cps;

	for (unsigned i = 0; i < 10; i++) {
		char name[16];
		double begin;

		snprintf(name, sizeof name, "s%u", i);
		for (unsigned b = 0; b < 256; b++)
			rig_write(rig, id, b * 16U, i + 1U);
		(void)rig_sync(rig);
		begin = rig_now_s();
		(void)rig_snapshot(rig, FS_SNAPSHOT_CREATE, name, NULL);
		create += rig_now_s() - begin;
	}
	printf("| snapshot created, mean of 10 | %.1f ms |\n", create / 10 * 1000);
	for (unsigned i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof name, "s%u", (i * 7U + 3U) % 10U);
		(void)rig_snapshot(rig, FS_SNAPSHOT_DELETE, name, NULL);
	}
	reclaim = rig_reclaim(rig, &cps);
	printf("| 10 snapshots, 1 MiB changed between, reclaimed | %.2f s, %llu consistency points |\n", reclaim,
	       (unsigned long long)cps);
}

static void first_life(struct rig *rig)
{
	printf("| size of the volume | %.2f TiB |\n", (double)rig_stat(rig).size_bytes / (double)TIB);
	small_change(rig);
	snapshots(rig);
	for (unsigned i = 0; i < CHURN_FILES; i++) {
		char name[16];

		snprintf(name, sizeof name, "churn%u", i);
		rig->shared->ids[i] = rig_create(rig, rig_root, name, false);
	}
}

static void churn_fill(struct pump_slot *slot)
{
	slot->msg.file = slot->pump->rig->shared->ids[slot->i % CHURN_FILES];
	slot->msg.in.setattr.set_mode = true;
	slot->msg.in.setattr.mode = (uint32_t)slot->i & 0777U;
}

/* Small operations until the log half is as full as one gets: at half of it a consistency point is begun. Then the
 * power goes. */
static void fill_log(struct rig *rig)
{
	static struct pump pump = { .op = FS_SETATTR, .depth = 64, .fill = churn_fill };
	uint64_t cps = rig_stat(rig).cp_count, n = 0;
	struct fs_volume_info info;

	do {
		pump.n = 1024;
		(void)pump_run(rig, &pump);
		n += pump.n;
		info = rig_stat(rig);
		if (info.cp_count != cps) { /* the timer's */
			cps = info.cp_count;
			n = 0;
		}
	} while (info.nvlog_bytes_used * 100U < info.nvlog_bytes_half * 49U);
	rig->shared->numbers[0] = n;
	rig->shared->numbers[1] = info.nvlog_bytes_used;
}

static void checked(struct rig *rig)
{
	uint64_t inodes, blocks;
	double s = rig_check(rig, &inodes, &blocks);

	printf("| check of it: %llu blocks, %llu inodes | %.1f s, memory now %.0f MiB |\n", (unsigned long long)blocks,
	       (unsigned long long)inodes, s, rig_rss_mib());
}

void big_volume(struct rig *rig)
{
	double format = rig_format(rig, RIG_DISKS_MAX, HUGE_DISK_BYTES, MEMORY);
	struct rig_life life;

	printf("\n### A volume of 16 TiB\n\n14 + 1 sparse disks, memory = %llu MiB.\n\n| what | |\n|---|---|\n| files "
	       "made and formatted | "
	       "%.2f s |\n",
	       (unsigned long long)(rig->memory_bytes / MIB), format);
	life = rig_live(rig, first_life, RIG_UNMOUNT);
	printf("| unmounted | %.2f s |\n| peak memory of that life | %.0f MiB |\n", life.unmount_s, life.rss_mib);
	life = rig_live(rig, nothing, RIG_UNMOUNT);
	printf("| **mounted after a clean stop** (at most 2 s) | **%.2f s**, peak memory %.0f MiB |\n", life.mount_s,
	       life.rss_mib);
	(void)rig_live(rig, fill_log, RIG_CRASH);
	life = rig_live(rig, nothing, RIG_UNMOUNT);
	printf("| **mounted after a crash** with %llu operations, %.1f MiB, in the log (at most 10 s) | **%.2f s**, "
	       "peak memory %.0f MiB |\n",
	       (unsigned long long)rig->shared->numbers[0], (double)rig->shared->numbers[1] / (double)MIB, life.mount_s,
	       life.rss_mib);
	life = rig_live(rig, checked, RIG_UNMOUNT);
	printf("| peak memory of the life with the check | %.0f MiB |\n", life.rss_mib);
	rig_clean(rig);
}

/* ---- the LUN ---- */

static struct fs_file_id lun_create(struct rig *rig, const char *path, uint64_t size, const char *backing)
{
	struct fs_file_id id;
	struct fs_message msg;

	rig_message(rig, &msg, FS_VDISK_CREATE);
	msg.in.path = path;
	msg.in.vdisk.size_bytes = size;
	msg.in.vdisk.backing_path = backing;
	rig_must(rig, &msg, path);
	id = msg.out.vdisks[0].id;
	fs_message_fini(&msg);
	return id;
}

static void lun_op(struct rig *rig, enum fs_op op, const char *path)
{
	struct fs_message msg;

	rig_message(rig, &msg, op);
	msg.in.path = path;
	msg.in.vdisk.force = true;
	rig_must(rig, &msg, path);
	fs_message_fini(&msg);
}

static double lun_clone(struct rig *rig, const char *path)
{
	double begin = rig_now_s();
	enum fs_clone_state state;

	lun_op(rig, FS_CLONE_START, path);
	do {
		struct fs_message msg;

		(void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		rig_message(rig, &msg, FS_CLONE_STATUS);
		msg.in.path = path;
		rig_must(rig, &msg, path);
		state = msg.out.vdisks[0].clone.state;
		fs_message_fini(&msg);
	} while (state != FS_CLONE_DONE);
	return rig_now_s() - begin;
}

static void row(const char *what, double *io_begin)
{
	double now = rig_now_s();

	printf("| %s | %.1f ms |\n", what, (now - *io_begin) * 1000);
	*io_begin = rig_now_s();
}

static void expect(uint32_t is, uint32_t should)
{
	if (is != should)
		rig_fail("a block of the LUN is not what was written", EIO);
}

static void lun_life(struct rig *rig)
{
	uint64_t last = 15U * TIB / PAGE_SIZE - 1U, cps;
	double begin = rig_now_s(), s;
	struct fs_file_id a, b;

	a = lun_create(rig, "/a", 15U * TIB, NULL);
	row("created", &begin);
	rig_write(rig, a, 0, 1);
	rig_write(rig, a, last, 2);
	(void)rig_sync(rig);
	row("a block at both ends, on the disks", &begin);
	for (unsigned i = 1; i < 1000; i++)
		expect(rig_read(rig, a, i * (last / 1000U)), 0);
	row("1,000 holes over the whole length read", &begin);
	(void)rig_snapshot(rig, FS_SNAPSHOT_CREATE, "s", NULL);
	row("snapshot", &begin);
	b = lun_create(rig, "/b", 0, "/.snapshot/s/a");
	row("LUN backed by it", &begin);
	expect(rig_read(rig, b, last), 2);
	printf("| its clone, 15 TiB looked through, 2 blocks | %.1f ms |\n", lun_clone(rig, "/b") * 1000);
	begin = rig_now_s();
	lun_op(rig, FS_VDISK_DESTROY, "/a");
	lun_op(rig, FS_VDISK_DESTROY, "/b");
	row("both destroyed (answered)", &begin);
	(void)rig_snapshot(rig, FS_SNAPSHOT_DELETE, "s", NULL);
	s = rig_reclaim(rig, &cps);
	printf("| all space back | %.2f s, %llu consistency points |\n", s, (unsigned long long)cps);
}

static void dense_fill(struct pump_slot *slot)
{
	static struct page *pages[256];

	for (unsigned i = 0; pages[0] == NULL && i < 256; i++)
		pages[255U - i] = page_alloc();
	slot->msg.file = slot->pump->rig->shared->ids[0];
	slot->msg.in.io = (struct fs_io){
		.offset_bytes = slot->i * MIB, .len_bytes = MIB, .n_pages = 256, .n_pages_max = 256, .pages = pages
	};
}

/* A dense LUN goes in slices: no consistency point has to free more than a GiB. */
static void dense_life(struct rig *rig)
{
	static struct pump pump = { .op = FS_WRITE, .depth = 4, .fill = dense_fill };
	uint64_t gib = rig->full ? 16 : 4, cps;
	double s;

	rig->shared->ids[0] = lun_create(rig, "/dense", 15U * TIB, NULL);
	pump.n = gib * 1024U;
	s = pump_run(rig, &pump);
	printf("| %llu GiB of another one filled | %.1f s |\n", (unsigned long long)gib, s);
	(void)rig_sync(rig);
	lun_op(rig, FS_VDISK_DESTROY, "/dense");
	s = rig_reclaim(rig, &cps);
	printf("| that one destroyed, all space back | %.2f s, %llu consistency points |\n", s,
	       (unsigned long long)cps);
}

void big_lun(struct rig *rig)
{
	struct rig_life life;

	(void)rig_format(rig, RIG_DISKS_MAX, HUGE_DISK_BYTES, MEMORY);
	printf("\n### A LUN of 15 TiB\n\n| what | |\n|---|---|\n");
	(void)rig_live(rig, lun_life, RIG_UNMOUNT);
	life = rig_live(rig, dense_life, RIG_UNMOUNT);
	printf("| peak memory, memory = %llu MiB | %.0f MiB |\n", (unsigned long long)(rig->memory_bytes / MIB),
	       life.rss_mib);
	rig_clean(rig);
}
