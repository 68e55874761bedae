/* SPDX-License-Identifier: Apache-2.0 */
/* REST: protocols/san/igroups.
 *
 * THEORY. Every online volume keeps a copy of all igroups, so that its LUN maps mean the same on another machine. A
 * change takes the turn, makes the new list, writes it to each volume, and then paints the picture again. */
#include <ctype.h>
#include <strings.h>

#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lunnumber.h"
#include "base/iscsiname.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

#define IGROUPS_MAX 1024U
#define IGROUP_INITIATORS_MAX 1024U

static const char *member(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *igroup_json(const struct san *san, json_t *igroup)
{
	json_t *json = json_deep_copy(igroup);
	(void)json_object_set_new(json, "maps",
	                          json_integer((json_int_t)san_igroup_n_maps(san, member(igroup, "uuid"))));
	return json;
}

void igroup_api_list(struct call *call)
{
	json_t *igroup;
	size_t i;

	call->records = json_array();
	json_array_foreach(call->admin->san->igroups, i, igroup)
		(void)json_array_append_new(call->records, igroup_json(call->admin->san, igroup));
	call_reply_collection(call);
}

static json_t *find(struct call *call)
{
	const char *name = call_param(call, "igroup");
	json_t *igroup = san_find_igroup(call->admin->san, name, NULL);

	if (igroup == NULL)
		call_fail(call, -ENOENT, name, "there is no igroup \"%s\"", name);
	return igroup;
}

static void etag_of(json_t *igroup, char etag[32])
{
	(void)snprintf(etag, 32, "\"%lld\"", (long long)json_integer_value(json_object_get(igroup, "generation")));
}

void igroup_api_show(struct call *call)
{
	char etag[32];
	json_t *igroup = find(call);

	if (igroup == NULL)
		return;
	etag_of(igroup, etag);
	call_reply_tagged_take(call, igroup_json(call->admin->san, igroup), etag);
}

/* ---- writing the list to every volume ---------------------------------------------------------------------------- */

/* call->scratch: the new list. call->text: name of the igroup the answer shows; NULL: it was destroyed. */
static void put_painted(struct call *call)
{
	char etag[32];
	json_t *igroup = call->text == NULL ? NULL : san_find_igroup(call->admin->san, call->text, NULL);

	if (igroup == NULL) {
		call_reply_take(call, 200, json_object());
		return;
	}
	etag_of(igroup, etag);
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "ETag", etag);
	call_reply_take(call, call->status, igroup_json(call->admin->san, igroup));
}

static void put_next(struct call *call);

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	struct fs_volume *volume = call->walk[call->next_walk++];
	struct known_volume *known = known_find(call->admin, fs_volume_name(volume));

	if (err == 0 && known != NULL && known->volume == volume) {
		json_decref(known->igroups);
		known->igroups = json_deep_copy(call->scratch);
	} else if (err != 0 && err != -ENODEV) {
		call_fail(call, err, fs_volume_name(volume), "the igroups could not be written to volume \"%s\"",
		          fs_volume_name(volume));
		return;
	}
	put_next(call);
}

static void put_next(struct call *call)
{
	if (call->next_walk == call->n_walk)
		call_repaint(call, put_painted);
	else
		document_put(call->admin, call->walk[call->next_walk], DOCUMENT_IGROUPS, call->scratch, was_put, call);
}

/* Write `list` (taken) everywhere, answer with igroup `name` (NULL: none). */
static void put_take(struct call *call, json_t *list, const char *name, int status)
{
	struct known_volume *known;
	size_t n = 0;

	call->scratch = list;
	call->text = name == NULL ? NULL : must(strdup(name));
	call->status = status;
	TAILQ_FOREACH(known, &call->admin->volumes, link)
		n++;
	call->walk = must(calloc(n + 1, sizeof *call->walk));
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE && document_admit(known, DOCUMENT_IGROUPS) != 0) {
			call_fail(call, -EUCLEAN, known->name, DOCUMENT_DAMAGED_TEXT, DOCUMENT_IGROUPS, known->name);
			return;
		}
		if (known->state == KNOWN_ONLINE)
			call->walk[call->n_walk++] = fs_volume_get(known->volume);
	}
	if (call->n_walk == 0)
		call_fail(
		    call, -ENODEV, NULL,
		    "igroups are kept in the volumes, and none is online; make a volume or bring one online first");
	else
		put_next(call);
}

