/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a volume that is not mounted, from its disks.
 *
 * THREADS. The world's; `done` is never called inline. */
#ifndef FS_CHECK_OFFLINE_H
#define FS_CHECK_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

struct world;

struct fs_check_offline_options {
	size_t cache_pages; /* of maps and directories; at least 2048 */
	uint64_t memory_bytes; /* for bits a block; 0: 128 MiB. A volume with more is walked several times */
	uint64_t rate_bytes_s; /* limit of what is read; 0: none */
	bool repair; /* put right what is repairable, and check again */
	void (*progress)(void *arg, const char *stage, unsigned percent); /* may be NULL */
	void *arg;
};
struct fs_check_offline {
	struct fs_check_result result;
	char volume[FS_NAME_MAX + 1U]; /* "" when not even that could be read */
	bool clean; /* it was closed in order */
	uint64_t n_log_records; /* acknowledged since the last consistency point: the next mount applies them */
	uint64_t n_first_errors; /* repair: what the first check found; `result` is what the last one did */
	uint64_t n_repaired; /* changes made */
	struct raid_report disks; /* what of the disks is not as it should be; also with an error */
	unsigned n_unsettled; /* stripes that the next mount settles; their parity is not looked at */
};

/* Check the last consistency point on the disks, and the log behind it. Without `repair` not one byte is changed. A
 * repair mounts the volume without serving anybody (fs/check/repair.h), and checks again until nothing repairable is
 * found. `done` gets the `check` to keep (fs_check_result_fini). err: as raid_open (-EBUSY: another process has the
 * disks), -ENOTSUP, -ENOMEM. Damage is no error. */
void fs_check_offline(struct world *world, const char *const *disk_urls, unsigned n_disks,
                      const struct fs_check_offline_options *options,
                      void (*done)(void *arg, int err, const struct fs_check_offline *check), void *arg);

#endif
