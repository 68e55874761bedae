/* SPDX-License-Identifier: Apache-2.0 */
/* Documents kept inside a volume. */
#include "admin/document.h"
#include "fs/message.h"

#include "admin/exportwatch.h"
#include "admin/known.h"
#include "admin/policy.h"
#include "admin/volpath.h"
#include "base/iscsiname.h"
#include "base/must.h"
#include "base/text.h"
#include "fs/volume.h"

struct document_io {
	struct fs_message msg;
	char *text;
	void (*got)(void *arg, int err, json_t *records);
	void (*put)(void *arg, int err);
	void *arg;
};

static struct document_io *io_new(struct admin *admin, enum fs_op op, struct fs_volume *volume, const char *name,
                                  void (*done)(struct fs_message *msg), void *arg)
{
	struct document_io *io = must(calloc(1, sizeof *io));

	fs_message_init(&io->msg, op, volume, done, io);
	io->msg.cls = FS_CLASS_ADMIN;
	io->msg.origin = admin->world;
	io->msg.in.name = name;
	io->msg.in.name_len = (uint32_t)strlen(name);
	io->arg = arg;
	return io;
}

static void io_free(struct document_io *io)
{
	fs_message_fini(&io->msg);
	free(io->text);
	free(io);
}

static json_t *records_of(const void *text, size_t len)
{
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *records = json_object_get(value, "records");
	bool good = json_integer_value(json_object_get(value, "version")) == 1 && json_is_array(records);

	if (good)
		json_incref(records);
	json_decref(value);
	return good ? records : NULL;
}

/* ---- what came from a disk is checked once, here ----------------------------------------------------------------- */

static bool all_are(json_t *list, bool (*good)(json_t *entry))
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!good(json_array_get(list, i)))
			return false;
	}
	return json_is_array(list);
}

static bool is_text(json_t *value)
{
	return json_is_string(value);
}

static bool is_rule(json_t *rule)
{
	return is_text(json_object_get(rule, "client")) && is_text(json_object_get(rule, "access"));
}

static bool is_export(json_t *entry)
{
	const char *path = json_string_value(json_object_get(entry, "path"));
	json_int_t id = json_integer_value(json_object_get(entry, "id"));
	char inner[4U * DOCUMENT_EXPORT_PATH_MAX + 1U]; /* all of it escapes */

	if (path == NULL || strlen(path) >= sizeof inner)
		return false;
	memcpy(inner, path, strlen(path) + 1U);
	text_unescape(inner);
	return strlen(inner) <= DOCUMENT_EXPORT_PATH_MAX && volpath_is_inner(inner) && id > 0 && id <= UINT32_MAX &&
	       json_array_size(json_object_get(entry, "rules")) <= DOCUMENT_EXPORT_RULES_MAX &&
	       all_are(json_object_get(entry, "rules"), is_rule);
}

/* A name of any form, as older versions took them; no pattern but "*". */
static bool is_initiator(json_t *value)
{
	const char *name = json_string_value(value);
	return name != NULL && (strcmp(name, "*") == 0 || (strlen(name) <= ISCSINAME_MAX && strchr(name, '*') == NULL));
}

static bool is_igroup(json_t *entry)
{
	const char *text = json_string_value(json_object_get(entry, "uuid"));
	char same[UUID_TEXT_SIZE];
	struct uuid uuid;

	if (text == NULL || uuid_parse(text, &uuid) != 0)
		return false;
	uuid_format(&uuid, same);
	return strcmp(text, same) == 0 && /* they are compared as text */
	       is_text(json_object_get(entry, "name")) && all_are(json_object_get(entry, "initiators"), is_initiator);
}

/* What an entry of each document is, and by which members one is told from another. */
static const struct kind {
	const char *name;
	bool (*good)(json_t *entry);
	const char *keys[2];
} kinds[] = {
	{ DOCUMENT_EXPORTS, is_export, { "id", "path" } },
	{ DOCUMENT_IGROUPS, is_igroup, { "uuid" } },
	{ DOCUMENT_POLICY, policy_is_entry, { "kind" } },
};

/* `name` is one of the three. */
static const struct kind *kind_of(const char *name)
{
	const struct kind *kind = kinds;

	while (strcmp(kind->name, name) != 0)
		kind++;
	return kind;
}

/* Has an entry before this one what should be its own? `seen`: what those have, an object. */
static bool is_double(const struct kind *kind, json_t *seen, json_t *entry)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(kind->keys) && kind->keys[i] != NULL; i++) {
		json_t *own = json_object_get(entry, kind->keys[i]);
		json_t *key = json_is_string(own) ? json_sprintf("%s", json_string_value(own))
		                                  : json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(own));
		found = found || json_object_get(seen, json_string_value(key)) != NULL;
		(void)json_object_set_new(seen, json_string_value(key), json_true());
		json_decref(key);
	}
	return found;
}

/* Leave out what makes no sense: one bad entry must not take the others away. -EUCLEAN: there was some. */
static int sieve(const struct fs_message *msg, json_t *records)
{
	const struct kind *kind = kind_of(msg->in.name);
	json_t *seen = json_object();
	size_t n = json_array_size(records), kept = 0;

	for (size_t i = 0; i < n; i++) {
		json_t *entry = json_array_get(records, kept);
		bool good = kind->good(entry);
		if (good && !is_double(kind, seen, entry)) {
			kept++;
			continue;
		}
		log_error("admin", "document_entry_bad", "volume=%s document=%s entry=%zu reason=\"%s\"",
		          fs_volume_name(msg->volume), kind->name, i,
		          good ? "one before it has its identity" : "it makes no sense");
		(void)json_array_remove(records, kept);
	}
	json_decref(seen);
	return kept == n ? 0 : -EUCLEAN;
}

