/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of operations: snapshots, documents, the volume. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/crash/ops.h"

uint32_t ops_doc_len(uint64_t stamp)
{
	return 1U + (uint32_t)(stamp * 2654435761U % 6000U);
}

void ops_doc_fill(uint8_t *bytes, uint64_t stamp)
{
	uint64_t state = stamp;

	for (uint32_t i = 0; i < ops_doc_len(stamp); i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		bytes[i] = (uint8_t)(state >> 56);
	}
}

/* ---- snapshots ---- */

static struct snapshot_model *snapshot_of(struct op *op)
{
	return &op->history->model.snapshots[op->snapshot];
}

static bool snapshot_draw(struct history *h, struct op *op, enum fs_op fs_op, bool used)
{
	char name[24];

	op->snapshot = (unsigned)history_draw(h, MODEL_SNAPSHOTS);
	if (snapshot_of(op)->busy || snapshot_of(op)->used != used)
		return false;
	history_op_init(h, op, fs_op);
	if (!used) {
		snapshot_of(op)->name = h->model.next_name++;
		snapshot_of(op)->serial = h->model.next_serial++;
	}
	(void)snprintf(name, sizeof name, "s%u", snapshot_of(op)->name);
	history_set_name(op, name);
	return true;
}

/* Is a policy on its way? Until it is answered it is not known which snapshots go. */
static bool policy_is_changing(const struct history *h)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++)
		if (h->ops[i].state == OP_FLYING && h->ops[i].msg.op == FS_AUTODELETE_SET)
			return true;
	return false;
}

static bool snapshot_create_generate(struct history *h, struct op *op)
{
	if (policy_is_changing(h) || !snapshot_draw(h, op, FS_SNAPSHOT_CREATE, false))
		return false;
	snapshot_of(op)->busy = true;
	snapshot_of(op)->sent = op->sent;
	return true;
}

/* Everything answered before it was sent is on the disks. */
static void everything_durable(struct history *h, uint64_t sent)
{
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		if (h->model.objects[i].kind != OBJECT_FREE)
			model_object_durable(&h->model.objects[i], sent);
}

/* The policy leaves it alone. */
static bool is_kept(const struct history *h, const struct snapshot_model *snapshot)
{
	char name[24];

	(void)snprintf(name, sizeof name, "s%u", snapshot->name);
	return h->keep_prefix[0] != '\0' && strncmp(name, h->keep_prefix, strlen(h->keep_prefix)) == 0;
}

static void snapshot_created(struct history *h, struct op *op)
{
	snapshot_of(op)->busy = false;
	if (op->state == OP_CUT)
		return; /* the oracle has frozen it before it changed the model */
	if (op->msg.status == 0) {
		model_freeze(&h->model, snapshot_of(op), h->clock);
		snapshot_of(op)->may_go = h->autodelete && !is_kept(h, snapshot_of(op));
		everything_durable(h, op->sent);
	} else {
		memset(snapshot_of(op), 0, sizeof *snapshot_of(op));
	}
}

/* Is anything under way that makes or drops the need for a snapshot? */
static bool needs_are_changing(const struct history *h)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		enum fs_op fs_op = h->ops[i].msg.op;

		if (h->ops[i].state == OP_FLYING &&
		    (fs_op == FS_SNAPSHOT_CREATE || fs_op == FS_SNAPSHOT_DELETE || fs_op == FS_VDISK_DESTROY))
			return true;
	}
	return false;
}

static bool snapshot_delete_generate(struct history *h, struct op *op)
{
	enum doubt held;

	if (!snapshot_draw(h, op, FS_SNAPSHOT_DELETE, true) || snapshot_of(op)->n_pins > 0)
		return false;
	held = needs_are_changing(h) ? MAYBE : model_held(&h->model, snapshot_of(op)->serial);
	op->expect = held == NO ? 0 : -EBUSY;
	op->may_succeed = held == MAYBE;
	op->also = snapshot_of(op)->may_go ? -ENOENT : 0;
	snapshot_of(op)->busy = true;
	return true;
}

static void snapshot_deleted(struct history *h, struct op *op)
{
	(void)h;
	snapshot_of(op)->busy = false;
	if (op->msg.status == 0) /* ENOENT: something has begun to delete it; that may be undone by a power cut */
		model_thaw(snapshot_of(op));
}

static bool snapshot_rename_generate(struct history *h, struct op *op)
{
	char name[24];

	if (h->autodelete || !snapshot_draw(h, op, FS_SNAPSHOT_RENAME, true) || snapshot_of(op)->n_pins > 0 ||
	    snapshot_of(op)->may_go)
		return false;
	op->stamp = h->model.next_name++;
	(void)snprintf(name, sizeof name, "s%u", (unsigned)op->stamp);
	history_set_to_name(op, name);
	snapshot_of(op)->busy = true;
	return true;
}

static void snapshot_renamed(struct history *h, struct op *op)
{
	(void)h;
	snapshot_of(op)->busy = false;
	if (op->msg.status == 0)
		snapshot_of(op)->name = (unsigned)op->stamp;
}

static bool snapshot_space_generate(struct history *h, struct op *op)
{
	history_op_init(h, op, FS_SNAPSHOT_SPACE);
	op->msg.in.wait_ns = history_draw(h, 2) == 0 ? 0 : 1U + history_draw(h, 10000000);
	return true;
}

