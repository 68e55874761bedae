/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees which LUN: the picture of igroups and maps. */
#include "admin/san.h"

#include <stdio.h>

#include "admin/known.h"
#include "admin/lunnumber.h"
#include "admin/textjson.h"
#include "admin/trust.h"
#include "admin/volpath.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

static void paint_next(struct san *san);

static const char *member(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

json_t *san_maps_parse(const char *text)
{
	json_t *value = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *from = json_object_get(value, "maps"), *maps = json_array(), *map;
	size_t i;

	json_array_foreach(from, i, map) {
		json_t *lun = json_object_get(map, "lun");
		if (member(map, "igroup") != NULL && json_is_integer(lun) && json_integer_value(lun) >= 0 &&
		    json_integer_value(lun) <= LUNNUMBER_MAX)
			(void)json_array_append_new(
			    maps, json_pack("{s:s,s:O}", "igroup", member(map, "igroup"), "lun", lun));
	}
	json_decref(value);
	return maps;
}

char *san_maps_format(json_t *maps)
{
	json_t *plain = json_array(), *map;
	size_t i;

	json_array_foreach(maps, i, map)
		(void)json_array_append_new(plain, json_pack("{s:O,s:O}", "igroup", json_object_get(map, "igroup"),
		                                             "lun", json_object_get(map, "lun")));
	json_t *value = json_pack("{s:o}", "maps", plain);
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(value);
	return text;
}

/* ---- igroups of all volumes as one list -------------------------------------------------------------------------- */

static json_t *list_find(json_t *list, const char *key, const char *value)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *text = member(entry, key);
		if (text != NULL && strcmp(text, value) == 0)
			return entry;
	}
	return NULL;
}

static void merge_igroup(json_t *list, json_t *igroup, const char *volume)
{
	struct uuid uuid;

	if (member(igroup, "uuid") == NULL || uuid_parse(member(igroup, "uuid"), &uuid) != 0 ||
	    member(igroup, "name") == NULL)
		return;
	json_t *have = list_find(list, "uuid", member(igroup, "uuid"));
	if (have != NULL) {
		if (json_integer_value(json_object_get(igroup, "generation")) >
		    json_integer_value(json_object_get(have, "generation")))
			(void)json_object_update(have, igroup);
		return;
	}
	json_t *copy = json_deep_copy(igroup);
	if (list_find(list, "name", member(igroup, "name")) != NULL)
		(void)json_object_set_new(copy, "name", json_sprintf("%s@%s", member(igroup, "name"), volume));
	(void)json_array_append_new(list, copy);
}

static json_t *merge_igroups(struct admin *admin)
{
	json_t *list = json_array(), *igroup;
	struct known_volume *known;
	size_t i;

	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (known->state != KNOWN_ONLINE)
			continue;
		json_array_foreach(known->igroups, i, igroup) {
			if (!trust_keeps_out(known, member(igroup, "uuid")))
				merge_igroup(list, igroup, known->name);
		}
	}
	return list;
}

/* ---- states of the maps, and the table for the server ------------------------------------------------------------ */

/* Who has a number. */
struct claim {
	LIST_ENTRY(claim) link;
	size_t igroup; /* its place */
	const struct san_lun *lun;
};

/* What has been given away while the maps are judged, volume by volume. */
struct given {
	LIST_HEAD(, claim) claims[LUNNUMBER_MAX + 1U]; /* by number */
	json_t *identities; /* UUIDs and serial numbers of LUNs: which volume has it */
};

/* A LUN of a volume before has what tells this one from others: to an initiator both would be one disk. */
static bool identity_is_taken(struct given *given, const struct san_lun *lun)
{
	char uuid[UUID_TEXT_SIZE];
	json_t *keys[2] = { NULL, textjson_format("serial %s", lun->serial) };
	bool taken = false;

	uuid_format(&lun->uuid, uuid);
	keys[0] = json_string(uuid);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *key = json_string_value(keys[i]);
		json_t *volume = json_object_get(given->identities, key);
		taken = taken || (volume != NULL && json_integer_value(volume) != (json_int_t)(uintptr_t)lun->volume);
		if (volume == NULL)
			(void)json_object_set_new(given->identities, key,
			                          json_integer((json_int_t)(uintptr_t)lun->volume));
		json_decref(keys[i]);
	}
	return taken;
}

