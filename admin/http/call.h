/* SPDX-License-Identifier: Apache-2.0 */
/* A call: one REST request being worked on, from routing to its reply.
 *
 * THEORY. A handler is a chain of small functions: it sends a message to a volume by call_send(call, next), and `next`
 * runs on the admin loop when the answer is in call->msg. The chain ends with exactly one call_reply*, call_fail* or
 * call_accept. A client that goes away does not end the chain: the reply is then dropped by evhttp.
 * Mutations of documents take turns: call_turn(call, next) first; the turn is given back with the reply. */
#ifndef ADMIN_CALL_H
#define ADMIN_CALL_H

#include "admin/admin_private.h"
#include "admin/http/signin.h"
#include "admin/jobs.h"
#include "admin/san.h"
#include "admin/volpath.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h> /* after base/list.h, whose TAILQ it uses */

struct call;
struct route;
typedef void call_step(struct call *call);

#define CALL_PARAMS_MAX 4

struct call {
	struct admin *admin;
	struct evhttp_request *req;
	struct caller caller;
	unsigned *n_calls; /* the server's count */
	const struct route *route;
	char *params[CALL_PARAMS_MAX]; /* of the route, decoded */
	struct evkeyvalq query;
	json_t *body; /* an object that matches the table, or NULL */
	struct volpath path; /* of the object, once known */
	struct fs_volume *volume; /* referenced, once known */
	struct fs_message msg;
	bool msg_used;
	call_step *then;
	struct turn turn;
	call_step *turn_then;
	struct san_wait wait;
	call_step *painted;
	struct job *job;
	/* walking over all volumes */
	struct fs_volume **walk;
	size_t n_walk, next_walk;
	enum fs_op walk_op;
	call_step *walk_visit, *walk_end;
	json_t *records; /* of a collection */
	json_t *scratch; /* a handler's own, released with the call */
	char *text; /* the same */
	void *blob; /* the same */
	int status; /* of the reply of a chain that ends in call_painted_reply */
};

/* A route parameter by its key, a query value (NULL: none), a body member (NULL: none). */
const char *call_param(const struct call *call, const char *key);
const char *call_query(const struct call *call, const char *key);
const char *call_text(const struct call *call, const char *key);
json_t *call_member(const struct call *call, const char *key);
bool call_flag(const struct call *call, const char *key); /* body true, or query "true" */

/* ---- finding the object; false: the call has been answered ---- */
bool call_find_volume(struct call *call, const char *name);
/* {lun}: a path or a UUID -> call->path, call->volume. */
bool call_find_lun(struct call *call, const char *id);
bool call_find_path(struct call *call, const char *path, const char *target);

/* ---- asking ---- */
/* Prepare call->msg for call->volume; set its in-part; then call_send. */
struct fs_message *call_message(struct call *call, enum fs_op op);
void call_send(struct call *call, call_step *then);
/* The same operation on every online volume, `visit` after each that answered 0, `end` at last. */
void call_each_volume(struct call *call, enum fs_op op, call_step *visit, call_step *end);
/* Another operation on the same volumes, from an `end`. */
void call_each_again(struct call *call, enum fs_op op, call_step *visit, call_step *end);
void call_turn(struct call *call, call_step *then);
/* Look up again what exports and LUNs are called, if that may have changed, then go on (perhaps at once). */
void call_fresh(struct call *call, call_step *then);
/* Look up all exports again and publish them, then go on. */
void call_look_up_exports(struct call *call, call_step *then);
/* Paint the SAN picture again, then go on. */
void call_repaint(struct call *call, call_step *then);

/* ---- answering; each ends the call ---- */
void call_reply_take(struct call *call, int status, json_t *json);
/* The same with an ETag; If-None-Match gives 304. */
void call_reply_tagged_take(struct call *call, json_t *json, const char *etag);
void call_reply_collection(struct call *call); /* call->records with fields, order_by, max_records, start */
void call_accept(struct call *call, struct job *job); /* 202, or 503 when job is NULL */
void call_reply_text_take(struct call *call, const char *type, struct evbuffer *text);
/* `err` by the table of faults; `target`: the member or object; `format` NULL: the table's sentence. */
void call_fail(struct call *call, int err, const char *target, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void call_fail_status(struct call *call, int status, const char *code, const char *target, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The request was taken over by somebody who answers it. */
void call_drop(struct call *call);
/* From call->msg: its status and error_text. */
void call_fail_message(struct call *call, const char *target);
/* If-Match is there and is not `etag`: answers 412, true. */
bool call_precondition_failed(struct call *call, const char *etag);

#define CALL_SIGN_IN_FIRST                                                                                             \
	"sign in first, with the administrator's token (the file admin.token in the server's state directory, or "     \
	"where admin_token_file "                                                                                      \
	"says)"
#define CALL_TOO_MANY_WRONG "too many wrong tokens; try again in a few seconds"
/* The other end of a TCP connection, "127.0.0.1:50000". */
void call_peer(struct evhttp_request *req, char ret_text[80]);

/* The server's: make, and run the handler. */
struct call *call_new(struct admin *admin, struct evhttp_request *req, unsigned *n_calls);
/* With the turn of the volume in the path: may its policy document be changed? Then call->scratch is a copy of it, for
 * document_put. NULL: it may not, and that was answered. */
struct known_volume *call_policy_begin(struct call *call);
/* The policy document of the volume in the path has been written (call->scratch), or not (`err`). It counts now, and
 * its volume is returned; NULL: it does not, and that was answered. `what`: "schedule". */
struct known_volume *call_policy_put(struct call *call, int err, const char *what);

#endif
