/* SPDX-License-Identifier: Apache-2.0 */
/* REST: protocols/nfs/exports. Each volume keeps its own in a document. */
#include <arpa/inet.h>

#include "admin/document.h"
#include "admin/exportwatch.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/size.h"
#include "admin/textjson.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

#define EXPORTS_MAX 256U

static const char *member(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *export_json(const char *volume, json_t *entry)
{
	const char *inner = member(entry, "path");
	return json_pack("{s:o,s:s,s:O,s:s}", "path",
	                 json_sprintf("/vol/%s%s", volume, strcmp(inner, "/") == 0 ? "" : inner), "volume", volume,
	                 "rules", json_object_get(entry, "rules"), "state",
	                 json_object_get(entry, "missing") == NULL ? "exported" : "missing");
}

static void list_fresh(struct call *call)
{
	const char *only = call_query(call, "volume");
	struct known_volume *known;
	json_t *entry;
	size_t i;

	call->records = json_array();
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state != KNOWN_ONLINE || (only != NULL && strcmp(only, known->name) != 0))
			continue;
		json_array_foreach(known->exports, i, entry)
			(void)json_array_append_new(call->records, export_json(known->name, entry));
	}
	call_reply_collection(call);
}

void export_api_list(struct call *call)
{
	call_fresh(call, list_fresh);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

struct network {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;
};

/* An address or network, nothing set behind its prefix: "10.0.0.0/8", "fd00::/8", "10.1.2.3"; "*" for everybody. */
static bool network_parse(const char *text, struct network *ret_network)
{
	struct network network = { .address = { [10] = 0xff, [11] = 0xff } };
	char address[INET6_ADDRSTRLEN + 1];
	size_t len = strcspn(text, "/");
	uint64_t bits;

	*ret_network = (struct network){ 0 };
	if (strcmp(text, "*") == 0)
		return true;
	if (len == 0 || len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	bool v4 = inet_pton(AF_INET, address, network.address + 12) == 1;
	if (!v4 && inet_pton(AF_INET6, address, network.address) != 1)
		return false;
	bits = v4 ? 32 : 128;
	if (text[len] != '\0' && size_parse_integer(text + len + 1, bits, &bits) != 0)
		return false;
	network.bits = (uint8_t)(v4 ? 96 + bits : bits);
	for (unsigned bit = network.bits; bit < 128; bit++) {
		if (network.address[bit / 8] & 0x80U >> bit % 8)
			return false;
	}
	*ret_network = network;
	return true;
}

static bool flag(json_t *rule, const char *key, bool otherwise)
{
	json_t *value = json_object_get(rule, key);
	return value == NULL ? otherwise : json_is_true(value);
}

static json_int_t anon_id(json_t *rule, const char *key)
{
	json_t *value = json_object_get(rule, key);
	return value == NULL ? (json_int_t)DOCUMENT_ANON_ID : json_integer_value(value);
}

/* With every member given. */
static json_t *whole_rule(json_t *rule)
{
	return json_pack("{s:s,s:s,s:b,s:b,s:I,s:I,s:b}", "client", member(rule, "client"), "access",
	                 member(rule, "access"), "root_squash", flag(rule, "root_squash", true), "all_squash",
	                 flag(rule, "all_squash", false), "anonuid", anon_id(rule, "anonuid"), "anongid",
	                 anon_id(rule, "anongid"), "secure", flag(rule, "secure", true));
}

/* Is the network in a rule before? Its text may differ: "::/0" and "*", "10.0.0.1" and "10.0.0.1/32". */
static bool is_twice(json_t *rules, const struct network *network)
{
	struct network other;
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule) {
		if (network_parse(member(rule, "client"), &other) && memcmp(network, &other, sizeof other) == 0)
			return true;
	}
	return false;
}

/* NULL: answered. */
static json_t *whole_rules(struct call *call)
{
	json_t *given = call_member(call, "rules"), *rule, *whole = json_array();
	size_t i;

	if (json_array_size(given) == 0 || json_array_size(given) > DOCUMENT_EXPORT_RULES_MAX) {
		call_fail(call, -EINVAL, "rules", "an export has 1 to %u rules", DOCUMENT_EXPORT_RULES_MAX);
		json_decref(whole);
		return NULL;
	}
	json_array_foreach(given, i, rule) {
		const char *client = member(rule, "client");
		struct network network;
		bool good = network_parse(client, &network), twice = good && is_twice(whole, &network);
		if (!good || twice) {
			call_fail(call, -EINVAL, "rules",
			          twice ? "\"%s\" is there twice"
			                : "\"%s\" is not an address or a network such as 192.168.1.0/24",
			          client);
			json_decref(whole);
			return NULL;
		}
		(void)json_array_append_new(whole, whole_rule(rule));
	}
	return whole;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Entries name directories by paths as textjson.h writes them. */
static bool is_at(json_t *entry, const char *inner)
{
	json_t *path = textjson(inner);
	bool same = json_equal(json_object_get(entry, "path"), path) == 1;
	json_decref(path);
	return same;
}

static size_t find_at(json_t *list, const char *inner)
{
	size_t i = 0;
	while (i < json_array_size(list) && !is_at(json_array_get(list, i), inner))
		i++;
	return i;
}

static size_t find_directory(json_t *list, const struct fs_file_id *directory)
{
	size_t i;
	for (i = 0; i < json_array_size(list); i++) {
		struct fs_file_id other = exportwatch_directory(json_array_get(list, i));
		if (memcmp(&other, directory, sizeof other) == 0)
			break;
	}
	return i;
}

static void looked_up(struct call *call)
{
	const struct known_volume *known = known_find(call->admin, call->path.volume);
	json_t *list = known == NULL ? NULL : known->exports;
	size_t i = find_at(list, call->path.inner);

	call_reply_take(call, call->status,
	                i < json_array_size(list) ? export_json(call->path.volume, json_array_get(list, i))
	                                          : json_object());
}

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	struct known_volume *known = known_find(call->admin, call->path.volume);

	if (err != 0 || known == NULL || known->volume != call->volume) {
		call_fail(call, err != 0 ? err : -ENODEV, call->path.volume,
		          "the exports could not be written to volume \"%s\"", call->path.volume);
		return;
	}
	json_decref(known->exports);
	known->exports = json_incref(call->scratch);
	call_look_up_exports(call, looked_up);
}

static void put_take(struct call *call, json_t *list, int status)
{
	call->scratch = list;
	call->status = status;
	document_exports_put(call->admin, call->volume, list, was_put, call);
}

/* A copy of the volume's exports. NULL: answered. */
static json_t *list_copy(struct call *call)
{
	struct known_volume *known = known_find(call->admin, call->path.volume);

	if (known == NULL || known->state != KNOWN_ONLINE) {
		call_fail(call, -ENODEV, call->path.volume, "volume \"%s\" is not online", call->path.volume);
		return NULL;
	}
	if (document_admit(known, DOCUMENT_EXPORTS) != 0) {
		call_fail(call, -EUCLEAN, known->name, DOCUMENT_DAMAGED_TEXT, DOCUMENT_EXPORTS, known->name);
		return NULL;
	}
	return json_deep_copy(known->exports);
}

/* The directory's entry, perhaps under another path; else a new one, in place of one that was at this path and is
 * another directory's. */
static bool entry_set_take(struct call *call, json_t *list, json_t *rules)
{
	const struct fs_file_id *directory = &call->msg.out.attr.id;
	size_t i = find_directory(list, directory), at = find_at(list, call->path.inner);
	json_t *path = textjson(call->path.inner);

	if (i < json_array_size(list)) {
		(void)json_object_set_new(json_array_get(list, i), "rules", rules);
		(void)json_object_set_new(json_array_get(list, i), "path", path);
		return true;
	}
	if (at < json_array_size(list))
		(void)json_array_remove(list, at);
	json_int_t id = (json_int_t)exportwatch_id(directory, list);
	(void)json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:I}", "path", path, "rules", rules, "directory",
	                                            exportwatch_directory_json(directory), "id", id));
	return false;
}

