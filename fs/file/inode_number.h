/* SPDX-License-Identifier: Apache-2.0 */
/* Inode numbers in the inode map: between the table of inodes and the map (finding one: fs/file/inode.h). */
#ifndef FS_INODE_NUMBER_H
#define FS_INODE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/format/fsformat.h"

struct fs_volume;
struct inode_table;

#define INODE_MAP_FULL_WORDS (UINT32_MAX / REGION_BLOCKS / 64U + 1U) /* of inode_table.map_full */

/* In the map, whose block inode_need_map has made available: the number is used, or free. */
void inode_number_set(struct fs_volume *vol, uint32_t ino, bool used);
/* Nothing in memory has the number any more: it can be had again. */
void inode_number_freed(struct inode_table *table, uint32_t ino);

#endif
