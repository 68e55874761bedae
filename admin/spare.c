/* SPDX-License-Identifier: Apache-2.0 */
/* Hot spares: the list, and what is on the disks. */
#include "admin/spare.h"

#include <stdio.h>

#include "admin/diskfile.h"
#include "admin/fault.h"
#include "admin/statefile.h"
#include "admin/textjson.h"
#include "base/must.h"
#include "raid/disk.h"
#include "raid/disk_use.h"

#define SPARES_VERSION 1

static const char *const state_names[] = {
	[SPARE_READY] = "spare", [SPARE_TAKEN] = "taken", [SPARE_MISSING] = "missing", [SPARE_BROKEN] = "broken"
};

/* ---- the state file ---------------------------------------------------------------------------------------------- */

static void spares_path(const struct admin *admin, char path[4096])
{
	(void)snprintf(path, 4096, "%s/spares.json", admin->state_dir); /* as long as disks/, which exists */
}

static json_t *saved_form(const struct spare *spare)
{
	char uuid[UUID_TEXT_SIZE];
	json_t *entry = json_pack("{s:s,s:I,s:b}", "disk", spare->url, "size", (json_int_t)spare->size_bytes, "made",
	                          (int)spare->made);

	uuid_format(&spare->uuid, uuid);
	(void)json_object_set_new(entry, "uuid", json_string(uuid));
	uuid_format(&spare->volume, uuid);
	if (spare->has_volume)
		(void)json_object_set_new(entry, "volume", json_string(uuid));
	return entry;
}

static int spares_save(struct admin *admin)
{
	char path[4096];
	const struct spare *spare;
	json_t *list = must(json_array());

	if (admin->spares_damaged) {
		json_decref(list);
		return -EUCLEAN;
	}
	TAILQ_FOREACH(spare, &admin->spares, link)
		(void)json_array_append_new(list, saved_form(spare));
	spares_path(admin, path);
	json_t *state = must(json_pack("{s:i,s:o}", "version", SPARES_VERSION, "spares", list));
	int err = statefile_write(path, state);
	json_decref(state);
	if (err != 0)
		log_error("admin", "spares_not_saved", "file=%s error=%s", path, error_name(err));
	return err;
}

static bool entry_take(struct admin *admin, struct spare *spare, json_t *entry)
{
	const char *url = json_string_value(json_object_get(entry, "disk"));
	const char *uuid = json_string_value(json_object_get(entry, "uuid"));
	const char *volume = json_string_value(json_object_get(entry, "volume"));
	json_t *plain = url == NULL || strlen(url) >= sizeof spare->url ? NULL : known_disk_url(admin, url);
	bool good = plain != NULL && strcmp(json_string_value(plain), url) == 0 && uuid != NULL;

	json_decref(plain);
	if (!good || spare_find(admin, url) != NULL || uuid_parse(uuid, &spare->uuid) != 0)
		return false;
	(void)snprintf(spare->url, sizeof spare->url, "%s", url);
	spare->made = json_is_true(json_object_get(entry, "made"));
	spare->size_bytes = (uint64_t)json_integer_value(json_object_get(entry, "size"));
	spare->has_volume = volume != NULL;
	return volume == NULL || uuid_parse(volume, &spare->volume) == 0;
}

void spare_load(struct admin *admin)
{
	char path[4096];
	json_t *state = NULL, *entry;
	size_t i;

	TAILQ_INIT(&admin->spares);
	spares_path(admin, path);
	int err = statefile_read(path, &state);
	if (err == 0 && (json_integer_value(json_object_get(state, "version")) != SPARES_VERSION ||
	                 !json_is_array(json_object_get(state, "spares"))))
		err = -EUCLEAN;
	if (err != 0 && err != -ENOENT) {
		log_error("admin", "spares_not_loaded", "file=%s error=%s", path, error_name(err));
		admin->spares_damaged = true;
		(void)json_array_append_new(
		    admin->unsound,
		    json_pack("{s:o}", "why",
		              textjson_format("the list of hot spares, %s, could not be read (%s): repair it, or move "
		                              "it away and add the spares again",
		                              path, error_name(err))));
	}
	json_array_foreach(err == 0 ? json_object_get(state, "spares") : NULL, i, entry) {
		struct spare *spare = must(calloc(1, sizeof *spare));
		if (entry_take(admin, spare, entry)) {
			TAILQ_INSERT_TAIL(&admin->spares, spare, link);
			continue;
		}
		log_error("admin", "spare_not_loaded", "file=%s entry=%zu", path, i);
		free(spare);
	}
	json_decref(state);
}

