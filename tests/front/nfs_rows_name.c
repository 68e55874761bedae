/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about names: LOOKUP, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK, READDIR, READDIRPLUS. */
#include <stdlib.h>
#include <string.h>

#include "tests/front/nfs_rows.h"

#define SENT(expression) ((expression) == 0)
#define MODE_ANY UINT64_MAX

static struct nfs_name *name_of(const struct nfs_call *call, unsigned dir, unsigned name)
{
	return &nfs_model_of(call)->names[dir][name];
}

bool nfs_object_in_use(const struct nfs_call *call, uint8_t object)
{
	const struct nfs_side *side = nfs_side_of(call->front);

	for (unsigned i = 0; i < NFS_CALLS; i++)
		if (side->calls[i].flying && side->calls[i].object == object)
			return true;
	return false;
}

bool nfs_choose_object(struct nfs_call *call, unsigned kinds)
{
	struct nfs_model *model = nfs_model_of(call);
	uint8_t candidates[NFS_DIRS * NFS_NAMES];
	unsigned n = 0;

	for (unsigned d = 0; d < NFS_DIRS; d++) {
		for (unsigned k = 0; k < NFS_NAMES; k++) {
			const struct nfs_name *name = &model->names[d][k];

			if (name->object != NFS_NOBODY && !name->busy &&
			    !(call->apart != NULL && call->apart->object == name->object) &&
			    (kinds & 1U << model->objects[name->object].kind) != 0 &&
			    model->objects[name->object].handle.len > 0)
				candidates[n++] = name->object;
		}
	}
	if (n > 0)
		call->object = candidates[front_draw(call->front, n)];
	return n > 0;
}

bool nfs_choose_name(struct nfs_call *call, bool taken)
{
	unsigned first = (unsigned)front_draw(call->front, NFS_DIRS * NFS_NAMES);

	for (unsigned i = 0; i < NFS_DIRS * NFS_NAMES; i++) {
		unsigned at = (first + i) % (NFS_DIRS * NFS_NAMES);
		const struct nfs_name *name = name_of(call, at / NFS_NAMES, at % NFS_NAMES);

		if (name->busy || (name->object != NFS_NOBODY) != taken)
			continue;
		if (call->apart != NULL && call->apart->dir == at / NFS_NAMES && call->apart->name == at % NFS_NAMES)
			continue;
		call->dir = (uint8_t)(at / NFS_NAMES);
		call->name = (uint8_t)(at % NFS_NAMES);
		return true;
	}
	return false;
}

bool nfs_name_is_unsure(const struct nfs_call *call, unsigned dir, unsigned name)
{
	return name_of(call, dir, name)->busy || name_of(call, dir, name)->touched >= call->sent;
}

void nfs_change_add(struct nfs_call *call, unsigned dir, unsigned name, uint8_t after)
{
	call->changes[call->n_changes++] = (struct nfs_change){
		.dir = (uint8_t)dir, .name = (uint8_t)name, .before = name_of(call, dir, name)->object, .after = after
	};
}

struct nfs_fh3 nfs_object_fh(const struct nfs_call *call)
{
	return nfs_fh_of(&nfs_model_of(call)->objects[call->object].handle);
}

struct nfs_fh3 nfs_dir_fh(const struct nfs_call *call, unsigned dir)
{
	return nfs_fh_of(&nfs_model_of(call)->dirs[dir]);
}

struct diropargs3 nfs_where(const struct nfs_call *call, unsigned dir, unsigned name)
{
	return (struct diropargs3){ .dir = nfs_dir_fh(call, dir), .name = (char *)(uintptr_t)nfs_name_text(name) };
}

/* ---- LOOKUP ---- */

bool nfs_lookup_send(struct nfs_call *call)
{
	struct LOOKUP3args args;

	if (!nfs_choose_name(call, front_draw(call->front, 4) != 0))
		return false;
	call->expect = name_of(call, call->dir, call->name)->object == NFS_NOBODY ? NFS3ERR_NOENT : NFS3_OK;
	call->looks = true;
	args.what = nfs_where(call, call->dir, call->name);
	return SENT(rpc_nfs3_lookup_async(call->peer->rpc, nfs_answered, &args, call));
}

