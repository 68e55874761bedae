/* SPDX-License-Identifier: Apache-2.0 */
/* On-disk structures of kept calls: behind the body of a log record, and saved by a consistency point.
 *
 * A record of the log whose type has NVLOG_CALL ends its body with one call: the answer to the change it logs. What a
 * CP covers is not applied again, so the CP saves the calls of all records up to its nvlog_sequence, as many as there
 * is room for, behind the groups of a log half; in turn of one and the other. When no call came since, it saves none:
 * of what is saved under fsinfo's epoch the newest counts that is not newer than fsinfo.
 *
 *   block half_blocks - CALLS_SAVE_BLOCKS            half_blocks
 *   +--------+------+-------+------+-------+----  ---+
 *   | head   | call | reply | call | reply | ... 0   |
 *   | 40     | 56   |       | 56   |       |         |
 *   +--------+------+-------+------+-------+----  ---+ */
#ifndef FS_CALLFORMAT_H
#define FS_CALLFORMAT_H

#include <assert.h>

#include "base/bytes.h"
#include "fs/fs_call.h"

#define CALLS_SAVE_MAGIC 0x4c4c4143U /* "CALL" */
#define CALLS_SAVE_BLOCKS_MAX 64U
#define CALLS_SAVE_SHARE 16U /* of a half */

/* Then the reply. */
struct call_disk {
	uint8_t peer[FS_CALL_PEER_SIZE];
	uint8_t id[FS_CALL_ID_SIZE];
	le16 reply_len; /* 1 to FS_REPLY_MAX */
	uint8_t reserved[6];
};
static_assert(sizeof(struct call_disk) == 56, "call");

/* Then the calls, older before younger ones of each peer. */
struct calls_save_disk {
	le32 magic;
	le32 crc; /* CRC32C of bytes 8..len_bytes */
	le64 epoch, cp_generation; /* of the CP that wrote it */
	le64 nvlog_sequence; /* of later records the calls are only in the log */
	le32 len_bytes; /* this head, calls, replies */
	le32 n_calls;
};
static_assert(sizeof(struct calls_save_disk) == 40, "head of the saved calls");

#endif
