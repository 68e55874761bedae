/* SPDX-License-Identifier: Apache-2.0 */
/* NVLOG, the writing side: records gather in groups, and one group is written at a time.
 *
 * THEORY. The open group takes records. It is closed when it is full, when the CP switches halves, or when it is its
 * turn to be written. Closed groups are written strictly one after the other, over both halves. So what is durable is
 * always a prefix of the sequence, and a replay may stop at the first group that does not fit. A write starts at the
 * end of the turn in which somebody began to wait.
 * INVARIANTS
 *  L1 sequence numbers have no gaps, and groups reach the disks in their order.
 *  L2 a half is written from block 0 again only after nvlog_release; a half that a mount may still have to replay is
 *     never written.
 *  L3 no waiter is served before its record, and every one before it, is durable. */
#include "fs/log/nvlog.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/format/callformat.h"
#include "fs/format/nvlogformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "raid/raid.h"

TAILQ_HEAD(nvlog_waiter_queue, nvlog_waiter);

struct group {
	STAILQ_ENTRY(group) link;
	unsigned half;
	uint32_t first_block;
	uint32_t head_bytes;
	uint32_t n_records;
	uint32_t n_pages;
	uint64_t first_sequence;
	struct page *pages[NVLOG_GROUP_PAGES_MAX];
	uint8_t *heads; /* NVLOG_HEAD_BYTES_MAX, block aligned */
};
STAILQ_HEAD(group_queue, group);

struct log_half {
	bool busy; /* closed by nvlog_switch, not yet released */
	uint32_t next_block; /* where the next group will stand; the open group not counted */
	uint32_t last_crc; /* of the last record appended */
};

/* What a CP saves beside the records. */
struct save {
	bool wanted, busy; /* `wanted` until it is durable */
	unsigned half;
	struct iovec iov;
	void (*done)(void *arg, int err);
	void *arg;
};

struct nvlog {
	struct fs_volume *vol;
	uint32_t half_blocks; /* for records */
	unsigned save_blocks; /* behind them */
	bool save_barred; /* until the next nvlog_release */
	struct save save;
	struct log_half halves[2];
	unsigned current;
	uint64_t next_sequence;
	uint64_t durable_sequence;
	uint64_t switch_sequence; /* last one of the half closed by nvlog_switch */
	bool sealed; /* after a replay, until the CP that covers it */
	struct group *open; /* NULL, or not empty */
	struct group_queue closed; /* oldest first */
	struct group *writing;
	struct group_queue spare;
	unsigned n_spare;
	struct nvlog_waiter_queue waiters; /* ascending sequence */
	struct nvlog_waiter_queue ready; /* to be told at the end of the turn */
	struct task turn;
	struct iovec iov[1U + NVLOG_GROUP_PAGES_MAX];
};

#define SPARE_GROUPS_MAX 8U

/* ---- groups ---------------------------------------------------------------------------------------------------- */

static struct group *group_new(void)
{
	struct group *group = calloc(1, sizeof *group);

	if (group == NULL)
		return NULL;
	group->heads = aligned_alloc(PAGE_SIZE, NVLOG_HEAD_BYTES_MAX);
	if (group->heads == NULL) {
		free(group);
		return NULL;
	}
	return group;
}

static void group_free(struct group *group)
{
	page_put_many(group->pages, group->n_pages);
	free(group->heads);
	free(group);
}

static uint32_t group_head_blocks(const struct group *group)
{
	return DIV_UP(group->head_bytes, PAGE_SIZE);
}
static uint32_t group_blocks(const struct group *group)
{
	return group_head_blocks(group) + group->n_pages;
}

/* Back to the spares (or gone, when there are enough). */
static void group_recycle(struct nvlog *log, struct group *group)
{
	if (log->n_spare >= SPARE_GROUPS_MAX) {
		group_free(group);
		return;
	}
	page_put_many(group->pages, group->n_pages);
	group->n_pages = 0;
	STAILQ_INSERT_HEAD(&log->spare, group, link);
	log->n_spare++;
}

static bool spare_ensure(struct nvlog *log)
{
	if (log->n_spare > 0)
		return true;
	struct group *group = group_new();
	if (group == NULL)
		return false;
	STAILQ_INSERT_HEAD(&log->spare, group, link);
	log->n_spare++;
	return true;
}