/* ---- names of initiators ----------------------------------------------------------------------------------------- */

static bool is_initiator(const char *name)
{
	return strcmp(name, "*") == 0 || iscsiname_is_valid(name);
}

/* A name in small letters: initiators' names are compared so (RFC 3722). NULL: no memory. */
static json_t *name_folded(const char *name)
{
	char folded[ISCSINAME_MAX + 1U];
	size_t i;

	for (i = 0; name[i] != '\0' && i < ISCSINAME_MAX; i++)
		folded[i] = (char)tolower((unsigned char)name[i]);
	folded[i] = '\0';
	return json_string(folded);
}

/* Add `name` to those that `have` and the set `there` hold, if it is new. False: answered. */
static bool add_initiator(struct call *call, json_t *have, json_t *there, const char *name)
{
	json_t *folded;

	if (!is_initiator(name)) {
		call_fail(call, -EINVAL, "initiators",
		          "\"%s\" is not an initiator's name: iqn.YYYY-MM.DOMAIN[:NAME], eui. or naa. and hexadecimal "
		          "digits, or *",
		          name);
		return false;
	}
	folded = name_folded(name);
	if (json_object_get(there, json_string_value(folded)) != NULL) {
		json_decref(folded);
		return true;
	}
	if (json_array_size(have) == IGROUP_INITIATORS_MAX) {
		json_decref(folded);
		call_fail(call, -EMLINK, "initiators", "an igroup has at most %u initiators", IGROUP_INITIATORS_MAX);
		return false;
	}
	(void)json_object_set_new(there, json_string_value(folded), json_true());
	(void)json_array_append_new(have, folded);
	return true;
}

/* Add the names that are not yet there. False: answered. */
static bool add_initiators(struct call *call, json_t *have)
{
	json_t *given = call_member(call, "initiators"), *there = json_object(), *name; /* there: a set of names */
	bool good = true;
	size_t i;

	json_array_foreach(have, i, name) {
		json_t *folded = name_folded(json_string_value(name));
		(void)json_object_set_new(there, json_string_value(folded), json_true());
		json_decref(folded);
	}
	json_array_foreach(given, i, name) {
		good = add_initiator(call, have, there, json_string_value(name));
		if (!good)
			break;
	}
	json_decref(there);
	return good;
}

/* The list with igroup `name` in it changeable: *ret_igroup is borrowed from it. */
static json_t *list_with(struct call *call, const char *name, json_t **ret_igroup, size_t *ret_index)
{
	json_t *list = json_deep_copy(call->admin->san->igroups);

	(void)san_find_igroup(call->admin->san, name, ret_index);
	*ret_igroup = json_array_get(list, *ret_index);
	return list;
}

static void next_generation(json_t *igroup)
{
	(void)json_object_set_new(igroup, "generation",
	                          json_integer(json_integer_value(json_object_get(igroup, "generation")) + 1));
}

/* ---- verbs ------------------------------------------------------------------------------------------------------- */

