/* SPDX-License-Identifier: Apache-2.0 */
/* A workload whose allocations fail. */
#include "tests/alloc/allocwork.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdlib.h>

#include "tests/support/allocfail.h"

#define HEAL_NS 300000000ULL
#define TRIED_MAX 8192U

static void healed(struct timer *timer)
{
	(void)timer;
	(void)allocfail_stop();
}

static uint64_t count(const struct alloc_workload *workload)
{
	uint64_t n;

	(void)workload->begin(workload);
	allocfail_count();
	workload->work(true);
	n = allocfail_stop();
	workload->end();
	return n;
}

static void try(const struct alloc_workload *workload, uint64_t nth, bool for_good)
{
	struct world *world = workload->begin(workload);
	struct timer heal = { .fire = healed };

	if (getenv("ALLOC_TRACE") != NULL)
		print_message("%s: allocation %llu %s\n", workload->name, (unsigned long long)nth,
		              for_good ? "and all after it" : "alone");
	if (world != NULL)
		world_timer_set(world, &heal, HEAL_NS);
	if (for_good)
		allocfail_from(nth);
	else
		allocfail_once(nth);
	workload->work(false);
	(void)allocfail_stop();
	if (world != NULL)
		world_timer_cancel(&heal);
	workload->work(true);
	workload->end();
}

/* Callers whose allocations have failed, in any workload of the program. */
static uint64_t tried[TRIED_MAX];
static size_t n_tried;

static bool is_tried(uint64_t caller)
{
	for (size_t i = 0; i < n_tried; i++)
		if (tried[i] == caller)
			return true;
	assert_true(n_tried < TRIED_MAX);
	tried[n_tried++] = caller;
	return false;
}

void alloc_workload_run(void **state)
{
	const struct alloc_workload *workload = *state;
	uint64_t n = count(workload), step = getenv("ALLOC_ALL") != NULL ? 1U : n / workload->n_sampled + 1U,
	         n_failed = 0;

	assert_true(n >= workload->n_min);
	for (uint64_t nth = 1; nth <= n; nth++) {
		if (is_tried(allocfail_caller(nth)) && nth % step != 0)
			continue;
		try(workload, nth, false);
		try(workload, nth, true);
		n_failed++;
	}
	print_message("%s: of %llu allocations %llu failed, once and for good: the first of each new caller, and %llu, "
	              "%llu, %llu, ...\n",
	              workload->name, (unsigned long long)n, (unsigned long long)n_failed, (unsigned long long)step,
	              (unsigned long long)(2U * step), (unsigned long long)(3U * step));
}
