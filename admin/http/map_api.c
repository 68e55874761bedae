/* SPDX-License-Identifier: Apache-2.0 */
/* REST: protocols/san/lun-maps. */
#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lunnumber.h"
#include "admin/textjson.h"
#include "admin/trust.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

static json_t *map_json(const char *path, const char *uuid, json_t *map)
{
	return json_pack("{s:{s:o,s:s},s:{s:O,s:O},s:O,s:O}", "lun", "path", textjson(path), "uuid", uuid, "igroup",
	                 "name", json_object_get(map, "name"), "uuid", json_object_get(map, "igroup"),
	                 "logical_unit_number", json_object_get(map, "lun"), "state", json_object_get(map, "state"));
}

static void list_fresh(struct call *call)
{
	const struct san *san = call->admin->san;
	const char *only = call_query(call, "volume");
	char uuid[UUID_TEXT_SIZE];
	json_t *map;
	size_t j;

	call->records = json_array();
	for (size_t i = 0; i < san->n_luns; i++) {
		if (only != NULL && strcmp(only, fs_volume_name(san->luns[i].volume)) != 0)
			continue;
		uuid_format(&san->luns[i].uuid, uuid);
		json_array_foreach(san->luns[i].maps, j, map)
			(void)json_array_append_new(call->records, map_json(san->luns[i].path, uuid, map));
	}
	call_reply_collection(call);
}

void map_api_list(struct call *call)
{
	call_fresh(call, list_fresh);
}

/* ---- changing the maps of one LUN: read them, change the list, write them back --------------------------------- */

static void ask_maps(struct call *call, call_step *then)
{
	call_message(call, FS_VDISK_GET)->in.path = call->path.inner;
	call_send(call, then);
}

static void put_maps(struct call *call, call_step *then)
{
	free(call->text);
	call->text = san_maps_format(call->scratch);
	struct fs_message *msg = call_message(call, FS_VDISK_SET);
	msg->in.path = call->path.inner;
	msg->in.vdisk.set = FS_VDISK_SET_MAPS;
	msg->in.vdisk.maps = call->text;
	call_send(call, then);
}

static json_t *maps_find(json_t *maps, const char *igroup_uuid, size_t *ret_index)
{
	json_t *map;
	size_t i;

	json_array_foreach(maps, i, map) {
		if (strcmp(json_string_value(json_object_get(map, "igroup")), igroup_uuid) == 0) {
			*ret_index = i;
			return map;
		}
	}
	return NULL;
}

/* call->msg holds the LUN: its maps into call->scratch. False: answered. */
static bool got_maps(struct call *call)
{
	if (call->msg.status != 0 || call->msg.out.n != 1) {
		call_fail_message(call, call->path.inner);
		return false;
	}
	call->scratch = san_maps_parse(call->msg.out.vdisks[0].maps);
	return true;
}

/* ---- map --------------------------------------------------------------------------------------------------------- */

/* The number that was asked for; an error: answered. */
static int check_number(struct call *call, size_t igroup, const struct uuid *lun, json_int_t number)
{
	const struct san *san = call->admin->san;
	const struct san_lun *holder;
	json_t *map;

	if (number < 0 || number > LUNNUMBER_MAX) {
		call_fail(call, -EINVAL, "lun", "LUN numbers go from 0 to %u", LUNNUMBER_MAX);
		return -EINVAL;
	}
	holder = lunnumber_holder(san, san->overlap, igroup, (uint32_t)number, lun, &map);
	if (holder == NULL)
		return 0;
	if (san_igroup_place(san, json_string_value(json_object_get(map, "igroup"))) == igroup)
		call_fail(call, -EEXIST, "lun", "LUN number %u of igroup \"%s\" is taken by %s; use another or none",
		          (unsigned)number, call_text(call, "igroup"), holder->path);
	else
		call_fail(call, -EEXIST, "lun",
		          "LUN number %u is %s's for initiators of igroup \"%s\", which are in igroup \"%s\" too; use "
		          "another or none",
		          (unsigned)number, holder->path, call_text(call, "igroup"),
		          json_string_value(json_object_get(map, "name")));
	return -EEXIST;
}

