/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/luns. */
#include <stdio.h>

#include "admin/http/handlers.h"
#include "admin/textjson.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

static json_t *maps_json(struct admin *admin, const struct fs_vdisk_info *info)
{
	const struct san_lun *lun = san_find_lun(admin->san, &info->uuid);
	json_t *maps = json_array(), *map;
	size_t i;

	if (lun == NULL)
		return maps;
	json_array_foreach(lun->maps, i, map)
		(void)json_array_append_new(
		    maps, json_pack("{s:{s:O,s:O},s:O,s:O}", "igroup", "name", json_object_get(map, "name"), "uuid",
		                    json_object_get(map, "igroup"), "lun", json_object_get(map, "lun"), "state",
		                    json_object_get(map, "state")));
	return maps;
}

json_t *lun_api_json(struct admin *admin, const char *volume, const struct fs_vdisk_info *info)
{
	char uuid[UUID_TEXT_SIZE];

	uuid_format(&info->uuid, uuid);
	json_t *json = json_pack("{s:o,s:s,s:s,s:o,s:I,s:I,s:s,s:b,s:b,s:o,s:o,s:I}", "path",
	                         textjson_format("/vol/%s%s", volume, info->path), "uuid", uuid, "volume", volume,
	                         "serial_number", textjson(info->serial), "size", (json_int_t)info->size_bytes, "used",
	                         (json_int_t)info->used_bytes, "state", info->online ? "online" : "offline", "reserved",
	                         info->reserved, "write_cache", info->write_cache, "comment", textjson(info->comment),
	                         "maps", maps_json(admin, info), "generation", (json_int_t)info->state_generation);
	if (info->backing_snapshot[0] != '\0')
		(void)json_object_set_new(json, "backing",
		                          json_pack("{s:o,s:o}", "snapshot", textjson(info->backing_snapshot), "path",
		                                    textjson_format("/vol/%s/.snapshot/%s%s", volume,
		                                                    info->backing_snapshot, info->backing_path)));
	if (info->clone.state != FS_CLONE_NONE)
		(void)json_object_set_new(json, "clone", clone_api_json(volume, info));
	return json;
}

static void etag_of(const struct fs_vdisk_info *info, char etag[32])
{
	(void)snprintf(etag, 32, "\"%llu\"", (unsigned long long)info->state_generation);
}

/* call->msg holds one LUN: answer with it. */
static void answer_lun(struct call *call)
{
	char etag[32];

	if (call->msg.status != 0 || call->msg.out.n != 1) {
		call_fail_message(call, call->path.inner);
		return;
	}
	etag_of(&call->msg.out.vdisks[0], etag);
	json_t *json = lun_api_json(call->admin, call->path.volume, &call->msg.out.vdisks[0]);
	if (call->status == 0) {
		call_reply_tagged_take(call, json, etag);
		return;
	}
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "ETag", etag);
	call_reply_take(call, call->status, json);
}

static void ask_lun(struct call *call, call_step *then)
{
	call_message(call, FS_VDISK_GET)->in.path = call->path.inner;
	call_send(call, then);
}

/* The LUN has changed: the picture, then the answer with its present state. */
static void changed_painted(struct call *call)
{
	ask_lun(call, answer_lun);
}

static void changed(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	call_repaint(call, changed_painted);
}

/* ---- list, show -------------------------------------------------------------------------------------------------- */

static void luns_visited(struct call *call)
{
	for (unsigned i = 0; i < call->msg.out.n; i++)
		(void)json_array_append_new(call->records, lun_api_json(call->admin, fs_volume_name(call->msg.volume),
		                                                        &call->msg.out.vdisks[i]));
}

void lun_api_list(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_VDISK_LIST, luns_visited, call_reply_collection);
}

void lun_api_show(struct call *call)
{
	if (call_find_lun(call, call_param(call, "lun")))
		ask_lun(call, answer_lun);
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static void create_send(struct call *call, uint64_t size_bytes, const char *backing)
{
	struct fs_message *msg = call_message(call, FS_VDISK_CREATE);

	msg->in.path = call->path.inner;
	msg->in.vdisk.size_bytes = size_bytes;
	msg->in.vdisk.reserve = !json_is_false(call_member(call, "reserved"));
	msg->in.vdisk.backing_path = backing;
	msg->in.vdisk.comment = call_text(call, "comment");
	if (msg->in.vdisk.comment != NULL)
		msg->in.vdisk.set = FS_VDISK_SET_COMMENT;
	call->status = 201;
	call_send(call, changed);
}

/* The backing LUN's attributes are here: it gives the size that was not given. */
static void backing_resolved(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call_text(call, "backing"));
		return;
	}
	if (call->msg.out.attr.type != FS_TYPE_VDISK) {
		call_fail(call, -EINVAL, "backing", "%s is not a LUN in a snapshot", call_text(call, "backing"));
		return;
	}
	uint64_t size = (uint64_t)json_integer_value(call_member(call, "size"));
	create_send(call, size != 0 ? size : call->msg.out.attr.size_bytes, call->text);
}

