/* SPDX-License-Identifier: Apache-2.0 */
/* Login: from the first byte to full feature phase.
 *
 * THEORY. Each request is text, gathered over its continuations, answered key by key; the stage moves along the rows of
 * `moves`. The last step claims the session: an older one of the same initiator name and ISID must have ended first
 * (session reinstatement).
 * SEAM. Authentication is what auth_choose and auth_is_satisfied say: today "None" for everybody; CHAP puts its
 * exchange between them.
 * REFERENCES. RFC 7143 6.3 (login phase), 11.12, 11.13. */
#include "proto/iscsi/iscsi_login.h"

#include <string.h>
#include <strings.h>

#include "base/iscsiname.h"
#include "base/log.h"
#include "proto/iscsi/iscsi_conn.h"
#include "proto/iscsi/iscsi_control.h"
#include "proto/iscsi/iscsi_send.h"
#include "proto/iscsi/iscsi_server_private.h"

/* What the keys of the leading request say. */
struct login_names {
	const char *initiator, *target, *type;
};

static const struct {
	enum iscsi_stage from, to;
} moves[] = {
	{ STAGE_SECURITY, STAGE_OPERATIONAL },
	{ STAGE_SECURITY, STAGE_FULL_FEATURE },
	{ STAGE_OPERATIONAL, STAGE_FULL_FEATURE },
};

static bool move_is_allowed(unsigned from, unsigned to)
{
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		if (moves[i].from == from && moves[i].to == to)
			return true;
	}
	return false;
}

/* ---- authentication ---- */

/* The method for this initiator out of its list; NULL: none it offers will do. */
static const char *auth_choose(const struct iscsi_conn *conn, const char *offered)
{
	(void)conn;
	return iscsi_list_has(offered, "None") ? "None" : NULL;
}

static bool auth_is_satisfied(const struct iscsi_conn *conn)
{
	(void)conn;
	return true;
}

/* ---- answers ---- */

static void login_answer(struct iscsi_conn *conn, const struct iscsi_bhs *request, enum iscsi_login_status status,
                         uint8_t flags, uint32_t len)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_LOGIN_RESPONSE, .flags = flags, .itt = request->itt };

	memcpy(bhs.isid, request->isid, sizeof bhs.isid);
	bhs.tsih = (flags & ISCSI_LOGIN_TRANSIT) != 0 && ISCSI_LOGIN_NSG(flags) == STAGE_FULL_FEATURE
	               ? be16_of(conn->tsih)
	               : request->tsih;
	bhs.login_status[0] = (uint8_t)((unsigned)status >> 8);
	bhs.login_status[1] = (uint8_t)((unsigned)status & 0xFFU);
	iscsi_send(conn, &bhs, conn->reply, len, true);
}

static void login_fail(struct iscsi_conn *conn, const struct iscsi_bhs *request, enum iscsi_login_status status,
                       const char *why)
{
	log_peer_warn("iscsi", "login_refused", "initiator=%s peer=%s status=%04x reason=\"%s\"", conn->initiator,
	              conn->peer, (unsigned)status, why);
	login_answer(conn, request, status, (uint8_t)(request->flags & 0x0CU), 0);
	iscsi_conn_close_after_send(conn);
}

/* ---- keys ---- */

static enum iscsi_login_status login_name(struct iscsi_conn *conn, const struct login_names *names)
{
	size_t len = names->initiator == NULL ? 0 : strlen(names->initiator);

	static_assert(sizeof conn->initiator == ISCSINAME_MAX + 1, "every valid name fits");
	conn->named = true;
	if (len == 0)
		return LOGIN_MISSING_PARAMETER;
	/* also who is refused is named in the log */
	memcpy(conn->initiator, names->initiator, MIN_OF(len, (size_t)ISCSINAME_MAX));
	if (!iscsiname_is_valid(names->initiator))
		return LOGIN_INITIATOR_ERROR;
	if (names->type != NULL && strcmp(names->type, "Discovery") == 0)
		conn->discovery = true;
	else if (names->type != NULL && strcmp(names->type, "Normal") != 0)
		return LOGIN_SESSION_TYPE;
	if (conn->discovery)
		return LOGIN_SUCCESS;
	if (names->target == NULL)
		return LOGIN_MISSING_PARAMETER;
	return strcasecmp(names->target, iscsi_server_target_name(conn->server)) == 0 ? LOGIN_SUCCESS : LOGIN_NOT_FOUND;
}

