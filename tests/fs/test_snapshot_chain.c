/* SPDX-License-Identifier: Apache-2.0 */
/* LUNs on snapshots of LUNs on snapshots: what a chain shows, what may be deleted when and which error names whom,
 * through clones and crashes. */
#include "tests/fs/vdiskbox.h"

#include "fs/volume.h"

#define LUN_BYTES (1 * MIB)
#define BLOCKS (LUN_BYTES / FS_BLOCK_SIZE)

static struct fsbox box;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 21, 3, 96 * MIB, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static void write_block(const char *path, uint32_t fbn, uint32_t tag)
{
	assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
	vd_write(&box, vd_info.id, fbn, tag, FS_FILE_SYNC);
}

static uint32_t read_block(const char *path, uint32_t fbn)
{
	assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
	return vd_read(&box, vd_info.id, fbn);
}

static void separate(const char *path)
{
	assert_int_equal(vd_op(&box, FS_CLONE_START, path), 0);
	vd_await_clone(&box, path, FS_CLONE_DONE);
}

/* Refused, and the error says who needs it. */
static void expect_needed(const char *snapshot, const char *by)
{
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, snapshot), -EBUSY);
	if (strstr(vd_error, by) == NULL)
		fail_msg("\"%s\" does not name %s", vd_error, by);
}

/* How many LUNs the list says are on it. */
static unsigned luns_on(const char *name)
{
	struct fs_message msg;
	unsigned n = 1000;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++)
		if (strcmp(msg.out.snapshots[i].name, name) == 0)
			n = msg.out.snapshots[i].n_dependants;
	fs_message_fini(&msg);
	return n;
}

static int rename_snapshot(const char *from, const char *to)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SNAPSHOT_RENAME, box.vol, NULL, NULL);
	msg.in.name = from;
	msg.in.name_len = (uint32_t)strlen(from);
	msg.in.to_name = to;
	msg.in.to_name_len = (uint32_t)strlen(to);
	return box_send(&box, &msg);
}

/* l0 <- s0 <- l1 <- s1 <- l2 <- s2 <- l3, a block of its own in each. */
static void chain_make(void)
{
	assert_int_equal(vd_create(&box, "/l0", LUN_BYTES, NULL, false), 0);
	write_block("/l0", 0, 100);
	write_block("/l0", 1, 101);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s0"), 0);
	assert_int_equal(vd_create(&box, "/l1", 0, "/.snapshot/s0/l0", false), 0);
	write_block("/l1", 1, 111);
	write_block("/l1", 2, 112);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/l2", 0, "/.snapshot/s1/l1", false), 0);
	write_block("/l2", 2, 122);
	write_block("/l2", 3, 123);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(vd_create(&box, "/l3", 0, "/.snapshot/s2/l2", false), 0);
	write_block("/l3", 3, 133);
	for (unsigned i = 0; i < 4; i++)
		write_block("/l0", i, 900 + i); /* nobody above sees it */
}

