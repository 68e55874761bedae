/* SPDX-License-Identifier: Apache-2.0 */
/* The loads of the files alone: what the same disks do without RAID. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/raidrig_private.h"

#define STREAM_BYTES (1U << 20) /* an I/O */
#define STREAM_DEPTH 4U /* of a disk at once */
#define BLOCK 4096U

struct slot {
	struct disk_io io;
	struct iovec iov;
	struct load *load;
	struct disk *disk;
	unsigned stream;
};
struct stream {
	struct disk *disk;
	enum disk_op op;
	uint64_t at;
	unsigned n_active;
};
struct load {
	struct rig *rig;
	struct stream streams[RIG_MAX_DISKS];
	const uint32_t *blocks; /* random reads: disk and MiB of each; NULL: streams */
	uint32_t at, end;
	unsigned depth, n_active, n_slots;
	struct slot *slots;
};

static void slot_next(struct slot *slot);

static void slot_submit(struct slot *slot, enum disk_op op, uint64_t offset_bytes, uint64_t len_bytes);

static void slot_done(struct disk_io *io, int err)
{
	struct slot *slot = container_of(io, struct slot, io);
	struct load *load = slot->load;
	bool flushed = io->op == DISK_FLUSH;

	if (err != 0)
		rig_die("raw I/O", err);
	load->n_active--;
	if (load->blocks == NULL)
		load->streams[slot->stream].n_active--;
	if (!flushed)
		slot_next(slot);
	if (load->n_active == 0)
		rig_done(load->rig, 0);
}

static void slot_submit(struct slot *slot, enum disk_op op, uint64_t offset_bytes, uint64_t len_bytes)
{
	slot->iov.iov_len = len_bytes;
	slot->io = (struct disk_io){ .op = op,
		                     .iov = &slot->iov,
		                     .n_iov = op == DISK_FLUSH ? 0 : 1,
		                     .offset_bytes = offset_bytes,
		                     .len_bytes = len_bytes,
		                     .done = slot_done };
	slot->load->n_active++;
	if (slot->load->blocks == NULL)
		slot->load->streams[slot->stream].n_active++;
	disk_submit(slot->disk, &slot->io);
}

static void stream_next(struct slot *slot)
{
	struct stream *stream = &slot->load->streams[slot->stream];
	uint64_t at = stream->at;

	if (at >= slot->load->rig->disk_bytes) {
		if (stream->op == DISK_WRITE && stream->n_active == 0)
			slot_submit(slot, DISK_FLUSH, 0, 0);
		return;
	}
	stream->at += STREAM_BYTES;
	slot_submit(slot, stream->op, at, STREAM_BYTES);
}

static void random_next(struct slot *slot)
{
	struct load *load = slot->load;
	uint32_t n_mib = (uint32_t)(load->rig->disk_bytes >> 20), number;

	if (load->at == load->end)
		return;
	number = load->blocks[load->at++];
	slot->disk = load->rig->raw[number / n_mib];
	slot_submit(slot, DISK_READ, (uint64_t)(number % n_mib) << 20 | (uint64_t)((uint32_t)random() % 256U) * BLOCK,
	            BLOCK);
}

static void slot_next(struct slot *slot)
{
	if (slot->load->blocks != NULL)
		random_next(slot);
	else
		stream_next(slot);
}

static void start_load(void *arg)
{
	struct load *load = arg;

	for (unsigned i = 0; i < load->n_slots; i++)
		slot_next(&load->slots[i]);
}

static double load_run(struct load *load)
{
	double seconds;

	load->slots = calloc(load->n_slots, sizeof *load->slots);
	for (unsigned i = 0; load->slots != NULL && i < load->n_slots; i++) {
		struct slot *slot = &load->slots[i];
		void *bytes = NULL;

		if (posix_memalign(&bytes, BLOCK, STREAM_BYTES) != 0)
			rig_die("memory", -ENOMEM);
		memset(bytes, (int)i + 1, STREAM_BYTES);
		slot->load = load;
		slot->iov.iov_base = bytes;
		slot->stream = i / STREAM_DEPTH;
		slot->disk = load->blocks == NULL ? load->streams[slot->stream].disk : NULL;
	}
	seconds = rig_go(load->rig, "raw", start_load, load);
	for (unsigned i = 0; i < load->n_slots; i++)
		free(load->slots[i].iov.iov_base);
	free(load->slots);
	return seconds;
}

double rig_raw_stream(struct rig *rig, unsigned n_read, unsigned n_written)
{
	struct load load = { .rig = rig, .n_slots = (n_read + n_written) * STREAM_DEPTH };

	for (unsigned i = 0; i < n_read + n_written; i++)
		load.streams[i] = (struct stream){ .disk = rig->raw[i], .op = i < n_read ? DISK_READ : DISK_WRITE };
	return load_run(&load);
}

double rig_raw_reads(struct rig *rig, unsigned depth)
{
	uint32_t n = (uint32_t)(rig->disk_bytes >> 20) * (rig->n_disks - rig->n_parity);
	uint32_t *blocks = calloc(n, sizeof *blocks);
	double seconds;

	if (blocks == NULL)
		rig_die("memory", -ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		blocks[i] = i;
	rig_shuffle(blocks, n);
	seconds = load_run(&(struct load){ .rig = rig, .blocks = blocks, .end = n, .n_slots = depth });
	free(blocks);
	return seconds;
}

static void start_raw_open(void *arg)
{
	struct rig *rig = arg;
	int err = 0;

	for (unsigned i = 0; i < rig->n_disks && err == 0; i++)
		err = disk_open(rig->world, rig->raw_urls[i], &rig->raw[i]);
	rig_done(rig, err);
}

static void start_raw_close(void *arg)
{
	struct rig *rig = arg;

	for (unsigned i = 0; i < rig->n_disks; i++)
		disk_close(rig->raw[i]);
	rig_done(rig, 0);
}

void rig_raw_open(struct rig *rig)
{
	(void)rig_go(rig, "open the files", start_raw_open, rig);
}

void rig_raw_close(struct rig *rig)
{
	(void)rig_go(rig, "close the files", start_raw_close, rig);
}
