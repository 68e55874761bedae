/* SPDX-License-Identifier: Apache-2.0 */
/* Kept calls across a restart: in the log with their changes, and saved by consistency points.
 *
 * THEORY. The reply stands in the log record of its change, so reply and change are durable together. A CP makes the
 * log up to its sequence void. So it first saves the calls of those changes, in the room behind the groups of one half.
 * Each save goes to the half that the last save did not go to: until the fsinfo of the CP is durable, the old save must
 * stay. When no call came since, nothing is written, and the old save goes on counting.
 * A mount takes the saved calls, then those of the log. Its own CP saves both under the new epoch; before that nothing
 * of the log is given up.
 * Example: epoch 5, CP 20 saves to half 1, CP 21 has no new call, CP 22 saves to half 0 and the power fails before its
 * fsinfo. The mount finds fsinfo 21 of epoch 5. Save 22 does not count, save 20 does, and the calls since are in the
 * log.
 * A save is bounded (64 blocks, some 850 calls), with the youngest calls of every peer first. Calls that changed
 * nothing (refusals) are not saved.
 * READ PATH. previous hop: volume.c (calls_load), nvlog_replay.c (calls_replay). WRITE PATH. next hop: nvlog.c
 * (nvlog_save), before cp.c writes fsinfo. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/siphash.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/cp/calls.h"
#include "fs/cp/cp.h"
#include "fs/file/run.h"
#include "fs/format/callformat.h"
#include "fs/format/fsformat.h"
#include "fs/fs_call.h"
#include "fs/log/nvlog.h"
#include "fs/volume.h"
#include "raid/raid.h"

struct calls_save {
	uint8_t *bytes; /* as many blocks as the log has for it */
	struct call **calls; /* room for as many as there can be */
	unsigned n_max;
	uint64_t newest; /* sequence of the youngest call that is to survive */
	uint64_t saved; /* calls of records up to here are saved; 0: under an epoch before, or not at all */
	unsigned half; /* where that was */
	bool writing;
	/* loading */
	enum { LOAD_LOOK, LOAD_LOOKED, LOAD_TAKE } state;
	unsigned at_half, at_copy, best_half, best_copy;
	uint64_t best_generation; /* 0: none yet */
	uint64_t loaded_sequence; /* what was loaded has the calls up to here */
	int err;
	struct iovec iov;
};

static size_t save_size(const struct fs_volume *vol)
{
	return (size_t)nvlog_save_blocks(vol) * PAGE_SIZE;
}

static struct calls_save *save_new(struct fs_volume *vol)
{
	struct calls_save *save = calloc(1, sizeof *save);

	if (save == NULL)
		return NULL;
	save->n_max = (unsigned)(save_size(vol) / sizeof(struct call_disk));
	save->bytes = aligned_alloc(PAGE_SIZE, MAX_OF(save_size(vol), PAGE_SIZE));
	save->calls = reallocarray(NULL, MAX_OF(save->n_max, 1U), sizeof(struct call *));
	if (save->bytes != NULL && save->calls != NULL)
		return save;
	free(save->bytes);
	free(save->calls);
	free(save);
	return NULL;
}

struct calls *calls_of(struct fs_volume *vol)
{
	unsigned n_max = vol->options.max_calls != 0 ? vol->options.max_calls : FS_MAX_CALLS;
	struct siphash_key volume_key, key;

	if (vol->calls != NULL)
		return vol->calls;
	if (vol->calls_save == NULL)
		vol->calls_save = save_new(vol);
	if (vol->calls_save == NULL)
		return NULL;
	n_max = (unsigned)MIN_OF(n_max, vol->options.cache_pages / 4U); /* 1/32 of its memory */
	memcpy(volume_key.b, vol->handle_key, sizeof volume_key.b);
	siphash128(&volume_key, "calls", 5, key.b); /* not the key of the handles' MAC itself */
	if (calls_new(n_max, &key, &vol->calls) != 0)
		return NULL;
	return vol->calls;
}

void calls_fini(struct fs_volume *vol)
{
	calls_free(vol->calls);
	vol->calls = NULL;
	if (vol->calls_save == NULL)
		return;
	free(vol->calls_save->bytes);
	free(vol->calls_save->calls);
	free(vol->calls_save);
	vol->calls_save = NULL;
}

/* ---- one call as bytes ------------------------------------------------------------------------------------------- */

