/* SPDX-License-Identifier: Apache-2.0 */
/* A double of the file system's door: vdisks in memory behind fs_message_send, for tests of proto/scsi and proto/iscsi
 * without fs/. Linked instead of libvcfs.a. Knows READ, WRITE, ZERO, COMMIT, GETATTR, VDISK_GET, VDISK_SET. */
#ifndef TESTS_SUPPORT_RAMLUN_H
#define TESTS_SUPPORT_RAMLUN_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/message.h"
#include "fs/volume.h"
#include "proto/scsi/lunmap.h"

#define RAMLUN_MAX 8U

/* The one volume there is. Page arena must be up. */
struct fs_volume *ramlun_volume(void);
/* A vdisk of zeros; its map entry for `lun`, ready for lunmap_replace ("*", online, write cache on). */
struct lunmap_entry ramlun_add(uint32_t lun, uint64_t size_bytes);
/* Forget all vdisks and give their pages back. */
void ramlun_clear(void);

/* The next message of `op` (FS_OP_COUNT: any) ends with `err`. */
void ramlun_fail_next(enum fs_op op, int err);
/* While held, messages are kept (and not carried out); releasing carries them out, in order. */
void ramlun_hold(bool held);
unsigned ramlun_held(void);
/* What was seen. */
struct ramlun_seen {
	unsigned reads, writes, durable_writes, zeros, commits, sets;
	uint32_t longest_io;
};
extern struct ramlun_seen ramlun_seen;
/* Unstable data is lost: the write verifier changes. */
void ramlun_lose(void);
/* The stored bytes, for comparison. */
void ramlun_peek(uint32_t lun, uint64_t offset, void *ret_bytes, size_t len_bytes);

/* The volume crosses a threshold of its space. */
void ramlun_space_warn(void);

#endif
