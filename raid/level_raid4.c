/* SPDX-License-Identifier: Apache-2.0 */
/* RAID-4: one parity disk, the XOR of the data disks. With one data disk it is a mirror of two. */
#include <string.h>

#include "base/page.h"
#include "base/xor.h"
#include "raid/level.h"

static void raid4_sums(unsigned n_data, const void *const *blocks, void *const *ret_sums, size_t len_bytes)
{
	const void *srcs[LEVEL_MAX_DISKS];
	unsigned n = 0;

	for (unsigned i = 0; i <= n_data; i++)
		if (blocks[i] != NULL)
			srcs[n++] = blocks[i];
	if (n == 0)
		memset(ret_sums[0], 0, len_bytes);
	else if (len_bytes == PAGE_SIZE)
		xor_pages(ret_sums[0], srcs, n);
	else
		xor_words(ret_sums[0], srcs, n, len_bytes);
}

static void raid4_solve(unsigned n_data, unsigned missing, unsigned position, const void *const *sums, void *ret,
                        size_t len_bytes)
{
	(void)n_data, (void)missing, (void)position;
	memcpy(ret, sums[0], len_bytes);
}

const struct level level_raid4 = { "raid4", 1, raid4_sums, raid4_solve };
