/* SPDX-License-Identifier: Apache-2.0 */
/* The NVLOG against a double of raid's log region: what is told durable is replayed, in order, whole, and nothing else
 * is. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include "tests/base/cmocka_all.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "fs/clone/clone_apply.h"
#include "fs/core/core.h"
#include "fs/cp/calls.h"
#include "fs/file/run.h"
#include "fs/format/nvlogformat.h"
#include "fs/log/nvlog.h"
#include "fs/names/file_apply.h"
#include "fs/names/namespace_apply.h"
#include "fs/vdisk/docs.h"
#include "fs/vdisk/vdisk_apply.h"
#include "raid/raid.h"
#include "tests/support/simworld.h"

#define HALF_BLOCKS 64U
#define COPIES 2U
#define APPLIED_MAX 20000U

/* ---- doubles --------------------------------------------------------------------------------------------------- */

struct log_io {
	struct task task;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	unsigned half;
};

struct raid {
	struct world *world;
	uint8_t *media[COPIES][2];
	uint8_t *before[COPIES][2]; /* as it was before the last write */
	unsigned n_writes, n_in_flight[2];
	uint32_t last_half, last_block, last_blocks;
	int write_err;
	bool hold; /* writes do not complete */
	struct log_io *held;
};

static struct raid raid;
static struct simworld *sim;
static struct fs_volume *vol;
static unsigned n_cp_requests;
static struct {
	uint64_t tag;
	unsigned type, n_pages;
	bool exact;
} applied[APPLIED_MAX];
static unsigned n_applied;
static unsigned n_restarts;

static uint32_t half_blocks = HALF_BLOCKS; /* of the media; 68 makes records reach as far as a version that saved no
                                            * calls had them */

uint32_t raid_log_half_blocks(const struct raid *r)
{
	return r != NULL ? half_blocks : 0;
}
unsigned raid_log_copies(const struct raid *r)
{
	return r != NULL ? COPIES : 0;
}

static void log_io_run(struct task *task)
{
	struct log_io *io = container_of(task, struct log_io, task);

	raid.n_in_flight[io->half]--;
	io->done(io->arg, io->err);
	free(io);
}

static struct log_io *log_io_new(void (*done)(void *arg, int err), void *arg, int err, unsigned half)
{
	struct log_io *io = calloc(1, sizeof *io);

	io->task.run = log_io_run;
	io->done = done;
	io->arg = arg;
	io->err = err;
	io->half = half;
	raid.n_in_flight[half]++;
	return io;
}

void raid_log_write(struct raid *r, const struct raid_log_io *request)
{
	const struct iovec *iov = request->iov;
	uint32_t block = request->first_block;
	unsigned half = request->half;
	struct log_io *io;

	assert_int_equal(r->n_in_flight[half], 0);
	for (unsigned c = 0; c < COPIES; c++)
		for (unsigned h = 0; h < 2; h++)
			memcpy(r->before[c][h], r->media[c][h], HALF_BLOCKS * PAGE_SIZE);
	for (unsigned i = 0; i < request->n_iov; i++) {
		assert_int_equal((uintptr_t)iov[i].iov_base % PAGE_SIZE, 0);
		assert_int_equal(iov[i].iov_len % PAGE_SIZE, 0);
		assert_true(block + iov[i].iov_len / PAGE_SIZE <= HALF_BLOCKS);
		for (unsigned c = 0; c < COPIES && r->write_err == 0; c++)
			memcpy(r->media[c][half] + (size_t)block * PAGE_SIZE, iov[i].iov_base, iov[i].iov_len);
		block += (uint32_t)(iov[i].iov_len / PAGE_SIZE);
	}
	r->n_writes++;
	r->last_half = half;
	r->last_block = request->first_block;
	r->last_blocks = block - request->first_block;
	io = log_io_new(request->done, request->arg, r->write_err, half);
	if (r->hold)
		r->held = io;
	else
		world_defer(r->world, &io->task);
}

