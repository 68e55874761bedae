/* SPDX-License-Identifier: Apache-2.0 */
/* The crash simulator: the engine on simulated disks, clock and randomness, against a model.
 *
 * usage: sim random [--first SEED] [--seeds N] [--seconds N] [--jobs N]     random histories
 *        sim replay SEED                                                  one of them, with everything that happens
 *        sim digest SEED                                                  a number that says whether it was the same history
 * Ends with a line "N states, ..."; status 1 when anything failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "raid/disk.h"
#include "tests/crash/random.h"
#include "tests/crash/workers.h"

#define ARENA_PAGES 24576U

struct options {
	uint64_t first, n;
	unsigned seconds, jobs;
};

static void options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){ .first = 1, .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) };
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
	plan.first = options.first;
	plan.n_jobs = options.n == 0 && options.seconds == 0 ? 100 : options.n;
	plan.seconds = options.seconds;
	plan.n_workers = options.jobs;
	workers_run(&plan, &result);
	return report(&result);
}

int main(int argc, char **argv)
{
	struct history_counts counts = { 0 };

	if (argc < 2 || page_arena_init(ARENA_PAGES) != 0) {
		fprintf(stderr, "usage: sim random [--first SEED] [--seeds N] [--seconds N] [--jobs N] | replay SEED | digest SEED\n");
		return 2;
	}
	log_set_level(LOG_LEVEL_ERROR);
	disk_driver_register(&memdisk_driver);
	if (strcmp(argv[1], "random") == 0)
		return run_random(argc - 2, argv + 2);
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
