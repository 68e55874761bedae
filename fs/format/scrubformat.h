/* SPDX-License-Identifier: Apache-2.0 */
/* The document "scrub": how far the scrub of a volume is, and what it and the last whole one found.
 *
 * A head; then n_results results, the newest first, each followed by its n_members members and its n_lost places. */
#ifndef FS_SCRUBFORMAT_H
#define FS_SCRUBFORMAT_H

#include <assert.h>
#include <stdint.h>

#include "base/bytes.h"

#define SCRUB_DOCUMENT "scrub"
#define SCRUB_MAGIC "VCSCRUB1"
#define SCRUB_VERSION 1U

struct scrub_head_format {
	uint8_t magic[8];
	le32 version;
	le32 n_results; /* 1 or 2 */
	le64 floor_bytes_s; /* of each disk, beside clients; 0: the usual */
	le32 group; /* stripes before this one of this group are done */
	le32 dbn;
	uint8_t reserved[32];
};
static_assert(sizeof(struct scrub_head_format) == 64, "head of the document");

enum { SCRUB_RESULT_NONE = 0, SCRUB_RESULT_RUNNING = 1, SCRUB_RESULT_STOPPED = 2, SCRUB_RESULT_DONE = 3 };
struct scrub_result_format {
	le32 state;
	le32 n_members;
	le32 n_lost;
	le32 reserved1;
	le64 started_ns; /* since 1970 */
	le64 ended_ns;
	le64 n_used; /* blocks in use that were looked at */
	le64 n_unverified; /* stripes whose checksum entries could not be had */
	uint8_t reserved2[16];
};
static_assert(sizeof(struct scrub_result_format) == 64, "result");

/* What was found on one disk. */
struct scrub_member_format {
	uint8_t uuid[16];
	le16 group;
	le16 position; /* data disks, then parity */
	le32 flags;
	le64 n_read; /* blocks */
	le64 n_wrong; /* blocks that are not what their entries and parity say */
	le64 n_entries; /* checksum entries that are not what their blocks and parity say */
	le64 n_unreadable; /* blocks that the disk did not give */
	le64 n_repaired; /* of all of these */
	le64 n_lost; /* blocks in use that parity could not bring back */
};
static_assert(sizeof(struct scrub_member_format) == 72, "member");
enum { SCRUB_MEMBER_PARITY = 1, SCRUB_MEMBER_SECOND = 2 }; /* SECOND: and of two parity disks the second */

/* A lost block, and who it is by its entry. */
struct scrub_lost_format {
	le32 vbn;
	le32 inode;
	le32 fbn;
	le32 level;
};
static_assert(sizeof(struct scrub_lost_format) == 16, "lost block");

#endif