void raid_log_read(struct raid *r, unsigned copy, const struct raid_log_io *request)
{
	const struct iovec *iov = request->iov;
	size_t at = (size_t)request->first_block * PAGE_SIZE;

	for (unsigned i = 0; i < request->n_iov; i++) {
		assert_true(at + iov[i].iov_len <= HALF_BLOCKS * PAGE_SIZE);
		memcpy(iov[i].iov_base, r->media[copy][request->half] + at, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	world_defer(r->world, &log_io_new(request->done, request->arg, 0, request->half)->task);
}

void cp_request(struct fs_volume *v, enum cp_why why)
{
	assert_ptr_equal(v, vol);
	assert_int_equal(why, CP_LOG);
	n_cp_requests++;
}

void cp_fail(struct fs_volume *v, int err, const char *what)
{
	assert_ptr_equal(v, vol);
	assert_non_null(what);
	v->failed = err;
}

bool cp_is_running(const struct fs_volume *v)
{
	(void)v;
	return false;
}

static void run_double(struct task *task)
{
	struct fs_run *run = container_of(task, struct fs_run, task);
	int rc = run->step(run);

	if (rc == -EAGAIN)
		world_defer(run->vol->world, &run->task);
	else
		run->finish(run, rc);
}

void run_init(struct fs_run *run, struct fs_volume *v, int (*step)(struct fs_run *run),
              void (*finish)(struct fs_run *run, int err), void *arg)
{
	*run = (struct fs_run){ .vol = v, .step = step, .finish = finish, .arg = arg };
	run->task.run = run_double;
}
void run_fini(struct fs_run *run)
{
	assert_false(run->task.queued);
}
void run_start_later(struct fs_run *run)
{
	world_defer(run->vol->world, &run->task);
}
int run_wait(struct fs_run *run, struct fs_run_queue *queue)
{
	(void)run;
	(void)queue;
	fail();
	return -EAGAIN;
}

/* Bodies are the tag, repeated; pages are the tag and their index. */
static int record_note(struct fs_run *run, const struct nvlog_record *record)
{
	uint64_t tag;
	bool exact = record->body_len >= sizeof tag;

	(void)run;
	assert_true(n_applied < APPLIED_MAX);
	memcpy(&tag, record->body, sizeof tag);
	if (tag % 7 == 3 && n_restarts++ % 2 == 0)
		return -EAGAIN;
	for (size_t i = 8; i < record->body_len; i++)
		exact = exact && record->body[i] == (uint8_t)tag;
	for (unsigned i = 0; i < record->n_pages; i++)
		exact = exact && record->pages[i]->data[0] == (uint8_t)tag &&
		        record->pages[i]->data[PAGE_SIZE - 1U] == (uint8_t)i;
	applied[n_applied].tag = tag;
	applied[n_applied].type = (unsigned)record->type;
	applied[n_applied].n_pages = record->n_pages;
	applied[n_applied++].exact = exact;
	return 0;
}

#define APPLY(name)                                                                                                    \
	int name(struct fs_run *run, const struct nvlog_record *record)                                                \
	{                                                                                                              \
		return record_note(run, record);                                                                       \
	}
/* clang-format off */
APPLY(namespace_apply_create)
APPLY(namespace_apply_remove)
APPLY(namespace_apply_rename)
APPLY(namespace_apply_link)
APPLY(namespace_apply_setattr)
APPLY(file_apply_write)
APPLY(file_apply_zero)
APPLY(vdisk_apply_create)
APPLY(vdisk_apply_set)
APPLY(vdisk_apply_destroy)
APPLY(docs_apply_put)
APPLY(docs_apply_delete)
APPLY(clone_apply_set)
/* clang-format on */

/* Calls are bytes to the log. */
static struct {
	uint64_t sequence;
	size_t len;
	uint8_t bytes[64];
} calls_seen[16];
static unsigned n_calls_seen;

void calls_replay(struct fs_volume *v, const uint8_t *bytes, size_t len_bytes, uint64_t sequence)
{
	assert_ptr_equal(v, vol);
	if (bytes == NULL)
		return;
	assert_true(n_calls_seen < 16 && len_bytes <= sizeof calls_seen[0].bytes);
	calls_seen[n_calls_seen].sequence = sequence;
	calls_seen[n_calls_seen].len = len_bytes;
	memcpy(calls_seen[n_calls_seen++].bytes, bytes, len_bytes);
}

/* ---- scaffolding ----------------------------------------------------------------------------------------------- */

static void log_open(uint64_t fsinfo_epoch, uint64_t fsinfo_sequence, uint64_t epoch)
{
	vol = calloc(1, sizeof *vol);
	vol->world = simworld_world(sim);
	vol->raid = &raid;
	vol->fsinfo_epoch = fsinfo_epoch;
	vol->fsinfo_sequence = fsinfo_sequence;
	vol->epoch = epoch;
	memcpy(vol->name, "vol0", 5);
	assert_int_equal(nvlog_init(vol), 0);
}

static void settle(void)
{
	while (sim_step(sim))
		;
}

static void log_close(void)
{
	settle();
	nvlog_fini(vol);
	free(vol);
	vol = NULL;
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(page_arena_init(2000), 0);
	sim = simworld_new(1);
	raid = (struct raid){ .world = simworld_world(sim) };
	for (unsigned c = 0; c < COPIES; c++)
		for (unsigned h = 0; h < 2; h++) {
			raid.media[c][h] = calloc(HALF_BLOCKS, PAGE_SIZE);
			raid.before[c][h] = calloc(HALF_BLOCKS, PAGE_SIZE);
		}
	n_cp_requests = n_applied = n_restarts = n_calls_seen = 0;
	log_open(10, 100, 11);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (vol != NULL)
		log_close();
	for (unsigned c = 0; c < COPIES; c++)
		for (unsigned h = 0; h < 2; h++) {
			free(raid.media[c][h]);
			free(raid.before[c][h]);
		}
	simworld_free(sim);
	page_arena_fini();
	return 0;
}

static uint64_t append(uint64_t tag, size_t body_len, unsigned n_pages)
{
	uint8_t body[2048];
	struct page *pages[16];
	uint64_t sequence;

	memset(body, (uint8_t)tag, sizeof body);
	memcpy(body, &tag, sizeof tag);
	for (unsigned i = 0; i < n_pages; i++) {
		pages[i] = page_alloc();
		memset(pages[i]->data, (uint8_t)tag, PAGE_SIZE);
		pages[i]->data[PAGE_SIZE - 1U] = (uint8_t)i;
	}
	sequence = nvlog_append(vol, n_pages > 0 ? NVLOG_WRITE : NVLOG_CREATE, body, body_len, pages, n_pages);
	page_put_many(pages, n_pages);
	return sequence;
}

struct waited {
	struct nvlog_waiter waiter;
	bool told;
	int err;
	unsigned at;
};
static unsigned told_count;

static void told(struct nvlog_waiter *waiter, int err)
{
	struct waited *w = container_of(waiter, struct waited, waiter);

	assert_false(w->told);
	w->told = true;
	w->err = err;
	w->at = told_count++;
}

static void await(struct waited *w, uint64_t sequence)
{
	*w = (struct waited){ .waiter.durable = told };
	nvlog_wait(vol, sequence, &w->waiter);
	assert_false(w->told);
}

static void append_durably(uint64_t tag, size_t body_len, unsigned n_pages)
{
	struct waited w;

	await(&w, append(tag, body_len, n_pages));
	settle();
	assert_true(w.told);
	assert_int_equal(w.err, 0);
}

static bool replay_ended;
static int replay_err;

static void replayed(struct fs_volume *v, int err, uint64_t n_records)
{
	assert_ptr_equal(v, vol);
	assert_int_equal(n_records, n_applied);
	replay_ended = true;
	replay_err = err;
}

/* Crash, mount with what fsinfo said, replay. */
static int remount(uint64_t fsinfo_epoch, uint64_t fsinfo_sequence)
{
	if (vol != NULL)
		log_close();
	log_open(fsinfo_epoch, fsinfo_sequence, fsinfo_epoch + 1U);
	n_applied = 0;
	replay_ended = false;
	nvlog_replay(vol, replayed);
	settle();
	assert_true(replay_ended);
	/* refused: the log stays as it was */
	assert_int_equal(vol->epoch, replay_err == 0 ? fsinfo_epoch + 1U : fsinfo_epoch);
	return replay_err;
}

static void assert_applied(uint64_t first_tag, unsigned n)
{
	assert_int_equal(n_applied, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(applied[i].tag, first_tag + i);
		assert_true(applied[i].exact);
	}
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void records_of_one_turn_share_one_write(void **state)
{
	struct waited w[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		await(&w[i], append(i, 200, 0));
	assert_int_equal(raid.n_writes, 0);
	settle();
	assert_int_equal(raid.n_writes, 1);
	assert_int_equal(raid.last_blocks, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_true(w[i].told && w[i].err == 0);
	assert_true(w[0].at < w[1].at && w[1].at < w[2].at);
}

static void records_appended_during_a_write_share_the_next(void **state)
{
	struct waited first, w[5];

	(void)state;
	raid.hold = true;
	await(&first, append(0, 100, 1));
	settle();
	assert_int_equal(raid.n_writes, 1);
	for (unsigned i = 0; i < 5; i++) {
		await(&w[i], append(1 + i, 100, 1));
		settle();
	}
	assert_int_equal(raid.n_writes, 1);
	assert_false(first.told);
	raid.hold = false;
	world_defer(raid.world, &raid.held->task);
	settle();
	assert_int_equal(raid.n_writes, 2);
	assert_int_equal(raid.last_blocks, 6);
	assert_true(first.told && w[4].told);
}

static void records_without_a_waiter_are_not_written(void **state)
{
	struct waited w;

	(void)state;
	append(0, 100, 0);
	settle();
	assert_int_equal(raid.n_writes, 0);
	await(&w, append(1, 100, 0));
	settle();
	assert_int_equal(raid.n_writes, 1);
	await(&w, nvlog_last_sequence(vol) - 1U);
	settle();
	assert_true(w.told && w.err == 0);
	assert_int_equal(raid.n_writes, 1);
}

static void replay_applies_what_was_durable_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		append_durably(i, 8U + i * 100U, i % 4U);
	append(99, 100, 1); /* nobody waited for it */
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 10);
	assert_int_equal(applied[3].n_pages, 3);
	assert_int_equal(applied[3].type, NVLOG_WRITE);
	assert_int_equal(applied[4].type, NVLOG_CREATE);
	assert_int_equal(nvlog_last_sequence(vol), 110);
}

static void replay_passes_over_what_the_cp_has(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		append_durably(i, 50, 0);
	assert_int_equal(remount(11, 106), 0);
	assert_applied(6, 4);
	assert_int_equal(remount(11, 110), 0);
	assert_int_equal(n_applied, 0);
	assert_int_equal(nvlog_last_sequence(vol), 110);
}

static void a_torn_group_is_never_half_applied(void **state)
{
	struct waited w[3];
	uint8_t *whole = malloc(HALF_BLOCKS * PAGE_SIZE), *old = malloc(HALF_BLOCKS * PAGE_SIZE);
	size_t first, len;

	(void)state;
	append_durably(0, 100, 2);
	append_durably(1, 100, 0);
	for (unsigned i = 0; i < 3; i++)
		await(&w[i], append(2 + i, 700, i));
	settle();
	first = (size_t)raid.last_block * PAGE_SIZE;
	len = (size_t)raid.last_blocks * PAGE_SIZE;
	assert_int_equal(len, 4U * PAGE_SIZE);
	memcpy(whole, raid.media[0][0], HALF_BLOCKS * PAGE_SIZE);
	memcpy(old, raid.before[0][0], HALF_BLOCKS * PAGE_SIZE);
	for (size_t cut = 0; cut <= len; cut += 512)
		for (unsigned tail = 0; tail < 2; tail++) {
			uint8_t *media = raid.media[0][0];
			memcpy(media, tail ? whole : old, HALF_BLOCKS * PAGE_SIZE);
			memcpy(media + first, (tail ? old : whole) + first, cut);
			memcpy(raid.media[1][0], media, HALF_BLOCKS * PAGE_SIZE);
			bool is_whole = memcmp(media, whole, HALF_BLOCKS * PAGE_SIZE) == 0;
			assert_int_equal(remount(11, 100), 0);
			assert_applied(0, is_whole ? 5 : 2);
		}
	free(whole);
	free(old);
}

static void a_flipped_bit_anywhere_ends_the_chain_before_its_group(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		append_durably(i, 300, 1);
	for (size_t byte = 2U * PAGE_SIZE; byte < 4U * PAGE_SIZE; byte += byte < 2U * PAGE_SIZE + 410U ? 1U : 97U) {
		if (byte >= 2U * PAGE_SIZE + 64U + 40U + 300U + 4U && byte < 3U * PAGE_SIZE)
			continue; /* padding */
		for (unsigned c = 0; c < COPIES; c++)
			raid.media[c][0][byte] ^= 0x10;
		assert_int_equal(remount(11, 100), 0);
		assert_applied(0, 1);
		for (unsigned c = 0; c < COPIES; c++)
			raid.media[c][0][byte] ^= 0x10;
	}
}

static void a_lost_group_ends_the_replay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		append_durably(i, 100, 1);
	for (unsigned c = 0; c < COPIES; c++)
		memset(raid.media[c][0] + 4U * PAGE_SIZE, 0, 2U * PAGE_SIZE);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 2);
}

static void replay_takes_each_group_from_the_copy_that_has_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		append_durably(i, 100, 1);
	memset(raid.media[0][0] + 2U * PAGE_SIZE, 0xee, PAGE_SIZE);
	memset(raid.media[1][0] + 7U * PAGE_SIZE, 0xee, PAGE_SIZE);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 6);
}