void spare_fini(struct admin *admin)
{
	struct spare *spare, *next;

	TAILQ_FOREACH_SAFE(spare, &admin->spares, link, next)
		free(spare);
	TAILQ_INIT(&admin->spares);
}

struct spare *spare_find(struct admin *admin, const char *url)
{
	struct spare *spare;

	TAILQ_FOREACH(spare, &admin->spares, link) {
		if (known_same_disk(spare->url, url))
			return spare;
	}
	return NULL;
}

/* ---- looking at them --------------------------------------------------------------------------------------------- */

static void become(struct spare *spare, enum spare_state state, const char *why)
{
	bool was_well = spare->state == SPARE_READY || spare->state == SPARE_TAKEN;

	(void)snprintf(spare->why, sizeof spare->why, "%s", why);
	if (spare->state == state)
		return;
	spare->state = state;
	if (state == SPARE_MISSING || state == SPARE_BROKEN)
		log_warn("admin", "spare_lost", "disk=%s state=%s text=\"hot spare %s cannot be used: %s\"", spare->url,
		         state_names[state], spare->url, why);
	else if (!was_well)
		log_info("admin", "spare_back", "disk=%s", spare->url);
}

void spare_look(struct admin *admin, struct spare *spare)
{
	struct disk_use use;
	char why[256];

	if (known_find_disk(admin, spare->url) != NULL) {
		become(spare, SPARE_TAKEN, "");
		return;
	}
	int err = spare->refused ? 0 : disk_use_glance(spare->url, &use);
	if (spare->refused)
		return;
	if (err == -ENOENT) {
		become(spare, SPARE_MISSING, "the disk is not there");
	} else if (err != 0) {
		(void)snprintf(why, sizeof why, "the disk cannot be read: %s (%s)", fault_of(err)->text,
		               error_name(err));
		become(spare, SPARE_BROKEN, why);
	} else if (use.kind != DISK_USE_SPARE || !uuid_equal(&use.spare, &spare->uuid)) {
		(void)snprintf(why, sizeof why, "it is not the disk that was added: it holds %.160s",
		               use.kind == DISK_USE_NONE ? "nothing" : use.text);
		become(spare, SPARE_BROKEN, why);
	} else if (use.size_bytes < spare->size_bytes) {
		(void)snprintf(why, sizeof why, "it is cut short: %llu of %llu bytes",
		               (unsigned long long)use.size_bytes, (unsigned long long)spare->size_bytes);
		become(spare, SPARE_BROKEN, why);
	} else {
		become(spare, SPARE_READY, "");
	}
}

static bool is_for(const struct spare *spare, const struct known_volume *known)
{
	return !spare->has_volume || (known->has_uuid && uuid_equal(&spare->volume, &known->uuid));
}

static bool would_do(const struct spare *spare, const struct known_volume *known, uint64_t needed_bytes)
{
	return spare->state == SPARE_READY && is_for(spare, known) && spare->size_bytes >= needed_bytes;
}

static bool is_better(const struct spare *spare, const struct spare *than)
{
	return than == NULL ||
	       (spare->has_volume != than->has_volume ? spare->has_volume : spare->size_bytes < than->size_bytes);
}

struct spare *spare_choose(struct admin *admin, const struct known_volume *known, uint64_t needed_bytes)
{
	struct spare *spare, *best = NULL;

	TAILQ_FOREACH(spare, &admin->spares, link) {
		if (!is_for(spare, known) || spare->size_bytes < needed_bytes || !is_better(spare, best))
			continue;
		spare_look(admin, spare);
		if (spare->state == SPARE_READY)
			best = spare;
	}
	return best;
}

