/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: everything a machine holds, compared with the model. Private to oracle*.c. */
#ifndef TESTS_CRASH_ORACLE_H
#define TESTS_CRASH_ORACLE_H

#include "tests/crash/history.h"

/* What stands under a name. */
struct found {
	bool there;
	struct fs_file_id id;
	enum fs_type type;
	uint8_t object; /* the model's, OBJECT_NEW or NOBODY */
};

struct oracle {
	struct history *h;
	struct machine *machine;
	enum oracle_mode mode;
	struct found names[MODEL_DIRS][MODEL_NAMES];
	bool applied[HISTORY_OPS]; /* operations under way that turn out to have happened */
};

void oracle_names(struct oracle *o); /* oracle_name.c: directories, and which operations have happened */
void oracle_objects(struct oracle *o); /* oracle_data.c */
/* oracle_volume.c */
void oracle_snapshots(struct oracle *o), oracle_docs(struct oracle *o), oracle_luns(struct oracle *o);

/* Read all cells of a file; mixed cells fail. `what` is for the message. */
void oracle_cells_read(struct oracle *o, struct fs_file_id id, uint32_t stride, const char *what,
                       uint64_t ret_stamps[MODEL_CELLS]);
int oracle_attr(struct oracle *o, struct fs_file_id id, struct fs_attr *ret_attr);
int oracle_resolve(struct oracle *o, const char *path, struct fs_attr *ret_attr);
void oracle_target_check(struct oracle *o, struct fs_file_id id, unsigned len, const char *what);

static inline bool oracle_crashed(const struct oracle *o)
{
	return o->mode != ORACLE_REST;
}
/* Operations that were under way when the power failed. */
static inline bool oracle_pending(const struct oracle *o, const struct op *op)
{
	return o->mode != ORACLE_REST && (op->state == OP_CUT || (o->mode == ORACLE_LOOK && op->state == OP_FLYING));
}

#endif
