/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume keeps of today when it is put back to a snapshot: documents, and the settings of LUNs. */
#ifndef FS_RESTORE_KEPT_H
#define FS_RESTORE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_types.h"

struct fs_run;
struct page;
struct vtoc_entry;

struct kept_doc {
	char name[FS_NAME_MAX + 1U];
	size_t name_len;
	uint64_t size_bytes;
	unsigned n_pages;
	struct page **pages;
};

/* Settings are today's, content and identity the snapshot's. */
struct kept_lun {
	struct uuid uuid; /* which LUN */
	bool online, write_cache, reserved;
	uint64_t state_generation;
	char comment[VDISK_COMMENT_MAX + 1U];
	char *maps; /* malloc'ed, or NULL */
};

struct restore_kept {
	struct kept_doc *docs;
	size_t n_docs, n_docs_max;
	struct kept_lun *luns; /* by UUID, once sorted */
	size_t n_luns, n_luns_max;
	bool sorted;
	/* cursors */
	uint32_t doc_slot;
	const struct vtoc_entry *entry;
	bool entries_done;
	size_t docs_put;
	unsigned n_dirty; /* pages that became dirty: no CP can make room */
};

/* Read what is kept from the volume as it is. -EAGAIN, -ENOMEM, -EUCLEAN, -EIO. */
MUST_CHECK int restore_kept_take(struct fs_run *run, struct restore_kept *kept);
/* The volume in memory is the snapshot's now. */
void restore_kept_switch(struct restore_kept *kept);
/* Put what was kept into that volume. -EAGAIN, -ENOMEM (more than a CP can take), -ENOSPC (no inodes), -EUCLEAN,
 * -EIO. */
MUST_CHECK int restore_kept_put(struct fs_run *run, struct restore_kept *kept);
void restore_kept_fini(struct restore_kept *kept);

#endif
