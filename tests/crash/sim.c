/* SPDX-License-Identifier: Apache-2.0 */
/* The crash simulator: the engine on simulated disks, clock and randomness, against a model.
 *
 * usage: sim random [--seeds N]                random histories
 *        sim small [--length 1..3]             every sequence of up to that many operations, every crash on the way; --subsets N: at most so many
 *                                              states a boundary (0: all), --share N: one in N of the workloads
 *        sim disks [--seeds N]                 disks that come and go; --all 1: every transition must be met
 *        sim soak --seconds N                  all of them, workloads of three operations
 *           all of them: [--first N] [--seconds N] [--jobs N] [--failures N: after so many nothing more is begun]
 *        sim replay SEED | replay small N      one of them, with everything that happens
 *        sim digest SEED | digest small N      a number that says whether it was the same history
 * Ends with a line "N states, ..."; status 1 when anything failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "raid/disk.h"
#include "tests/crash/disks.h"
#include "tests/crash/random.h"
#include "tests/crash/small.h"
#include "tests/crash/workers.h"

#define ARENA_PAGES 24576U

struct options {
	uint64_t first, n;
	unsigned seconds, jobs, length, share;
	unsigned failures, all;
	int subsets; /* -1: as small_plan has it */
};

static bool option_set(struct options *options, const char *name, uint64_t value)
{
	if (strcmp(name, "--first") == 0)
		options->first = value;
	else if (strcmp(name, "--seeds") == 0)
		options->n = value;
	else if (strcmp(name, "--seconds") == 0)
		options->seconds = (unsigned)value;
	else if (strcmp(name, "--jobs") == 0)
		options->jobs = (unsigned)value;
	else if (strcmp(name, "--length") == 0)
		options->length = (unsigned)value;
	else if (strcmp(name, "--share") == 0)
		options->share = (unsigned)value;
	else if (strcmp(name, "--failures") == 0)
		options->failures = (unsigned)value;
	else if (strcmp(name, "--all") == 0)
		options->all = (unsigned)value;
	else if (strcmp(name, "--subsets") == 0)
		options->subsets = (int)value;
	else
		return false;
	return true;
}

static bool options_parse(struct options *options, int argc, char **argv, unsigned first)
{
	*options = (struct options){ .first = first, .length = 2, .share = 1, .failures = 20, .subsets = -1 };
	options->jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 0; i < argc; i += 2)
		if (i + 1 == argc || !option_set(options, argv[i], strtoull(argv[i + 1], NULL, 10)))
			return false;
	return options->jobs >= 1 && options->length >= 1 && options->length <= 3 && options->share >= 1;
}

/* ---- what is to be run ---- */

static void random_job(uint64_t seed, struct history_counts *counts)
{
	(void)random_run(seed, false, counts);
}

static void random_name(uint64_t seed, char *text, size_t size)
{
	(void)snprintf(text, size, "%llu", (unsigned long long)seed);
}

static void disks_job(uint64_t seed, struct history_counts *counts)
{
	(void)disks_run(seed, false, counts);
}

static void disks_name(uint64_t seed, char *text, size_t size)
{
	(void)snprintf(text, size, "disks %llu", (unsigned long long)seed);
}

static unsigned share = 1;

static void small_job(uint64_t number, struct history_counts *counts)
{
	if (number % share == 0)
		small_run(number, false, counts);
}

static void small_name(uint64_t number, char *text, size_t size)
{
	(void)snprintf(text, size, "small %llu", (unsigned long long)number);
}

/* One in four is a workload of three operations, from all over them. */
static bool soak_is_small(uint64_t number)
{
	return number % 4U == 3U;
}

static uint64_t soak_small(uint64_t number)
{
	return number * 0x9E3779B97F4A7C15ULL % small_count(3);
}

static void soak_job(uint64_t number, struct history_counts *counts)
{
	if (soak_is_small(number))
		small_run(soak_small(number), false, counts);
	else
		(void)random_run(number, false, counts);
}

static void soak_name(uint64_t number, char *text, size_t size)
{
	if (soak_is_small(number))
		small_name(soak_small(number), text, size);
	else
		random_name(number, text, size);
}

/* ---- the commands ---- */

