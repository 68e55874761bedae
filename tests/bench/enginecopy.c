/* SPDX-License-Identifier: Apache-2.0 */
/* The engine alone, in one process and without a network: how long a LUN's clone takes, and a plain copy of the same
 * bytes.
 *
 * THEORY. Both do the same for the disks: read every block of a LUN (of a snapshot of it), write it to new places with
 * the same maps, parity and checksums, and end when a consistency point has all of it. The copy is what an
 * administrator's copier inside the server would be: FS_READ and FS_WRITE of the largest size, unstable, COPY_DEPTH of
 * them side by side, FS_SYNC at the end. They take turns.
 * THREADS. The volume lives on a loop of its own; main sends messages and waits for them. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/page.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/disk.h"
#include "raid/raid.h"

#define COPY_DEPTH 8U
#define N_DISKS 4U
#define MAX_ROUNDS 32U
#define POLL_NS 5000000L
#define IO_PAGES (FS_IO_MAX / FS_BLOCK_SIZE)

struct rig {
	struct loop *loop;
	struct fs_volume *volume;
	char urls[N_DISKS][512];
	const char *url[N_DISKS];
	uint64_t size_bytes;
	size_t memory_pages;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
	int err;
};

static struct rig the_rig = { .size_bytes = 1U << 30, .memory_pages = (512U << 20) / FS_BLOCK_SIZE };

struct copy {
	struct rig *rig;
	struct fs_file_id from, to;
	uint64_t next_bytes;
	unsigned n_active;
	bool only_write; /* fill: pages of our own */
	int err;
	struct copy_slot {
		struct fs_message msg;
		struct copy *copy;
		struct page *pages[IO_PAGES];
	} slots[COPY_DEPTH];
	struct task start;
};

/* Seconds by a clock: what passed, and what the process has used of the CPUs. */
struct cost {
	double seconds, cpu_s;
};

