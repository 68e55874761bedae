/* SPDX-License-Identifier: Apache-2.0 */
/* ONC RPC version 2 on the wire (RFC 5531): record marks, call and reply headers, authentication flavours. */
#ifndef PROTO_RPC_RPC_SPEC_H
#define PROTO_RPC_RPC_SPEC_H

#include <assert.h>
#include <stdint.h>

#include "base/bytes.h"

/* Record mark: the top bit says "last fragment", the rest is its length. */
#define RPC_MARK_LAST 0x80000000U
#define RPC_MARK_SIZE 4U

enum rpc_message_type { RPC_MESSAGE_CALL = 0, RPC_MESSAGE_REPLY = 1 };
enum { RPC_PROTOCOL_VERSION = 2 };
enum rpc_reply_stat { RPC_REPLY_ACCEPTED = 0, RPC_REPLY_DENIED = 1 };
enum rpc_accept_stat {
	RPC_ACCEPT_SUCCESS = 0,
	RPC_ACCEPT_PROG_UNAVAIL = 1,
	RPC_ACCEPT_PROG_MISMATCH = 2,
	RPC_ACCEPT_PROC_UNAVAIL = 3,
	RPC_ACCEPT_GARBAGE_ARGS = 4,
	RPC_ACCEPT_SYSTEM_ERR = 5,
};
enum rpc_reject_stat { RPC_REJECT_MISMATCH = 0, RPC_REJECT_AUTH_ERROR = 1 };
enum rpc_auth_stat {
	RPC_AUTH_OK = 0,
	RPC_AUTH_BADCRED = 1,
	RPC_AUTH_REJECTEDCRED = 2,
	RPC_AUTH_BADVERF = 3,
	RPC_AUTH_TOOWEAK = 5
};
enum rpc_auth_flavor { RPC_FLAVOR_NONE = 0, RPC_FLAVOR_SYS = 1 };

#define RPC_AUTH_BODY_MAX 400U
#define RPC_AUTH_SYS_NAME_MAX 255U
#define RPC_AUTH_SYS_GIDS_MAX 16U

struct rpc_call_spec {
	be32 xid;
	be32 message_type;
	be32 rpc_version;
	be32 program;
	be32 version;
	be32 procedure;
	/* opaque_auth credentials, opaque_auth verifier, arguments */
};
static_assert(sizeof(struct rpc_call_spec) == 24, "RFC 5531 call header");

/* The longest a call can be before its arguments. */
#define RPC_CALL_HEAD_MAX (sizeof(struct rpc_call_spec) + 2U * (8U + RPC_AUTH_BODY_MAX))

/* Record mark and the head of an accepted reply, with the empty verifier we always send. */
struct rpc_accepted_spec {
	be32 mark;
	be32 xid;
	be32 message_type;
	be32 reply_stat;
	be32 verifier_flavor;
	be32 verifier_len;
	be32 accept_stat;
};
static_assert(sizeof(struct rpc_accepted_spec) == 28, "RFC 5531 accepted reply");

#endif
