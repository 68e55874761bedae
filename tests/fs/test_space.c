/* SPDX-License-Identifier: Apache-2.0 */
/* A volume filled to the last byte: what was promised is kept, the figures add up, and everything comes back.
 *
 * THEORY. A history draws operations of every kind on a small volume that is full most of the time. A reserved LUN must
 * take every write, whatever snapshots there are; removing must always work; the figures must add up after each
 * operation, and what is called available must be had. In the end everything is deleted, and exactly the figure of the
 * empty volume must be back. SPACE_SEED, SPACE_SEEDS: other histories. */
#include "fs/file/file.h"
#include "fs/file/snapshot_table.h"
#include "tests/fs/vdiskbox.h"

#include "base/list.h"
#include "base/page.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache_private.h"
#include "fs/file/inode_table.h"
#include "fs/file/tree.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vtoc.h"
#include "tests/support/memdisk.h"

#define LUNS 3U
#define LUN_BLOCKS 1100U /* more than one level-1 block */
#define FILES 12U
#define SNAPS 4U
#define BURST 24U

struct lun {
	bool exists, reserved, backed;
	struct fs_file_id id;
	uint32_t n_blocks;
	uint32_t tag[LUN_BLOCKS]; /* what it must show */
	bool unsure[LUN_BLOCKS]; /* changed since it was last durable: old and new may be found after a crash */
};
struct history {
	struct fsbox box;
	uint64_t random;
	uint32_t next_tag;
	struct lun luns[LUNS];
	bool file[FILES];
	struct fs_file_id file_id[FILES];
	bool snap[SNAPS];
	bool dir_made;
	uint64_t empty_bytes;
	unsigned n_nospc, n_lun_writes, n_refused_snapshots, n_snapshots;
};

static uint64_t draw(struct history *h, uint64_t n)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random % n;
}

/* ---- figures ---- */

static void figures_of(struct fsbox *box, struct fs_volume_info *ret_info, struct fs_fsstat *ret_stat)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_VOLUME_STAT, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	*ret_info = *msg.out.volume;
	fs_message_fini(&msg);
	fs_message_init(&msg, FS_FSSTAT, box->vol, NULL, NULL);
	msg.file = box_root;
	assert_int_equal(box_send(box, &msg), 0);
	*ret_stat = msg.out.fsstat;
	fs_message_fini(&msg);
}

static uint64_t figures_add_up(struct fsbox *box)
{
	struct fs_volume_info info, again;
	struct fs_fsstat stat, later;

	figures_of(box, &info, &stat);
	assert_int_equal(info.size_bytes, info.used_bytes + info.metadata_bytes + info.snapshot_bytes +
	                                      info.reserved_bytes + info.kept_bytes + info.free_bytes);
	assert_int_equal(stat.total_bytes, info.size_bytes);
	figures_of(box, &again, &later);
	if (again.cp_generation == info.cp_generation && again.free_bytes == info.free_bytes &&
	    again.cp_count == info.cp_count) { /* nothing happened in between */
		assert_int_equal(stat.avail_bytes, info.free_bytes);
		assert_int_equal(stat.free_bytes, info.free_bytes + info.reserved_bytes + info.kept_bytes);
	}
	return info.free_bytes;
}

/* ---- the reservations against the truth ---- */

/* Blocks of the LUN that the newest snapshot's active map has, counted one by one from memory: the CP is at rest. */
static int truth_step(struct fs_run *run)
{
	const struct vtoc_entry *entry = run->arg;
	struct inode *inode, *map;
	uint64_t *count = &((struct vtoc_entry *)run->arg)->shrunk_in; /* a copy of the entry: room for the answer */
	uint32_t newest = snapshot_newest_id(run->vol);
	int err = inode_get(run, 0, entry->ino, &inode);

	if (err == 0)
		err = inode_get(run, newest, INO_ACTIVE_MAP, &map);
	if (err != 0)
		return err;
	*count = 0;
	for (uint32_t fbn = 0; fbn < blocks_of_size(inode->attr.size_bytes); fbn++) {
		const uint8_t *bytes;
		uint64_t end;
		uint32_t vbn;

		err = tree_lookup(run, inode, fbn, &vbn, &end);
		if (err == 0 && vbn != VBN_HOLE && vbn != VBN_ZERO) {
			err = file_need(run, map, region_of(vbn), &bytes);
			if (err == 0)
				*count += (unsigned)bytes[vbn % REGION_BLOCKS / 8U] >> vbn % 8U & 1U;
		}
		if (err != 0)
			return err;
	}
	return 0;
}

