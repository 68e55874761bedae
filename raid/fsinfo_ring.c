/* SPDX-License-Identifier: Apache-2.0 */
/* The fsinfo ring: the newest fsinfo, in the next slot of the ring of every disk, one half of the disks after the
 * other.
 *
 * THEORY. A write goes to a slot that holds an older one, so a torn write loses nothing. Our head of the slot carries
 * the sequence up to which stripe intents are settled: blocks become live only by an fsinfo, so exactly then the
 * intents that covered their writing must be dead, or recovery would take live blocks for blocks in flight. */
#include "raid/fsinfo_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_volume.h"

static uint32_t fsinfo_crc(const struct raid_fsinfo_format *f)
{
	return crc32c_sealed(f, sizeof *f, offsetof(struct raid_fsinfo_format, crc));
}

bool fsinfo_valid(const struct raid_fsinfo_format *f, const struct uuid *volume_uuid)
{
	return memcmp(f->magic, RAID_FSINFO_MAGIC, RAID_MAGIC_BYTES) == 0 &&
	       le32_get(f->version) == RAID_FORMAT_VERSION && memcmp(f->volume_uuid, volume_uuid->b, 16) == 0 &&
	       fsinfo_crc(f) == le32_get(f->crc);
}

void fsinfo_ring_offer(struct raid *raid, unsigned slot, const struct raid_fsinfo_format *f)
{
	struct fsinfo_state *s = &raid->fsinfo;

	if (!fsinfo_valid(f, &raid->volume_uuid) || (s->present && le64_get(f->generation) <= s->generation))
		return;
	s->present = true;
	s->generation = le64_get(f->generation);
	s->slot = slot;
	s->intent_epoch = le64_get(f->intent_epoch);
	s->intent_released = le64_get(f->intent_released);
	memcpy(s->body, f->body, RAID_FSINFO_BODY);
}

