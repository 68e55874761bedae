/* SPDX-License-Identifier: Apache-2.0 */
/* From the administration's tables to the protocols': exports to NFS, igroups and LUN maps to SCSI.
 *
 * THEORY. The administration hands out whole tables; the protocols take all entries of one volume at a time. So the
 * entries are grouped by volume, and a volume that had entries before and has none now is forgotten.
 * THREADS. The admin loop. */
#ifndef SERVER_GLUE_H
#define SERVER_GLUE_H

#include "admin/admin.h"
#include "proto/nfs/export.h"
#include "proto/scsi/lunmap.h"

struct glue_volumes {
	struct fs_volume **list; /* referenced: those with entries at the last call */
	size_t n;
};
struct glue {
	struct export_table *exports;
	struct lunmap *maps;
	struct glue_volumes exported, mapped;
};

MUST_CHECK int glue_init(struct glue *glue);
void glue_fini(struct glue *glue);
/* The hooks of the same names. */
void glue_exports(struct glue *glue, const struct admin_export *exports, size_t n);
void glue_san(struct glue *glue, const struct admin_igroup *igroups, size_t n_igroups, const struct admin_lun *luns,
              size_t n_luns);

#endif
