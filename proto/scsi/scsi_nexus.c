/* SPDX-License-Identifier: Apache-2.0 */
/* I_T nexuses: the sight of the LUN maps, unit attentions by comparing generations.
 * REFERENCES. SAM-5 4.7 (LUN addressing), 5.14 (unit attention). */
#include "proto/scsi/scsi_nexus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scsi_lun_decode(const uint8_t lun[8], uint32_t *ret_number)
{
	unsigned method = lun[0] >> 6;

	for (unsigned i = 2; i < 8; i++) {
		if (lun[i] != 0)
			return -EINVAL;
	}
	if (method == 0 && lun[0] == 0) /* peripheral device addressing, bus 0 */
		*ret_number = lun[1];
	else if (method == 1) /* flat space */
		*ret_number = (uint32_t)(lun[0] & 0x3FU) << 8 | lun[1];
	else
		return -EINVAL;
	return 0;
}

void scsi_lun_encode(uint8_t ret_lun[8], uint32_t number)
{
	memset(ret_lun, 0, 8);
	if (number >= 256)
		ret_lun[0] = (uint8_t)(0x40U | number >> 8);
	ret_lun[1] = (uint8_t)number;
}

void scsi_nexus_lun_put(struct scsi_nexus_lun *lun)
{
	if (lun == NULL || --lun->refs > 0)
		return;
	scsi_lu_put(lun->lu);
	free(lun);
}

static uint32_t space_warnings(const struct scsi_lu *lu)
{
	struct fs_space_notice notice;

	fs_volume_space(lu->volume, &notice);
	return notice.n_warnings;
}

static struct scsi_nexus_lun *nexus_lun_new(uint32_t number, struct scsi_lu *lu)
{
	struct scsi_nexus_lun *lun = calloc(1, sizeof *lun);

	if (lun == NULL)
		return NULL;
	lun->refs = 1;
	lun->number = number;
	lun->lu = scsi_lu_get(lu);
	lun->attentions = ATTENTION_POWER_ON;
	lun->seen_any = atomic_load(&lu->any_event);
	for (unsigned e = 0; e < LU_EVENT_COUNT; e++)
		lun->seen[e] = atomic_load(&lu->event[e]);
	lun->seen_space = space_warnings(lu);
	TAILQ_INIT(&lun->tasks);
	return lun;
}

