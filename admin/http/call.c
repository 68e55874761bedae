/* SPDX-License-Identifier: Apache-2.0 */
/* A call: one REST request being worked on. */
#include "admin/http/call.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "admin/document.h"
#include "admin/exportwatch.h"
#include "admin/fault.h"
#include "admin/http/collection.h"
#include "admin/http/router.h"
#include "admin/keeper.h"
#include "admin/known.h"
#include "admin/scrubwatch.h"
#include "admin/textjson.h"
#include "base/must.h"
#include "base/siphash.h"
#include "fs/message.h"
#include "fs/volume.h"

struct call *call_new(struct admin *admin, struct evhttp_request *req, unsigned *n_calls)
{
	struct call *call = must(calloc(1, sizeof *call));

	call->admin = admin;
	call->req = req;
	call->n_calls = n_calls;
	(*n_calls)++;
	TAILQ_INIT(&call->query);
	return call;
}

static void call_free(struct call *call)
{
	struct admin *admin = call->admin;

	(*call->n_calls)--;
	if (call->msg_used)
		fs_message_fini(&call->msg);
	for (size_t i = 0; i < CALL_PARAMS_MAX; i++)
		free(call->params[i]);
	for (size_t i = 0; i < call->n_walk; i++)
		fs_volume_put(call->walk[i]);
	if (call->volume != NULL)
		fs_volume_put(call->volume);
	free(call->walk);
	evhttp_clear_headers(&call->query);
	json_decref(call->body);
	json_decref(call->records);
	json_decref(call->scratch);
	free(call->text);
	free(call->blob);
	turn_give(admin, &call->turn);
	free(call);
	admin_stop_go_on(admin);
}

void call_drop(struct call *call)
{
	call_free(call);
}

void call_peer(struct evhttp_request *req, char ret_text[80])
{
	char *address = NULL;
	uint16_t port = 0;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
	(void)snprintf(ret_text, 80, "%.60s:%u", address == NULL ? "?" : address, (unsigned)port);
}

/* ---- what was asked ---------------------------------------------------------------------------------------------- */

const char *call_param(const struct call *call, const char *key)
{
	int i = router_param(call->route, key);
	return i < 0 ? NULL : call->params[i];
}

const char *call_query(const struct call *call, const char *key)
{
	return evhttp_find_header(&call->query, key);
}
json_t *call_member(const struct call *call, const char *key)
{
	return json_object_get(call->body, key);
}
const char *call_text(const struct call *call, const char *key)
{
	return json_string_value(call_member(call, key));
}

bool call_flag(const struct call *call, const char *key)
{
	const char *query = call_query(call, key);
	return json_is_true(call_member(call, key)) || (query != NULL && strcmp(query, "true") == 0);
}

/* ---- finding the object ------------------------------------------------------------------------------------------ */

bool call_find_volume(struct call *call, const char *name)
{
	int err = known_volume_get(call->admin, name, &call->volume);

	if (err == -ENOENT)
		call_fail(call, err, name, "there is no volume \"%s\"", name);
	else if (err != 0)
		call_fail(call, err, name, "volume \"%s\" is not online; bring it online first", name);
	return err == 0;
}

bool call_find_path(struct call *call, const char *path, const char *target)
{
	int err = volpath_parse(path, &call->path);

	if (err != 0 || strcmp(call->path.inner, "/") == 0) {
		call_fail(call, err != 0 ? err : -EINVAL, target, "\"%s\" is not a path of the form /vol/VOLUME/NAME",
		          path);
		return false;
	}
	return call_find_volume(call, call->path.volume);
}

