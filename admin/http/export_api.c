/* SPDX-License-Identifier: Apache-2.0 */
/* REST: protocols/nfs/exports. Each volume keeps its own in a document. */
#include <arpa/inet.h>

#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/size.h"
#include "fs/volume.h"

#define EXPORTS_MAX 256U

static const char *member(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *export_json(const char *volume, json_t *entry)
{
	const char *inner = member(entry, "path");
	return json_pack("{s:o,s:s,s:O}", "path", json_sprintf("/vol/%s%s", volume, strcmp(inner, "/") == 0 ? "" : inner), "volume", volume,
	                 "rules", json_object_get(entry, "rules"));
}

void export_api_list(struct call *call)
{
	const char *only = call_query(call, "volume");
	struct known_volume *known;
	json_t *entry;
	size_t i;

	call->records = json_array();
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state != KNOWN_ONLINE || (only != NULL && strcmp(only, known->name) != 0))
			continue;
		json_array_foreach(known->exports, i, entry)(void) json_array_append_new(call->records, export_json(known->name, entry));
	}
	call_reply_collection(call);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* An address or network, nothing set behind its prefix: "10.0.0.0/8", "fd00::/8", "10.1.2.3"; "*" for everybody. */
static bool is_client(const char *text)
{
	char address[INET6_ADDRSTRLEN + 1];
	uint8_t bytes[16];
	uint64_t bits;
	size_t len = strcspn(text, "/");

	if (len == 0 || len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (strcmp(text, "*") == 0)
		return true;
	bool v4 = inet_pton(AF_INET, address, bytes) == 1;
	if (!v4 && inet_pton(AF_INET6, address, bytes) != 1)
		return false;
	if (text[len] == '\0')
		return true;
	if (size_parse_integer(text + len + 1, v4 ? 32 : 128, &bits) != 0)
		return false;
	for (uint64_t bit = bits; bit < (v4 ? 32 : 128); bit++) {
		if (bytes[bit / 8] & 0x80U >> bit % 8)
			return false;
	}
	return true;
}

/* The rules with every member given; NULL: answered. */
static json_t *whole_rules(struct call *call)
{
	json_t *given = call_member(call, "rules"), *rule, *whole = json_array();
	size_t i;

	if (json_array_size(given) == 0 || json_array_size(given) > DOCUMENT_EXPORT_RULES_MAX) {
		call_fail(call, -EINVAL, "rules", "an export has 1 to %u rules", DOCUMENT_EXPORT_RULES_MAX);
		json_decref(whole);
		return NULL;
	}
	json_array_foreach(given, i, rule)
	{
		const char *client = member(rule, "client");
		if (!is_client(client)) {
			call_fail(call, -EINVAL, "rules", "\"%s\" is not an address or a network such as 192.168.1.0/24", client);
			json_decref(whole);
			return NULL;
		}
		(void)json_array_append_new(whole, json_pack("{s:s,s:s,s:b,s:b}", "client", client, "access", member(rule, "access"),
		                                             "root_squash", !json_is_false(json_object_get(rule, "root_squash")), "secure",
		                                             !json_is_false(json_object_get(rule, "secure"))));
	}
	return whole;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	struct known_volume *known = known_find(call->admin, call->path.volume);
	json_t *entry;
	size_t i;

	if (err != 0 || known == NULL || known->volume != call->volume) {
		call_fail(call, err != 0 ? err : -ENODEV, call->path.volume, "the exports could not be written to volume \"%s\"",
		          call->path.volume);
		return;
	}
	json_decref(known->exports);
	known->exports = json_incref(call->scratch);
	exports_publish(call->admin);
	json_array_foreach(call->scratch, i, entry)
	{
		if (strcmp(member(entry, "path"), call->path.inner) == 0) {
			call_reply_take(call, call->status, export_json(call->path.volume, entry));
			return;
		}
	}
	call_reply_take(call, call->status, json_object());
}

static void put_take(struct call *call, json_t *list, int status)
{
	call->scratch = list;
	call->status = status;
	document_put(call->admin, call->volume, DOCUMENT_EXPORTS, list, was_put, call);
}

/* A copy of the volume's exports; *ret_index is where the path is, or the length. NULL: answered. */
static json_t *list_copy(struct call *call, size_t *ret_index)
{
	struct known_volume *known = known_find(call->admin, call->path.volume);
	json_t *entry, *list;

	if (known == NULL || known->state != KNOWN_ONLINE) {
		call_fail(call, -ENODEV, call->path.volume, "volume \"%s\" is not online", call->path.volume);
		return NULL;
	}
	if (document_admit(known, DOCUMENT_EXPORTS) != 0) {
		call_fail(call, -EUCLEAN, known->name, DOCUMENT_DAMAGED_TEXT, DOCUMENT_EXPORTS, known->name);
		return NULL;
	}
	list = json_deep_copy(known->exports);
	for (*ret_index = 0; *ret_index < json_array_size(list); (*ret_index)++) {
		entry = json_array_get(list, *ret_index);
		if (strcmp(member(entry, "path"), call->path.inner) == 0)
			break;
	}
	return list;
}

/* Ids are in file handles and must not come back for another export: random ones don't, and need no counter. */
static uint32_t new_id(struct admin *admin)
{
	uint32_t id = 0;
	while (id == 0)
		world_random(admin->world, &id, sizeof id);
	return id;
}

static void set_turn(struct call *call)
{
	size_t i;
	json_t *list = list_copy(call, &i);

	if (list == NULL)
		return;
	json_t *rules = whole_rules(call);
	if (rules == NULL) {
		json_decref(list);
		return;
	}
	bool there = i < json_array_size(list);
	if (!there && i >= EXPORTS_MAX) {
		json_decref(list);
		json_decref(rules);
		call_fail(call, -EMLINK, call->path.volume, "a volume has at most %u exports", EXPORTS_MAX);
		return;
	}
	if (there)
		(void)json_object_set_new(json_array_get(list, i), "rules", rules);
	else
		(void)json_array_append_new(
		    list, json_pack("{s:s,s:o,s:I}", "path", call->path.inner, "rules", rules, "id", (json_int_t)new_id(call->admin)));
	put_take(call, list, there ? 200 : 201);
}

/* What is exported must be there, and be a directory. */
static void set_resolved(struct call *call)
{
	if (call->msg.status != 0)
		call_fail_message(call, call->path.inner);
	else if (call->msg.out.attr.type != FS_TYPE_DIR)
		call_fail(call, -ENOTDIR, "path", "/vol/%s%s is not a directory", call->path.volume, call->path.inner);
	else
		call_turn(call, set_turn);
}

/* {path} -> call->path, call->volume; here "/" inside the volume is allowed. */
static bool find_export(struct call *call)
{
	const char *path = call_param(call, "path");

	if (volpath_parse(path, &call->path) == 0)
		return call_find_volume(call, call->path.volume);
	call_fail(call, -EINVAL, "path", "\"%s\" is not a path of the form /vol/VOLUME[/DIR]", path);
	return false;
}

void export_api_set(struct call *call)
{
	if (!find_export(call))
		return;
	if (strlen(call->path.inner) > DOCUMENT_EXPORT_PATH_MAX) {
		call_fail(call, -ENAMETOOLONG, "path", "the path of an export has at most %zu bytes inside its volume",
		          DOCUMENT_EXPORT_PATH_MAX);
		return;
	}
	call_message(call, FS_RESOLVE)->in.path = call->path.inner;
	call_send(call, set_resolved);
}

static void delete_turn(struct call *call)
{
	size_t i;
	json_t *list = list_copy(call, &i);

	if (list == NULL)
		return;
	if (i == json_array_size(list)) {
		json_decref(list);
		call_fail(call, -ENOENT, call_param(call, "path"), "%s is not exported", call_param(call, "path"));
		return;
	}
	(void)json_array_remove(list, i);
	put_take(call, list, 200);
}

void export_api_delete(struct call *call)
{
	if (find_export(call))
		call_turn(call, delete_turn);
}
