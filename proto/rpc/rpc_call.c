/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an RPC call: decoding it, with the credentials. */
#include "proto/rpc/rpc_call.h"

#include <stdbool.h>
#include <string.h>

#include "base/crc32c.h"

/* What is left to read; every take is checked. */
struct cursor {
	const uint8_t *next;
	size_t left;
};

static bool cursor_u32(struct cursor *c, uint32_t *ret_value)
{
	be32 value;

	if (c->left < sizeof value)
		return false;
	memcpy(&value, c->next, sizeof value);
	c->next += sizeof value;
	c->left -= sizeof value;
	*ret_value = be32_get(value);
	return true;
}

static bool cursor_skip(struct cursor *c, uint32_t len)
{
	size_t padded = ((size_t)len + 3U) & ~(size_t)3U;

	if (c->left < padded)
		return false;
	c->next += padded;
	c->left -= padded;
	return true;
}

/* authsys_parms: stamp, machine name, uid, gid, gids. */
static bool auth_sys_decode(struct cursor body, struct rpc_cred *ret_cred)
{
	uint32_t stamp, name_len;

	if (!cursor_u32(&body, &stamp))
		return false;
	ret_cred->checksum = crc32c(body.next, body.left);
	if (!cursor_u32(&body, &name_len) || name_len > RPC_AUTH_SYS_NAME_MAX || !cursor_skip(&body, name_len))
		return false;
	if (!cursor_u32(&body, &ret_cred->uid) || !cursor_u32(&body, &ret_cred->gid) ||
	    !cursor_u32(&body, &ret_cred->n_gids))
		return false;
	if (ret_cred->n_gids > RPC_AUTH_SYS_GIDS_MAX)
		return false;
	for (uint32_t i = 0; i < ret_cred->n_gids; i++) {
		if (!cursor_u32(&body, &ret_cred->gids[i]))
			return false;
	}
	return true;
}

/* One opaque_auth: its flavour and a cursor over its body. */
static int opaque_auth_decode(struct cursor *c, uint32_t *ret_flavor, struct cursor *ret_body)
{
	uint32_t len;

	if (!cursor_u32(c, ret_flavor) || !cursor_u32(c, &len) || len > RPC_AUTH_BODY_MAX)
		return -EBADMSG;
	*ret_body = (struct cursor){ .next = c->next, .left = len };
	return cursor_skip(c, len) ? 0 : -EBADMSG;
}

static enum rpc_auth_stat cred_decode(uint32_t flavor, struct cursor body, struct rpc_cred *ret_cred)
{
	memset(ret_cred, 0, sizeof *ret_cred);
	ret_cred->flavor = RPC_FLAVOR_NONE;
	if (flavor == RPC_FLAVOR_NONE)
		return RPC_AUTH_OK;
	if (flavor != RPC_FLAVOR_SYS)
		return RPC_AUTH_REJECTEDCRED;
	if (!auth_sys_decode(body, ret_cred)) {
		memset(ret_cred, 0, sizeof *ret_cred);
		return RPC_AUTH_BADCRED;
	}
	ret_cred->flavor = RPC_FLAVOR_SYS;
	return RPC_AUTH_OK;
}

int rpc_call_decode(const uint8_t *bytes, size_t len_bytes, struct rpc_call_head *ret_head)
{
	struct cursor c = { .next = bytes, .left = len_bytes }, body;
	uint32_t message_type, flavor;
	int err;

	if (!cursor_u32(&c, &ret_head->xid) || !cursor_u32(&c, &message_type) || message_type != RPC_MESSAGE_CALL ||
	    !cursor_u32(&c, &ret_head->rpc_version))
		return -EBADMSG;
	if (ret_head->rpc_version != RPC_PROTOCOL_VERSION)
		return 0;
	if (!cursor_u32(&c, &ret_head->program) || !cursor_u32(&c, &ret_head->version) ||
	    !cursor_u32(&c, &ret_head->procedure))
		return -EBADMSG;
	err = opaque_auth_decode(&c, &flavor, &body);
	if (err != 0)
		return err;
	ret_head->auth_stat = cred_decode(flavor, body, &ret_head->cred);
	err = opaque_auth_decode(&c, &flavor, &body);
	if (err != 0)
		return err;
	if (ret_head->auth_stat == RPC_AUTH_OK && flavor != RPC_FLAVOR_NONE)
		ret_head->auth_stat = RPC_AUTH_BADVERF;
	ret_head->len_bytes = (uint32_t)(c.next - bytes);
	return 0;
}
