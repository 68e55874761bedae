/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a volume that is not mounted. What the next mount would apply goes on where the image ends, has no gap, is
 * whole, and is the same on every copy.
 *
 * THEORY. Each copy of each half is followed by itself, as a mount follows it. Groups reach the disks strictly one
 * after the other, and each is durable on all copies before the next is begun. So the last group may be on some
 * copies only, and may be torn: a crash does that. But a chain has lost what was acknowledged when it ends while a
 * later group stands further on, or when it ends two groups earlier than on another copy. The log of a mounted
 * volume is not looked at. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/file/run.h"
#include "fs/format/callformat.h"
#include "fs/format/fsformat.h"
#include "fs/format/nvlogformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_call.h"
#include "fs/log/nvlog_group.h"
#include "raid/raid.h"

#define SCAN_BLOCKS 256U

enum { LOG_HEAD, LOG_HEAD_READ, LOG_GROUP_READ, LOG_SCAN, LOG_SCAN_READ, LOG_DONE };

struct log_chain {
	uint64_t first, last; /* sequences; 0: no group */
	uint32_t n_groups, end; /* block after the last group */
	uint64_t beyond; /* sequence of a group that stands after the chain's end; 0: none */
	uint32_t beyond_block;
};
struct check_log {
	unsigned half, copy, state;
	uint32_t block; /* cursor */
	uint32_t last_crc;
	struct log_chain chains[2][8];
	uint8_t *heads, *scan;
	struct page *pages[NVLOG_GROUP_PAGES_MAX];
	unsigned n_pages;
	struct iovec iov[1U + NVLOG_GROUP_PAGES_MAX];
	int err;
};

void check_log_fini(struct check *check)
{
	struct check_log *log = check->log;

	if (log == NULL)
		return;
	page_put_many(log->pages, log->n_pages);
	free(log->heads);
	free(log->scan);
	free(log);
}

static struct log_chain *chain_of(struct check_log *log)
{
	return &log->chains[log->half][log->copy];
}

static void log_read(void *arg, int err)
{
	struct check *check = arg;

	check->log->err = err;
	run_event(&check->run);
}

static int read_start(struct check *check, unsigned state, uint32_t block, unsigned n_iov)
{
	struct check_log *log = check->log;

	log->state = state;
	check->run.n_waiting++;
	raid_log_read(check->vol->raid, log->copy,
	              &(struct raid_log_io){ log->half, block, log->iov, n_iov, log_read, check });
	return -EAGAIN;
}

static int scan_start(struct check *check)
{
	struct check_log *log = check->log;
	uint32_t half_blocks = raid_log_half_blocks(check->vol->raid);

	if (log->block >= half_blocks || chain_of(log)->beyond != 0) {
		log->state = LOG_DONE;
		return 0;
	}
	log->iov[0] = (struct iovec){ log->scan, (size_t)MIN_OF(SCAN_BLOCKS, half_blocks - log->block) * PAGE_SIZE };
	return read_start(check, LOG_SCAN_READ, log->block, 1);
}

static int head_start(struct check *check)
{
	struct check_log *log = check->log;

	if (log->block >= raid_log_half_blocks(check->vol->raid)) {
		log->state = LOG_DONE;
		return 0;
	}
	log->iov[0] = (struct iovec){ log->heads, PAGE_SIZE };
	return read_start(check, LOG_HEAD_READ, log->block, 1);
}

/* The chain of this copy ends here: is there anything behind? */
static int chain_ends(struct check_log *log)
{
	chain_of(log)->end = log->block;
	log->state = LOG_SCAN;
	return 0;
}

static int head_read(struct check *check)
{
	struct check_log *log = check->log;
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)log->heads;
	unsigned n_head, n = 0;

	if (log->err != 0 || !nvlog_group_fits(head, le64_get(check->fsinfo.nvlog_epoch), log->block,
	                                       chain_of(log)->last, raid_log_half_blocks(check->vol->raid)))
		return chain_ends(log);
	n_head = (unsigned)DIV_UP(le32_get(head->head_bytes), PAGE_SIZE);
	page_put_many(log->pages, log->n_pages);
	log->n_pages = 0;
	if (page_alloc_many(log->pages, le32_get(head->n_pages)) != 0)
		return -ENOMEM;
	log->n_pages = le32_get(head->n_pages);
	log->iov[n++] = (struct iovec){ log->heads, (size_t)n_head * PAGE_SIZE };
	for (unsigned i = 0; i < log->n_pages; i++)
		log->iov[n++] = (struct iovec){ log->pages[i]->data, PAGE_SIZE };
	return read_start(check, LOG_GROUP_READ, log->block, n);
}