static bool truth_done;
static void truth_finish(struct fs_run *run, int err)
{
	(void)run;
	assert_int_equal(err, 0);
	truth_done = true;
}

static bool truth_is_there(void *arg)
{
	(void)arg;
	return truth_done;
}

/* After a CP: no reservation is less than what the LUN may still need. */
static void reservations_are_enough(struct history *h)
{
	struct fs_volume *vol = h->box.vol;
	struct vtoc_entry *entry = NULL;

	if (vol->snapshots->n == 0 || cp_is_running(vol) || vol->pending_blocks[0] + vol->pending_blocks[1] > 0)
		return;
	while ((entry = vtoc_next(vol, entry)) != NULL) {
		struct vtoc_entry copy = *entry;
		struct fs_run run;

		run_init(&run, vol, truth_step, truth_finish, &copy);
		truth_done = false;
		run_start(&run);
		assert_true(sim_run_until(h->box.sim, truth_is_there, NULL, 10000000));
		run_fini(&run);
		if (entry->shared_blocks < copy.shrunk_in)
			fail_msg("inode %u: %llu blocks are held by the newest snapshot and %llu are counted",
			         entry->ino, (unsigned long long)copy.shrunk_in,
			         (unsigned long long)entry->shared_blocks);
	}
}

static void tell(struct history *h, const char *what, int err)
{
	const struct fs_volume *vol = h->box.vol;
	const struct space *s = vol->space;
	const struct vtoc_entry *entry = NULL;

	fprintf(stderr,
	        "%s: %d; free %llu pending %llu luns %llu (full %llu) names %llu of %llu + %llu, map holes %llu, "
	        "snapshots %u\n",
	        what, err, (unsigned long long)vol->free_blocks,
	        (unsigned long long)(vol->pending_blocks[0] + vol->pending_blocks[1]),
	        (unsigned long long)s->lun_blocks, (unsigned long long)s->lun_full_blocks,
	        (unsigned long long)s->shared_names, (unsigned long long)s->meta_blocks,
	        (unsigned long long)s->name_blocks, (unsigned long long)s->map_holes, vol->snapshots->n);
	while ((entry = vtoc_next(h->box.vol, entry)) != NULL)
		fprintf(stderr, "  lun %u %s full %llu own %llu shared %llu%s\n", entry->ino,
		        entry->reserved ? "reserved" : "thin", (unsigned long long)entry->full_blocks,
		        (unsigned long long)entry->own_blocks, (unsigned long long)entry->shared_blocks,
		        entry->shared_stale ? " or less" : "");
}

/* ---- operations ---- */

static void fill(uint8_t *bytes, uint32_t n_blocks, uint32_t tag)
{
	for (uint32_t i = 0; i < n_blocks * (FS_BLOCK_SIZE / 4U); i++)
		memcpy(bytes + i * 4U, &tag, 4);
}

static int write_blocks(struct history *h, struct fs_file_id id, uint32_t fbn, uint32_t n, uint32_t tag, bool stable)
{
	static uint8_t bytes[64 * FS_BLOCK_SIZE];

	fill(bytes, n, tag);
	return box_write(&h->box, id, (uint64_t)fbn * FS_BLOCK_SIZE, bytes, n * FS_BLOCK_SIZE,
	                 stable ? FS_FILE_SYNC : FS_UNSTABLE);
}

static void lun_set(struct lun *lun, uint32_t fbn, uint32_t n, uint32_t tag, bool stable)
{
	for (uint32_t i = fbn; i < fbn + n; i++) {
		lun->tag[i] = tag;
		lun->unsure[i] = !stable;
	}
}

static void do_lun_write(struct history *h)
{
	struct lun *lun = &h->luns[draw(h, LUNS)];
	uint32_t n = 1U + (uint32_t)draw(h, draw(h, 4) == 0 ? 64 : 6), fbn, tag = h->next_tag++;
	bool stable = draw(h, 3) == 0;
	int err;

	if (!lun->exists)
		return;
	n = MIN_OF(n, lun->n_blocks);
	fbn = (uint32_t)draw(h, lun->n_blocks - n + 1U);
	err = write_blocks(h, lun->id, fbn, n, tag, stable);
	if (lun->reserved && err != 0) {
		tell(h, "a write to a reserved LUN", err);
		fail_msg("%u blocks at %u", n, fbn);
	}
	assert_true(err == 0 || err == -ENOSPC);
	if (err == 0)
		lun_set(lun, fbn, n, tag, stable);
	h->n_lun_writes += err == 0;
	h->n_nospc += err != 0;
}