static void records_of_another_epoch_are_not_applied(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		append_durably(i, 100, 0);
	assert_int_equal(remount(12, 100), 0);
	assert_int_equal(n_applied, 0);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 5);
	/* the CP of that mount, then two new records over the first two */
	nvlog_switch(vol);
	nvlog_release(vol);
	nvlog_switch(vol);
	nvlog_release(vol);
	append_durably(5, 100, 0);
	append_durably(6, 100, 0);
	assert_int_equal(remount(12, 105), 0);
	assert_applied(5, 2);
	assert_int_equal(remount(11, 100), 0);
	assert_int_equal(n_applied, 0);
}

static void a_reused_half_shows_nothing_of_its_former_use(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		append_durably(i, 100, 0);
	nvlog_switch(vol);
	nvlog_release(vol);
	for (unsigned i = 6; i < 9; i++)
		append_durably(i, 100, 0);
	nvlog_switch(vol);
	nvlog_release(vol);
	append_durably(9, 100, 0);
	assert_int_equal(raid.last_half, 0);
	assert_int_equal(raid.last_block, 0);
	assert_int_equal(remount(11, 109), 0);
	assert_applied(9, 1);
}

static void both_halves_are_applied_when_a_cp_was_running(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		append_durably(i, 100, 0);
	nvlog_switch(vol);
	nvlog_release(vol);
	for (unsigned i = 3; i < 8; i++)
		append_durably(i, 100, 1);
	nvlog_switch(vol);
	for (unsigned i = 8; i < 12; i++)
		append_durably(i, 100, 1);
	assert_int_equal(remount(11, 103), 0);
	assert_applied(3, 9);
	assert_int_equal(remount(11, 108), 0);
	assert_applied(8, 4);
}

