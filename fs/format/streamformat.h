/* SPDX-License-Identifier: Apache-2.0 */
/* Stream directories on disk. */
#ifndef FS_STREAMFORMAT_H
#define FS_STREAMFORMAT_H

#include <assert.h>

#include "base/bytes.h"

#define STREAM_ATTRIBUTES "attributes"
#define STREAM_MAGIC 0x45525453U /* "STRE" */
#define STREAM_NAME_MAX 39U

/* An entry of a stream directory: 64 a block. The content of a stream directory always stands in blocks, never in its
 * inode. */
struct stream_disk {
	le32 magic;
	le32 inode; /* 0: free */
	le64 generation;
	le32 crc; /* of the entry, this field zero */
	uint8_t reserved[3];
	uint8_t name_len;
	char name[STREAM_NAME_MAX + 1U];
};
static_assert(sizeof(struct stream_disk) == 64, "stream directory entry");

#endif
