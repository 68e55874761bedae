/* SPDX-License-Identifier: Apache-2.0 */
/* A RAID volume on mem: disks in a simulated world, driven by plain blocking calls; and a model of what its blocks
 * hold. */
#include "tests/support/simraid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 50000000ULL
#define CHECK_RUN 64U

struct outcome {
	bool done;
	int err;
	struct raid *raid;
	uint64_t wrong;
};

static bool flag_is_set(void *arg)
{
	return *(bool *)arg;
}

bool simraid_wait(struct simraid *s, bool *flag)
{
	return sim_run_until(s->sim, flag_is_set, flag, MAX_STEPS);
}

static int wait_for(struct simraid *s, struct outcome *o)
{
	vc_assert(simraid_wait(s, &o->done));
	return o->err;
}

static void on_err(void *arg, int err)
{
	struct outcome *o = arg;

	vc_assert(!o->done);
	o->done = true;
	o->err = err;
}

static void on_open(void *arg, int err, struct raid *raid)
{
	struct outcome *o = arg;

	on_err(arg, err);
	o->raid = raid;
}

void simraid_init(struct simraid *s, uint64_t seed, const char *prefix, unsigned n_groups, const unsigned *group_disks,
                  uint64_t blocks)
{
	memset(s, 0, sizeof *s);
	disk_driver_register(&memdisk_driver);
	s->sim = simworld_new(seed);
	s->world = simworld_world(s->sim);
	s->n_groups = n_groups;
	for (unsigned g = 0; g < n_groups; g++) {
		s->group_disks[g] = group_disks[g];
		for (unsigned i = 0; i < group_disks[g]; i++) {
			unsigned n = s->n_disks++;

			vc_assert(n < SIMRAID_MAX_DISKS);
			(void)snprintf(s->names[n], sizeof s->names[n], "%.20s-%u", prefix, n);
			(void)snprintf(s->urls[n], sizeof s->urls[n], "mem:%.20s-%u", prefix, n);
			if (blocks > 0)
				vc_assert(disk_create(s->urls[n], blocks * RAID_BLOCK_SIZE) == 0);
		}
	}
}

unsigned simraid_add_disk(struct simraid *s, const char *name, uint64_t blocks)
{
	unsigned n = s->n_disks++;

	vc_assert(n < SIMRAID_MAX_DISKS);
	(void)snprintf(s->names[n], sizeof s->names[n], "%.20s", name);
	(void)snprintf(s->urls[n], sizeof s->urls[n], "mem:%.20s", name);
	if (blocks > 0)
		vc_assert(disk_create(s->urls[n], blocks * RAID_BLOCK_SIZE) == 0);
	return n;
}

int simraid_replace(struct simraid *s, unsigned group, unsigned position, unsigned disk)
{
	struct outcome o = { 0 };

	raid_replace(s->raid, group, position, s->urls[disk], on_err, &o);
	return wait_for(s, &o);
}

int simraid_online(struct simraid *s, unsigned group, unsigned position, unsigned disk)
{
	struct outcome o = { 0 };

	raid_online(s->raid, group, position, s->urls[disk], on_err, &o);
	return wait_for(s, &o);
}

int simraid_convert(struct simraid *s, unsigned group, unsigned disk)
{
	struct outcome o = { 0 };

	raid_convert(s->raid, group, s->urls[disk], on_err, &o);
	return wait_for(s, &o);
}

int simraid_limit(struct simraid *s, enum raid_limit which, uint64_t value)
{
	struct raid_limits limits = { 0 };
	struct outcome o = { 0 };

	limits.of[which] = value;
	raid_limits_change(s->raid, &limits, on_err, &o);
	return wait_for(s, &o);
}

/* The volume may have more blocks than the model knows. */
static void model_follow(struct simraid *s)
{
	uint32_t end = raid_geometry(s->raid)->vbn_end;
	uint32_t *versions;

	if (end <= s->vbn_end)
		return;
	versions = calloc(end, sizeof *versions);
	vc_assert(versions != NULL);
	if (s->versions != NULL)
		memcpy(versions, s->versions, s->vbn_end * sizeof *versions);
	free(s->versions);
	s->versions = versions;
	s->vbn_end = end;
}

