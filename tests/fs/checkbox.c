/* SPDX-License-Identifier: Apache-2.0 */
/* A volume with something of everything, and its damage. */
#include "tests/fs/checkbox.h"

#include "base/page.h"
#include "fs/core/core.h"
#include "fs/cp/cp.h"
#include "fs/file/tree.h"
#include "tests/support/memdisk.h"

struct cb_inodes cb_ino;

/* ---- something of everything ----------------------------------------------------------------------------------- */

static uint8_t content[1 << 20];

int cb_mkdir(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_MKDIR, box->vol, NULL, NULL);
	msg.file = dir;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.setattr.set_mode = true;
	msg.in.setattr.mode = 0755;
	err = box_send(box, &msg);
	if (err == 0 && ret_id != NULL)
		*ret_id = msg.out.attr.id;
	fs_message_fini(&msg);
	return err;
}

static uint32_t make(struct fsbox *box, const char *name, uint64_t offset, uint32_t len)
{
	struct fs_file_id id;

	assert_int_equal(box_create(box, box_root, name, &id), 0);
	if (len > 0)
		assert_int_equal(box_write(box, id, offset, content, len, FS_UNSTABLE), 0);
	return id.inode;
}

static void rewrite(struct fsbox *box, const char *path, uint64_t offset, uint32_t len)
{
	struct fs_file_id id;

	assert_int_equal(box_resolve(box, path, &id), 0);
	assert_int_equal(box_write(box, id, offset, content + 5, len, FS_UNSTABLE), 0);
}

static uint32_t special(struct fsbox *box, enum fs_op op, const char *name, const char *target)
{
	struct fs_message msg;
	uint32_t ino;

	fs_message_init(&msg, op, box->vol, NULL, NULL);
	msg.file = box_root;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.blob = target;
	msg.in.blob_len = target != NULL ? strlen(target) : 0;
	msg.in.create.type = FS_TYPE_FIFO;
	msg.in.setattr.set_mode = true;
	msg.in.setattr.mode = 0644;
	assert_int_equal(box_send(box, &msg), 0);
	ino = msg.out.attr.id.inode;
	fs_message_fini(&msg);
	return ino;
}

static void hard_link(struct fsbox *box, const char *path, const char *name)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_LINK, box->vol, NULL, NULL);
	assert_int_equal(box_resolve(box, path, &msg.file), 0);
	msg.in.to_dir = box_root;
	msg.in.to_name = name;
	msg.in.to_name_len = (uint32_t)strlen(name);
	assert_int_equal(box_send(box, &msg), 0);
	fs_message_fini(&msg);
}

static void document(struct fsbox *box)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_PUT, box->vol, NULL, NULL);
	msg.in.name = "exports";
	msg.in.name_len = 7;
	msg.in.blob = content;
	msg.in.blob_len = 9000;
	assert_int_equal(box_send(box, &msg), 0);
	fs_message_fini(&msg);
}

static void many_files(struct fsbox *box, struct fs_file_id dir)
{
	for (unsigned i = 0; i < 420; i++) {
		char name[80];

		snprintf(name, sizeof name, "a name that is long enough to fill the directory's blocks %06u", i);
		assert_int_equal(box_create(box, dir, name, NULL), 0);
	}
}

static void vdisks(struct fsbox *box)
{
	assert_int_equal(vd_create(box, "/lun", 8 * MIB, NULL, true), 0);
	cb_ino.lun = vd_info.id.inode;
	for (uint32_t fbn = 0; fbn < 100; fbn += 3)
		vd_write(box, vd_info.id, fbn, fbn + 1U, FS_UNSTABLE);
	assert_int_equal(vd_snapshot(box, FS_SNAPSHOT_CREATE, "s3"), 0);
	assert_int_equal(vd_create(box, "/top", 0, "/.snapshot/s3/lun", false), 0);
	cb_ino.top = vd_info.id.inode;
	for (uint32_t fbn = 0; fbn < 40; fbn += 2)
		vd_write(box, vd_info.id, fbn, 1000U + fbn, FS_UNSTABLE);
	assert_int_equal(box_zero(box, vd_info.id, 60 * 4096, 16 * 4096), 0);
}

