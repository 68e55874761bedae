/* SPDX-License-Identifier: Apache-2.0 */
/* The rig: files, lives, messages. */
#include "tests/bench/bigrig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/page.h"
#include "raid/disk.h"
#include "raid/raid.h"

const struct fs_file_id rig_root = { 0, FS_INO_ROOT, 1 };

double rig_now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void rig_fail(const char *what, int err)
{
	fflush(stdout);
	fprintf(stderr, "bigbench: %s: %s\n", what, strerror(err < 0 ? -err : err));
	_exit(1);
}

static void disk_url(const struct rig *rig, unsigned i, char url[512])
{
	(void)snprintf(url, 512, "file:%s/big%u.disk", rig->dir, i);
}

/* ---- waiting for the loop ---- */

static void answer(struct rig *rig, int err)
{
	pthread_mutex_lock(&rig->lock);
	rig->answered = true;
	rig->err = err;
	pthread_cond_signal(&rig->changed);
	pthread_mutex_unlock(&rig->lock);
}

static int wait_answer(struct rig *rig)
{
	pthread_mutex_lock(&rig->lock);
	while (!rig->answered)
		pthread_cond_wait(&rig->changed, &rig->lock);
	rig->answered = false;
	pthread_mutex_unlock(&rig->lock);
	return rig->err;
}

/* A call that must be made on the loop. */
struct rig_call {
	struct task task;
	struct rig *rig;
	void (*call)(struct rig *rig);
};

static void call_run(struct task *task)
{
	struct rig_call *call = container_of(task, struct rig_call, task);

	call->call(call->rig);
}

static int on_loop(struct rig *rig, void (*fn)(struct rig *rig))
{
	struct rig_call call = { .task = { .run = call_run }, .rig = rig, .call = fn };

	world_post(loop_world(rig->loop), &call.task);
	return wait_answer(rig);
}

static void on_done(void *arg, int err)
{
	answer(arg, err);
}

static void on_mounted(void *arg, int err, struct fs_volume *vol)
{
	struct rig *rig = arg;

	rig->vol = vol;
	answer(rig, err);
}

static void call_format(struct rig *rig)
{
	static char urls[RIG_DISKS_MAX][512];
	struct raid_group_spec group = { .n_disks = rig->n_disks };
	struct raid_spec spec = { .groups = &group, .n_groups = 1 };

	for (unsigned i = 0; i < rig->n_disks; i++) {
		disk_url(rig, i, urls[i]);
		group.disk_urls[i] = urls[i];
	}
	fs_volume_format(loop_world(rig->loop), "big", &spec, on_done, rig);
}

static void call_mount(struct rig *rig)
{
	struct fs_mount_options options = { .cache_pages = (size_t)(rig->memory_bytes / PAGE_SIZE / 4U * 3U / 8U *
		                                                    7U) };
	static char urls[RIG_DISKS_MAX][512];
	const char *list[RIG_DISKS_MAX];

	for (unsigned i = 0; i < rig->n_disks; i++) {
		disk_url(rig, i, urls[i]);
		list[i] = urls[i];
	}
	fs_volume_mount(loop_world(rig->loop), list, rig->n_disks, &options, on_mounted, rig);
}

static void call_unmount(struct rig *rig)
{
	fs_volume_unmount(rig->vol, on_done, rig);
}

/* ---- lives ---- */

static void life_begin(struct rig *rig)
{
	int err;

	if (getenv("BIG_LOG") == NULL && freopen("/dev/null", "w", stderr) == NULL)
		rig_fail("stderr", EIO);
	err = page_arena_init((size_t)(rig->memory_bytes / PAGE_SIZE));
	if (err == 0)
		err = loop_new("big", &rig->loop);
	if (err == 0)
		err = loop_start(rig->loop);
	if (err != 0)
		rig_fail("starting the engine", err);
}

