/* SPDX-License-Identifier: Apache-2.0 */
/* A workload whose allocations fail: each one alone, and each one with all that follow it.
 *
 * THEORY. The workload runs once and its allocations are counted. Then, for the first allocation of every chain of
 * callers that no workload before it had, and an even sample of the others (all of them with ALLOC_ALL in the
 * environment), it runs twice on a fresh stage: with that one failing, and with all from that one on failing, until the
 * workload ends, or for HEAL_NS when it waits for memory. Each run is followed by one with all the memory there is,
 * which must succeed in full. A workload that allocates less than `n_min` times proves nothing, and fails. */
#ifndef TESTS_ALLOCWORK_H
#define TESTS_ALLOCWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

struct alloc_workload {
	const char *name;
	uint64_t n_min; /* allocations */
	unsigned n_sampled; /* beside the first ones of each caller */
	struct world *(*begin)(
	    /* a fresh stage, all memory there; the world that time passes in; NULL: real time */
	    const struct alloc_workload *workload);
	void (*work)(bool whole); /* whole: there is memory, and all must succeed */
	void (*end)(void); /* look at everything; the stage goes */
	int variant; /* the workload's own */
};

/* The body of a cmocka test whose initial state is a struct alloc_workload. */
void alloc_workload_run(void **state);

#endif