static void chain_expect(void)
{
	static const uint32_t tags[4][5] = {
		{ 900, 901, 902, 903, 0 }, { 100, 111, 112, 0, 0 }, { 100, 111, 122, 123, 0 }, { 100, 111, 122, 133, 0 }
	};

	for (unsigned lun = 0; lun < 4; lun++) {
		char path[8];

		snprintf(path, sizeof path, "/l%u", lun);
		for (uint32_t fbn = 0; fbn < 5; fbn++)
			assert_int_equal(read_block(path, fbn), tags[lun][fbn]);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void chain_is_taken_down_from_its_end(void **state)
{
	(void)state;
	chain_make();
	chain_expect();
	box_crash(&box, 1);
	chain_expect();
	expect_needed("s0", "/l1");
	expect_needed("s1", "/l2");
	expect_needed("s2", "/l3");
	assert_int_equal(luns_on("s1"), 1); /* s2 has l2 on it too, but is no LUN */
	assert_int_equal(rename_snapshot("s2", "renamed"), 0);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/l3"), 0);
	assert_string_equal(vd_info.backing_snapshot, "renamed");
	expect_needed("renamed", "/l3");
	separate("/l3");
	chain_expect();
	separate("/l2");
	expect_needed("s1", "\"renamed\""); /* l2 in there is on s1 still */
	assert_int_equal(luns_on("s1"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "renamed"), 0);
	chain_expect();
	box_crash(&box, 2);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	chain_expect();
	expect_needed("s0", "/l1");
	/* the LUN the chain began with is not needed, its snapshot is */
	assert_int_equal(vd_destroy(&box, "/l0", true), 0);
	assert_int_equal(read_block("/l1", 0), 100);
	separate("/l1");
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s0"), 0);
	box_crash(&box, 3);
	assert_int_equal(read_block("/l1", 1), 111);
	assert_int_equal(read_block("/l3", 0), 100);
	assert_int_equal(vd_check(&box), 0);
}

static void chain_is_separated_from_its_beginning(void **state)
{
	(void)state;
	chain_make();
	separate("/l1"); /* l1 in s1 and s2 is on s0 as before */
	expect_needed("s0", "\"s1\"");
	chain_expect();
	box_crash(&box, 4);
	expect_needed("s0", "\"s1\"");
	separate("/l2");
	separate("/l3");
	chain_expect();
	expect_needed("s0", "\"s1\"");
	expect_needed("s1", "\"s2\"");
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s0"), 0);
	chain_expect();
}

static void many_clones_of_one_file(void **state)
{
	char path[16];

	(void)state;
	assert_int_equal(vd_create(&box, "/base", LUN_BYTES, NULL, false), 0);
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		write_block("/base", i, i + 1);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(path, sizeof path, "/c%u", i);
		assert_int_equal(vd_create(&box, path, 0, "/.snapshot/s/base", false), 0);
		write_block(path, i, 1000 + i);
	}
	assert_int_equal(vd_destroy(&box, "/base", true), 0);
	box_crash(&box, 5);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(path, sizeof path, "/c%u", i);
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s"), -EBUSY);
		assert_int_equal(read_block(path, i), 1000 + i);
		assert_int_equal(read_block(path, 60), 61);
		assert_int_equal(read_block(path, 61), 0);
		if (i % 2 == 0)
			assert_int_equal(vd_destroy(&box, path, true), 0);
		else
			separate(path);
	}
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s"), 0);
	box_run(&box, 3000000000ULL);
	for (unsigned i = 1; i < 30; i += 2) {
		snprintf(path, sizeof path, "/c%u", i);
		assert_int_equal(read_block(path, i), 1000 + i);
		assert_int_equal(read_block(path, 60), 61);
	}
	assert_int_equal(vd_check(&box), 0);
}

/* ---- random histories ---- */

#define LUNS 5U
#define KEPT 5U
#define SEEN 12U /* blocks of a LUN that are ever written */
#define NONE UINT32_MAX

struct lun_model {
	bool used;
	unsigned serial; /* of its path */
	uint32_t on; /* number of the snapshot under it; NONE */
	uint32_t tags[SEEN];
};
struct kept_model {
	bool used;
	uint32_t number;
	struct lun_model luns[LUNS];
};
static struct lun_model luns[LUNS];
static struct kept_model kept[KEPT];
static unsigned n_serials, n_numbers, n_deep, n_refused;

static unsigned draw(unsigned n)
{
	return (unsigned)(sim_random(box.sim) >> 20) % n;
}

static bool is_needed(uint32_t number)
{
	for (unsigned l = 0; l < LUNS; l++) {
		if (luns[l].used && luns[l].on == number)
			return true;
		for (unsigned k = 0; k < KEPT; k++)
			if (kept[k].used && kept[k].luns[l].used && kept[k].luns[l].on == number)
				return true;
	}
	return false;
}