static void set_turn(struct call *call)
{
	json_t *list = list_copy(call);

	if (list == NULL)
		return;
	json_t *rules = whole_rules(call);
	if (rules == NULL) {
		json_decref(list);
		return;
	}
	bool there = entry_set_take(call, list, rules);
	if (!there && json_array_size(list) > EXPORTS_MAX) {
		json_decref(list);
		call_fail(call, -EMLINK, call->path.volume, "a volume has at most %u exports", EXPORTS_MAX);
		return;
	}
	put_take(call, list, there ? 200 : 201);
}

/* What is exported must be there, and be a directory. */
static void set_resolved(struct call *call)
{
	const struct fs_file_id *id = &call->msg.out.attr.id;

	if (call->msg.status != 0)
		call_fail_message(call, call->path.inner);
	else if (call->msg.out.attr.type != FS_TYPE_DIR || id->inode == FS_INO_SNAPSHOTS)
		call_fail(call, -ENOTDIR, "path", "/vol/%s%s is not a directory", call->path.volume, call->path.inner);
	else
		call_turn(call, set_turn);
}

static void set_fresh(struct call *call)
{
	call_message(call, FS_RESOLVE)->in.path = call->path.inner;
	call_send(call, set_resolved);
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
	call_fresh(call, set_fresh);
}

static void delete_turn(struct call *call)
{
	json_t *list = list_copy(call);

	if (list == NULL)
		return;
	size_t i = find_at(list, call->path.inner);
	if (i == json_array_size(list)) {
		json_decref(list);
		call_fail(call, -ENOENT, call_param(call, "path"), "%s is not exported", call_param(call, "path"));
		return;
	}
	(void)json_array_remove(list, i);
	put_take(call, list, 200);
}

static void delete_fresh(struct call *call)
{
	call_turn(call, delete_turn);
}

void export_api_delete(struct call *call)
{
	if (find_export(call))
		call_fresh(call, delete_fresh);
}