bool call_find_lun(struct call *call, const char *id)
{
	struct uuid uuid;

	if (strlen(id) != UUID_TEXT_SIZE - 1 || uuid_parse(id, &uuid) != 0)
		return call_find_path(call, id, "lun");
	const struct san_lun *lun = san_find_lun(call->admin->san, &uuid);
	if (lun == NULL) {
		call_fail(call, -ENOENT, id, "there is no LUN with the UUID %s", id);
		return false;
	}
	(void)snprintf(call->path.volume, sizeof call->path.volume, "%s", fs_volume_name(lun->volume));
	(void)snprintf(call->path.inner, sizeof call->path.inner, "%s", lun->inner);
	return call_find_volume(call, call->path.volume);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void call_answered(struct fs_message *msg)
{
	struct call *call = msg->owner;
	call->then(call);
}

static struct fs_message *message_to(struct call *call, enum fs_op op, struct fs_volume *volume)
{
	if (call->msg_used)
		fs_message_fini(&call->msg);
	fs_message_init(&call->msg, op, volume, call_answered, call);
	call->msg_used = true;
	call->msg.cls = FS_CLASS_ADMIN;
	call->msg.origin = call->admin->world;
	return &call->msg;
}

struct fs_message *call_message(struct call *call, enum fs_op op)
{
	return message_to(call, op, call->volume);
}

void call_send(struct call *call, call_step *then)
{
	call->then = then;
	fs_message_send(&call->msg);
}

static void walk_on(struct call *call);

static void walk_answered(struct call *call)
{
	if (call->msg.status == 0)
		call->walk_visit(call);
	walk_on(call);
}

static void walk_on(struct call *call)
{
	if (call->next_walk == call->n_walk) {
		call->walk_end(call);
		return;
	}
	(void)message_to(call, call->walk_op, call->walk[call->next_walk++]);
	call_send(call, walk_answered);
}

void call_each_volume(struct call *call, enum fs_op op, call_step *visit, call_step *end)
{
	const char *only = call_query(call, "volume");
	struct known_volume *known;
	size_t n = 0;

	if (only != NULL && known_find(call->admin, only) == NULL) {
		call_fail(call, -ENOENT, only, "there is no volume \"%s\"", only);
		return;
	}
	TAILQ_FOREACH(known, &call->admin->volumes, link)
		n++;
	call->walk = must(calloc(n + 1, sizeof *call->walk));
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE && (only == NULL || strcmp(only, known->name) == 0))
			call->walk[call->n_walk++] = fs_volume_get(known->volume);
	}
	call_each_again(call, op, visit, end);
}

void call_each_again(struct call *call, enum fs_op op, call_step *visit, call_step *end)
{
	call->next_walk = 0;
	call->walk_op = op;
	call->walk_visit = visit;
	call->walk_end = end;
	walk_on(call);
}

static void call_has_turn(struct turn *turn)
{
	struct call *call = container_of(turn, struct call, turn);
	call->turn_then(call);
}

void call_turn(struct call *call, call_step *then)
{
	call->turn.go = call_has_turn;
	call->turn_then = then;
	turn_take(call->admin, &call->turn);
}

static void call_painted(struct san_wait *wait)
{
	struct call *call = container_of(wait, struct call, wait);
	call->painted(call);
}

void call_repaint(struct call *call, call_step *then)
{
	call->wait.done = call_painted;
	call->painted = then;
	san_refresh(call->admin->san, &call->wait);
}

void call_look_up_exports(struct call *call, call_step *then)
{
	call->wait.done = call_painted;
	call->painted = then;
	exportwatch_refresh(call->admin->exportwatch, &call->wait);
}

void call_fresh(struct call *call, call_step *then)
{
	if (exportwatch_is_stale(call->admin->exportwatch))
		call_look_up_exports(call, then);
	else
		then(call);
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

static void add_security_headers(struct evkeyvalq *headers)
{
	(void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
}

static void send_and_free(struct call *call, int status, struct evbuffer *buffer)
{
	add_security_headers(evhttp_request_get_output_headers(call->req));
	evhttp_send_reply(call->req, status, fault_reason(status), buffer);
	evbuffer_free(buffer);
	call_free(call);
}

void call_reply_take(struct call *call, int status, json_t *json)
{
	struct evbuffer *buffer = must(evbuffer_new());
	char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(1) | JSON_PRESERVE_ORDER);

	if (text != NULL)
		(void)evbuffer_add_printf(buffer, "%s\n", text);
	free(text);
	json_decref(json);
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "Content-Type", "application/json");
	send_and_free(call, status, buffer);
}

void call_reply_tagged_take(struct call *call, json_t *json, const char *etag)
{
	const char *have = evhttp_find_header(evhttp_request_get_input_headers(call->req), "If-None-Match");

	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "ETag", etag);
	if (have != NULL && strcmp(have, etag) == 0) {
		json_decref(json);
		call_reply_take(call, 304, NULL);
		return;
	}
	call_reply_take(call, 200, json);
}

bool call_precondition_failed(struct call *call, const char *etag)
{
	const char *want = evhttp_find_header(evhttp_request_get_input_headers(call->req), "If-Match");

	if (want == NULL || strcmp(want, "*") == 0 || strcmp(want, etag) == 0)
		return false;
	call_fail_status(call, 412, "changed", NULL, "it has changed since you read it (ETag is now %s); read it again",
	                 etag);
	return true;
}

#define ETAG_SIZE 19U

/* A tag of what the answer says: who asks again and again is sent what has changed. */
static void etag_of(const json_t *json, char ret_etag[ETAG_SIZE])
{
	static const struct siphash_key key = { .b = "collection" };
	char *text = must(json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER));

	(void)snprintf(ret_etag, ETAG_SIZE, "\"%016" PRIx64 "\"", siphash64(&key, text, strlen(text)));
	free(text);
}

