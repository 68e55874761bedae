/* SPDX-License-Identifier: Apache-2.0 */
/* What survives of a scrub: the document "scrub", kept with the volume like those of the administration. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/format/scrubformat.h"
#include "fs/scrub/scrub_private.h"
#include "fs/vdisk/docs.h"

static_assert((int)FS_SCRUB_NONE == SCRUB_RESULT_NONE && (int)FS_SCRUB_RUNNING == SCRUB_RESULT_RUNNING &&
                  (int)FS_SCRUB_STOPPED == SCRUB_RESULT_STOPPED && (int)FS_SCRUB_DONE == SCRUB_RESULT_DONE,
              "states are written as they are");

/* ---- encoding ---- */

static size_t result_size(const struct scrub_result *result)
{
	return sizeof(struct scrub_result_format) + result->n_members * sizeof(struct scrub_member_format) +
	       result->n_lost * sizeof(struct scrub_lost_format);
}

static uint8_t *member_encode(const struct scrub_member *member, uint8_t *at)
{
	const struct fs_scrub_counts *counts = &member->counts;
	struct scrub_member_format format = {
		.group = le16_of(member->group),
		.position = le16_of(member->position),
		.flags = le32_of((member->is_parity ? SCRUB_MEMBER_PARITY : 0U) |
		                 (member->is_second ? SCRUB_MEMBER_SECOND : 0U)),
		.n_read = le64_of(counts->n_read),
		.n_wrong = le64_of(counts->n_wrong),
		.n_entries = le64_of(counts->n_entries),
		.n_unreadable = le64_of(counts->n_unreadable),
		.n_repaired = le64_of(counts->n_repaired),
		.n_lost = le64_of(counts->n_lost),
	};

	memcpy(format.uuid, &member->uuid, sizeof(format.uuid));
	memcpy(at, &format, sizeof(format));
	return at + sizeof(format);
}

static uint8_t *result_encode(const struct scrub_result *result, uint8_t *at)
{
	const struct scrub_result_format format = {
		.state = le32_of((uint32_t)result->state),
		.n_members = le32_of(result->n_members),
		.n_lost = le32_of(result->n_lost),
		.started_ns = le64_of((uint64_t)result->started_ns),
		.ended_ns = le64_of((uint64_t)result->ended_ns),
		.n_used = le64_of(result->n_used),
		.n_unverified = le64_of(result->n_unverified),
	};

	memcpy(at, &format, sizeof(format));
	at += sizeof(format);
	for (unsigned i = 0; i < result->n_members; i++)
		at = member_encode(&result->members[i], at);
	for (unsigned i = 0; i < result->n_lost; i++) {
		const struct scrub_lost *lost = &result->lost[i];
		const struct scrub_lost_format place = { le32_of(lost->vbn), le32_of(lost->inode), le32_of(lost->fbn),
			                                 le32_of(lost->level) };

		memcpy(at, &place, sizeof(place));
		at += sizeof(place);
	}
	return at;
}

static bool has_last(const struct scrub_state *state)
{
	return state->last.state == FS_SCRUB_DONE;
}

int scrub_state_put(struct fs_run *run, struct scrub *scrub, uint64_t *ret_sequence)
{
	const struct scrub_state *state = &scrub->draft;
	size_t len = sizeof(struct scrub_head_format) + result_size(&state->now) +
	             (has_last(state) ? result_size(&state->last) : 0);
	uint8_t *blob = malloc(len), *at = blob;
	struct scrub_head_format head = {
		.version = le32_of(SCRUB_VERSION),
		.n_results = le32_of(has_last(state) ? 2 : 1),
		.floor_bytes_s = le64_of(state->floor_bytes_s),
		.group = le32_of(state->group),
		.dbn = le32_of(state->dbn),
	};
	int err;

	if (blob == NULL)
		return run_no_memory(run);
	memcpy(head.magic, SCRUB_MAGIC, sizeof(head.magic));
	memcpy(at, &head, sizeof(head));
	at = result_encode(&state->now, at + sizeof(head));
	if (has_last(state))
		(void)result_encode(&state->last, at);
	err = docs_write(run, &(struct docs_content){ SCRUB_DOCUMENT, strlen(SCRUB_DOCUMENT), blob, len },
	                 ret_sequence);
	free(blob);
	if (err == 0)
		scrub->state = scrub->draft;
	return err;
}

