/* SPDX-License-Identifier: Apache-2.0 */
/* Lineage: through which starts and flushes a disk has lived, and whether that is all that the volume asks of it. */
#include "raid/lineage.h"

void lineage_encode(const struct lineage *l, struct raid_lineage_format *f)
{
	f->n_starts = le64_of(l->n_starts);
	f->flush = le64_of(l->flush);
	for (unsigned i = 0; i < RAID_START_RING; i++)
		f->starts[i] = (struct raid_start_format){ le64_of(l->starts[i].id),
			                                   le64_of(l->starts[i].first_flush) };
}

void lineage_decode(const struct raid_lineage_format *f, struct lineage *l)
{
	l->n_starts = le64_get(f->n_starts);
	l->flush = le64_get(f->flush);
	for (unsigned i = 0; i < RAID_START_RING; i++) {
		l->starts[i].id = le64_get(f->starts[i].id);
		l->starts[i].first_flush = le64_get(f->starts[i].first_flush);
	}
}

void lineage_begin(struct lineage *l, uint64_t id)
{
	unsigned at = (unsigned)(++l->n_starts % RAID_START_RING);

	l->starts[at].id = id;
	l->starts[at].first_flush = l->flush + 1;
}

/* Does it remember start `n`? */
static bool remembers(const struct lineage *l, uint64_t n)
{
	return n > 0 && n <= l->n_starts && l->n_starts - n < RAID_START_RING;
}

static bool same_start(const struct lineage *a, const struct lineage *b, uint64_t n)
{
	return a->starts[n % RAID_START_RING].id == b->starts[n % RAID_START_RING].id;
}

/* Start `n` of `older` must have ended where start n + 1 of `l` began. */
static bool ended_before_next(const struct lineage *older, const struct lineage *l, uint64_t n)
{
	return older->flush < l->starts[(n + 1) % RAID_START_RING].first_flush;
}

bool lineage_covers(const struct lineage *disk, const struct lineage *volume)
{
	uint64_t n = volume->n_starts;

	if (n == 0)
		return true;
	if (!remembers(disk, n) || !same_start(disk, volume, n))
		return false;
	return disk->n_starts == n ? disk->flush >= volume->flush : ended_before_next(volume, disk, n);
}

bool lineage_parted(const struct lineage *a, const struct lineage *b)
{
	const struct lineage *older = a->n_starts <= b->n_starts ? a : b, *newer = older == a ? b : a;
	uint64_t n = older->n_starts;

	if (!remembers(newer, n))
		return false;
	return !same_start(older, newer, n) || (newer->n_starts > n && !ended_before_next(older, newer, n));
}

bool lineage_later(const struct lineage *a, const struct lineage *b)
{
	return a->n_starts != b->n_starts ? a->n_starts > b->n_starts : a->flush > b->flush;
}
