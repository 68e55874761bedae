/* SPDX-License-Identifier: Apache-2.0 */
/* NVLOG, the reading side: at mount, apply again what was acknowledged after the last consistency point.
 *
 * THEORY. Both halves may hold records that count (a CP was running). Each half is a chain of groups from block 0. The
 * half whose first group is older is applied first.
 * A group is read whole before any of its records is applied, from the first copy on which it is valid and continues
 * the chain. The first group of a half has nothing to continue. There the copy with the newest first group counts, for
 * a disk may be an old copy of itself, from before the half was used again (raid/lineage.h tells such disks only by
 * flushes).
 * Records up to fsinfo_sequence are in the consistency point already, and are passed over.
 * Groups reach the disks strictly one after the other, so the first group that does not fit was never acknowledged: the
 * replay ends there. A hole between the halves, on the other hand, is damage, and the mount is refused.
 * A read-only mount applies nothing: the first record that would have to be applied refuses it.
 * INVARIANT  a record is applied only if its epoch is fsinfo's and every record between fsinfo_sequence and it was
 * applied. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "fs/clone/clone_apply.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/cp/calls.h"
#include "fs/file/run.h"
#include "fs/format/nvlogformat.h"
#include "fs/format/recordformat.h"
#include "fs/log/nvlog.h"
#include "fs/log/nvlog_group.h"
#include "fs/names/file_apply.h"
#include "fs/names/namespace_apply.h"
#include "fs/vdisk/docs.h"
#include "fs/vdisk/vdisk_apply.h"
#include "raid/raid.h"

struct replay;
typedef void replay_next_fn(struct replay *replay, bool found);

struct replay {
	struct fs_volume *vol;
	void (*done)(struct fs_volume *vol, int err, uint64_t n_records);
	uint64_t next_epoch; /* vol->epoch after the replay */
	uint64_t n_records;
	uint64_t sequence; /* of the last record applied, or covered by fsinfo */
	/* which half, where */
	unsigned order[2]; /* halves, older first */
	unsigned n_order, turn;
	uint64_t first_sequence[2];
	unsigned half;
	uint32_t block;
	uint32_t last_crc;
	uint64_t chain_sequence; /* last one seen in this half; 0: none yet */
	/* the group being read */
	unsigned copy;
	bool seeking; /* block 0: all copies are looked at */
	unsigned best_copy;
	uint64_t best_sequence; /* 0: none yet */
	replay_next_fn *next;
	struct nvlog_group_disk head;
	uint32_t head_bytes, n_head_blocks, n_pages;
	struct iovec iov[1U + NVLOG_GROUP_PAGES_MAX];
	uint8_t *heads;
	struct page *pages[NVLOG_GROUP_PAGES_MAX];
	unsigned n_pages_held;
	/* its records */
	uint32_t record_at, record_page, records_left;
	struct nvlog_record record;
	uint64_t record_sequence;
	struct fs_run run;
};

static nvlog_apply_fn *const apply_table[NVLOG_TYPE_COUNT] = {
	[NVLOG_CREATE] = namespace_apply_create,
	[NVLOG_REMOVE] = namespace_apply_remove,
	[NVLOG_RENAME] = namespace_apply_rename,
	[NVLOG_LINK] = namespace_apply_link,
	[NVLOG_SETATTR] = namespace_apply_setattr,
	[NVLOG_WRITE] = file_apply_write,
	[NVLOG_ZERO] = file_apply_zero,
	[NVLOG_VDISK_CREATE] = vdisk_apply_create,
	[NVLOG_VDISK_SET] = vdisk_apply_set,
	[NVLOG_VDISK_DESTROY] = vdisk_apply_destroy,
	[NVLOG_DOC_PUT] = docs_apply_put,
	[NVLOG_DOC_DELETE] = docs_apply_delete,
	[NVLOG_CLONE_SET] = clone_apply_set,
};

