/* SPDX-License-Identifier: Apache-2.0 */
/* A history: operations sent to a machine, many at a time, and a model that follows them.
 *
 * ADDING AN OPERATION. One row in a table of kinds (ops_*.c): `generate` chooses a target in the model with
 * history_draw, fills in op->msg, says in the model what may be there from now on (cells: history_cell_send; names:
 * history_name_change), and returns false when there is nothing to do it to. `answered` says what is there after the
 * answer; after a power cut it is called with the outcome the oracle found (op->msg.status 0 or -ECANCELED). What the
 * operation makes durable beyond cells, names, LUNs, documents and snapshots needs a look in the oracle.
 * FAILING. history_fail prints what went wrong, with the seed and how to replay it, and ends the process. */
#ifndef TESTS_CRASH_HISTORY_H
#define TESTS_CRASH_HISTORY_H

#include "tests/crash/disks.h"
#include "tests/crash/impostor.h"
#include "tests/crash/machine.h"
#include "tests/crash/model.h"
#include "tests/crash/resend.h"

#define HISTORY_OPS 40U
#define OP_CHANGES 2U
#define BALLAST_NAME "ballast"
#define BALLAST_BLOCKS 2560U
#define OBJECT_NEW 0xFEU /* in op_change.after: what the operation makes */

struct history;
struct op;

struct op_kind {
	const char *name;
	unsigned weight; /* among all kinds, in random histories */
	bool (*generate)(struct history *h, struct op *op);
	void (*answered)(struct history *h, struct op *op);
};

/* What the operation does to one name. */
struct op_change {
	uint8_t dir, name;
	uint8_t before, after; /* objects */
};

enum op_state { OP_FREE, OP_FLYING, OP_CUT /* it was under way when the power failed */ };

struct op {
	struct fs_message msg, asked; /* `asked`: as it was sent */
	struct fs_call call;
	uint64_t again_ns; /* it was told to come again, and does so then; 0: it was not */
	struct history *history;
	const struct op_kind *kind;
	enum op_state state;
	bool moot; /* the object it was for is gone */
	int expect, also; /* the status it must have; another that would do */
	bool may_succeed; /* whatever `expect` says */
	uint8_t object; /* or NOBODY */
	uint8_t made; /* the object it makes, or NOBODY */
	struct op_change changes[OP_CHANGES];
	unsigned n_changes;
	unsigned first, n; /* cells */
	unsigned snapshot; /* or document */
	uint64_t stamp, size, sent, sent_ns;
	bool durable;
	char name[192], to_name[192], path[MODEL_PATH];
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_autodelete policy;
	uint8_t blob[8192];
};

/* What went wrong, also as exit status. */
enum history_failure { FAIL_LOST = 10, FAIL_WRONG, FAIL_CHECK, FAIL_STUCK };

#define HISTORY_ROWS 96U
#define HISTORY_FAULTS 24U

struct history_counts {
	uint64_t states; /* recovered, compared and checked */
	uint64_t seeds; /* histories or workloads ended well */
	uint64_t duplicates; /* states met before and not recovered again */
	uint64_t ops, crashes_in_recovery, impostors;
	uint32_t met[HISTORY_ROWS][HISTORY_FAULTS]; /* tests/front: calls x faults */
};

struct history {
	struct machine machine;
	struct model model;
	struct op ops[HISTORY_OPS];
	char what[64]; /* "random 17": names it for replay */
	uint64_t random, clock, stamp;
	unsigned n_flying;
	uint64_t digest; /* of everything answered and found */
	bool faulty; /* errors may come: more than one disk is bad */
	bool verbose;
	bool may_autodelete; /* snapshots may be given a policy that deletes them */
	bool autodelete; /* there is one, or there will be */
	char keep_prefix[4]; /* of those it leaves alone; "": none */
	struct fs_file_id ballast; /* a file of BALLAST_BLOCKS blocks, more than the cache holds; inode 0: none */
	bool only_good; /* send nothing that must be refused */
	int bad_disk; /* the one that may go wrong, -1: none */
	int victim; /* it has, -1: none */
	bool fills_host; /* the host's file system may become full */
	bool host_was_full; /* what is under way may be told to come again */
	struct history_counts *counts;
	struct impostors impostors;
	struct disks disks;
	struct resends resends;
};

void history_init(struct history *h, uint64_t seed, struct history_counts *counts);
void history_fini(struct history *h);
uint64_t history_draw(struct history *h, uint64_t n);
void history_note(struct history *h, uint64_t value); /* into the digest */
/* A line of the history, when somebody reads it. */
void history_say(struct history *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void history_fail(struct history *h, enum history_failure failure, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* Generate and send one operation of this kind; false: not possible now. */
bool history_send(struct history *h, const struct op_kind *kind);
/* One of any kind, by weight. */
void history_send_any(struct history *h);
const struct op_kind *history_kind(const char *name);
const struct op_kind *history_kind_at(unsigned i); /* NULL after the last */

/* ---- for kinds ---- */
void history_op_init(struct history *h, struct op *op, enum fs_op fs_op);
void history_cell_send(struct op *op, struct cell *cell, uint64_t stamp);
/* The answer to a change of a cell: done, or refused. */
void history_cell_answered(struct op *op, struct cell *cell, uint64_t stamp);
/* The operation changes a name; it is busy until the answer. */
void history_name_change(struct op *op, unsigned dir, unsigned k, uint8_t after);
/* Carry out (or, refused, forget) the changes of names. */
void history_names_answered(struct history *h, struct op *op);
/* Something stands in no name any more: operations on it are moot. */
void history_object_gone(struct history *h, uint8_t object);
void history_set_name(struct op *op, const char *name);
void history_set_to_name(struct op *op, const char *name);

/* ---- the world ---- */
/* Let n turns pass. */
void history_steps(struct history *h, unsigned n);
/* Everything sent is answered. */
void history_land(struct history *h);
/* Send a message of the oracle's to a machine and wait. */
int history_ask(struct history *h, struct machine *machine, struct fs_message *msg);
/* Power cut, recovery, comparison, check. `n_cuts` more cuts come during the recovery. */
void history_crash(struct history *h, unsigned n_cuts);
/* Unmount with operations under way, on a full host, which then has room; the same. */
void history_stop(struct history *h);

/* ---- the oracle (oracle*.c) ---- */
enum oracle_mode {
	ORACLE_REST, /* nothing is under way, nothing has failed */
	ORACLE_ADOPT, /* after a power cut: what is found counts from now on */
	ORACLE_LOOK, /* a branch after a power cut: nothing of the model is changed */
};
/* Compare everything the machine holds with the model; then the full check. */
void oracle_compare(struct history *h, struct machine *machine, enum oracle_mode mode);

#endif