size_t calls_encode(const struct fs_call_key *key, const uint8_t *reply, size_t reply_len, uint8_t *bytes)
{
	struct call_disk disk = { .reply_len = le16_of((uint16_t)reply_len) };

	memcpy(disk.peer, key->peer, sizeof disk.peer);
	memcpy(disk.id, key->id, sizeof disk.id);
	memcpy(bytes, &disk, sizeof disk);
	memcpy(bytes + sizeof disk, reply, reply_len);
	return sizeof disk + reply_len;
}

/* How many bytes one takes; 0: there is none. */
static size_t call_decode(const uint8_t *bytes, size_t len_bytes, struct fs_call_key *ret_key,
                          struct call_reply *ret_reply)
{
	struct call_disk disk;
	size_t reply_len;

	if (len_bytes < sizeof disk)
		return 0;
	memcpy(&disk, bytes, sizeof disk);
	reply_len = le16_get(disk.reply_len);
	if (reply_len == 0 || reply_len > FS_REPLY_MAX || reply_len > len_bytes - sizeof disk)
		return 0;
	memcpy(ret_key->peer, disk.peer, sizeof disk.peer);
	memcpy(ret_key->id, disk.id, sizeof disk.id);
	*ret_reply = (struct call_reply){ .bytes = bytes + sizeof disk,
		                          .len_bytes = (uint32_t)reply_len,
		                          .logged = true };
	return sizeof disk + reply_len;
}

static void call_restore(struct fs_volume *vol, const struct fs_call_key *key, const struct call_reply *reply)
{
	uint64_t now_ns = world_now_ns(vol->world);
	struct calls *calls = calls_of(vol);
	struct call *call;

	if (calls == NULL || calls_find(calls, key, now_ns) != NULL)
		return;
	call = calls_add(calls, key, NULL);
	if (call != NULL)
		calls_reply(call, reply, now_ns);
}

