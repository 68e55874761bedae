/* SPDX-License-Identifier: Apache-2.0 */
/* A volume with something of everything, and a way to damage it behind the file system's back: blocks are changed where
 * they lie, with checksum entries and parity that fit, so that only the check's rules can notice. */
#ifndef TESTS_CHECKBOX_H
#define TESTS_CHECKBOX_H

#include "fs/check/check_offline.h"
#include "fs/format/fsformat.h"
#include "tests/fs/vdiskbox.h"

/* Inodes of the volume that cb_populate makes. */
struct cb_inodes {
	uint32_t file; /* 40 blocks, height 2 */
	uint32_t file2; /* 10 blocks, height 1, two names */
	uint32_t small; /* 33 bytes, inline */
	uint32_t empty, symlink, fifo;
	uint32_t dir, sub, leaf; /* /dir/sub/leaf: directories */
	uint32_t many; /* a directory with an index */
	uint32_t lun, top; /* top is backed by the lun of snapshot s3 */
	uint32_t cloning; /* so is this one (cb_populate_busy) */
};
extern struct cb_inodes cb_ino;

void cb_populate(struct fsbox *box);
/* The same, and more: a clone that was stopped on its way, and, as the last thing, the removal of a file with more
 * indirect blocks than one consistency point frees: unmounted at once, it is half there. */
void cb_populate_busy(struct fsbox *box);
int cb_mkdir(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id);
/* Run FS_CHECK; out.check is the caller's to free with fs_message_fini. */
int cb_check(struct fsbox *box, struct fs_message *msg);

/* The same from the disks of the unmounted box; `ret_check` is the caller's (fs_check_result_fini). */
int cb_check_offline(struct fsbox *box, struct fs_check_offline *ret_check);
int cb_check_offline_with(struct fsbox *box, const struct fs_check_offline_options *options,
                          struct fs_check_offline *ret_check);
/* Rules that spoke, a bit each. */
unsigned cb_rules(const struct fs_check_result *result);

/* The box works on copies of its disks as they were before any power cut: copy `n`. And they go again. */
void cb_disks_copy(struct fsbox *box, unsigned n);
void cb_disks_drop(struct fsbox *box);

/* ---- blocks behind the file system's back ---- */
struct cb_raw {
	struct fsbox *box;
	struct raid *raid;
	bool own; /* opened for this; else a mounted volume's */
	uint64_t generation;
	union {
		struct fsinfo_disk fsinfo;
		uint8_t body[RAID_FSINFO_BODY];
	};
};
/* On the unmounted disks of the box, or on its mounted, idle volume. */
void cb_raw_open(struct cb_raw *raw, struct fsbox *box);
void cb_raw_close(struct cb_raw *raw);
void cb_raw_write_fsinfo(struct cb_raw *raw);
/* The same as it stands, whatever its body says of its generation. */
void cb_fsinfo_put(struct cb_raw *raw);
/* The record of an inode (INO_INODE_FILE and INO_SNAPSHOT_TABLE: those of fsinfo). */
void cb_inode_get(struct cb_raw *raw, uint32_t ino, struct inode_disk *ret_disk);
void cb_inode_put(struct cb_raw *raw, uint32_t ino, const struct inode_disk *disk);
/* Inode of the attributes of a vdisk. */
uint32_t cb_attributes_of(struct cb_raw *raw, uint32_t lun);
/* VBN of a block of a file; 0: none. */
uint32_t cb_vbn(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn);
void cb_block_get(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn, uint8_t bytes[4096]);
/* Into the same place, under the same identity. */
void cb_block_put(struct cb_raw *raw, uint32_t ino, unsigned level, uint32_t fbn, const uint8_t bytes[4096]);
void cb_vbn_put(struct cb_raw *raw, uint32_t vbn, const struct raid_ident *ident, const uint8_t bytes[4096]);
/* A bit of a map file. */
bool cb_bit_get(struct cb_raw *raw, uint32_t map, uint32_t bit);
void cb_bit_put(struct cb_raw *raw, uint32_t map, uint32_t bit, bool value);
/* Change the space map's counts of the region of `vbn`. */
void cb_counts_add(struct cb_raw *raw, uint32_t vbn, int active, int summary);
/* A block free in both maps, far from where the allocator is at work. */
uint32_t cb_vbn_free(struct cb_raw *raw);

#endif
