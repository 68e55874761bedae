/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. */
#include "fs/core/vbn_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/reserve.h"
#include "raid/raid.h"

#define SLOTS_MIN 1024U
#define SLOTS_KEPT 65536U /* by an empty set */

/* The slot of `vbn`, or the free one where it belongs. */
static uint32_t *slot_of(const struct vbn_set *set, uint32_t vbn)
{
	size_t i = (vbn * 0x9E3779B1U) & (set->n_slots - 1U);

	while (set->slots[i] != VBN_HOLE && set->slots[i] != vbn)
		i = (i + 1U) & (set->n_slots - 1U);
	return &set->slots[i];
}

static void set_resize(struct vbn_set *set, size_t n_slots)
{
	struct vbn_set larger = { .slots = reserve_calloc(n_slots, sizeof(set->slots[0])),
		                  .n = set->n,
		                  .n_slots = n_slots };

	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i] != VBN_HOLE)
			*slot_of(&larger, set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
}

void vbn_set_add(struct vbn_set *set, uint32_t vbn)
{
	uint32_t *slot;

	vc_assert(vbn != VBN_HOLE && vbn != VBN_ZERO);
	if (2U * (set->n + 1U) > set->n_slots)
		set_resize(set, set->n_slots == 0 ? SLOTS_MIN : 2U * set->n_slots);
	slot = slot_of(set, vbn);
	set->n += *slot == VBN_HOLE;
	*slot = vbn;
}

bool vbn_set_has(const struct vbn_set *set, uint32_t vbn)
{
	return set->n > 0 && *slot_of(set, vbn) == vbn;
}

void vbn_set_clear(struct vbn_set *set)
{
	if (set->n_slots > SLOTS_KEPT)
		vbn_set_fini(set);
	else if (set->n > 0)
		memset(set->slots, 0, set->n_slots * sizeof(set->slots[0]));
	set->n = 0;
}

void vbn_set_fini(struct vbn_set *set)
{
	free(set->slots);
	*set = (struct vbn_set){ 0 };
}

void vbn_push(struct vbn_vector *vector, uint32_t vbn)
{
	ARRAY_ROOM_RESERVED(vector->vbns, vector->n, vector->n_max, 1024U);
	vector->vbns[vector->n++] = vbn;
}