static void create_backed(struct call *call, const char *backing)
{
	struct volpath path;

	if (volpath_parse(backing, &path) != 0 || strncmp(path.inner, "/.snapshot/", 11) != 0) {
		call_fail(call, -EINVAL, "backing",
		          "\"%s\" is not a path of the form /vol/VOLUME/.snapshot/SNAPSHOT/NAME", backing);
		return;
	}
	if (strcmp(path.volume, call->path.volume) != 0) {
		call_fail(call, -EINVAL, "backing", "a LUN and the LUN that backs it must be in one volume");
		return;
	}
	call->text = must(strdup(path.inner));
	call_message(call, FS_RESOLVE)->in.path = call->text;
	call_send(call, backing_resolved);
}

void lun_api_create(struct call *call)
{
	const char *backing = call_text(call, "backing"), *comment = call_text(call, "comment");
	uint64_t size = (uint64_t)json_integer_value(call_member(call, "size"));

	if (!call_find_path(call, call_text(call, "path"), "path"))
		return;
	if (comment != NULL && strlen(comment) > 255)
		call_fail(call, -EINVAL, "comment", "a comment has at most 255 bytes");
	else if (size % 512 != 0)
		call_fail(call, -EINVAL, "size", "the size must be a multiple of 512 bytes");
	else if (backing != NULL)
		create_backed(call, backing);
	else if (size == 0)
		call_fail(call, -EINVAL, "size", "say how large the LUN shall be (size), or what backs it (backing)");
	else
		create_send(call, size, NULL);
}

/* ---- change ------------------------------------------------------------------------------------------------------ */

static void modify_state(struct call *call)
{
	const char *state = call_text(call, "state"), *comment = call_text(call, "comment");

	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	if (state == NULL && comment == NULL) {
		changed(call);
		return;
	}
	struct fs_message *msg = call_message(call, FS_VDISK_SET);
	msg->in.path = call->path.inner;
	msg->in.vdisk.set = (state != NULL ? FS_VDISK_SET_ONLINE : 0) | (comment != NULL ? FS_VDISK_SET_COMMENT : 0);
	msg->in.vdisk.online = state != NULL && strcmp(state, "online") == 0;
	msg->in.vdisk.comment = comment;
	call_send(call, changed);
}

static void modify_known(struct call *call)
{
	uint64_t size = (uint64_t)json_integer_value(call_member(call, "size"));
	char etag[32];

	if (call->msg.status != 0 || call->msg.out.n != 1) {
		call_fail_message(call, call->path.inner);
		return;
	}
	etag_of(&call->msg.out.vdisks[0], etag);
	if (call_precondition_failed(call, etag))
		return;
	call->status = 200;
	if (size == 0) {
		modify_state(call);
		return;
	}
	if (size < call->msg.out.vdisks[0].size_bytes && !call_flag(call, "force")) {
		call_fail(call, -EINVAL, "size",
		          "/vol/%s%s is larger than that; what is cut off would be lost: say --force (\"force\": true) "
		          "if that is meant",
		          call->path.volume, call->path.inner);
		return;
	}
	struct fs_message *msg = call_message(call, FS_VDISK_RESIZE);
	msg->in.path = call->path.inner;
	msg->in.vdisk.size_bytes = size;
	msg->in.vdisk.force = call_flag(call, "force");
	call_send(call, modify_state);
}

static void modify_turn(struct call *call)
{
	ask_lun(call, modify_known);
}

void lun_api_modify(struct call *call)
{
	json_t *size = call_member(call, "size");
	const char *comment = call_text(call, "comment");

	if (!call_find_lun(call, call_param(call, "lun")))
		return;
	if (size != NULL && (json_integer_value(size) == 0 || json_integer_value(size) % 512 != 0))
		call_fail(call, -EINVAL, "size", "the size must be a multiple of 512 bytes, and not 0");
	else if (comment != NULL && strlen(comment) > 255)
		call_fail(call, -EINVAL, "comment", "a comment has at most 255 bytes");
	else
		call_turn(call, modify_turn);
}

/* ---- destroy ----------------------------------------------------------------------------------------------------- */

static void destroyed_painted(struct call *call)
{
	call_reply_take(call, 200, json_object());
}

static void destroyed(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "lun_destroyed", "lun=/vol/%s%s", call->path.volume, call->path.inner);
	call_repaint(call, destroyed_painted);
}

static void destroy_known(struct call *call)
{
	char etag[32];

	if (call->msg.status != 0 || call->msg.out.n != 1) {
		call_fail_message(call, call->path.inner);
		return;
	}
	const struct san_lun *lun = san_find_lun(call->admin->san, &call->msg.out.vdisks[0].uuid);
	etag_of(&call->msg.out.vdisks[0], etag);
	if (call_precondition_failed(call, etag))
		return;
	if (lun != NULL && json_array_size(lun->maps) > 0 && !call_flag(call, "force")) {
		call_fail(call, -EBUSY, lun->path,
		          "LUN %s is mapped to igroup \"%s\"; unmap it first, or say --force (?force=true)", lun->path,
		          json_string_value(json_object_get(json_array_get(lun->maps, 0), "name")));
		return;
	}
	struct fs_message *msg = call_message(call, FS_VDISK_DESTROY);
	msg->in.path = call->path.inner;
	msg->in.vdisk.force = true; /* the LUN need not be offline: the maps say whether somebody uses it */
	call_send(call, destroyed);
}

static void destroy_turn(struct call *call)
{
	ask_lun(call, destroy_known);
}

void lun_api_destroy(struct call *call)
{
	if (call_find_lun(call, call_param(call, "lun")))
		call_turn(call, destroy_turn);
}
