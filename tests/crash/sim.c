/* SPDX-License-Identifier: Apache-2.0 */
/* The crash simulator: the engine on simulated disks, clock and randomness, against a model.
 *
 * usage: sim random [--first SEED] [--seeds N] [--seconds N] [--jobs N]     random histories
 *        sim small [--length 1..3] [--subsets N] [--first N] [--share N] [--jobs N]
 *                      every sequence of that many operations, every crash on the way; --subsets: at most so many states a boundary (0: all);
 *                      --share: one in N of the workloads
 *        sim replay SEED | replay small NUMBER                            one of them, with everything that happens
 *        sim digest SEED                                                  a number that says whether it was the same history
 * Ends with a line "N states, ..."; status 1 when anything failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "raid/disk.h"
#include "tests/crash/random.h"
#include "tests/crash/small.h"
#include "tests/crash/workers.h"

#define ARENA_PAGES 24576U

struct options {
	uint64_t first, n;
	unsigned seconds, jobs, length, share;
	int subsets; /* -1: as small_plan has it */
};

static void options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){ .length = 2, .share = 1, .subsets = -1, .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) };
	for (int i = 0; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--first") == 0)
			options->first = value;
		else if (strcmp(argv[i], "--seeds") == 0)
			options->n = value;
		else if (strcmp(argv[i], "--seconds") == 0)
			options->seconds = (unsigned)value;
		else if (strcmp(argv[i], "--jobs") == 0)
			options->jobs = (unsigned)value;
		else if (strcmp(argv[i], "--length") == 0)
			options->length = (unsigned)value;
		else if (strcmp(argv[i], "--share") == 0)
			options->share = (unsigned)value;
		else if (strcmp(argv[i], "--subsets") == 0)
			options->subsets = (int)value;
	}
}

static void random_job(uint64_t seed, struct history_counts *counts)
{
	(void)random_run(seed, false, counts);
}

static int report(const struct workers_result *result)
{
	uint64_t n_failed = result->n_lost + result->n_wrong + result->n_check + result->n_stuck + result->n_crashed;

	printf("%llu operations, %llu power cuts during recoveries, %llu histories, %llu states met twice\n",
	       (unsigned long long)result->counts.ops, (unsigned long long)result->counts.crashes_in_recovery,
	       (unsigned long long)result->counts.seeds, (unsigned long long)result->counts.duplicates);
	printf("%llu lost, %llu wrong, %llu check errors, %llu stuck, %llu died\n", (unsigned long long)result->n_lost,
	       (unsigned long long)result->n_wrong, (unsigned long long)result->n_check, (unsigned long long)result->n_stuck,
	       (unsigned long long)result->n_crashed);
	printf("%llu states\n", (unsigned long long)result->counts.states);
	return n_failed == 0 ? 0 : 1;
}

static int run_random(int argc, char **argv)
{
	struct workers_plan plan = { .what = "", .job = random_job };
	struct workers_result result;
	struct options options;

	options_parse(&options, argc, argv);
	plan.first = options.first == 0 ? 1 : options.first;
	plan.n_jobs = options.n == 0 && options.seconds == 0 ? 100 : options.n;
	plan.seconds = options.seconds;
	plan.n_workers = options.jobs;
	workers_run(&plan, &result);
	return report(&result);
}

static unsigned share = 1;

static void small_job(uint64_t number, struct history_counts *counts)
{
	if (number % share == 0)
		small_run(number, false, counts);
}

static int run_small(int argc, char **argv)
{
	struct workers_plan plan = { .what = "small ", .job = small_job };
	struct workers_result result;
	struct options options;

	options_parse(&options, argc, argv);
	if (options.length < 1 || options.length > 3 || options.share == 0)
		return 2;
	share = options.share;
	for (unsigned i = 0; i < 3 && options.subsets >= 0; i++)
		small_plan.subsets[i] = (unsigned)options.subsets;
	plan.first = options.first;
	plan.n_jobs = small_count(options.length) - options.first;
	plan.seconds = options.seconds;
	plan.n_workers = options.jobs;
	workers_run(&plan, &result);
	return report(&result);
}

int main(int argc, char **argv)
{
	struct history_counts counts = { 0 };

	if (argc < 2 || page_arena_init(ARENA_PAGES) != 0) {
		fprintf(stderr,
		        "usage: sim random [--first SEED] [--seeds N] [--seconds N] [--jobs N] | small ... | replay SEED | digest SEED\n");
		return 2;
	}
	log_set_level(LOG_LEVEL_ERROR);
	disk_driver_register(&memdisk_driver);
	if (strcmp(argv[1], "random") == 0)
		return run_random(argc - 2, argv + 2);
	if (strcmp(argv[1], "small") == 0)
		return run_small(argc - 2, argv + 2);
	if (strcmp(argv[1], "replay") == 0 && argc > 3 && strcmp(argv[2], "small") == 0) {
		small_run(strtoull(argv[3], NULL, 10), true, &counts);
		return 0;
	}
	if (strcmp(argv[1], "replay") == 0 && argc > 2) {
		log_set_level(LOG_LEVEL_INFO);
		(void)random_run(strtoull(argv[2], NULL, 10), true, &counts);
		return 0;
	}
	if (strcmp(argv[1], "digest") == 0 && argc > 2) {
		printf("%016llx\n", (unsigned long long)random_run(strtoull(argv[2], NULL, 10), false, &counts));
		return 0;
	}
	return 2;
}