static void random_create(struct lun_model *lun)
{
	const struct kept_model *under = &kept[draw(KEPT)];
	const struct lun_model *base = &under->luns[draw(LUNS)];
	char path[16], backing[64];

	for (unsigned tries = 0; tries < 10 && (!under->used || !base->used); tries++) {
		under = &kept[draw(KEPT)];
		base = &under->luns[draw(LUNS)];
	}
	*lun = (struct lun_model){ .used = true, .serial = n_serials++ % 100000U, .on = NONE };
	snprintf(path, sizeof path, "/r%u", lun->serial);
	if (!under->used || !base->used) {
		assert_int_equal(vd_create(&box, path, LUN_BYTES, NULL, false), 0);
		return;
	}
	snprintf(backing, sizeof backing, "/.snapshot/k%u/r%u", under->number, base->serial);
	assert_int_equal(vd_create(&box, path, 0, backing, false), 0);
	lun->on = under->number;
	memcpy(lun->tags, base->tags, sizeof lun->tags);
	n_deep += base->on != NONE;
}

static void random_lun(struct lun_model *lun)
{
	unsigned dice = draw(10), fbn = draw(SEEN);
	char path[16];

	if (!lun->used) {
		random_create(lun);
		return;
	}
	snprintf(path, sizeof path, "/r%u", lun->serial);
	if (dice < 5) {
		lun->tags[fbn] = n_serials++ + 7U;
		write_block(path, fbn, lun->tags[fbn]);
	} else if (dice < 7) {
		lun->tags[fbn] = 0;
		assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
		assert_int_equal(box_zero(&box, vd_info.id, (uint64_t)fbn * FS_BLOCK_SIZE, FS_BLOCK_SIZE), 0);
	} else if (dice < 9 && lun->on != NONE) {
		separate(path);
		lun->on = NONE;
	} else if (dice == 9) {
		assert_int_equal(vd_destroy(&box, path, true), 0);
		lun->used = false;
	}
}

static void random_snapshot(struct kept_model *k)
{
	char name[16];

	if (!k->used) {
		k->number = n_numbers++ % 100000U;
		snprintf(name, sizeof name, "k%u", k->number);
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
		k->used = true;
		memcpy(k->luns, luns, sizeof luns);
		return;
	}
	snprintf(name, sizeof name, "k%u", k->number);
	k->used = false; /* what only it needs of itself does not count */
	if (is_needed(k->number)) {
		k->used = true;
		n_refused++;
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, name), -EBUSY);
	} else {
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, name), 0);
	}
}

static void luns_expect(const struct lun_model *models, const char *folder)
{
	char path[48];
	struct fs_file_id id;

	for (unsigned l = 0; l < LUNS; l++) {
		if (!models[l].used)
			continue;
		snprintf(path, sizeof path, "%s/r%u", folder, models[l].serial);
		assert_int_equal(box_resolve(&box, path, &id), 0);
		for (uint32_t fbn = 0; fbn < SEEN; fbn++)
			assert_int_equal(vd_read(&box, id, fbn), models[l].tags[fbn]);
	}
}

static void random_chains_match_the_model(void **state)
{
	(void)state;
	for (unsigned step = 0; step < 400; step++) {
		unsigned dice = draw(20);
		char folder[32];

		if (dice < 14)
			random_lun(&luns[draw(LUNS)]);
		else if (dice < 19)
			random_snapshot(&kept[draw(KEPT)]);
		else {
			assert_int_equal(box_sync(&box), 0); /* zeroing is not durable when answered */
			box_crash(&box, step);
		}
		if (step % 10U != 0)
			continue;
		luns_expect(luns, "");
		for (unsigned k = 0; k < KEPT; k++) {
			snprintf(folder, sizeof folder, "/.snapshot/k%u", kept[k].number);
			if (kept[k].used)
				luns_expect(kept[k].luns, folder);
		}
		assert_int_equal(vd_check(&box), 0);
	}
	print_message("%u LUNs on LUNs that were backed, %u deletions refused\n", n_deep, n_refused);
	assert_true(n_deep > 3 && n_refused > 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(chain_is_taken_down_from_its_end),
		T(chain_is_separated_from_its_beginning),
		T(many_clones_of_one_file),
		T(random_chains_match_the_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
