/* SPDX-License-Identifier: Apache-2.0 */
/* The VTOC on disk: slots of 512 bytes, the first of them its head. */
#ifndef FS_VTOCFORMAT_H
#define FS_VTOCFORMAT_H

#include <assert.h>

#include "base/bytes.h"

#define VTOC_MAGIC 0x434f5456U /* "VTOC" */
#define VTOC_HEAD_MAGIC 0x484f5456U /* "VTOH" */
#define VTOC_PATH_MAX 439U

/* A record: 8 a block. */
struct vtoc_disk {
	le32 magic;
	le32 crc; /* of the record, this field zero */
	le32 inode; /* 0: the record is free (all zero) */
	le32 parent;
	le64 generation;
	uint8_t uuid[16];
	le32 backing_snapshot; /* §seed 676: backing store file handle; zeros: a normal vdisk */
	le32 backing_inode;
	le64 backing_generation;
	le32 flags;
	uint8_t reserved[12];
	char path[VTOC_PATH_MAX + 1U]; /* a hint; "" when longer */
};
static_assert(sizeof(struct vtoc_disk) == 512, "VTOC record");

/* Slot 0 is the head. */
struct vtoc_head_disk {
	le32 magic;
	le32 crc;
	le32 n_records;
	uint8_t reserved[500];
};
static_assert(sizeof(struct vtoc_head_disk) == sizeof(struct vtoc_disk), "the head takes a slot");

#endif