static void must_timed(struct rig *rig, void (*fn)(struct rig *rig), const char *what, double *ret_s)
{
	double begin = rig_now_s();
	int err = on_loop(rig, fn);

	if (err != 0) {
		printf("**failed: %s: %s**\n", what, strerror(-err));
		rig_fail(what, err);
	}
	*ret_s = rig_now_s() - begin;
}

static struct rusage child_run(struct rig *rig,
                               void (*fn)(struct rig *rig, void (*body)(struct rig *rig), enum rig_end end),
                               void (*body)(struct rig *rig), enum rig_end end)
{
	struct rusage usage;
	int status = 1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		rig_fail("fork", errno);
	if (pid == 0) {
		fn(rig, body, end);
		fflush(stdout);
		_exit(0);
	}
	if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		printf("\n**this case ended early (status %#x)**\n", (unsigned)status);
		rig_clean(rig);
		exit(1);
	}
	return usage;
}

static void life_format(struct rig *rig, void (*body)(struct rig *rig), enum rig_end end)
{
	(void)body;
	(void)end;
	life_begin(rig);
	must_timed(rig, call_format, "format", &rig->shared->mount_s);
}

static void life_run(struct rig *rig, void (*body)(struct rig *rig), enum rig_end end)
{
	life_begin(rig);
	must_timed(rig, call_mount, "mount", &rig->shared->mount_s);
	body(rig);
	if (end == RIG_UNMOUNT)
		must_timed(rig, call_unmount, "unmount", &rig->shared->unmount_s);
}

struct rig_life rig_live(struct rig *rig, void (*body)(struct rig *rig), enum rig_end end)
{
	struct rusage usage = child_run(rig, life_run, body, end);

	return (struct rig_life){ rig->shared->mount_s, rig->shared->unmount_s, (double)usage.ru_maxrss / 1024.0 };
}

double rig_format(struct rig *rig, unsigned n_disks, uint64_t disk_bytes, uint64_t memory_bytes)
{
	double begin = rig_now_s();

	if (rig->shared == NULL) {
		rig->shared = mmap(NULL, sizeof(*rig->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		                   0);
		if (rig->shared == MAP_FAILED)
			rig_fail("mmap", errno);
	}
	rig->n_disks = n_disks;
	rig->disk_bytes = disk_bytes;
	rig->memory_bytes = memory_bytes;
	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->changed, NULL);
	rig_clean(rig);
	for (unsigned i = 0; i < n_disks; i++) {
		char url[512];
		int err;

		disk_url(rig, i, url);
		err = disk_create(url, disk_bytes);
		if (err != 0)
			rig_fail(url, err);
	}
	(void)child_run(rig, life_format, NULL, RIG_CRASH);
	return rig_now_s() - begin;
}

void rig_clean(struct rig *rig)
{
	for (unsigned i = 0; i < RIG_DISKS_MAX; i++) {
		char url[512];

		disk_url(rig, i, url);
		(void)unlink(url + 5);
	}
}

/* ---- messages ---- */

static void message_done(struct fs_message *msg)
{
	answer(msg->owner, msg->status);
}

void rig_message(struct rig *rig, struct fs_message *msg, enum fs_op op)
{
	fs_message_init(msg, op, rig->vol, message_done, rig);
}

int rig_send(struct rig *rig, struct fs_message *msg)
{
	fs_message_send(msg);
	return wait_answer(rig);
}

void rig_must(struct rig *rig, struct fs_message *msg, const char *what)
{
	int err = rig_send(rig, msg);

	if (err == 0)
		return;
	printf("**failed: %s: %s %s**\n", what, strerror(-err), msg->out.error_text);
	rig_fail(what, err);
}

double rig_sync(struct rig *rig)
{
	double begin = rig_now_s();
	struct fs_message msg;

	rig_message(rig, &msg, FS_SYNC);
	rig_must(rig, &msg, "sync");
	return rig_now_s() - begin;
}

