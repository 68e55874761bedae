/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an RPC call: decoding it, with the credentials, from bytes nobody has checked. REFERENCES RFC 5531
 * sections 8, 9, 14. */
#ifndef PROTO_RPC_RPC_CALL_H
#define PROTO_RPC_RPC_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/rpc/rpc_spec.h"

/* Who calls, as the caller says. gids are the auxiliary groups. */
struct rpc_cred {
	enum rpc_auth_flavor flavor;
	uint32_t uid, gid;
	uint32_t n_gids;
	uint32_t gids[RPC_AUTH_SYS_GIDS_MAX];
	uint32_t checksum; /* of all the caller says but the stamp, which may differ when a call is sent again; 0:
	                    * nobody */
};

struct rpc_call_head {
	uint32_t xid;
	uint32_t rpc_version;
	uint32_t program, version, procedure;
	enum rpc_auth_stat auth_stat; /* not RPC_AUTH_OK: reject with it; `cred` is then nobody */
	struct rpc_cred cred;
	uint32_t len_bytes; /* of the head: the arguments follow */
};

/* Decode from the first `len_bytes` of a record. With another rpc_version only xid and rpc_version are set. -EBADMSG:
 * not a call, or cut short, or longer than RPC_CALL_HEAD_MAX: there is nothing to answer. */
MUST_CHECK int rpc_call_decode(const uint8_t *bytes, size_t len_bytes, struct rpc_call_head *ret_head);

#endif