/* ---- decoding: the bytes are a disk's ---- */

struct reader {
	const uint8_t *at;
	size_t left;
};

static bool take(struct reader *reader, void *ret_bytes, size_t len)
{
	if (reader->left < len)
		return false;
	memcpy(ret_bytes, reader->at, len);
	reader->at += len;
	reader->left -= len;
	return true;
}

static int member_decode(struct reader *reader, struct scrub_member *member)
{
	struct scrub_member_format format;

	if (!take(reader, &format, sizeof(format)))
		return -EUCLEAN;
	memcpy(&member->uuid, format.uuid, sizeof(format.uuid));
	member->group = le16_get(format.group);
	member->position = le16_get(format.position);
	member->is_parity = (le32_get(format.flags) & SCRUB_MEMBER_PARITY) != 0;
	member->is_second = (le32_get(format.flags) & SCRUB_MEMBER_SECOND) != 0;
	member->counts = (struct fs_scrub_counts){
		.n_read = le64_get(format.n_read),
		.n_wrong = le64_get(format.n_wrong),
		.n_entries = le64_get(format.n_entries),
		.n_unreadable = le64_get(format.n_unreadable),
		.n_repaired = le64_get(format.n_repaired),
		.n_lost = le64_get(format.n_lost),
	};
	return member->group < RAID_MAX_GROUPS && member->position < RAID_MAX_GROUP_DISKS ? 0 : -EUCLEAN;
}

static int result_decode(struct reader *reader, struct scrub_result *result)
{
	struct scrub_result_format format;
	struct scrub_lost_format lost;
	int err = 0;

	if (!take(reader, &format, sizeof(format)) || le32_get(format.state) > SCRUB_RESULT_DONE ||
	    le32_get(format.n_members) > RAID_MAX_DISKS || le32_get(format.n_lost) > FS_SCRUB_LOST_MAX)
		return -EUCLEAN;
	result->state = (enum fs_scrub_state)le32_get(format.state);
	result->started_ns = (int64_t)le64_get(format.started_ns);
	result->ended_ns = (int64_t)le64_get(format.ended_ns);
	result->n_used = le64_get(format.n_used);
	result->n_unverified = le64_get(format.n_unverified);
	result->n_members = le32_get(format.n_members);
	result->n_lost = le32_get(format.n_lost);
	for (unsigned i = 0; i < result->n_members && err == 0; i++)
		err = member_decode(reader, &result->members[i]);
	for (unsigned i = 0; i < result->n_lost && err == 0; i++) {
		if (!take(reader, &lost, sizeof(lost)))
			return -EUCLEAN;
		result->lost[i] = (struct scrub_lost){ le32_get(lost.vbn), le32_get(lost.inode), le32_get(lost.fbn),
			                               le32_get(lost.level) };
	}
	return err;
}

static int state_decode(struct reader *reader, struct scrub_state *state)
{
	struct scrub_head_format head;
	int err;

	if (!take(reader, &head, sizeof(head)) || memcmp(head.magic, SCRUB_MAGIC, sizeof(head.magic)) != 0)
		return -EUCLEAN;
	if (le32_get(head.version) != SCRUB_VERSION)
		return -ENOTSUP;
	if (le32_get(head.n_results) - 1U > 1U || le32_get(head.group) > RAID_MAX_GROUPS)
		return -EUCLEAN;
	state->floor_bytes_s = le64_get(head.floor_bytes_s);
	state->group = le32_get(head.group);
	state->dbn = le32_get(head.dbn);
	err = result_decode(reader, &state->now);
	if (err == 0 && le32_get(head.n_results) == 2)
		err = result_decode(reader, &state->last);
	return err == 0 && reader->left > 0 ? -EUCLEAN : err;
}

int scrub_state_get(struct fs_run *run, struct scrub_state *ret_state)
{
	void *blob;
	size_t len;
	int err = docs_read(run, SCRUB_DOCUMENT, strlen(SCRUB_DOCUMENT), &blob, &len);

	if (err != 0)
		return err;
	memset(ret_state, 0, sizeof(*ret_state));
	err = state_decode(&(struct reader){ blob, len }, ret_state);
	free(blob);
	return err;
}
