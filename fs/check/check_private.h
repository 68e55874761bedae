/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the check: what is known of the image, the walk over trees, the findings, and what would put
 * them right.
 *
 * THEORY. The image is what a CP left on disk: its fsinfo, everything that fsinfo reaches, and both maps. Of a mounted
 * volume the image is the CP that made the private snapshot. It stands still as long as that snapshot lives, whatever
 * clients do. Of a volume that is not mounted the image is the last CP. Each stage looks at one side of the image, and
 * leaves what later stages need: two bits for each block (in the active map; reached), eight bytes for each inode, a
 * record for each directory and vdisk. Blocks of trees are read past the cache. Directories, maps and attributes are
 * read through it, as anybody would.
 * MEMORY. The two bits for each block are kept for a window of VBNs. With 128 MiB a window has 2 TiB of blocks. A
 * larger volume is walked once for each window: the first time with its data, then for its pointers only. */
#ifndef FS_CHECK_PRIVATE_H
#define FS_CHECK_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/world.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "raid/raid.h"

struct check;
struct check_fixes;
struct fs_message;
struct fs_volume;
struct page;

/* Every finding names its rule by number. */
enum check_rule {
	CHECK_ROOT = 1, /* fsinfo and geometry */
	CHECK_BLOCK = 2, /* every reachable block is readable under its identity */
	CHECK_REACH = 3, /* active map == reachability; no block is referenced twice */
	CHECK_MAP = 4, /* summary map == OR of the snapshots' maps; space map == populations */
	CHECK_ACCOUNT = 5, /* totals and reservations */
	CHECK_INODE = 6, /* inodes, links, directories */
	CHECK_SNAPSHOT = 7, /* records of snapshots */
	CHECK_VDISK = 8, /* attributes, backing store, VTOC */
	CHECK_LOG = 9, /* the log goes on where the image ends, without a gap, the same on every copy */
	CHECK_PARITY = 10,
	CHECK_UNIQUE = 12, /* identities of LUNs, their maps, exports */
};

/* ---- findings (check_report.c) ---- */
/* Where a block that cannot be read belongs, for whoever has to restore it. */
struct check_place {
	uint32_t snapshot; /* of the tree it was met in; the image's own id for the active file system */
	uint32_t ino, fbn, vbn;
	unsigned level;
};
struct check_finding {
	struct fs_check_finding public;
	const char *format; /* its kind */
	bool placed; /* of a file: check_name.c says of which */
	bool named;
	struct check_place place;
};
/* The findings of one kind, once there are too many to list each. */
struct check_kind {
	const char *format;
	enum check_rule rule;
	size_t n; /* in the list */
	uint64_t n_summed, n_repairable;
	char *text; /* the first that was summed */
};
struct check_report {
	struct check_finding *findings;
	size_t n, n_max;
	struct check_kind *kinds;
	size_t n_kinds, n_kinds_max;
	uint64_t n_errors;
	struct check_finding *last; /* the latest finding, if it is in the list */
	struct check_kind *last_summed; /* if not, its kind */
};
/* Report a finding: what, what was expected, what was found. `format` is a literal, and the finding's kind. All
 * findings are counted. Of each kind the first ones are listed and the others summed. Lost blocks of a file that
 * follow each other are one finding. */
