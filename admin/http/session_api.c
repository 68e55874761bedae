/* SPDX-License-Identifier: Apache-2.0 */
/* REST: session: signing in and out. */
#include "admin/http/handlers.h"
#include "admin/moment.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static void set_cookie(struct call *call, const char *cookie)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "Set-Cookie", cookie);
}

void session_api_start(struct call *call)
{
	char peer[80], cookie[SIGNIN_COOKIE_MAX];

	call_peer(call->req, peer);
	int err = signin_start(call->admin->signin, call_text(call, "token"), peer, cookie);
	if (err == -EAGAIN) {
		call_fail_status(call, 429, "too_many", "token", "%s", CALL_TOO_MANY_WRONG);
	} else if (err != 0) {
		call_fail_status(call, 401, "wrong_token", "token", "that is not this server's token");
	} else {
		set_cookie(call, cookie);
		call_reply_take(call, 201, json_pack("{s:s}", "by", "session"));
	}
}

void session_api_show(struct call *call)
{
	static const char *const names[] = { [CALLER_UNKNOWN] = "nobody",
		                             [CALLER_SOCKET] = "socket",
		                             [CALLER_TOKEN] = "token",
		                             [CALLER_SESSION] = "session" };
	json_t *json = json_pack("{s:s}", "by", names[call->caller.by]);
	char until[MOMENT_TEXT_SIZE];

	if (call->caller.by == CALLER_SESSION) {
		moment_format(world_wall_ns(call->admin->world) +
		                  (int64_t)signin_left_s(call->admin->signin, call->caller.session) * 1000000000,
		              until);
		(void)json_object_set_new(json, "until", json_string(until));
	}
	call_reply_take(call, 200, json);
}

void session_api_end(struct call *call)
{
	char cookie[SIGNIN_COOKIE_MAX];

	if (call->caller.by != CALLER_SESSION) {
		call_fail(call, -EALREADY, NULL, "this request came without a session: there is nothing to end");
		return;
	}
	signin_end(call->admin->signin, call->caller.session, cookie);
	set_cookie(call, cookie);
	call_reply_take(call, 200, json_object());
}
