/* SPDX-License-Identifier: Apache-2.0 */
/* Disk labels: who a disk is, the table of all members, and keeping the labels on the disks in step with the volume.
 *
 * THEORY. Every label describes the whole volume, so any subset of disks is enough to know who is missing. A change (a
 * disk failed, the log moved, an epoch began) is written as a new generation to the older of the two copies of every
 * online member, durably; a torn write leaves the other copy. Nothing may be called durable while a failure is not yet
 * on the labels of the others: else the failed disk could come back after a crash and be believed.
 * A disk that has just become a member gets its first label before the others hear of it: a crash never leaves labels
 * that name a disk which cannot be told from any other.
 * INVARIANTS
 *  LB1 Of a member's two copies the newest valid one is never the one being written.
 *  LB2 No label names a disk that has none. But for its own first one. */
#include "raid/label.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "raid/member.h"
#include "raid/raid_volume.h"

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static uint32_t label_crc(const struct raid_label_format *f)
{
	return crc32c_sealed(f, sizeof *f, offsetof(struct raid_label_format, crc));
}

static uint8_t label_role(const struct label_member *m)
{
	return m->is_second ? RAID_ROLE_PARITY2 : m->is_parity ? RAID_ROLE_PARITY : RAID_ROLE_DATA;
}

static void label_encode_member(const struct label_member *m, struct raid_member_format *f)
{
	memcpy(f->uuid, m->uuid.b, 16);
	f->size_blocks = le64_of(m->size_blocks);
	f->vbn_first = le32_of(m->vbn_first);
	f->n_dbn = le32_of(m->n_dbn);
	f->group = le16_of(m->group);
	f->position = le16_of(m->position);
	f->role = label_role(m);
	f->state = m->failed ? RAID_MEMBER_FAILED : m->rebuilding ? RAID_MEMBER_REBUILDING : RAID_MEMBER_ONLINE;
	f->reason = m->failed ? m->reason : 0;
	f->flags = (uint8_t)((m->rebuilding && m->zeroed ? RAID_MEMBER_ZEROED : 0) | (m->worn ? RAID_MEMBER_WORN : 0));
	f->rebuilt_zones = le32_of(m->rebuilding ? m->rebuilt_zones : 0);
}

static uint64_t label_incompat(const struct label *label)
{
	uint64_t bits = uuid_equal(&label->identity, &label->volume_uuid) ? 0U : RAID_INCOMPAT_IDENTITY;

	for (unsigned i = 0; i < label->n_members; i++)
		bits |= (label->members[i].rebuilding ? RAID_INCOMPAT_REBUILDING : 0U) |
		        (label->members[i].is_second ? RAID_INCOMPAT_PARITY2 : 0U);
	return bits;
}

static void label_encode_layout(const struct layout *l, struct raid_label_format *f)
{
	f->ring_first = le32_of(RAID_RING_FIRST);
	f->ring_slots = le32_of(RAID_RING_SLOTS);
	f->intent_first = le32_of(RAID_INTENT_FIRST);
	f->intent_slots = le32_of(l->intent_slots);
	f->intent_slot_blocks = le32_of(RAID_INTENT_SLOT_BLOCKS);
	f->log_first = le32_of(l->log_first);
	f->log_half_blocks = le32_of(l->log_half_blocks);
	f->zones_first = le32_of(l->zones_first);
}

void label_encode(const struct label *label, struct raid_label_format *f)
{
	const struct label_member *own = &label->members[label->member_index];

	memset(f, 0, sizeof *f);
	memcpy(f->magic, RAID_LABEL_MAGIC, RAID_MAGIC_BYTES);
	f->version = le32_of(RAID_FORMAT_VERSION);
	memcpy(f->disk_uuid, own->uuid.b, 16);
	f->member_index = le16_of((uint16_t)label->member_index);
	f->group = le16_of(own->group);
	f->position = le16_of(own->position);
	f->role = le16_of(label_role(own));
	f->size_blocks = le64_of(own->size_blocks);
	memcpy(f->volume_uuid, label->volume_uuid.b, 16);
	if (!uuid_equal(&label->identity, &label->volume_uuid))
		memcpy(f->identity_uuid, label->identity.b, 16);
	f->generation = le64_of(label->generation);
	f->membership = le64_of(label->membership);
	f->epoch = le64_of(label->epoch);
	f->compat = le64_of(label->compat);
	f->ro_compat = le64_of(label->ro_compat);
	f->incompat = le64_of(label_incompat(label));
	f->flags = le32_of(label->clean ? RAID_LABEL_CLEAN : 0);
	f->block_size = le32_of(RAID_BLOCK_SIZE);
	f->pointer_size = le16_of(4);
	f->inode_size = le16_of(128);
	f->checksum_id = le16_of(RAID_CHECKSUM_CRC32C_LINEAR);
	f->parity_id = le16_of(RAID_PARITY_XOR);
	f->n_members = le16_of((uint16_t)label->n_members);
	f->n_groups = le16_of((uint16_t)label->n_groups);
	f->n_log_copies = le16_of((uint16_t)label->n_log_copies);
	for (unsigned i = 0; i < label->n_log_copies; i++)
		f->log_copies[i] = le16_of(label->log_copies[i]);
	label_encode_layout(&label->layout, f);
	lineage_encode(&label->lineage, &f->lineage);
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		f->limits[i] = le64_of(label->limits.of[i]);
	for (unsigned i = 0; i < label->n_members; i++)
		label_encode_member(&label->members[i], &f->members[i]);
	for (unsigned i = 0; i < label->n_maps; i++)
		dirty_map_encode(&label->maps[i].map, label->maps[i].member, &f->maps[i]);
	f->crc = le32_of(label_crc(f));
}