void nfs_lookup_check(struct nfs_call *call, void *results)
{
	const LOOKUP3resok *ok = &((struct LOOKUP3res *)results)->LOOKUP3res_u.resok;
	uint8_t object = name_of(call, call->dir, call->name)->object;
	const struct nfs_bytes *handle = &nfs_model_of(call)->objects[object].handle;

	if (ok->object.data.data_len != handle->len ||
	    memcmp(ok->object.data.data_val, handle->bytes, handle->len) != 0)
		front_fail(call->front, FAIL_WRONG, "lookup of %s gives another object", nfs_name_text(call->name));
	nfs_check_post_attr(call, object, &ok->obj_attributes);
}

/* ---- making things ---- */

/* Where something is to be made: a free name, or one that is taken, where the call must be refused. */
static bool make_begin(struct nfs_call *call, enum nfs_kind kind)
{
	if (!nfs_choose_name(call, front_draw(call->front, 6) == 0))
		return false;
	if (name_of(call, call->dir, call->name)->object != NFS_NOBODY) {
		call->expect = NFS3ERR_EXIST;
		/* stays what it is */
		nfs_change_add(call, call->dir, call->name, name_of(call, call->dir, call->name)->object);
		return true;
	}
	call->made = nfs_object_new(nfs_model_of(call), kind, call->sent);
	if (call->made == NFS_NOBODY)
		return false;
	nfs_change_add(call, call->dir, call->name, call->made);
	return true;
}

static struct sattr3 mode_0644(void)
{
	struct sattr3 attr = { 0 };

	attr.mode.set_it = 1;
	attr.mode.set_mode3_u.mode = 0644;
	return attr;
}

/* The results of CREATE, MKDIR, SYMLINK and MKNOD are the same. */
void nfs_create_check(struct nfs_call *call, void *results)
{
	const CREATE3resok *ok = &((struct CREATE3res *)results)->CREATE3res_u.resok;

	if (!ok->obj.handle_follows)
		front_fail(call->front, FAIL_WRONG, "%s gives no handle", call->row->name);
	nfs_bytes_set(&nfs_model_of(call)->objects[call->made].handle, &ok->obj.post_op_fh3_u.handle);
	nfs_check_post_attr(call, call->made, &ok->obj_attributes);
}

