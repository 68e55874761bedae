/* SPDX-License-Identifier: Apache-2.0 */
/* What an imported volume says about igroups that are known here already. */
#include "admin/trust.h"

#include <string.h>

#include "admin/record.h"
#include "base/log.h"

static const char *uuid_of(json_t *igroup)
{
	return json_string_value(json_object_get(igroup, "uuid"));
}

/* Is this text in the list, and where? */
static bool list_has(json_t *list, const char *text, size_t *ret_index)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		*ret_index = i;
		if (strcmp(json_string_value(entry), text) == 0)
			return true;
	}
	return false;
}

bool trust_keeps_out(const struct known_volume *known, const char *igroup_uuid)
{
	size_t i;
	return list_has(known->kept_out, igroup_uuid, &i);
}

void trust_let_in(struct known_volume *known, const char *igroup_uuid)
{
	size_t i;
	if (list_has(known->kept_out, igroup_uuid, &i))
		(void)json_array_remove(known->kept_out, i);
}

json_t *trust_igroups_of(const struct known_volume *known)
{
	json_t *list = json_array(), *igroup;
	size_t i;

	if (known->igroups == NULL)
		return known->igroups_held == NULL ? list : (json_decref(list), json_incref(known->igroups_held));
	json_array_foreach(known->igroups, i, igroup) {
		if (!trust_keeps_out(known, uuid_of(igroup)))
			(void)json_array_append(list, json_object_get(igroup, "uuid"));
	}
	return list;
}

/* Has `other` an igroup of that UUID that is not this one, or may it have while it is offline? */
static bool differs_from(const struct known_volume *other, json_t *igroup)
{
	size_t i;

	if (other->igroups == NULL)
		return list_has(other->igroups_held, uuid_of(igroup), &i);
	if (trust_keeps_out(other, uuid_of(igroup)))
		return false;
	json_t *have = record_find(other->igroups, "uuid", uuid_of(igroup), NULL);
	return have != NULL &&
	       (!json_equal(json_object_get(have, "name"), json_object_get(igroup, "name")) ||
	        !json_equal(json_object_get(have, "initiators"), json_object_get(igroup, "initiators")));
}

void trust_imported(struct admin *admin, struct known_volume *known)
{
	const struct known_volume *other;
	json_t *igroup;
	size_t i;

	known->kept_out = json_array();
	json_array_foreach(known->igroups, i, igroup) {
		bool differs = false;
		TAILQ_FOREACH(other, &admin->volumes, link)
			differs = differs || (other != known && differs_from(other, igroup));
		if (!differs || trust_keeps_out(known, uuid_of(igroup)))
			continue;
		(void)json_array_append(known->kept_out, json_object_get(igroup, "uuid"));
		log_warn("admin", "igroup_kept_out",
		         "volume=%s igroup=%s uuid=%s text=\"it is another one than the igroup of that UUID known "
		         "here; LUNs mapped to it "
		         "are not "
		         "served\"",
		         known->name, json_string_value(json_object_get(igroup, "name")), uuid_of(igroup));
	}
}
