/* SPDX-License-Identifier: Apache-2.0 */
/* Watching for cores that are not there. */
#include "tests/bench/bench_gaps.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CORES_MAX 64U
#define PERIOD_NS 250000ULL
#define LATE_NS 150000ULL
#define GAPS_MAX 65536U

struct gap {
	uint64_t begin_ns, end_ns;
};
struct core {
	struct bench_gaps *gaps;
	pthread_t thread;
	struct gap gap[GAPS_MAX]; /* in order */
	size_t n;
};
struct bench_gaps {
	atomic_bool over;
	unsigned n_cores;
	uint64_t total_ns;
	struct core *cores[CORES_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000U), .tv_nsec = (long)(ns % 1000000000U) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void *watch(void *arg)
{
	struct core *core = arg;
	uint64_t due = now_ns();

	while (!atomic_load(&core->gaps->over)) {
		uint64_t now;

		due += PERIOD_NS;
		sleep_until(due);
		now = now_ns();
		if (now > due + LATE_NS) {
			if (core->n < GAPS_MAX)
				core->gap[core->n++] = (struct gap){ due, now };
			due = now;
		}
	}
	return NULL;
}

static bool core_watch(struct bench_gaps *gaps, unsigned number)
{
	const struct sched_param first = { .sched_priority = 50 };
	struct core *core = calloc(1, sizeof *core);
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	if (core == NULL || pthread_attr_init(&attr) != 0) {
		free(core);
		return false;
	}
	core->gaps = gaps;
	CPU_ZERO(&set);
	CPU_SET(number, &set);
	(void)pthread_attr_setaffinity_np(&attr, sizeof set, &set);
	(void)pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	(void)pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	(void)pthread_attr_setschedparam(&attr, &first);
	err = pthread_create(&core->thread, &attr, watch, core);
	(void)pthread_attr_destroy(&attr);
	if (err != 0) {
		free(core);
		return false;
	}
	gaps->cores[gaps->n_cores++] = core;
	return true;
}

struct bench_gaps *bench_gaps_start(void)
{
	struct bench_gaps *gaps = calloc(1, sizeof *gaps);
	cpu_set_t set;

	if (gaps == NULL || sched_getaffinity(0, sizeof set, &set) != 0) {
		free(gaps);
		return NULL;
	}
	for (unsigned i = 0; i < CORES_MAX; i++) {
		if (CPU_ISSET(i, &set) && !core_watch(gaps, i)) {
			fputs("vcbench: --gaps needs the right to real-time scheduling (root)\n", stderr);
			bench_gaps_stop(gaps);
			bench_gaps_free(gaps);
			return NULL;
		}
	}
	return gaps;
}

void bench_gaps_stop(struct bench_gaps *gaps)
{
	atomic_store(&gaps->over, true);
	for (unsigned i = 0; i < gaps->n_cores; i++) {
		struct core *core = gaps->cores[i];

		(void)pthread_join(core->thread, NULL);
		for (size_t k = 0; k < core->n; k++) {
			gaps->total_ns += core->gap[k].end_ns - core->gap[k].begin_ns;
			core->gap[k].end_ns += core->gap[k].end_ns - core->gap[k].begin_ns;
			if (k > 0 && core->gap[k].end_ns < core->gap[k - 1U].end_ns)
				core->gap[k].end_ns = core->gap[k - 1U].end_ns; /* the one before is not over yet */
		}
	}
}

/* The first gap that was not over by then. */
static size_t first_after(const struct core *core, uint64_t ns)
{
	size_t low = 0, high = core->n;

	while (low < high) {
		size_t middle = (low + high) / 2U;

		if (core->gap[middle].end_ns < ns)
			low = middle + 1U;
		else
			high = middle;
	}
	return low;
}

bool bench_gaps_overlap(const struct bench_gaps *gaps, uint64_t begin_ns, uint64_t end_ns)
{
	for (unsigned i = 0; i < gaps->n_cores; i++) {
		const struct core *core = gaps->cores[i];
		size_t k = first_after(core, begin_ns);

		if (k < core->n && core->gap[k].begin_ns <= end_ns)
			return true;
	}
	return false;
}

uint64_t bench_gaps_total_ns(const struct bench_gaps *gaps)
{
	return gaps->total_ns;
}

void bench_gaps_free(struct bench_gaps *gaps)
{
	for (unsigned i = 0; i < gaps->n_cores; i++)
		free(gaps->cores[i]);
	free(gaps);
}
