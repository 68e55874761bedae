/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on a disk: counted by kind, and said. */
#include "raid/member_errors.h"

#include "base/log.h"

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

void member_errors_count(struct member *m, enum raid_error kind, uint64_t block)
{
	struct raid_error_count *count = &m->errors[kind];

	count->n++;
	if (is_power_of_two(count->n))
		log_warn("raid", "disk_error", "disk=%s kind=%s block=%llu total=%llu repaired=%llu", m->url,
		         raid_error_name(kind), (unsigned long long)block, (unsigned long long)count->n,
		         (unsigned long long)count->n_repaired);
}

void member_errors_repaired(struct member *m, enum raid_error kind)
{
	m->errors[kind].n_repaired++;
}