static bool is_kept_out(const struct san *san, const struct san_lun *lun, const char *igroup_uuid)
{
	const struct known_volume *known = known_find(san->admin, fs_volume_name(lun->volume));
	return known != NULL && trust_keeps_out(known, igroup_uuid);
}

/* Others that have the number: of the same igroup, or for one of its initiators. */
struct contested {
	bool taken, hidden;
};
static struct contested look_at_claims(const struct san *san, const struct given *given, const struct san_lun *lun,
                                       size_t igroup, uint32_t number)
{
	struct contested by = { false, false };
	const struct claim *claim;

	LIST_FOREACH(claim, &given->claims[number], link) {
		by.taken = by.taken || claim->igroup == igroup;
		by.hidden = by.hidden || (claim->lun != lun && overlap_between(san->overlap, claim->igroup, igroup));
	}
	return by;
}

static void claim_add(struct given *given, const struct san_lun *lun, size_t igroup, uint32_t number)
{
	struct claim *claim = must(calloc(1, sizeof *claim));

	claim->igroup = igroup;
	claim->lun = lun;
	LIST_INSERT_HEAD(&given->claims[number], claim, link);
}

/* `refused`: it can't be served, whatever its number. */
static void judge_map(struct san *san, struct given *given, const struct san_lun *lun, json_t *map, bool refused)
{
	uint32_t number = (uint32_t)json_integer_value(json_object_get(map, "lun"));
	size_t place = san_igroup_place(san, member(map, "igroup"));
	json_t *igroup = json_array_get(san->igroups, place);
	const char *name = igroup == NULL ? "" : member(igroup, "name"), *state;
	struct contested by = look_at_claims(san, given, lun, place, number);

	state = refused || by.taken ? "conflict" : igroup == NULL ? "no igroup" : by.hidden ? "hidden" : "mapped";
	(void)json_object_set_new(map, "state", json_string(state));
	(void)json_object_set_new(map, "name", json_string(name));
	if (refused || by.taken || by.hidden)
		log_warn("admin", "lun_map_conflict", "lun=%s igroup=%s number=%u state=%s", lun->path,
		         igroup == NULL ? member(map, "igroup") : name, number, state);
	if (!refused && !by.taken && igroup != NULL)
		claim_add(given, lun, place, number);
}

static void given_free(struct given *given)
{
	struct claim *claim;

	for (size_t number = 0; number < ARRAY_SIZE(given->claims); number++) {
		while ((claim = LIST_FIRST(&given->claims[number])) != NULL) {
			LIST_REMOVE(claim, link);
			free(claim);
		}
	}
	json_decref(given->identities);
}

static void judge_maps(struct san *san)
{
	struct given given = { .identities = json_object() };
	json_t *map;
	size_t i, j;

	for (i = 0; i < san->n_luns; i++) {
		const struct san_lun *lun = &san->luns[i];
		bool taken = identity_is_taken(&given, lun);
		json_array_foreach(lun->maps, j, map)
			judge_map(san, &given, lun, map, taken || is_kept_out(san, lun, member(map, "igroup")));
	}
	given_free(&given);
}

static struct admin_igroup *publish_igroups(json_t *list)
{
	struct admin_igroup *igroups = must(calloc(json_array_size(list) + 1, sizeof *igroups));
	json_t *entry, *initiator;
	size_t i, j;

	json_array_foreach(list, i, entry) {
		json_t *names = json_object_get(entry, "initiators");
		const char **initiators = must(calloc(json_array_size(names) + 1, sizeof *initiators));
		json_array_foreach(names, j, initiator)
			initiators[j] = json_string_value(initiator);
		igroups[i].name = member(entry, "name");
		igroups[i].initiators = initiators;
		igroups[i].n_initiators = json_array_size(names);
		if (uuid_parse(member(entry, "uuid"), &igroups[i].uuid) != 0)
			igroups[i].n_initiators = 0;
	}
	return igroups;
}

static struct admin_map *publish_maps(const struct san *san, json_t *list, size_t *ret_n)
{
	struct admin_map *maps = must(calloc(json_array_size(list) + 1, sizeof *maps));
	json_t *map;
	size_t i, n = 0;

