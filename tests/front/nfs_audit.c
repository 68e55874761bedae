/* SPDX-License-Identifier: Apache-2.0 */
/* A new connection looks at everything: names, attributes, contents. What it finds must be one of the things that may
 * be there, and counts from then on. */
#include <stdlib.h>
#include <string.h>

#include "tests/front/nfs_rows.h"

#define READ_BYTES 262144U

/* One question, and what was said. */
struct ask {
	struct nfs_call call; /* for the comparisons; never in the table of calls */
	bool done;
	uint32_t status;
	struct nfs_bytes handle;
	struct fattr3 attr;
	uint32_t count;
	void (*take)(struct ask *ask, void *results);
};

/* What a name shows. */
struct seen {
	bool known;
	uint8_t object; /* whose handle it has, NFS_NOBODY: nothing is there */
	struct nfs_bytes handle;
	struct fattr3 attr;
};

static const struct nfs_row audit_row = { .name = "audit" };

static void ask_init(struct ask *ask, struct nfs_side *side)
{
	*ask = (struct ask){
		.call = { .front = side->front, .peer = &side->peers[0], .row = &audit_row, .sent = side->front->clock }
	};
}

static void ask_answered(struct rpc_context *rpc, int status, void *data, void *private_data)
{
	struct ask *ask = private_data;

	(void)rpc;
	if (status != RPC_STATUS_SUCCESS)
		front_fail(ask->call.front, FAIL_STUCK, "the connection of the audit has ended");
	memcpy(&ask->status, data, sizeof ask->status);
	front_note(ask->call.front, ask->status);
	if (ask->status == 0)
		ask->take(ask, data);
	ask->done = true;
	ask->call.front->n_flying--;
}

/* True: answered without an error. False: with one that is excused, or with NOENT. */
static bool ask_wait(struct ask *ask, int sent)
{
	struct front *front = ask->call.front;

	vc_assert(sent == 0);
	front->n_flying++;
	nfs_peer_watch(ask->call.peer);
	front_land(front);
	if (!ask->done)
		front_fail(front, FAIL_STUCK, "the connection of the audit has ended");
	if (ask->status == 0 || ask->status == NFS3ERR_NOENT ||
	    (ask->status == NFS3ERR_IO && front_excuses(front, EXCUSE_IO)))
		return ask->status == 0;
	front_fail(front, FAIL_WRONG, "the audit was answered %u", ask->status);
}

/* ---- names ---- */

static void take_lookup(struct ask *ask, void *results)
{
	const LOOKUP3resok *ok = &((struct LOOKUP3res *)results)->LOOKUP3res_u.resok;

	nfs_bytes_set(&ask->handle, &ok->object);
	ask->attr = ok->obj_attributes.post_op_attr_u.attributes;
}

static uint8_t object_of_handle(const struct nfs_model *model, const struct nfs_bytes *handle)
{
	for (unsigned i = 0; i < NFS_OBJECTS; i++) {
		const struct nfs_object *object = &model->objects[i];

		if (object->kind != NFS_KIND_NONE && object->handle.len == handle->len &&
		    memcmp(object->handle.bytes, handle->bytes, handle->len) == 0)
			return (uint8_t)i;
	}
	return NFS_NOBODY;
}

static struct seen look(struct nfs_side *side, unsigned dir, unsigned name)
{
	struct seen seen = { .object = NFS_NOBODY };
	struct LOOKUP3args args;
	struct ask ask;

	ask_init(&ask, side);
	ask.take = take_lookup;
	args.what = nfs_where(&ask.call, dir, name);
	if (ask_wait(&ask, rpc_nfs3_lookup_async(ask.call.peer->rpc, ask_answered, &args, &ask))) {
		seen.handle = ask.handle;
		seen.attr = ask.attr;
		seen.object = object_of_handle(side->model, &ask.handle);
	}
	seen.known = ask.status == 0 || ask.status == NFS3ERR_NOENT;
	return seen;
}

/* Does what is seen agree with `object` being there? One that was made by a lost call has no handle yet. */
static bool agrees(const struct nfs_model *model, const struct seen *seen, uint8_t object)
{
	if (object == NFS_NOBODY)
		return seen->handle.len == 0;
	if (model->objects[object].handle.len == 0)
		return seen->handle.len > 0 && seen->object == NFS_NOBODY;
	return seen->object == object;
}

/* A lost call has changed all its names, or none. False: that is not to be seen. */
static bool doubt_settle(struct nfs_side *side, const struct nfs_doubt *doubt, struct seen seen[NFS_DIRS][NFS_NAMES])
{
	struct nfs_model *model = side->model;
	bool after = true, before = true;

	for (unsigned i = 0; i < doubt->n_changes; i++) {
		const struct nfs_change *change = &doubt->changes[i];
		const struct seen *at = &seen[change->dir][change->name];

		if (!at->known)
			return false;
		after = after && agrees(model, at, change->after);
		before = before && agrees(model, at, change->before);
	}
	if (!after && !before)
		front_fail(side->front, FAIL_LOST, "a lost call has been carried out in part: %s",
		           nfs_name_text(doubt->changes[0].name));
	for (unsigned i = 0; i < doubt->n_changes; i++) {
		const struct nfs_change *change = &doubt->changes[i];
		struct nfs_name *name = &model->names[change->dir][change->name];

		name->object = after ? change->after : change->before;
		name->busy = false;
		name->touched = side->front->clock;
		if (after && change->after == doubt->made && doubt->made != NFS_NOBODY)
			model->objects[doubt->made].handle = seen[change->dir][change->name].handle;
	}
	return true;
}