static void a_gap_between_the_halves_refuses_the_mount(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		append_durably(i, 100, 0);
	nvlog_switch(vol);
	append_durably(3, 100, 0);
	for (unsigned c = 0; c < COPIES; c++)
		raid.media[c][0][2U * PAGE_SIZE] ^= 1;
	assert_int_equal(remount(11, 100), -EUCLEAN);
	assert_applied(0, 2);
}

static void release_serves_waiters_whose_records_were_never_written(void **state)
{
	struct waited first, second;
	unsigned n_writes;

	(void)state;
	raid.hold = true;
	await(&first, append(0, 100, 0));
	settle();
	await(&second, append(1, 100, 0));
	settle();
	nvlog_switch(vol);
	nvlog_release(vol);
	assert_true(first.told && first.err == 0);
	assert_true(second.told && second.err == 0);
	n_writes = raid.n_writes;
	raid.hold = false;
	assert_false(nvlog_is_idle(vol));
	world_defer(raid.world, &raid.held->task);
	settle();
	assert_true(nvlog_is_idle(vol));
	assert_int_equal(raid.n_writes, n_writes);
}

static void nothing_is_written_between_replay_and_its_cp(void **state)
{
	struct waited w;

	(void)state;
	append_durably(0, 100, 0);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 1);
	raid.n_writes = 0;
	await(&w, append(1, 100, 0));
	settle();
	assert_int_equal(raid.n_writes, 0);
	assert_false(w.told);
	nvlog_switch(vol);
	settle();
	assert_int_equal(raid.n_writes, 0);
	nvlog_release(vol);
	settle();
	assert_true(w.told);
	append_durably(2, 100, 0);
	assert_int_equal(raid.n_writes, 1);
}

