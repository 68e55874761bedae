/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation of operational keys: one table says how each is answered and where its result goes. */
#ifndef PROTO_ISCSI_NEGOTIATE_H
#define PROTO_ISCSI_NEGOTIATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/iscsi/iscsi_text.h"

#define ISCSI_MAX_RECV 262144U /* longest data segment we take */
#define ISCSI_MAX_BURST 1048576U
#define ISCSI_FIRST_BURST 65536U /* times the command window: what one connection may send unasked */

/* The active values. */
struct iscsi_params {
	uint32_t header_digest, data_digest; /* 0 or 1: CRC32C */
	uint32_t peer_max_recv; /* the initiator's MaxRecvDataSegmentLength */
	uint32_t max_burst, first_burst;
	uint32_t initial_r2t, immediate_data;
	uint32_t max_connections, max_r2t, error_recovery;
	uint32_t time2wait, time2retain;
	uint32_t pdu_in_order, sequence_in_order;
	uint32_t if_marker, of_marker;
	uint32_t task_reporting, protocol_level;
	uint32_t seen; /* bit a row: negotiated in this login */
	bool declared; /* we have declared our own MaxRecvDataSegmentLength */
};

/* RFC 7143 defaults. */
void iscsi_params_init(struct iscsi_params *params);

enum iscsi_phase { PHASE_LOGIN, PHASE_LOGIN_DISCOVERY, PHASE_FULL_FEATURE };

/* Take one operational key and add the answer, if it wants one, to `reply`.
 * -ENOENT: no key of this table (nothing added). -EEXIST: it was negotiated before in this login: protocol error. */
MUST_CHECK int iscsi_negotiate(struct iscsi_params *params, enum iscsi_phase phase, const struct iscsi_pair *pair,
                               struct iscsi_text *reply);
/* Declare our MaxRecvDataSegmentLength, once. */
void iscsi_negotiate_declare(struct iscsi_params *params, struct iscsi_text *reply);

/* True when the comma-separated list has the item. */
bool iscsi_list_has(const char *list, const char *item);

#endif