static int label_check_features(const struct raid_label_format *f)
{
	if (le32_get(f->version) != RAID_FORMAT_VERSION ||
	    (le64_get(f->incompat) & ~(uint64_t)RAID_INCOMPAT_KNOWN) != 0)
		return -ENOTSUP;
	if (le32_get(f->block_size) != RAID_BLOCK_SIZE || le16_get(f->pointer_size) != 4 ||
	    le16_get(f->inode_size) != 128 || le16_get(f->checksum_id) != RAID_CHECKSUM_CRC32C_LINEAR ||
	    le16_get(f->parity_id) != RAID_PARITY_XOR)
		return -ENOTSUP;
	if (le32_get(f->ring_first) != RAID_RING_FIRST || le32_get(f->ring_slots) != RAID_RING_SLOTS ||
	    le32_get(f->intent_first) != RAID_INTENT_FIRST ||
	    le32_get(f->intent_slot_blocks) != RAID_INTENT_SLOT_BLOCKS)
		return -ENOTSUP;
	return 0;
}

static int label_decode_member(const struct raid_member_format *f, const struct label *l, struct label_member *m)
{
	memcpy(m->uuid.b, f->uuid, 16);
	m->size_blocks = le64_get(f->size_blocks);
	m->vbn_first = le32_get(f->vbn_first);
	m->n_dbn = le32_get(f->n_dbn);
	m->group = le16_get(f->group);
	m->position = le16_get(f->position);
	m->is_second = f->role == RAID_ROLE_PARITY2;
	m->is_parity = f->role == RAID_ROLE_PARITY || m->is_second;
	m->failed = f->state == RAID_MEMBER_FAILED;
	m->rebuilding = f->state == RAID_MEMBER_REBUILDING;
	m->zeroed = (f->flags & RAID_MEMBER_ZEROED) != 0;
	m->worn = (f->flags & RAID_MEMBER_WORN) != 0;
	m->rebuilt_zones = le32_get(f->rebuilt_zones);
	m->reason = f->reason;
	if ((f->role != RAID_ROLE_DATA && !m->is_parity) ||
	    (f->state != RAID_MEMBER_ONLINE && f->state != RAID_MEMBER_FAILED && !m->rebuilding))
		return -EUCLEAN;
	if (m->rebuilding ? m->rebuilt_zones > layout_n_zones(m->n_dbn) : m->rebuilt_zones != 0)
		return -EUCLEAN;
	if (m->group >= l->n_groups || m->position >= RAID_MAX_GROUP_DISKS || m->n_dbn == 0 ||
	    m->n_dbn > layout_n_dbn(&l->layout, m->size_blocks) || (uint64_t)m->vbn_first + m->n_dbn >= VBN_ZERO)
		return -EUCLEAN;
	return 0;
}

static int label_decode_counts(const struct raid_label_format *f, struct label *l)
{
	l->n_members = le16_get(f->n_members);
	l->n_groups = le16_get(f->n_groups);
	l->n_log_copies = le16_get(f->n_log_copies);
	l->member_index = le16_get(f->member_index);
	l->layout = (struct layout){ le32_get(f->intent_slots), le32_get(f->log_first), le32_get(f->log_half_blocks),
		                     le32_get(f->zones_first) };
	if (l->n_members < 2 || l->n_members > RAID_LABEL_MAX_MEMBERS || l->n_groups == 0 ||
	    l->n_groups > RAID_MAX_GROUPS || l->n_log_copies > RAID_LABEL_MAX_LOG_COPIES ||
	    l->member_index >= l->n_members || !layout_is_sane(&l->layout))
		return -EUCLEAN;
	for (unsigned i = 0; i < l->n_log_copies; i++) {
		l->log_copies[i] = le16_get(f->log_copies[i]);
		if (l->log_copies[i] >= l->n_members)
			return -EUCLEAN;
		for (unsigned k = 0; k < i; k++)
			if (l->log_copies[k] == l->log_copies[i])
				return -EUCLEAN;
	}
	return 0;
}