void call_reply_collection(struct call *call)
{
	char text[256], etag[ETAG_SIZE];
	json_t *page = NULL;
	int err = collection_page(call->records, &call->query,
	                          evhttp_uri_get_path(evhttp_request_get_evhttp_uri(call->req)), &page, text);

	if (err != 0) {
		call_fail(call, err, NULL, "%s", text);
		return;
	}
	etag_of(page, etag);
	call_reply_tagged_take(call, page, etag);
}

void call_accept(struct call *call, struct job *job)
{
	char location[64 + UUID_TEXT_SIZE];

	if (job == NULL) {
		call_fail(call, -EAGAIN, NULL, "too many jobs are running; try again when one has ended");
		return;
	}
	(void)snprintf(location, sizeof location, "/api/v1/jobs/%s", job->uuid);
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "Location", location);
	call_reply_take(call, 202, json_pack("{s:o}", "job", job_json(job)));
}

void call_reply_text_take(struct call *call, const char *type, struct evbuffer *text)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "Content-Type", type);
	send_and_free(call, 200, text);
}

static void fail(struct call *call, int status, const char *code, const char *target, const char *text)
{
	json_t *error = json_pack("{s:s,s:o}", "code", code, "message", textjson(text));
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->req);

	if (status == 401)
		(void)evhttp_add_header(headers, "WWW-Authenticate", "Bearer realm=\"vcstore\"");
	if (status == 429)
		(void)evhttp_add_header(headers, "Retry-After", "5");
	if (target != NULL)
		(void)json_object_set_new(error, "target", textjson(target));
	call_reply_take(call, status, json_pack("{s:o}", "error", error));
}

void call_fail_status(struct call *call, int status, const char *code, const char *target, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fail(call, status, code, target, text);
}

void call_fail(struct call *call, int err, const char *target, const char *format, ...)
{
	const struct fault *fault = fault_of(err);
	char text[512];
	va_list args;

	(void)snprintf(text, sizeof text, "%s", fault->text);
	if (format != NULL) {
		va_start(args, format);
		(void)vsnprintf(text, sizeof text, format, args);
		va_end(args);
	}
	if (fault->http_status == 500)
		log_peer_error("admin", "request_failed", "path=%s error=%s", evhttp_request_get_uri(call->req),
		               error_name(err));
	fail(call, fault->http_status, fault->code, target, text);
}

/* The volume quotes paths as they are inside of it; the administration's begin with /vol/VOLUME. */
static void say_whole_paths(const char *from, const char *volume, char *to, size_t size)
{
	size_t len = 0;

	for (; *from != '\0' && len + 1 < size; from++) {
		to[len++] = *from;
		if (from[0] != '"' || from[1] != '/' || strncmp(from + 1, "/vol/", 5) == 0)
			continue;
		int n = snprintf(to + len, size - len, "/vol/%s", volume);
		len = MIN_OF(len + (size_t)MAX_OF(n, 0), size - 1);
	}
	to[len] = '\0';
}

void call_fail_message(struct call *call, const char *target)
{
	char text[512], path[FS_PATH_MAX + 300];

	say_whole_paths(call->msg.out.error_text, fs_volume_name(call->msg.volume), text, sizeof text);
	if (target == call->path.inner) {
		(void)snprintf(path, sizeof path, "/vol/%s%s", call->path.volume, call->path.inner);
		target = path;
	}
	if (text[0] != '\0')
		call_fail(call, call->msg.status, target, "%s", text);
	else
		call_fail(call, call->msg.status, target, "%s: %s", target == NULL ? "the volume" : target,
		          fault_of(call->msg.status)->text);
}

struct known_volume *call_policy_begin(struct call *call)
{
	const char *name = call_param(call, "volume");
	struct known_volume *known = known_find(call->admin, name);

	if (known == NULL || known->volume != call->volume) {
		call_fail(call, -ENODEV, name, "volume \"%s\" is not online", name);
		return NULL;
	}
	if (document_admit(known, DOCUMENT_POLICY) != 0) {
		call_fail(call, -EUCLEAN, name, DOCUMENT_DAMAGED_TEXT, DOCUMENT_POLICY, name);
		return NULL;
	}
	call->scratch = json_deep_copy(known->policy);
	return known;
}

struct known_volume *call_policy_put(struct call *call, int err, const char *what)
{
	const char *name = call_param(call, "volume");
	struct known_volume *known = known_find(call->admin, name);

	if (err == 0 && (known == NULL || known->volume != call->volume))
		err = -ENODEV;
	if (err != 0) {
		call_fail(call, err, name, "the %s could not be written to volume \"%s\": %s", what, name,
		          fault_of(err)->text);
		return NULL;
	}
	json_decref(known->policy);
	known->policy = json_incref(call->scratch);
	keeper_refresh(known);
	scrubwatch_refresh(known);
	return known;
}
