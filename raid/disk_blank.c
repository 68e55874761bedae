/* SPDX-License-Identifier: Apache-2.0 */
/* Blanking: discard, then zeros, then a flush. */
#include "raid/disk_blank.h"

#include <stdalign.h>

#include "base/log.h"
#include "raid/raid.h"

#define ZERO_CHUNK_BLOCKS 256U
#define DISCARD_CHUNK (1ULL << 30)

static alignas(RAID_BLOCK_SIZE) uint8_t zeros[ZERO_CHUNK_BLOCKS * RAID_BLOCK_SIZE]; /* never written */

static void blank_step(struct disk_blank *b);

static void blank_io_done(struct disk_io *io, int err)
{
	struct disk_blank *b = container_of(io, struct disk_blank, io);

	if (err != 0 && b->discarding) {
		log_info("raid", "disk_not_discarded", "reason=%s overwrite=%d", error_name(err), b->overwrite);
		b->discard_at = b->disk->size_bytes;
		b->zeroed = b->overwrite;
		if (b->overwrite)
			b->end = b->disk->size_bytes / RAID_BLOCK_SIZE;
		err = 0;
	}
	b->discarding = false;
	if (err != 0 || b->flushing)
		b->done(b, err);
	else
		blank_step(b);
}

static void blank_submit(struct disk_blank *b, enum disk_op op, uint64_t offset_bytes, uint64_t len_bytes)
{
	b->iov = (struct iovec){ zeros, len_bytes };
	b->io = (struct disk_io){
		.op = op,
		.iov = &b->iov,
		.n_iov = op == DISK_WRITE ? 1 : 0,
		.offset_bytes = offset_bytes,
		.len_bytes = len_bytes,
		.done = blank_io_done,
	};
	disk_submit(b->disk, &b->io);
}

static void blank_step(struct disk_blank *b)
{
	uint64_t at = b->discard_at, n = MIN_OF(b->disk->size_bytes - at, DISCARD_CHUNK);

	if (n > 0) {
		b->discarding = true;
		b->discard_at += n;
		blank_submit(b, DISK_DISCARD, at, n);
		return;
	}
	at = b->at;
	n = MIN_OF(b->end - at, (uint64_t)ZERO_CHUNK_BLOCKS);
	if (n > 0) {
		b->at += n;
		blank_submit(b, DISK_WRITE, at * RAID_BLOCK_SIZE, n * RAID_BLOCK_SIZE);
		return;
	}
	b->flushing = true;
	blank_submit(b, DISK_FLUSH, 0, 0);
}

void disk_blank_start(struct disk_blank *b)
{
	b->zeroed = true;
	b->discarding = b->flushing = false;
	b->at = b->first_block;
	b->discard_at = b->at * RAID_BLOCK_SIZE;
	b->end = b->at + b->front_blocks;
	blank_step(b);
}