static struct group *group_open(struct nvlog *log)
{
	struct group *group;

	vc_assert(spare_ensure(log));
	group = STAILQ_FIRST(&log->spare);
	STAILQ_REMOVE_HEAD(&log->spare, link);
	log->n_spare--;
	group->half = log->current;
	group->first_block = log->halves[log->current].next_block;
	group->head_bytes = sizeof(struct nvlog_group_disk);
	group->n_records = 0;
	group->n_pages = 0;
	group->first_sequence = log->next_sequence;
	return group;
}

/* No more records into the open group: it gets its head and waits for its turn. */
static void group_close(struct nvlog *log)
{
	struct group *group = log->open;
	struct nvlog_group_disk head = {
		.magic = le32_of(NVLOG_GROUP_MAGIC),
		.epoch = le64_of(log->vol->epoch),
		.first_sequence = le64_of(group->first_sequence),
		.n_records = le32_of(group->n_records),
		.head_bytes = le32_of(group->head_bytes),
		.n_pages = le32_of(group->n_pages),
		.first_block = le32_of(group->first_block),
	};

	memcpy(group->heads, &head, sizeof head);
	head.crc = le32_of(crc32c(group->heads + 8, group->head_bytes - 8U));
	memcpy(group->heads, &head, sizeof head);
	memset(group->heads + group->head_bytes, 0, (size_t)group_head_blocks(group) * PAGE_SIZE - group->head_bytes);
	log->halves[group->half].next_block = group->first_block + group_blocks(group);
	vc_assert(log->halves[group->half].next_block <= log->half_blocks);
	STAILQ_INSERT_TAIL(&log->closed, group, link);
	log->open = NULL;
}

static size_t record_head_bytes(size_t body_len, unsigned n_pages)
{
	return sizeof(struct nvlog_record_disk) + body_len + 4U * (size_t)n_pages;
}

