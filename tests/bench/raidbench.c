/* SPDX-License-Identifier: Apache-2.0 */
/* raid/ alone, in one process: what its loads take, and the same files without it. tests/bench/raid makes ratios and a
 * table of that.
 *
 * usage: raidbench --dir DIR [--disks 5] [--parity 1] [--disk-size MIB] [--rounds 3]
 * One line a load and round, tab-separated: name, bytes that went to and from disks or blocks read, seconds. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/page.h"
#include "tests/bench/raidrig.h"

static void say(const char *name, uint64_t amount, double seconds)
{
	printf("%s\t%llu\t%.6f\n", name, (unsigned long long)amount, seconds);
	fflush(stdout);
}

static void reads(struct rig *rig, const char *name, unsigned depth)
{
	uint64_t n = rig_data_bytes(rig) / RAID_BLOCK_SIZE / 255U;

	rig_close(rig); /* what it remembers of entries is gone */
	rig_open(rig);
	say(name, n, rig_reads(rig, depth));
}

static void raw_reads(struct rig *rig, const char *name, unsigned depth)
{
	say(name, (rig->disk_bytes >> 20) * (rig->n_disks - rig->n_parity), rig_raw_reads(rig, depth));
}

static void one_round(struct rig *rig)
{
	unsigned n_data = rig->n_disks - rig->n_parity;
	uint64_t raw = rig->disk_bytes * rig->n_disks, data = rig_data_bytes(rig);
	uint64_t all = data / n_data * rig->n_disks;

	say("raw write", raw, rig_raw_stream(rig, 0, rig->n_disks));
	say("write", all, rig_write(rig));
	raw_reads(rig, "raw reads 1", 1);
	reads(rig, "reads 1", 1);
	raw_reads(rig, "raw reads 32", 32);
	reads(rig, "reads 32", 32);
	say("raw read data", rig->disk_bytes * n_data, rig_raw_stream(rig, n_data, 0));
	say("read", data, rig_read_all(rig));
	say("raw read", raw, rig_raw_stream(rig, rig->n_disks, 0));
	say("verify", all, rig_verify(rig));
	rig_fail(rig, 0);
	say("degraded write", all - data / n_data, rig_write(rig));
	reads(rig, "degraded reads 1", 1);
	reads(rig, "degraded reads 32", 32);
	say("degraded read", data, rig_read_all(rig));
	say("raw rebuild", raw, rig_raw_stream(rig, rig->n_disks - 1U, 1));
	say("rebuild", all, rig_rebuild(rig, 0));
	rig_close(rig);
}

static unsigned number_of(const char *text, unsigned least, unsigned most)
{
	long number = strtol(text, NULL, 10);

	if (number < (long)least || number > (long)most) {
		fprintf(stderr, "raidbench: %s is not %u..%u\n", text, least, most);
		exit(2);
	}
	return (unsigned)number;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },    { "disks", required_argument, NULL, 'n' },
		{ "parity", required_argument, NULL, 'p' }, { "disk-size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' }, { 0 }
	};
	static struct rig rig = { .n_disks = 5, .n_parity = 1, .disk_bytes = 512ULL << 20 };
	unsigned n_rounds = 3;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd': rig.dir = optarg; break;
		case 'n': rig.n_disks = number_of(optarg, 2, RIG_MAX_DISKS); break;
		case 'p': rig.n_parity = number_of(optarg, 1, 2); break;
		case 's': rig.disk_bytes = (uint64_t)number_of(optarg, 64, 1U << 20) << 20; break;
		case 'r': n_rounds = number_of(optarg, 1, 100); break;
		default: return 2;
		}
	}
	if (rig.dir == NULL || rig.n_parity >= rig.n_disks) {
		fprintf(stderr, "usage: raidbench --dir DIR [--disks 5] [--parity 1] [--disk-size MIB] [--rounds 3]\n");
		return 2;
	}
	log_set_level(LOG_LEVEL_ERROR);
	if (page_arena_init((1U << 30) / PAGE_SIZE) != 0)
		return 1;
	for (unsigned i = 0; i < n_rounds; i++) {
		rig_make(&rig);
		one_round(&rig);
		rig_remove(&rig);
	}
	return 0;
}
