/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: each disk says which flush it has taken part in.
 *
 * THEORY. A flush writes them after all it is to make durable has been written, and before the disks are flushed: so it
 * makes them durable too, and costs no flush more. A mark goes to the older of the disk's two copies: a torn one leaves
 * the other. The lineage in the marks runs ahead of raid->lineage while a flush is under way; only when it has ended
 * may anything lean on it (raid/lineage.h). */
#include "raid/mark.h"

#include <string.h>

#include "base/crc32c.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_volume.h"

static uint32_t mark_crc(const struct raid_mark_format *f)
{
	return crc32c_sealed(f, sizeof *f, offsetof(struct raid_mark_format, crc));
}

bool mark_decode(const struct raid_mark_format *f, const struct uuid *volume_uuid, struct lineage *ret_lineage)
{
	if (memcmp(f->magic, RAID_MARK_MAGIC, RAID_MAGIC_BYTES) != 0 || le32_get(f->version) != RAID_FORMAT_VERSION ||
	    memcmp(f->volume_uuid, volume_uuid->b, 16) != 0 || mark_crc(f) != le32_get(f->crc))
		return false;
	lineage_decode(&f->lineage, ret_lineage);
	return true;
}

static void mark_encode(const struct raid *raid, struct raid_mark_format *f)
{
	memset(f, 0, sizeof *f);
	memcpy(f->magic, RAID_MARK_MAGIC, RAID_MAGIC_BYTES);
	f->version = le32_of(RAID_FORMAT_VERSION);
	memcpy(f->volume_uuid, raid->volume_uuid.b, 16);
	lineage_encode(&raid->marks.lineage, &f->lineage);
	f->crc = le32_of(mark_crc(f));
}

static void marks_written(struct batch *batch)
{
	struct raid *raid = batch->raid;

	for (unsigned i = 0; i < batch->n_items; i++)
		if (batch->items[i].err == 0)
			batch->items[i].member->mark_copy = 1 - batch->items[i].member->mark_copy;
	raid->marks.done(raid);
}

void marks_write(struct raid *raid, void (*done)(struct raid *raid))
{
	struct mark_state *s = &raid->marks;
	unsigned n = 0;

	s->done = done;
	s->lineage.flush++;
	mark_encode(raid, s->block);
	for (unsigned i = 0; i < raid->n_members; i++)
		if (member_online(raid->members[i]))
			s->items[n++] = (struct batch_item){ .member = raid->members[i],
				                             .block = layout_mark_block(1 -
				                                                        raid->members[i]->mark_copy),
				                             .data = s->block };
	s->batch = (struct batch){
		.raid = raid, .op = DISK_WRITE, .items = s->items, .n_items = n, .done = marks_written
	};
	batch_submit(&s->batch);
}

bool marks_wanted(const struct raid *raid)
{
	bool written = raid->opening || raid->intent_sequence != raid->intent_released;

	for (unsigned i = 0; i < raid->n_members; i++)
		written = written || (member_online(raid->members[i]) && raid->members[i]->unflushed);
	return written;
}

void marks_begin(struct raid *raid)
{
	uint64_t id;

	world_random(raid->world, &id, sizeof id);
	raid->marks.lineage = raid->lineage;
	/* One number is left out: a disk that is away may have the mark of a flush that never ended, and has not parted
	 * from us by that. */
	raid->marks.lineage.flush = MAX_OF(raid->marks.last_flush, raid->lineage.flush) + 1;
	lineage_begin(&raid->marks.lineage, id);
}