	json_array_foreach(list, i, map) {
		if (strcmp(member(map, "state"), "mapped") != 0 && strcmp(member(map, "state"), "hidden") != 0)
			continue;
		if (san_find_igroup(san, member(map, "igroup"), &maps[n].igroup) == NULL)
			continue;
		maps[n++].lun = (uint32_t)json_integer_value(json_object_get(map, "lun"));
	}
	*ret_n = n;
	return maps;
}

static void san_publish(struct san *san)
{
	const struct admin_hooks *hooks = &san->admin->hooks;
	size_t n_igroups = json_array_size(san->igroups);

	if (hooks->san == NULL)
		return;
	struct admin_igroup *igroups = publish_igroups(san->igroups);
	struct admin_lun *luns = must(calloc(san->n_luns + 1, sizeof *luns));
	for (size_t i = 0; i < san->n_luns; i++) {
		const struct san_lun *from = &san->luns[i];
		luns[i] = (struct admin_lun){ .volume = from->volume,
			                      .id = from->id,
			                      .uuid = from->uuid,
			                      .path = from->path,
			                      .serial = from->serial,
			                      .size_bytes = from->size_bytes,
			                      .online = from->online,
			                      .write_cache = from->write_cache,
			                      .reserved = from->reserved };
		luns[i].maps = publish_maps(san, from->maps, &luns[i].n_maps);
	}
	hooks->san(hooks->arg, igroups, n_igroups, luns, san->n_luns);
	for (size_t i = 0; i < san->n_luns; i++)
		free((void *)(uintptr_t)luns[i].maps);
	for (size_t i = 0; i < n_igroups; i++)
		free((void *)(uintptr_t)igroups[i].initiators);
	free(luns);
	free(igroups);
}

/* ---- painting ---------------------------------------------------------------------------------------------------- */

static void luns_free(struct san_lun *luns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fs_volume_put(luns[i].volume);
		json_decref(luns[i].maps);
		free(luns[i].path);
	}
	free(luns);
}

static void take_igroups(struct san *san, json_t *igroups)
{
	json_t *igroup;
	size_t i;

	json_decref(san->igroups);
	json_decref(san->places);
	overlap_free(san->overlap);
	san->igroups = igroups;
	san->overlap = overlap_new(igroups);
	san->places = json_object();
	json_array_foreach(igroups, i, igroup)
		(void)json_object_set_new(san->places, member(igroup, "uuid"), json_integer((json_int_t)i));
}

static void paint_done(struct san *san)
{
	struct san_wait *wait;
	struct san_wait_list now;

	luns_free(san->luns, san->n_luns);
	san->luns = san->new_luns;
	san->n_luns = san->n_new_luns;
	san->new_luns = NULL;
	san->n_new_luns = 0;
	take_igroups(san, merge_igroups(san->admin));
	for (size_t i = 0; i < san->n_walk; i++)
		fs_volume_put(san->walk[i]);
	free(san->walk);
	san->walk = NULL;
	judge_maps(san);
	lunnumber_remember(san);
	san_publish(san);
	san->painting = false;
	TAILQ_INIT(&now);
	TAILQ_CONCAT(&now, &san->now, link);
	if (san->again)
		san_refresh(san, NULL);
	while ((wait = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, wait, link);
		wait->done(wait);
	}
	admin_stop_go_on(san->admin);
}

static void lun_painted(struct san *san, struct fs_volume *volume, const struct fs_vdisk_info *info)
{
	struct san_lun *lun = &san->new_luns[san->n_new_luns++];

	*lun = (struct san_lun){ .id = info->id,
		                 .uuid = info->uuid,
		                 .size_bytes = info->size_bytes,
		                 .online = info->online,
		                 .write_cache = info->write_cache,
		                 .reserved = info->reserved };
	lun->volume = fs_volume_get(volume);
	lun->path = must(volpath_join(fs_volume_name(volume), info->path));
	lun->inner = lun->path + strlen(lun->path) - strlen(info->path);
	memcpy(lun->serial, info->serial, sizeof lun->serial);
	lun->maps = san_maps_parse(info->maps);
}