static bool group_takes(const struct group *group, size_t body_len, unsigned n_pages)
{
	return group->head_bytes + record_head_bytes(body_len, n_pages) <= NVLOG_HEAD_BYTES_MAX &&
	       group->n_pages + n_pages <= NVLOG_GROUP_PAGES_MAX;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static void waiters_tell(struct nvlog_waiter_queue *queue, uint64_t up_to, int err)
{
	struct nvlog_waiter *waiter;

	while ((waiter = TAILQ_FIRST(queue)) != NULL && waiter->sequence <= up_to) {
		TAILQ_REMOVE(queue, waiter, link);
		waiter->durable(waiter, err);
	}
}

static void log_failed(struct nvlog *log, int err)
{
	struct fs_volume *vol = log->vol;

	if (vol->failed == 0) {
		log_error("nvlog", "write_failed", "volume=%s error=%s", vol->name, error_name(err));
		cp_fail(vol, -EIO, "writing the log"); /* there will be no CP either: who waits for one must know */
	}
	waiters_tell(&log->waiters, UINT64_MAX, -EIO);
}

static void durable_up_to(struct nvlog *log, uint64_t sequence)
{
	if (sequence > log->durable_sequence)
		log->durable_sequence = sequence;
	waiters_tell(&log->waiters, log->durable_sequence, 0);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void write_start(struct nvlog *log);
static void save_start(struct nvlog *log);

static void write_done(void *arg, int err)
{
	struct nvlog *log = arg;
	struct group *group = log->writing;
	uint64_t last = group->first_sequence + group->n_records - 1U;

	log->writing = NULL;
	group_recycle(log, group);
	save_start(log);
	if (err != 0 || log->vol->failed != 0) {
		log_failed(log, err != 0 ? err : log->vol->failed);
		return;
	}
	durable_up_to(log, last);
	write_start(log);
}

static void group_submit(struct nvlog *log, struct group *group)
{
	unsigned n = 0;

	log->iov[n++] = (struct iovec){ group->heads, (size_t)group_head_blocks(group) * PAGE_SIZE };
	for (uint32_t i = 0; i < group->n_pages; i++)
		log->iov[n++] = (struct iovec){ group->pages[i]->data, PAGE_SIZE };
	vc_invariant(L1, group->first_sequence > log->durable_sequence);
	log->writing = group;
	raid_log_write(log->vol->raid,
	               &(struct raid_log_io){ group->half, group->first_block, log->iov, n, write_done, log });
}

/* Begin the next write, if there is one to do and one to wait for it. */
static void write_start(struct nvlog *log)
{
	struct group *group;

	if (log->writing != NULL || log->sealed || log->vol->failed != 0)
		return;
	if (TAILQ_EMPTY(&log->waiters) && STAILQ_EMPTY(&log->closed))
		return;
	if (STAILQ_EMPTY(&log->closed) && log->open != NULL)
		group_close(log);
	group = STAILQ_FIRST(&log->closed);
	/* raid takes one write of a half at a time */
	if (group == NULL || (log->save.busy && group->half == log->save.half))
		return;
	STAILQ_REMOVE_HEAD(&log->closed, link);
	group_submit(log, group);
}

static void save_written(void *arg, int err)
{
	struct nvlog *log = arg;

	log->save.wanted = log->save.busy = false;
	log->save.done(log->save.arg, err);
	write_start(log);
}

static void save_start(struct nvlog *log)
{
	struct save *save = &log->save;

	if (!save->wanted || save->busy || (log->writing != NULL && log->writing->half == save->half))
		return;
	save->busy = true;
	raid_log_write(log->vol->raid,
	               &(struct raid_log_io){ save->half, log->half_blocks, &save->iov, 1, save_written, log });
}

static void turn_end(struct task *task)
{
	struct nvlog *log = container_of(task, struct nvlog, turn);
	struct nvlog_waiter_queue ready = TAILQ_HEAD_INITIALIZER(ready);

	write_start(log);
	TAILQ_CONCAT(&ready, &log->ready, link);
	waiters_tell(&ready, log->vol->failed != 0 ? UINT64_MAX : log->durable_sequence,
	             log->vol->failed != 0 ? -EIO : 0);
	vc_invariant(L3, TAILQ_EMPTY(&ready));
	if (log->vol->failed != 0)
		waiters_tell(&log->waiters, UINT64_MAX, -EIO);
}

/* ---- the interface --------------------------------------------------------------------------------------------- */

size_t nvlog_size(size_t body_len, unsigned n_pages)
{
	return ROUND_UP(sizeof(struct nvlog_group_disk) + record_head_bytes(body_len, n_pages), PAGE_SIZE) +
	       (size_t)n_pages * PAGE_SIZE;
}

static uint64_t half_used_blocks(const struct nvlog *log)
{
	return log->halves[log->current].next_block + (log->open != NULL ? group_blocks(log->open) : 0U);
}

bool nvlog_room(struct fs_volume *vol, size_t bytes)
{
	struct nvlog *log = vol->nvlog;
	uint64_t used = half_used_blocks(log);
	uint64_t more = DIV_UP(bytes, PAGE_SIZE);

	if (used + more > log->half_blocks || 2U * used >= log->half_blocks)
		cp_request(vol, CP_LOG);
	return used + more <= log->half_blocks && spare_ensure(log);
}

void nvlog_usage(const struct fs_volume *vol, uint64_t *ret_used_bytes, uint64_t *ret_half_bytes)
{
	*ret_used_bytes = half_used_blocks(vol->nvlog) * PAGE_SIZE;
	*ret_half_bytes = (uint64_t)vol->nvlog->half_blocks * PAGE_SIZE;
}

static size_t record_body_len(const struct nvlog_record *record)
{
	return record->body_len + record->call_len;
}

/* Lay the record out behind what the open group has. */
static void record_encode(struct nvlog *log, struct group *group, const struct nvlog_record *record)
{
	size_t body_len = record_body_len(record);
	uint8_t *at = group->heads + group->head_bytes;
	uint8_t *crcs = at + sizeof(struct nvlog_record_disk) + body_len;
	struct nvlog_record_disk head = {
		.magic = NVLOG_RECORD_MAGIC,
		.type = (uint8_t)(record->type | (record->call_len > 0 ? NVLOG_CALL : 0U)),
		.n_pages = le16_of((uint16_t)record->n_pages),
		.body_len = le32_of((uint32_t)body_len),
		.call_len = le32_of((uint32_t)record->call_len),
		.epoch = le64_of(log->vol->epoch),
		.sequence = le64_of(log->next_sequence),
		.prev_crc = le32_of(log->halves[group->half].last_crc),
	};

	memcpy(at, &head, sizeof head);
	if (record->body_len > 0)
		memcpy(at + sizeof head, record->body, record->body_len);
	if (record->call_len > 0)
		memcpy(at + sizeof head + record->body_len, record->call, record->call_len);
	for (unsigned i = 0; i < record->n_pages; i++) {
		le32 crc = le32_of(crc32c(record->pages[i]->data, PAGE_SIZE));
		memcpy(crcs + 4U * (size_t)i, &crc, sizeof crc);
		group->pages[group->n_pages++] = page_get(record->pages[i]);
	}
	head.crc = le32_of(crc32c(at, record_head_bytes(body_len, record->n_pages)));
	memcpy(at, &head, sizeof head);
	log->halves[group->half].last_crc = le32_get(head.crc);
	group->head_bytes += (uint32_t)record_head_bytes(body_len, record->n_pages);
	group->n_records++;
}

static uint64_t record_append(struct fs_volume *vol, const struct nvlog_record *record)
{
	struct nvlog *log = vol->nvlog;
	size_t body_len = record_body_len(record);

	vc_assert(record->n_pages <= NVLOG_RECORD_PAGES_MAX);
	vc_assert(sizeof(struct nvlog_group_disk) + record_head_bytes(body_len, record->n_pages) <=
	          NVLOG_HEAD_BYTES_MAX);
	if (vol->failed != 0)
		return log->next_sequence++;
	if (log->open != NULL && !group_takes(log->open, body_len, record->n_pages)) {
		group_close(log);
		world_defer(vol->world, &log->turn);
	}
	if (log->open == NULL)
		log->open = group_open(log);
	record_encode(log, log->open, record);
	vc_assert(half_used_blocks(log) <= log->half_blocks);
	return log->next_sequence++;
}

uint64_t nvlog_append(struct fs_volume *vol, enum nvlog_type type, const void *body, size_t body_len,
                      struct page *const *pages, unsigned n_pages)
{
	return record_append(vol, &(struct nvlog_record){ .type = type,
	                                                  .body = body,
	                                                  .body_len = body_len,
	                                                  .pages = (struct page **)(uintptr_t)pages,
	                                                  .n_pages = n_pages });
}

uint64_t nvlog_append_call(struct fs_volume *vol, enum nvlog_type type, const void *body, size_t body_len,
                           const void *call, size_t call_len)
{
	return record_append(
	    vol, &(struct nvlog_record){
	             .type = type, .body = body, .body_len = body_len, .call = call, .call_len = call_len });
}

void nvlog_wait(struct fs_volume *vol, uint64_t sequence, struct nvlog_waiter *waiter)
{
	struct nvlog *log = vol->nvlog;
	struct nvlog_waiter *before;

	vc_assert(sequence < log->next_sequence);
	waiter->sequence = sequence;
	world_defer(vol->world, &log->turn);
	if (sequence <= log->durable_sequence || vol->failed != 0) {
		TAILQ_INSERT_TAIL(&log->ready, waiter, link);
		return;
	}
	TAILQ_FOREACH_REVERSE(before, &log->waiters, nvlog_waiter_queue, link)
		if (before->sequence <= sequence)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&log->waiters, before, waiter, link);
	else
		TAILQ_INSERT_HEAD(&log->waiters, waiter, link);
}

void nvlog_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg))
{
	struct nvlog_waiter *waiter, *next;

	TAILQ_FOREACH_SAFE(waiter, &vol->nvlog->waiters, link, next) {
		if (!gives_up(waiter->msg))
			continue;
		TAILQ_REMOVE(&vol->nvlog->waiters, waiter, link);
		waiter->durable(waiter, -FS_EJUKEBOX);
	}
}