static int choose_number(struct call *call, const char *igroup_uuid, const struct uuid *lun, uint32_t *ret_number)
{
	json_t *wanted = call_member(call, "lun");
	const struct san *san = call->admin->san;
	size_t igroup = san_igroup_place(san, igroup_uuid);
	int err;

	if (wanted != NULL) {
		*ret_number = (uint32_t)json_integer_value(wanted);
		return check_number(call, igroup, lun, json_integer_value(wanted));
	}
	err = lunnumber_choose(san, igroup, lun, ret_number);
	if (err != 0)
		call_fail(call, err, "igroup", "no LUN number is free for all initiators of igroup \"%s\"",
		          call_text(call, "igroup"));
	return err;
}

static void map_painted(struct call *call)
{
	struct uuid uuid;
	json_t *map;
	size_t i;

	int err = uuid_parse(json_string_value(json_object_get(call->scratch, "lun")), &uuid);
	const struct san_lun *lun = err == 0 ? san_find_lun(call->admin->san, &uuid) : NULL;
	map = lun == NULL ? NULL
	                  : maps_find(lun->maps, json_string_value(json_object_get(call->scratch, "igroup")), &i);
	if (map == NULL)
		call_fail(call, -ENODEV, call->path.volume, "the map was made, and the volume went offline");
	else
		call_reply_take(call, 201,
		                map_json(lun->path, json_string_value(json_object_get(call->scratch, "lun")), map));
}

static void map_put(struct call *call)
{
	char uuid[UUID_TEXT_SIZE];

	if (call->msg.status != 0 || call->msg.out.n != 1) {
		call_fail_message(call, call->path.inner);
		return;
	}
	uuid_format(&call->msg.out.vdisks[0].uuid, uuid);
	json_t *last = json_array_get(call->scratch, json_array_size(call->scratch) - 1);
	json_t *what = json_pack("{s:s,s:O}", "lun", uuid, "igroup", json_object_get(last, "igroup"));
	json_decref(call->scratch);
	call->scratch = what;
	log_info("admin", "lun_mapped", "lun=/vol/%s%s igroup=%s", call->path.volume, call->path.inner,
	         call_text(call, "igroup"));
	call_repaint(call, map_painted);
}

static void igroups_put(void *arg, int err)
{
	struct call *call = arg;
	struct known_volume *known = known_find(call->admin, call->path.volume);

	if (err != 0 || known == NULL || known->volume != call->volume) {
		call_fail(call, err != 0 ? err : -ENODEV, call->path.volume,
		          "the igroups could not be written to volume \"%s\"", call->path.volume);
		return;
	}
	json_decref(known->igroups);
	known->igroups = json_deep_copy(call->admin->san->igroups);
	trust_let_in(known, json_string_value(json_object_get(
	                        json_array_get(call->scratch, json_array_size(call->scratch) - 1), "igroup")));
	err = known_save(call->admin);
	if (err != 0)
		call_fail(call, err, NULL, "the state in %s could not be written", call->admin->state_dir);
	else
		put_maps(call, map_put);
}

/* The volume must know the igroup that its map names (it may be younger than the igroup): a map alone would mean
 * nothing elsewhere. */
static void map_with_igroup(struct call *call, const char *igroup_uuid)
{
	struct known_volume *known = known_find(call->admin, call->path.volume);
	json_t *igroup;
	size_t i;

	json_array_foreach(known == NULL ? NULL : known->igroups, i, igroup) {
		if (strcmp(json_string_value(json_object_get(igroup, "uuid")), igroup_uuid) == 0 &&
		    !trust_keeps_out(known, igroup_uuid)) {
			put_maps(call, map_put);
			return;
		}
	}
	if (known != NULL && document_admit(known, DOCUMENT_IGROUPS) != 0) {
		call_fail(call, -EUCLEAN, known->name, DOCUMENT_DAMAGED_TEXT, DOCUMENT_IGROUPS, known->name);
		return;
	}
	document_put(call->admin, call->volume, DOCUMENT_IGROUPS, call->admin->san->igroups, igroups_put, call);
}