int simraid_add_to_group(struct simraid *s, unsigned group, unsigned disk)
{
	struct outcome o = { 0 };
	int err;

	raid_add_disk(s->raid, group, s->urls[disk], on_err, &o);
	err = wait_for(s, &o);
	model_follow(s);
	return err;
}

int simraid_add_group(struct simraid *s, unsigned disk, unsigned n)
{
	struct raid_group_spec spec = { .n_disks = n, .n_parity = s->n_parity };
	struct outcome o = { 0 };
	int err;

	for (unsigned i = 0; i < n; i++)
		spec.disk_urls[i] = s->urls[disk + i];
	raid_add_group(s->raid, &spec, on_err, &o);
	err = wait_for(s, &o);
	model_follow(s);
	return err;
}

static bool is_rebuilding(const struct simraid *s)
{
	static struct raid_status st;

	raid_status(s->raid, &st);
	for (unsigned i = 0; i < st.n_disks; i++)
		if (st.disks[i].state == RAID_DISK_REBUILDING)
			return true;
	return false;
}

void simraid_rebuilt(struct simraid *s, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 100U && is_rebuilding(s); i++)
		sim_run_for(s->sim, 10000000);
}

void simraid_fini(struct simraid *s)
{
	free(s->versions);
	simworld_free(s->sim);
	memset(s, 0, sizeof *s);
}

int simraid_format(struct simraid *s, uint64_t log_half_bytes)
{
	struct raid_group_spec groups[8] = { 0 };
	struct raid_spec spec = { groups, s->n_groups, log_half_bytes };
	struct outcome o = { 0 };
	struct uuid uuid;
	uint8_t random[16];
	unsigned at = 0;

	world_random(s->world, random, sizeof random);
	uuid = uuid_from_random(random);
	for (unsigned g = 0; g < s->n_groups; g++) {
		groups[g].n_disks = s->group_disks[g];
		groups[g].n_parity = s->n_parity;
		for (unsigned i = 0; i < s->group_disks[g]; i++)
			groups[g].disk_urls[i] = s->urls[at++];
	}
	raid_format(s->world, &spec, &uuid, on_err, &o);
	return wait_for(s, &o);
}

static int open_as(struct simraid *s, bool read_only)
{
	const char *urls[SIMRAID_MAX_DISKS];
	struct outcome o = { 0 };
	unsigned n = 0;
	int err;

	for (unsigned i = 0; i < s->n_disks; i++)
		if (s->names[i][0] != '\0')
			urls[n++] = s->urls[i];
	(read_only ? raid_open_read_only : raid_open)(s->world, urls, n, &s->report, on_open, &o);
	err = wait_for(s, &o);
	s->raid = o.raid;
	if (err == 0 && s->versions == NULL)
		model_follow(s);
	return err;
}

int simraid_open(struct simraid *s)
{
	return open_as(s, false);
}

int simraid_open_read_only(struct simraid *s)
{
	return open_as(s, true);
}

int simraid_close(struct simraid *s)
{
	struct outcome o = { 0 };

	raid_close(s->raid, on_err, &o);
	s->raid = NULL;
	return wait_for(s, &o);
}

struct raid_ident simraid_ident(uint32_t vbn, uint32_t version)
{
	return (struct raid_ident){ .inode = 64 + vbn % 1000, .fbn = vbn, .generation = version, .level = vbn % 3 };
}

void simraid_fill(uint8_t *bytes, uint32_t vbn, uint32_t version)
{
	uint64_t z = ((uint64_t)vbn << 32 | version) * 0x9E3779B97F4A7C15ULL + 1;

	for (unsigned i = 0; i < RAID_BLOCK_SIZE; i += 8) {
		z ^= z << 13;
		z ^= z >> 7;
		z ^= z << 17;
		memcpy(bytes + i, &z, 8);
	}
}