static void a_full_half_has_no_room_and_asks_for_a_cp(void **state)
{
	uint64_t used, half;
	unsigned n = 0;

	(void)state;
	assert_true(nvlog_room(vol, nvlog_size(100, 4)));
	assert_int_equal(n_cp_requests, 0);
	while (nvlog_room(vol, nvlog_size(100, 4))) {
		nvlog_usage(vol, &used, &half);
		assert_int_equal(half, (HALF_BLOCKS - nvlog_save_blocks(vol)) * PAGE_SIZE);
		assert_true(n_cp_requests == 0 || 2 * used >= half);
		append_durably(n++, 100, 4);
	}
	assert_int_equal(n, (HALF_BLOCKS - nvlog_save_blocks(vol)) / 5U);
	assert_true(n_cp_requests > 0);
	nvlog_switch(vol);
	assert_true(nvlog_room(vol, nvlog_size(100, 4)));
	append_durably(n++, 100, 4);
	assert_int_equal(raid.last_half, 1);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, n);
}

static void a_size_promised_is_never_exceeded(void **state)
{
	uint64_t before, after, half;

	(void)state;
	for (uint64_t tag = 0; tag < 400; tag++) {
		size_t len = 8U + sim_random(sim) % 2000U;
		unsigned n_pages = (unsigned)(sim_random(sim) % 9U);
		if (!nvlog_room(vol, nvlog_size(len, n_pages))) {
			settle();
			nvlog_switch(vol);
			nvlog_release(vol);
		}
		nvlog_usage(vol, &before, &half);
		append(tag, len, n_pages);
		nvlog_usage(vol, &after, &half);
		assert_true(after - before <= nvlog_size(len, n_pages));
	}
}