struct fs_volume_info rig_stat(struct rig *rig)
{
	struct fs_volume_info info;
	struct fs_message msg;

	rig_message(rig, &msg, FS_VOLUME_STAT);
	rig_must(rig, &msg, "volume stat");
	info = *msg.out.volume;
	fs_message_fini(&msg);
	return info;
}

struct fs_file_id rig_create(struct rig *rig, struct fs_file_id dir, const char *name, bool is_dir)
{
	struct fs_file_id id;
	struct fs_message msg;

	rig_message(rig, &msg, is_dir ? FS_MKDIR : FS_CREATE);
	msg.file = dir;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.create.mode = FS_CREATE_GUARDED;
	rig_must(rig, &msg, name);
	id = msg.out.attr.id;
	fs_message_fini(&msg);
	return id;
}

void rig_write(struct rig *rig, struct fs_file_id id, uint64_t block, uint32_t tag)
{
	struct page *page = page_alloc();
	struct fs_message msg;

	if (page == NULL)
		rig_fail("page", ENOMEM);
	for (unsigned i = 0; i < PAGE_SIZE / sizeof(tag); i++)
		memcpy(page->data + i * sizeof(tag), &tag, sizeof(tag));
	rig_message(rig, &msg, FS_WRITE);
	msg.file = id;
	msg.in.io = (struct fs_io){ .offset_bytes = block * PAGE_SIZE,
		                    .len_bytes = PAGE_SIZE,
		                    .n_pages = 1,
		                    .n_pages_max = 1,
		                    .pages = &page };
	msg.in.stable = FS_UNSTABLE;
	rig_must(rig, &msg, "write");
	page_put(page);
}

uint32_t rig_read(struct rig *rig, struct fs_file_id id, uint64_t block)
{
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_message msg;
	uint32_t tag = 0;

	rig_message(rig, &msg, FS_READ);
	msg.file = id;
	msg.in.io = (struct fs_io){ .offset_bytes = block * PAGE_SIZE,
		                    .len_bytes = PAGE_SIZE,
		                    .n_pages_max = FS_IO_PAGES_MAX,
		                    .pages = pages };
	rig_must(rig, &msg, "read");
	if (msg.out.io.n_pages > 0)
		memcpy(&tag, pages[0]->data, sizeof(tag));
	page_put_many(pages, msg.out.io.n_pages);
	return tag;
}

struct fs_file_id rig_resolve(struct rig *rig, const char *path)
{
	struct fs_message msg;

	rig_message(rig, &msg, FS_RESOLVE);
	msg.in.path = path;
	rig_must(rig, &msg, path);
	return msg.out.attr.id;
}

int rig_snapshot(struct rig *rig, enum fs_op op, const char *name, char ret_text[256])
{
	struct fs_message msg;
	int err;

	rig_message(rig, &msg, op);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	err = rig_send(rig, &msg);
	if (ret_text != NULL)
		memcpy(ret_text, msg.out.error_text, 256);
	else if (err != 0)
		rig_fail(name, err);
	fs_message_fini(&msg);
	return err;
}

unsigned rig_snapshots_left(struct rig *rig)
{
	struct fs_message msg;
	unsigned n;

	rig_message(rig, &msg, FS_SNAPSHOT_LIST);
	rig_must(rig, &msg, "snapshot list");
	n = msg.out.n;
	fs_message_fini(&msg);
	return n;
}

double rig_reclaim(struct rig *rig, uint64_t *ret_cps)
{
	double begin = rig_now_s();
	struct fs_volume_info before = rig_stat(rig), now = before, last;
	unsigned quiet = 0;

	while (quiet < 3) { /* consistency points follow each other for as long as there is something to reclaim */
		last = now;
		(void)rig_sync(rig);
		now = rig_stat(rig);
		quiet = now.used_bytes == last.used_bytes && now.snapshot_bytes == last.snapshot_bytes &&
		                rig_snapshots_left(rig) == 0
		            ? quiet + 1U
		            : 0;
	}
	*ret_cps = now.cp_count - before.cp_count - 3U;
	return rig_now_s() - begin;
}