bool nfs_create_send(struct nfs_call *call)
{
	struct CREATE3args args = { 0 };

	if (!make_begin(call, NFS_KIND_FILE))
		return false;
	args.where = nfs_where(call, call->dir, call->name);
	args.how.mode = (createmode3)(call->made == NFS_NOBODY ? GUARDED : front_draw(call->front, 3));
	if (args.how.mode == EXCLUSIVE) {
		memcpy(args.how.createhow3_u.verf, &call->sent, sizeof args.how.createhow3_u.verf);
		cell_reset(&nfs_model_of(call)->objects[call->made].mode, MODE_ANY, call->sent);
	} else {
		args.how.createhow3_u.obj_attributes = mode_0644();
	}
	return SENT(rpc_nfs3_create_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_mkdir_send(struct nfs_call *call)
{
	struct MKDIR3args args = { 0 };

	if (!make_begin(call, NFS_KIND_DIR))
		return false;
	args.where = nfs_where(call, call->dir, call->name);
	args.attributes = mode_0644();
	return SENT(rpc_nfs3_mkdir_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_symlink_send(struct nfs_call *call)
{
	struct SYMLINK3args args = { 0 };
	char target[NFS_TARGET_MAX + 1];
	unsigned len = 1U + (unsigned)front_draw(call->front, front_draw(call->front, 2) == 0 ? 60U : NFS_TARGET_MAX);

	if (!make_begin(call, NFS_KIND_SYMLINK))
		return false;
	if (call->made != NFS_NOBODY)
		nfs_model_of(call)->objects[call->made].target_len = len;
	nfs_target_fill(len, target);
	args.where = nfs_where(call, call->dir, call->name);
	args.symlink.symlink_attributes = mode_0644();
	args.symlink.symlink_data = target;
	return SENT(rpc_nfs3_symlink_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_mknod_send(struct nfs_call *call)
{
	struct MKNOD3args args = { 0 };

	if (!make_begin(call, NFS_KIND_PIPE))
		return false;
	args.where = nfs_where(call, call->dir, call->name);
	args.what.type = NF3FIFO;
	args.what.mknoddata3_u.pipe_attributes = mode_0644();
	return SENT(rpc_nfs3_mknod_async(call->peer->rpc, nfs_answered, &args, call));
}

/* ---- dropping and moving things ---- */

/* May the object at that name go? Nobody uses it. */
static bool may_go(const struct nfs_call *call, unsigned dir, unsigned name)
{
	uint8_t object = name_of(call, dir, name)->object;

	return object == NFS_NOBODY || !nfs_object_in_use(call, object);
}

static bool is_dir(const struct nfs_call *call, unsigned dir, unsigned name)
{
	uint8_t object = name_of(call, dir, name)->object;

	return object != NFS_NOBODY && nfs_model_of(call)->objects[object].kind == NFS_KIND_DIR;
}

static bool drop_begin(struct nfs_call *call, bool directory)
{
	bool taken = front_draw(call->front, 6) != 0;

	for (unsigned i = 0; i < 8; i++) {
		if (!nfs_choose_name(call, taken))
			return false;
		if (taken && (is_dir(call, call->dir, call->name) != directory || !may_go(call, call->dir, call->name)))
			continue;
		call->expect = taken ? NFS3_OK : NFS3ERR_NOENT;
		nfs_change_add(call, call->dir, call->name, NFS_NOBODY);
		return true;
	}
	return false;
}

bool nfs_remove_send(struct nfs_call *call)
{
	struct REMOVE3args args;

	if (!drop_begin(call, false))
		return false;
	args.object = nfs_where(call, call->dir, call->name);
	return SENT(rpc_nfs3_remove_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_rmdir_send(struct nfs_call *call)
{
	struct RMDIR3args args;

	if (!drop_begin(call, true))
		return false;
	args.object = nfs_where(call, call->dir, call->name);
	return SENT(rpc_nfs3_rmdir_async(call->peer->rpc, nfs_answered, &args, call));
}

static bool may_replace(const struct nfs_call *call, unsigned to_dir, unsigned to_name)
{
	uint8_t to = name_of(call, to_dir, to_name)->object, from = name_of(call, call->dir, call->name)->object;

	if (to == from || name_of(call, to_dir, to_name)->busy) /* two names of one object both stay */
		return false;
	return to == NFS_NOBODY ||
	       (is_dir(call, to_dir, to_name) == is_dir(call, call->dir, call->name) && may_go(call, to_dir, to_name));
}

bool nfs_rename_send(struct nfs_call *call)
{
	unsigned to = (unsigned)front_draw(call->front, NFS_DIRS * NFS_NAMES);
	struct RENAME3args args;

	if (!nfs_choose_name(call, true) || !may_replace(call, to / NFS_NAMES, to % NFS_NAMES))
		return false;
	args.from = nfs_where(call, call->dir, call->name);
	args.to = nfs_where(call, to / NFS_NAMES, to % NFS_NAMES);
	nfs_change_add(call, to / NFS_NAMES, to % NFS_NAMES, name_of(call, call->dir, call->name)->object);
	nfs_change_add(call, call->dir, call->name, NFS_NOBODY);
	return SENT(rpc_nfs3_rename_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_link_send(struct nfs_call *call)
{
	struct LINK3args args;

	if (!nfs_choose_object(call, 1U << NFS_KIND_FILE | 1U << NFS_KIND_PIPE) ||
	    !nfs_choose_name(call, front_draw(call->front, 6) == 0))
		return false;
	args.file = nfs_object_fh(call);
	args.link = nfs_where(call, call->dir, call->name);
	if (name_of(call, call->dir, call->name)->object != NFS_NOBODY) {
		call->expect = NFS3ERR_EXIST;
		nfs_change_add(call, call->dir, call->name, name_of(call, call->dir, call->name)->object);
	} else {
		nfs_change_add(call, call->dir, call->name, call->object);
	}
	return SENT(rpc_nfs3_link_async(call->peer->rpc, nfs_answered, &args, call));
}

/* ---- listing ---- */

bool nfs_readdir_send(struct nfs_call *call)
{
	struct READDIR3args args = { .count = 4096 };

	call->dir = (uint8_t)front_draw(call->front, NFS_DIRS);
	args.dir = nfs_dir_fh(call, call->dir);
	return SENT(rpc_nfs3_readdir_async(call->peer->rpc, nfs_answered, &args, call));
}

bool nfs_readdirplus_send(struct nfs_call *call)
{
	struct READDIRPLUS3args args = { .dircount = 4096, .maxcount = 8192 };

	call->dir = (uint8_t)front_draw(call->front, NFS_DIRS);
	args.dir = nfs_dir_fh(call, call->dir);
	return SENT(rpc_nfs3_readdirplus_async(call->peer->rpc, nfs_answered, &args, call));
}

/* Every name that nobody changed is in the list when something stands there, and only then. */
static void list_check(struct nfs_call *call, const bool seen[NFS_NAMES], bool eof)
{
	if (!eof)
		front_fail(call->front, FAIL_WRONG, "%s of a few names does not end", call->row->name);
	for (unsigned k = 0; k < NFS_NAMES; k++)
		if (!nfs_name_is_unsure(call, call->dir, k) &&
		    seen[k] != (name_of(call, call->dir, k)->object != NFS_NOBODY))
			front_fail(call->front, FAIL_WRONG, "%s: %s is %s", call->row->name, nfs_name_text(k),
			           seen[k] ? "there" : "not there");
}

static void list_add(struct nfs_call *call, bool seen[NFS_NAMES], const char *name)
{
	unsigned k = nfs_name_find(name);

	if (k < NFS_NAMES && seen[k])
		front_fail(call->front, FAIL_WRONG, "%s: %s is listed twice", call->row->name, name);
	if (k < NFS_NAMES)
		seen[k] = true;
}

void nfs_readdir_check(struct nfs_call *call, void *results)
{
	const dirlist3 *list = &((struct READDIR3res *)results)->READDIR3res_u.resok.reply;
	bool seen[NFS_NAMES] = { false };
	entry3 entry; /* libnfs does not align what it decodes */

	for (const entry3 *at = list->entries; at != NULL; at = entry.nextentry) {
		memcpy(&entry, at, sizeof entry);
		list_add(call, seen, entry.name);
	}
	list_check(call, seen, list->eof != 0);
}

void nfs_readdirplus_check(struct nfs_call *call, void *results)
{
	const dirlistplus3 *list = &((struct READDIRPLUS3res *)results)->READDIRPLUS3res_u.resok.reply;
	bool seen[NFS_NAMES] = { false };
	entryplus3 entry;

	for (const entryplus3 *at = list->entries; at != NULL; at = entry.nextentry) {
		unsigned k;

		memcpy(&entry, at, sizeof entry);
		k = nfs_name_find(entry.name);
		list_add(call, seen, entry.name);
		if (k < NFS_NAMES && !nfs_name_is_unsure(call, call->dir, k) &&
		    name_of(call, call->dir, k)->object != NFS_NOBODY)
			nfs_check_post_attr(call, name_of(call, call->dir, k)->object, &entry.name_attributes);
	}
	list_check(call, seen, list->eof != 0);
}
