/* SPDX-License-Identifier: Apache-2.0 */
/* Records in JSON. */
#include "admin/record.h"

#include <string.h>

json_t *record_member(json_t *record, const char *dotted)
{
	char key[64];

	while (record != NULL && *dotted != '\0') {
		size_t len = strcspn(dotted, ".");
		if (len >= sizeof key)
			return NULL;
		memcpy(key, dotted, len);
		key[len] = '\0';
		record = json_object_get(record, key);
		dotted += len + (dotted[len] == '.');
	}
	return record;
}

json_t *record_find(json_t *records, const char *key, const char *text, size_t *ret_index)
{
	json_t *record;
	size_t i;

	json_array_foreach(records, i, record) {
		const char *member = json_string_value(json_object_get(record, key));
		if (member == NULL || strcmp(member, text) != 0)
			continue;
		if (ret_index != NULL)
			*ret_index = i;
		return record;
	}
	return NULL;
}
