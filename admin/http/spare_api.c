/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/spares. */
#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/spare.h"
#include "admin/textjson.h"

/* The volume that the body names may be given a spare of its own. False: it may not, and that was answered. */
static bool volume_will_do(struct call *call, const char *name, const struct known_volume *known)
{
	if (name == NULL || (known != NULL && known->has_uuid))
		return true;
	if (known == NULL)
		call_fail(call, -ENOENT, "volume", "there is no volume \"%.63s\"", name);
	else
		call_fail(call, -ENODEV, "volume", "volume \"%.63s\" was never mounted here", name);
	return false;
}

static void add(struct call *call, const struct spare_new *new)
{
	struct spare *spare;
	char text[256];
	int err = spare_add(call->admin, new, &spare, text);

	if (err != 0)
		call_fail(call, err, "disk", "%s", text[0] != '\0' ? text : fault_of(err)->text);
	else
		call_reply_take(call, 201, spare_json(call->admin, spare));
}

void spare_api_add(struct call *call)
{
	const char *volume = call_text(call, "volume"), *disk = call_text(call, "disk");
	const struct known_volume *known = volume == NULL ? NULL : known_find(call->admin, volume);

	if (!volume_will_do(call, volume, known))
		return;
	json_t *url = known_disk_url(call->admin, disk);
	if (url == NULL)
		call_fail(call, -EINVAL, "disk",
		          "\"%.150s\" is not a disk: give a name, an absolute path or a URL (file:/path)", disk);
	else
		add(call,
		    &(struct spare_new){ .url = json_string_value(url),
		                         .known = known,
		                         .size_bytes = (uint64_t)json_integer_value(call_member(call, "disk_size")),
		                         .force = call_flag(call, "force") });
	json_decref(url);
}

void spare_api_remove(struct call *call)
{
	const char *disk = call_param(call, "disk");
	json_t *url = known_disk_url(call->admin, disk);
	struct spare *spare = url == NULL ? NULL : spare_find(call->admin, json_string_value(url));
	char text[256];

	json_decref(url);
	if (spare == NULL) {
		call_fail(call, -ENOENT, disk, "\"%.150s\" is no hot spare: see vcadm raid spare list", disk);
		return;
	}
	int err = spare_remove(call->admin, spare, text);
	if (err != 0)
		call_fail(call, err, disk, "%s", text);
	else
		call_reply_take(call, 200, json_pack("{s:o,s:s}", "disk", textjson(disk), "state", "removed"));
}

void spare_api_list(struct call *call)
{
	const char *name = call_query(call, "volume");

	call->records = json_array();
	spare_api_append(call, name);
	call_reply_collection(call);
}

void spare_api_append(struct call *call, const char *volume)
{
	const struct known_volume *known = volume == NULL ? NULL : known_find(call->admin, volume);
	struct spare *spare;

	TAILQ_FOREACH(spare, &call->admin->spares, link) {
		if (volume != NULL && spare->has_volume &&
		    (known == NULL || !known->has_uuid || !uuid_equal(&known->uuid, &spare->volume)))
			continue;
		spare_look(call->admin, spare);
		(void)json_array_append_new(call->records, spare_json(call->admin, spare));
	}
}