static void document_got(struct fs_message *msg)
{
	struct document_io *io = msg->owner;
	json_t *records = NULL;
	int err = msg->status;

	if (err == -ENOENT) {
		err = 0;
		records = json_array();
	} else if (err == 0) {
		records = records_of(msg->out.blob, msg->out.blob_len);
		err = records == NULL ? -EUCLEAN : 0;
	}
	if (err == 0)
		err = sieve(msg, records);
	io->got(io->arg, err, records);
	io_free(io);
}

void document_get(struct admin *admin, struct fs_volume *volume, const char *name,
                  void (*done)(void *arg, int err, json_t *records), void *arg)
{
	struct document_io *io = io_new(admin, FS_DOC_GET, volume, name, document_got, arg);
	io->got = done;
	fs_message_send(&io->msg);
}

static void document_was_put(struct fs_message *msg)
{
	struct document_io *io = msg->owner;
	io->put(io->arg, msg->status);
	io_free(io);
}

int document_admit(const struct known_volume *known, const char *name)
{
	bool damaged = strcmp(name, DOCUMENT_EXPORTS) == 0   ? known->exports_damaged
	               : strcmp(name, DOCUMENT_IGROUPS) == 0 ? known->igroups_damaged
	                                                     : known->policy_damaged;

	if (!damaged)
		return 0;
	log_error("admin", "document_kept", "volume=%s document=%s error=EUCLEAN: it is damaged and is not replaced",
	          known->name, name);
	return -EUCLEAN;
}

void document_put(struct admin *admin, struct fs_volume *volume, const char *name, json_t *records,
                  void (*done)(void *arg, int err), void *arg)
{
	struct document_io *io = io_new(admin, FS_DOC_PUT, volume, name, document_was_put, arg);
	json_t *value = json_pack("{s:i,s:O}", "version", 1, "records", records);

	io->put = done;
	io->text = must(json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS));
	json_decref(value);
	io->msg.in.blob = io->text;
	io->msg.in.blob_len = strlen(io->text);
	fs_message_send(&io->msg);
}

void document_exports_put(struct admin *admin, struct fs_volume *volume, json_t *exports,
                          void (*done)(void *arg, int err), void *arg)
{
	json_t *plain = json_deep_copy(exports), *entry;
	size_t i;

	json_array_foreach(plain, i, entry)
		(void)json_object_del(entry, "missing");
	document_put(admin, volume, DOCUMENT_EXPORTS, plain, done, arg);
	json_decref(plain);
}

static uint32_t id_of(json_t *rule, const char *key)
{
	json_t *id = json_object_get(rule, key);

	return json_is_integer(id) ? (uint32_t)json_integer_value(id) : DOCUMENT_ANON_ID;
}

static struct admin_rule *rules_of(json_t *list)
{
	struct admin_rule *rules = must(calloc(json_array_size(list) + 1, sizeof *rules));
	json_t *rule;
	size_t i;

	json_array_foreach(list, i, rule) {
		const char *access = json_string_value(json_object_get(rule, "access"));
		rules[i].client = json_string_value(json_object_get(rule, "client"));
		rules[i].read_write = access != NULL && strcmp(access, "rw") == 0;
		rules[i].root_squash = !json_is_false(json_object_get(rule, "root_squash"));
		rules[i].all_squash = json_is_true(json_object_get(rule, "all_squash"));
		rules[i].anon_uid = id_of(rule, "anonuid");
		rules[i].anon_gid = id_of(rule, "anongid");
		rules[i].secure = !json_is_false(json_object_get(rule, "secure"));
	}
	return rules;
}

static void export_fill(struct admin_export *export, const struct known_volume *known, json_t *entry)
{
	json_t *rules = json_object_get(entry, "rules");
	char *path = must(volpath_join(known->name, json_string_value(json_object_get(entry, "path"))));

	text_unescape(path);
	*export = (struct admin_export){ .volume = known->volume,
		                         .path = path,
		                         .id = (uint32_t)json_integer_value(json_object_get(entry, "id")),
		                         .rules = rules_of(rules),
		                         .n_rules = json_array_size(rules) };
	export->inner = strchr(path + strlen("/vol/"), '/');
	if (export->inner == NULL)
		export->inner = "/";
	export->root = exportwatch_directory(entry);
}

void document_exports_publish(struct admin *admin)
{
	struct known_volume *known;
	struct admin_export *exports = NULL;
	size_t n = 0;
	json_t *entry;
	size_t i;

	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (known->state != KNOWN_ONLINE)
			continue;
		exports = must(reallocarray(exports, n + json_array_size(known->exports) + 1, sizeof *exports));
		json_array_foreach(known->exports, i, entry) {
			if (json_object_get(entry, "missing") == NULL)
				export_fill(&exports[n++], known, entry);
		}
	}
	if (admin->hooks.exports != NULL)
		admin->hooks.exports(admin->hooks.arg, exports, n);
	for (i = 0; i < n; i++) {
		free((void *)(uintptr_t)exports[i].path);
		free((void *)(uintptr_t)exports[i].rules);
	}
	free(exports);
}