static void do_lun_zero(struct history *h)
{
	struct lun *lun = &h->luns[draw(h, LUNS)];
	uint32_t n, fbn;
	int err;

	if (!lun->exists)
		return;
	n = 1U + (uint32_t)draw(h, draw(h, 3) == 0 ? lun->n_blocks : MIN_OF(40U, lun->n_blocks));
	fbn = (uint32_t)draw(h, lun->n_blocks - n + 1U);
	err = box_zero(&h->box, lun->id, (uint64_t)fbn * FS_BLOCK_SIZE, (uint64_t)n * FS_BLOCK_SIZE);
	if (err != 0)
		tell(h, "zeroing", err);
	assert_int_equal(err, 0);
	lun_set(lun, fbn, n, 0, false);
}

static void do_lun_resize(struct history *h)
{
	unsigned i = (unsigned)draw(h, LUNS);
	struct lun *lun = &h->luns[i];
	uint32_t n = 1U + (uint32_t)draw(h, LUN_BLOCKS);
	char path[16];
	int err;

	if (!lun->exists || draw(h, 3) != 0)
		return;
	snprintf(path, sizeof path, "/lun%u", i);
	err = vd_resize(&h->box, path, (uint64_t)n * FS_BLOCK_SIZE, true);
	assert_true(err == 0 || (err == -ENOSPC && n > lun->n_blocks));
	h->n_nospc += err != 0;
	if (err != 0)
		return;
	for (uint32_t fbn = n; fbn < LUN_BLOCKS; fbn++) {
		lun->tag[fbn] = 0;
		lun->unsure[fbn] = false;
	}
	lun->n_blocks = n;
}

static void do_lun_create(struct history *h)
{
	unsigned i = (unsigned)draw(h, LUNS), snap = (unsigned)draw(h, SNAPS), under = (unsigned)draw(h, LUNS);
	struct lun *lun = &h->luns[i];
	bool reserved = draw(h, 3) != 0, backed = h->snap[snap] && draw(h, 2) == 0;
	uint32_t n = 1U + (uint32_t)draw(h, LUN_BLOCKS);
	char path[16], backing[48];
	int err;

	if (lun->exists)
		return;
	snprintf(path, sizeof path, "/lun%u", i);
	snprintf(backing, sizeof backing, "/.snapshot/s%u/lun%u", snap, under);
	err = vd_create(&h->box, path, backed ? 0 : (uint64_t)n * FS_BLOCK_SIZE, backed ? backing : NULL, reserved);
	if (err == -ENOENT && backed)
		return;
	assert_true(err == 0 || err == -ENOSPC);
	h->n_nospc += err != 0;
	if (err != 0)
		return;
	memset(lun, 0, sizeof *lun);
	lun->exists = true;
	lun->reserved = reserved;
	lun->id = vd_info.id;
	lun->n_blocks = (uint32_t)(vd_info.size_bytes / FS_BLOCK_SIZE);
	for (uint32_t fbn = 0; backed && fbn < lun->n_blocks; fbn++)
		lun->tag[fbn] = vd_read(&h->box, lun->id, fbn);
	lun->backed = backed;
}

static void lun_look(struct history *h, struct lun *lun)
{
	for (uint32_t fbn = 0; lun->exists && fbn < lun->n_blocks; fbn++) {
		uint32_t tag = vd_read(&h->box, lun->id, fbn);

		if (lun->unsure[fbn])
			lun->tag[fbn] = tag;
		else if (tag != lun->tag[fbn])
			fail_msg("block %u holds %u and should hold %u", fbn, tag, lun->tag[fbn]);
	}
}

static void do_lun_destroy(struct history *h)
{
	unsigned i = (unsigned)draw(h, LUNS);
	char path[16];

	if (!h->luns[i].exists || draw(h, 4) != 0)
		return;
	snprintf(path, sizeof path, "/lun%u", i);
	assert_int_equal(vd_destroy(&h->box, path, true), 0);
	h->luns[i].exists = false;
}

static void do_clone(struct history *h)
{
	unsigned i = (unsigned)draw(h, LUNS);
	char path[16];
	int err;

	if (!h->luns[i].exists || !h->luns[i].backed)
		return;
	snprintf(path, sizeof path, "/lun%u", i);
	err = vd_op(&h->box, draw(h, 4) == 0 ? FS_CLONE_STOP : FS_CLONE_START, path);
	assert_true(err == 0 || err == -ENOSPC || err == -EALREADY || err == -ESRCH);
}