static void pages_drop(struct replay *replay)
{
	page_put_many(replay->pages, replay->n_pages_held);
	replay->n_pages_held = 0;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void replay_finish(struct fs_run *run, int err)
{
	struct replay *replay = run->arg;
	struct fs_volume *vol = replay->vol;
	void (*done)(struct fs_volume *, int, uint64_t) = replay->done;
	uint64_t n_records = replay->n_records;

	if (err == 0) { /* else the log, under its epoch, is for the next mount to apply */
		nvlog_resume(vol, replay->sequence);
		vol->epoch = replay->next_epoch;
	}
	pages_drop(replay);
	run_fini(&replay->run);
	free(replay->heads);
	free(replay);
	if (err != 0)
		log_error("nvlog", "replay_failed", "volume=%s error=%s after_records=%" PRIu64, vol->name,
		          error_name(err), n_records);
	else if (n_records > 0)
		log_info("nvlog", "replayed", "volume=%s records=%" PRIu64, vol->name, n_records);
	done(vol, err, n_records);
}

/* A consistency point that began under the old epoch must end under it. */
static int end_step(struct fs_run *run)
{
	if (cp_is_running(run->vol))
		return run_wait(run, &run->vol->cp_waiters);
	return 0;
}

static void replay_end(struct replay *replay, int err)
{
	run_fini(&replay->run);
	if (err != 0) {
		run_init(&replay->run, replay->vol, end_step, replay_finish, replay);
		replay_finish(&replay->run, err);
		return;
	}
	run_init(&replay->run, replay->vol, end_step, replay_finish, replay);
	run_start_later(&replay->run);
}

/* ---- reading a group ------------------------------------------------------------------------------------------- */

static void group_try_copy(struct replay *replay);

static void group_next_copy(struct replay *replay)
{
	pages_drop(replay);
	replay->copy++;
	group_try_copy(replay);
}

static void group_read_done(void *arg, int err)
{
	struct replay *replay = arg;

	if (err != 0 || !nvlog_group_is_whole(replay->heads, replay->pages, replay->last_crc)) {
		group_next_copy(replay);
		return;
	}
	if (replay->seeking) {
		if (le64_get(replay->head.first_sequence) > replay->best_sequence) {
			replay->best_sequence = le64_get(replay->head.first_sequence);
			replay->best_copy = replay->copy;
		}
		group_next_copy(replay);
		return;
	}
	replay->next(replay, true);
}

static void group_head_done(void *arg, int err)
{
	struct replay *replay = arg;
	unsigned n = 0;

	memcpy(&replay->head, replay->heads, sizeof replay->head);
	if (err != 0 || !nvlog_group_fits(&replay->head, replay->vol->fsinfo_epoch, replay->block,
	                                  replay->chain_sequence, raid_log_half_blocks(replay->vol->raid))) {
		group_next_copy(replay);
		return;
	}
	replay->head_bytes = le32_get(replay->head.head_bytes);
	replay->n_head_blocks = DIV_UP(replay->head_bytes, PAGE_SIZE);
	replay->n_pages = le32_get(replay->head.n_pages);
	if (page_alloc_many(replay->pages, replay->n_pages) != 0) {
		replay_end(replay, -ENOMEM);
		return;
	}
	replay->n_pages_held = replay->n_pages;
	replay->iov[n++] = (struct iovec){ replay->heads, (size_t)replay->n_head_blocks * PAGE_SIZE };
	for (uint32_t i = 0; i < replay->n_pages; i++)
		replay->iov[n++] = (struct iovec){ replay->pages[i]->data, PAGE_SIZE };
	raid_log_read(replay->vol->raid, replay->copy,
	              &(struct raid_log_io){ replay->half, replay->block, replay->iov, n, group_read_done, replay });
}

static void group_try_copy(struct replay *replay)
{
	if (replay->copy >= raid_log_copies(replay->vol->raid) && replay->seeking && replay->best_sequence != 0) {
		replay->seeking = false;
		replay->copy = replay->best_copy;
	}
	if (replay->copy >= raid_log_copies(replay->vol->raid)) {
		replay->next(replay, false);
		return;
	}
	replay->iov[0] = (struct iovec){ replay->heads, PAGE_SIZE };
	raid_log_read(replay->vol->raid, replay->copy,
	              &(struct raid_log_io){ replay->half, replay->block, replay->iov, 1, group_head_done, replay });
}

/* Read the group at half/block and call `next`. */
static void group_read(struct replay *replay, replay_next_fn *next)
{
	pages_drop(replay);
	replay->next = next;
	replay->copy = 0;
	replay->seeking = replay->block == 0;
	replay->best_sequence = 0;
	if (replay->block >= raid_log_half_blocks(replay->vol->raid)) {
		next(replay, false);
		return;
	}
	group_try_copy(replay);
}

/* ---- applying -------------------------------------------------------------------------------------------------- */

static void half_next_group(struct replay *replay, bool found);
static void half_begin(struct replay *replay);

static void group_end(struct replay *replay)
{
	replay->chain_sequence = le64_get(replay->head.first_sequence) + le32_get(replay->head.n_records) - 1U;
	replay->block += replay->n_head_blocks + replay->n_pages;
	nvlog_reaches(replay->vol, replay->block);
	group_read(replay, half_next_group);
}

/* A call is the end of the body. One that does not fit leaves the record of a type that nobody knows. */
static void record_split(struct nvlog_record *record, uint32_t call_len)
{
	if ((record->type & NVLOG_CALL) == 0 || call_len == 0 || call_len > record->body_len)
		return;
	record->type &= ~NVLOG_CALL;
	record->body_len -= call_len;
	record->call = record->body + record->body_len;
	record->call_len = call_len;
}

/* Decode the record at the cursor and step over it. */
static void record_take(struct replay *replay)
{
	struct nvlog_record_disk head;

	memcpy(&head, replay->heads + replay->record_at, sizeof head);
	replay->record = (struct nvlog_record){
		.type = (enum nvlog_type)head.type,
		.body = replay->heads + replay->record_at + sizeof head,
		.body_len = le32_get(head.body_len),
		.pages = replay->pages + replay->record_page,
		.n_pages = le16_get(head.n_pages),
	};
	replay->record_sequence = le64_get(head.sequence);
	replay->last_crc = le32_get(head.crc);
	replay->record_at += (uint32_t)(sizeof head + replay->record.body_len + 4U * (size_t)replay->record.n_pages);
	replay->record_page += replay->record.n_pages;
	replay->records_left--;
	record_split(&replay->record, le32_get(head.call_len));
}

static int record_step(struct fs_run *run)
{
	struct replay *replay = run->arg;
	unsigned type = (unsigned)replay->record.type;

	if (type >= NVLOG_TYPE_COUNT || apply_table[type] == NULL)
		return -EUCLEAN;
	return apply_table[type](run, &replay->record);
}

static void records_continue(struct replay *replay);

static void record_applied(struct fs_run *run, int err)
{
	struct replay *replay = run->arg;

	if (err != 0) {
		log_error("nvlog", "record_not_applied", "volume=%s sequence=%" PRIu64 " type=%u error=%s",
		          replay->vol->name, replay->record_sequence, (unsigned)replay->record.type, error_name(err));
		replay_end(replay, err);
		return;
	}
	replay->sequence = replay->record_sequence;
	replay->n_records++;
	nvlog_resume(replay->vol, replay->sequence);
	calls_replay(replay->vol, replay->record.call, replay->record.call_len, replay->sequence);
	records_continue(replay);
}

static void records_continue(struct replay *replay)
{
	while (replay->records_left > 0) {
		record_take(replay);
		if (replay->record_sequence <= replay->sequence) {
			/* A CP in the middle of a replay saves no calls: they are still here. */
			calls_replay(replay->vol, replay->record.call, replay->record.call_len,
			             replay->record_sequence);
			continue;
		}
		if (replay->vol->read_only) {
			log_error("nvlog", "replay_needed",
			          "volume=%s sequence=%" PRIu64
			          " error=EROFS: the log holds changes to apply; mount the volume for writing once",
			          replay->vol->name, replay->record_sequence);
			replay_end(replay, -EROFS);
			return;
		}
		run_fini(&replay->run);
		run_init(&replay->run, replay->vol, record_step, record_applied, replay);
		run_start_later(&replay->run);
		return;
	}
	group_end(replay);
}

static void half_next_group(struct replay *replay, bool found)
{
	if (!found) {
		replay->turn++;
		half_begin(replay);
		return;
	}
	if (le64_get(replay->head.first_sequence) > replay->sequence + 1U) {
		log_error("nvlog", "replay_gap", "volume=%s have=%" PRIu64 " next=%" PRIu64, replay->vol->name,
		          replay->sequence, le64_get(replay->head.first_sequence));
		replay_end(replay, -EUCLEAN);
		return;
	}
	replay->record_at = sizeof(struct nvlog_group_disk);
	replay->record_page = 0;
	replay->records_left = le32_get(replay->head.n_records);
	records_continue(replay);
}

static void cursor_set(struct replay *replay, unsigned half)
{
	replay->half = half;
	replay->block = 0;
	replay->last_crc = 0;
	replay->chain_sequence = 0;
}

static void half_begin(struct replay *replay)
{
	if (replay->turn >= replay->n_order) {
		replay_end(replay, 0);
		return;
	}
	cursor_set(replay, replay->order[replay->turn]);
	group_read(replay, half_next_group);
}

/* ---- which half is older --------------------------------------------------------------------------------------- */

static void probe_next(struct replay *replay, bool found)
{
	replay->first_sequence[replay->half] = found ? le64_get(replay->head.first_sequence) : 0;
	if (replay->half == 0) {
		cursor_set(replay, 1);
		group_read(replay, probe_next);
		return;
	}
	unsigned older = replay->first_sequence[1] < replay->first_sequence[0] ? 1U : 0U;
	for (unsigned i = 0; i < 2; i++)
		if (replay->first_sequence[older ^ i] != 0)
			replay->order[replay->n_order++] = older ^ i;
	half_begin(replay);
}

void nvlog_replay(struct fs_volume *vol, void (*done)(struct fs_volume *vol, int err, uint64_t n_records))
{
	struct replay *replay = calloc(1, sizeof *replay);
	uint8_t *heads = aligned_alloc(PAGE_SIZE, NVLOG_HEAD_BYTES_MAX);

	if (replay == NULL || heads == NULL) {
		free(replay);
		free(heads);
		done(vol, -ENOMEM, 0);
		return;
	}
	replay->vol = vol;
	replay->done = done;
	replay->heads = heads;
	replay->sequence = vol->fsinfo_sequence;
	replay->next_epoch = vol->epoch;
	vol->epoch = vol->fsinfo_epoch;
	run_init(&replay->run, vol, record_step, record_applied, replay);
	cursor_set(replay, 0);
	group_read(replay, probe_next);
}