/* Bodies have no less than their fixed part; what stands in them is for whoever applies them. */
static const struct {
	uint32_t body_min;
} record_types[NVLOG_TYPE_COUNT] = {
	[NVLOG_CREATE] = { sizeof(struct oplog_create) },
	[NVLOG_REMOVE] = { sizeof(struct oplog_remove) },
	[NVLOG_RENAME] = { sizeof(struct oplog_rename) },
	[NVLOG_LINK] = { sizeof(struct oplog_link) },
	[NVLOG_SETATTR] = { sizeof(struct oplog_setattr) },
	[NVLOG_WRITE] = { sizeof(struct oplog_write) },
	[NVLOG_ZERO] = { sizeof(struct oplog_zero) },
	[NVLOG_VDISK_CREATE] = { sizeof(struct oplog_vdisk_create) },
	[NVLOG_VDISK_SET] = { sizeof(struct oplog_vdisk_set) },
	[NVLOG_VDISK_DESTROY] = { sizeof(struct oplog_vdisk_destroy) },
	[NVLOG_DOC_PUT] = { sizeof(struct oplog_doc_put) },
	[NVLOG_DOC_DELETE] = { sizeof(struct oplog_doc_delete) },
	[NVLOG_CLONE_SET] = { sizeof(struct oplog_clone_set) },
};

/* Of the body. A call that is none is as long as no body is. */
static unsigned call_len(const struct nvlog_record_disk *record)
{
	unsigned len = le32_get(record->call_len);

	if ((record->type & NVLOG_CALL) == 0)
		return 0;
	return len <= sizeof(struct call_disk) || len > sizeof(struct call_disk) + FS_REPLY_MAX ? NVLOG_HEAD_BYTES_MAX
	                                                                                        : len;
}

static void records_check(struct check *check, const uint8_t *heads)
{
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)heads;
	uint32_t at = sizeof(*head);

	for (uint32_t n = le32_get(head->n_records); n > 0; n--) {
		struct nvlog_record_disk record;
		unsigned len, type;

		memcpy(&record, heads + at, sizeof record);
		len = le32_get(record.body_len);
		type = record.type & ~NVLOG_CALL;
		if (type == 0 || type >= NVLOG_TYPE_COUNT)
			check_found(check, CHECK_LOG, "log record %llu: type %u is not known",
			            (unsigned long long)le64_get(record.sequence), record.type);
		else if (len < record_types[type].body_min + call_len(&record))
			check_found(check, CHECK_LOG, "log record %llu: type %u with a body of %u bytes, at least %u",
			            (unsigned long long)le64_get(record.sequence), type, len,
			            record_types[type].body_min + call_len(&record));
		at += (uint32_t)sizeof record + len + 4U * le16_get(record.n_pages);
	}
}

static int group_read(struct check *check)
{
	struct check_log *log = check->log;
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)log->heads;
	struct log_chain *chain = chain_of(log);

	if (log->err != 0 || !nvlog_group_is_whole(log->heads, log->pages, log->last_crc))
		return chain_ends(log);
	if (log->copy == 0)
		records_check(check, log->heads);
	if (chain->n_groups++ == 0)
		chain->first = le64_get(head->first_sequence);
	chain->last = le64_get(head->first_sequence) + le32_get(head->n_records) - 1U;
	log->last_crc = nvlog_group_last_crc(log->heads);
	log->block += (uint32_t)DIV_UP(le32_get(head->head_bytes), PAGE_SIZE) + log->n_pages;
	log->state = LOG_HEAD;
	return 0;
}

/* Heads of groups younger than the chain and the image: what an earlier use of the half left is older. */
static int scan_read(struct check *check)
{
	struct check_log *log = check->log;
	struct log_chain *chain = chain_of(log);
	uint32_t half_blocks = raid_log_half_blocks(check->vol->raid),
	         n = MIN_OF(SCAN_BLOCKS, half_blocks - log->block);
	uint64_t after = MAX_OF(chain->last, le64_get(check->fsinfo.nvlog_sequence));

	for (uint32_t i = 0; i < n && log->err == 0 && chain->beyond == 0; i++) {
		const struct nvlog_group_disk *head =
		    (const struct nvlog_group_disk *)(const void *)(log->scan + (size_t)i * PAGE_SIZE);

		if (!nvlog_group_fits(head, le64_get(check->fsinfo.nvlog_epoch), log->block + i, 0, half_blocks) ||
		    le64_get(head->first_sequence) <= after || log->block + i == chain->end)
			continue;
		chain->beyond = le64_get(head->first_sequence);
		chain->beyond_block = log->block + i;
	}
	log->block += n;
	log->state = LOG_SCAN;
	return 0;
}