static int report(const struct workers_result *result)
{
	uint64_t n_failed = result->n_lost + result->n_wrong + result->n_check + result->n_stuck + result->n_crashed;

	printf(
	    "%llu operations, %llu histories and workloads, %llu power cuts during recoveries, %llu states met again\n",
	    (unsigned long long)result->counts.ops, (unsigned long long)result->counts.seeds,
	    (unsigned long long)result->counts.crashes_in_recovery, (unsigned long long)result->counts.duplicates);
	printf("%llu lost, %llu wrong, %llu check errors, %llu stuck, %llu died\n", (unsigned long long)result->n_lost,
	       (unsigned long long)result->n_wrong, (unsigned long long)result->n_check,
	       (unsigned long long)result->n_stuck, (unsigned long long)result->n_crashed);
	printf("%llu states\n", (unsigned long long)result->counts.states);
	return n_failed == 0 ? 0 : 1;
}

static void plan_run(const struct options *options, struct workers_plan *plan, struct workers_result *ret_result)
{
	share = options->share;
	for (unsigned i = 0; i < 3 && options->subsets >= 0; i++)
		small_plan.subsets[i] = (unsigned)options->subsets;
	plan->seconds = options->seconds;
	plan->n_workers = options->jobs;
	plan->n_failures = options->failures;
	workers_run(plan, ret_result);
}

static int run(const struct options *options, struct workers_plan *plan)
{
	struct workers_result result;

	plan_run(options, plan, &result);
	return report(&result);
}

static int run_random(const struct options *options)
{
	struct workers_plan plan = { .job = random_job, .name = random_name, .first = options->first };

	plan.n_jobs = options->n == 0 && options->seconds == 0 ? 100 : options->n;
	return run(options, &plan);
}

static int run_disks(const struct options *options)
{
	struct workers_plan plan = { .job = disks_job, .name = disks_name, .first = options->first };
	struct workers_result result;
	bool all;

	plan.n_jobs = options->n == 0 && options->seconds == 0 ? 100 : options->n;
	plan_run(options, &plan, &result);
	all = transitions_report(&result.counts);
	return report(&result) != 0 || (options->all != 0 && !all);
}

static int run_small(const struct options *options)
{
	struct workers_plan plan = { .job = small_job, .name = small_name, .first = options->first };

	plan.n_jobs = options->n != 0 ? options->n : small_count(options->length) - options->first;
	return run(options, &plan);
}

static int run_soak(const struct options *options)
{
	struct workers_plan plan = {
		.job = soak_job, .name = soak_name, .first = options->first, .n_jobs = options->n
	};

	printf("seeds from %llu on\n", (unsigned long long)options->first);
	return run(options, &plan);
}

/* replay SEED, replay small NUMBER, replay disks SEED, digest SEED */
static int run_one(int argc, char **argv, bool verbose)
{
	bool small = argc > 0 && strcmp(argv[0], "small") == 0, disks = argc > 0 && strcmp(argv[0], "disks") == 0;
	struct history_counts counts = { 0 };
	uint64_t number, digest;

	if (argc < (small || disks ? 2 : 1))
		return 2;
	number = strtoull(argv[small || disks ? 1 : 0], NULL, 10);
	if (verbose)
		log_set_level(LOG_LEVEL_INFO);
	if (disks)
		digest = disks_run(number, verbose, &counts);
	else
		digest = small ? small_run(number, verbose, &counts) : random_run(number, verbose, &counts);
	printf("%016llx %llu states\n", (unsigned long long)digest, (unsigned long long)counts.states);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options);
		unsigned first;
	} commands[] = { { "random", run_random, 1 },
		         { "small", run_small, 0 },
		         { "disks", run_disks, 1 },
		         { "soak", run_soak, 1 } };
	struct options options;

	log_set_level(LOG_LEVEL_ERROR);
	if (argc >= 2 && page_arena_init(ARENA_PAGES) == 0) {
		disk_driver_register(&memdisk_driver);
		for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
			if (strcmp(argv[1], commands[i].name) == 0 &&
			    options_parse(&options, argc - 2, argv + 2, commands[i].first))
				return commands[i].run(&options);
		if (strcmp(argv[1], "replay") == 0 || strcmp(argv[1], "digest") == 0)
			return run_one(argc - 2, argv + 2, argv[1][0] == 'r');
	}
	fprintf(stderr,
	        "usage: sim random|small|disks|soak [--first N] [--seeds N] [--seconds N] [--jobs N] [--length 1..3] "
	        "[--subsets N] "
	        "[--share N] [--failures N] [--all 1]\n"
	        "       sim replay|digest SEED\n"
	        "       sim replay|digest small|disks NUMBER\n");
	return 2;
}
