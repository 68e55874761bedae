/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: the limit, and who gets how many. */
#include "server/descriptors.h"

#include <limits.h>
#include <sys/resource.h>

#include "base/list.h"

#define KEPT_MIN 64U
#define CONNECTIONS_MIN 4U
#define HTTP_MAX 128U

unsigned descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	return (unsigned)MIN_OF(limit.rlim_cur, (rlim_t)INT_MAX);
}

struct descriptors_plan descriptors_deal(unsigned limit, unsigned nfs_wanted, unsigned iscsi_wanted)
{
	unsigned kept = MAX_OF(limit / 4, KEPT_MIN), room = limit > kept ? limit - kept : 0;
	struct descriptors_plan plan = { .nfs = nfs_wanted, .iscsi = iscsi_wanted };

	if (nfs_wanted + iscsi_wanted > room) {
		plan.nfs = (unsigned)((unsigned long long)room * nfs_wanted / (nfs_wanted + iscsi_wanted));
		plan.iscsi = room - plan.nfs;
	}
	plan.nfs = MAX_OF(plan.nfs, CONNECTIONS_MIN);
	plan.iscsi = MAX_OF(plan.iscsi, CONNECTIONS_MIN);
	plan.http = MIN_OF(kept / 8, HTTP_MAX);
	return plan;
}
