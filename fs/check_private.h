/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the check: what is known of the image, the walk over trees, the findings.
 *
 * THEORY. The image is what the CP that made the private snapshot left on disk: its fsinfo, everything that reaches, and both maps. It stands
 * still for as long as the snapshot lives, whatever clients do meanwhile. Each stage looks at one side of it and leaves what the next
 * ones need: a bit a block (active map; reached), eight bytes an inode, a record a directory and a vdisk. Blocks of trees are read past the
 * cache; directories, maps and attributes are read through it, as anybody would. */
#ifndef FS_CHECK_PRIVATE_H
#define FS_CHECK_PRIVATE_H

#include "fs/check.h"
#include "fs/inode.h"
#include "fs/snapshot.h"

/* Every finding names its rule by number. */
enum check_rule {
	CHECK_ROOT = 1, /* fsinfo and geometry */
	CHECK_BLOCK = 2, /* every reachable block is readable under its identity */
	CHECK_REACH = 3, /* active map == reachability; no block is referenced twice */
	CHECK_MAP = 4, /* summary map == OR of the snapshots' maps; space map == populations */
	CHECK_ACCOUNT = 5, /* totals */
	CHECK_INODE = 6, /* inodes, links, directories */
	CHECK_SNAPSHOT = 7, /* records of snapshots */
	CHECK_VDISK = 8, /* attributes, backing store, VTOC */
	CHECK_PARITY = 10,
};

