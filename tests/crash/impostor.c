/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are not what they were when the volume starts. */
#include "tests/crash/impostor.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "raid/raid.h"
#include "tests/crash/history.h"

static uint64_t draw(struct history *h, uint64_t n)
{
	uint64_t *random = &h->impostors.random;

	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random >> 11) % n;
}

void impostor_draw(struct history *h, uint64_t seed)
{
	struct impostors *im = &h->impostors;

	*im = (struct impostors){ .on = seed % 5U == 4U,
		                  .random = (seed + 13U) * 0x9E3779B97F4A7C15ULL | 1U,
		                  .unbelievable = -1 };
	for (unsigned i = 0; i < 10; i++)
		(void)draw(h, 2);
	if (im->on)
		h->bad_disk = -1; /* one disk is all that may be lost */
}

static void name_new(struct history *h, char name[16])
{
	(void)snprintf(name, 16, "i%c%u", h->machine.tag, h->impostors.n_media++);
}

static void kept_drop(struct history *h)
{
	char url[24];

	if (h->impostors.kept[0] == '\0')
		return;
	(void)snprintf(url, sizeof url, "mem:%s", h->impostors.kept);
	vc_assert(disk_destroy(url) == 0);
	h->impostors.kept[0] = '\0';
}

void impostor_fini(struct history *h)
{
	kept_drop(h);
}

static void copy_new(struct history *h, const char *medium, char name[16])
{
	name_new(h, name);
	vc_assert(memdisk_clone(medium, name) == 0);
}

/* The disk as it is after a copy of the whole volume has lived on by itself. */
static void copy_of_a_copy(struct history *h, unsigned disk, char name[16])
{
	struct machine other;
	unsigned lives = 1U + (unsigned)draw(h, 3);
	int err = 0;

	machine_branch(&other, &h->machine, 'o', draw(h, 1U << 30));
	for (unsigned i = 0; i < other.n_disks; i++)
		vc_assert(memdisk_clone(machine_medium(&h->machine, i), machine_medium(&other, i)) == 0);
	for (unsigned i = 0; i < lives && err == 0; i++) {
		err = machine_mount(&other);
		if (err == 0)
			err = machine_unmount(&other);
	}
	if (err != 0)
		history_fail(h, FAIL_LOST, "a copy of the volume cannot be mounted: %s", error_name(err));
	copy_new(h, machine_medium(&other, disk), name);
	machine_fini(&other);
}

void impostor_keep(struct history *h, bool stopped)
{
	struct impostors *im = &h->impostors;

	if (!im->on || im->done || draw(h, 3) != 0)
		return;
	kept_drop(h);
	im->kept_disk = (unsigned)draw(h, h->machine.n_disks);
	im->surely_old = false;
	im->lived_on = stopped && h->machine.n_disks > 2 && draw(h, 2) == 0;
	history_say(h, "====  disk %u is copied%s", im->kept_disk,
	            im->lived_on ? ", and the copy of the volume lives on" : "");
	if (im->lived_on)
		copy_of_a_copy(h, im->kept_disk, im->kept);
	else
		copy_new(h, machine_medium(&h->machine, im->kept_disk), im->kept);
}

/* ---- what takes the place of a disk ---- */

static void resized(struct history *h, unsigned disk, uint64_t blocks)
{
	uint8_t bytes[RAID_BLOCK_SIZE];
	char name[16], url[24];
	uint64_t n_blocks = memdisk_blocks(machine_medium(&h->machine, disk)); /* it may have been cut before */

	name_new(h, name);
	(void)snprintf(url, sizeof url, "mem:%s", name);
	vc_assert(disk_create(url, blocks * RAID_BLOCK_SIZE) == 0);
	for (uint64_t b = 0; b < MIN_OF(blocks, n_blocks); b++) {
		memdisk_peek(machine_medium(&h->machine, disk), b, bytes);
		memdisk_poke(name, b, bytes);
	}
	machine_replace(&h->machine, disk, name);
}

static bool put_old(struct history *h, unsigned *disk)
{
	char name[16];

	if (h->impostors.kept[0] == '\0' || (h->impostors.lived_on && !h->impostors.surely_old))
		return false;
	*disk = h->impostors.kept_disk;
	copy_new(h, h->impostors.kept, name);
	machine_replace(&h->machine, *disk, name);
	if (h->impostors.surely_old)
		h->impostors.unbelievable = (int)*disk;
	kept_drop(h);
	return true;
}

static bool put_blank(struct history *h, unsigned *disk)
{
	char name[16], url[24];

	name_new(h, name);
	(void)snprintf(url, sizeof url, "mem:%s", name);
	vc_assert(disk_create(url, h->machine.disk_blocks * RAID_BLOCK_SIZE) == 0);
	machine_replace(&h->machine, *disk, name);
	h->impostors.unbelievable = (int)*disk;
	return true;
}

