/* SPDX-License-Identifier: Apache-2.0 */
/* The campaign of the front ends: histories of clients that others wrote, on simulated sockets and disks, against a
 * model.
 *
 * usage: frontsim random [--first N] [--seeds N] [--seconds N] [--jobs N] [--failures N] [--table 1: fail when a cell
 *        of the table is empty] frontsim replay SEED one of them, with everything that happens
 *        frontsim digest SEED      a number that says whether it was the same history
 * Ends with the table of calls x faults and a line "N histories, ..."; status 1 when anything failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/page.h"
#include "raid/disk.h"
#include "tests/crash/workers.h"
#include "tests/front/front.h"
#include "tests/front/report.h"

#define ARENA_PAGES 6144U

struct options {
	uint64_t first, n;
	unsigned seconds, jobs, failures;
	bool table;
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
	else if (strcmp(name, "--failures") == 0)
		options->failures = (unsigned)value;
	else if (strcmp(name, "--table") == 0)
		options->table = value != 0;
	else
		return false;
	return true;
}

static bool options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){ .failures = 20 };
	options->jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 0; i < argc; i += 2)
		if (i + 1 == argc || !option_set(options, argv[i], strtoull(argv[i + 1], NULL, 10)))
			return false;
	return options->jobs >= 1;
}

static void job(uint64_t seed, struct history_counts *counts)
{
	(void)front_run(seed, false, counts);
}

static void job_name(uint64_t seed, char *text, size_t size)
{
	(void)snprintf(text, size, "front %llu", (unsigned long long)seed);
}

static int run_random(const struct options *options)
{
	struct workers_plan plan = { .job = job, .name = job_name, .first = options->first, .n_jobs = options->n };
	struct workers_result result;
	uint64_t n_failed;

	if (options->n == 0 && options->seconds == 0)
		plan.n_jobs = 1000;
	plan.seconds = options->seconds;
	plan.n_workers = options->jobs;
	plan.n_failures = options->failures;
	workers_run(&plan, &result);
	n_failed = result.n_lost + result.n_wrong + result.n_check + result.n_stuck + result.n_crashed;
	report_print(&result.counts);
	if (options->table)
		n_failed += report_empty(&result.counts);
	printf("%llu lost, %llu wrong, %llu check errors, %llu stuck, %llu died\n", (unsigned long long)result.n_lost,
	       (unsigned long long)result.n_wrong, (unsigned long long)result.n_check,
	       (unsigned long long)result.n_stuck, (unsigned long long)result.n_crashed);
	printf("%llu histories, %llu calls\n", (unsigned long long)result.counts.seeds,
	       (unsigned long long)result.counts.ops);
	return n_failed == 0 ? 0 : 1;
}

static int run_one(uint64_t seed, bool verbose)
{
	struct history_counts *counts = calloc(1, sizeof *counts);
	uint64_t digest;

	if (verbose)
		log_set_level(LOG_LEVEL_INFO);
	digest = front_run(seed, verbose, counts);
	printf("%016llx\n", (unsigned long long)digest);
	free(counts);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_ERROR);
	if (argc < 2 || page_arena_init(ARENA_PAGES) != 0)
		return 2;
	disk_driver_register(&memdisk_driver);
	front_prepare();
	if (strcmp(argv[1], "random") == 0 && options_parse(&options, argc - 2, argv + 2))
		return run_random(&options);
	if (argc == 3 && (strcmp(argv[1], "replay") == 0 || strcmp(argv[1], "digest") == 0))
		return run_one(strtoull(argv[2], NULL, 10), argv[1][0] == 'r');
	fprintf(stderr,
	        "usage: frontsim random [--first N] [--seeds N] [--seconds N] [--jobs N] [--failures N] [--table 1]\n"
	        "       frontsim replay|digest SEED\n");
	return 2;
}