unsigned spare_count(struct admin *admin, const struct known_volume *known, uint64_t needed_bytes)
{
	const struct spare *spare;
	unsigned n = 0;

	TAILQ_FOREACH(spare, &admin->spares, link)
		n += would_do(spare, known, needed_bytes);
	return n;
}

int spare_fits(struct admin *admin, struct spare *spare, const struct known_volume *known, uint64_t needed_bytes,
               char ret_text[256])
{
	int err = 0;

	spare_look(admin, spare);
	ret_text[0] = '\0';
	if (!is_for(spare, known)) {
		(void)snprintf(ret_text, 256, "disk %.150s is a hot spare of another volume", spare->url);
		err = -EBUSY;
	} else if (spare->state != SPARE_READY) {
		(void)snprintf(ret_text, 256, "hot spare %.90s cannot be used: %.120s", spare->url,
		               spare->state == SPARE_TAKEN ? "it is taken already" : spare->why);
		err = spare->state == SPARE_TAKEN ? -EBUSY : -EEXIST;
	} else if (spare->size_bytes < needed_bytes) {
		(void)snprintf(ret_text, 256, "hot spare %.120s is too small: it has %llu bytes, and %llu are needed",
		               spare->url, (unsigned long long)spare->size_bytes, (unsigned long long)needed_bytes);
		err = -ERANGE;
	}
	return err;
}

/* ---- coming and going -------------------------------------------------------------------------------------------- */

static int add_refused(struct admin *admin, const struct spare_new *new, char text[256])
{
	const struct known_volume *owner = known_find_disk(admin, new->url);

	if (admin->spares_damaged) {
		(void)snprintf(text, 256, "the list of hot spares is damaged: see vcadm status");
		return -EUCLEAN;
	}
	if (strlen(new->url) >= sizeof(struct spare){ 0 }.url) {
		(void)snprintf(text, 256, "the name of the disk is too long");
		return -ENAMETOOLONG;
	}
	if (owner != NULL) {
		(void)snprintf(text, 256, "disk %.120s belongs to volume \"%.63s\"", new->url, owner->name);
		return -EBUSY;
	}
	if (spare_find(admin, new->url) != NULL) {
		(void)snprintf(text, 256, "disk %.150s is a hot spare already", new->url);
		return -EBUSY;
	}
	return diskfile_allowed(admin, new->url, text);
}

/* Make the disk ready and mark it: it holds nothing then. */
static int spare_prepare(struct admin *admin, const struct spare_new *new, struct spare *spare, json_t *made,
                         char text[256])
{
	struct diskfile_wanted wanted = {
		.urls = &new->url, .n = 1, .size_bytes = new->size_bytes, .force = new->force
	};
	int err = diskfile_prepare(admin, &wanted, made, text);
	struct disk_use use;
	uint8_t random[16];

	if (err != 0)
		return err;
	world_random(admin->world, random, sizeof random);
	spare->uuid = uuid_from_random(random);
	spare->made = json_array_size(made) > 0;
	err = disk_use_mark_spare(new->url, &spare->uuid, spare->has_volume ? &spare->volume : NULL);
	if (err == 0)
		err = disk_use_glance(new->url, &use);
	if (err != 0)
		(void)snprintf(text, 256, "disk %.120s could not be marked as a spare: %s (%s)", new->url,
		               fault_of(err)->text, error_name(err));
	else
		spare->size_bytes = use.size_bytes;
	return err;
}

int spare_add(struct admin *admin, const struct spare_new *new, struct spare **ret_spare, char ret_text[256])
{
	ret_text[0] = '\0';
	int err = add_refused(admin, new, ret_text);
	if (err != 0)
		return err;
	struct spare *spare = must(calloc(1, sizeof *spare));
	json_t *made = must(json_array());
	(void)snprintf(spare->url, sizeof spare->url, "%s", new->url);
	spare->has_volume = new->known != NULL;
	if (spare->has_volume)
		spare->volume = new->known->uuid;
	err = spare_prepare(admin, new, spare, made, ret_text);
	if (err == 0) {
		TAILQ_INSERT_TAIL(&admin->spares, spare, link);
		err = spares_save(admin);
		if (err != 0) {
			TAILQ_REMOVE(&admin->spares, spare, link);
			(void)snprintf(ret_text, 256, "the list of spares could not be written (%s)", error_name(err));
			if (!spare->made && disk_use_wipe(new->url, NULL) != 0)
				log_warn("admin", "spare_not_wiped", "disk=%s", new->url);
		}
	}
	if (err != 0) {
		diskfile_unmake(made);
		free(spare);
	} else {
		log_info("admin", "spare_added", "disk=%s", spare->url);
		*ret_spare = spare;
	}
	json_decref(made);
	return err;
}