struct write_call {
	struct raid_write write;
	struct outcome outcome;
};

static void on_write(struct raid_write *write, int err)
{
	on_err(&container_of(write, struct write_call, write)->outcome, err);
}

int simraid_write(struct simraid *s, const uint32_t *vbns, unsigned n)
{
	struct raid_write_block *blocks = calloc(n + 1, sizeof *blocks);
	struct write_call call = { .write = { .blocks = blocks, .n_blocks = n, .done = on_write } };
	int err;

	for (unsigned i = 0; i < n; i++) {
		blocks[i].vbn = vbns[i];
		blocks[i].ident = simraid_ident(vbns[i], ++s->versions[vbns[i]]);
		blocks[i].page = page_alloc();
		vc_assert(blocks[i].page != NULL);
		simraid_fill(blocks[i].page->data, vbns[i], s->versions[vbns[i]]);
	}
	raid_write(s->raid, &call.write);
	err = wait_for(s, &call.outcome);
	for (unsigned i = 0; i < n; i++)
		page_put(blocks[i].page);
	free(blocks);
	return err;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int simraid_write_random(struct simraid *s, unsigned n, unsigned run)
{
	uint32_t *vbns = calloc(n, sizeof *vbns);
	unsigned k = 0, unique = 0;
	int err;

	while (k < n) {
		uint32_t at = (uint32_t)(sim_random(s->sim) % s->vbn_end);

		for (unsigned i = 0; i < run && k < n && at + i < s->vbn_end; i++)
			vbns[k++] = at + i;
	}
	qsort(vbns, n, sizeof *vbns, compare_u32);
	for (unsigned i = 0; i < n; i++)
		if (vbns[i] != 0 && (unique == 0 || vbns[unique - 1] != vbns[i]))
			vbns[unique++] = vbns[i];
	err = simraid_write(s, vbns, unique);
	free(vbns);
	return err != 0 ? err : (int)unique;
}

int simraid_flush(struct simraid *s)
{
	struct outcome o = { 0 };

	raid_flush(s->raid, on_err, &o);
	return wait_for(s, &o);
}

int simraid_fsinfo_write(struct simraid *s, uint64_t generation, uint8_t fill)
{
	uint8_t body[RAID_FSINFO_BODY];
	struct outcome o = { 0 };

	memset(body, fill, sizeof body);
	raid_fsinfo_write(s->raid, generation, body, on_err, &o);
	return wait_for(s, &o);
}

int simraid_log_write(struct simraid *s, unsigned half, uint32_t first, unsigned n, uint8_t fill)
{
	struct iovec iov[64];
	struct page *page = page_alloc();
	struct outcome o = { 0 };
	int err;

	vc_assert(n <= 64);
	memset(page->data, fill, PAGE_SIZE);
	for (unsigned i = 0; i < n; i++)
		iov[i] = (struct iovec){ page->data, PAGE_SIZE };
	raid_log_write(s->raid, &(struct raid_log_io){ half, first, iov, n, on_err, &o });
	err = wait_for(s, &o);
	page_put(page);
	return err;
}

int simraid_log_read(struct simraid *s, unsigned copy, unsigned half, uint32_t first, unsigned n, uint8_t *ret_fill)
{
	struct iovec iov[64];
	struct page *pages[64];
	struct outcome o = { 0 };
	int err;

	vc_assert(n <= 64 && page_alloc_many(pages, n) == 0);
	for (unsigned i = 0; i < n; i++)
		iov[i] = (struct iovec){ pages[i]->data, PAGE_SIZE };
	raid_log_read(s->raid, copy, &(struct raid_log_io){ half, first, iov, n, on_err, &o });
	err = wait_for(s, &o);
	*ret_fill = pages[0]->data[0];
	for (unsigned i = 0; i < n && err == 0; i++)
		for (unsigned b = 0; b < PAGE_SIZE; b++)
			if (pages[i]->data[b] != *ret_fill)
				err = -EUCLEAN;
	page_put_many(pages, n);
	return err;
}

struct read_call {
	struct raid_read read;
	struct outcome outcome;
};

static void on_read(struct raid_read *read)
{
	on_err(&container_of(read, struct read_call, read)->outcome, 0);
}

/* Read blocks and compare; counts errors and wrong bytes. */
static void read_and_compare(struct simraid *s, const uint32_t *vbns, unsigned n, unsigned *wrong, unsigned *eio)
{
	struct raid_read_block blocks[CHECK_RUN];
	struct read_call call = { .read = { .blocks = blocks, .n_blocks = n, .done = on_read } };
	uint8_t expected[RAID_BLOCK_SIZE];

	for (unsigned i = 0; i < n; i++) {
		blocks[i] = (struct raid_read_block){
			.vbn = vbns[i], .err = 1, .ident = simraid_ident(vbns[i], 0), .page = page_alloc()
		};
		vc_assert(blocks[i].page != NULL);
		memset(blocks[i].page->data, 0xA5, PAGE_SIZE);
	}
	raid_read(s->raid, &call.read);
	(void)wait_for(s, &call.outcome);
	for (unsigned i = 0; i < n; i++) {
		simraid_fill(expected, vbns[i], s->versions[vbns[i]]);
		if (blocks[i].err != 0)
			(*eio)++;
		else if (memcmp(expected, blocks[i].page->data, RAID_BLOCK_SIZE) != 0)
			(*wrong)++;
		page_put(blocks[i].page);
	}
}

int simraid_read(struct simraid *s, uint32_t vbn, uint32_t version)
{
	unsigned wrong = 0, eio = 0;
	uint32_t kept = s->versions[vbn];

	s->versions[vbn] = version;
	read_and_compare(s, &vbn, 1, &wrong, &eio);
	s->versions[vbn] = kept;
	return eio > 0 ? -EIO : wrong > 0 ? -EUCLEAN : 0;
}

unsigned simraid_check(struct simraid *s, unsigned *ret_eio)
{
	uint32_t vbns[CHECK_RUN];
	unsigned n = 0, wrong = 0, eio = 0;

	for (uint32_t vbn = 0; vbn < s->vbn_end; vbn++) {
		if (s->versions[vbn] == 0)
			continue;
		vbns[n++] = vbn;
		if (n == CHECK_RUN) {
			read_and_compare(s, vbns, n, &wrong, &eio);
			n = 0;
		}
	}
	if (n > 0)
		read_and_compare(s, vbns, n, &wrong, &eio);
	if (ret_eio != NULL)
		*ret_eio = eio;
	return wrong + eio;
}

static void on_verify(void *arg, int err, const struct raid_verify_result *result)
{
	struct outcome *o = arg;

	on_err(arg, err);
	o->wrong = result->n_checksum_wrong + result->n_parity_wrong;
}

uint64_t simraid_verify(struct simraid *s)
{
	uint64_t wrong = 0;

	for (unsigned g = 0; g < s->n_groups; g++) {
		struct outcome o = { 0 };

		raid_verify(s->raid, g, 0, UINT32_MAX, on_verify, &o);
		if (wait_for(s, &o) != 0)
			wrong++;
		wrong += o.wrong;
	}
	return wrong;
}

void simraid_start(struct simraid *s, uint64_t log_half_bytes)
{
	memdisk_set_latency(200000);
	vc_assert(simraid_format(s, log_half_bytes) == 0);
	vc_assert(simraid_open(s) == 0);
}

void simraid_reopen(struct simraid *s)
{
	vc_assert(simraid_close(s) == 0);
	vc_assert(simraid_open(s) == 0);
}

void simraid_end(struct simraid *s)
{
	if (s->sim == NULL)
		return;
	if (s->raid != NULL)
		(void)simraid_close(s);
	simraid_fini(s);
	memdisk_destroy_all();
	vc_assert(page_arena_used() == 0);
}