uint64_t nvlog_last_sequence(const struct fs_volume *vol)
{
	return vol->nvlog->next_sequence - 1U;
}

bool nvlog_is_idle(const struct fs_volume *vol)
{
	return vol->nvlog->writing == NULL && !vol->nvlog->save.wanted && !vol->nvlog->turn.queued;
}

unsigned nvlog_save_blocks(const struct fs_volume *vol)
{
	return vol->nvlog->save_blocks;
}

uint32_t nvlog_save_first(const struct fs_volume *vol)
{
	return vol->nvlog->half_blocks;
}

void nvlog_save(struct fs_volume *vol, unsigned half, void *bytes, unsigned n_blocks, void (*done)(void *arg, int err),
                void *arg)
{
	struct nvlog *log = vol->nvlog;

	vc_assert(!log->save.wanted && n_blocks > 0 && n_blocks <= log->save_blocks && nvlog_save_allowed(vol));
	log->save = (struct save){
		.wanted = true, .half = half, .iov = { bytes, (size_t)n_blocks * PAGE_SIZE }, .done = done, .arg = arg
	};
	save_start(log);
}

/* What the last mount left in it may still have to be applied. */
static bool log_still_counts(const struct fs_volume *vol)
{
	return vol->epoch == vol->fsinfo_epoch;
}

