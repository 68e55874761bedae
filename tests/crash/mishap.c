/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that go wrong. */
#include "tests/crash/mishap.h"

#include "base/list.h"

void fault_draw(struct history *h)
{
	h->bad_disk = history_draw(h, 3) == 0 ? (int)history_draw(h, h->machine.n_disks) : -1;
}

/* A block of the disk, more often than not where the volume's data lie. */
static uint64_t block_draw(struct history *h)
{
	uint64_t first = ROUND_UP(592U + 2U * h->machine.log_half_blocks, 256U);

	return history_draw(h, 6) == 0 ? history_draw(h, h->machine.disk_blocks)
	                               : first + history_draw(h, MIN_OF(h->machine.disk_blocks - first, (uint64_t)400));
}

static void read_errors(struct history *h, const char *medium)
{
	for (unsigned i = 0; i < 16; i++)
		memdisk_fail_reads(medium, block_draw(h), 1U + (unsigned)history_draw(h, 3));
}

static void lost_writes(struct history *h, const char *medium)
{
	for (unsigned i = 0; i < 4; i++)
		memdisk_drop_write(medium, block_draw(h));
}

static void stray_writes(struct history *h, const char *medium)
{
	for (unsigned i = 0; i < 4; i++)
		memdisk_misdirect_write(medium, block_draw(h), block_draw(h));
}

static void bit_rot(struct history *h, const char *medium)
{
	for (unsigned i = 0; i < 8; i++)
		memdisk_flip_bit(medium, block_draw(h), (unsigned)history_draw(h, 32768));
}

static void failed_flush(struct history *h, const char *medium)
{
	(void)h;
	memdisk_fail_flush(medium, 1);
}

static void failed_writes(struct history *h, const char *medium)
{
	memdisk_fail_writes(medium, 1U + (unsigned)history_draw(h, 3));
}

static void lost_disk(struct history *h, const char *medium)
{
	(void)h;
	memdisk_lose(medium);
}

static const struct {
	const char *name;
	void (*strike)(struct history *h, const char *medium);
} faults[] = {
	{ "read errors", read_errors },         { "lost writes", lost_writes },
	{ "misdirected writes", stray_writes }, { "bit rot", bit_rot },
	{ "a failed flush", failed_flush },     { "failed writes", failed_writes },
	{ "the disk is lost", lost_disk },
};

void fault_strike(struct history *h, unsigned disk)
{
	unsigned which = (unsigned)history_draw(h, ARRAY_SIZE(faults));

	history_say(h, "====  disk %u: %s", disk, faults[which].name);
	faults[which].strike(h, machine_medium(&h->machine, disk));
}

void fault_maybe(struct history *h)
{
	if (h->bad_disk < 0 || h->impostors.done || history_draw(h, 3) != 0)
		return;
	h->victim = h->bad_disk;
	fault_strike(h, (unsigned)h->bad_disk);
}