static void file_name(char *name, unsigned i)
{
	snprintf(name, 32, "file-with-a-name-%u", i);
}

static void do_file(struct history *h)
{
	unsigned i = (unsigned)draw(h, FILES);
	uint32_t n = 1U + (uint32_t)draw(h, 64),
	         fbn = (uint32_t)draw(h, 3) == 0 ? (uint32_t)draw(h, 40000) : (uint32_t)draw(h, 2500);
	char name[32];
	int err;

	file_name(name, i);
	if (!h->file[i]) {
		err = box_create(&h->box, box_root, name, &h->file_id[i]);
		assert_true(err == 0 || err == -ENOSPC);
		h->file[i] = err == 0;
		h->n_nospc += err != 0;
		return;
	}
	err = write_blocks(h, h->file_id[i], fbn, n, 7, draw(h, 4) == 0);
	assert_true(err == 0 || err == -ENOSPC);
	h->n_nospc += err != 0;
}

/* Until nothing more goes in. */
static void do_fill(struct history *h)
{
	unsigned i = (unsigned)draw(h, FILES);
	uint32_t fbn = (uint32_t)draw(h, 1000), step = draw(h, 2) == 0 ? 64 : 1;
	char name[32];
	int err = 0;

	file_name(name, i);
	if (!h->file[i]) {
		if (box_create(&h->box, box_root, name, &h->file_id[i]) != 0)
			return;
		h->file[i] = true;
	}
	for (unsigned n = 0; err == 0 && n < 20000U; n++, fbn += step)
		err = write_blocks(h, h->file_id[i], fbn, step, 9, false);
	assert_int_equal(err, -ENOSPC);
	h->n_nospc++;
	if (draw(h, 3) == 0) /* what was taken in must come to the disks */
		assert_int_equal(box_commit(&h->box, h->file_id[i]), 0);
}

static void do_remove(struct history *h)
{
	unsigned i = (unsigned)draw(h, FILES);
	char name[32];

	if (!h->file[i] || draw(h, 2) != 0)
		return;
	file_name(name, i);
	assert_int_equal(box_remove(&h->box, box_root, name), 0);
	h->file[i] = false;
}

static void do_truncate(struct history *h)
{
	unsigned i = (unsigned)draw(h, FILES);
	uint64_t size = draw(h, 3) == 0 ? 0 : draw(h, 4000) * FS_BLOCK_SIZE + (draw(h, 2) == 0 ? 0 : draw(h, 4096));
	int err;

	if (!h->file[i])
		return;
	err = box_truncate(&h->box, h->file_id[i], size);
	assert_true(err == 0 || (err == -ENOSPC && size > 0));
	if (draw(h, 3) == 0)
		assert_int_equal(box_zero(&h->box, h->file_id[i], draw(h, 100) * 1000, 1 + draw(h, 1000000)), 0);
}

static void do_snapshot(struct history *h)
{
	unsigned i = (unsigned)draw(h, SNAPS);
	char name[8];
	int err;

	snprintf(name, sizeof name, "s%u", i);
	if (h->snap[i]) {
		err = vd_snapshot(&h->box, FS_SNAPSHOT_DELETE, name);
		assert_true(err == 0 || err == -EBUSY);
		h->snap[i] = err != 0;
		return;
	}
	err = vd_snapshot(&h->box, FS_SNAPSHOT_CREATE, name);
	assert_true(err == 0 || err == -ENOSPC);
	if (err != 0)
		assert_non_null(strstr(vd_error, "MiB"));
	h->snap[i] = err == 0;
	h->n_snapshots += err == 0;
	h->n_refused_snapshots += err != 0;
}

static void all_durable(struct history *h)
{
	for (unsigned i = 0; i < LUNS; i++)
		memset(h->luns[i].unsure, 0, sizeof h->luns[i].unsure);
}

static void do_sync(struct history *h)
{
	assert_int_equal(box_sync(&h->box), 0);
	all_durable(h);
	reservations_are_enough(h);
}

static void do_restart(struct history *h)
{
	if (draw(h, 2) == 0) {
		box_crash(&h->box, draw(h, 1U << 30));
	} else {
		assert_int_equal(box_unmount(&h->box), 0);
		all_durable(h);
		assert_int_equal(box_mount(&h->box), 0);
	}
	for (unsigned i = 0; i < LUNS; i++)
		lun_look(h, &h->luns[i]);
	all_durable(h);
}

