/* SPDX-License-Identifier: Apache-2.0 */
/* What a scrub has found, as it is given to whoever asks. */
#include <stdlib.h>

#include "fs/fs_info.h"

static void result_fini(struct fs_scrub_result *result)
{
	for (unsigned i = 0; i < result->n_lost; i++)
		free(result->lost[i].path);
	free(result->lost);
	free(result->disks);
}

void fs_scrub_info_free(struct fs_scrub_info *info)
{
	if (info == NULL)
		return;
	result_fini(&info->now);
	result_fini(&info->last);
	free(info);
}

void fs_scrub_add(struct fs_scrub_counts *sum, const struct fs_scrub_counts *counts)
{
	sum->n_read += counts->n_read;
	sum->n_wrong += counts->n_wrong;
	sum->n_entries += counts->n_entries;
	sum->n_unreadable += counts->n_unreadable;
	sum->n_repaired += counts->n_repaired;
	sum->n_lost += counts->n_lost;
}

struct fs_scrub_counts fs_scrub_sum(const struct fs_scrub_result *result, bool parity)
{
	struct fs_scrub_counts sum = { 0 };

	for (unsigned i = 0; i < result->n_disks; i++)
		if (result->disks[i].is_parity == parity)
			fs_scrub_add(&sum, &result->disks[i].counts);
	return sum;
}