static void a_failed_write_fails_the_volume_and_every_waiter(void **state)
{
	struct waited w[3];

	(void)state;
	append_durably(0, 100, 0);
	raid.write_err = -EIO;
	await(&w[0], append(1, 100, 0));
	settle();
	assert_true(w[0].told);
	assert_int_equal(w[0].err, -EIO);
	assert_int_equal(vol->failed, -EIO);
	raid.write_err = 0;
	await(&w[1], append(2, 100, 0));
	await(&w[2], 101);
	settle();
	assert_int_equal(w[1].err, -EIO);
	assert_int_equal(w[2].err, -EIO);
	assert_int_equal(raid.n_writes, 2);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static uint64_t append_call(uint64_t tag, const char *call)
{
	uint8_t body[100];

	memset(body, (uint8_t)tag, sizeof body);
	memcpy(body, &tag, sizeof tag);
	return nvlog_append_call(vol, NVLOG_REMOVE, body, sizeof body, call, strlen(call));
}

static void a_call_comes_back_with_its_record(void **state)
{
	struct waited w;

	(void)state;
	append_durably(0, 100, 0);
	await(&w, append_call(1, "first"));
	settle();
	append_durably(2, 100, 1);
	await(&w, append_call(3, "second call"));
	settle();
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 4); /* the bodies are without the calls */
	assert_int_equal(applied[1].type, NVLOG_REMOVE);
	assert_int_equal(n_calls_seen, 2);
	assert_int_equal(calls_seen[0].sequence, 102);
	assert_int_equal(calls_seen[0].len, 5);
	assert_memory_equal(calls_seen[0].bytes, "first", 5);
	assert_int_equal(calls_seen[1].sequence, 104);
	assert_memory_equal(calls_seen[1].bytes, "second call", 11);
	n_calls_seen = 0;
	assert_int_equal(remount(11, 103), 0); /* what a CP has is not applied again, but its call is known */
	assert_applied(3, 1);
	assert_int_equal(n_calls_seen, 2);
}

