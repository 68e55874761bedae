/* SPDX-License-Identifier: Apache-2.0 */
/* iSCSI on the wire: the basic header segment and the numbers in it.
 * REFERENCES. RFC 7143 section 11. */
#ifndef PROTO_ISCSI_SPEC_H
#define PROTO_ISCSI_SPEC_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define ISCSI_BHS_SIZE 48U
#define ISCSI_AHS_MAX 1020U /* 255 words */
#define ISCSI_DIGEST_SIZE 4U
#define ISCSI_TAG_NONE 0xFFFFFFFFU
#define ISCSI_NAME_SIZE 224U /* 223 bytes and a NUL */
#define ISCSI_KEY_MAX 63U
#define ISCSI_LOGIN_DATA_MAX 8192U /* MaxRecvDataSegmentLength before anything is negotiated */

/* One shape for all PDUs: the words have the names their PDUs give them.
 *
 *   0 opcode   1 flags   2-3 by PDU   4 AHS words   5-7 data length
 *   8 LUN, or ISID and TSIH            16 initiator task tag
 *  20 EDTL / TTT / referenced tag / CID   24 CmdSN / StatSN   28 ExpStatSN / ExpCmdSN
 *  32 CDB, or MaxCmdSN / RefCmdSN, DataSN / R2TSN / login status, buffer offset, residual / desired length */
struct iscsi_bhs {
	uint8_t opcode;
	uint8_t flags;
	uint8_t byte2; /* response, reject reason, version max */
	uint8_t byte3; /* SCSI status, version min or active */
	uint8_t ahs_words;
	be24 data_len;
	union {
		uint8_t lun[8];
		struct {
			uint8_t isid[6];
			be16 tsih;
		};
	};
	be32 itt;
	union {
		be32 edtl;
		be32 ttt;
		be32 referenced_tag;
		be16 cid;
	};
	union {
		be32 cmdsn;
		be32 statsn;
	};
	union {
		be32 exp_statsn;
		be32 exp_cmdsn;
	};
	union {
		uint8_t cdb[16];
		struct {
			union {
				be32 max_cmdsn;
				be32 referenced_cmdsn;
			};
			union {
				be32 data_sn;
				be32 r2tsn;
				uint8_t login_status[4]; /* class, detail */
			};
			union {
				be32 offset;
				struct {
					be16 time2wait;
					be16 time2retain;
				};
			};
			union {
				be32 residual;
				be32 desired_len;
			};
		};
	};
};
static_assert(sizeof(struct iscsi_bhs) == ISCSI_BHS_SIZE, "BHS");
static_assert(offsetof(struct iscsi_bhs, itt) == 16 && offsetof(struct iscsi_bhs, cdb) == 32 &&
                  offsetof(struct iscsi_bhs, residual) == 44,
              "BHS words");

#define ISCSI_IMMEDIATE 0x40U /* in the opcode byte of requests */
#define ISCSI_OPCODE_MASK 0x3FU

enum iscsi_opcode {
	ISCSI_NOP_OUT = 0x00,
	ISCSI_SCSI_COMMAND = 0x01,
	ISCSI_TASK_REQUEST = 0x02,
	ISCSI_LOGIN_REQUEST = 0x03,
	ISCSI_TEXT_REQUEST = 0x04,
	ISCSI_DATA_OUT = 0x05,
	ISCSI_LOGOUT_REQUEST = 0x06,
	ISCSI_SNACK = 0x10,
	ISCSI_NOP_IN = 0x20,
	ISCSI_SCSI_RESPONSE = 0x21,
	ISCSI_TASK_RESPONSE = 0x22,
	ISCSI_LOGIN_RESPONSE = 0x23,
	ISCSI_TEXT_RESPONSE = 0x24,
	ISCSI_DATA_IN = 0x25,
	ISCSI_LOGOUT_RESPONSE = 0x26,
	ISCSI_R2T = 0x31,
	ISCSI_ASYNC = 0x32,
	ISCSI_REJECT = 0x3F,
};

/* Flags, byte 1. */
#define ISCSI_FINAL 0x80U
#define ISCSI_COMMAND_READ 0x40U
#define ISCSI_COMMAND_WRITE 0x20U
#define ISCSI_COMMAND_ATTRIBUTE 0x07U
#define ISCSI_RESIDUAL_OVERFLOW 0x04U
#define ISCSI_RESIDUAL_UNDERFLOW 0x02U
#define ISCSI_DATA_STATUS 0x01U
#define ISCSI_TEXT_CONTINUE 0x40U
#define ISCSI_LOGIN_TRANSIT 0x80U
#define ISCSI_LOGIN_CSG(flags) (((flags) >> 2) & 3U)
#define ISCSI_LOGIN_NSG(flags) ((flags)&3U)

enum { ISCSI_AHS_EXTENDED_CDB = 1, ISCSI_AHS_BIDI_LENGTH = 2 };

enum iscsi_stage { STAGE_SECURITY = 0, STAGE_OPERATIONAL = 1, STAGE_FULL_FEATURE = 3 };

/* Class and detail of a login response, as one number. */
enum iscsi_login_status {
	LOGIN_SUCCESS = 0x0000,
	LOGIN_INITIATOR_ERROR = 0x0200,
	LOGIN_AUTH_FAILED = 0x0201,
	LOGIN_FORBIDDEN = 0x0202,
	LOGIN_NOT_FOUND = 0x0203,
	LOGIN_UNSUPPORTED_VERSION = 0x0205,
	LOGIN_TOO_MANY_CONNECTIONS = 0x0206,
	LOGIN_MISSING_PARAMETER = 0x0207,
	LOGIN_SESSION_TYPE = 0x0209,
	LOGIN_NO_SESSION = 0x020A,
	LOGIN_INVALID_REQUEST = 0x020B,
	LOGIN_TARGET_ERROR = 0x0300,
	LOGIN_SERVICE_UNAVAILABLE = 0x0301,
	LOGIN_OUT_OF_RESOURCES = 0x0302,
};

enum iscsi_reject {
	REJECT_DATA_DIGEST = 0x02,
	REJECT_SNACK = 0x03,
	REJECT_PROTOCOL = 0x04,
	REJECT_NOT_SUPPORTED = 0x05,
	REJECT_TOO_MANY_IMMEDIATE = 0x06,
	REJECT_TASK_IN_PROGRESS = 0x07,
	REJECT_INVALID_FIELD = 0x09,
	REJECT_LONG_OPERATION = 0x0A,
	REJECT_WAITING_FOR_LOGOUT = 0x0C,
};

enum iscsi_task_function {
	TMF_ABORT_TASK = 1,
	TMF_ABORT_TASK_SET,
	TMF_CLEAR_ACA,
	TMF_CLEAR_TASK_SET,
	TMF_LOGICAL_UNIT_RESET,
	TMF_TARGET_WARM_RESET,
	TMF_TARGET_COLD_RESET,
	TMF_TASK_REASSIGN,
};

enum iscsi_task_answer {
	TMF_COMPLETE = 0,
	TMF_NO_TASK = 1,
	TMF_NO_LUN = 2,
	TMF_NO_FAILOVER = 4,
	TMF_NOT_SUPPORTED = 5,
	TMF_REJECTED = 255,
};

enum { LOGOUT_SESSION = 0, LOGOUT_CONNECTION = 1, LOGOUT_RECOVERY = 2 };
enum { LOGOUT_DONE = 0, LOGOUT_NO_CONNECTION = 1, LOGOUT_NO_RECOVERY = 2 };

/* Serial number arithmetic (RFC 1982). */
static inline int iscsi_sn_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