static void create_turn(struct call *call)
{
	const char *name = call_text(call, "name");
	uint8_t random[16];
	char uuid_text[UUID_TEXT_SIZE];

	if (san_find_igroup(call->admin->san, name, NULL) != NULL) {
		call_fail(call, -EEXIST, name, "there is an igroup \"%s\" already", name);
		return;
	}
	if (json_array_size(call->admin->san->igroups) >= IGROUPS_MAX) {
		call_fail(call, -EMLINK, name, "there are at most %u igroups", IGROUPS_MAX);
		return;
	}
	json_t *initiators = json_array();
	if (!add_initiators(call, initiators)) {
		json_decref(initiators);
		return;
	}
	world_random(call->admin->world, random, sizeof random);
	struct uuid uuid = uuid_from_random(random);
	uuid_format(&uuid, uuid_text);
	json_t *list = json_deep_copy(call->admin->san->igroups);
	(void)json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:i}", "uuid", uuid_text, "name", name, "initiators",
	                                            initiators, "generation", 1));
	put_take(call, list, name, 201);
}

void igroup_api_create(struct call *call)
{
	const char *name = call_text(call, "name");

	if (!volpath_is_name(name, 96) || strchr(name, '@') != NULL)
		call_fail(call, -EINVAL, "name", "\"%s\" can't be an igroup's name: 1 to 96 bytes, no slash, no @",
		          name);
	else
		call_turn(call, create_turn);
}

static bool changed_meanwhile(struct call *call, json_t *igroup)
{
	char etag[32];
	etag_of(igroup, etag);
	return call_precondition_failed(call, etag);
}

/* The new initiators would find two LUNs under one number. True: answered. */
static bool would_clash(struct call *call, json_t *list, size_t place)
{
	const struct san_lun *lun, *other;
	uint32_t number;

	if (!lunnumber_would_clash(call->admin->san, list, place, &lun, &other, &number))
		return false;
	call_fail(call, -EEXIST, "initiators",
	          "LUN number %u would be both %s and %s to an initiator; map one of them under another number first",
	          number, lun->path, other->path);
	return true;
}

static void add_turn(struct call *call)
{
	json_t *igroup = find(call);
	size_t i;

	if (igroup == NULL || changed_meanwhile(call, igroup))
		return;
	json_t *list = list_with(call, member(igroup, "name"), &igroup, &i);
	if (!add_initiators(call, json_object_get(igroup, "initiators")) || would_clash(call, list, i)) {
		json_decref(list);
		return;
	}
	next_generation(igroup);
	put_take(call, list, member(igroup, "name"), 200);
}

void igroup_api_add(struct call *call)
{
	call_turn(call, add_turn);
}

static void remove_turn(struct call *call)
{
	const char *initiator = call_param(call, "initiator");
	json_t *igroup = find(call), *name;
	size_t i, j;
	bool removed = false;

	if (igroup == NULL || changed_meanwhile(call, igroup))
		return;
	json_t *list = list_with(call, member(igroup, "name"), &igroup, &i);
	json_array_foreach(json_object_get(igroup, "initiators"), j, name) {
		if (strcasecmp(json_string_value(name), initiator) == 0) {
			(void)json_array_remove(json_object_get(igroup, "initiators"), j);
			removed = true;
			break;
		}
	}
	if (!removed) {
		json_decref(list);
		call_fail(call, -ENOENT, initiator, "\"%s\" is not in igroup \"%s\"", initiator,
		          call_param(call, "igroup"));
		return;
	}
	next_generation(igroup);
	put_take(call, list, member(igroup, "name"), 200);
}

void igroup_api_remove(struct call *call)
{
	call_turn(call, remove_turn);
}

static void destroy_turn(struct call *call)
{
	json_t *igroup = find(call);
	size_t i;

	if (igroup == NULL || changed_meanwhile(call, igroup))
		return;
	size_t n_maps = san_igroup_n_maps(call->admin->san, member(igroup, "uuid"));
	if (n_maps > 0) {
		call_fail(call, -EBUSY, member(igroup, "name"),
		          "%zu LUNs are mapped to igroup \"%s\"; unmap them first", n_maps, member(igroup, "name"));
		return;
	}
	json_t *list = list_with(call, member(igroup, "name"), &igroup, &i);
	(void)json_array_remove(list, i);
	put_take(call, list, NULL, 200);
}

void igroup_api_destroy(struct call *call)
{
	call_turn(call, destroy_turn);
}
