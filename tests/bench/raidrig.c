/* SPDX-License-Identifier: Apache-2.0 */
/* The rig: files and volume, made, opened, hurt, and the loads of the volume. Those of the files: raidrig_raw.c. */
#include "tests/bench/raidrig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/page.h"
#include "base/uuid.h"
#include "raid/layout.h"
#include "tests/bench/raidrig_private.h"

#define WRITE_STRIPES 1024U /* a write: 4 MiB of each disk, as consistency points have them */
#define WRITES 2U /* at once */
#define READ_BLOCKS 256U /* a read in order: 1 MiB */
#define READS 8U /* of those at once */
#define POLL_NS 2000000ULL

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int rig_err;

double rig_now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void rig_die(const char *what, int err)
{
	fflush(stdout);
	fprintf(stderr, "raidbench: %s: %s\n", what, strerror(err < 0 ? -err : err));
	_Exit(1);
}

void rig_done(void *arg, int err)
{
	struct rig *rig = arg;

	rig_err = err;
	loop_stop(rig->loop);
}

struct going {
	struct task task;
	void (*start)(void *arg);
	void *arg;
};

static void going_run(struct task *task)
{
	struct going *going = container_of(task, struct going, task);

	going->start(going->arg);
}

double rig_go(struct rig *rig, const char *what, void (*start)(void *arg), void *arg)
{
	struct going going = { .task.run = going_run, .start = start, .arg = arg };
	double began = rig_now_s();

	world_defer(rig->world, &going.task);
	loop_run(rig->loop);
	if (rig_err != 0)
		rig_die(what, rig_err);
	return rig_now_s() - began;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static struct raid_group_spec group;

static void start_format(void *arg)
{
	static const struct uuid uuid = { { 0x42 } };
	struct rig *rig = arg;
	struct raid_spec spec = { .groups = &group, .n_groups = 1 };

	group.n_disks = rig->n_disks;
	group.n_parity = rig->n_parity;
	for (unsigned i = 0; i < rig->n_disks; i++)
		group.disk_urls[i] = rig->urls[i];
	raid_format(rig->world, &spec, &uuid, rig_done, rig);
}

static void opened(void *arg, int err, struct raid *raid)
{
	((struct rig *)arg)->raid = raid;
	rig_done(arg, err);
}

static void start_open(void *arg)
{
	struct rig *rig = arg;
	const char *urls[RIG_MAX_DISKS + 1U];

	for (unsigned i = 0; i <= rig->n_disks; i++)
		urls[i] = rig->urls[i];
	raid_open(rig->world, urls, rig->n_disks + 1U, NULL, opened, rig);
}

static void start_close(void *arg)
{
	raid_close(((struct rig *)arg)->raid, rig_done, arg);
}

void rig_open(struct rig *rig)
{
	(void)rig_go(rig, "open", start_open, rig);
}

void rig_close(struct rig *rig)
{
	(void)rig_go(rig, "close", start_close, rig);
	rig->raid = NULL;
}

static void make_disk(const struct rig *rig, char url[512], const char *name, unsigned i)
{
	int err;

	(void)snprintf(url, 512, "file:%s/%s%u.disk", rig->dir, name, i);
	err = disk_create(url, rig->disk_bytes);
	if (err != 0)
		rig_die(url, err);
}

void rig_make(struct rig *rig)
{
	int err = loop_new("bench", &rig->loop);

	if (err != 0)
		rig_die("loop", err);
	rig->world = loop_world(rig->loop);
	for (unsigned i = 0; i <= rig->n_disks; i++)
		make_disk(rig, rig->urls[i], "raid", i);
	for (unsigned i = 0; i < rig->n_disks; i++)
		make_disk(rig, rig->raw_urls[i], "raw", i);
	rig->pages = calloc((size_t)WRITES * WRITE_STRIPES * RIG_MAX_DISKS, sizeof *rig->pages);
	if (rig->pages == NULL || page_alloc_many(rig->pages, (size_t)WRITES * WRITE_STRIPES * RIG_MAX_DISKS) != 0)
		rig_die("pages", -ENOMEM);
	for (unsigned i = 0; i < WRITES * WRITE_STRIPES * RIG_MAX_DISKS; i++)
		memset(rig->pages[i]->data, (int)(i % 255U + 1U), RAID_BLOCK_SIZE);
	(void)rig_go(rig, "format", start_format, rig);
	rig_raw_open(rig);
	(void)rig_raw_stream(rig, 0, rig->n_disks);
	rig_open(rig);
	(void)rig_write(rig);
}

static void remove_disk(const char *url)
{
	int err = disk_destroy(url);

	if (err != 0)
		rig_die(url, err);
}

void rig_remove(struct rig *rig)
{
	rig_raw_close(rig);
	for (unsigned i = 0; i <= rig->n_disks; i++)
		remove_disk(rig->urls[i]);
	for (unsigned i = 0; i < rig->n_disks; i++)
		remove_disk(rig->raw_urls[i]);
	page_put_many(rig->pages, (size_t)WRITES * WRITE_STRIPES * RIG_MAX_DISKS);
	free(rig->pages);
	loop_free(rig->loop);
}

uint64_t rig_data_bytes(const struct rig *rig)
{
	return (uint64_t)raid_geometry(rig->raid)->vbn_end * RAID_BLOCK_SIZE;
}

static uint32_t n_dbn_of(const struct rig *rig)
{
	return raid_geometry(rig->raid)->disks[0].n_blocks;
}

static struct raid_ident ident_of(uint32_t vbn)
{
	return (struct raid_ident){ .inode = 100, .fbn = vbn, .generation = 1 };
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct writer {
	struct raid_write write;
	struct raid_write_block blocks[WRITE_STRIPES * RIG_MAX_DISKS];
	struct writing *all;
	struct page **pages;
};
struct writing {
	struct rig *rig;
	uint32_t at;
	unsigned n_active;
	struct writer *writers;
};

static void writer_next(struct writer *w);

static void written(struct raid_write *write, int err)
{
	struct writer *w = container_of(write, struct writer, write);
	struct writing *all = w->all;

	if (err != 0)
		rig_die("write", err);
	all->n_active--;
	writer_next(w);
	if (all->n_active == 0)
		raid_flush(all->rig->raid, rig_done, all->rig);
}

static void writer_next(struct writer *w)
{
	struct writing *all = w->all;
	const struct raid_geometry *geo = raid_geometry(all->rig->raid);
	uint32_t n = MIN_OF(WRITE_STRIPES, n_dbn_of(all->rig) - all->at), first = all->at;

	if (n == 0)
		return;
	all->at += n;
	all->n_active++;
	w->write = (struct raid_write){ .blocks = w->blocks, .done = written };
	for (unsigned d = 0; d < geo->n_data_disks; d++)
		for (uint32_t i = 0; i < n; i++) {
			uint32_t vbn = geo->disks[d].vbn_first + first + i;

			if (vbn != VBN_HOLE)
				w->blocks[w->write.n_blocks++] = (struct raid_write_block){
					.vbn = vbn,
					.ident = ident_of(vbn),
					.page = w->pages[(size_t)d * WRITE_STRIPES + i],
				};
		}
	raid_write(all->rig->raid, &w->write);
}

static void start_write(void *arg)
{
	struct writing *all = arg;

	for (unsigned i = 0; i < WRITES; i++)
		writer_next(&all->writers[i]);
}

double rig_write(struct rig *rig)
{
	struct writing all = { .rig = rig, .writers = calloc(WRITES, sizeof *all.writers) };
	double seconds;

	if (all.writers == NULL)
		rig_die("write", -ENOMEM);
	for (unsigned i = 0; i < WRITES; i++) {
		all.writers[i].all = &all;
		all.writers[i].pages = rig->pages + (size_t)i * WRITE_STRIPES * RIG_MAX_DISKS;
	}
	seconds = rig_go(rig, "write", start_write, &all);
	free(all.writers);
	return seconds;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
	struct raid_read read;
	struct raid_read_block blocks[READ_BLOCKS];
	struct reading *all;
};
struct reading {
	struct rig *rig;
	const uint32_t *vbns; /* one block a read; NULL: all, in order */
	uint32_t at, end;
	unsigned n_active, depth;
	struct reader *readers;
};

static void reader_next(struct reader *r);

static void was_read(struct raid_read *read)
{
	struct reader *r = container_of(read, struct reader, read);
	struct reading *all = r->all;

	for (unsigned i = 0; i < read->n_blocks; i++)
		if (r->blocks[i].err != 0)
			rig_die("read", r->blocks[i].err);
	all->n_active--;
	reader_next(r);
	if (all->n_active == 0)
		rig_done(all->rig, 0);
}

static void reader_next(struct reader *r)
{
	struct reading *all = r->all;
	uint32_t n = MIN_OF(all->vbns != NULL ? 1U : READ_BLOCKS, all->end - all->at);

	if (n == 0)
		return;
	all->n_active++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t vbn = all->vbns != NULL ? all->vbns[all->at + i] : all->at + i;

		r->blocks[i].vbn = vbn;
		r->blocks[i].ident = ident_of(vbn);
	}
	all->at += n;
	r->read = (struct raid_read){ .blocks = r->blocks, .n_blocks = n, .done = was_read };
	raid_read(all->rig->raid, &r->read);
}

static void start_read(void *arg)
{
	struct reading *all = arg;

	for (unsigned i = 0; i < all->depth; i++)
		reader_next(&all->readers[i]);
}

static double read_run(struct reading *all)
{
	double seconds;

	all->readers = calloc(all->depth, sizeof *all->readers);
	if (all->readers == NULL)
		rig_die("read", -ENOMEM);
	for (unsigned i = 0; i < all->depth; i++) {
		all->readers[i].all = all;
		for (unsigned b = 0; b < (all->vbns != NULL ? 1U : READ_BLOCKS); b++)
			if ((all->readers[i].blocks[b].page = page_alloc()) == NULL)
				rig_die("read", -ENOMEM);
	}
	seconds = rig_go(all->rig, "read", start_read, all);
	for (unsigned i = 0; i < all->depth; i++)
		for (unsigned b = 0; b < (all->vbns != NULL ? 1U : READ_BLOCKS); b++)
			page_put(all->readers[i].blocks[b].page);
	free(all->readers);
	return seconds;
}

double rig_reads(struct rig *rig, unsigned depth)
{
	const struct raid_geometry *geo = raid_geometry(rig->raid);
	uint32_t n_zones = n_dbn_of(rig) / RAID_ZONE_DATA, n = 0;
	uint32_t *vbns = calloc((size_t)geo->n_data_disks * n_zones, sizeof *vbns);
	double seconds;

	if (vbns == NULL)
		rig_die("read", -ENOMEM);
	for (unsigned d = 0; d < geo->n_data_disks; d++)
		for (uint32_t zone = 0; zone < n_zones; zone++)
			vbns[n++] = geo->disks[d].vbn_first + zone * RAID_ZONE_DATA + 1U + (uint32_t)random() % 254U;
	rig_shuffle(vbns, n);
	seconds = read_run(&(struct reading){ .rig = rig, .vbns = vbns, .end = n, .depth = depth });
	free(vbns);
	return seconds;
}

double rig_read_all(struct rig *rig)
{
	return read_run(
	    &(struct reading){ .rig = rig, .at = 1, .end = raid_geometry(rig->raid)->vbn_end, .depth = READS });
}

void rig_shuffle(uint32_t *numbers, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t other = (uint32_t)random() % i, number = numbers[i - 1];

		numbers[i - 1] = numbers[other];
		numbers[other] = number;
	}
}

