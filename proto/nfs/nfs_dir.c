/* SPDX-License-Identifier: Apache-2.0 */
/* READDIR and READDIRPLUS.
 *
 * THEORY. The file system gives entries by cookie; here they are encoded until one does not fit in what the client
 * allows. Cookies are slots that never move, so a listing goes on correctly whatever happened to the directory
 * meanwhile; the cookie verifier is the directory's generation, and fails only for a cookie of another directory.
 * REFERENCES RFC 1813 sections 3.3.16 and 3.3.17 (what the counts count). */
#include "proto/nfs/nfs_encode.h"

#define ENTRIES_MAX 1024U
#define END_SIZE 8U /* "no more entries", eof */
#define OVERHEAD_SIZE (NFS_POST_OP_ATTR_SIZE + 8U + END_SIZE)
#define ENTRY_DIR_SIZE(name_len) (20U + (name_len) + RPC_PAD(name_len)) /* fileid, name, cookie: what dircount counts */
#define ENTRY_SIZE(name_len) (4U + ENTRY_DIR_SIZE(name_len))
#define ENTRY_MAX ENTRY_SIZE(FS_NAME_MAX)

/* How many bytes an entry may take in all. */
struct dir_limits {
	uint32_t reply_bytes, dir_bytes;
};

static uint64_t verifier_of(const struct nfs_request *request)
{
	return request->handle.file.generation;
}

static uint32_t readdir_start(struct nfs_request *request, uint64_t cookie, uint64_t verifier, uint32_t want_bytes,
                              bool want_attr)
{
	struct fs_message *msg = &request->msg;

	if (cookie != 0 && verifier != verifier_of(request))
		return NFS3ERR_BAD_COOKIE;
	msg->op = FS_READDIR;
	msg->in.readdir.cookie = cookie;
	msg->in.readdir.max_entries = ENTRIES_MAX;
	msg->in.readdir.max_bytes = MAX_OF(MIN_OF(want_bytes, NFS_DIR_REPLY_MAX),
	                                   ENTRY_MAX); /* at least one, to know whether there is one */
	msg->in.readdir.want_attr = want_attr;
	return NFS3_OK;
}

uint32_t nfs_readdir_start(struct nfs_request *request)
{
	const READDIR3args *args = &request->args.readdir;

	return readdir_start(request, args->cookie, args->cookieverf, args->count, false);
}

uint32_t nfs_readdirplus_start(struct nfs_request *request)
{
	const READDIRPLUS3args *args = &request->args.readdirplus;

	return readdir_start(request, args->cookie, args->cookieverf, MIN_OF(args->dircount, args->maxcount), true);
}

static bool is_dotdot(const struct fs_dirent *entry)
{
	return entry->name_len == 2 && entry->name[0] == '.' && entry->name[1] == '.';
}

/* Attributes and handle of an entry. ".." of a subdirectory export may lie outside: it gets neither. */
static void entry_plus_encode(struct nfs_request *request, struct rpc_out *out, const struct fs_dirent *entry)
{
	bool shown = entry->has_attr && !(request->subdirectory_export && is_dotdot(entry));

	nfs_post_op_attr_encode(out, shown, &entry->attr);
	rpc_out_u32(out, shown);
	if (shown)
		nfs_fh_encode(out, request, &entry->id);
}

static void entry_encode(struct nfs_request *request, struct rpc_out *out, const struct fs_dirent *entry, bool plus)
{
	rpc_out_u32(out, true);
	rpc_out_u64(out, entry->id.inode);
	rpc_out_opaque(out, entry->name, entry->name_len);
	rpc_out_u64(out, entry->cookie);
	if (plus)
		entry_plus_encode(request, out, entry);
}

/* Encode as many as fit; how many. */
static unsigned entries_encode(struct nfs_request *request, struct rpc_out *out, struct dir_limits limits, bool plus)
{
	const struct fs_message *msg = &request->msg;
	const uint8_t *begin = out->next;
	unsigned i;

	for (i = 0; i < msg->out.n; i++) {
		const struct fs_dirent *entry = &msg->out.dirents[i];
		uint8_t *before = out->next;

		if (limits.dir_bytes < ENTRY_DIR_SIZE(entry->name_len) && i > 0)
			break;
		entry_encode(request, out, entry, plus);
		if (out->overflow || (size_t)(out->next - begin) > limits.reply_bytes) {
			out->next = before;
			out->overflow = false;
			break;
		}
		limits.dir_bytes -= MIN_OF(limits.dir_bytes, ENTRY_DIR_SIZE(entry->name_len));
	}
	return i;
}

static void readdir_encode(struct nfs_request *request, struct rpc_out *out, uint32_t count, uint32_t dir_bytes,
                           bool plus)
{
	const struct fs_message *msg = &request->msg;
	uint32_t limit = MIN_OF(count, NFS_DIR_REPLY_MAX);
	struct dir_limits limits = { .reply_bytes = limit - MIN_OF(limit, OVERHEAD_SIZE), .dir_bytes = dir_bytes };
	unsigned n;

	nfs_post_op_attr_encode(out, msg->out.has_dir_attr, &msg->out.dir_attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u64(out, verifier_of(request));
	n = entries_encode(request, out, limits, plus);
	if (limit < OVERHEAD_SIZE || (n == 0 && msg->out.n > 0)) {
		request->status = NFS3ERR_TOOSMALL;
		return;
	}
	rpc_out_u32(out, false);
	rpc_out_u32(out, msg->out.eof && n == msg->out.n);
}

void nfs_readdir_encode(struct nfs_request *request, struct rpc_out *out)
{
	readdir_encode(request, out, request->args.readdir.count, UINT32_MAX, false);
}

void nfs_readdirplus_encode(struct nfs_request *request, struct rpc_out *out)
{
	readdir_encode(request, out, request->args.readdirplus.maxcount, request->args.readdirplus.dircount, true);
}
