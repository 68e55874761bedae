/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by table: every field of every structure on disk, what is done to it, and which rule has to notice. */
#ifndef TESTS_DAMAGEFIELD_H
#define TESTS_DAMAGEFIELD_H

#include "tests/fs/checkbox.h"

/* What is done to a field of up to 8 bytes, little-endian; a mutation that would leave it as it is is no case. */
enum damage_mutation {
	DAMAGE_ZERO = 1,
	DAMAGE_ONES = 2, /* all bits */
	DAMAGE_MORE = 4, /* one more */
	DAMAGE_LESS = 8,
	DAMAGE_LOW = 16, /* its lowest bit is flipped */
	DAMAGE_HIGH = 32, /* its highest */
	DAMAGE_ONE = 64, /* becomes 1 */
};

/* Where a record lies. `ino` 0: in fsinfo. */
struct damage_place {
	uint32_t ino, fbn;
	unsigned level;
	unsigned offset; /* in the block */
};
struct damage_target {
	const char *name;
	struct damage_place (*find)(struct cb_raw *raw);
};

struct damage_field {
	const char *name;
	unsigned offset, size;
	unsigned targets; /* of the structure: a bit each */
	unsigned mutations;
	unsigned must, may; /* rules, a bit each */
	const char *unjudged; /* why nothing can judge it: all of its values are good ones */
};
#define DAMAGE_ALL UINT32_MAX

enum damage_volume {
	DAMAGE_SMALL,
	DAMAGE_WIDE, /* two regions */
	DAMAGE_BUSY, /* closed in the middle of a removal and of a clone (cb_populate_busy) */
};
struct damage_structure {
	const char *name;
	unsigned size; /* of a record */
	const struct damage_target *targets;
	unsigned n_targets;
	const struct damage_field *fields;
	unsigned n_fields;
	void (*seal)(uint8_t *block, uint8_t *record); /* makes the CRC fit; NULL: it has none */
	enum damage_volume volume; /* where its targets are */
};
extern const struct damage_structure *const damage_structures[];
extern const unsigned n_damage_structures;

/* Change the field of the record; false: it has that value already, and nothing was done. */
bool damage_apply(struct cb_raw *raw, const struct damage_structure *structure, const struct damage_target *target,
                  const struct damage_field *field, enum damage_mutation mutation);
const char *damage_mutation_name(enum damage_mutation mutation);

#endif
