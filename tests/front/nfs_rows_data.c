/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about one object: GETATTR, SETATTR, ACCESS, READLINK, READ, WRITE, COMMIT. */
#include <stdlib.h>
#include <string.h>

#include "tests/front/nfs_rows.h"

#define KIND(kind) (1U << (kind))
#define ANY_KIND 0xFFU
#define SMALL_UNITS 80U

/* The calls of libnfs; 0: on its way. */
#define SENT(expression) ((expression) == 0)

static struct nfs_object *object_of(const struct nfs_call *call)
{
	return &nfs_model_of(call)->objects[call->object];
}

bool nfs_getattr_send(struct nfs_call *call)
{
	struct GETATTR3args args;

	if (!nfs_choose_object(call, ANY_KIND))
		return false;
	args.object = nfs_object_fh(call);
	return SENT(rpc_nfs3_getattr_async(call->peer->rpc, nfs_answered, &args, call));
}

void nfs_getattr_check(struct nfs_call *call, void *results)
{
	nfs_check_attr(call, call->object, &((struct GETATTR3res *)results)->GETATTR3res_u.resok.obj_attributes);
}

bool nfs_access_send(struct nfs_call *call)
{
	struct ACCESS3args args = { .access = 0x3F };

	if (!nfs_choose_object(call, ANY_KIND))
		return false;
	args.object = nfs_object_fh(call);
	return SENT(rpc_nfs3_access_async(call->peer->rpc, nfs_answered, &args, call));
}

void nfs_access_check(struct nfs_call *call, void *results)
{
	const ACCESS3resok *ok = &((struct ACCESS3res *)results)->ACCESS3res_u.resok;

	if ((ok->access & (ACCESS3_READ | ACCESS3_MODIFY)) != (ACCESS3_READ | ACCESS3_MODIFY))
		front_fail(call->front, FAIL_WRONG, "root may only %x", ok->access);
	nfs_check_post_attr(call, call->object, &ok->obj_attributes);
}

bool nfs_readlink_send(struct nfs_call *call)
{
	struct READLINK3args args;

	if (!nfs_choose_object(call, KIND(NFS_KIND_SYMLINK)))
		return false;
	args.symlink = nfs_object_fh(call);
	return SENT(rpc_nfs3_readlink_async(call->peer->rpc, nfs_answered, &args, call));
}

void nfs_readlink_check(struct nfs_call *call, void *results)
{
	const READLINK3resok *ok = &((struct READLINK3res *)results)->READLINK3res_u.resok;
	char text[NFS_TARGET_MAX + 1];

	nfs_target_fill(object_of(call)->target_len, text);
	if (strcmp(ok->data, text) != 0)
		front_fail(call->front, FAIL_WRONG, "a symlink says %s, not %s", ok->data, text);
	nfs_check_post_attr(call, call->object, &ok->symlink_attributes);
}

/* ---- data ---- */

static unsigned units_draw(struct front *front)
{
	return 1U + (unsigned)front_draw(front, front_draw(front, 16) == 0 ? (1U << 20) / NFS_UNIT : SMALL_UNITS);
}

/* A range of cells below `end`, of whole blocks more often than not. */
static void range_draw(struct nfs_call *call, unsigned end)
{
	struct front *front = call->front;

	call->first = (unsigned)front_draw(front, end);
	if (front_draw(front, 3) != 0)
		call->first -= call->first % 8U;
	call->n = units_draw(front);
	call->n = MIN_OF(call->n, end - call->first);
	if (front_draw(front, 3) != 0)
		call->n = MIN_OF(ROUND_UP(call->n, 8U), end - call->first);
	call->offset = (uint64_t)call->first * NFS_UNIT;
	call->count = call->n * NFS_UNIT;
}

bool nfs_read_send(struct nfs_call *call)
{
	struct READ3args args = { 0 };
	uint64_t most;

	if (!nfs_choose_object(call, KIND(NFS_KIND_FILE)))
		return false;
	most = cell_most(&object_of(call)->size) / NFS_UNIT;
	range_draw(call, (unsigned)MIN_OF(most + 9U, NFS_UNITS));
	args.file = nfs_object_fh(call);
	args.offset = call->offset;
	args.count = call->count;
	return SENT(rpc_nfs3_read_async(call->peer->rpc, nfs_answered, &args, call));
}

/* Some size that the file may have had explains how much came. */
static bool count_is_possible(const struct nfs_call *call, uint32_t count, bool eof)
{
	const struct cell *sizes = &object_of(call)->size;

	for (unsigned i = 0; i < sizes->n; i++) {
		uint64_t size = sizes->c[i].stamp, left = size > call->offset ? size - call->offset : 0;

		if (nfs_size_may_be(call, object_of(call), size) && count == MIN_OF(left, (uint64_t)call->count) &&
		    eof == (left <= call->count))
			return true;
	}
	return false;
}

void nfs_read_check(struct nfs_call *call, void *results)
{
	const READ3resok *ok = &((struct READ3res *)results)->READ3res_u.resok;

	if (ok->count != ok->data.data_len || !count_is_possible(call, ok->count, ok->eof != 0))
		front_fail(call->front, FAIL_WRONG, "read of %u at %llu: %u bytes, eof %u", call->count,
		           (unsigned long long)call->offset, ok->count, ok->eof);
	nfs_check_bytes(call, call->object, call->offset, ok->data.data_val, ok->count);
	nfs_check_post_attr(call, call->object, &ok->file_attributes);
}

