/* SPDX-License-Identifier: Apache-2.0 */
/* A logical unit: one vdisk as the SCSI layer knows it, shared by every nexus that sees it.
 *
 * THEORY. What an I_T nexus must be told about (capacity, mode parameters, a reset) is a generation counter here; a
 * nexus keeps the generations it has seen and finds its unit attentions by comparing. So nobody walks lists of sessions
 * across threads.
 * THREADS. References and everything atomic from any thread; the rest is immutable. */
#ifndef PROTO_SCSI_LU_H
#define PROTO_SCSI_LU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "fs/fs_types.h"
#include "fs/volume.h"
#include "proto/scsi/scsi_spec.h"

enum scsi_lu_event { LU_EVENT_CAPACITY, LU_EVENT_MODE, LU_EVENT_RESET, LU_EVENT_COUNT };

struct scsi_lu {
	_Atomic uint32_t refs;
	struct uuid uuid;
	char serial[21];
	struct fs_volume *volume; /* a reference */
	struct fs_file_id file;
	_Atomic uint64_t size_bytes;
	_Atomic bool write_cache;
	_Atomic bool online;
	_Atomic bool reserved; /* else thin: writes may find the volume full, and its initiators are warned */
	_Atomic uint64_t verifier; /* of unstable writes that a flush has to answer for; 0: none yet */
	_Atomic uint32_t any_event; /* sum of the ones below: one load tells that nothing happened */
	_Atomic uint32_t event[LU_EVENT_COUNT];
};

/* One reference; takes its own of `volume`. NULL: out of memory. */
struct scsi_lu *scsi_lu_new(struct fs_volume *volume, const struct fs_file_id *file, const struct uuid *uuid,
                            const char *serial);
struct scsi_lu *scsi_lu_get(struct scsi_lu *lu);
void scsi_lu_put(struct scsi_lu *lu);

/* Tell every nexus, at its next command. */
void scsi_lu_notify(struct scsi_lu *lu, enum scsi_lu_event event);
/* Set, and notify when it is a change. */
void scsi_lu_set_size(struct scsi_lu *lu, uint64_t size_bytes);
void scsi_lu_set_write_cache(struct scsi_lu *lu, bool on);

static inline uint64_t scsi_lu_blocks(struct scsi_lu *lu)
{
	return atomic_load_explicit(&lu->size_bytes, memory_order_relaxed) >> SCSI_BLOCK_SHIFT;
}

/* A write that nobody made durable was answered under `verifier`. */
void scsi_lu_written(struct scsi_lu *lu, uint64_t verifier);
/* A flush was answered under `verifier`: false when data written before it may have been lost meanwhile (told once). */
bool scsi_lu_flushed(struct scsi_lu *lu, uint64_t verifier);

#endif