static void volume_painted(struct fs_message *msg)
{
	struct san *san = msg->owner;
	struct known_volume *known = known_find(san->admin, fs_volume_name(msg->volume));

	/* It may have gone offline meanwhile: then its LUNs must not be handed out any more. */
	if (msg->status == 0 && known != NULL && known->state == KNOWN_ONLINE && known->volume == msg->volume) {
		san->new_luns = must(
		    reallocarray(san->new_luns, san->n_new_luns + msg->out.n + 1, sizeof *san->new_luns));
		for (unsigned i = 0; i < msg->out.n; i++)
			lun_painted(san, msg->volume, &msg->out.vdisks[i]);
	} else if (msg->status != 0 && msg->status != -ENODEV) {
		log_error("admin", "lun_list_failed", "volume=%s error=%s", fs_volume_name(msg->volume),
		          error_name(msg->status));
	}
	fs_message_fini(msg);
	paint_next(san);
}

static void paint_next(struct san *san)
{
	if (san->next_walk == san->n_walk) {
		paint_done(san);
		return;
	}
	fs_message_init(&san->msg, FS_VDISK_LIST, san->walk[san->next_walk++], volume_painted, san);
	san->msg.cls = FS_CLASS_ADMIN;
	san->msg.origin = san->admin->world;
	fs_message_send(&san->msg);
}

static void paint_start(struct task *task);
static struct task *paint_task(struct san *san)
{
	return &san->msg.task;
}

void san_refresh(struct san *san, struct san_wait *wait)
{
	if (wait != NULL)
		TAILQ_INSERT_TAIL(&san->next, wait, link);
	if (san->painting) {
		san->again = true;
		return;
	}
	san->painting = true;
	san->again = false;
	TAILQ_CONCAT(&san->now, &san->next, link);
	memset(&san->msg, 0, sizeof san->msg);
	paint_task(san)->run = paint_start;
	world_defer(san->admin->world, paint_task(san));
}

static void paint_start(struct task *task)
{
	struct san *san = container_of(task, struct san, msg.task);
	struct known_volume *known;
	size_t n = 0;

	TAILQ_FOREACH(known, &san->admin->volumes, link)
		n++;
	san->walk = must(calloc(n + 1, sizeof *san->walk));
	san->n_walk = san->next_walk = 0;
	TAILQ_FOREACH(known, &san->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE)
			san->walk[san->n_walk++] = fs_volume_get(known->volume);
	}
	paint_next(san);
}

struct san *san_new(struct admin *admin)
{
	struct san *san = calloc(1, sizeof *san);

	if (san == NULL)
		return NULL;
	san->admin = admin;
	san->past = json_object();
	take_igroups(san, json_array());
	TAILQ_INIT(&san->now);
	TAILQ_INIT(&san->next);
	return san;
}

void san_free(struct san *san)
{
	luns_free(san->luns, san->n_luns);
	json_decref(san->igroups);
	json_decref(san->places);
	overlap_free(san->overlap);
	json_decref(san->past);
	free(san);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

const struct san_lun *san_find_lun(const struct san *san, const struct uuid *uuid)
{
	for (size_t i = 0; i < san->n_luns; i++) {
		if (uuid_equal(&san->luns[i].uuid, uuid))
			return &san->luns[i];
	}
	return NULL;
}

json_t *san_find_igroup(const struct san *san, const char *name, size_t *ret_index)
{
	json_t *igroup;
	size_t i;

	json_array_foreach(san->igroups, i, igroup) {
		if (strcmp(member(igroup, "name"), name) == 0 || strcmp(member(igroup, "uuid"), name) == 0) {
			if (ret_index != NULL)
				*ret_index = i;
			return igroup;
		}
	}
	return NULL;
}

size_t san_igroup_n_maps(const struct san *san, const char *uuid)
{
	size_t n = 0, j;
	json_t *map;

	for (size_t i = 0; i < san->n_luns; i++) {
		json_array_foreach(san->luns[i].maps, j, map)
			n += strcmp(member(map, "igroup"), uuid) == 0;
	}
	return n;
}

size_t san_igroup_place(const struct san *san, const char *uuid)
{
	json_t *place = json_object_get(san->places, uuid);

	return place == NULL ? SIZE_MAX : (size_t)json_integer_value(place);
}