/* Its label goes, or its file. What is not that spare any more is left alone. */
static void let_go(const struct spare *spare)
{
	struct disk_use use;
	int err = disk_use_glance(spare->url, &use);
	bool ours = err == 0 && use.kind == DISK_USE_SPARE && uuid_equal(&use.spare, &spare->uuid);

	if (ours)
		err = spare->made ? disk_destroy(spare->url) : disk_use_wipe(spare->url, NULL);
	if (!ours || err != 0)
		log_warn("admin", "spare_left_alone", "disk=%s error=%s holds=\"%s\"", spare->url, error_name(err),
		         err == 0 ? use.text : "");
}

static int forget(struct admin *admin, struct spare *spare)
{
	struct spare *next = TAILQ_NEXT(spare, link);

	TAILQ_REMOVE(&admin->spares, spare, link);
	int err = spares_save(admin);
	if (err != 0 && next != NULL)
		TAILQ_INSERT_BEFORE(next, spare, link);
	else if (err != 0)
		TAILQ_INSERT_TAIL(&admin->spares, spare, link);
	return err;
}

int spare_remove(struct admin *admin, struct spare *spare, char ret_text[256])
{
	const struct known_volume *taker = known_find_disk(admin, spare->url);

	if (taker != NULL) {
		(void)snprintf(ret_text, 256, "spare %.120s is taking a place in volume \"%.63s\"", spare->url,
		               taker->name);
		return -EBUSY;
	}
	int err = forget(admin, spare);
	if (err != 0) {
		(void)snprintf(ret_text, 256, "the list of spares could not be written (%s)", error_name(err));
		return err;
	}
	log_info("admin", "spare_removed", "disk=%s", spare->url);
	let_go(spare);
	free(spare);
	return 0;
}

void spare_refuse(struct spare *spare, const char *text)
{
	spare->refused = true;
	become(spare, SPARE_BROKEN, text);
}

void spare_used(struct admin *admin, struct spare *spare)
{
	if (forget(admin, spare) == 0)
		free(spare); /* else it is settled later: the volume has it */
}

void spare_give_back(struct admin *admin, struct spare *spare)
{
	struct disk_use use;
	int err = disk_use_glance(spare->url, &use);

	if (err == 0 && use.kind == DISK_USE_NONE)
		err = disk_use_mark_spare(spare->url, &spare->uuid, spare->has_volume ? &spare->volume : NULL);
	if (err != 0)
		log_warn("admin", "spare_not_marked", "disk=%s error=%s", spare->url, error_name(err));
	spare_look(admin, spare);
}

json_t *spare_json(struct admin *admin, const struct spare *spare)
{
	const struct known_volume *owner = spare->has_volume ? known_find_uuid(admin, &spare->volume) : NULL;
	const struct known_volume *taker = known_find_disk(admin, spare->url);
	char uuid[UUID_TEXT_SIZE];
	json_t *json = json_pack("{s:s,s:s,s:I}", "name", spare->url, "state", state_names[spare->state], "size",
	                         (json_int_t)spare->size_bytes);

	uuid_format(&spare->uuid, uuid);
	(void)json_object_set_new(json, "uuid", json_string(uuid));
	if (spare->has_volume)
		(void)json_object_set_new(json, "volume", textjson(owner != NULL ? owner->name : "(not known)"));
	if (spare->has_volume && owner == NULL)
		(void)json_object_set_new(json, "reason", json_string("its volume is not known here any more"));
	if (spare->why[0] != '\0')
		(void)json_object_set_new(json, "reason", textjson(spare->why));
	if (taker != NULL)
		(void)json_object_set_new(json, "taken_by", textjson(taker->name));
	return json;
}