/* Keys that name things: true when it was one. */
static bool login_take_name(struct login_names *names, const struct iscsi_pair *pair)
{
	if (strcmp(pair->key, "InitiatorName") == 0)
		names->initiator = pair->value;
	else if (strcmp(pair->key, "TargetName") == 0)
		names->target = pair->value;
	else if (strcmp(pair->key, "SessionType") == 0)
		names->type = pair->value;
	else
		return strcmp(pair->key, "InitiatorAlias") == 0;
	return true;
}

static enum iscsi_login_status login_take_key(struct iscsi_conn *conn, const struct iscsi_pair *pair,
                                              struct iscsi_text *reply)
{
	const char *method;
	int err;

	if (strcmp(pair->key, "AuthMethod") == 0) {
		method = auth_choose(conn, pair->value);
		if (method == NULL)
			return LOGIN_AUTH_FAILED;
		iscsi_text_add(reply, pair->key, "%s", method);
		return LOGIN_SUCCESS;
	}
	err = iscsi_negotiate(&conn->params, conn->discovery ? PHASE_LOGIN_DISCOVERY : PHASE_LOGIN, pair, reply);
	if (err == -ENOENT)
		iscsi_text_add(reply, pair->key, "NotUnderstood");
	return err == -EEXIST ? LOGIN_INITIATOR_ERROR : LOGIN_SUCCESS;
}

/* Names first, whatever their place: the other keys depend on the type of the session. */
static enum iscsi_login_status login_names_take(struct iscsi_conn *conn)
{
	struct login_names names = { 0 };
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;
	int more;

	iscsi_text_read(&reader, conn->text, conn->text_len);
	while ((more = iscsi_text_next(&reader, &pair)) == 1)
		(void)login_take_name(&names, &pair);
	if (more < 0)
		return LOGIN_INITIATOR_ERROR;
	return conn->named ? LOGIN_SUCCESS : login_name(conn, &names);
}

static enum iscsi_login_status login_keys_take(struct iscsi_conn *conn, struct iscsi_text *reply)
{
	struct login_names names = { 0 };
	enum iscsi_login_status status = LOGIN_SUCCESS;
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;

	iscsi_text_read(&reader, conn->text, conn->text_len);
	while (status == LOGIN_SUCCESS && iscsi_text_next(&reader, &pair) == 1) {
		if (!login_take_name(&names, &pair))
			status = login_take_key(conn, &pair, reply);
	}
	return reply->overflow ? LOGIN_INITIATOR_ERROR : status;
}

static enum iscsi_login_status login_text(struct iscsi_conn *conn, uint32_t *ret_len)
{
	struct iscsi_text reply = { .bytes = conn->reply, .max_bytes = ISCSI_LOGIN_DATA_MAX };
	bool leading = !conn->named;
	enum iscsi_login_status status = login_names_take(conn);

	if (status == LOGIN_SUCCESS && leading && !conn->discovery)
		iscsi_text_add(&reply, "TargetPortalGroupTag", "1");
	if (status == LOGIN_SUCCESS)
		status = login_keys_take(conn, &reply);
	if (status == LOGIN_SUCCESS && conn->stage == STAGE_OPERATIONAL)
		iscsi_negotiate_declare(&conn->params, &reply);
	*ret_len = (uint32_t)reply.len_bytes;
	return reply.overflow ? LOGIN_INITIATOR_ERROR : status;
}

/* ---- the request ---- */

void iscsi_login_begin(struct iscsi_conn *conn)
{
	iscsi_text_gather(conn);
}

static enum iscsi_login_status login_header(struct iscsi_conn *conn, const struct iscsi_bhs *bhs)
{
	unsigned stage = ISCSI_LOGIN_CSG(bhs->flags);

