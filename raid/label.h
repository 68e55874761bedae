/* SPDX-License-Identifier: Apache-2.0 */
/* Disk labels: who a disk is, and the table of all members of its volume.
 *
 * Two things are here. `struct label` is a label as read from a disk, decoded and checked. `struct label_state` is what
 * the labels of an open volume have to say now, and how far the disks have been brought in step with it. */
#ifndef RAID_LABEL_H
#define RAID_LABEL_H

#include "raid/batch.h"
#include "raid/dirty_map.h"
#include "raid/layout.h"
#include "raid/lineage.h"

/* A member, as a label has it. */
struct label_member {
	struct uuid uuid;
	uint64_t size_blocks;
	uint32_t vbn_first, n_dbn;
	uint16_t group, position;
	bool is_parity;
	bool is_second; /* parity: of two the second */
	bool failed, rebuilding; /* at most one of them */
	bool zeroed; /* rebuilding: it read as zeros before */
	bool worn; /* its errors are over a limit (raid/member_errors.h) */
	uint32_t rebuilt_zones; /* rebuilding: the zones below are there */
	uint8_t reason;
};

struct label {
	struct uuid disk_uuid, volume_uuid;
	struct uuid identity; /* what the volume is called by: volume_uuid, or what it was given as a copy */
	unsigned member_index; /* of the disk the label lies on */
	uint64_t generation, membership, epoch;
	uint64_t compat, ro_compat;
	bool clean;
	unsigned n_members, n_groups, n_log_copies;
	uint16_t log_copies[RAID_LABEL_MAX_LOG_COPIES];
	struct layout layout;
	struct lineage lineage;
	struct raid_limits limits;
	uint32_t shared_crc;
	struct label_member members[RAID_LABEL_MAX_MEMBERS];
	unsigned n_maps;
	struct label_map {
		unsigned member;
		struct dirty_map map;
	} maps[RAID_LABEL_MAPS];
};
/* -ENOENT: these bytes are no label. -EUCLEAN: a label that is damaged or absurd. -ENOTSUP: it has features we do not
 * know; disk_uuid, volume_uuid and identity are set even so. */
MUST_CHECK int label_decode(const struct raid_label_format *bytes, struct label *ret_label);
void label_encode(const struct label *label, struct raid_label_format *ret_bytes);
/* The label of a member, as the volume is now. */
void label_build(const struct raid *raid, const struct member *m, struct raid_label_format *ret_bytes);

struct label_wait {
	void (*done)(struct label_wait *wait, int err);
	STAILQ_ENTRY(label_wait) link;
};

/* `wanted` counts the changes of what labels say, `durable` those that are on the disks. Example: wanted 7, durable 5:
 * two changes wait. */
struct label_state {
	uint64_t generation, membership, epoch;
	uint64_t compat, ro_compat; /* as found on the disks: not ours to drop */
	uint64_t wanted, durable;
	bool clean;
	bool running;
	bool only_first; /* the labels being written are the first ones of new members (LB2) */
	unsigned n_log_copies;
	uint16_t log_copies[RAID_LABEL_MAX_LOG_COPIES];
	STAILQ_HEAD(, label_wait) waiters;
	struct batch batch;
	struct batch_item *items; /* for as many members as there can be */
	uint64_t writing; /* the value of `wanted` that is being written */
	struct task kick;
};
/* Something that labels say has changed: they are written soon. */
void label_changed(struct raid *raid);
/* The same, but nobody waits for it before the next flush. */
void label_behind(struct raid *raid);
/* Call `done` when the labels on the disks say what is so now; never inside this call. -EIO: no disk is left. */
void label_sync(struct raid *raid, struct label_wait *wait);
/* Do they say so already? Then there is nothing to wait for. */
bool label_in_step(const struct raid *raid);

#endif