static double clock_s(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct cost cost_since(struct cost start)
{
	return (struct cost){ clock_s(CLOCK_MONOTONIC) - start.seconds,
		              clock_s(CLOCK_PROCESS_CPUTIME_ID) - start.cpu_s };
}

static void fail(const char *what, int err)
{
	fprintf(stderr, "enginecopy: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

/* ---- waiting for the loop ---------------------------------------------------------------------------------------- */

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

static void message_done(struct fs_message *msg)
{
	answer(msg->owner, msg->status);
}

static void send(struct rig *rig, struct fs_message *msg, const char *what)
{
	int err;

	msg->cls = FS_CLASS_ADMIN;
	fs_message_send(msg);
	err = wait_answer(rig);
	if (err != 0)
		fail(msg->out.error_text[0] != '\0' ? msg->out.error_text : what, err);
}

/* One operation that wants a path and gives nothing back. */
static void simple(struct rig *rig, enum fs_op op, const char *path)
{
	struct fs_message msg;

	fs_message_init(&msg, op, rig->volume, message_done, rig);
	msg.in.path = path;
	msg.in.vdisk.force = true;
	send(rig, &msg, path != NULL ? path : "sync");
	fs_message_fini(&msg);
}

static struct fs_file_id lun_create(struct rig *rig, const char *path, const char *backing)
{
	struct fs_message msg;
	struct fs_file_id id;

	fs_message_init(&msg, FS_VDISK_CREATE, rig->volume, message_done, rig);
	msg.in.path = path;
	msg.in.vdisk.size_bytes = backing != NULL ? 0 : rig->size_bytes;
	msg.in.vdisk.backing_path = backing;
	msg.in.vdisk.set = FS_VDISK_SET_WRITE_CACHE;
	msg.in.vdisk.write_cache = true;
	send(rig, &msg, path);
	id = msg.out.vdisks[0].id;
	fs_message_fini(&msg);
	return id;
}

static void snapshot_create(struct rig *rig, const char *name)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SNAPSHOT_CREATE, rig->volume, message_done, rig);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	send(rig, &msg, name);
	fs_message_fini(&msg);
}

static uint64_t used_bytes(struct rig *rig)
{
	struct fs_message msg;
	uint64_t used;

	fs_message_init(&msg, FS_VOLUME_STAT, rig->volume, message_done, rig);
	send(rig, &msg, "volume stat");
	used = msg.out.volume->used_bytes;
	fs_message_fini(&msg);
	return used;
}

/* Until the space of what was destroyed has come back. */
static void settle(struct rig *rig)
{
	uint64_t before;

	do {
		before = used_bytes(rig);
		simple(rig, FS_SYNC, NULL);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	} while (used_bytes(rig) != before);
}

/* ---- the copy (on the loop) -------------------------------------------------------------------------------------- */

static void slot_next(struct copy_slot *slot);

static void slot_end(struct copy_slot *slot)
{
	if (--slot->copy->n_active == 0)
		answer(slot->copy->rig, slot->copy->err);
}

static void slot_written(struct fs_message *msg)
{
	struct copy_slot *slot = msg->owner;
	int err = msg->status;

	page_put_many(slot->pages, msg->in.io.n_pages);
	fs_message_fini(msg);
	if (err != 0 && slot->copy->err == 0)
		slot->copy->err = err;
	slot_next(slot);
}

static void slot_write(struct copy_slot *slot, uint64_t offset_bytes, uint32_t len_bytes, unsigned n_pages)
{
	fs_message_init(&slot->msg, FS_WRITE, slot->copy->rig->volume, slot_written, slot);
	slot->msg.cls = FS_CLASS_ADMIN;
	slot->msg.file = slot->copy->to;
	slot->msg.in.stable = FS_UNSTABLE;
	slot->msg.in.io = (struct fs_io){
		.offset_bytes = offset_bytes, .len_bytes = len_bytes, .n_pages = n_pages, .pages = slot->pages
	};
	fs_message_send(&slot->msg);
}

static void slot_read(struct fs_message *msg)
{
	struct copy_slot *slot = msg->owner;
	struct fs_io io = msg->out.io;
	int err = msg->status;

	fs_message_fini(msg);
	if (err == 0 && io.len_bytes == msg->in.io.len_bytes) {
		slot_write(slot, msg->in.io.offset_bytes, io.len_bytes, io.n_pages);
		return;
	}
	slot->copy->err = err != 0 ? err : -EIO;
	slot_end(slot);
}

static void slot_fill(struct copy_slot *slot, uint64_t offset_bytes, uint32_t len_bytes)
{
	unsigned n = len_bytes / FS_BLOCK_SIZE;

	if (page_alloc_many(slot->pages, n) != 0)
		fail("pages", -ENOMEM);
	for (unsigned i = 0; i < n; i++)
		for (unsigned at = 0; at < FS_BLOCK_SIZE; at += 8U)
			memcpy(slot->pages[i]->data + at, &(uint64_t){ offset_bytes * 2654435761U + i * 40503U + at },
			       8);
	slot_write(slot, offset_bytes, len_bytes, n);
}

static void slot_next(struct copy_slot *slot)
{
	struct copy *copy = slot->copy;
	uint64_t left = copy->rig->size_bytes - copy->next_bytes, offset = copy->next_bytes;
	uint32_t len_bytes = (uint32_t)MIN_OF(left, (uint64_t)FS_IO_MAX);

	if (left == 0 || copy->err != 0) {
		slot_end(slot);
		return;
	}
	copy->next_bytes += len_bytes;
	if (copy->only_write) {
		slot_fill(slot, offset, len_bytes);
		return;
	}
	fs_message_init(&slot->msg, FS_READ, copy->rig->volume, slot_read, slot);
	slot->msg.cls = FS_CLASS_ADMIN;
	slot->msg.file = copy->from;
	slot->msg.in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = len_bytes, .n_pages_max = IO_PAGES, .pages = slot->pages
	};
	fs_message_send(&slot->msg);
}