/* Every block of every reserved LUN, again and again, on a volume without a byte to spare. */
static void do_overwrite_all(struct history *h)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < LUNS; i++) {
			struct lun *lun = &h->luns[i];

			for (uint32_t fbn = 0; lun->exists && lun->reserved && fbn < lun->n_blocks; fbn += 32) {
				uint32_t n = MIN_OF(32U, lun->n_blocks - fbn), tag = h->next_tag++;

				assert_int_equal(write_blocks(h, lun->id, fbn, n, tag, false), 0);
				lun_set(lun, fbn, n, tag, false);
				h->n_lun_writes++;
			}
		}
	}
}

static void do_check(struct history *h)
{
	if (draw(h, 6) == 0)
		assert_int_equal(vd_check(&h->box), 0);
}

/* Nothing is on its way to the disks or to the free space. */
static bool is_settled(const struct fs_volume *vol)
{
	return vol->snapshots->n == 0 && vol->pending_blocks[0] + vol->pending_blocks[1] == 0 && !zombie_pending(vol) &&
	       !cp_is_running(vol);
}

/* Everything goes: the volume is as it was. */
static void delete_everything(struct history *h)
{
	char name[32];

	for (unsigned i = 0; i < FILES; i++) {
		file_name(name, i);
		if (h->file[i])
			assert_int_equal(box_remove(&h->box, box_root, name), 0);
	}
	for (unsigned i = 0; i < LUNS; i++) {
		snprintf(name, sizeof name, "/lun%u", i);
		if (h->luns[i].exists)
			assert_int_equal(vd_destroy(&h->box, name, true), 0);
	}
	/* Snapshots may hold each other through backed LUNs. */
	for (unsigned round = 0; round < SNAPS; round++) {
		for (unsigned i = 0; i < SNAPS; i++) {
			snprintf(name, sizeof name, "s%u", i);
			if (h->snap[i] && vd_snapshot(&h->box, FS_SNAPSHOT_DELETE, name) == 0)
				h->snap[i] = false;
		}
	}
	for (unsigned i = 0; i < SNAPS; i++)
		assert_false(h->snap[i]);
	for (unsigned i = 0; i < 60 && !is_settled(h->box.vol); i++)
		assert_int_equal(box_sync(&h->box), 0);
	assert_true(is_settled(h->box.vol));
}

static void one_operation(struct history *h)
{
	switch (draw(h, 24)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5: do_lun_write(h); break;
	case 6: do_lun_zero(h); break;
	case 7: do_lun_resize(h); break;
	case 8:
	case 9: do_lun_create(h); break;
	case 10: do_lun_destroy(h); break;
	case 11:
	case 12: do_file(h); break;
	case 13: do_fill(h); break;
	case 14: do_remove(h); break;
	case 15: do_truncate(h); break;
	case 16:
	case 17: do_snapshot(h); break;
	case 18:
	case 19: do_sync(h); break;
	case 20: do_clone(h); break;
	case 21: do_check(h); break;
	case 22:
		if (draw(h, 3) == 0)
			do_restart(h);
		break;
	default:
		if (draw(h, 3) == 0)
			do_overwrite_all(h);
		break;
	}
}

static void history_run(struct history *h, uint64_t seed, unsigned n)
{
	struct fs_volume_info before, after;
	struct fs_fsstat stat;

	h->random = (seed + 12345U) * 0x9E3779B97F4A7C15ULL;
	h->next_tag = 100;
	box_open(&h->box, seed, 2, (20 + 8 * (seed % 3)) * MIB, 2048);
	/* the VTOC, the root directory have their blocks */
	assert_int_equal(vd_create(&h->box, "/lun0", FS_BLOCK_SIZE, NULL, true), 0);
	assert_int_equal(vd_destroy(&h->box, "/lun0", true), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(box_sync(&h->box), 0);
	figures_of(&h->box, &before, &stat);
	for (unsigned i = 0; i < n; i++) {
		one_operation(h);
		(void)figures_add_up(&h->box);
	}
	for (unsigned i = 0; i < LUNS; i++)
		lun_look(h, &h->luns[i]);
	assert_int_equal(vd_check(&h->box), 0);
	delete_everything(h);
	(void)figures_add_up(&h->box);
	figures_of(&h->box, &after, &stat);
	assert_int_equal(after.used_bytes, before.used_bytes);
	assert_int_equal(after.snapshot_bytes, 0);
	assert_int_equal(after.reserved_bytes, 0);
	assert_int_equal(after.metadata_bytes + after.kept_bytes + after.free_bytes,
	                 before.metadata_bytes + before.kept_bytes + before.free_bytes);
	assert_int_equal(vd_check(&h->box), 0);
	box_close(&h->box);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void full_volumes_keep_their_promises(void **state)
{
	uint64_t first = env_number("SPACE_SEED", 1), n = env_number("SPACE_SEEDS", 12);

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++) {
		struct history *h = calloc(1, sizeof *h);

		assert_non_null(h);
		fprintf(stderr, "space seed %llu\n", (unsigned long long)seed);
		history_run(h, seed, 400);
		fprintf(stderr, "  %u lun writes, %u times no space, %u snapshots, %u refused\n", h->n_lun_writes,
		        h->n_nospc, h->n_snapshots, h->n_refused_snapshots);
		free(vd_info.maps);
		memset(&vd_info, 0, sizeof vd_info);
		free(h);
	}
}

/* ---- one thing at a time ---- */

static struct fsbox box;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 7, 2, 40 * MIB, 2048);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(vd_info.maps);
	memset(&vd_info, 0, sizeof vd_info);
	box_close(&box);
	return 0;
}