void check_found(struct check *check, enum check_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_found_at(struct check *check, enum check_rule rule, const struct check_place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A repair can put the last finding right. */
void check_found_repairable(struct check *check);
/* The last finding is about this disk (_disk); it stands for so many blocks or stripes (_count). */
void check_found_disk(struct check *check, const char *path);
void check_found_count(struct check *check, uint64_t count);
/* Add to the text of a finding. */
void check_finding_add(struct check *check, struct check_finding *finding, const char *what, const char *more);
/* Take the result for whoever asked: its findings and texts are the caller's from now on (fs_check_result_fini).
 * -ENOMEM: there is no memory for all of it, or there was none during the check; *ret_result is empty. */
MUST_CHECK int check_report_take(struct check *check, struct fs_check_result *ret_result);
void check_report_fini(struct check *check);

/* ---- trees (check_walk.c) ---- */
#define CHECK_PAGES 256U /* of a batch of reads: 1 MiB */

/* A tree whose blocks are being read. */
struct check_tree {
	uint32_t ino;
	uint32_t snapshot; /* whose it is; the image's own id for the active file system */
	uint8_t height;
	bool again; /* walked before: nothing is counted */
	uint32_t n_pending; /* blocks to be read, and whoever is still adding some */
	uint64_t n_found; /* blocks it refers to */
	uint64_t n_unread; /* of those with pointers */
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
/* Begin with a tree: `proto` has its identity, height and limits, `ptr` its top pointers. */
void check_walk_add(struct check *check, const struct check_tree *proto, const uint32_t ptr[PTRS_PER_INODE]);
/* The same from an inode's form on disk. */
void check_walk_add_inode(struct check *check, const struct check_tree *proto, const struct inode_disk *disk);
/* Is the snapshot still there? A client may delete it while it is walked: from then on nothing is reported of its
 * trees. */
bool check_snapshot_lives(const struct check *check, uint32_t snapshot);
/* Read until nothing is left. -EAGAIN, -ECANCELED. */
MUST_CHECK int check_walk_step(struct fs_run *run);

/* ---- bits by VBN (check_map.c, check_reach.c) ---- */
struct check_maps {
	uint64_t *active, *reached; /* a bit a VBN of the window each */
	uint32_t n_regions; /* of the volume */
	uint32_t window_first, window_end; /* regions */
	uint32_t window_max; /* regions a window may have */
	uint64_t n_active, n_summary; /* in the active map; only in the summary map */
	uint32_t region; /* cursor of the stage */
	uint64_t *all, *folded; /* a region's OR of snapshots' maps */
	uint64_t *lost; /* a bit a region: its block of the image's active map cannot be read */
	uint64_t *in_use; /* a bit a region: its maps have bits, or cannot be read */
	uint32_t n_space_lost; /* 1 + the block of the space map that could not be read last; 0: none */
	bool space_known; /* and what should stand in it, as far as its regions have been seen */
	bool pointers_lost; /* blocks with pointers could not be read: what is not reached may be in use */
};
/* A pointer at `vbn` was seen. False: do not follow it (it leads nowhere, or was followed before). */
bool check_reach(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level);
static inline bool check_bit_get(const uint64_t *words, uint64_t bit)
{
	return (words[bit / 64U] & 1ULL << bit % 64U) != 0;
}
static inline void check_bit_set(uint64_t *words, uint64_t bit)
{
	words[bit / 64U] |= 1ULL << bit % 64U;
}
/* True if the block is to be counted now: each counts once, whatever passes read it. */
bool check_counts(const struct check *check, const struct check_tree *tree, uint32_t vbn);
/* Report the bits that are set in `words`, a map block of the region; none set: no finding. */
bool check_bits_found(struct check *check, enum check_rule rule, uint32_t region, const uint64_t *words,
                      const char *what);

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
	uint64_t n_name_blocks; /* of directories, streams, VTOC and documents (fs/cp/space.h) */
	uint64_t generation_max; /* of any of them */
	bool names_lost; /* entries could not be read: who has no name may have one */
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

/* Who asks for a check, and how. */
struct check_options {
	uint64_t rate_bytes_s; /* 0: as fast as clients allow */
	uint64_t memory_bytes; /* for bits by VBN; 0: CHECK_MEMORY_DEFAULT */
	void (*progress)(void *arg, const char *stage, unsigned percent); /* may be NULL */
	void (*ended)(struct check *check, int err); /* the report is there; frees the check */
	void *arg;
};
#define CHECK_MEMORY_DEFAULT (128ULL << 20) /* 2 TiB of blocks at a time */

struct check {
	struct fs_volume *vol;
	struct check_options options;
	struct fs_run run;
	struct timer timer;
	unsigned stage;
	bool cancelled;
	const char *why; /* cancelled */
	bool no_memory; /* for a finding, or what it is made from */
	bool offline; /* nobody else is at the volume: the image is the last CP, id 0 */
	uint32_t image; /* id of the private snapshot */
	uint32_t n_ids; /* snapshots of the image have ids below */
	uint64_t generation;
	union {
		struct fsinfo_disk fsinfo;
		uint8_t fsinfo_body[RAID_FSINFO_BODY];
	};
	struct inode_disk inode_file;
	/* the private snapshot (check_online.c) */
	struct fs_message *msg;
	struct snapshot_request request;
	bool holding; /* deletion passes */
	bool have_image;
	/* pace and progress */
	unsigned work;
	uint64_t n_messages_seen;
	uint64_t rest_ns; /* of the rest under way, still to come */
	uint64_t n_done, n_total;
	unsigned percent;
	uint64_t n_blocks, n_inodes;
	uint64_t n_log_records; /* to be applied by the next mount */
	/* parts */
	struct check_report report;
	struct check_fixes *fixes; /* NULL: nothing is going to be repaired */
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
		unsigned phase;
		int snapshot; /* being walked: index, or -1 for the image */
		uint64_t n_inodes; /* of its inode file */
	} pass;
	struct check_names *names;
	struct check_log *log;
	struct check_parity *parity;
};

static inline struct check *check_of(struct fs_run *run)
{
	return run->arg;
}
/* Memory was refused for something that was to be looked at or kept. The check ends with -ENOMEM, and nothing it
 * found counts. */
static inline bool check_has_no_memory(const struct check *check)
{
	return check->no_memory || check->run.no_memory;
}
/* The step has done the work of `n_blocks`: give the loop back when that was much, for longer when clients are busy.
 * -EAGAIN, -ECANCELED. Only when the step has named no read. */
MUST_CHECK int check_pace(struct fs_run *run, unsigned n_blocks);
/* Bytes of a block of a file of snapshot `snapshot`, through the cache. 0, -EAGAIN; any other error: the block
 * cannot be read. */
MUST_CHECK int check_need(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t fbn, const uint8_t **ret_bytes);

/* Set up a check of `vol` whose image is already known (image, n_ids, generation, fsinfo, inode_file), and run it. */
MUST_CHECK int check_new(struct fs_volume *vol, const struct check_options *options, struct check **ret_check);
void check_begin(struct check *check);
void check_free(struct check *check);
/* The name of the stage that the check is at, for people. */
const char *check_stage_name(const struct check *check);

/* Stages: 0 when done, -EAGAIN, or the end of the check. */
int check_active_step(struct fs_run *run), check_snapshot_step(struct fs_run *run), check_map_step(struct fs_run *run),
    check_inode_step(struct fs_run *run), check_inode_map_step(struct fs_run *run),
    check_vdisk_step(struct fs_run *run), check_dir_step(struct fs_run *run), check_link_step(struct fs_run *run),
    check_tree_step(struct fs_run *run), check_zombie_step(struct fs_run *run), check_reach_step(struct fs_run *run),
    check_pass_step(struct fs_run *run), check_log_step(struct fs_run *run), check_parity_step(struct fs_run *run),
    check_name_step(struct fs_run *run);
/* The trees of all inodes of the snapshot being walked, once more (check_inode.c). */
void check_trees_add(struct check *check, const struct inode_disk *inode_file, uint32_t snapshot);
/* Zombies of a snapshot: -EAGAIN. */
MUST_CHECK int check_zombies_walk(struct fs_run *run, uint32_t snapshot);
void check_map_fini(struct check *check);
void check_inode_fini(struct check *check);
void check_dir_fini(struct check *check);
void check_vdisk_fini(struct check *check);
void check_name_fini(struct check *check);
void check_log_fini(struct check *check);
void check_parity_fini(struct check *check);

#endif
