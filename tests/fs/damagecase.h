/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: one corruption a rule and field, each found under the right rule, and nothing beside it reported.
 *
 * Each case works on a copy of one volume's disks. `must` are the rules that have to speak, `may` those that are
 * allowed to because the damage concerns them, too (a lost pointer leaves a block that nothing refers to). */
#ifndef TESTS_DAMAGECASE_H
#define TESTS_DAMAGECASE_H

#include "tests/fs/checkbox.h"

#define DAMAGE_DISKS 4U
#define DAMAGE_DISK_BYTES (32ULL << 20)

struct damage_case {
	const char *name;
	void (*damage)(struct cb_raw *raw);
	unsigned must, may;
	const char *text; /* part of a line of a rule in `must` */
	bool online; /* on the mounted, idle volume: mounting would repair or refuse it */
};
struct damage_cases {
	const struct damage_case *cases;
	unsigned n;
};
extern const struct damage_cases damage_cases_inode, damage_cases_map, damage_cases_name, damage_cases_vdisk;

/* All of them, one after the other; NULL at the end. */
const struct damage_case *damage_case_at(unsigned i);
/* The volume they are for, closed (setup and teardown of a group of tests). */
extern struct fsbox damage_box;
int damage_volume_make(void **state);
int damage_volume_drop(void **state);

#endif
