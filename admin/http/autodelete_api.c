/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/volumes/{volume}/snapshot-autodelete and storage/snapshot-autodeletes. Kept in the volume's policy
 * document. */
#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/policy.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static json_t *autodelete_json(const struct known_volume *known)
{
	struct fs_autodelete policy;

	policy_autodelete(known->policy, &policy);
	json_t *record = policy_autodelete_json(&policy), *json = json_pack("{s:s}", "volume", known->name);
	(void)json_object_del(record, "kind");
	(void)json_object_update(json, record);
	json_decref(record);
	return json;
}

void autodelete_api_list(struct call *call)
{
	const char *only = call_query(call, "volume");
	struct known_volume *known;

	if (only != NULL && known_find(call->admin, only) == NULL) {
		call_fail(call, -ENOENT, only, "there is no volume \"%s\"", only);
		return;
	}
	call->records = json_array();
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE && (only == NULL || strcmp(only, known->name) == 0))
			(void)json_array_append_new(call->records, autodelete_json(known));
	}
	call_reply_collection(call);
}

void autodelete_api_show(struct call *call)
{
	const char *name = call_param(call, "volume");

	if (call_find_volume(call, name))
		call_reply_take(call, 200, autodelete_json(known_find(call->admin, name)));
}

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	struct known_volume *known = call_policy_put(call, err, "policy");

	if (known == NULL)
		return;
	log_info("admin", "snapshot_autodelete_set", "volume=%s", known->name);
	call_reply_take(call, 200, autodelete_json(known));
}

static void set_turn(struct call *call)
{
	struct known_volume *known = call_policy_begin(call);
	struct fs_autodelete policy;
	const char *target;
	char text[160];

	if (known == NULL)
		return;
	policy_autodelete(known->policy, &policy);
	if (policy_autodelete_parse(call->body, &policy, &target, text) != 0) {
		call_fail(call, -EINVAL, target, "%s", text);
		return;
	}
	policy_set_autodelete(call->scratch, &policy);
	document_put(call->admin, call->volume, DOCUMENT_POLICY, call->scratch, was_put, call);
}

void autodelete_api_set(struct call *call)
{
	if (call_find_volume(call, call_param(call, "volume")))
		call_turn(call, set_turn);
}