int raid_fsinfo_read(struct raid *raid, uint64_t *ret_generation, uint8_t ret_body[RAID_FSINFO_BODY])
{
	const struct fsinfo_state *s = &raid->fsinfo;

	if (!s->present)
		return -ENOENT;
	*ret_generation = s->generation;
	memcpy(ret_body, s->body, RAID_FSINFO_BODY);
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void fsinfo_encode(struct raid *raid)
{
	struct fsinfo_state *s = &raid->fsinfo;
	struct raid_fsinfo_format *f = s->block;

	memset(f, 0, sizeof *f);
	memcpy(f->magic, RAID_FSINFO_MAGIC, RAID_MAGIC_BYTES);
	f->version = le32_of(RAID_FORMAT_VERSION);
	memcpy(f->volume_uuid, raid->volume_uuid.b, 16);
	f->generation = le64_of(s->generation);
	f->intent_epoch = le64_of(s->intent_epoch);
	f->intent_released = le64_of(s->intent_released);
	f->flush = le64_of(raid->lineage.flush);
	memcpy(f->body, s->body, RAID_FSINFO_BODY);
	f->crc = le32_of(fsinfo_crc(f));
}

static void copy_pump(struct raid *raid);
static void fsinfo_begin(struct raid *raid);

static void fsinfo_end(struct raid *raid, int err)
{
	struct fsinfo_state *s = &raid->fsinfo;

	if (s->copying) {
		s->copying = false;
		rebuild_kick_all(raid);
		if (s->busy)
			fsinfo_begin(raid);
	} else {
		s->busy = false;
		s->done(s->arg, err);
	}
	copy_pump(raid);
	raid_idle_check(raid);
}

static void fsinfo_labels_done(struct label_wait *wait, int err)
{
	struct raid *raid = container_of(wait, struct raid, fsinfo.label);

	fsinfo_end(raid, err != 0 || raid_group_failed_any(raid) ? -EIO : 0);
}

static void fsinfo_half_done(struct batch *batch);

/* Half 0: members with even index; half 1: the others. */
static void fsinfo_write_half(struct raid *raid)
{
	struct fsinfo_state *s = &raid->fsinfo;
	unsigned n = 0;

	for (unsigned i = s->half; i < raid->n_members; i += 2)
		if (member_online(raid->members[i]))
			s->items[n++] = (struct batch_item){ .member = raid->members[i],
				                             .block = layout_ring_block(s->slot),
				                             .data = s->block };
	s->batch = (struct batch){
		.raid = raid, .op = DISK_WRITE_DURABLE, .items = s->items, .n_items = n, .done = fsinfo_half_done
	};
	batch_submit(&s->batch);
}

static void fsinfo_half_done(struct batch *batch)
{
	struct raid *raid = batch->raid;
	struct fsinfo_state *s = &raid->fsinfo;

	for (unsigned i = 0; i < batch->n_items; i++)
		if (batch->items[i].err == 0)
			batch->items[i].member->has_fsinfo = true;
	if (s->half++ == 0) {
		fsinfo_write_half(raid);
		return;
	}
	if (label_in_step(raid)) {
		fsinfo_end(raid, raid_group_failed_any(raid) ? -EIO : 0);
		return;
	}
	s->label.done = fsinfo_labels_done;
	label_sync(raid, &s->label);
}

static void fsinfo_write_both(struct raid *raid)
{
	raid->fsinfo.half = 0;
	fsinfo_encode(raid);
	fsinfo_write_half(raid);
}

static void fsinfo_flushed(struct flush_wait *wait, int err)
{
	struct raid *raid = container_of(wait, struct raid, fsinfo.flush);
	struct fsinfo_state *s = &raid->fsinfo;

	if (err != 0) {
		fsinfo_end(raid, err);
		return;
	}
	s->slot = s->present ? (s->slot + 1) % RAID_RING_SLOTS : 0;
	s->present = true;
	s->generation = s->next_generation;
	memcpy(s->body, s->next_body, RAID_FSINFO_BODY);
	s->intent_epoch = raid->label.epoch;
	s->intent_released = raid->intent_released;
	fsinfo_write_both(raid);
}

static void fsinfo_begin(struct raid *raid)
{
	struct fsinfo_state *s = &raid->fsinfo;

	raid_flush_request(raid, &s->flush);
}

void raid_fsinfo_write(struct raid *raid, uint64_t generation, const uint8_t body[RAID_FSINFO_BODY],
                       void (*done)(void *arg, int err), void *arg)
{
	struct fsinfo_state *s = &raid->fsinfo;

	vc_assert(!raid->read_only && !s->busy && (!s->present || generation > s->generation));
	s->busy = true;
	s->done = done;
	s->arg = arg;
	s->next_generation = generation;
	memcpy(s->next_body, body, RAID_FSINFO_BODY);
	s->flush.done = fsinfo_flushed;
	if (!s->copying) /* else it comes next */
		fsinfo_begin(raid);
}

/* ---- a disk that has joined -------------------------------------------------------------------------------------- */

static void copy_pump(struct raid *raid)
{
	struct fsinfo_state *s = &raid->fsinfo;

	if (!s->copy_wanted || s->busy || s->copying || raid->closing)
		return;
	s->copy_wanted = false;
	s->copying = true;
	fsinfo_write_both(raid);
}

void fsinfo_ring_copy(struct raid *raid)
{
	raid->fsinfo.copy_wanted = raid->fsinfo.present;
	copy_pump(raid);
}

bool fsinfo_ring_is_on(const struct member *m)
{
	return m->has_fsinfo || !m->raid->fsinfo.present;
}

static void heal_none_run(struct task *task)
{
	struct raid *raid = container_of(task, struct raid, fsinfo.task);

	fsinfo_end(raid, 0);
}

void fsinfo_ring_heal(struct raid *raid, void (*done)(void *arg, int err), void *arg)
{
	struct fsinfo_state *s = &raid->fsinfo;

	s->busy = true;
	s->done = done;
	s->arg = arg;
	if (s->present) {
		fsinfo_write_both(raid);
		return;
	}
	s->task.run = heal_none_run;
	world_defer(raid->world, &s->task);
}