/* As a version that knows no calls sees it. */
static void a_call_that_does_not_fit_its_record_refuses_the_mount(void **state)
{
	struct nvlog_record_disk head;
	struct nvlog_group_disk group;
	struct waited w;

	(void)state;
	await(&w, append_call(0, "first"));
	settle();
	for (unsigned c = 0; c < COPIES; c++) {
		uint8_t *bytes = raid.media[c][0];
		uint32_t len;

		memcpy(&group, bytes, sizeof group);
		memcpy(&head, bytes + sizeof group, sizeof head);
		assert_int_equal(head.type, NVLOG_REMOVE | NVLOG_CALL);
		assert_int_equal(le32_get(head.body_len), 105);
		head.call_len = le32_of(106);
		memcpy(bytes + sizeof group, &head, sizeof head);
		len = le32_get(group.head_bytes);
		group.crc = le32_of(crc32c(bytes + 8, len - 8U));
		memcpy(bytes, &group, sizeof group);
	}
	assert_int_equal(remount(11, 100), -EUCLEAN);
	assert_int_equal(n_calls_seen, 0);
}

static bool saved;
static int saved_err;

static void save_done(void *arg, int err)
{
	assert_ptr_equal(arg, &saved);
	saved = true;
	saved_err = err;
}

/* Beside groups of the other half, and in turn with groups of its own. */
static void what_a_cp_saves_stands_behind_the_groups(void **state)
{
	uint8_t *bytes = aligned_alloc(PAGE_SIZE, 2U * PAGE_SIZE);
	struct waited w;

	(void)state;
	memset(bytes, 0xCA, 2U * PAGE_SIZE);
	for (unsigned half = 0; half < 2; half++) {
		saved = false;
		await(&w, append(half, 100, 0));
		nvlog_save(vol, half, bytes, 2, save_done, &saved);
		assert_false(nvlog_is_idle(vol));
		assert_false(saved);
		settle();
		assert_true(saved && saved_err == 0 && w.told);
		for (unsigned c = 0; c < COPIES; c++)
			assert_memory_equal(raid.media[c][half] + (size_t)nvlog_save_first(vol) * PAGE_SIZE, bytes,
			                    2U * PAGE_SIZE);
	}
	assert_true(nvlog_is_idle(vol));
	assert_int_equal(nvlog_save_first(vol) + nvlog_save_blocks(vol), HALF_BLOCKS);
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 2);
	free(bytes);
}

static void a_log_that_an_earlier_version_filled_is_not_saved_over(void **state)
{
	(void)state;
	log_close();
	half_blocks = 68;
	log_open(10, 100, 11);
	for (unsigned i = 0; i < 4; i++)
		append_durably(i, 100, 15);
	assert_int_equal(raid.last_block + raid.last_blocks, HALF_BLOCKS);
	log_close();
	half_blocks = HALF_BLOCKS;
	assert_int_equal(remount(11, 100), 0);
	assert_applied(0, 4);
	assert_false(nvlog_save_allowed(vol));
	nvlog_switch(vol); /* the CP of the mount */
	assert_false(nvlog_save_allowed(vol));
	nvlog_release(vol);
	assert_true(nvlog_save_allowed(vol));
}

/* ---- random histories ------------------------------------------------------------------------------------------ */

struct history {
	uint64_t epoch, covered, next_tag; /* tag = sequence - 101 */
	uint64_t acked; /* highest sequence told durable */
	bool cp_running;
	uint64_t cp_sequence;
};
static struct history history;

static void acked(struct nvlog_waiter *waiter, int err)
{
	assert_int_equal(err, 0);
	assert_true(waiter->sequence >= history.acked || waiter->sequence <= history.acked);
	if (waiter->sequence > history.acked)
		history.acked = waiter->sequence;
	free(waiter);
}

static void history_append(void)
{
	size_t len = 8U + sim_random(sim) % 1500U;
	unsigned n_pages = (unsigned)(sim_random(sim) % 5U);
	struct nvlog_waiter *waiter;
	uint64_t sequence;

	if (!nvlog_room(vol, nvlog_size(len, n_pages)))
		return;
	sequence = append(history.next_tag++, len, n_pages);
	assert_int_equal(sequence, 100 + history.next_tag);
	if (sim_random(sim) % 3U == 0)
		return;
	waiter = calloc(1, sizeof *waiter);
	waiter->durable = acked;
	nvlog_wait(vol, sequence, waiter);
}

