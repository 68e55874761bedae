/* SPDX-License-Identifier: Apache-2.0 */
/* Damage field by field, with checksums that fit. */
#include "tests/fs/imagedamage.h"

#include "base/crc32c.h"
#include "fs/format/nvlogformat.h"
#include "fs/file/tree.h"
#include "raid/layout.h"
#include "tests/support/memdisk.h"

#define SPOTS_MAX 2000U
#define ANYWHERE 4096U /* as an offset */

/* A field of the file system's. */
struct spot {
	const char *structure, *target, *field;
	uint32_t vbn; /* 0: fsinfo */
	unsigned record, offset, size; /* in the block: the record, the field in it */
	void (*seal)(uint8_t *block, uint8_t *record);
};
static struct spot spots[SPOTS_MAX];
static unsigned n_spots;
static struct raid_geometry geometry;
static struct layout layout;

static uint64_t draw(uint64_t *io_seed)
{
	uint64_t z = *io_seed += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

static uint64_t draw_below(uint64_t *io_seed, uint64_t n)
{
	return draw(io_seed) % n;
}

/* Limits, near misses, and anything at all. */
static uint64_t value_draw(uint64_t *io_seed, uint64_t before, unsigned size)
{
	static const uint64_t limits[] = { 0,   1,   2,    3,    15,   16,   31,   32,    63,    64,    127,     128,
		                           255, 256, 1023, 1024, 4095, 4096, 4097, 16384, 32768, 65535, 1U << 22 };
	uint64_t ones = UINT64_MAX >> (64U - 8U * size), r = draw(io_seed);

	switch (r % 8U) {
	case 0: return 0;
	case 1: return ones;
	case 2: return (before + 1U) & ones;
	case 3: return (before - 1U) & ones;
	case 4: return before ^ 1ULL << (r >> 8) % (8U * size);
	case 5: return limits[(r >> 8) % ARRAY_SIZE(limits)] & ones;
	case 6: return ones >> 1U | (r >> 8 & 1U);
	default: return r >> 3 & ones;
	}
}

static void field_change(uint64_t *io_seed, uint8_t *at, unsigned size, char *what, size_t what_size)
{
	uint64_t before = 0, after;
	size_t len = strlen(what);

	memcpy(&before, at, size);
	after = value_draw(io_seed, before, size);
	memcpy(at, &after, size);
	if (what_size > len)
		(void)snprintf(what + len, what_size - len, " %llx -> %llx;", (unsigned long long)before,
		               (unsigned long long)after);
}

static const char *medium(const struct fsbox *box, unsigned disk)
{
	return box->urls[disk] + 4;
}

/* ---- blocks of the file system ---- */

static void entry_change(const struct fsbox *box, unsigned disk, uint32_t dbn,
                         const struct raid_checksum_format *difference)
{
	uint64_t block = layout_checksum_block(&layout, layout_zone(dbn));
	uint8_t bytes[4096], *entry = bytes + layout_zone_slot(dbn) * sizeof *difference;

	memdisk_peek(medium(box, disk), block, bytes);
	for (size_t i = 0; i < sizeof *difference; i++)
		entry[i] ^= ((const uint8_t *)difference)[i];
	memdisk_poke(medium(box, disk), block, bytes);
}

static bool place_of(uint32_t vbn, unsigned *ret_disk, uint32_t *ret_dbn)
{
	for (unsigned i = 0; i < geometry.n_data_disks; i++) {
		if (vbn < geometry.disks[i].vbn_first ||
		    vbn - geometry.disks[i].vbn_first >= geometry.disks[i].n_blocks)
			continue;
		*ret_disk = geometry.disks[i].position;
		*ret_dbn = vbn - geometry.disks[i].vbn_first;
		return true;
	}
	return false;
}

static void block_get(const struct fsbox *box, uint32_t vbn, uint8_t bytes[4096])
{
	unsigned disk = 0;
	uint32_t dbn = 0;

	assert_true(place_of(vbn, &disk, &dbn));
	memdisk_peek(medium(box, disk), layout_data_block(&layout, dbn), bytes);
}

/* With entry, parity and parity's entry. */
static void block_put(const struct fsbox *box, uint32_t vbn, const uint8_t bytes[4096])
{
	struct raid_checksum_format difference = { 0 };
	uint8_t before[4096], parity[4096];
	unsigned disk = 0, parity_disk = box->n_disks - 1U;
	uint32_t dbn = 0;

	assert_true(place_of(vbn, &disk, &dbn));
	memdisk_peek(medium(box, disk), layout_data_block(&layout, dbn), before);
	memdisk_peek(medium(box, parity_disk), layout_data_block(&layout, dbn), parity);
	for (unsigned i = 0; i < 4096; i++) {
		before[i] ^= bytes[i];
		parity[i] ^= before[i];
	}
	difference.crc = le32_of(crc32c_linear(before, sizeof before));
	memdisk_poke(medium(box, disk), layout_data_block(&layout, dbn), bytes);
	memdisk_poke(medium(box, parity_disk), layout_data_block(&layout, dbn), parity);
	entry_change(box, disk, dbn, &difference);
	entry_change(box, parity_disk, dbn, &difference);
}

/* ---- the ring of roots ---- */

static void ring_seal(struct raid_fsinfo_format *slot)
{
	slot->crc = le32_of(0);
	slot->crc = le32_of(crc32c(slot, sizeof *slot));
}

static unsigned ring_newest(const struct fsbox *box, unsigned disk, struct raid_fsinfo_format *ret_slot)
{
	struct raid_fsinfo_format slot;
	unsigned newest = 0;

	memset(ret_slot, 0, sizeof *ret_slot);
	for (unsigned s = 0; s < RAID_RING_SLOTS; s++) {
		memdisk_peek(medium(box, disk), layout_ring_block(s), (uint8_t *)&slot);
		if (memcmp(slot.magic, RAID_FSINFO_MAGIC, RAID_MAGIC_BYTES) == 0 &&
		    le64_get(slot.generation) > le64_get(ret_slot->generation)) {
			newest = s;
			*ret_slot = slot;
		}
	}
	return newest;
}

/* The same on all disks, or on one. */
static void ring_change(const struct fsbox *box, uint64_t *io_seed, unsigned offset, unsigned size, char *what,
                        size_t what_size)
{
	bool all = draw_below(io_seed, 4) != 0;
	uint64_t seed = *io_seed;

	for (unsigned disk = 0; disk < (all ? box->n_disks : 1U); disk++) {
		struct raid_fsinfo_format slot;
		unsigned s = ring_newest(box, disk, &slot);

		seed = *io_seed;
		field_change(&seed, (uint8_t *)&slot + offset, size, what, disk == 0 ? what_size : 0);
		ring_seal(&slot);
		memdisk_poke(medium(box, disk), layout_ring_block(s), (const uint8_t *)&slot);
	}
	*io_seed = seed;
}

void image_root_generation(struct fsbox *box, uint64_t add)
{
	for (unsigned disk = 0; disk < box->n_disks; disk++) {
		struct raid_fsinfo_format slot;
		unsigned s = ring_newest(box, disk, &slot);

		slot.generation = le64_of(le64_get(slot.generation) + add);
		ring_seal(&slot);
		memdisk_poke(medium(box, disk), layout_ring_block(s), (const uint8_t *)&slot);
	}
}

#define IN(type, field) #field, offsetof(type, field), MIN_OF(sizeof(((type *)0)->field), (size_t)8)
struct raw_field {
	const char *name;
	size_t offset, size;
};

static void damage_ring(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	static const struct raw_field fields[] = {
		{ IN(struct raid_fsinfo_format, version) },         { IN(struct raid_fsinfo_format, volume_uuid) },
		{ IN(struct raid_fsinfo_format, generation) },      { IN(struct raid_fsinfo_format, intent_epoch) },
		{ IN(struct raid_fsinfo_format, intent_released) }, { IN(struct raid_fsinfo_format, flush) },
	};
	const struct raw_field *field = &fields[draw_below(io_seed, ARRAY_SIZE(fields))];

	(void)snprintf(what, size, "ring %s", field->name);
	ring_change(box, io_seed, (unsigned)field->offset, (unsigned)field->size, what, size);
}

static void damage_spot(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	const struct spot *spot = &spots[draw_below(io_seed, n_spots)];
	unsigned offset = spot->offset == ANYWHERE ? (unsigned)draw_below(io_seed, 4096U / spot->size) * spot->size
	                                           : spot->offset;
	uint8_t block[4096];

	(void)snprintf(what, size, "%s, %s, %s", spot->structure, spot->target, spot->field);
	if (spot->vbn == 0) {
		ring_change(box, io_seed, (unsigned)offsetof(struct raid_fsinfo_format, body) + spot->record + offset,
		            spot->size, what, size);
		return;
	}
	block_get(box, spot->vbn, block);
	field_change(io_seed, block + spot->record + offset, spot->size, what, size);
	if (spot->seal != NULL)
		spot->seal(block, block + spot->record);
	block_put(box, spot->vbn, block);
}

static void damage_entry(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	const struct spot *spot = &spots[draw_below(io_seed, n_spots)];
	unsigned disk = 0, word = (unsigned)draw_below(io_seed, 4);
	struct raid_checksum_format difference = { 0 };
	uint32_t dbn = 0;

	if (spot->vbn == 0 || !place_of(spot->vbn, &disk, &dbn))
		return;
	(void)snprintf(what, size, "checksum entry of vbn %u, word %u", spot->vbn, word);
	field_change(io_seed, (uint8_t *)&difference + 4U * word, 4, what, size);
	entry_change(box, disk, dbn, &difference);
	if (draw_below(io_seed, 2) != 0)
		entry_change(box, box->n_disks - 1U, dbn, &difference);
}

/* ---- labels ---- */

static void label_get(const struct fsbox *box, unsigned disk, unsigned copy, struct raid_label_format *ret_label)
{
	for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
		memdisk_peek(medium(box, disk), layout_label_block(copy) + b, (uint8_t *)ret_label + (size_t)b * 4096U);
}

static void label_put(const struct fsbox *box, unsigned disk, unsigned copy, struct raid_label_format *label)
{
	label->crc = le32_of(0);
	label->crc = le32_of(crc32c(label, sizeof *label));
	for (unsigned b = 0; b < RAID_LABEL_BLOCKS; b++)
		memdisk_poke(medium(box, disk), layout_label_block(copy) + b,
		             (const uint8_t *)label + (size_t)b * 4096U);
}

static void damage_label(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
#define LABEL(field)                                                                                                   \
	{                                                                                                              \
		IN(struct raid_label_format, field)                                                                    \
	}
	static const struct raw_field fields[] = {
		LABEL(version),         LABEL(disk_uuid),     LABEL(member_index),
		LABEL(group),           LABEL(position),      LABEL(role),
		LABEL(size_blocks),     LABEL(volume_uuid),   LABEL(generation),
		LABEL(membership),      LABEL(epoch),         LABEL(compat),
		LABEL(flags),           LABEL(n_members),     LABEL(n_groups),
		LABEL(n_log_copies),    LABEL(log_copies[0]), LABEL(log_copies[1]),
		LABEL(log_copies[2]),   LABEL(intent_slots),  LABEL(log_first),
		LABEL(log_half_blocks), LABEL(zones_first),   LABEL(ring_slots),
	};
	static const struct raw_field rows[] = {
		{ IN(struct raid_member_format, uuid) },      { IN(struct raid_member_format, size_blocks) },
		{ IN(struct raid_member_format, vbn_first) }, { IN(struct raid_member_format, n_dbn) },
		{ IN(struct raid_member_format, group) },     { IN(struct raid_member_format, position) },
		{ IN(struct raid_member_format, role) },      { IN(struct raid_member_format, state) },
	};
	static struct raid_label_format label;
	bool all = draw_below(io_seed, 4) != 0;
	unsigned i = (unsigned)draw_below(io_seed, ARRAY_SIZE(fields) + ARRAY_SIZE(rows)),
	         row = (unsigned)draw_below(io_seed, box->n_disks);
	const struct raw_field *field = i < ARRAY_SIZE(fields) ? &fields[i] : &rows[i - ARRAY_SIZE(fields)];
	size_t offset = field->offset;
	uint64_t seed = *io_seed;

	if (i >= ARRAY_SIZE(fields))
		offset += offsetof(struct raid_label_format, members[0]) + row * sizeof(struct raid_member_format);
	(void)snprintf(what, size, "label %s%s %u", i >= ARRAY_SIZE(fields) ? "row " : "", field->name, row);
	for (unsigned disk = all ? 0 : row; disk < (all ? box->n_disks : row + 1U); disk++)
		for (unsigned copy = 0; copy < 2; copy++) {
			seed = *io_seed;
			label_get(box, disk, copy, &label);
			field_change(&seed, (uint8_t *)&label + offset, (unsigned)field->size, what,
			             disk + copy == 0 ? size : 0);
			label_put(box, disk, copy, &label);
		}
	*io_seed = seed;
}

/* ---- intents ---- */

#define INTENT_BLOCKS (1U + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK)

static size_t intent_field(uint64_t *io_seed, unsigned n_partial, unsigned *ret_size, const char **ret_name)
{
	static const struct raw_field head[] = {
		{ IN(struct raid_intent_head_format, epoch) },
		{ IN(struct raid_intent_head_format, sequence) },
		{ IN(struct raid_intent_head_format, group) },
		{ IN(struct raid_intent_head_format, n_runs) },
		{ IN(struct raid_intent_head_format, n_partial) },
		{ IN(struct raid_intent_head_format, n_payload) },
		{ "run", offsetof(struct raid_intent_head_format, runs[0].first_dbn), 4 },
		{ "run length", offsetof(struct raid_intent_head_format, runs[0].n), 4 },
	};
	static const struct raw_field partial[] = {
		{ IN(struct raid_intent_partial_format, dbn) },
		{ IN(struct raid_intent_partial_format, mask) },
		{ IN(struct raid_intent_partial_format, flags) },
		{ IN(struct raid_intent_partial_format, payload) },
		{ IN(struct raid_intent_partial_format, entries[0]) },
		{ IN(struct raid_intent_partial_format, entries[1]) },
		{ IN(struct raid_intent_partial_format, entries_xor) },
	};
	const struct raw_field *field = &head[draw_below(io_seed, ARRAY_SIZE(head))];
	size_t offset = field->offset;

	if (n_partial > 0 && draw_below(io_seed, 3) != 0) {
		field = &partial[draw_below(io_seed, ARRAY_SIZE(partial))];
		offset = 4096U +
		         (size_t)draw_below(io_seed, MIN_OF(n_partial, RAID_INTENT_MAX_PARTIAL)) *
		             sizeof(struct raid_intent_partial_format) +
		         field->offset;
	}
	*ret_size = (unsigned)field->size;
	*ret_name = field->name;
	return offset;
}

/* One record, alike on all disks that have it; also one that was settled long ago comes back to life. */
static void damage_intent(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	static uint8_t bytes[INTENT_BLOCKS * 4096U];
	struct raid_intent_head_format *head = (struct raid_intent_head_format *)(void *)bytes;
	static struct raid_label_format label;
	unsigned slot = (unsigned)draw_below(io_seed, layout.intent_slots);
	bool revive = draw_below(io_seed, 3) == 0;
	uint64_t seed = *io_seed;

	label_get(box, 0, 0, &label);
	for (unsigned disk = 0; disk < box->n_disks; disk++) {
		const char *name;
		unsigned n, field_size;
		size_t offset;

		for (unsigned b = 0; b < INTENT_BLOCKS; b++)
			memdisk_peek(medium(box, disk), layout_intent_block(slot) + b, bytes + (size_t)b * 4096U);
		if (memcmp(head->magic, RAID_INTENT_MAGIC, RAID_MAGIC_BYTES) != 0)
			continue;
		seed = *io_seed;
		if (revive) {
			head->epoch = label.epoch;
			head->sequence = le64_of(UINT64_MAX - 5U);
		}
		offset = intent_field(&seed, le16_get(head->n_partial), &field_size, &name);
		if (what[0] == '\0')
			(void)snprintf(what, size, "intent %u, %s%s", slot, name, revive ? " (revived)" : "");
		field_change(&seed, bytes + offset, field_size, what, size);
		n = 1U +
		    DIV_UP(MIN_OF(le16_get(head->n_partial), RAID_INTENT_MAX_PARTIAL), RAID_INTENT_PARTIAL_PER_BLOCK);
		head->crc = le32_of(0);
		head->crc = le32_of(crc32c(bytes, (size_t)n * 4096U));
		for (unsigned b = 0; b < INTENT_BLOCKS; b++)
			memdisk_poke(medium(box, disk), layout_intent_block(slot) + b, bytes + (size_t)b * 4096U);
	}
	*io_seed = seed;
}

/* ---- the log ---- */

static void log_read(const struct fsbox *box, unsigned disk, unsigned half, uint32_t block, uint8_t *bytes, unsigned n)
{
	for (unsigned b = 0; b < n; b++)
		memdisk_peek(medium(box, disk), layout_log_block(&layout, half, block + b), bytes + (size_t)b * 4096U);
}

static uint32_t group_blocks(const struct nvlog_group_disk *head)
{
	return DIV_UP(MIN_OF(le32_get(head->head_bytes), NVLOG_HEAD_BYTES_MAX), 4096U);
}

/* The block of a group of this half, chosen among all there are; UINT32_MAX: there is none. */
static uint32_t group_choose(const struct fsbox *box, unsigned disk, unsigned half, uint64_t *io_seed)
{
	struct nvlog_group_disk head;
	uint8_t bytes[4096];
	uint32_t chosen = UINT32_MAX, n = 0;

	for (uint32_t block = 0; block < layout.log_half_blocks;
	     block += group_blocks(&head) + le32_get(head.n_pages)) {
		log_read(box, disk, half, block, bytes, 1);
		memcpy(&head, bytes, sizeof head);
		if (le32_get(head.magic) != NVLOG_GROUP_MAGIC || group_blocks(&head) == 0)
			break;
		if (draw_below(io_seed, ++n) == 0)
			chosen = block;
	}
	return chosen;
}

static void group_field(const uint8_t *heads, uint64_t *io_seed, size_t *ret_offset, unsigned *ret_size)
{
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)heads;
	uint32_t n = le32_get(head->n_records), skip = n > 0 ? (uint32_t)draw_below(io_seed, n) : 0, at = sizeof *head;
	uint32_t head_bytes = MIN_OF(le32_get(head->head_bytes), NVLOG_HEAD_BYTES_MAX);
	struct nvlog_record_disk record;

	*ret_size = 1U << draw_below(io_seed, 4);
	*ret_offset = 8U + (size_t)draw_below(io_seed, 32U / *ret_size) * *ret_size; /* of the group's head */
	if (draw_below(io_seed, 6) == 0)
		return;
	for (; skip > 0 && at + sizeof record <= head_bytes; skip--) {
		memcpy(&record, heads + at, sizeof record);
		at += (uint32_t)sizeof record + le32_get(record.body_len) + 4U * le16_get(record.n_pages);
	}
	if (at + 128U <= head_bytes) /* a record's head, or the fixed part of its body */
		*ret_offset = at + (size_t)draw_below(io_seed, 128U / *ret_size) * *ret_size;
}

