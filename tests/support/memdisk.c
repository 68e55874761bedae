/* SPDX-License-Identifier: Apache-2.0 */
/* Disks in memory, for tests: a durable image under a volatile write cache, and every way a disk can go wrong.
 *
 * THEORY. Both images are sparse tables of refcounted blocks (tests/support/memtable.h): a clone copies pointers, and a
 * large disk costs what is on it. `current` is what reads see, `durable` what a flush has saved; the list of unflushed
 * writes, in the order of their completion, is the difference. */
#include "tests/support/memdisk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tests/support/memtable.h"

#define BLOCK MEMBLOCK_SIZE
#define SECTOR 512U

/* A write that has completed and is not yet durable. */
struct memwrite {
	TAILQ_ENTRY(memwrite) link;
	uint64_t block;
	uint64_t request; /* blocks of one request have the same */
	struct memblock *content;
};
TAILQ_HEAD(memwrite_list, memwrite);

struct memfault {
	LIST_ENTRY(memfault) link;
	enum { FAULT_READ, FAULT_DROP, FAULT_MISDIRECT } kind;
	uint64_t block;
	uint64_t to_block;
	unsigned times;
};

TAILQ_HEAD(disk_io_list, disk_io);

struct medium {
	LIST_ENTRY(medium) link;
	char name[64];
	uint64_t n_blocks;
	struct memtable current;
	struct memtable durable;
	struct memwrite_list unflushed;
	unsigned n_unflushed;
	struct disk_io_list in_flight;
	LIST_HEAD(, memfault) faults;
	unsigned fail_flushes;
	unsigned fail_writes;
	int host_full; /* negative errno */
	bool host_full_any;
	bool no_discard;
	uint64_t n_ios, n_completed;
	bool lost;
	bool open;
};

struct memdisk {
	struct disk disk;
	struct medium *medium;
	bool fenced;
};

static LIST_HEAD(, medium) media = LIST_HEAD_INITIALIZER(media);
static pthread_mutex_t media_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t latency_max_ns;

/* ---- media ----------------------------------------------------------------------------------------------------- */

static struct medium *medium_find(const char *name)
{
	struct medium *m;

	pthread_mutex_lock(&media_lock);
	LIST_FOREACH(m, &media, link)
		if (strcmp(m->name, name) == 0)
			break;
	pthread_mutex_unlock(&media_lock);
	return m;
}

static struct medium *medium_must(const char *name)
{
	struct medium *m = medium_find(name);

	vc_assert(m != NULL);
	return m;
}

static int medium_new(const char *name, uint64_t n_blocks, struct medium **ret_medium)
{
	struct medium *m;

	if (strlen(name) >= sizeof m->name || n_blocks == 0)
		return -EINVAL;
	if (medium_find(name) != NULL)
		return -EEXIST;
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return -ENOMEM;
	if (memtable_init(&m->current, n_blocks) != 0 || memtable_init(&m->durable, n_blocks) != 0) {
		memtable_fini(&m->current);
		memtable_fini(&m->durable);
		free(m);
		return -ENOMEM;
	}
	memcpy(m->name, name, strlen(name) + 1);
	m->n_blocks = n_blocks;
	TAILQ_INIT(&m->unflushed);
	TAILQ_INIT(&m->in_flight);
	LIST_INIT(&m->faults);
	pthread_mutex_lock(&media_lock);
	LIST_INSERT_HEAD(&media, m, link);
	pthread_mutex_unlock(&media_lock);
	*ret_medium = m;
	return 0;
}

static void memwrite_free(struct medium *m, struct memwrite *w)
{
	TAILQ_REMOVE(&m->unflushed, w, link);
	m->n_unflushed--;
	memblock_unref(w->content);
	free(w);
}

static void medium_free(struct medium *m)
{
	struct memwrite *w;
	struct memfault *f;

	vc_assert(!m->open);
	while ((w = TAILQ_FIRST(&m->unflushed)) != NULL)
		memwrite_free(m, w);
	while ((f = LIST_FIRST(&m->faults)) != NULL) {
		LIST_REMOVE(f, link);
		free(f);
	}
	memtable_fini(&m->current);
	memtable_fini(&m->durable);
	pthread_mutex_lock(&media_lock);
	LIST_REMOVE(m, link);
	pthread_mutex_unlock(&media_lock);
	free(m);
}