static void copy_start(struct task *task)
{
	struct copy *copy = container_of(task, struct copy, start);

	copy->n_active = COPY_DEPTH;
	for (unsigned i = 0; i < COPY_DEPTH; i++) {
		copy->slots[i].copy = copy;
		slot_next(&copy->slots[i]);
	}
}

static void copy_run(struct rig *rig, struct fs_file_id from, struct fs_file_id to, bool only_write)
{
	struct copy *copy = calloc(1, sizeof *copy);
	int err;

	if (copy == NULL)
		fail("copy", -ENOMEM);
	*copy = (struct copy){
		.rig = rig, .from = from, .to = to, .only_write = only_write, .start = { .run = copy_start }
	};
	world_post(loop_world(rig->loop), &copy->start);
	err = wait_answer(rig);
	if (err != 0)
		fail("copy", err);
	free(copy);
	simple(rig, FS_SYNC, NULL);
}

/* ---- the clone --------------------------------------------------------------------------------------------------- */

static bool clone_is_over(struct rig *rig, const char *path)
{
	struct fs_message msg;
	enum fs_clone_state state;

	fs_message_init(&msg, FS_CLONE_STATUS, rig->volume, message_done, rig);
	msg.in.path = path;
	send(rig, &msg, path);
	state = msg.out.vdisks[0].clone.state;
	fs_message_fini(&msg);
	if (state != FS_CLONE_DONE && state != FS_CLONE_RUNNING)
		fail("clone", -EIO);
	return state == FS_CLONE_DONE;
}

static void clone_run(struct rig *rig, const char *path)
{
	simple(rig, FS_CLONE_START, path);
	while (!clone_is_over(rig, path))
		(void)nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void formatted(void *arg, int err)
{
	answer(arg, err);
}

static void mounted(void *arg, int err, struct fs_volume *volume)
{
	struct rig *rig = arg;

	rig->volume = err == 0 ? fs_volume_get(volume) : NULL;
	answer(rig, err);
}

static void format_task(struct task *task)
{
	static struct raid_group_spec group = { .n_disks = N_DISKS };
	static struct raid_spec spec = { .groups = &group, .n_groups = 1 };

	(void)task;
	for (unsigned i = 0; i < N_DISKS; i++)
		group.disk_urls[i] = the_rig.url[i];
	fs_volume_format(loop_world(the_rig.loop), "bench", &spec, formatted, &the_rig);
}

static void mount_task(struct task *task)
{
	static struct fs_mount_options options;

	(void)task;
	options.cache_pages = the_rig.memory_pages / 4U * 3U / 8U * 7U; /* what vcd gives its first volume */
	fs_volume_mount(loop_world(the_rig.loop), the_rig.url, N_DISKS, &options, mounted, &the_rig);
}

static void unmount_task(struct task *task)
{
	(void)task;
	fs_volume_unmount(the_rig.volume, formatted, &the_rig);
}

static void on_loop(struct rig *rig, void (*run)(struct task *task), const char *what)
{
	struct task task = { .run = run };
	int err;

	world_post(loop_world(rig->loop), &task);
	err = wait_answer(rig);
	if (err != 0)
		fail(what, err);
}

static void rig_start(struct rig *rig, const char *dir)
{
	uint64_t disk_bytes = rig->size_bytes + rig->size_bytes / 2U + (256U << 20);

	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->changed, NULL);
	(void)mkdir(dir, 0700);
	if (page_arena_init(rig->memory_pages) != 0 || loop_new("bench", &rig->loop) != 0 || loop_start(rig->loop) != 0)
		fail("start", -ENOMEM);
	for (unsigned i = 0; i < N_DISKS; i++) {
		int err;

		(void)snprintf(rig->urls[i], sizeof rig->urls[i], "file:%s/disk%u", dir, i);
		rig->url[i] = rig->urls[i];
		err = disk_create(rig->url[i], disk_bytes / 4096U * 4096U);
		if (err != 0)
			fail(rig->url[i], err);
	}
	on_loop(rig, format_task, "format");
	on_loop(rig, mount_task, "mount");
}