static void damage_log(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	static uint8_t heads[NVLOG_HEAD_BYTES_MAX];
	unsigned half = (unsigned)draw_below(io_seed, 2);
	uint64_t seed = *io_seed;

	for (unsigned disk = 0; disk < box->n_disks; disk++) {
		struct nvlog_group_disk *head = (struct nvlog_group_disk *)(void *)heads;
		size_t offset;
		unsigned field_size, n;
		uint32_t block, head_bytes;

		seed = *io_seed;
		block = group_choose(box, disk, half, &seed);
		if (block == UINT32_MAX)
			continue;
		log_read(box, disk, half, block, heads, 1);
		n = group_blocks(head);
		log_read(box, disk, half, block, heads, n);
		group_field(heads, &seed, &offset, &field_size);
		if (what[0] == '\0')
			(void)snprintf(what, size, "log half %u, group at %u, byte %zu", half, block, offset);
		field_change(&seed, heads + offset, field_size, what, size);
		head_bytes = MIN_OF(MAX_OF(le32_get(head->head_bytes), 8U), NVLOG_HEAD_BYTES_MAX);
		head->crc = le32_of(crc32c(heads + 8, head_bytes - 8U));
		for (unsigned b = 0; b < n; b++)
			memdisk_poke(medium(box, disk), layout_log_block(&layout, half, block + b),
			             heads + (size_t)b * 4096U);
	}
	*io_seed = seed;
}