/* Only of members that are lost or rebuilding, and one of each. */
static int label_decode_maps(const struct raid_label_format *f, struct label *l)
{
	l->n_maps = 0;
	for (unsigned i = 0; i < RAID_LABEL_MAPS; i++) {
		unsigned member = le16_get(f->maps[i].member);
		struct label_map *map = &l->maps[l->n_maps];

		if (member == 0)
			continue;
		map->member = member - 1U;
		if (map->member >= l->n_members || dirty_map_decode(&f->maps[i], &map->map) != 0 ||
		    (!l->members[map->member].failed && !l->members[map->member].rebuilding))
			return -EUCLEAN;
		for (unsigned k = 0; k < l->n_maps; k++)
			if (l->maps[k].member == map->member)
				return -EUCLEAN;
		l->n_maps++;
	}
	return 0;
}

/* No two members are one disk, and what the head says of this one is what its row says. */
static int label_check_rows(const struct raid_label_format *f, const struct label *l)
{
	const struct label_member *own = &l->members[l->member_index];

	for (unsigned i = 1; i < l->n_members; i++)
		for (unsigned k = 0; k < i; k++)
			if (uuid_equal(&l->members[i].uuid, &l->members[k].uuid))
				return -EUCLEAN;
	return uuid_equal(&l->disk_uuid, &own->uuid) && le16_get(f->group) == own->group &&
	               le16_get(f->position) == own->position && le16_get(f->role) == label_role(own) &&
	               le64_get(f->size_blocks) == own->size_blocks
	           ? 0
	           : -EUCLEAN;
}

int label_decode(const struct raid_label_format *f, struct label *l)
{
	int err;

	if (memcmp(f->magic, RAID_LABEL_MAGIC, RAID_MAGIC_BYTES) != 0)
		return -ENOENT;
	if (label_crc(f) != le32_get(f->crc))
		return -EUCLEAN;
	memcpy(l->disk_uuid.b, f->disk_uuid, 16);
	memcpy(l->volume_uuid.b, f->volume_uuid, 16);
	memcpy(l->identity.b, uuid_is_zero(f->identity_uuid) ? f->volume_uuid : f->identity_uuid, 16);
	l->generation = le64_get(f->generation);
	err = label_check_features(f);
	if (err == 0)
		err = label_decode_counts(f, l);
	if (err != 0)
		return err;
	lineage_decode(&f->lineage, &l->lineage);
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		l->limits.of[i] = le64_get(f->limits[i]);
	l->membership = le64_get(f->membership);
	l->epoch = le64_get(f->epoch);
	l->compat = le64_get(f->compat);
	l->ro_compat = le64_get(f->ro_compat);
	l->clean = (le32_get(f->flags) & RAID_LABEL_CLEAN) != 0;
	l->shared_crc = crc32c((const uint8_t *)f + RAID_LABEL_SHARED_OFFSET, sizeof *f - RAID_LABEL_SHARED_OFFSET);
	for (unsigned i = 0; i < l->n_members && err == 0; i++)
		err = label_decode_member(&f->members[i], l, &l->members[i]);
	if (err == 0 && le64_get(f->incompat) != label_incompat(l))
		err = -EUCLEAN; /* what a bit tells of is not there, or the other way round */
	if (err == 0)
		err = label_decode_maps(f, l);
	return err != 0 ? err : label_check_rows(f, l);
}