static void rig_stop(struct rig *rig)
{
	on_loop(rig, unmount_task, "unmount");
	fs_volume_put(rig->volume);
	loop_stop(rig->loop);
	loop_join(rig->loop);
	loop_free(rig->loop);
	for (unsigned i = 0; i < N_DISKS; i++)
		(void)!disk_destroy(rig->url[i]);
	page_arena_fini();
}

static struct cost timed_copy(struct rig *rig, struct fs_file_id from)
{
	struct fs_file_id to = lun_create(rig, "/copy", NULL);
	struct cost cost = cost_since((struct cost){ 0 });

	copy_run(rig, from, to, false);
	cost = cost_since(cost);
	simple(rig, FS_VDISK_DESTROY, "/copy");
	settle(rig);
	return cost;
}

static struct cost timed_clone(struct rig *rig)
{
	struct cost cost;

	(void)lun_create(rig, "/clone", "/.snapshot/s1/golden");
	cost = cost_since((struct cost){ 0 });
	clone_run(rig, "/clone");
	cost = cost_since(cost);
	simple(rig, FS_VDISK_DESTROY, "/clone");
	settle(rig);
	return cost;
}

static void print_costs(const char *name, const struct cost *costs, unsigned n, const char *end)
{
	printf("\"%s_s\": [", name);
	for (unsigned i = 0; i < n; i++)
		printf("%s%.4f", i > 0 ? ", " : "", costs[i].seconds);
	printf("], \"%s_cpu_s\": [", name);
	for (unsigned i = 0; i < n; i++)
		printf("%s%.4f", i > 0 ? ", " : "", costs[i].cpu_s);
	printf("]%s", end);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	return end == text || *end != '\0' ? 0 : value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		                                 { "size", required_argument, NULL, 's' },
		                                 { "rounds", required_argument, NULL, 'r' },
		                                 { "memory", required_argument, NULL, 'm' },
		                                 { NULL, 0, NULL, 0 } };
	struct rig *rig = &the_rig;
	struct cost copies[MAX_ROUNDS], clones[MAX_ROUNDS];
	const char *dir = NULL;
	struct fs_file_id golden;
	uint64_t rounds = 3, seconds = 3600;
	double end;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 's')
			rig->size_bytes = number(optarg);
		else if (option == 'r')
			rounds = number(optarg);
		else if (option == 't')
			seconds = number(optarg);
		else if (option == 'm')
			rig->memory_pages = number(optarg) / FS_BLOCK_SIZE;
	}
	if (dir == NULL || rig->size_bytes == 0 || rig->size_bytes % FS_IO_MAX != 0 || rounds == 0 ||
	    rounds > MAX_ROUNDS) {
		fputs("usage: enginecopy --dir DIR [--size BYTES] [--rounds 3] [--memory BYTES] [--seconds S, after "
		      "which no round begins]\n",
		      stderr);
		return 2;
	}
	end = clock_s(CLOCK_MONOTONIC) + (double)seconds;
	rig_start(rig, dir);
	golden = lun_create(rig, "/golden", NULL);
	copy_run(rig, golden, golden, true);
	snapshot_create(rig, "s1");
	for (unsigned i = 0; i < rounds; i++) {
		if (i > 0 && clock_s(CLOCK_MONOTONIC) > end)
			rounds = i; /* no time for another one */
		if (i == rounds)
			break;
		if (i % 2U == 0)
			copies[i] = timed_copy(rig, golden);
		clones[i] = timed_clone(rig);
		if (i % 2U != 0)
			copies[i] = timed_copy(rig, golden);
	}
	rig_stop(rig);
	printf("{\"size_bytes\": %" PRIu64 ", ", rig->size_bytes);
	print_costs("copy", copies, (unsigned)rounds, ", ");
	print_costs("clone", clones, (unsigned)rounds, "}\n");
	return 0;
}
