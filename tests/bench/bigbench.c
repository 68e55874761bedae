/* SPDX-License-Identifier: Apache-2.0 */
/* Big and full: the engine on volumes as large, and with as many of everything, as there can be. Prints Markdown.
 *
 * usage: bigbench [--full] --dir DIRECTORY CASE...     cases: volume lun snapshots clones directory inodes */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "tests/bench/bigrig.h"

static const struct {
	const char *name;
	void (*run)(struct rig *rig);
} cases[] = {
	{ "volume", big_volume },       { "lun", big_lun },
	{ "snapshots", big_snapshots }, { "clones", big_clones },
	{ "directory", big_directory }, { "inodes", big_inodes },
};

static int usage(void)
{
	fprintf(stderr, "usage: bigbench [--full] --dir DIRECTORY CASE...\ncases:");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		fprintf(stderr, " %s", cases[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static int run_case(struct rig *rig, const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, name) == 0) {
			cases[i].run(rig);
			fflush(stdout);
			return 0;
		}
	}
	return usage();
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "full", no_argument, NULL, 'f' },
		                                 { "dir", required_argument, NULL, 'd' },
		                                 { 0 } };
	struct rig rig = { .dir = NULL };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f')
			rig.full = true;
		else if (opt == 'd')
			rig.dir = optarg;
		else
			return usage();
	}
	if (rig.dir == NULL || optind >= argc)
		return usage();
	for (int i = optind; i < argc; i++) {
		int err = run_case(&rig, argv[i]);

		if (err != 0)
			return err;
	}
	return 0;
}