/* A file takes what there is, to the last block. */
static void fill_up(const char *name)
{
	struct fs_file_id id;
	uint32_t fbn = 0;

	assert_int_equal(box_create(&box, box_root, name, &id), 0);
	for (uint32_t n = 64; n > 0; n /= 2) {
		static uint8_t bytes[64 * FS_BLOCK_SIZE];

		while (box_write(&box, id, (uint64_t)fbn * FS_BLOCK_SIZE, bytes, n * FS_BLOCK_SIZE, FS_UNSTABLE) == 0)
			fbn += n;
	}
	assert_int_equal(box_commit(&box, id), 0);
}

static void lun_write_all(struct fs_file_id id, uint32_t n_blocks, uint32_t tag)
{
	for (uint32_t fbn = 0; fbn < n_blocks; fbn++)
		vd_write(&box, id, fbn, tag + fbn, FS_UNSTABLE);
}

static void lun_read_all(struct fs_file_id id, uint32_t n_blocks, uint32_t tag)
{
	for (uint32_t fbn = 0; fbn < n_blocks; fbn++)
		assert_int_equal(vd_read(&box, id, fbn), tag + fbn);
}

static void a_reserved_lun_is_overwritten_on_a_volume_without_a_byte_to_spare(void **state)
{
	const uint32_t n = 2000;
	struct fs_file_id lun, top;

	(void)state;
	assert_int_equal(vd_create(&box, "/lun", (uint64_t)n * FS_BLOCK_SIZE, NULL, true), 0);
	lun = vd_info.id;
	lun_write_all(lun, n, 1000);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s1/lun", true), 0);
	top = vd_info.id;
	fill_up("filler");
	assert_true(figures_add_up(&box) < 16U * FS_BLOCK_SIZE);
	for (uint32_t pass = 1; pass <= 3; pass++) {
		lun_write_all(lun, n, pass * 100000);
		lun_write_all(top, n, pass * 200000);
		assert_int_equal(box_zero(&box, lun, 0, (uint64_t)n * FS_BLOCK_SIZE / 2), 0);
		assert_int_equal(box_sync(&box), 0);
		lun_write_all(lun, n / 2, pass * 100000);
		assert_int_equal(box_commit(&box, lun), 0);
		assert_int_equal(box_commit(&box, top), 0);
		box_crash(&box, pass);
		lun_read_all(lun, n, pass * 100000);
		lun_read_all(top, n, pass * 200000);
	}
	assert_int_equal(vd_check(&box), 0);
}

static int overwrite(struct fs_file_id id, uint32_t fbn, uint32_t n_blocks, uint8_t byte)
{
	static uint8_t bytes[64 * FS_BLOCK_SIZE];

	memset(bytes, byte, sizeof bytes);
	return box_write(&box, id, (uint64_t)fbn * FS_BLOCK_SIZE, bytes, n_blocks * FS_BLOCK_SIZE, FS_UNSTABLE);
}

static struct fs_file_id written(const char *name, uint32_t n_blocks)
{
	struct fs_file_id id;

	assert_int_equal(box_create(&box, box_root, name, &id), 0);
	for (uint32_t fbn = 0; fbn < n_blocks; fbn += 64)
		assert_int_equal(overwrite(id, fbn, 64, 1), 0);
	return id;
}