void cb_populate(struct fsbox *box)
{
	static const char target[] =
	    "a/target/that/is/too/long/to/stand/in/the/inode/itself/and/so/must/have/a/block/of/its/own";
	struct fs_file_id dir, sub, leaf, many;

	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (uint8_t)(i * 2654435761U >> 24 | 1U);
	cb_ino.file = make(box, "file", 0, 40 * 4096);
	cb_ino.file2 = make(box, "file2", 0, 10 * 4096);
	cb_ino.small = make(box, "small", 0, 33);
	cb_ino.empty = make(box, "empty", 0, 0);
	(void)make(box, "gone", 0, 30 * 4096);
	(void)make(box, "sparse", 300 * MIB + 77, 9000);
	cb_ino.symlink = special(box, FS_SYMLINK, "symlink", target);
	cb_ino.fifo = special(box, FS_MKNOD, "fifo", NULL);
	hard_link(box, "/file2", "hard");
	assert_int_equal(cb_mkdir(box, box_root, "dir", &dir), 0);
	assert_int_equal(cb_mkdir(box, dir, "sub", &sub), 0);
	assert_int_equal(cb_mkdir(box, sub, "leaf", &leaf), 0);
	assert_int_equal(cb_mkdir(box, box_root, "many", &many), 0);
	cb_ino.dir = dir.inode;
	cb_ino.sub = sub.inode;
	cb_ino.leaf = leaf.inode;
	cb_ino.many = many.inode;
	many_files(box, many);
	document(box);
	assert_int_equal(vd_snapshot(box, FS_SNAPSHOT_CREATE, "s1"), 0);
	rewrite(box, "/file", 3 * 4096, 9 * 4096);
	assert_int_equal(vd_snapshot(box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(box_remove(box, box_root, "gone"), 0);
	rewrite(box, "/file", 7 * 4096, 9 * 4096);
	vdisks(box);
	assert_int_equal(box_sync(box), 0);
}

static void clone_begun(struct fsbox *box)
{
	struct fs_message msg;

	assert_int_equal(vd_create(box, "/cloning", 0, "/.snapshot/s3/lun", false), 0);
	cb_ino.cloning = vd_info.id.inode;
	fs_message_init(&msg, FS_CLONE_START, box->vol, NULL, NULL);
	msg.in.path = "/cloning";
	msg.in.clone.rate_bytes_s = 40 << 10;
	assert_int_equal(box_send(box, &msg), 0);
	fs_message_fini(&msg);
	box_run(box, 1500000000);
	assert_int_equal(vd_op(box, FS_CLONE_STOP, "/cloning"), 0);
	assert_true(vd_info.clone.blocks_copied > 0 && vd_info.clone.blocks_done < vd_info.clone.blocks_total);
}

static void removal_begun(struct fsbox *box)
{
	struct fs_file_id id;

	assert_int_equal(box_create(box, box_root, "scattered", &id), 0);
	for (uint64_t i = 0; i < CP_ZOMBIE_LEAVES + 100U; i++)
		assert_int_equal(box_write(box, id, i << 22, content, 4096, FS_UNSTABLE), 0);
	assert_int_equal(box_sync(box), 0);
	assert_int_equal(box_remove(box, box_root, "scattered"), 0);
}

void cb_populate_busy(struct fsbox *box)
{
	cb_populate(box);
	clone_begun(box);
	removal_begun(box);
}

int cb_check(struct fsbox *box, struct fs_message *msg)
{
	fs_message_init(msg, FS_CHECK, box->vol, NULL, NULL);
	return box_send(box, msg);
}

struct offline {
	bool done;
	int err;
	struct fs_check_offline *ret;
};

static void offline_done(void *arg, int err, const struct fs_check_offline *check)
{
	struct offline *offline = arg;

	offline->done = true;
	offline->err = err;
	*offline->ret = *check;
}

static bool offline_over(void *arg)
{
	return ((struct offline *)arg)->done;
}

int cb_check_offline(struct fsbox *box, struct fs_check_offline *ret_check)
{
	const struct fs_check_offline_options options = { .cache_pages = box->cache_pages };

	return cb_check_offline_with(box, &options, ret_check);
}

int cb_check_offline_with(struct fsbox *box, const struct fs_check_offline_options *options,
                          struct fs_check_offline *ret_check)
{
	struct offline offline = { false, 0, ret_check };
	const char *urls[BOX_DISKS_MAX];

	for (unsigned i = 0; i < box->n_disks; i++)
		urls[i] = box->urls[i];
	fs_check_offline(box->world, urls, box->n_disks, options, offline_done, &offline);
	assert_true(sim_run_until(box->sim, offline_over, &offline, 100000000));
	return offline.err;
}

unsigned cb_rules(const struct fs_check_result *result)
{
	unsigned rules = 0;

	for (size_t i = 0; i < result->n_findings; i++)
		rules |= 1U << result->findings[i].rule;
	return rules;
}

void cb_disks_copy(struct fsbox *box, unsigned n)
{
	for (unsigned i = 0; i < box->n_disks; i++) {
		char made[32], name[32];

		snprintf(made, sizeof made, "d%u.0", i);
		snprintf(name, sizeof name, "case%u.%u", n, i);
		assert_int_equal(memdisk_clone(made, name), 0);
		snprintf(box->urls[i], sizeof box->urls[i], "mem:%s", name);
	}
}

void cb_disks_drop(struct fsbox *box)
{
	for (unsigned i = 0; i < box->n_disks; i++)
		assert_int_equal(disk_destroy(box->urls[i]), 0);
}

/* ---- behind its back -------------------------------------------------------------------------------------------- */

struct waiting {
	bool done;
	int err;
	struct raid *raid;
};

static bool waiting_over(void *arg)
{
	return ((struct waiting *)arg)->done;
}

static void wait_for(struct cb_raw *raw, struct waiting *wait)
{
	assert_true(sim_run_until(raw->box->sim, waiting_over, wait, 10000000));
	assert_int_equal(wait->err, 0);
}

static void on_done(void *arg, int err)
{
	*(struct waiting *)arg = (struct waiting){ true, err, NULL };
}
static void on_open(void *arg, int err, struct raid *raid)
{
	*(struct waiting *)arg = (struct waiting){ true, err, raid };
}

void cb_raw_open(struct cb_raw *raw, struct fsbox *box)
{
	struct waiting wait = { false, 0, NULL };
	const char *urls[BOX_DISKS_MAX];

	*raw = (struct cb_raw){ .box = box, .own = box->vol == NULL };
	for (unsigned i = 0; i < box->n_disks; i++)
		urls[i] = box->urls[i];
	if (raw->own) {
		raid_open(box->world, urls, box->n_disks, NULL, on_open, &wait);
		wait_for(raw, &wait);
		raw->raid = wait.raid;
	} else {
		assert_int_equal(box_sync(box), 0);
		raw->raid = box->vol->raid;
	}
	assert_int_equal(raid_fsinfo_read(raw->raid, &raw->generation, raw->body), 0);
}

void cb_raw_close(struct cb_raw *raw)
{
	struct waiting wait = { false, 0, NULL };

	if (raw->own)
		raid_close(raw->raid, on_done, &wait);
	else
		raid_flush(raw->raid, on_done, &wait);
	wait_for(raw, &wait);
}

void cb_raw_write_fsinfo(struct cb_raw *raw)
{
	raw->fsinfo.cp_generation = le64_of(raw->generation + 1U);
	cb_fsinfo_put(raw);
}

void cb_fsinfo_put(struct cb_raw *raw)
{
	struct waiting wait = { false, 0, NULL };

	raid_fsinfo_write(raw->raid, ++raw->generation, raw->body, on_done, &wait);
	wait_for(raw, &wait);
}

struct reading {
	struct raid_read read;
	struct waiting wait;
};

static void on_read(struct raid_read *read)
{
	struct waiting *wait = &((struct reading *)(void *)read)->wait;

	*wait = (struct waiting){ true, read->blocks[0].err, NULL };
}

static void vbn_get(struct cb_raw *raw, uint32_t vbn, const struct raid_ident *ident, uint8_t bytes[4096])
{
	struct raid_read_block block = { .vbn = vbn, .ident = *ident, .page = page_alloc() };
	struct reading reading = { .read = { .blocks = &block, .n_blocks = 1, .done = on_read } };

	raid_read(raw->raid, &reading.read);
	wait_for(raw, &reading.wait);
	memcpy(bytes, block.page->data, 4096);
	page_put(block.page);
}

struct writing {
	struct raid_write write;
	struct waiting wait;
};

static void on_written(struct raid_write *write, int err)
{
	((struct writing *)(void *)write)->wait = (struct waiting){ true, err, NULL };
}

void cb_vbn_put(struct cb_raw *raw, uint32_t vbn, const struct raid_ident *ident, const uint8_t bytes[4096])
{
	struct raid_write_block block = { .vbn = vbn, .ident = *ident, .page = page_alloc() };
	struct writing writing = { .write = { .blocks = &block, .n_blocks = 1, .done = on_written } };

	memcpy(block.page->data, bytes, 4096);
	raid_write(raw->raid, &writing.write);
	wait_for(raw, &writing.wait);
	page_put(block.page);
}

static uint32_t tree_vbn(struct cb_raw *raw, const struct inode_disk *disk, uint32_t ino, unsigned level, uint32_t fbn)
{
	unsigned at = disk->type_height >> 4;
	uint32_t vbn;

	if (at == 0 || level >= at || (disk->flags & INODE_INLINE) != 0)
		return 0;
	at--;
	vbn = le32_get(disk->data.ptr[fbn >> 10U * at]);
	for (; at > level && vbn != VBN_HOLE && vbn != VBN_ZERO; at--) {
		struct raid_ident ident = { .inode = ino, .fbn = tree_base(at, fbn), .level = at };
		uint8_t bytes[4096];

		vbn_get(raw, vbn, &ident, bytes);
		memcpy(&vbn, bytes + tree_index(at - 1U, fbn) * 4U, 4);
	}
	return vbn;
}

static struct inode_disk *inode_of_fsinfo(struct cb_raw *raw, uint32_t ino)
{
	return ino == INO_INODE_FILE ? &raw->fsinfo.inode_file : &raw->fsinfo.snapshot_table;
}

void cb_inode_get(struct cb_raw *raw, uint32_t ino, struct inode_disk *ret_disk)
{
	uint8_t bytes[4096];

	if (ino <= INO_SNAPSHOT_TABLE) {
		*ret_disk = *inode_of_fsinfo(raw, ino);
		return;
	}
	cb_block_get(raw, INO_INODE_FILE, 0, ino / INODES_PER_BLOCK, bytes);
	memcpy(ret_disk, bytes + ino % INODES_PER_BLOCK * sizeof *ret_disk, sizeof *ret_disk);
}

void cb_inode_put(struct cb_raw *raw, uint32_t ino, const struct inode_disk *disk)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_INODE_FILE, 0, ino / INODES_PER_BLOCK, bytes);
	memcpy(bytes + ino % INODES_PER_BLOCK * sizeof *disk, disk, sizeof *disk);
	cb_block_put(raw, INO_INODE_FILE, 0, ino / INODES_PER_BLOCK, bytes);
}

