/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all LUNs.
 *
 * THEORY. There may be thousands, and each wants reads and a path. So they are described in batches, and the loop has
 * its turn between two of them. A batch is described by one execution that misses nothing, the one after it by another.
 * When a LUN came or went meanwhile, the list begins anew: else one that was put back to a snapshot, which makes it
 * another file, might be in it twice, or not at all. The batches are then twice as large, so that it ends even when
 * LUNs come and go all the time: a batch of all of them is described at once. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/file/cache.h"
#include "fs/file/run.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/names/pathwalk.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vtoc.h"

#define BATCH_FIRST 64U
#define BATCH_MAX (1U << 30)

/* Where the list is: in msg->word. */
enum { WORD_PLACE, WORD_CHANGES };

static uint32_t next_slot(const struct fs_message *msg)
{
	return (uint32_t)msg->word[WORD_PLACE];
}

static uint32_t batch_of(const struct fs_message *msg)
{
	return (uint32_t)(msg->word[WORD_PLACE] >> 32);
}

static void list_cut(struct fs_message *msg, unsigned n)
{
	while (msg->out.n > n)
		free(msg->out.vdisks[--msg->out.n].maps);
}

static int list_begin(struct fs_run *run, uint32_t batch)
{
	struct fs_message *msg = run->msg;
	struct vtoc_entry *entry = NULL;
	unsigned n = 0;

	while ((entry = vtoc_next(run->vol, entry)) != NULL)
		n++;
	list_cut(msg, 0);
	free(msg->out.vdisks);
	msg->out.vdisks = calloc(MAX_OF(n, 1U), sizeof *msg->out.vdisks);
	if (msg->out.vdisks == NULL)
		return -ENOMEM;
	msg->word[WORD_PLACE] = (uint64_t)batch << 32;
	msg->word[WORD_CHANGES] = vtoc_changes(run->vol);
	return 0;
}

static int list_entry(struct fs_run *run, struct vtoc_entry *entry)
{
	struct fs_message *msg = run->msg;
	struct vdisk vdisk;
	int err = vdisk_open_entry(run, entry, &vdisk);

	if (err == 0) {
		err = vdisk_info(run, &vdisk, &msg->out.vdisks[msg->out.n]);
		vdisk_close(&vdisk);
	}
	if (err == 0)
		msg->out.n++;
	else if (err != -EAGAIN)
		log_error("vdisk", "unreadable", "volume=%s inode=%u error=%s", run->vol->name, entry->ino,
		          error_name(err));
	return err;
}

/* 0: all are described. */
static int list_batch(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct vtoc_entry *entry = NULL;
	unsigned n = 0, n_before = msg->out.n;
	uint32_t last = 0;
	int result = 0;

	while (n < batch_of(msg) && (entry = vtoc_next(run->vol, entry)) != NULL) {
		if (entry->slot < next_slot(msg))
			continue;
		if (list_entry(run, entry) == -EAGAIN)
			result = -EAGAIN;
		last = entry->slot;
		n++;
	}
	if (result != 0) {
		list_cut(msg, n_before);
		return result;
	}
	pathwalk_forget(run);
	if (run->n_waiting == 0)
		cache_unpin_all(run);
	if (entry == NULL || vtoc_next(run->vol, entry) == NULL)
		return 0;
	msg->word[WORD_PLACE] = (uint64_t)batch_of(msg) << 32 | (last + 1U);
	return run_yield(run);
}

int op_vdisk_list(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	int err = vtoc_need(run);

	if (err == 0 && batch_of(msg) == 0)
		err = list_begin(run, BATCH_FIRST);
	else if (err == 0 && msg->word[WORD_CHANGES] != vtoc_changes(run->vol))
		err = list_begin(run, MIN_OF(batch_of(msg) * 2U, BATCH_MAX));
	return err == 0 ? list_batch(run) : err;
}