bool nvlog_save_allowed(const struct fs_volume *vol)
{
	return !log_still_counts(vol) && !vol->nvlog->save_barred;
}

void nvlog_reaches(struct fs_volume *vol, uint32_t end_block)
{
	if (end_block > vol->nvlog->half_blocks)
		vol->nvlog->save_barred = true;
}

void nvlog_switch(struct fs_volume *vol)
{
	struct nvlog *log = vol->nvlog;
	unsigned next = log->current ^ 1U;

	vc_invariant(L2, !log->halves[next].busy);
	if (log->open != NULL)
		group_close(log);
	log->halves[log->current].busy = true;
	log->switch_sequence = log->next_sequence - 1U;
	log->current = next;
	log->halves[next].next_block = 0;
	log->halves[next].last_crc = 0;
}

/* Groups of the half that were never written need not be: the CP has them. */
static void closed_drop(struct nvlog *log, unsigned half)
{
	struct group *group;

	while ((group = STAILQ_FIRST(&log->closed)) != NULL && group->half == half) {
		STAILQ_REMOVE_HEAD(&log->closed, link);
		group_recycle(log, group);
	}
}

void nvlog_release(struct fs_volume *vol)
{
	struct nvlog *log = vol->nvlog;
	unsigned half = log->current ^ 1U;

	vc_assert(log->halves[half].busy);
	log->halves[half].busy = false;
	if (!log_still_counts(vol))
		log->save_barred = false;
	closed_drop(log, half);
	if (log->sealed) {
		log->sealed = false;
		world_defer(vol->world, &log->turn);
	}
	if (vol->failed == 0)
		durable_up_to(log, log->switch_sequence);
}

int nvlog_init(struct fs_volume *vol)
{
	struct nvlog *log = calloc(1, sizeof *log);

	if (log == NULL)
		return -ENOMEM;
	log->vol = vol;
	log->half_blocks = raid_log_half_blocks(vol->raid);
	log->save_blocks = MIN_OF(CALLS_SAVE_BLOCKS_MAX, log->half_blocks / CALLS_SAVE_SHARE);
	log->half_blocks -= log->save_blocks;
	STAILQ_INIT(&log->closed);
	STAILQ_INIT(&log->spare);
	TAILQ_INIT(&log->waiters);
	TAILQ_INIT(&log->ready);
	log->turn.run = turn_end;
	log->next_sequence = vol->fsinfo_sequence + 1U;
	log->durable_sequence = vol->fsinfo_sequence;
	vol->nvlog = log;
	return 0;
}

void nvlog_resume(struct fs_volume *vol, uint64_t sequence)
{
	struct nvlog *log = vol->nvlog;

	vc_assert(log->open == NULL && STAILQ_EMPTY(&log->closed) && sequence + 1U >= log->next_sequence);
	log->sealed = true;
	log->next_sequence = sequence + 1U;
	log->durable_sequence = sequence;
}

void nvlog_fini(struct fs_volume *vol)
{
	struct nvlog *log = vol->nvlog;
	struct group *group;

	if (log == NULL)
		return;
	vc_assert(nvlog_is_idle(vol));
	if (log->open != NULL)
		group_free(log->open);
	while ((group = STAILQ_FIRST(&log->closed)) != NULL) {
		STAILQ_REMOVE_HEAD(&log->closed, link);
		group_free(group);
	}
	while ((group = STAILQ_FIRST(&log->spare)) != NULL) {
		STAILQ_REMOVE_HEAD(&log->spare, link);
		group_free(group);
	}
	free(log);
	vol->nvlog = NULL;
}