uint32_t cb_attributes_of(struct cb_raw *raw, uint32_t lun)
{
	struct inode_disk disk;
	uint8_t bytes[4096];
	uint32_t ino;

	cb_inode_get(raw, lun, &disk);
	cb_block_get(raw, le32_get(disk.xinode), 0, 0, bytes);
	memcpy(&ino, bytes + 4, 4);
	return ino;
}

uint32_t cb_vbn(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn)
{
	struct inode_disk disk;

	cb_inode_get(raw, ino, &disk);
	return tree_vbn(raw, &disk, ino, level, fbn);
}

static struct raid_ident ident_of(const struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn)
{
	return (struct raid_ident){
		.inode = ino, .fbn = tree_base(level, fbn), .level = level, .generation = (uint32_t)raw->generation
	};
}

void cb_block_get(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn, uint8_t bytes[4096])
{
	struct raid_ident ident = ident_of(raw, ino, level, fbn);
	uint32_t vbn = cb_vbn(raw, ino, level, fbn);

	assert_true(vbn != VBN_HOLE && vbn != VBN_ZERO);
	vbn_get(raw, vbn, &ident, bytes);
}

void cb_block_put(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn, const uint8_t bytes[4096])
{
	struct raid_ident ident = ident_of(raw, ino, level, fbn);

	cb_vbn_put(raw, cb_vbn(raw, ino, level, fbn), &ident, bytes);
}