	if (!conn->login_begun) {
		conn->login_begun = true;
		conn->login_itt = be32_get(bhs->itt);
		memcpy(conn->isid, bhs->isid, sizeof conn->isid);
		conn->cid = be16_get(bhs->cid);
		conn->exp_cmdsn = be32_get(bhs->cmdsn);
		conn->max_cmdsn = conn->exp_cmdsn - 1;
		conn->stage = stage == STAGE_OPERATIONAL ? STAGE_OPERATIONAL : STAGE_SECURITY;
		if (bhs->byte3 > 0) /* he cannot do version 0 */
			return LOGIN_UNSUPPORTED_VERSION;
	}
	if (be32_get(bhs->itt) != conn->login_itt || memcmp(bhs->isid, conn->isid, sizeof conn->isid) != 0 ||
	    be16_get(bhs->cid) != conn->cid)
		return LOGIN_INVALID_REQUEST;
	if (stage != conn->stage ||
	    ((bhs->flags & ISCSI_LOGIN_TRANSIT) != 0 && (bhs->flags & ISCSI_TEXT_CONTINUE) != 0))
		return LOGIN_INVALID_REQUEST;
	if ((bhs->flags & ISCSI_LOGIN_TRANSIT) != 0 && !move_is_allowed(stage, ISCSI_LOGIN_NSG(bhs->flags)))
		return LOGIN_INVALID_REQUEST;
	return LOGIN_SUCCESS;
}

static void login_complete(struct iscsi_conn *conn)
{
	const struct iscsi_bhs *request = &conn->login_final;

	if (iscsi_conn_establish(conn) != 0) {
		login_fail(conn, request, LOGIN_OUT_OF_RESOURCES, "out of memory");
		return;
	}
	login_answer(conn, request, LOGIN_SUCCESS, (uint8_t)(request->flags & 0x8FU), conn->reply_len);
	conn->reply_len = 0;
	iscsi_text_release(conn);
	conn->digests_header = conn->params.header_digest != 0;
	conn->digests_data = conn->params.data_digest != 0;
}

void iscsi_login_claimed(struct iscsi_conn *conn, int err)
{
	if (err == 0)
		err = iscsi_server_claim(conn);
	if (err == 0) {
		login_complete(conn);
		if (conn->state == CONN_FULL)
			stream_resume(conn->stream);
	} else if (err == -EINPROGRESS) {
		conn->state = CONN_CLAIMING;
	} else {
		login_fail(conn, &conn->login_final, LOGIN_OUT_OF_RESOURCES,
		           "the session is being taken over by another login");
	}
}

static void login_finish(struct iscsi_conn *conn, uint32_t reply_len)
{
	uint16_t tsih = be16_get(conn->bhs.tsih);

	conn->login_final = conn->bhs;
	conn->reply_len = reply_len;
	if (tsih != 0) /* a further connection of a session: MaxConnections is 1 */
		login_fail(conn, &conn->bhs,
		           iscsi_server_has_session(conn, tsih) ? LOGIN_TOO_MANY_CONNECTIONS : LOGIN_NO_SESSION,
		           "connection to a session");
	else
		iscsi_login_claimed(conn, 0);
}

void iscsi_login_end(struct iscsi_conn *conn)
{
	const struct iscsi_bhs *bhs = &conn->bhs;
	enum iscsi_login_status status = login_header(conn, bhs);
	bool transit = (bhs->flags & ISCSI_LOGIN_TRANSIT) != 0;
	unsigned next = ISCSI_LOGIN_NSG(bhs->flags);
	uint32_t len = 0;

	conn->text_len += conn->data_len;
	conn->text[conn->text_len] = '\0';
	if (status == LOGIN_SUCCESS && (bhs->flags & ISCSI_TEXT_CONTINUE) != 0) {
		login_answer(conn, bhs, LOGIN_SUCCESS, (uint8_t)(bhs->flags & 0x0CU), 0);
		return;
	}
	if (status == LOGIN_SUCCESS)
		status = login_text(conn, &len);
	conn->text_len = 0;
	if (status != LOGIN_SUCCESS) {
		login_fail(conn, bhs, status, "login request");
		return;
	}
	if (transit && conn->stage == STAGE_SECURITY && !auth_is_satisfied(conn))
		transit = false;
	if (transit && next == STAGE_FULL_FEATURE) {
		login_finish(conn, len);
		return;
	}
	login_answer(conn, bhs, LOGIN_SUCCESS, (uint8_t)(transit ? bhs->flags & 0x8FU : bhs->flags & 0x0CU), len);
	if (transit)
		conn->stage = (enum iscsi_stage)next;
}