static struct scsi_nexus_lun *nexus_find_number(struct scsi_nexus *nexus, uint32_t number)
{
	unsigned low = 0, high = nexus->n_luns;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (nexus->luns[mid]->number == number)
			return nexus->luns[mid];
		if (nexus->luns[mid]->number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void luns_free(struct scsi_nexus_lun **luns, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		scsi_nexus_lun_put(luns[i]);
	free(luns);
}

/* The same unit as before, with other content (it was put back to a snapshot): what was under way and what is cached
 * counts no more. */
static struct scsi_nexus_lun *nexus_lun_renew(const struct scsi_nexus_lun *before, struct scsi_lu *lu)
{
	struct scsi_nexus_lun *lun = nexus_lun_new(before->number, lu);

	if (lun != NULL)
		lun->attentions = ATTENTION_RESET |
		                  (scsi_lu_blocks(lu) != scsi_lu_blocks(before->lu) ? (uint32_t)ATTENTION_CAPACITY : 0);
	return lun;
}

/* ---- the sight, and the next one ---- */

struct sight {
	struct scsi_nexus_lun **luns;
	unsigned n_luns;
	struct scsi_nexus_gone *gone;
	unsigned n_gone;
	bool changed; /* a number stands for another unit, or for none, or for one where none was */
};

static void sight_free(struct sight *sight)
{
	luns_free(sight->luns, sight->n_luns);
	free(sight->gone);
}

static int sight_alloc(struct sight *sight, const struct scsi_nexus *nexus, unsigned n)
{
	*sight = (struct sight){ .luns = calloc(n + 1U, sizeof *sight->luns),
		                 .gone = calloc(nexus->n_gone + nexus->n_luns + 1U, sizeof *sight->gone) };
	if (sight->luns != NULL && sight->gone != NULL)
		return 0;
	sight_free(sight);
	return -ENOMEM;
}

/* The unit of a number as the nexus knows it already, or a new one. */
static struct scsi_nexus_lun *sight_lun(struct sight *sight, struct scsi_nexus_lun *before, uint32_t number,
                                        struct scsi_lu *lu)
{
	if (before != NULL && before->lu == lu) {
		before->refs++;
		return before;
	}
	if (before != NULL && uuid_equal(&before->lu->uuid, &lu->uuid))
		return nexus_lun_renew(before, lu);
	sight->changed = true;
	return nexus_lun_new(number, lu);
}

/* The LUNs of `view`; those the nexus knows already are kept as they are. */
static int sight_see(struct sight *sight, struct scsi_nexus *nexus, const struct lunmap_view *view)
{
	sight->changed = view->n != nexus->n_luns;
	for (unsigned i = 0; i < view->n; i++) {
		uint32_t number = view->luns[i].lun;
		struct scsi_nexus_lun *lun = sight_lun(sight, nexus_find_number(nexus, number), number,
		                                       view->luns[i].lu);

		if (lun == NULL)
			return -ENOMEM;
		sight->luns[sight->n_luns++] = lun;
	}
	return 0;
}

static struct scsi_nexus_lun *sight_find(const struct sight *sight, uint32_t number)
{
	for (unsigned i = 0; i < sight->n_luns; i++) {
		if (sight->luns[i]->number == number)
			return sight->luns[i];
	}
	return NULL;
}

/* A unit was seen under a number: when it is not there now, what is there is withheld, and whatever comes there
 * later. */
static void sight_miss(struct sight *sight, uint32_t number, const struct uuid *uuid)
{
	struct scsi_nexus_lun *now = sight_find(sight, number);

	if (now != NULL)
		now->withheld = !uuid_equal(&now->lu->uuid, uuid);
	if (now == NULL || now->withheld)
		sight->gone[sight->n_gone++] = (struct scsi_nexus_gone){ .number = number, .uuid = *uuid };
}

static void sight_compare(struct sight *sight, const struct scsi_nexus *nexus)
{
	for (unsigned i = 0; i < nexus->n_gone; i++)
		sight_miss(sight, nexus->gone[i].number, &nexus->gone[i].uuid);
	for (unsigned i = 0; i < nexus->n_luns; i++) {
		if (!nexus->luns[i]->withheld) /* else what was there before it is among the gone */
			sight_miss(sight, nexus->luns[i]->number, &nexus->luns[i]->lu->uuid);
	}
}

static void nexus_take_sight(struct scsi_nexus *nexus, struct sight *sight)
{
	luns_free(nexus->luns, nexus->n_luns);
	free(nexus->gone);
	nexus->luns = sight->luns;
	nexus->n_luns = sight->n_luns;
	nexus->gone = sight->gone;
	nexus->n_gone = sight->n_gone;
}

static int nexus_look(struct scsi_nexus *nexus, bool first)
{
	struct lunmap_view *view;
	struct sight sight;
	int err = lunmap_view_new(nexus->map, nexus->initiator, &view);

	if (err != 0)
		return err;
	err = sight_alloc(&sight, nexus, view->n);
	if (err == 0) {
		err = sight_see(&sight, nexus, view);
		if (err != 0)
			sight_free(&sight);
	}
	if (err == 0) {
		sight_compare(&sight, nexus);
		nexus_take_sight(nexus, &sight);
		nexus->generation = view->generation;
		for (unsigned i = 0; i < nexus->n_luns && sight.changed && !first; i++)
			nexus->luns[i]->attentions |= ATTENTION_LUNS;
	}
	lunmap_view_free(view);
	return err;
}

int scsi_nexus_init(struct scsi_nexus *nexus, struct world *world, struct lunmap *map, const char *initiator,
                    const char *port_name)
{
	memset(nexus, 0, sizeof *nexus);
	nexus->world = world;
	nexus->map = map;
	snprintf(nexus->initiator, sizeof nexus->initiator, "%s", initiator);
	snprintf(nexus->port_name, sizeof nexus->port_name, "%s", port_name);
	return nexus_look(nexus, true);
}

void scsi_nexus_fini(struct scsi_nexus *nexus)
{
	struct sight none = { .luns = NULL };

	nexus_take_sight(nexus, &none);
}

void scsi_nexus_refresh(struct scsi_nexus *nexus)
{
	if (nexus->generation != lunmap_generation(nexus->map) && nexus_look(nexus, false) != 0)
		nexus->generation = 0; /* out of memory: looked at again next time */
}

struct scsi_nexus_lun *scsi_nexus_find(struct scsi_nexus *nexus, const uint8_t lun[8])
{
	struct scsi_nexus_lun *found;
	uint32_t number;

	if (scsi_lun_decode(lun, &number) != 0)
		return NULL;
	found = nexus_find_number(nexus, number);
	return found == NULL || found->withheld ? NULL : found;
}

static const struct {
	enum scsi_attention bit;
	enum scsi_asc asc;
} attentions[] = {
	{ ATTENTION_POWER_ON, ASC_POWER_ON },
	{ ATTENTION_RESET, ASC_BUS_DEVICE_RESET },
	{ ATTENTION_LUNS, ASC_REPORTED_LUNS_CHANGED },
	{ ATTENTION_CAPACITY, ASC_CAPACITY_CHANGED },
	{ ATTENTION_MODE, ASC_MODE_PARAMETERS_CHANGED },
	{ ATTENTION_SPACE, ASC_SOFT_THRESHOLD_REACHED },
};

static void nexus_lun_compare(struct scsi_nexus_lun *lun)
{
	static const uint32_t bit_of[LU_EVENT_COUNT] = { [LU_EVENT_CAPACITY] = ATTENTION_CAPACITY,
		                                         [LU_EVENT_MODE] = ATTENTION_MODE,
		                                         [LU_EVENT_RESET] = ATTENTION_RESET };

	lun->seen_any = atomic_load_explicit(&lun->lu->any_event, memory_order_acquire);
	for (unsigned e = 0; e < LU_EVENT_COUNT; e++) {
		uint32_t now = atomic_load_explicit(&lun->lu->event[e], memory_order_relaxed);

		if (now != lun->seen[e])
			lun->attentions |= bit_of[e];
		lun->seen[e] = now;
	}
}

/* A thin LUN's volume has crossed a threshold. */
static void nexus_lun_look_at_space(struct scsi_nexus_lun *lun)
{
	uint32_t now = space_warnings(lun->lu);

	if (now != lun->seen_space && !atomic_load_explicit(&lun->lu->reserved, memory_order_relaxed))
		lun->attentions |= ATTENTION_SPACE;
	lun->seen_space = now;
}

enum scsi_asc scsi_nexus_take_attention(struct scsi_nexus_lun *lun)
{
	nexus_lun_look_at_space(lun);
	if (atomic_load_explicit(&lun->lu->any_event, memory_order_acquire) != lun->seen_any)
		nexus_lun_compare(lun);
	if (lun->attentions == 0)
		return ASC_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(attentions); i++) {
		if ((lun->attentions & attentions[i].bit) == 0)
			continue;
		lun->attentions &= ~(uint32_t)attentions[i].bit;
		if (attentions[i].bit == ATTENTION_POWER_ON) /* says all the rest of the unit, not of the others */
			lun->attentions &= (uint32_t)ATTENTION_LUNS;
		return attentions[i].asc;
	}
	return ASC_NONE;
}

void scsi_nexus_luns_reported(struct scsi_nexus *nexus, unsigned n)
{
	for (unsigned i = 0; i < nexus->n_luns; i++) {
		nexus->luns[i]->attentions &= ~(uint32_t)ATTENTION_LUNS;
		if (i < n)
			nexus->luns[i]->withheld = false;
	}
	if (n >= nexus->n_luns)
		nexus->n_gone = 0;
}

void scsi_nexus_reset(struct scsi_nexus_lun *lun)
{
	scsi_lu_notify(lun->lu, LU_EVENT_RESET);
}
