/* SPDX-License-Identifier: Apache-2.0 */
/* Doing the damage of the tables (damagetable.c). */
#include "tests/fs/damagefield.h"

static uint64_t field_get(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

static void field_put(uint8_t *bytes, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8U * i);
}

static uint64_t mutated(uint64_t value, unsigned size, enum damage_mutation mutation)
{
	uint64_t ones = UINT64_MAX >> (64U - 8U * size);

	switch (mutation) {
	case DAMAGE_ZERO: return 0;
	case DAMAGE_ONES: return ones;
	case DAMAGE_MORE: return (value + 1U) & ones;
	case DAMAGE_LESS: return (value - 1U) & ones;
	case DAMAGE_LOW: return value ^ 1U;
	case DAMAGE_HIGH: return value ^ 1ULL << (8U * size - 1U);
	case DAMAGE_ONE: return 1;
	}
	return value;
}

const char *damage_mutation_name(enum damage_mutation mutation)
{
	switch (mutation) {
	case DAMAGE_ZERO: return "zero";
	case DAMAGE_ONES: return "all ones";
	case DAMAGE_MORE: return "one more";
	case DAMAGE_LESS: return "one less";
	case DAMAGE_LOW: return "lowest bit";
	case DAMAGE_HIGH: return "highest bit";
	case DAMAGE_ONE: return "one";
	}
	return "?";
}

bool damage_apply(struct cb_raw *raw, const struct damage_structure *structure, const struct damage_target *target,
                  const struct damage_field *field, enum damage_mutation mutation)
{
	struct damage_place place = target->find(raw);
	uint8_t block[4096], *record = place.ino != 0 ? block + place.offset : raw->body + place.offset;
	uint64_t before, after;

	if (place.ino != 0)
		cb_block_get(raw, place.ino, place.level, place.fbn, block);
	before = field_get(record + field->offset, field->size);
	after = mutated(before, field->size, mutation);
	if (after == before)
		return false;
	field_put(record + field->offset, field->size, after);
	if (structure->seal != NULL)
		structure->seal(block, record);
	if (place.ino != 0)
		cb_block_put(raw, place.ino, place.level, place.fbn, block);
	else if (field->offset == offsetof(struct fsinfo_disk, cp_generation))
		cb_fsinfo_put(raw);
	else
		cb_raw_write_fsinfo(raw);
	return true;
}
