/* SPDX-License-Identifier: Apache-2.0 */
/* A group of log records as bytes: does it count? For whoever reads the log. */
#ifndef FS_NVLOG_GROUP_H
#define FS_NVLOG_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct nvlog_group_disk;
struct page;

/* The head's own fields: is there a group of `epoch` at `block` of a half of `half_blocks`, which goes on after
 * `chain_sequence` (0: whatever it begins with)? */
bool nvlog_group_fits(const struct nvlog_group_disk *head, uint64_t epoch, uint32_t block, uint64_t chain_sequence,
                      uint32_t half_blocks);
/* Do all bytes of a group that fits belong together? `heads`: its head_bytes; `pages`: as many as it says; `last_crc`:
 * of the record before in the half, 0 none. */
bool nvlog_group_is_whole(const uint8_t *heads, struct page *const *pages, uint32_t last_crc);
/* `crc` of a whole group's last record. */
uint32_t nvlog_group_last_crc(const uint8_t *heads);

#endif
