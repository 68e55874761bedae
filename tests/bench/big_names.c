/* SPDX-License-Identifier: Apache-2.0 */
/* Many inodes; a directory of many names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bigrig.h"

#define MIB (1ULL << 20)
#define NAMES_DISKS 5U

#define DIRS_MAX 64U

/* Not larger than they need to be: the check reads every stripe of a region in use. */
static uint64_t names_disk_bytes(const struct rig *rig)
{
	return (rig->full ? 12ULL : 2ULL) << 30;
}

/* ---- directories of various sizes ---- */

static const uint64_t sizes[] = { 100, 1000, 10000, 100000, 1000000 };

/* Directory k has sizes[k % 5] files: which one, and where in it, is file i? */
static unsigned dir_of(uint64_t i, uint64_t *ret_at)
{
	unsigned k = 0;

	while (i >= sizes[k % 5U]) {
		i -= sizes[k % 5U];
		k++;
	}
	*ret_at = i;
	return k;
}

static void name_set(struct pump_slot *slot, uint64_t i, const char *prefix)
{
	uint64_t at;
	unsigned dir = dir_of(i, &at);

	slot->msg.file = slot->pump->rig->shared->ids[dir];
	slot->msg.in.name_len = (uint32_t)snprintf(slot->name[0], sizeof slot->name[0], "%s%llu", prefix,
	                                           (unsigned long long)(at * 2654435761U % 4294967291U));
	slot->msg.in.name = slot->name[0];
}

static void create_fill(struct pump_slot *slot)
{
	name_set(slot, slot->i, "file");
	slot->msg.in.create.mode = FS_CREATE_GUARDED;
}

static uint64_t scattered(uint64_t i, uint64_t n)
{
	return (i * 2654435761ULL + 12345U) % n;
}

static void lookup_fill(struct pump_slot *slot)
{
	name_set(slot, scattered(slot->i, *(uint64_t *)slot->pump->arg), "file");
}

static void remove_fill(struct pump_slot *slot)
{
	name_set(slot, slot->i, "file");
}

static uint64_t n_files(const struct rig *rig)
{
	return rig->full ? 10000000U : 1000000U;
}

static void curve_head(const char *what, uint64_t step)
{
	printf("\nThousand operations a second, a figure each %llu thousand; last to second:\n\n| %s | | "
	       "|\n|---|---|---|\n",
	       (unsigned long long)step / 1000U, what);
}

static void inodes_create(struct rig *rig)
{
	static struct pump pump = { .op = FS_CREATE, .depth = 64, .fill = create_fill };
	uint64_t n = n_files(rig), at;
	unsigned n_dirs = dir_of(n - 1U, &at) + 1U;

	for (unsigned i = 0; i < n_dirs; i++) {
		char name[16];

		snprintf(name, sizeof name, "d%u", i);
		rig->shared->ids[i] = rig_create(rig, rig_root, name, true);
	}
	pump.n = n;
	pump.step = n / 10U;
	curve_head("inodes", pump.step);
	(void)pump_run(rig, &pump);
	pump_print(&pump, "created");
}

static void inodes_work(struct rig *rig)
{
	static struct pump lookup = { .op = FS_LOOKUP, .depth = 32, .fill = lookup_fill };
	static struct pump removal = { .op = FS_REMOVE, .depth = 64, .fill = remove_fill };
	uint64_t n = n_files(rig);

	lookup.n = 100000;
	lookup.step = 10000;
	lookup.arg = &n;
	(void)pump_run(rig, &lookup);
	pump_print(&lookup, "random ones looked up after a remount (a figure each 10 thousand)");
	removal.n = n;
	removal.step = n / 10U;
	(void)pump_run(rig, &removal);
	pump_print(&removal, "removed");
}

static void inodes_check(struct rig *rig)
{
	uint64_t inodes, blocks;
	double s = rig_check(rig, &inodes, &blocks);

	rig->shared->numbers[0] = (uint64_t)(s * 1000);
	rig->shared->numbers[1] = inodes;
}

void big_inodes(struct rig *rig)
{
	struct rig_life create, work, check;

	(void)rig_format(rig, NAMES_DISKS, names_disk_bytes(rig), 512U * MIB);
	printf("\n### %llu,000,000 inodes\n\nDirectories of 100 to 1,000,000 files, 64 creates side by side, each "
	       "durable when answered.\n",
	       (unsigned long long)n_files(rig) / 1000000U);
	create = rig_live(rig, inodes_create, RIG_UNMOUNT);
	check = rig_live(rig, inodes_check, RIG_UNMOUNT);
	work = rig_live(rig, inodes_work, RIG_UNMOUNT);
	printf("\n| what | |\n|---|---|\n| mounted with all of them | %.2f s |\n| check of %llu inodes | %.1f s |\n",
	       check.mount_s, (unsigned long long)rig->shared->numbers[1], (double)rig->shared->numbers[0] / 1000);
	printf("| peak memory: creating / checking / looking up and removing (memory = %llu MiB) | %.0f / %.0f / %.0f "
	       "MiB |\n",
	       (unsigned long long)(rig->memory_bytes / MIB), create.rss_mib, check.rss_mib, work.rss_mib);
	rig_clean(rig);
}