void calls_replay(struct fs_volume *vol, const uint8_t *bytes, size_t len_bytes, uint64_t sequence)
{
	struct fs_call_key key;
	struct call_reply reply;

	if (bytes == NULL || (vol->calls_save != NULL && sequence <= vol->calls_save->loaded_sequence))
		return;
	if (call_decode(bytes, len_bytes, &key, &reply) != len_bytes) {
		log_warn("nvlog", "call_not_known", "volume=%s sequence=%" PRIu64 ": its reply is not kept", vol->name,
		         sequence);
		return;
	}
	reply.sequence = sequence;
	call_restore(vol, &key, &reply);
	calls_came(vol, sequence);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

void calls_came(struct fs_volume *vol, uint64_t sequence)
{
	if (vol->calls_save != NULL)
		vol->calls_save->newest = MAX_OF(vol->calls_save->newest, sequence);
}

/* How many of the first `n` fit. */
static unsigned calls_fit(const struct calls_save *save, unsigned n, size_t size_bytes)
{
	size_t len = sizeof(struct calls_save_disk);

	for (unsigned i = 0; i < n; i++) {
		len += sizeof(struct call_disk) + save->calls[i]->reply_len;
		if (len > size_bytes)
			return i;
	}
	return n;
}

/* Head and calls, the oldest first; how many bytes. */
static size_t save_encode(struct calls_save *save, unsigned n, const struct cp *cp)
{
	struct calls_save_disk head = { .magic = le32_of(CALLS_SAVE_MAGIC),
		                        .epoch = le64_of(cp->vol->epoch),
		                        .cp_generation = le64_of(cp->generation),
		                        .nvlog_sequence = le64_of(cp->nvlog_sequence),
		                        .n_calls = le32_of(n) };
	size_t len = sizeof head;

	while (n-- > 0) {
		const struct call *call = save->calls[n];

		vc_assert(call->sequence <= cp->nvlog_sequence); /* the CP has its change */
		len += calls_encode(&call->key, call->reply, call->reply_len, save->bytes + len);
	}
	head.len_bytes = le32_of((uint32_t)len);
	memcpy(save->bytes, &head, sizeof head);
	head.crc = le32_of(crc32c(save->bytes + 8, len - 8U));
	memcpy(save->bytes, &head, sizeof head);
	memset(save->bytes + len, 0, ROUND_UP(len, PAGE_SIZE) - len);
	return len;
}

static void save_written(void *arg, int err)
{
	struct fs_volume *vol = arg;

	vol->calls_save->writing = false;
	cp_write_end(vol->cp, err);
}

bool calls_are_being_saved(const struct fs_volume *vol)
{
	return vol->calls_save != NULL && vol->calls_save->writing;
}

void calls_cp_encode(struct fs_volume *vol)
{
	struct calls_save *save = vol->calls_save;
	struct cp *cp = vol->cp;
	unsigned n;
	size_t len;

	if (vol->calls == NULL || save->newest <= save->saved || nvlog_save_blocks(vol) == 0 ||
	    !nvlog_save_allowed(vol))
		return;
	save->saved = cp->nvlog_sequence; /* those that came since the generation closed are the next one's */
	n = calls_collect(vol->calls, cp->nvlog_sequence, world_now_ns(vol->world), save->calls, save->n_max);
	n = calls_fit(save, n, save_size(vol));
	len = save_encode(save, n, cp);
	save->half ^= 1U;
	vol->compat |= FSINFO_COMPAT_CALLS;
	save->writing = true;
	cp_write_begin(cp);
	nvlog_save(vol, save->half, save->bytes, (unsigned)DIV_UP(len, PAGE_SIZE), save_written, vol);
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

/* The generation of whole saved calls that may count; 0: these bytes are none. */
static uint64_t save_generation(const struct fs_volume *vol, const uint8_t *bytes)
{
	struct calls_save_disk head;
	size_t len;

	memcpy(&head, bytes, sizeof head);
	len = le32_get(head.len_bytes);
	if (le32_get(head.magic) != CALLS_SAVE_MAGIC || le64_get(head.epoch) != vol->fsinfo_epoch ||
	    le64_get(head.cp_generation) >= vol->generation || len < sizeof head || len > save_size(vol) ||
	    crc32c(bytes + 8, len - 8U) != le32_get(head.crc))
		return 0;
	return le64_get(head.cp_generation);
}

static void save_take(struct fs_volume *vol, const uint8_t *bytes)
{
	struct calls_save_disk head;
	size_t at = sizeof head, taken = 1;
	struct fs_call_key key;
	struct call_reply reply;

	memcpy(&head, bytes, sizeof head);
	vol->calls_save->loaded_sequence = le64_get(head.nvlog_sequence);
	for (uint32_t n = le32_get(head.n_calls); n > 0 && taken > 0; n--, at += taken) {
		taken = call_decode(bytes + at, le32_get(head.len_bytes) - at, &key, &reply);
		if (taken > 0)
			call_restore(vol, &key, &reply);
	}
	calls_came(vol, le64_get(head.nvlog_sequence)); /* under another epoch: to be saved again */
}

static void save_read(void *arg, int err)
{
	struct fs_run *run = arg;

	run->vol->calls_save->err = err;
	run_event(run);
}

static int read_start(struct fs_run *run, unsigned half, unsigned copy)
{
	struct calls_save *save = run->vol->calls_save;

	save->iov = (struct iovec){ save->bytes, save_size(run->vol) };
	run->n_waiting++;
	raid_log_read(run->vol->raid, copy,
	              &(struct raid_log_io){ half, nvlog_save_first(run->vol), &save->iov, 1, save_read, run });
	return -EAGAIN;
}

/* One was read: is it better than those before? On to the next copy, then to the other half. */
static void save_look(struct fs_volume *vol)
{
	struct calls_save *save = vol->calls_save;
	uint64_t generation = save->err == 0 ? save_generation(vol, save->bytes) : 0;

	if (generation > save->best_generation) {
		save->best_generation = generation;
		save->best_half = save->at_half;
		save->best_copy = save->at_copy;
	}
	if (++save->at_copy < raid_log_copies(vol->raid))
		return;
	save->at_copy = 0;
	save->at_half++;
}

int calls_load(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct calls_save *save;

	if ((vol->compat & FSINFO_COMPAT_CALLS) == 0 || nvlog_save_blocks(vol) == 0)
		return 0;
	if (calls_of(vol) == NULL)
		return run_no_memory(run);
	save = vol->calls_save;
	if (save->state == LOAD_TAKE) {
		if (save->err == 0 && save_generation(vol, save->bytes) == save->best_generation)
			save_take(vol, save->bytes);
		return 0;
	}
	if (save->state == LOAD_LOOKED)
		save_look(vol);
	if (save->at_half < 2) {
		save->state = LOAD_LOOKED;
		return read_start(run, save->at_half, save->at_copy);
	}
	if (save->best_generation == 0)
		return 0;
	save->half = save->best_half;
	save->state = LOAD_TAKE;
	return read_start(run, save->best_half, save->best_copy);
}
