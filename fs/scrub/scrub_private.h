/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of scrub/: scrub.c (batch after batch), scrub_walk.c (the next stripes), scrub_judge.c (what was
 * found), scrub_state.c (what survives), scrub_ops.c (start, stop, modify, status), scrub_info.c (figures). */
#ifndef FS_SCRUB_PRIVATE_H
#define FS_SCRUB_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/clone/clone_speed.h"
#include "fs/file/run.h"
#include "fs/fs_info.h"
#include "fs/scrub/scrub_pace.h"
#include "raid/raid.h"

struct fs_volume;
struct raid_status;

struct scrub_member {
	struct uuid uuid;
	uint16_t group, position;
	bool is_parity, is_second;
	struct fs_scrub_counts counts;
};
struct scrub_lost {
	uint32_t vbn, inode, fbn, level;
};
struct scrub_result {
	enum fs_scrub_state state;
	int64_t started_ns, ended_ns;
	uint64_t n_used; /* blocks in use that were looked at */
	uint64_t n_unverified;
	unsigned n_members, n_lost;
	struct scrub_member members[RAID_MAX_DISKS];
	struct scrub_lost lost[FS_SCRUB_LOST_MAX];
};
/* What survives: the document. */
struct scrub_state {
	uint64_t floor_bytes_s;
	uint32_t group, dbn; /* stripes before are done */
	struct scrub_result now, last; /* last: the last whole one before `now` */
};

/* Stripes to be read: n from dbn on; n 0: there are no more. */
struct scrub_span {
	unsigned group;
	uint32_t dbn, n;
	uint32_t n_used; /* blocks in use in them */
};

enum scrub_stage {
	SCRUB_LOOK, /* for the next stripes */
	SCRUB_VERIFIED, /* they were read */
	SCRUB_WRONG, /* the next wrong one of them */
	SCRUB_WHOLE, /* it was made whole, or not */
	SCRUB_NAMED, /* it is lost: whose blocks it has */
	SCRUB_PASS, /* all of the span is done */
	SCRUB_SAVE
};

struct scrub {
	struct fs_volume *vol;
	bool known; /* the document was read */
	struct scrub_state state;
	struct scrub_state draft; /* of a change that is being made, in one step */
	uint64_t round; /* raised by every start: what was under way before is dropped */
	bool runs; /* the run is: it counts as a message of the volume */
	struct fs_run run;
	struct timer timer;
	struct scrub_pace pace;
	struct clone_speed speed;
	/* the batch under way */
	enum scrub_stage stage;
	uint64_t batch_round;
	unsigned batch_stripes; /* as many as the pace allows */
	struct scrub_span span;
	uint32_t single_end; /* stripes below are read one by one: one of them could not be judged */
	int err;
	struct raid_wrong_stripe wrong[SCRUB_BATCH_IDLE];
	unsigned n_wrong, at;
	struct raid_ident idents[RAID_MAX_GROUP_DISKS];
	bool final; /* nothing comes after this save */
	uint64_t n_repairs, n_flushed; /* stripes written, ever; of them durable */
	uint64_t n_flushing; /* n_repairs when the batch's flush began */
	bool flush_failed;
	uint64_t saved_at_ns;
	uint16_t missing[RAID_MAX_GROUPS]; /* positions of disks that are not there or not trusted */
	/* places of members in the results, by group and position; -1: in none */
	int16_t member_of[RAID_MAX_GROUPS][RAID_MAX_GROUP_DISKS];
};

/* ---- scrub.c ---- */
/* Part of a step: know how far the scrub is; one that was under way when the volume was left goes on. What of the
 * document makes no sense is logged: as if there were none. -EAGAIN, -ENOMEM. */
MUST_CHECK int scrub_need(struct fs_run *run, struct scrub *scrub);
/* Begin the next batch now, if it may, or when it may. */
void scrub_schedule(struct scrub *scrub);

/* Part of a step: what was repaired is durable (SC1). -EAGAIN, -EIO. */
MUST_CHECK int scrub_settle(struct fs_run *run, struct scrub *scrub);

/* ---- scrub_walk.c ---- */
/* The next stripes from the cursor on in which a block is in use, at most `n_max`. The cursor is moved over those that
 * are free. -EAGAIN. */
MUST_CHECK int scrub_walk_next(struct fs_run *run, struct scrub *scrub, unsigned n_max, struct scrub_span *ret_span);
/* How many blocks in use there are behind the cursor, as far as clients have not changed that meanwhile. */
uint64_t scrub_walk_left(const struct scrub *scrub);
/* Is the block in use, by the active file system or a snapshot? When that cannot be known: yes. -EAGAIN. */
MUST_CHECK int scrub_walk_is_used(struct fs_run *run, uint32_t vbn, bool *ret_used);

/* ---- scrub_judge.c ---- */
enum scrub_verdict { SCRUB_FINE, SCRUB_REPAIRABLE, SCRUB_LOST };
/* What can be done about the stripe. After scrub_members_learn. */
enum scrub_verdict scrub_judge(const struct scrub *scrub, const struct raid_wrong_stripe *wrong);
/* Learn which member is at which place, and which are missing. */
void scrub_members_learn(struct scrub *scrub);
/* All disks of the span that have them gave so many blocks. */
void scrub_count_read(struct scrub *scrub, const struct scrub_span *span);
/* The stripe was found wrong, and made whole or not. */
void scrub_count_wrong(struct scrub *scrub, const struct raid_wrong_stripe *wrong, bool repaired);
/* The stripe is lost: count its blocks, and write down those in use. A step. -EAGAIN. */
MUST_CHECK int scrub_count_lost(struct fs_run *run, struct scrub *scrub, const struct raid_wrong_stripe *wrong);

/* ---- scrub_state.c ---- */
/* Part of a step, and the last thing in it: the state becomes scrub->draft, in the document too. *ret_sequence as
 * docs_write, and so are the errors. */
MUST_CHECK int scrub_state_put(struct fs_run *run, struct scrub *scrub, uint64_t *ret_sequence);
/* Part of a step: read it. -EAGAIN, -ENOENT, -EUCLEAN, -ENOTSUP (a newer version's), -EIO, -ENOMEM. */
MUST_CHECK int scrub_state_get(struct fs_run *run, struct scrub_state *ret_state);

#endif