void label_build(const struct raid *raid, const struct member *own, struct raid_label_format *ret_bytes)
{
	const struct label_state *s = &raid->label;
	static _Thread_local struct label l;

	l = (struct label){
		.volume_uuid = raid->volume_uuid,
		.identity = raid->identity,
		.member_index = own->index,
		.generation = s->generation,
		.membership = s->membership,
		.epoch = s->epoch,
		.compat = s->compat,
		.ro_compat = s->ro_compat,
		.clean = s->clean,
		.n_members = raid->n_members,
		.n_groups = raid->n_groups,
		.n_log_copies = s->n_log_copies,
		.layout = raid->layout,
		.lineage = raid->lineage,
		.limits = raid->limits,
	};
	memcpy(l.log_copies, s->log_copies, sizeof l.log_copies);
	for (unsigned i = 0; i < raid->n_members; i++) {
		const struct member *m = raid->members[i];

		l.members[i] = (struct label_member){
			.uuid = m->uuid,
			.size_blocks = m->size_blocks,
			.vbn_first = m->vbn_first,
			.n_dbn = m->n_dbn,
			.group = (uint16_t)m->group->index,
			.position = (uint16_t)m->position,
			.is_parity = m->is_parity,
			.is_second = m->is_second,
			.failed = m->recorded_failed,
			.rebuilding = m->state == RAID_DISK_REBUILDING && !m->rebuilt,
			.zeroed = m->zeroed,
			.worn = m->worn,
			.rebuilt_zones = m->durable_zones,
			.reason = m->reason,
		};
	}
	for (unsigned i = 0; i < raid->n_members; i++) {
		const struct member *m = raid->members[i];

		if (m->map.kept && !m->map.fresh && (l.members[i].failed || l.members[i].rebuilding))
			l.maps[l.n_maps++] = (struct label_map){ i, m->map };
	}
	label_encode(&l, ret_bytes);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool label_in_step(const struct raid *raid)
{
	return raid->label.durable == raid->label.wanted;
}

static void label_answer(struct raid *raid, int err)
{
	struct label_state *s = &raid->label;
	struct label_wait *w;

	while ((w = STAILQ_FIRST(&s->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->waiters, link);
		w->done(w, err);
	}
}

/* A disk is left that labels can be written to. */
static bool any_online(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members && !raid->room.cut_off; i++)
		if (member_online(raid->members[i]))
			return true;
	return false;
}

static bool any_unlabelled(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++)
		if (member_online(raid->members[i]) && !raid->members[i]->labelled)
			return true;
	return false;
}

static void label_written(struct batch *batch)
{
	struct raid *raid = batch->raid;
	struct label_state *s = &raid->label;

	for (unsigned i = 0; i < batch->n_items; i += RAID_LABEL_BLOCKS)
		if (s->items[i].err == 0 && member_online(s->items[i].member)) {
			s->items[i].member->label_copy = 1 - s->items[i].member->label_copy;
			s->items[i].member->labelled = true;
		}
	s->running = false;
	if (!s->only_first)
		s->durable = s->writing;
	if (!any_online(raid)) {
		s->durable = s->wanted;
		label_answer(raid, -EIO);
	} else if (label_in_step(raid)) {
		label_answer(raid, 0);
	} else {
		world_defer(raid->world, &s->kick);
	}
	raid_idle_check(raid);
}

static void label_write(struct raid *raid)
{
	struct label_state *s = &raid->label;
	unsigned n = 0;

	vc_invariant(LB1, !s->running);
	s->running = true;
	s->writing = s->wanted;
	s->only_first = any_unlabelled(raid); /* LB2 */
	s->generation++;
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (!member_online(m) || (s->only_first && m->labelled))
			continue;
		label_build(raid, m, m->label_bytes);
		for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++, n++)
			s->items[n] = (struct batch_item){
				.member = m,
				.block = layout_label_block(1 - m->label_copy) + b, /* LB1 */
				.data = (uint8_t *)m->label_bytes + (size_t)b * RAID_BLOCK_SIZE,
			};
	}
	s->batch = (struct batch){
		.raid = raid, .op = DISK_WRITE_DURABLE, .items = s->items, .n_items = n, .done = label_written
	};
	batch_submit(&s->batch);
}

static void label_kick_run(struct task *task)
{
	struct raid *raid = container_of(task, struct raid, label.kick);
	struct label_state *s = &raid->label;

	if (s->running)
		return;
	if (!any_online(raid)) {
		s->durable = s->wanted;
		label_answer(raid, -EIO);
	} else if (label_in_step(raid)) {
		label_answer(raid, 0);
	} else {
		label_write(raid);
	}
	raid_idle_check(raid);
}

void label_changed(struct raid *raid)
{
	struct label_state *s = &raid->label;

	if (raid->read_only)
		return; /* what is known now dies with this open */
	s->wanted++;
	s->kick.run = label_kick_run;
	world_defer(raid->world, &s->kick);
}

void label_behind(struct raid *raid)
{
	raid->label.wanted += raid->read_only ? 0U : 1U;
}

void label_sync(struct raid *raid, struct label_wait *wait)
{
	struct label_state *s = &raid->label;

	STAILQ_INSERT_TAIL(&s->waiters, wait, link);
	s->kick.run = label_kick_run;
	world_defer(raid->world, &s->kick);
}