/* Of another volume with as many disks; of two disks each would start alone, and nobody could say which is meant. */
static bool put_foreign(struct history *h, unsigned *disk)
{
	struct machine other = h->machine;
	char name[16];

	if (h->machine.n_disks == 2)
		return false;
	other.vol = NULL;
	other.life = 0;
	if (machine_init(&other, 'f', draw(h, 1U << 30), h->machine.latency_ns) != 0)
		return false;
	copy_new(h, machine_medium(&other, *disk), name);
	machine_fini(&other);
	machine_replace(&h->machine, *disk, name);
	h->impostors.unbelievable = (int)*disk;
	return true;
}

static bool put_cut(struct history *h, unsigned *disk)
{
	resized(h, *disk, h->machine.disk_blocks - 1U - draw(h, h->machine.disk_blocks / 2U));
	h->impostors.unbelievable = (int)*disk;
	return true;
}

static bool put_grown(struct history *h, unsigned *disk)
{
	resized(h, *disk, h->machine.disk_blocks + 1U + draw(h, 500));
	return true;
}

static bool put_twice(struct history *h, unsigned *disk)
{
	h->machine.twice = (int)*disk;
	return true;
}

static bool put_beside(struct history *h, unsigned *disk)
{
	char name[16];

	copy_new(h, machine_medium(&h->machine, *disk), name);
	(void)snprintf(h->machine.beside, sizeof h->machine.beside, "mem:%s", name);
	return true;
}

static const struct {
	const char *name;
	bool loses; /* the disk */
	bool (*put)(struct history *h, unsigned *disk);
} kinds[] = {
	{ "an older copy", true, put_old },  { "an older copy", true, put_old },
	{ "an older copy", true, put_old },  { "an older copy", true, put_old },
	{ "a blank disk", true, put_blank }, { "another volume's", true, put_foreign },
	{ "cut short", true, put_cut },      { "grown", false, put_grown },
	{ "named twice", false, put_twice }, { "beside a copy of it", false, put_beside },
};

void impostor_strike(struct history *h)
{
	struct impostors *im = &h->impostors;
	unsigned disk = (unsigned)draw(h, h->machine.n_disks), kind = (unsigned)draw(h, ARRAY_SIZE(kinds));

	if (!im->on || im->done || draw(h, 4) != 0 || !kinds[kind].put(h, &disk))
		return;
	history_say(h, "====  disk %u is %s", disk, kinds[kind].name);
	h->counts->impostors++;
	if (!kinds[kind].loses)
		return;
	im->done = true;
	h->bad_disk = h->victim = (int)disk;
}

void impostor_look(struct history *h)
{
	struct impostors *im = &h->impostors;

	if (!im->on)
		return;
	im->surely_old = true;
	h->machine.twice = -1;
	if (h->machine.beside[0] != '\0')
		vc_assert(disk_destroy(h->machine.beside) == 0);
	h->machine.beside[0] = '\0';
	if (im->unbelievable >= 0 && machine_disk_online(&h->machine, (unsigned)im->unbelievable))
		history_fail(h, FAIL_WRONG, "disk %d is not what it was, and is believed", im->unbelievable);
	im->unbelievable = -1;
}

/* ---- more than RAID covers ---- */

static void put_bad(struct history *h, unsigned disk, char old[16], bool may_be_old)
{
	bool (*const puts[])(struct history *, unsigned *) = { put_blank, put_cut, put_foreign };

	if (may_be_old && draw(h, 2) == 0) {
		machine_replace(&h->machine, disk, old);
		old[0] = '\0';
		return;
	}
	if (!puts[draw(h, ARRAY_SIZE(puts))](h, &disk))
		(void)put_blank(h, &disk);
}

void impostor_too_many(struct history *h)
{
	unsigned n = h->machine.n_disks, a = (unsigned)draw(h, n), b = (a + 1U + (unsigned)draw(h, n - 1U)) % n;
	char old[2][16], url[40];
	/* of old copies alone the old volume would start: somebody must be left to say that they are old */
	bool anybody_left = n > 2U + (h->victim >= 0 && h->victim != (int)a && h->victim != (int)b);
	int err = machine_unmount(&h->machine);

	if (err != 0 && h->victim < 0)
		history_fail(h, FAIL_LOST, "it cannot be unmounted: %s", error_name(err));
	copy_new(h, machine_medium(&h->machine, a), old[0]);
	copy_new(h, machine_medium(&h->machine, b), old[1]);
	err = machine_mount(&h->machine);
	if (err == 0)
		err = machine_unmount(&h->machine);
	if (err != 0)
		history_fail(h, FAIL_LOST, "unmounted and mounted again: %s", error_name(err));
	put_bad(h, a, old[0], anybody_left);
	put_bad(h, b, old[1], anybody_left);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(url, sizeof url, "mem:%s", old[i]);
		if (old[i][0] != '\0')
			vc_assert(disk_destroy(url) == 0);
	}
	err = machine_mount(&h->machine);
	history_say(h, "====  disks %u and %u are not what they were: %s", a, b, error_name(err));
	h->counts->states++;
	if (err != -ENXIO && !(!anybody_left && err == -ENOENT))
		history_fail(h, FAIL_WRONG, "disks %u and %u are not what they were, and the mount says %s", a, b,
		             error_name(err));
}