/* ---- verifying, failing, rebuilding ------------------------------------------------------------------------------ */

static void verified(void *arg, int err, const struct raid_verify_result *result)
{
	if (err == 0 && result->n_wrong != 0)
		err = -EUCLEAN;
	rig_done(arg, err);
}

static void start_verify(void *arg)
{
	struct rig *rig = arg;

	raid_verify_afresh(rig->raid, 0, 0, n_dbn_of(rig));
	raid_verify(rig->raid, 0, 0, n_dbn_of(rig), verified, rig);
}

double rig_verify(struct rig *rig)
{
	return rig_go(rig, "verify", start_verify, rig);
}

struct change {
	struct rig *rig;
	unsigned position;
	struct timer poll;
};

static void start_fail(void *arg)
{
	const struct change *change = arg;

	raid_fail(change->rig->raid, 0, change->position, rig_done, change->rig);
}

void rig_fail(struct rig *rig, unsigned position)
{
	struct change change = { .rig = rig, .position = position };

	(void)rig_go(rig, "fail", start_fail, &change);
}

static void rebuild_poll(struct timer *timer)
{
	struct change *change = container_of(timer, struct change, poll);

	if (raid_group_is_whole(change->rig->raid, 0))
		rig_done(change->rig, 0);
	else
		world_timer_set(change->rig->world, timer, POLL_NS);
}

static void replaced(void *arg, int err)
{
	struct change *change = arg;

	if (err != 0)
		rig_die("replace", err);
	rebuild_poll(&change->poll);
}

static void start_replace(void *arg)
{
	struct change *change = arg;

	change->poll.fire = rebuild_poll;
	raid_replace(change->rig->raid, 0, change->position, change->rig->urls[change->rig->n_disks], replaced, change);
}

double rig_rebuild(struct rig *rig, unsigned position)
{
	struct change change = { .rig = rig, .position = position };

	return rig_go(rig, "rebuild", start_replace, &change);
}