void memdisk_destroy_all(void)
{
	struct medium *m;

	while ((m = LIST_FIRST(&media)) != NULL)
		medium_free(m);
}

void memdisk_set_latency(uint64_t max_ns)
{
	latency_max_ns = max_ns;
}

unsigned memdisk_unflushed(const char *name)
{
	return medium_must(name)->n_unflushed;
}

uint64_t memdisk_ios(const char *name)
{
	return medium_must(name)->n_ios;
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

static void fault_add(const char *name, int kind, uint64_t block, uint64_t to_block, unsigned times)
{
	struct medium *m = medium_must(name);
	struct memfault *f = calloc(1, sizeof *f);

	vc_assert(f != NULL && block < m->n_blocks && to_block < m->n_blocks);
	*f = (struct memfault){ .kind = (unsigned)kind, .block = block, .to_block = to_block, .times = times };
	LIST_INSERT_HEAD(&m->faults, f, link);
}

/* Takes one use of a fault of this kind on `block`; NULL when there is none. Freed by the next call that finds it used
 * up. */
static bool fault_take(struct medium *m, int kind, uint64_t block, uint64_t *ret_to_block)
{
	struct memfault *f;

	LIST_FOREACH(f, &m->faults, link) {
		if ((int)f->kind != kind || f->block != block)
			continue;
		if (ret_to_block != NULL)
			*ret_to_block = f->to_block;
		if (--f->times == 0) {
			LIST_REMOVE(f, link);
			free(f);
		}
		return true;
	}
	return false;
}

void memdisk_fail_reads(const char *name, uint64_t block, unsigned times)
{
	fault_add(name, FAULT_READ, block, 0, times);
}

void memdisk_drop_write(const char *name, uint64_t block)
{
	fault_add(name, FAULT_DROP, block, 0, 1);
}

void memdisk_misdirect_write(const char *name, uint64_t block, uint64_t to_block)
{
	fault_add(name, FAULT_MISDIRECT, block, to_block, 1);
}

void memdisk_fail_flush(const char *name, unsigned times)
{
	medium_must(name)->fail_flushes = times;
}

void memdisk_host_full(const char *name, int err, bool any_block)
{
	struct medium *m = medium_must(name);

	m->host_full = err;
	m->host_full_any = any_block;
}

void memdisk_fail_writes(const char *name, unsigned times)
{
	medium_must(name)->fail_writes = times;
}

void memdisk_lose(const char *name)
{
	medium_must(name)->lost = true;
}

void memdisk_find(const char *name)
{
	medium_must(name)->lost = false;
}

static void poke(struct medium *m, uint64_t block, const uint8_t *bytes)
{
	struct memblock *b = memblock_new(bytes);

	vc_assert(block < m->n_blocks);
	memtable_set(&m->current, block, b);
	memtable_set(&m->durable, block, b);
	memblock_unref(b);
}

void memdisk_poke(const char *name, uint64_t block, const uint8_t bytes[4096])
{
	poke(medium_must(name), block, bytes);
}

uint64_t memdisk_blocks(const char *name)
{
	return medium_must(name)->n_blocks;
}

void memdisk_peek(const char *name, uint64_t block, uint8_t ret_bytes[4096])
{
	struct medium *m = medium_must(name);

	vc_assert(block < m->n_blocks);
	memtable_read(&m->current, block, ret_bytes);
}

void memdisk_refuse_discard(const char *name)
{
	medium_must(name)->no_discard = true;
}

void memdisk_flip_bit(const char *name, uint64_t block, unsigned bit)
{
	uint8_t bytes[BLOCK];

	memdisk_peek(name, block, bytes);
	bytes[bit / 8 % BLOCK] ^= (uint8_t)(1U << (bit % 8));
	memdisk_poke(name, block, bytes);
}

void memdisk_zero(const char *name)
{
	struct medium *m = medium_must(name);

	memtable_clear(&m->current);
	memtable_clear(&m->durable);
}

/* ---- crash ----------------------------------------------------------------------------------------------------- */

static uint64_t rng_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

static void tear(struct medium *to, uint64_t block, const uint8_t *bytes, uint64_t *rng)
{
	uint8_t mixed[BLOCK];
	uint64_t which = rng_next(rng);
	struct memblock *b;

	memtable_read(&to->durable, block, mixed);
	for (unsigned s = 0; s < BLOCK / SECTOR; s++)
		if (which >> s & 1)
			memcpy(mixed + (size_t)s * SECTOR, bytes + (size_t)s * SECTOR, SECTOR);
	b = memblock_new(mixed);
	memtable_set(&to->durable, block, b);
	memblock_unref(b);
}

static void crash_apply(struct medium *to, uint64_t block, const uint8_t *bytes, unsigned mode, uint64_t *rng)
{
	unsigned dice = mode == 3 ? (unsigned)(rng_next(rng) % 3) : mode;
	struct memblock *b;

	if (dice == 0)
		return;
	if (dice == 1) {
		tear(to, block, bytes, rng);
		return;
	}
	b = memblock_new(bytes);
	memtable_set(&to->durable, block, b);
	memblock_unref(b);
}

/* Writes in flight: any part of them may have reached the medium. */
static void crash_in_flight(struct medium *from, struct medium *to, uint64_t *rng)
{
	struct disk_io *io;

	TAILQ_FOREACH(io, &from->in_flight, link) {
		uint64_t block = io->offset_bytes / BLOCK;

		if (io->op != DISK_WRITE && io->op != DISK_WRITE_DURABLE)
			continue;
		for (unsigned i = 0; i < io->n_iov; i++)
			for (size_t at = 0; at < io->iov[i].iov_len; at += BLOCK)
				crash_apply(to, block++, (const uint8_t *)io->iov[i].iov_base + at, 3, rng);
	}
}

int memdisk_crash_clone(const char *name, const char *new_name, uint64_t seed)
{
	struct medium *from = medium_find(name), *to = medium_find(new_name);
	struct memwrite *w;
	uint64_t rng = seed * 2654435761U + 12345;
	unsigned style;
	int err;

	if (from == NULL)
		return -ENOENT;
	if (to != NULL)
		medium_free(to);
	err = medium_new(new_name, from->n_blocks, &to);
	if (err != 0)
		return err;
	memtable_copy(&to->durable, &from->durable);
	style = (unsigned)(rng_next(&rng) % 8); /* most often each write for itself; sometimes all or none */
	TAILQ_FOREACH(w, &from->unflushed, link)
		crash_apply(to, w->block, w->content->bytes, style == 0 ? 0 : style == 1 ? 2 : 3, &rng);
	crash_in_flight(from, to, &rng);
	memtable_copy(&to->current, &to->durable);
	return 0;
}

/* ---- chosen states --------------------------------------------------------------------------------------------- */

static bool is_write(const struct disk_io *io)
{
	return io->op == DISK_WRITE || io->op == DISK_WRITE_DURABLE;
}

unsigned memdisk_pending(const char *name)
{
	const struct medium *m = medium_must(name);
	const struct memwrite *w;
	const struct disk_io *io;
	uint64_t request = 0; /* the first one has 1 */
	unsigned n = 0;

	TAILQ_FOREACH(w, &m->unflushed, link) {
		n += w->request != request;
		request = w->request;
	}
	TAILQ_FOREACH(io, &m->in_flight, link)
		n += is_write(io);
	return n;
}

uint64_t memdisk_events(const char *name)
{
	const struct medium *m = medium_must(name);

	return m->n_ios + m->n_completed;
}

/* crash_apply's dice, by fate. */
static const unsigned fate_modes[] = { [MEMDISK_DROPPED] = 0, [MEMDISK_APPLIED] = 2, [MEMDISK_TORN] = 1 };

static void fates_in_flight(const struct medium *from, struct medium *to, const uint8_t *fates, uint64_t *rng)
{
	const struct disk_io *io;

	TAILQ_FOREACH(io, &from->in_flight, link) {
		uint64_t block = io->offset_bytes / BLOCK;

		if (!is_write(io))
			continue;
		for (unsigned i = 0; i < io->n_iov; i++)
			for (size_t at = 0; at < io->iov[i].iov_len; at += BLOCK)
				crash_apply(to, block++, (const uint8_t *)io->iov[i].iov_base + at, fate_modes[*fates],
				            rng);
		fates++;
	}
}

int memdisk_crash_clone_fates(const char *name, const char *new_name, const uint8_t *fates, uint64_t tear_seed)
{
	struct medium *from = medium_must(name), *to;
	const struct memwrite *w;
	uint64_t request = 0, rng = tear_seed;
	int err = medium_new(new_name, from->n_blocks, &to);

	if (err != 0)
		return err;
	memtable_copy(&to->durable, &from->durable);
	TAILQ_FOREACH(w, &from->unflushed, link) {
		fates += w->request != request && request != 0;
		request = w->request;
		if (*fates == MEMDISK_APPLIED)
			memtable_set(&to->durable, w->block, w->content);
		else
			crash_apply(to, w->block, w->content->bytes, fate_modes[*fates], &rng);
	}
	fates_in_flight(from, to, fates + (request != 0), &rng);
	memtable_copy(&to->current, &to->durable);
	return 0;
}

uint64_t memdisk_hash(const char *name)
{
	const struct medium *m = medium_must(name);
	uint64_t hash = 0;

	for (uint64_t i = memtable_next(&m->durable, 0, m->n_blocks); i < m->n_blocks;
	     i = memtable_next(&m->durable, i + 1U, m->n_blocks)) {
		uint64_t state = i;

		hash += rng_next(&state) * memblock_hash(memtable_get(&m->durable, i));
	}
	return hash;
}

int memdisk_clone(const char *name, const char *new_name)
{
	struct medium *from = medium_find(name), *to;
	int err;

	if (from == NULL)
		return -ENOENT;
	err = medium_new(new_name, from->n_blocks, &to);
	if (err != 0)
		return err;
	memtable_copy(&to->current, &from->current);
	memtable_copy(&to->durable, &from->current);
	to->lost = from->lost;
	return 0;
}

/* ---- I/O ------------------------------------------------------------------------------------------------------- */

static int do_read(struct medium *m, struct disk_io *io)
{
	uint64_t block = io->offset_bytes / BLOCK;
	int err = 0;

	for (unsigned i = 0; i < io->n_iov; i++)
		for (size_t at = 0; at < io->iov[i].iov_len; at += BLOCK, block++) {
			if (fault_take(m, FAULT_READ, block, NULL))
				err = -EIO;
			memtable_read(&m->current, block, (uint8_t *)io->iov[i].iov_base + at);
		}
	return err;
}

static void write_block(struct medium *m, uint64_t block, uint64_t request, const uint8_t *bytes)
{
	struct memwrite *w = malloc(sizeof *w);

	vc_assert(w != NULL);
	while (fault_take(m, FAULT_READ, block, NULL)) {
	}
	w->block = block;
	w->request = request;
	w->content = memblock_new(bytes);
	memtable_set(&m->current, block, w->content);
	TAILQ_INSERT_TAIL(&m->unflushed, w, link);
	m->n_unflushed++;
}

/* This block, durable now: older unflushed writes of it must not come after. */
static void write_block_durable(struct medium *m, uint64_t block, const uint8_t *bytes)
{
	struct memwrite *w, *next;

	TAILQ_FOREACH_SAFE(w, &m->unflushed, link, next)
		if (w->block == block)
			memwrite_free(m, w);
	while (fault_take(m, FAULT_READ, block, NULL)) {
	}
	poke(m, block, bytes);
}

static int do_write(struct medium *m, struct disk_io *io)
{
	uint64_t block = io->offset_bytes / BLOCK;

	if (m->fail_writes > 0) {
		m->fail_writes--;
		return -EIO;
	}
	for (unsigned i = 0; i < io->n_iov; i++)
		for (size_t at = 0; at < io->iov[i].iov_len; at += BLOCK, block++) {
			const uint8_t *bytes = (const uint8_t *)io->iov[i].iov_base + at;
			uint64_t to = block;

			if (m->host_full != 0 && (m->host_full_any || memtable_get(&m->current, block) == NULL))
				return m->host_full;
			if (fault_take(m, FAULT_DROP, block, NULL))
				continue;
			(void)fault_take(m, FAULT_MISDIRECT, block, &to);
			if (io->op == DISK_WRITE_DURABLE)
				write_block_durable(m, to, bytes);
			else
				write_block(m, to, m->n_completed, bytes);
		}
	return 0;
}

/* io->driver_data: the last write completed before the flush was submitted. */
static int do_flush(struct medium *m, struct disk_io *io)
{
	struct memwrite *w, *last = io->driver_data;
	bool present = false;

	TAILQ_FOREACH(w, &m->unflushed, link)
		present = present || w == last;
	if (!present)
		return 0; /* another flush has taken it along */
	do {
		w = TAILQ_FIRST(&m->unflushed);
		if (m->fail_flushes == 0)
			memtable_set(&m->durable, w->block, w->content);
		present = w == last;
		memwrite_free(m, w);
	} while (!present);
	return 0;
}

static int do_discard(struct medium *m, struct disk_io *io)
{
	static const uint8_t zeros[BLOCK];
	uint64_t block = io->offset_bytes / BLOCK, end = block + io->len_bytes / BLOCK;

	if (m->no_discard)
		return -EOPNOTSUPP;
	/* What was never written is zeros, durably. */
	for (block = memtable_next(&m->current, block, end); block < end;
	     block = memtable_next(&m->current, block + 1U, end))
		write_block(m, block, m->n_completed, zeros);
	return 0;
}

static int carry_out(struct memdisk *md, struct disk_io *io)
{
	struct medium *m = md->medium;
	int err;

	if (m->lost || md->fenced)
		return -ENODEV;
	if (io->offset_bytes + io->len_bytes > m->n_blocks * BLOCK)
		return -EIO;
	switch (io->op) {
	case DISK_READ: return do_read(m, io);
	case DISK_WRITE:
	case DISK_WRITE_DURABLE: return do_write(m, io);
	case DISK_FLUSH:
		err = do_flush(m, io);
		if (m->fail_flushes == 0)
			return err;
		m->fail_flushes--;
		return -EIO;
	case DISK_DISCARD: return do_discard(m, io);
	case DISK_CHECK: return 0;
	}
	return -EINVAL;
}

static void complete(struct disk_io *io)
{
	struct memdisk *md = container_of(io->disk, struct memdisk, disk);
	int err;

	md->medium->n_completed++;
	err = carry_out(md, io);
	TAILQ_REMOVE(&md->medium->in_flight, io, link);
	io->done(io, err);
}

static void complete_task(struct task *task)
{
	complete(container_of(task, struct disk_io, task));
}

static void complete_timer(struct timer *timer)
{
	complete(container_of(timer, struct disk_io, timer));
}

static void submit(struct disk *disk, struct disk_io *io)
{
	struct memdisk *md = container_of(disk, struct memdisk, disk);
	uint64_t random;

	md->medium->n_ios++;
	io->disk = disk;
	io->driver_data = TAILQ_LAST(&md->medium->unflushed, memwrite_list);
	TAILQ_INSERT_TAIL(&md->medium->in_flight, io, link);
	if (latency_max_ns == 0) {
		io->task = (struct task){ .run = complete_task };
		world_defer(disk->world, &io->task);
		return;
	}
	world_random(disk->world, &random, sizeof random);
	io->timer = (struct timer){ .fire = complete_timer };
	world_timer_set(disk->world, &io->timer, random % latency_max_ns);
}

static int create(const char *location, uint64_t size_bytes)
{
	struct medium *m;

	return medium_new(location, size_bytes / BLOCK, &m);
}

static int destroy(const char *location)
{
	struct medium *m = medium_find(location);

	if (m == NULL)
		return -ENOENT;
	if (m->open)
		return -EBUSY;
	medium_free(m);
	return 0;
}

static int open_disk(struct world *world, const char *location, struct disk **ret_disk)
{
	struct medium *m = medium_find(location);
	struct memdisk *md;

	if (m == NULL || m->lost)
		return -ENOENT;
	if (m->open)
		return -EBUSY;
	md = calloc(1, sizeof *md);
	if (md == NULL)
		return -ENOMEM;
	md->disk = (struct disk){ .driver = &memdisk_driver, .world = world, .size_bytes = m->n_blocks * BLOCK };
	md->medium = m;
	m->open = true;
	*ret_disk = &md->disk;
	return 0;
}

static void fence(struct disk *disk)
{
	container_of(disk, struct memdisk, disk)->fenced = true;
}

static void close_disk(struct disk *disk)
{
	struct memdisk *md = container_of(disk, struct memdisk, disk);

	vc_assert(TAILQ_EMPTY(&md->medium->in_flight));
	md->medium->open = false;
	free(md);
}

const struct disk_driver memdisk_driver = {
	.scheme = "mem",
	.create = create,
	.destroy = destroy,
	.open = open_disk,
	.submit = submit,
	.fence = fence,
	.close = close_disk,
};