/* Other LUNs of the volume are mapped to the igroup of that UUID that came with it: with this one they would be served,
 * too. True: answered. */
static bool is_kept_out(struct call *call, const char *igroup_uuid)
{
	const struct known_volume *known = known_find(call->admin, call->path.volume);
	const struct san *san = call->admin->san;
	size_t i, unused;

	if (known == NULL || !trust_keeps_out(known, igroup_uuid))
		return false;
	for (i = 0; i < san->n_luns; i++) {
		if (san->luns[i].volume != call->volume || maps_find(san->luns[i].maps, igroup_uuid, &unused) == NULL)
			continue;
		call_fail(
		    call, -EBUSY, san->luns[i].path,
		    "volume \"%s\" came with another igroup of that identity; unmap its LUNs from that one first (%s)",
		    call->path.volume, san->luns[i].path);
		return true;
	}
	return false;
}

static void map_got(struct call *call)
{
	json_t *igroup = san_find_igroup(call->admin->san, call_text(call, "igroup"), NULL);
	uint32_t number;
	size_t i;

	if (igroup == NULL) {
		call_fail(call, -ENOENT, "igroup", "there is no igroup \"%s\"; make it with: vcadm igroup create",
		          call_text(call, "igroup"));
		return;
	}
	if (!got_maps(call))
		return;
	const char *uuid = json_string_value(json_object_get(igroup, "uuid"));
	if (maps_find(call->scratch, uuid, &i) != NULL) {
		call_fail(call, -EEXIST, call->path.inner, "/vol/%s%s is mapped to igroup \"%s\" already",
		          call->path.volume, call->path.inner, call_text(call, "igroup"));
		return;
	}
	if (is_kept_out(call, uuid) || choose_number(call, uuid, &call->msg.out.vdisks[0].uuid, &number) != 0)
		return;
	(void)json_array_append_new(call->scratch, json_pack("{s:s,s:I}", "igroup", uuid, "lun", (json_int_t)number));
	map_with_igroup(call, uuid);
}

static void map_turn(struct call *call)
{
	ask_maps(call, map_got);
}

void map_api_create(struct call *call)
{
	if (call_find_path(call, call_text(call, "path"), "path"))
		call_turn(call, map_turn);
}

/* ---- unmap ------------------------------------------------------------------------------------------------------- */

static void unmap_painted(struct call *call)
{
	call_reply_take(call, 200, json_object());
}

static void unmap_put(struct call *call)
{
	if (call->msg.status != 0)
		call_fail_message(call, call->path.inner);
	else
		call_repaint(call, unmap_painted);
}

static void unmap_got(struct call *call)
{
	const char *name = call_param(call, "igroup");
	json_t *igroup = san_find_igroup(call->admin->san, name, NULL);
	size_t i;

	if (!got_maps(call))
		return;
	/* A map of an igroup that is gone is named by its UUID. */
	const char *uuid = igroup == NULL ? name : json_string_value(json_object_get(igroup, "uuid"));
	if (maps_find(call->scratch, uuid, &i) == NULL) {
		call_fail(call, -ENOENT, name, "/vol/%s%s is not mapped to igroup \"%s\"", call->path.volume,
		          call->path.inner, name);
		return;
	}
	(void)json_array_remove(call->scratch, i);
	put_maps(call, unmap_put);
}

static void unmap_turn(struct call *call)
{
	ask_maps(call, unmap_got);
}

void map_api_delete(struct call *call)
{
	if (call_find_lun(call, call_param(call, "lun")))
		call_turn(call, unmap_turn);
}