bool cb_bit_get(struct cb_raw *raw, uint32_t map, uint32_t bit)
{
	uint8_t bytes[4096];

	if (cb_vbn(raw, map, 0, bit / REGION_BLOCKS) == VBN_HOLE)
		return false;
	cb_block_get(raw, map, 0, bit / REGION_BLOCKS, bytes);
	return (bytes[bit % REGION_BLOCKS / 8U] & 1U << bit % 8U) != 0;
}

void cb_bit_put(struct cb_raw *raw, uint32_t map, uint32_t bit, bool value)
{
	uint8_t bytes[4096], *byte = &bytes[bit % REGION_BLOCKS / 8U];

	cb_block_get(raw, map, 0, bit / REGION_BLOCKS, bytes);
	*byte = (uint8_t)((*byte & ~(1U << bit % 8U)) | (value ? 1U << bit % 8U : 0));
	cb_block_put(raw, map, 0, bit / REGION_BLOCKS, bytes);
}

void cb_counts_add(struct cb_raw *raw, uint32_t vbn, int active, int summary)
{
	uint32_t region = vbn / REGION_BLOCKS;
	uint8_t bytes[4096];
	struct region_disk *disk = (struct region_disk *)(void *)bytes + region % 256U;

	cb_block_get(raw, INO_SPACE_MAP, 0, region / 256U, bytes);
	disk->n_active = le32_of(le32_get(disk->n_active) + (uint32_t)active);
	disk->n_summary = le32_of(le32_get(disk->n_summary) + (uint32_t)summary);
	cb_block_put(raw, INO_SPACE_MAP, 0, region / 256U, bytes);
}

uint32_t cb_vbn_free(struct cb_raw *raw)
{
	const struct raid_geometry *geometry = raid_geometry(raw->raid);
	uint8_t active[4096];
	uint32_t vbn = geometry->vbn_end - 1U, used = 0;

	/* The last block of the last region that is in use at all: its maps have blocks. */
	while (vbn / REGION_BLOCKS > 0 && (cb_vbn(raw, INO_ACTIVE_MAP, 0, vbn / REGION_BLOCKS) == VBN_HOLE ||
	                                   cb_vbn(raw, INO_SUMMARY_MAP, 0, vbn / REGION_BLOCKS) == VBN_HOLE))
		vbn = vbn / REGION_BLOCKS * REGION_BLOCKS - 1U;
	cb_block_get(raw, INO_ACTIVE_MAP, 0, vbn / REGION_BLOCKS, active);
	while ((active[vbn % REGION_BLOCKS / 8U] & 1U << vbn % 8U) != 0 || cb_bit_get(raw, INO_SUMMARY_MAP, vbn)) {
		vbn--;
		assert_true(++used < REGION_BLOCKS / 2U);
	}
	return vbn;
}