/* ---- all of it ---- */

static void spot_add(struct spot spot)
{
	if (n_spots < SPOTS_MAX)
		spots[n_spots++] = spot;
}

static void spots_of_tables(struct cb_raw *raw, bool busy)
{
	for (unsigned s = 0; s < n_damage_structures; s++) {
		const struct damage_structure *structure = damage_structures[s];

		for (unsigned t = 0; t < structure->n_targets && (busy || structure->volume != DAMAGE_BUSY); t++) {
			struct damage_place place = structure->targets[t].find(raw);
			uint32_t vbn = place.ino == 0 ? 0 : cb_vbn(raw, place.ino, place.level, place.fbn);

			if (place.ino != 0 && vbn == 0)
				continue;
			for (unsigned f = 0; f < structure->n_fields; f++)
				if ((structure->fields[f].targets >> t & 1U) != 0)
					spot_add((struct spot){ structure->name, structure->targets[t].name,
					                        structure->fields[f].name, vbn, place.offset,
					                        structure->fields[f].offset, structure->fields[f].size,
					                        structure->seal });
		}
	}
}

/* Blocks that are arrays: any word of them. */
static void spots_of_blocks(struct cb_raw *raw)
{
	const struct {
		const char *name;
		uint32_t ino;
		unsigned level;
		uint32_t fbn;
		unsigned size;
	} blocks[] = {
		{ "pointers of a file", cb_ino.file, 1, 0, 4 },
		{ "pointers of a LUN", cb_ino.lun, 1, 0, 4 },
		{ "pointers of a backed LUN", cb_ino.top, 1, 0, 4 },
		{ "a directory's block", cb_ino.many, 0, 3, 1 },
		{ "the active map", INO_ACTIVE_MAP, 0, 0, 8 },
		{ "the summary map", INO_SUMMARY_MAP, 0, 0, 8 },
		{ "the inode map", INO_INODE_MAP, 0, 0, 8 },
		{ "documents", INO_DOCS, 0, 0, 1 },
		{ "inodes", INO_INODE_FILE, 0, 0, 4 },
		{ "the VTOC", INO_VTOC, 0, 0, 1 },
		{ "snapshots", INO_SNAPSHOT_TABLE, 0, 0, 4 },
		{ "pointers of inodes", INO_INODE_FILE, 1, 0, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		uint32_t vbn = cb_vbn(raw, blocks[i].ino, blocks[i].level, blocks[i].fbn);

		for (unsigned k = 0; k < 12 && vbn != 0; k++) /* as likely as a dozen fields */
			spot_add(
			    (struct spot){ "block", blocks[i].name, "any", vbn, 0, ANYWHERE, blocks[i].size, NULL });
	}
}

void image_spots_find(struct fsbox *box, bool busy)
{
	static struct raid_label_format label;
	struct cb_raw raw;

	n_spots = 0;
	cb_raw_open(&raw, box);
	geometry = *raid_geometry(raw.raid);
	spots_of_tables(&raw, busy);
	spots_of_blocks(&raw);
	cb_raw_close(&raw);
	label_get(box, 0, 0, &label);
	layout = (struct layout){ le32_get(label.intent_slots), le32_get(label.log_first),
		                  le32_get(label.log_half_blocks), le32_get(label.zones_first) };
}

void image_damage(struct fsbox *box, uint64_t *io_seed, char *what, size_t size)
{
	static void (*const kinds[])(struct fsbox * box, uint64_t * io_seed, char *what, size_t size) = {
		damage_spot,  damage_spot,  damage_spot,   damage_spot, damage_ring,
		damage_entry, damage_label, damage_intent, damage_log,  damage_log,
	};

	what[0] = '\0';
	kinds[draw_below(io_seed, ARRAY_SIZE(kinds))](box, io_seed, what, size);
}
