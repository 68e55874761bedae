/* SPDX-License-Identifier: Apache-2.0 */
/* LUN maps: which initiator sees which vdisk under which LUN number.
 *
 * THEORY. The administration replaces all maps of one volume at a time (they live in that volume). The table is an
 * immutable snapshot: a replacement builds a new one and swaps it, sessions notice the new generation at their next
 * command and look again. Logical units are kept by UUID over replacements, so that a map change does not disturb a LUN
 * that stays. Two maps that give one initiator the same LUN number: the volume that came first keeps it, the other
 * stays unmapped and is logged.
 * THREADS. Everything from any thread. */
#ifndef PROTO_SCSI_LUNMAP_H
#define PROTO_SCSI_LUNMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "fs/fs_types.h"

struct fs_volume;
struct lunmap;
struct scsi_lu;

#define LUNMAP_LUN_MAX 16383U /* what the flat addressing of SAM can say */
#define LUNMAP_VIEW_MAX 256U /* LUNs one initiator sees; more are left out, and logged */
#define LUNMAP_PATTERN_SIZE 224U /* an iSCSI name is at most 223 bytes */

struct lunmap_entry {
	const char *igroup; /* for the log */
	const char *initiator; /* a name, or a pattern with '*' (any run of bytes) */
	uint32_t lun;
	struct fs_file_id file;
	struct uuid uuid; /* the vdisk's */
	const char *serial; /* up to 20 characters */
	uint64_t size_bytes;
	bool write_cache;
	bool online;
	bool reserved; /* its space is set aside: it is never short of any */
};

MUST_CHECK int lunmap_new(struct lunmap **ret_map);
void lunmap_free(struct lunmap *map);

/* All maps of `volume` are these from now on (n 0: none). Everything is copied. Changes of size, write cache and online
 * state of a LUN that stays take effect here too, and become unit attentions. -ENOMEM, -EINVAL (a LUN number or a
 * pattern too long): nothing changed. */
MUST_CHECK int lunmap_replace(struct lunmap *map, struct fs_volume *volume, const struct lunmap_entry *entries,
                              unsigned n);

/* Rises with every replacement. */
uint32_t lunmap_generation(struct lunmap *map);

/* What one initiator sees, by rising LUN number. */
struct lunmap_view {
	uint32_t generation;
	unsigned n;
	struct {
		uint32_t lun;
		struct scsi_lu *lu; /* a reference of the view's */
	} luns[];
};
MUST_CHECK int lunmap_view_new(struct lunmap *map, const char *initiator, struct lunmap_view **ret_view); /* -ENOMEM */
void lunmap_view_free(struct lunmap_view *view);

/* True when `pattern` (with '*') matches the whole of `name`, letters compared without case. */
bool lunmap_pattern_matches(const char *pattern, const char *name);

#endif