/* What others change meanwhile is for the cells to know; its size only one may change, and then alone. */
static bool file_may_change(const struct nfs_call *call, bool size_too)
{
	const struct nfs_object *file = object_of(call);

	return !file->exclusive && (!size_too || file->n_changes == 0);
}

static void write_begin(struct nfs_call *call, uint64_t size)
{
	struct nfs_object *file = object_of(call);

	call->stamp = ++call->front->stamp;
	call->writes = true;
	nfs_cells_send(file, call->first, call->n, call->stamp, call->sent);
	if (call->offset + call->count <= size)
		return;
	call->sizes = file->exclusive = true;
	call->size = call->offset + call->count;
	cell_send(&file->size, call->size, call->sent);
}

bool nfs_write_send(struct nfs_call *call)
{
	struct WRITE3args args = { 0 };
	uint64_t size, *words;
	bool sent;

	if (!nfs_choose_object(call, KIND(NFS_KIND_FILE)) || !cell_settled(&object_of(call)->size, &size))
		return false;
	range_draw(call, (unsigned)MIN_OF(size / NFS_UNIT + 40U, NFS_UNITS));
	if (!file_may_change(call, call->offset + call->count > size))
		return false;
	write_begin(call, size);
	args.file = nfs_object_fh(call);
	args.offset = call->offset;
	args.count = args.data.data_len = call->count;
	args.stable = (stable_how)front_draw(call->front, 3);
	call->durable = args.stable != UNSTABLE;
	words = malloc(call->count);
	vc_assert(words != NULL);
	for (unsigned i = 0; i < call->count / 8U; i++)
		words[i] = call->stamp;
	args.data.data_val = (char *)words;
	sent = SENT(rpc_nfs3_write_async(call->peer->rpc, nfs_answered, &args, call));
	free(words);
	return sent;
}

/* Of what an earlier write had added the power cut has left nothing, and this one, which came again, has made the file
 * as long as its own end. */
static void grown_again(struct nfs_call *call, const struct post_op_attr *after)
{
	uint64_t end = call->offset + call->count;

	if (!nfs_side_of(call->front)->power_cut || call->sizes || !after->attributes_follow ||
	    after->post_op_attr_u.attributes.size != end)
		return;
	call->sizes = true;
	call->size = end;
	cell_send(&object_of(call)->size, end, call->sent);
}

void nfs_write_check(struct nfs_call *call, void *results)
{
	const WRITE3resok *ok = &((struct WRITE3res *)results)->WRITE3res_u.resok;

	if (ok->count != call->count || (call->durable && ok->committed == UNSTABLE))
		front_fail(call->front, FAIL_WRONG, "%u of %u bytes written, committed %u", ok->count, call->count,
		           ok->committed);
	call->durable = ok->committed != UNSTABLE;
	nfs_check_verifier(call, ok->verf);
	grown_again(call, &ok->file_wcc.after);
	nfs_check_post_attr(call, call->object, &ok->file_wcc.after);
}

bool nfs_commit_send(struct nfs_call *call)
{
	struct COMMIT3args args = { 0 };

	if (!nfs_choose_object(call, KIND(NFS_KIND_FILE)))
		return false;
	args.file = nfs_object_fh(call);
	return SENT(rpc_nfs3_commit_async(call->peer->rpc, nfs_answered, &args, call));
}

void nfs_commit_check(struct nfs_call *call, void *results)
{
	const COMMIT3resok *ok = &((struct COMMIT3res *)results)->COMMIT3res_u.resok;

	nfs_check_verifier(call, ok->verf);
	/* else the verifier has changed: what was written before it is to be written again */
	if (!nfs_side_of(call->front)->power_cut)
		nfs_object_durable(object_of(call), call->sent);
	nfs_check_post_attr(call, call->object, &ok->file_wcc.after);
}

/* ---- SETATTR: a mode, or a size ---- */

static bool size_set(struct nfs_call *call, struct sattr3 *attr)
{
	struct nfs_object *file = object_of(call);
	uint64_t most = cell_most(&file->size);

	if (file->kind != NFS_KIND_FILE || !file_may_change(call, true))
		return false;
	call->size = front_draw(call->front, MIN_OF(most / NFS_UNIT + 20U, NFS_UNITS)) * NFS_UNIT;
	call->sizes = call->writes = call->durable = file->exclusive = true;
	cell_send(&file->size, call->size, call->sent);
	call->first = (unsigned)(call->size / NFS_UNIT); /* what is cut off is zeros when the file grows again */
	call->n = NFS_UNITS - call->first;
	nfs_cells_send(file, call->first, call->n, 0, call->sent);
	attr->size.set_it = 1;
	attr->size.set_size3_u.size = call->size;
	return true;
}

static void mode_set(struct nfs_call *call, struct sattr3 *attr)
{
	call->modes = true;
	call->stamp = front_draw(call->front, 01000);
	cell_send(&object_of(call)->mode, call->stamp, call->sent);
	attr->mode.set_it = 1;
	attr->mode.set_mode3_u.mode = (mode3)call->stamp;
}

bool nfs_setattr_send(struct nfs_call *call)
{
	struct SETATTR3args args = { 0 };

	if (!nfs_choose_object(call, ANY_KIND))
		return false;
	if (front_draw(call->front, 2) == 0 || !size_set(call, &args.new_attributes))
		mode_set(call, &args.new_attributes);
	args.object = nfs_object_fh(call);
	return SENT(rpc_nfs3_setattr_async(call->peer->rpc, nfs_answered, &args, call));
}
