/* SPDX-License-Identifier: Apache-2.0 */
/* Birth and death of volumes: shared by volume.c, volume_format.c and volume_table.c. */
#ifndef FS_VOLUME_PRIVATE_H
#define FS_VOLUME_PRIVATE_H

#include <stdbool.h>

#include "base/error.h"

struct fs_volume;

/* Free the parts (the structure itself lives on until the last fs_volume_put). The RAID is closed by the caller. */
void volume_free_parts(struct fs_volume *vol);

/* -EEXIST: the name is taken; -EALREADY: it is there, or a copy of it */
MUST_CHECK int volume_table_insert(struct fs_volume *vol);
void volume_table_remove(struct fs_volume *vol);

/* Nothing that was begun is under way any more: it can be taken apart. */
bool volume_is_quiet(const struct fs_volume *vol);

#endif
