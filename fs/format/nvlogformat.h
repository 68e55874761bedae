/* SPDX-License-Identifier: Apache-2.0 */
/* On-disk structures of the NVLOG: groups of records in the two halves of raid's log region.
 *
 * THEORY. A half is a chain of groups from its block 0 on; a group is what one log write carries:
 *
 *   block first_block                                      +DIV_UP(head_bytes, 4096)
 *   +--------------+------+------+-----------+------+------+-----+--------+--------+----
 *   | group head   | rec. | body | page crcs | rec. | body | pad | page 0 | page 1 | ...     next group starts on the next block
 *   | 64 bytes     | 40   |      | 4 each    | 40   |      |     | 4096   | 4096   |
 *   +--------------+------+------+-----------+------+------+-----+--------+--------+----
 *
 * Data pages stand in the order of the records that own them. A group counts only as a whole: its CRC covers heads,
 * bodies and the CRCs of all its pages, so a torn group is never half applied. The chain (position, sequence without
 * gaps, CRC of the record before in the half, mount epoch) tells a group from what an earlier use of the half or an
 * earlier mount left there. */
#ifndef FS_NVLOGFORMAT_H
#define FS_NVLOGFORMAT_H

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"

#define NVLOG_GROUP_MAGIC 0x474c564eU /* "NVLG" */
#define NVLOG_RECORD_MAGIC 0x52u
#define NVLOG_HEAD_BYTES_MAX 65536U /* group head, record heads, bodies and page CRCs of one group */
#define NVLOG_GROUP_PAGES_MAX 512U
#define NVLOG_RECORD_PAGES_MAX 300U

struct nvlog_group_disk {
	le32 magic;
	le32 crc; /* CRC32C of bytes 8..head_bytes */
	le64 epoch;
	le64 first_sequence;
	le32 n_records;
	le32 head_bytes; /* this head, record heads, bodies, page CRCs */
	le32 n_pages;
	le32 first_block; /* where it stands in its half */
	uint8_t reserved[24];
};
static_assert(sizeof(struct nvlog_group_disk) == 64, "group head");

struct nvlog_record_disk {
	uint8_t magic;
	uint8_t type; /* enum nvlog_type, perhaps with NVLOG_CALL */
	le16 n_pages;
	le32 body_len;
	le64 epoch;
	le64 sequence;
	le32 prev_crc; /* of the record before in this half; 0: the first */
	le32 crc; /* CRC32C of the head (this field zero), the body and the page CRCs */
	le32 call_len; /* NVLOG_CALL: the last bytes of the body, a call with its reply (fs/format/callformat.h) */
	le32 reserved;
};
static_assert(sizeof(struct nvlog_record_disk) == 40, "record head");

#endif