/* ---- what the chains say ---- */

static void half_compare(struct check *check, unsigned half)
{
	struct check_log *log = check->log;
	unsigned n = MIN_OF(raid_log_copies(check->vol->raid), 8U);
	const struct log_chain *best = &log->chains[half][0];

	for (unsigned c = 1; c < n; c++)
		if (log->chains[half][c].last > best->last)
			best = &log->chains[half][c];
	if (best->beyond != 0)
		check_found(check, CHECK_LOG, "log half %u, block %u: records %llu to %llu are damaged on every copy",
		            half, best->end, (unsigned long long)(best->last + 1U),
		            (unsigned long long)(best->beyond - 1U));
	for (unsigned c = 0; c < n; c++) {
		const struct log_chain *chain = &log->chains[half][c];

		if (chain == best || (chain->beyond == 0 && chain->n_groups + 1U >= best->n_groups) ||
		    chain->last >= best->last)
			continue;
		check_found(
		    check, CHECK_LOG,
		    "log half %u, block %u, copy %u: the group of record %llu is damaged, and whole on another copy",
		    half, chain->end, c, (unsigned long long)(chain->last + 1U));
		/* every mount ends with a consistency point, and the log is begun anew */
		check_found_repairable(check);
	}
	log->chains[half][0] = *best;
}

static void halves_compare(struct check *check)
{
	struct check_log *log = check->log;
	uint64_t sequence = le64_get(check->fsinfo.nvlog_sequence);
	unsigned older = log->chains[1][0].first != 0 && log->chains[1][0].first < log->chains[0][0].first ? 1U : 0U;

	for (unsigned i = 0; i < 2; i++) {
		const struct log_chain *chain = &log->chains[older ^ i][0];

		if (chain->first == 0)
			continue;
		if (chain->first > sequence + 1U)
			check_found(check, CHECK_LOG, "log half %u: begins with record %llu, expected %llu", older ^ i,
			            (unsigned long long)chain->first, (unsigned long long)(sequence + 1U));
		if (chain->last > sequence) {
			check->n_log_records += chain->last - MAX_OF(sequence, chain->first - 1U);
			sequence = chain->last;
		}
	}
	if (check->n_log_records > 0 && (le32_get(check->fsinfo.flags) & FSINFO_CLEAN) != 0)
		check_found(check, CHECK_LOG,
		            "log: %llu records that are not in the last consistency point, which says that the volume "
		            "was closed",
		            (unsigned long long)check->n_log_records);
}

/* ---- stage ---- */

static bool chain_next(struct check *check)
{
	struct check_log *log = check->log;

	log->state = LOG_HEAD;
	log->block = log->last_crc = 0;
	if (++log->copy < MIN_OF(raid_log_copies(check->vol->raid), 8U))
		return true;
	log->copy = 0;
	return ++log->half < 2;
}

static int chain_step(struct check *check)
{
	switch (check->log->state) {
	case LOG_HEAD: return head_start(check);
	case LOG_HEAD_READ: return head_read(check);
	case LOG_GROUP_READ: return group_read(check);
	case LOG_SCAN: return scan_start(check);
	default: return scan_read(check);
	}
}

int check_log_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	if (!check->offline)
		return 0;
	if (check->log == NULL) {
		check->log = calloc(1, sizeof(*check->log));
		if (check->log == NULL)
			return -ENOMEM;
		check->log->heads = aligned_alloc(PAGE_SIZE, NVLOG_HEAD_BYTES_MAX);
		check->log->scan = aligned_alloc(PAGE_SIZE, (size_t)SCAN_BLOCKS * PAGE_SIZE);
		if (check->log->heads == NULL || check->log->scan == NULL)
			return -ENOMEM;
	}
	do {
		while (check->log->state != LOG_DONE) {
			int err = chain_step(check);

			if (err != 0)
				return err;
		}
	} while (chain_next(check));
	half_compare(check, 0);
	half_compare(check, 1);
	halves_compare(check);
	return 0;
}
