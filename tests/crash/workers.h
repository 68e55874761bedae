/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes that share out numbered jobs (seeds, workloads). One that dies has failed at the job it had; another
 * goes on behind it. */
#ifndef TESTS_CRASH_WORKERS_H
#define TESTS_CRASH_WORKERS_H

#include "tests/crash/history.h"

struct workers_plan {
	/* What to give tests/crash/replay for a job: "17", "small 17". */
	void (*name)(uint64_t number, char *text, size_t size);
	uint64_t first, n_jobs; /* n_jobs 0: without end */
	unsigned seconds; /* 0: no limit; jobs begun are finished */
	unsigned n_workers;
	unsigned n_failures; /* then nothing more is begun */
	void (*job)(uint64_t number, struct history_counts *counts);
};

struct workers_result {
	struct history_counts counts;
	uint64_t n_lost, n_wrong, n_check, n_stuck; /* jobs that failed, by kind */
	uint64_t n_crashed; /* the engine asserted, died, or did not come back within JOB_CPU_S */
};

#define JOB_CPU_S 60U

void workers_run(const struct workers_plan *plan, struct workers_result *ret_result);

#endif
