/* SPDX-License-Identifier: Apache-2.0 */
/* fsinfo: the root of everything, written at the end of each CP. */
#ifndef FS_FSINFO_H
#define FS_FSINFO_H

#include <stdint.h>

#include "base/error.h"
#include "raid/raid.h"

struct cp;
struct fs_volume;

void fsinfo_encode(const struct cp *cp, uint8_t ret_body[RAID_FSINFO_BODY]);
/* Set the volume's name, keys, counters, and the inodes of inode file and snapshot table. -EUCLEAN, -ENOTSUP (a newer
 * format), -EROFS (a newer format that may be read, but the mount is not read-only). */
MUST_CHECK int fsinfo_decode(struct fs_volume *vol, const uint8_t body[RAID_FSINFO_BODY]);

#endif
