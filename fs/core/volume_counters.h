/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume counts, for metrics and tests. */
#ifndef FS_VOLUME_COUNTERS_H
#define FS_VOLUME_COUNTERS_H

#include "base/counters.h"
#include "fs/message.h"

struct volume_counters {
	struct counter messages[FS_OP_COUNT], parked, reads, read_blocks, cps;
	struct counter damage_passed; /* places in trees of removed files that could not be freed */
};

#endif
