/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of NFS compared with the model. */
#include <string.h>

#include "tests/front/nfs_rows.h"

#define MODE_ANY UINT64_MAX

static ftype3 type_of(enum nfs_kind kind)
{
	static const ftype3 types[] = { [NFS_KIND_FILE] = NF3REG,
		                        [NFS_KIND_DIR] = NF3DIR,
		                        [NFS_KIND_SYMLINK] = NF3LNK,
		                        [NFS_KIND_PIPE] = NF3FIFO };

	return types[kind];
}

static bool names_changed_since(const struct nfs_model *model, uint64_t sent)
{
	for (unsigned d = 0; d < NFS_DIRS; d++)
		for (unsigned k = 0; k < NFS_NAMES; k++)
			if (model->names[d][k].touched >= sent)
				return true;
	return false;
}

bool nfs_size_may_be(const struct nfs_call *call, const struct nfs_object *object, uint64_t size)
{
	return nfs_side_of(call->front)->power_cut ? cell_may_survive(&object->size, size)
	                                           : cell_may_read(&object->size, size, call->sent);
}

void nfs_check_attr(struct nfs_call *call, uint8_t number, const struct fattr3 *attr)
{
	struct nfs_model *model = nfs_model_of(call);
	struct nfs_object *object = &model->objects[number];
	bool quiet;
	unsigned links = nfs_object_links(model, number, &quiet);

	if (object->fileid == 0)
		object->fileid = attr->fileid;
	if (attr->type != type_of(object->kind) || attr->fileid != object->fileid)
		front_fail(call->front, FAIL_WRONG, "%s: type %u, file %llu; it was of kind %u, file %llu",
		           call->row->name, attr->type, (unsigned long long)attr->fileid, object->kind,
		           (unsigned long long)object->fileid);
	if (object->kind == NFS_KIND_FILE && !nfs_size_may_be(call, object, attr->size))
		front_fail(call->front, FAIL_WRONG, "%s: size %llu of file %llu", call->row->name,
		           (unsigned long long)attr->size, (unsigned long long)attr->fileid);
	if (!cell_may_read(&object->mode, MODE_ANY, call->sent) &&
	    !cell_may_read(&object->mode, attr->mode, call->sent) && object->kind != NFS_KIND_SYMLINK)
		front_fail(call->front, FAIL_WRONG, "%s: mode %o of file %llu", call->row->name, attr->mode,
		           (unsigned long long)attr->fileid);
	if (quiet && call->n_changes == 0 && !names_changed_since(model, call->sent) && object->kind != NFS_KIND_DIR &&
	    attr->nlink != links)
		front_fail(call->front, FAIL_WRONG, "%s: %u links of file %llu, not %u", call->row->name, attr->nlink,
		           (unsigned long long)attr->fileid, links);
}

void nfs_check_post_attr(struct nfs_call *call, uint8_t object, const struct post_op_attr *attr)
{
	if (attr->attributes_follow)
		nfs_check_attr(call, object, &attr->post_op_attr_u.attributes);
}

void nfs_check_verifier(struct nfs_call *call, const char verifier[8])
{
	struct nfs_side *side = nfs_side_of(call->front);

	if (!side->has_verifier) {
		if (side->lived_before && memcmp(side->verifier, verifier, sizeof side->verifier) == 0)
			front_fail(call->front, FAIL_WRONG, "the write verifier is the one from before the power cut");
		memcpy(side->verifier, verifier, sizeof side->verifier);
	}
	side->has_verifier = side->lived_before = true;
	if (memcmp(side->verifier, verifier, sizeof side->verifier) != 0)
		front_fail(call->front, FAIL_WRONG, "the write verifier has changed while the server lived");
}

void nfs_check_bytes(struct nfs_call *call, uint8_t number, uint64_t offset, const char *bytes, uint32_t len)
{
	struct nfs_side *side = nfs_side_of(call->front);
	const struct nfs_object *file = &side->model->objects[number];
	uint64_t words[NFS_UNIT / 8U];

	for (uint32_t at = 0; at < len; at += NFS_UNIT) {
		unsigned unit = (unsigned)((offset + at) / NFS_UNIT);

		memcpy(words, bytes + at, NFS_UNIT);
		for (unsigned i = 1; i < ARRAY_SIZE(words); i++)
			if (words[i] != words[0])
				front_fail(call->front, FAIL_WRONG, "cell %u of object %u is made of %llu and %llu",
				           unit, number, (unsigned long long)words[0], (unsigned long long)words[i]);
		if (!(side->power_cut ? nfs_cell_may_survive(file, unit, words[0])
		                      : nfs_cell_may_read(file, unit, words[0], call->sent)))
			front_fail(call->front, side->power_cut ? FAIL_LOST : FAIL_WRONG,
			           "cell %u of object %u is %llu", unit, number, (unsigned long long)words[0]);
	}
}

void nfs_target_fill(unsigned len, char *text)
{
	for (unsigned i = 0; i < len; i++)
		text[i] = (char)('a' + i % 23U);
	text[len] = '\0';
}