static void what_gives_back_all_it_takes_is_written_on_a_full_volume(void **state)
{
	const uint32_t n = 1024;
	struct fs_file_id lun, file;
	uint8_t bytes[FS_BLOCK_SIZE];

	(void)state;
	assert_int_equal(vd_create(&box, "/thin", (uint64_t)2 * n * FS_BLOCK_SIZE, NULL, false), 0);
	lun = vd_info.id;
	lun_write_all(lun, n, 1000);
	file = written("file", n);
	fill_up("filler");
	assert_true(figures_add_up(&box) < 16U * FS_BLOCK_SIZE);
	for (uint8_t pass = 1; pass <= 3; pass++) {
		lun_write_all(lun, n, pass * 100000U);
		for (uint32_t fbn = 0; fbn < n; fbn += 64)
			assert_int_equal(overwrite(file, fbn, 64, pass), 0);
		assert_int_equal(box_commit(&box, lun), 0);
		assert_int_equal(box_commit(&box, file), 0);
		box_crash(&box, pass);
		lun_read_all(lun, n, pass * 100000U);
		assert_int_equal(box_read(&box, file, (uint64_t)(n - 1) * FS_BLOCK_SIZE, bytes, sizeof bytes),
		                 sizeof bytes);
		assert_int_equal(bytes[17], pass);
	}
	assert_int_equal(overwrite(lun, n, 64, 9), -ENOSPC); /* holes */
	assert_int_equal(overwrite(file, n - 32, 64, 9), -ENOSPC); /* half of it is new */
	figures_add_up(&box);
	assert_int_equal(vd_check(&box), 0);
}

/* Its end is a hole. Only what stands in the inode has to move to a block. */
static void a_file_grows_on_a_full_volume(void **state)
{
	const uint64_t far = 64ULL << 30;
	struct fs_file_id file = written("file", 40), empty, tiny;
	uint64_t left;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "empty", &empty), 0);
	assert_int_equal(box_create(&box, box_root, "tiny", &tiny), 0);
	assert_int_equal(box_write(&box, tiny, 0, "tiny", 4, FS_FILE_SYNC), 0);
	fill_up("filler");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(box_sync(&box), 0);
	left = figures_add_up(&box);
	assert_true(left < 16U * FS_BLOCK_SIZE);
	for (uint64_t size = 1 << 20; size <= far; size *= 2) {
		assert_int_equal(box_truncate(&box, file, size), 0);
		assert_int_equal(box_truncate(&box, empty, size), 0);
	}
	assert_int_equal(box_truncate(&box, tiny, INLINE_MAX), 0);
	assert_int_equal(box_truncate(&box, tiny, far), -ENOSPC);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(figures_add_up(&box), left);
	box_crash(&box, 1);
	assert_int_equal(vd_read(&box, file, 39), 0x01010101); /* as it was written */
	assert_int_equal(vd_check(&box), 0);
}

static void what_a_snapshot_holds_does_not_come_back(void **state)
{
	struct fs_file_id held, young;
	uint8_t bytes[FS_BLOCK_SIZE];
	unsigned n_refused = 0;

	(void)state;
	held = written("held", 1024);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	young = written("young", 1024);
	fill_up("filler");
	for (uint32_t fbn = 0; fbn < 1024; fbn += 64) {
		int err = overwrite(held, fbn, 64, 2);

		assert_true(err == 0 || err == -ENOSPC);
		n_refused += err != 0;
		assert_int_equal(overwrite(young, fbn, 64, 3), 0);
	}
	assert_int_equal(n_refused, 16);
	box_crash(&box, 3);
	assert_int_equal(box_read(&box, young, 1023U * FS_BLOCK_SIZE, bytes, sizeof bytes), sizeof bytes);
	figures_add_up(&box);
	assert_int_equal(vd_check(&box), 0);
}

static void files_end_where_clients_are_told(void **state)
{
	struct fs_file_id id;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "long", &id), 0);
	assert_int_equal(box_truncate(&box, id, FS_FILE_SIZE_MAX), 0);
	assert_int_equal(box_write(&box, id, FS_FILE_SIZE_MAX - 1U, "x", 1, FS_UNSTABLE), 0);
	assert_int_equal(box_truncate(&box, id, FS_FILE_SIZE_MAX + 1U), -EFBIG);
	assert_int_equal(box_write(&box, id, FS_FILE_SIZE_MAX, "x", 1, FS_UNSTABLE), -EFBIG);
}

static void a_snapshot_that_would_break_a_promise_is_refused(void **state)
{
	struct fs_file_id lun;

	(void)state;
	assert_int_equal(vd_create(&box, "/lun", 12 * MIB, NULL, true), 0);
	lun = vd_info.id;
	lun_write_all(lun, 3072, 1);
	fill_up("filler");
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), -ENOSPC);
	assert_non_null(strstr(vd_error, "MiB more must be available"));
	lun_write_all(lun, 3072, 5); /* it has what it was promised */
	assert_int_equal(box_remove(&box, box_root, "filler"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	lun_write_all(lun, 3072, 9);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), -ENOSPC); /* s1 has kept the other half */
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_sync(&box), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
}