static void snapshot_space_answered(struct history *h, struct op *op)
{
	for (unsigned i = 0; op->state != OP_CUT && op->msg.status == 0 && i < op->msg.out.n; i++) {
		const struct fs_snapshot_info *info = &op->msg.out.snapshots[i];

		/* what it alone holds is not in the one before it */
		if (info->summed && info->used_bytes > info->since_bytes)
			history_fail(h, FAIL_WRONG, "snapshot %s holds %llu bytes alone, and %llu since the one before",
			             info->name, (unsigned long long)info->used_bytes,
			             (unsigned long long)info->since_bytes);
	}
}

/* A policy of its own for the time until the next mount. From the moment it is sent snapshots may go that it does not
 * keep. */
static bool autodelete_generate(struct history *h, struct op *op)
{
	if (!h->may_autodelete || policy_is_changing(h))
		return false;
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++)
		if (h->model.snapshots[i].busy || h->model.snapshots[i].n_pins > 0)
			return false;
	history_op_init(h, op, FS_AUTODELETE_SET);
	op->policy = (struct fs_autodelete){ .enabled = history_draw(h, 4) != 0,
		                             .trigger_percent = (uint32_t)history_draw(h, 101),
		                             .newest_first = history_draw(h, 2) == 0,
		                             .user_created = true,
		                             .defer = FS_DEFER_NONE };
	op->policy.target_percent = op->policy.trigger_percent +
	                            (uint32_t)history_draw(h, 101U - op->policy.trigger_percent);
	h->keep_prefix[0] = '\0';
	if (history_draw(h, 2) == 0)
		(void)snprintf(h->keep_prefix, sizeof h->keep_prefix, "s%u", 1U + (unsigned)history_draw(h, 9));
	memcpy(op->policy.keep_prefix, h->keep_prefix, sizeof h->keep_prefix);
	op->msg.in.autodelete = &op->policy;
	h->autodelete = true; /* also when it is switched off: deletions begun go on */
	for (unsigned i = 0; i < MODEL_SNAPSHOTS; i++)
		if (h->model.snapshots[i].used && op->policy.enabled && !is_kept(h, &h->model.snapshots[i]))
			h->model.snapshots[i].may_go = true;
	return true;
}

static void autodelete_answered(struct history *h, struct op *op)
{
	if (op->state != OP_CUT && op->msg.status == 0 && !op->policy.enabled)
		h->autodelete = false;
}

/* ---- documents ---- */

static bool doc_draw(struct history *h, struct op *op, enum fs_op fs_op, uint64_t stamp)
{
	char name[24];

	op->snapshot = (unsigned)history_draw(h, MODEL_DOCS);
	if (h->model.doc_busy[op->snapshot])
		return false;
	(void)snprintf(name, sizeof name, "doc%u", op->snapshot);
	history_op_init(h, op, fs_op);
	history_set_name(op, name);
	h->model.doc_busy[op->snapshot] = true;
	op->durable = true;
	op->stamp = stamp;
	return true;
}

static bool doc_put_generate(struct history *h, struct op *op)
{
	if (!doc_draw(h, op, FS_DOC_PUT, ++h->stamp))
		return false;
	history_cell_send(op, &h->model.docs[op->snapshot], op->stamp);
	ops_doc_fill(op->blob, op->stamp);
	op->msg.in.blob = op->blob;
	op->msg.in.blob_len = ops_doc_len(op->stamp);
	return true;
}

static bool doc_delete_generate(struct history *h, struct op *op)
{
	uint64_t before;

	if (!doc_draw(h, op, FS_DOC_DELETE, 0))
		return false;
	if (!cell_settled(&h->model.docs[op->snapshot], &before))
		before = 0;
	op->expect = before == 0 ? -ENOENT : 0;
	if (op->expect == 0)
		history_cell_send(op, &h->model.docs[op->snapshot], 0);
	return true;
}

static void doc_answered(struct history *h, struct op *op)
{
	h->model.doc_busy[op->snapshot] = false;
	if (op->expect == 0)
		history_cell_answered(op, &h->model.docs[op->snapshot], op->stamp);
}

/* ---- the volume ---- */

static bool sync_generate(struct history *h, struct op *op)
{
	history_op_init(h, op, FS_SYNC);
	return true;
}

static void synced(struct history *h, struct op *op)
{
	if (op->msg.status == 0)
		everything_durable(h, op->sent);
}

const struct op_kind ops_volume[] = {
	{ "snapshot_create", 4, snapshot_create_generate, snapshot_created },
	{ "snapshot_delete", 4, snapshot_delete_generate, snapshot_deleted },
	{ "snapshot_rename", 1, snapshot_rename_generate, snapshot_renamed },
	{ "snapshot_space", 1, snapshot_space_generate, snapshot_space_answered },
	{ "autodelete", 2, autodelete_generate, autodelete_answered },
	{ "doc_put", 2, doc_put_generate, doc_answered },
	{ "doc_delete", 1, doc_delete_generate, doc_answered },
	{ "sync", 4, sync_generate, synced },
	{ NULL, 0, NULL, NULL },
};