/* ---- one directory ---- */

static void flat_set(struct pump_slot *slot, unsigned which, const char *prefix)
{
	uint32_t len = (uint32_t)snprintf(slot->name[which], sizeof slot->name[which], "%s%07llu", prefix,
	                                  (unsigned long long)slot->i);

	slot->msg.file = slot->pump->rig->shared->ids[0];
	if (which == 0) {
		slot->msg.in.name = slot->name[0];
		slot->msg.in.name_len = len;
	} else {
		slot->msg.in.to_dir = slot->msg.file;
		slot->msg.in.to_name = slot->name[1];
		slot->msg.in.to_name_len = len;
	}
}

static void flat_create_fill(struct pump_slot *slot)
{
	flat_set(slot, 0, "name");
	slot->msg.in.create.mode = FS_CREATE_GUARDED;
}

static void flat_rename_fill(struct pump_slot *slot)
{
	flat_set(slot, 0, "name");
	flat_set(slot, 1, "renamed-");
}

static void flat_remove_fill(struct pump_slot *slot)
{
	flat_set(slot, 0, "renamed-");
}

static uint64_t n_names(const struct rig *rig)
{
	return rig->full ? 1000000U : 500000U;
}

static void flat_create(struct rig *rig)
{
	static struct pump pump = { .op = FS_CREATE, .depth = 64, .fill = flat_create_fill };

	rig->shared->ids[0] = rig_create(rig, rig_root, "dir", true);
	pump.n = n_names(rig);
	pump.step = pump.n / 10U;
	curve_head("one directory", pump.step);
	(void)pump_run(rig, &pump);
	pump_print(&pump, "created");
}

/* READDIRPLUS by hand: 200 entries with their attributes a call. */
static void flat_list(struct rig *rig)
{
	uint64_t n = 0, step = n_names(rig) / 10U, cookie = 0;
	double begin = rig_now_s(), last = begin, rates[16];
	unsigned n_rates = 0;
	bool eof = false;

	while (!eof) {
		struct fs_message msg;

		rig_message(rig, &msg, FS_READDIR);
		msg.file = rig->shared->ids[0];
		msg.in.readdir.cookie = cookie;
		msg.in.readdir.max_entries = 200;
		msg.in.readdir.max_bytes = 1U << 20;
		msg.in.readdir.want_attr = true;
		rig_must(rig, &msg, "readdir");
		eof = msg.out.eof;
		n += msg.out.n;
		cookie = msg.out.n > 0 ? msg.out.dirents[msg.out.n - 1U].cookie : cookie;
		fs_message_fini(&msg);
		if (n / step > n_rates && n_rates < 16) {
			double now = rig_now_s();

			rates[n_rates++] = (double)step / (now - last);
			last = now;
		}
	}
	if (n != n_names(rig) + 2U)
		rig_fail("the listing is not complete", EIO);
	printf("| listed with attributes, cold |");
	for (unsigned i = 0; i < n_rates; i++)
		printf(" %.1f", rates[i] / 1000);
	printf(" | %.2f |\n", n_rates > 2 ? rates[n_rates - 1U] / rates[1] : 1.0);
}

static void flat_work(struct rig *rig)
{
	static struct pump renaming = { .op = FS_RENAME, .depth = 64, .fill = flat_rename_fill };
	static struct pump removal = { .op = FS_REMOVE, .depth = 64, .fill = flat_remove_fill };

	flat_list(rig);
	renaming.n = removal.n = n_names(rig);
	renaming.step = removal.step = n_names(rig) / 10U;
	(void)pump_run(rig, &renaming);
	pump_print(&renaming, "renamed");
	(void)pump_run(rig, &removal);
	pump_print(&removal, "removed");
}

void big_directory(struct rig *rig)
{
	struct rig_life create, work;

	(void)rig_format(rig, NAMES_DISKS, names_disk_bytes(rig), 512U * MIB);
	printf("\n### A directory of %llu,000 names\n", (unsigned long long)n_names(rig) / 1000U);
	create = rig_live(rig, flat_create, RIG_UNMOUNT);
	work = rig_live(rig, flat_work, RIG_UNMOUNT);
	printf("\nPeak memory (memory = %llu MiB): creating %.0f MiB, the rest %.0f MiB.\n",
	       (unsigned long long)(rig->memory_bytes / MIB), create.rss_mib, work.rss_mib);
	rig_clean(rig);
}
