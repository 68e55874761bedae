/* SPDX-License-Identifier: Apache-2.0 */
/* Logical units: references, and the events that become unit attentions. */
#include "proto/scsi/scsi_lu.h"

#include <stdio.h>
#include <stdlib.h>

struct scsi_lu *scsi_lu_new(struct fs_volume *volume, const struct fs_file_id *file, const struct uuid *uuid,
                            const char *serial)
{
	struct scsi_lu *lu = calloc(1, sizeof *lu);

	if (lu == NULL)
		return NULL;
	atomic_init(&lu->refs, 1);
	lu->uuid = *uuid;
	lu->volume = fs_volume_get(volume);
	lu->file = *file;
	snprintf(lu->serial, sizeof lu->serial, "%s", serial);
	return lu;
}

struct scsi_lu *scsi_lu_get(struct scsi_lu *lu)
{
	atomic_fetch_add_explicit(&lu->refs, 1, memory_order_relaxed);
	return lu;
}

void scsi_lu_put(struct scsi_lu *lu)
{
	if (lu == NULL || atomic_fetch_sub_explicit(&lu->refs, 1, memory_order_acq_rel) != 1)
		return;
	fs_volume_put(lu->volume);
	free(lu);
}

void scsi_lu_notify(struct scsi_lu *lu, enum scsi_lu_event event)
{
	atomic_fetch_add_explicit(&lu->event[event], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&lu->any_event, 1, memory_order_release);
}

void scsi_lu_set_size(struct scsi_lu *lu, uint64_t size_bytes)
{
	if (atomic_exchange(&lu->size_bytes, size_bytes) != size_bytes)
		scsi_lu_notify(lu, LU_EVENT_CAPACITY);
}

void scsi_lu_set_write_cache(struct scsi_lu *lu, bool on)
{
	if (atomic_exchange(&lu->write_cache, on) != on)
		scsi_lu_notify(lu, LU_EVENT_MODE);
}

void scsi_lu_written(struct scsi_lu *lu, uint64_t verifier)
{
	uint64_t none = 0;

	if (atomic_load_explicit(&lu->verifier, memory_order_relaxed) == 0)
		(void)atomic_compare_exchange_strong(&lu->verifier, &none, verifier);
}

/* The verifier stays after a flush that found it unchanged: a write that ended meanwhile is not forgotten. The price is
 * a flush that complains for nothing, when unstable data of others was lost. */
bool scsi_lu_flushed(struct scsi_lu *lu, uint64_t verifier)
{
	uint64_t before = atomic_load(&lu->verifier);

	while (before != 0 && before != verifier) {
		if (atomic_compare_exchange_weak(&lu->verifier, &before, verifier))
			return false;
	}
	return true;
}