static void doubts_settle(struct nfs_side *side, struct seen seen[NFS_DIRS][NFS_NAMES])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < side->n_doubts; i++)
		if (!doubt_settle(side, &side->doubts[i], seen))
			side->doubts[kept++] = side->doubts[i];
	side->n_doubts = kept;
}

static void names_compare(struct nfs_side *side, struct seen seen[NFS_DIRS][NFS_NAMES])
{
	for (unsigned d = 0; d < NFS_DIRS; d++) {
		for (unsigned k = 0; k < NFS_NAMES; k++) {
			const struct nfs_name *name = &side->model->names[d][k];
			struct seen *at = &seen[d][k];

			if (!at->known || name->busy)
				continue;
			at->object = object_of_handle(side->model, &at->handle);
			if (!agrees(side->model, at, name->object))
				front_fail(side->front, side->power_cut ? FAIL_LOST : FAIL_WRONG,
				           "%s/%s is object %u, not %u", d == 0 ? "" : "/d", nfs_name_text(k),
				           at->object, name->object);
		}
	}
}

/* ---- contents ---- */

static void take_read(struct ask *ask, void *results)
{
	const READ3resok *ok = &((struct READ3res *)results)->READ3res_u.resok;
	struct nfs_object *file = &nfs_model_of(&ask->call)->objects[ask->call.object];
	uint64_t word;

	ask->count = ok->count;
	nfs_check_bytes(&ask->call, ask->call.object, ask->call.offset, ok->data.data_val, ok->count);
	for (uint32_t at = 0; at < ok->count; at += NFS_UNIT) {
		memcpy(&word, ok->data.data_val + at, sizeof word);
		nfs_cell_adopt(file, (unsigned)((ask->call.offset + at) / NFS_UNIT), word, ask->call.front->clock);
	}
}

static void file_read(struct nfs_side *side, uint8_t number, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += READ_BYTES) {
		struct READ3args args = { .offset = at, .count = READ_BYTES };
		struct ask ask;

		ask_init(&ask, side);
		ask.take = take_read;
		ask.call.object = number;
		ask.call.offset = at;
		args.file = nfs_object_fh(&ask.call);
		if (ask_wait(&ask, rpc_nfs3_read_async(ask.call.peer->rpc, ask_answered, &args, &ask)) &&
		    ask.count != MIN_OF(size - at, (uint64_t)READ_BYTES))
			front_fail(side->front, FAIL_WRONG, "%u bytes read at %llu of a file of %llu", ask.count,
			           (unsigned long long)at, (unsigned long long)size);
	}
}

/* What lies behind the end is zeros, whatever was written there. */
static void file_compare(struct nfs_side *side, uint8_t number, uint64_t size)
{
	struct nfs_object *file = &side->model->objects[number];

	if (!(side->power_cut ? cell_may_survive(&file->size, size)
	                      : cell_may_read(&file->size, size, side->front->clock)))
		front_fail(side->front, side->power_cut ? FAIL_LOST : FAIL_WRONG, "object %u has size %llu", number,
		           (unsigned long long)size);
	cell_reset(&file->size, size, side->front->clock);
	file_read(side, number, size);
	for (unsigned u = (unsigned)(size / NFS_UNIT); u < NFS_UNITS; u++)
		nfs_cell_adopt(file, u, 0, side->front->clock);
}

static void take_readlink(struct ask *ask, void *results)
{
	nfs_readlink_check(&ask->call, results);
}

static void symlink_compare(struct nfs_side *side, uint8_t number)
{
	struct READLINK3args args;
	struct ask ask;

	ask_init(&ask, side);
	ask.take = take_readlink;
	ask.call.object = number;
	args.symlink = nfs_object_fh(&ask.call);
	(void)ask_wait(&ask, rpc_nfs3_readlink_async(ask.call.peer->rpc, ask_answered, &args, &ask));
}

static void object_compare(struct nfs_side *side, uint8_t number, const struct fattr3 *attr)
{
	struct nfs_object *object = &side->model->objects[number];
	struct ask ask;

	ask_init(&ask, side);
	if (object->kind == NFS_KIND_FILE)
		file_compare(side, number, attr->size);
	if (object->kind == NFS_KIND_SYMLINK)
		symlink_compare(side, number);
	if (side->n_doubts == 0)
		nfs_check_attr(&ask.call, number, attr);
	cell_reset(&object->mode, attr->mode, side->front->clock);
}

/* ---- all of it ---- */

/* Objects of which nothing is left. */
static void objects_sweep(struct nfs_side *side)
{
	bool quiet;

	for (unsigned i = 0; i < NFS_OBJECTS && side->n_doubts == 0; i++)
		if (side->model->objects[i].kind != NFS_KIND_NONE &&
		    nfs_object_links(side->model, (uint8_t)i, &quiet) == 0)
			nfs_object_free(side->model, (uint8_t)i);
}

void nfs_audit(struct front *front)
{
	struct seen seen[NFS_DIRS][NFS_NAMES];
	struct nfs_side *side = nfs_side_of(front);
	bool compared[NFS_OBJECTS] = { false };

	nfs_connect(side);
	for (unsigned d = 0; d < NFS_DIRS; d++)
		for (unsigned k = 0; k < NFS_NAMES; k++)
			seen[d][k] = look(side, d, k);
	doubts_settle(side, seen);
	names_compare(side, seen);
	front->clock++;
	for (unsigned d = 0; d < NFS_DIRS; d++) {
		for (unsigned k = 0; k < NFS_NAMES; k++) {
			uint8_t object = side->model->names[d][k].object;

			if (!seen[d][k].known || side->model->names[d][k].busy || object == NFS_NOBODY ||
			    compared[object])
				continue;
			compared[object] = true;
			object_compare(side, object, &seen[d][k].attr);
		}
	}
	front->clock++;
	objects_sweep(side);
	side->power_cut = false;
}