/* ---- findings (check_report.c) ---- */
struct check_report {
	char *text;
	size_t len, len_max;
	unsigned n_lines;
	uint64_t n_errors;
};
struct check;
/* A line: "rule N: what, expected, found". Counted always, kept while there is room. */
void check_found(struct check *check, enum check_rule rule, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The report's text, malloc'ed: the caller's from now on. NULL: nothing was found (or no memory). */
char *check_report_take(struct check *check);

/* ---- trees (check_walk.c) ---- */
#define CHECK_PAGES 256U /* of a batch of reads: 1 MiB */

/* A tree whose blocks are being read. */
struct check_tree {
	uint32_t ino;
	uint8_t height;
	bool again; /* walked before: nothing is counted */
	uint32_t n_pending; /* blocks to be read, and whoever is still adding some */
	uint64_t n_found; /* blocks it refers to */
	uint64_t n_expected; /* UINT64_MAX: not known */
	uint64_t first_fbn; /* blocks below are not its any more (zombies) */
	uint64_t end_fbn; /* level-0 blocks at and beyond it must not be there */
	/* Content of level 0 is shown, if not NULL. */
	void (*block)(struct check *check, const struct check_tree *tree, uint32_t fbn, const uint8_t *bytes);
};
struct check_ref {
	struct check_tree *tree;
	uint32_t vbn, fbn;
	uint8_t level;
};

struct check_walk {
	struct check_ref *refs; /* stack */
	size_t n_refs, n_refs_max;
	struct check_ref batch[CHECK_PAGES];
	unsigned n_batch, n_pages;
	struct page *pages[CHECK_PAGES];
	struct raid_read_block blocks[CHECK_PAGES];
	uint64_t order[CHECK_PAGES]; /* VBN and entry of the batch, as the request has them */
	struct raid_read read;
	bool reading;
};

MUST_CHECK int check_walk_init(struct check *check);
void check_walk_fini(struct check *check);
/* Take up a tree: `proto` with identity, height and limits; `ptr` its top pointers. */
void check_walk_add(struct check *check, const struct check_tree *proto, const uint32_t ptr[PTRS_PER_INODE]);
/* The same from an inode's form on disk. */
void check_walk_add_inode(struct check *check, const struct check_tree *proto, const struct inode_disk *disk);
/* Read until nothing is left. -EAGAIN, -ECANCELED. */
MUST_CHECK int check_walk_step(struct fs_run *run);

/* ---- bits by VBN (check_map.c) ---- */
struct check_maps {
	uint64_t *active, *reached; /* a bit a VBN each: 64 MiB a TiB */
	uint32_t n_regions;
	uint64_t n_active;
	uint32_t region; /* cursor of the stage */
	uint64_t *all, *folded; /* a region's OR of snapshots' maps */
};
/* A pointer at `vbn` was seen. False: do not follow it (it leads nowhere, or was followed before). */
bool check_reach(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level);

/* ---- inodes (check_inode.c) ---- */
#define CHECK_INODE_CHUNK 32768U /* inodes an inode map block covers */
struct check_inode {
	uint16_t nlink;
	uint16_t n_names; /* found in directories and streams; saturates */
	uint16_t generation_hash;
	uint8_t type; /* 0: free */
	uint8_t reserved;
};
struct check_dir {
	uint32_t ino;
	uint32_t parent; /* the directory that names it, 0: none */
	uint32_t n_subdirs;
	uint32_t mark; /* of the walk towards the root */
};
struct check_inode_table {
	struct check_inode **chunks;
	uint32_t n_chunks, cursor;
	uint64_t n_inodes; /* records the inode file has room for */
	uint64_t n_used; /* dynamic ones, the root too */
	uint64_t n_name_blocks; /* of directories, streams, VTOC and documents (fs/space.h) */
	struct check_dir *dirs;
	size_t n_dirs, n_dirs_max;
	uint32_t *streamed; /* inodes with INODE_STREAM, and vdisks */
	size_t n_streamed, n_streamed_max;
};
/* NULL: free. */
struct check_inode *check_inode_find(struct check *check, uint32_t ino);
uint16_t check_generation_hash(uint64_t generation);
struct check_dir *check_dir_find(struct check *check, uint32_t ino);

/* ---- the check ---- */
struct check_snapshot {
	uint32_t id;
	unsigned slot;
	bool deleting, superseded;
	char name[SNAPSHOT_NAME_MAX + 1U];
};

struct check {
	struct fs_volume *vol;
	struct fs_message *msg;
	struct fs_run run;
	struct snapshot_request request;
	struct timer timer;
	unsigned stage;
	bool cancelled;
	const char *why; /* cancelled */
	bool holding; /* deletion passes */
	bool have_image;
	uint32_t image; /* id of the private snapshot */
	uint64_t generation;
	union {
		struct fsinfo_disk fsinfo;
		uint8_t fsinfo_body[RAID_FSINFO_BODY];
	};
	struct inode_disk inode_file;
	/* pace and progress */
	unsigned work;
	uint64_t n_messages_seen;
	uint64_t n_done, n_total;
	uint64_t n_blocks, n_inodes;
	/* parts */
	struct check_report report;
	struct check_walk walk;
	struct check_maps maps;
	struct check_inode_table inodes;
	struct check_snapshot snapshots[SNAPSHOT_SLOTS];
	unsigned n_snapshots; /* of the image, the private one and those younger left out */
	bool image_recorded;
	bool started; /* the stage's trees have been taken up */
	/* cursors of stages */
	size_t dir_cursor;
	void *dir_state;
	uint32_t zombie_fbn;
	size_t vdisk_cursor;
	void *vdisk_state;
	struct {
		unsigned group;
		uint32_t dbn, end, wrong_dbn;
		unsigned state;
		int err;
		struct raid_verify_result result;
		struct cp_waiter waiter;
	} parity;
};

static inline struct check *check_of(struct fs_run *run)
{
	return run->arg;
}
/* Done some work: give the loop back when it was much, for longer when clients are busy. -EAGAIN, -ECANCELED. Only when no read is named. */
MUST_CHECK int check_pace(struct fs_run *run, unsigned n_blocks);
/* A block of a file of snapshot `snapshot`, through the cache. 0, -EAGAIN; else it cannot be had. */
MUST_CHECK int check_need(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t fbn, const uint8_t **ret_bytes);

/* Stages: 0 when done, -EAGAIN, or the end of the check. */
int check_active_step(struct fs_run *run), check_snapshot_step(struct fs_run *run), check_map_step(struct fs_run *run),
    check_inode_step(struct fs_run *run), check_inode_map_step(struct fs_run *run), check_vdisk_step(struct fs_run *run),
    check_dir_step(struct fs_run *run), check_link_step(struct fs_run *run), check_tree_step(struct fs_run *run),
    check_zombie_step(struct fs_run *run), check_reach_step(struct fs_run *run), check_parity_step(struct fs_run *run);
void check_map_fini(struct check *check);
void check_inode_fini(struct check *check);
void check_dir_fini(struct check *check);
void check_vdisk_fini(struct check *check);

#endif