double rig_check(struct rig *rig, uint64_t *ret_inodes, uint64_t *ret_blocks)
{
	double begin = rig_now_s();
	struct fs_message msg;

	rig_message(rig, &msg, FS_CHECK);
	rig_must(rig, &msg, "check");
	if (msg.out.check.n_errors != 0) {
		printf("**the check found %llu errors:** %s\n", (unsigned long long)msg.out.check.n_errors,
		       msg.out.check.report);
		rig_fail("check", EUCLEAN);
	}
	*ret_inodes = msg.out.check.n_inodes;
	*ret_blocks = msg.out.check.n_blocks;
	fs_message_fini(&msg);
	return rig_now_s() - begin;
}

double rig_rss_mib(void)
{
	unsigned long long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (file != NULL)
		(void)fclose(file);
	return (double)resident * 4096.0 / 1048576.0;
}

/* ---- pumps ---- */

static void slot_next(struct pump_slot *slot);

static void slot_done(struct fs_message *msg)
{
	struct pump_slot *slot = msg->owner;
	struct pump *pump = slot->pump;

	if (msg->status != 0 && pump->err == 0) {
		printf("**failed: operation %llu: %s %s**\n", (unsigned long long)slot->i, strerror(-msg->status),
		       msg->out.error_text);
		pump->err = msg->status;
	}
	fs_message_fini(msg);
	if (++pump->n_done % pump->step == 0 && pump->n_marks < PUMP_MARKS_MAX)
		pump->marks_s[pump->n_marks++] = rig_now_s();
	slot_next(slot);
}

static void slot_next(struct pump_slot *slot)
{
	struct pump *pump = slot->pump;

	if (pump->next >= pump->n || pump->err != 0) {
		if (--pump->depth == 0)
			answer(pump->rig, pump->err);
		return;
	}
	slot->i = pump->next++;
	fs_message_init(&slot->msg, pump->op, pump->rig->vol, slot_done, slot);
	pump->fill(slot);
	fs_message_send(&slot->msg);
}

static void pump_start(struct task *task)
{
	struct pump *pump = container_of(task, struct pump, start);
	unsigned depth = pump->depth;

	for (unsigned i = 0; i < depth; i++)
		slot_next(&pump->slots[i]);
}

double pump_run(struct rig *rig, struct pump *pump)
{
	pump->rig = rig;
	pump->begin_s = rig_now_s();
	pump->depth = pump->depth == 0 ? 32U : pump->depth;
	pump->step = pump->step == 0 ? pump->n + 1U : pump->step;
	pump->next = pump->n_done = pump->n_marks = 0;
	pump->err = 0;
	for (unsigned i = 0; i < pump->depth; i++)
		pump->slots[i].pump = pump;
	pump->start = (struct task){ .run = pump_start };
	world_post(loop_world(rig->loop), &pump->start);
	if (wait_answer(rig) != 0)
		rig_fail("pump", pump->err);
	return rig_now_s() - pump->begin_s;
}

static double mark_rate(const struct pump *pump, unsigned i)
{
	return (double)pump->step / (pump->marks_s[i] - (i == 0 ? pump->begin_s : pump->marks_s[i - 1U]));
}

void pump_print(const struct pump *pump, const char *what)
{
	double warm = pump->n_marks > 1 ? mark_rate(pump, 1) : 0;

	printf("| %s |", what);
	for (unsigned i = 0; i < pump->n_marks; i++)
		printf(" %.1f", mark_rate(pump, i) / 1000.0);
	if (pump->n_marks > 2)
		printf(" | %.2f |\n", mark_rate(pump, pump->n_marks - 1U) / warm);
	else
		printf(" | |\n");
}