/* The reservation of a LUN falls back to what it needs: nothing, once it is written and no snapshot holds it. */
static void a_reservation_is_used_up_and_comes_back(void **state)
{
	struct vtoc_entry *entry;
	struct fs_file_id lun;

	(void)state;
	assert_int_equal(vd_create(&box, "/lun", 4 * MIB, NULL, true), 0);
	lun = vd_info.id;
	entry = vtoc_find(box.vol, lun.inode, lun.generation);
	assert_int_equal(space_reservation(entry), space_full_blocks(4 * MIB));
	lun_write_all(lun, 1024, 1);
	assert_int_equal(box_sync(&box), 0);
	assert_in_range(space_reservation(entry), 0, 4); /* of the indirect blocks a tree so high may have */
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_true(space_reservation(entry) >= 1024);
	lun_write_all(lun, 512, 5);
	assert_int_equal(box_sync(&box), 0);
	assert_in_range(space_reservation(entry), 512, 517);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_true(space_reservation(entry) >= 1024);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_sync(&box), 0);
	box_run(&box, 100000000);
	assert_in_range(space_reservation(entry), 512, 517); /* counted again: s1 holds half of it */
	box_crash(&box, 3);
	box_run(&box, 100000000);
	entry = vtoc_find(box.vol, lun.inode, lun.generation);
	assert_in_range(space_reservation(entry), 512, 517);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_sync(&box), 0);
	assert_in_range(space_reservation(entry), 0, 4);
}

static void thresholds_are_told_once_and_again_after_they_were_left(void **state)
{
	struct fs_space_notice notice;

	(void)state;
	fs_volume_space(box.vol, &notice);
	assert_int_equal(notice.level, FS_SPACE_FINE);
	assert_int_equal(notice.n_warnings, 0);
	assert_true(notice.available_bytes > notice.soft_bytes && notice.soft_bytes > 0);
	for (unsigned round = 1; round <= 2; round++) {
		fill_up("filler");
		assert_int_equal(box_sync(&box), 0);
		fs_volume_space(box.vol, &notice);
		assert_int_equal(notice.level, FS_SPACE_CRITICAL);
		assert_in_range(notice.n_warnings, 2 * round - 1, 2 * round); /* one CP may cross both */
		assert_int_equal(box_sync(&box), 0);
		assert_int_equal(box_remove(&box, box_root, "filler"), 0);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(box_sync(&box), 0);
		fs_volume_space(box.vol, &notice);
		assert_int_equal(notice.level, FS_SPACE_FINE);
	}
}

/* After a mount the promises are too high until they are counted: that is no reason for an alarm. */
static void a_start_warns_of_nothing_that_is_not_so(void **state)
{
	struct fs_space_notice notice;
	struct fs_file_id lun;

	(void)state;
	assert_int_equal(vd_create(&box, "/lun", 10 * MIB, NULL, true), 0);
	lun = vd_info.id;
	lun_write_all(lun, 2560, 1);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	lun_write_all(lun, 2560, 5000); /* the snapshot holds none of these */
	assert_int_equal(box_sync(&box), 0);
	fs_volume_space(box.vol, &notice);
	assert_int_equal(notice.level, FS_SPACE_FINE);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		box_crash(&box, seed);
		fs_volume_space(box.vol, &notice);
		assert_int_equal(notice.n_warnings, 0);
		box_run(&box, 100000000);
		fs_volume_space(box.vol, &notice);
		assert_int_equal(notice.n_warnings, 0);
	}
	fill_up("filler");
	assert_int_equal(box_sync(&box), 0);
	box_crash(&box, 9);
	box_run(&box, 100000000);
	fs_volume_space(box.vol, &notice);
	assert_int_equal(notice.level, FS_SPACE_CRITICAL); /* and that is so */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reserved_lun_is_overwritten_on_a_volume_without_a_byte_to_spare,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(what_gives_back_all_it_takes_is_written_on_a_full_volume, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_file_grows_on_a_full_volume, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_snapshot_holds_does_not_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(files_end_where_clients_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_that_would_break_a_promise_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reservation_is_used_up_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(thresholds_are_told_once_and_again_after_they_were_left, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_start_warns_of_nothing_that_is_not_so, setup, teardown),
		cmocka_unit_test(full_volumes_keep_their_promises),
	};

	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
