/* SPDX-License-Identifier: Apache-2.0 */
/* LUN numbers: a look through the picture for each question. */
#include "admin/lunnumber.h"

static uint32_t number_of(json_t *map)
{
	return (uint32_t)json_integer_value(json_object_get(map, "lun"));
}

static const char *igroup_of(json_t *map)
{
	return json_string_value(json_object_get(map, "igroup"));
}

const struct san_lun *lunnumber_holder(const struct san *san, const struct overlap *overlap, size_t igroup,
                                       uint32_t number, const struct uuid *lun, json_t **ret_map)
{
	json_t *map;
	size_t j;

	for (size_t i = 0; i < san->n_luns; i++) {
		if (uuid_equal(&san->luns[i].uuid, lun))
			continue;
		json_array_foreach(san->luns[i].maps, j, map) {
			size_t other = san_igroup_place(san, igroup_of(map));

			if (number_of(map) != number || (other != igroup && !overlap_between(overlap, igroup, other)))
				continue;
			*ret_map = map;
			return &san->luns[i];
		}
	}
	return NULL;
}

/* ---- what was ---------------------------------------------------------------------------------------------------- */

/* san->past: number -> {UUID of an igroup: UUID of the LUN that had it last}. */
static json_t *past_of(const struct san *san, uint32_t number, char key[16])
{
	(void)snprintf(key, 16, "%u", number);
	return json_object_get(san->past, key);
}

void lunnumber_remember(struct san *san)
{
	char key[16], uuid[UUID_TEXT_SIZE];
	json_t *map, *past;
	size_t j;

	for (size_t i = 0; i < san->n_luns; i++) {
		uuid_format(&san->luns[i].uuid, uuid);
		json_array_foreach(san->luns[i].maps, j, map) {
			past = past_of(san, number_of(map), key);
			if (past == NULL) {
				past = json_object();
				(void)json_object_set_new(san->past, key, past);
			}
			(void)json_object_set_new(past, igroup_of(map), json_string(uuid));
		}
	}
}

static bool was_another(const struct san *san, size_t igroup, uint32_t number, const struct uuid *lun)
{
	char key[16], uuid[UUID_TEXT_SIZE];
	const char *had_by;
	json_t *last;

	uuid_format(lun, uuid);
	json_object_foreach(past_of(san, number, key), had_by, last) {
		size_t other = san_igroup_place(san, had_by);

		if ((other == igroup || overlap_between(san->overlap, igroup, other)) &&
		    strcmp(json_string_value(last), uuid) != 0)
			return true;
	}
	return false;
}

int lunnumber_choose(const struct san *san, size_t igroup, const struct uuid *lun, uint32_t *ret_number)
{
	bool found = false;
	json_t *unused;

	for (uint32_t number = 0; number <= LUNNUMBER_MAX; number++) {
		bool again;

		if (lunnumber_holder(san, san->overlap, igroup, number, lun, &unused) != NULL)
			continue;
		again = was_another(san, igroup, number, lun);
		if (!found || !again)
			*ret_number = number;
		found = true;
		if (!again)
			return 0;
	}
	return found ? 0 : -EBUSY;
}

/* ---- what would be ----------------------------------------------------------------------------------------------- */

bool lunnumber_would_clash(const struct san *san, json_t *igroups, size_t igroup, const struct san_lun **ret_lun,
                           const struct san_lun **ret_other, uint32_t *ret_number)
{
	struct overlap *fresh = overlap_new(igroups);
	bool clash = false;
	json_t *map, *unused;
	size_t j;

	for (size_t i = 0; i < san->n_luns && !clash; i++) {
		json_array_foreach(san->luns[i].maps, j, map) {
			const struct uuid *lun = &san->luns[i].uuid;

			if (san_igroup_place(san, igroup_of(map)) != igroup)
				continue;
			*ret_number = number_of(map);
			*ret_lun = &san->luns[i];
			*ret_other = lunnumber_holder(san, fresh, igroup, *ret_number, lun, &unused);
			clash = *ret_other != NULL &&
			        lunnumber_holder(san, san->overlap, igroup, *ret_number, lun, &unused) == NULL;
			if (clash)
				break;
		}
	}
	overlap_free(fresh);
	return clash;
}