static void history_cp(void)
{
	if (!history.cp_running) {
		nvlog_switch(vol);
		history.cp_running = true;
		history.cp_sequence = 100 + history.next_tag;
		return;
	}
	history.covered = history.cp_sequence;
	history.epoch = vol->epoch;
	history.cp_running = false;
	nvlog_release(vol);
}

/* Power fails: the last write, if it was still under way, is torn in both copies, differently. */
static void history_crash(bool in_flight)
{
	for (unsigned c = 0; in_flight && c < COPIES; c++)
		for (size_t at = (size_t)raid.last_block * PAGE_SIZE, n = raid.last_blocks * 8U; n > 0; n--, at += 512U)
			if (sim_random(sim) % 2U == 0)
				memcpy(raid.media[c][raid.last_half] + at, raid.before[c][raid.last_half] + at, 512U);
}

static void history_check(void)
{
	uint64_t last;

	assert_int_equal(remount(history.epoch, history.covered), 0);
	last = nvlog_last_sequence(vol);
	assert_true(last >= history.acked);
	assert_true(last <= 100 + history.next_tag);
	assert_applied(history.covered - 100U, (unsigned)(last - history.covered));
	history.next_tag = last - 100U;
	history.cp_running = false;
	history_cp();
	history_cp();
}

static void random_histories_lose_nothing_acknowledged(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		teardown(NULL);
		setup(NULL);
		simworld_free(sim);
		sim = simworld_new(seed);
		raid.world = vol->world = simworld_world(sim);
		history = (struct history){ .epoch = 11, .covered = 100, .acked = 100 };
		for (unsigned crash = 0; crash < 4; crash++) {
			for (unsigned n = (unsigned)(sim_random(sim) % 60U); n > 0; n--) {
				unsigned dice = (unsigned)(sim_random(sim) % 12U);
				if (dice == 0)
					history_cp();
				else if (dice < 8)
					history_append();
				else
					(void)sim_step(sim);
			}
			/* stop where we are: let what is in flight die */
			bool in_flight = !nvlog_is_idle(vol) && raid.n_in_flight[raid.last_half] > 0;
			uint64_t acked_then = history.acked, tag_then = history.next_tag;
			history_crash(in_flight);
			uint8_t *keep[COPIES][2];
			for (unsigned c = 0; c < COPIES; c++)
				for (unsigned h = 0; h < 2; h++) {
					keep[c][h] = malloc(HALF_BLOCKS * PAGE_SIZE);
					memcpy(keep[c][h], raid.media[c][h], HALF_BLOCKS * PAGE_SIZE);
				}
			log_close();
			for (unsigned c = 0; c < COPIES; c++)
				for (unsigned h = 0; h < 2; h++) {
					memcpy(raid.media[c][h], keep[c][h], HALF_BLOCKS * PAGE_SIZE);
					free(keep[c][h]);
				}
			history.acked = acked_then;
			history.next_tag = tag_then;
			history_check();
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(records_of_one_turn_share_one_write),
		T(records_appended_during_a_write_share_the_next),
		T(records_without_a_waiter_are_not_written),
		T(replay_applies_what_was_durable_in_order),
		T(replay_passes_over_what_the_cp_has),
		T(a_torn_group_is_never_half_applied),
		T(a_flipped_bit_anywhere_ends_the_chain_before_its_group),
		T(a_lost_group_ends_the_replay),
		T(replay_takes_each_group_from_the_copy_that_has_it),
		T(records_of_another_epoch_are_not_applied),
		T(a_reused_half_shows_nothing_of_its_former_use),
		T(both_halves_are_applied_when_a_cp_was_running),
		T(a_gap_between_the_halves_refuses_the_mount),
		T(release_serves_waiters_whose_records_were_never_written),
		T(nothing_is_written_between_replay_and_its_cp),
		T(a_full_half_has_no_room_and_asks_for_a_cp),
		T(a_size_promised_is_never_exceeded),
		T(a_failed_write_fails_the_volume_and_every_waiter),
		T(a_call_comes_back_with_its_record),
		T(a_call_that_does_not_fit_its_record_refuses_the_mount),
		T(what_a_cp_saves_stands_behind_the_groups),
		T(a_log_that_an_earlier_version_filled_is_not_saved_over),
		T(random_histories_lose_nothing_acknowledged),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
