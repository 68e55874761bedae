/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of many names over NFSv3: create, list with READDIRPLUS, rename or remove all of them, by libnfs's raw
 * asynchronous calls.
 *
 * usage: nfsnames URL create|list|rename|remove|mkdir|rmdir|setattr COUNT [DEPTH]
 * Prints thousand operations a second, a figure each tenth of COUNT. list demands every name once, with attributes and
 * handle; it asks for 128 KiB at a time, one request after the other, as a client must that goes on from the last
 * cookie. setattr changes the mode of the directory COUNT times: operations that are small in the log, and no work for
 * a consistency point. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs.h>

#define DIR_NAME "names"
#define LIST_BYTES (128U << 10)
#define DEPTH_MAX 256U
#define NAME_BYTES 24U
#define N_FIGURES 10U

/* Laid out as libnfs has it; the function is in the library and in no header of libnfs 4. */
struct nfs_fh {
	int len;
	char *val;
};
extern const struct nfs_fh *nfs_get_rootfh(struct nfs_context *nfs);

struct names {
	struct nfs_context *nfs;
	struct rpc_context *rpc;
	const char *verb;
	char handle[NFS3_FHSIZE];
	nfs_fh3 dir;
	uint32_t n, depth, at, n_done, n_in_flight, told;
	uint64_t told_ns;
	bool failed, eof;
	uint8_t *seen; /* list: a byte a name */
	uint64_t cookie;
	char verifier[NFS3_COOKIEVERFSIZE];
	int (*submit)(struct names *names, uint32_t i);
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Names in no order, as files come. */
static void name_of(uint32_t i, const char *prefix, char name[NAME_BYTES])
{
	(void)snprintf(name, NAME_BYTES, "%s%08x", prefix, i * 2654435761U);
}

static void fail(struct names *names, const char *what, int status)
{
	if (!names->failed)
		fprintf(stderr, "nfsnames: %s: %d %s\n", what, status, nfs_get_error(names->nfs));
	names->failed = true;
}

/* The figures of the tenths that are over. */
static void tell(struct names *names)
{
	uint64_t now;

	if (names->n_done < (uint64_t)names->n * (names->told + 1U) / N_FIGURES)
		return;
	now = now_ns();
	printf("%s%.1f", names->told == 0 ? "" : " ",
	       (double)names->n / N_FIGURES / ((double)(now - names->told_ns) / 1e6));
	(void)fflush(stdout);
	names->told_ns = now;
	names->told++;
}

/* ---- create, rename, remove, setattr ---- */

static void answered(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct names *names = arg;

	(void)rpc;
	names->n_in_flight--;
	if (status != RPC_STATUS_SUCCESS)
		fail(names, names->verb, status);
	else if (*(const nfsstat3 *)data != NFS3_OK) /* every result begins with its status */
		fail(names, names->verb, (int)*(const nfsstat3 *)data);
	names->n_done++;
	tell(names);
}

static int create_submit(struct names *names, uint32_t i)
{
	char name[NAME_BYTES];
	CREATE3args args = { .where = { .dir = names->dir, .name = name }, .how = { .mode = GUARDED } };

	name_of(i, "f", name);
	args.how.createhow3_u.g_obj_attributes.mode.set_it = 1;
	args.how.createhow3_u.g_obj_attributes.mode.set_mode3_u.mode = 0644;
	return rpc_nfs3_create_async(names->rpc, answered, &args, names);
}

static int rename_submit(struct names *names, uint32_t i)
{
	char from[NAME_BYTES], to[NAME_BYTES];
	RENAME3args args = { .from = { .dir = names->dir, .name = from }, .to = { .dir = names->dir, .name = to } };

	name_of(i, "f", from);
	name_of(i, "g", to);
	return rpc_nfs3_rename_async(names->rpc, answered, &args, names);
}

static int remove_submit(struct names *names, uint32_t i)
{
	char name[NAME_BYTES];
	REMOVE3args args = { .object = { .dir = names->dir, .name = name } };

	name_of(i, "g", name);
	return rpc_nfs3_remove_async(names->rpc, answered, &args, names);
}

static int mkdir_submit(struct names *names, uint32_t i)
{
	char name[NAME_BYTES];
	MKDIR3args args = { .where = { .dir = names->dir, .name = name } };

	name_of(i, "d", name);
	return rpc_nfs3_mkdir_async(names->rpc, answered, &args, names);
}

static int rmdir_submit(struct names *names, uint32_t i)
{
	char name[NAME_BYTES];
	RMDIR3args args = { .object = { .dir = names->dir, .name = name } };

	name_of(i, "d", name);
	return rpc_nfs3_rmdir_async(names->rpc, answered, &args, names);
}

static int setattr_submit(struct names *names, uint32_t i)
{
	SETATTR3args args = { .object = names->dir };

	args.new_attributes.mode.set_it = 1;
	args.new_attributes.mode.set_mode3_u.mode = 0700U + i % 64U;
	return rpc_nfs3_setattr_async(names->rpc, answered, &args, names);
}

/* ---- list ---- */

/* The inverse of name_of: 2654435761 * 244002641 = 1 modulo 2^32. */
static void entry_take(struct names *names, const entryplus3 *entry)
{
	uint32_t i;
	char *end;

	names->cookie = entry->cookie;
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return;
	i = (uint32_t)strtoul(entry->name + 1, &end, 16) * 244002641U;
	if (entry->name[0] != 'f' || *end != '\0' || i >= names->n || names->seen[i] != 0)
		fail(names, "a name that should not be there, or twice", 0);
	else if (!entry->name_attributes.attributes_follow || !entry->name_handle.handle_follows)
		fail(names, "a name without attributes or handle", 0);
	else
		names->seen[i] = 1;
	names->n_done++;
	tell(names);
}

static void listed(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct names *names = arg;
	const READDIRPLUS3res *res = data;

	(void)rpc;
	names->n_in_flight--;
	if (status != RPC_STATUS_SUCCESS || res->status != NFS3_OK) {
		fail(names, "READDIRPLUS", status != RPC_STATUS_SUCCESS ? status : (int)res->status);
		return;
	}
	memcpy(names->verifier, res->READDIRPLUS3res_u.resok.cookieverf, sizeof names->verifier);
	for (const entryplus3 *e = res->READDIRPLUS3res_u.resok.reply.entries; e != NULL && !names->failed;
	     e = e->nextentry)
		entry_take(names, e);
	names->eof = res->READDIRPLUS3res_u.resok.reply.eof != 0;
}

static int list_submit(struct names *names, uint32_t i)
{
	READDIRPLUS3args args = {
		.dir = names->dir, .cookie = names->cookie, .dircount = LIST_BYTES, .maxcount = LIST_BYTES
	};

	(void)i;
	memcpy(args.cookieverf, names->verifier, sizeof args.cookieverf);
	return rpc_nfs3_readdirplus_async(names->rpc, listed, &args, names);
}

/* ---- the run ---- */

static void service(struct names *names)
{
	struct pollfd p = { .fd = nfs_get_fd(names->nfs), .events = (short)nfs_which_events(names->nfs) };

	if (poll(&p, 1, 60000) <= 0 || nfs_service(names->nfs, p.revents) != 0)
		fail(names, "the connection", 0);
}

static void send_one(struct names *names)
{
	names->n_in_flight++;
	if (names->submit(names, names->at) != 0)
		fail(names, "request", 0);
	names->at++;
}

static void run(struct names *names)
{
	bool listing = names->submit == list_submit;

	names->told_ns = now_ns();
	while (!names->failed && (listing ? !names->eof : names->n_done < names->n)) {
		while (!names->failed && names->n_in_flight < (listing ? 1U : names->depth) &&
		       (listing || names->at < names->n))
			send_one(names);
		service(names);
	}
	(void)putchar('\n');
	if (!names->failed && names->n_done != names->n)
		fail(names, "names are missing; found", (int)names->n_done);
}

static void found(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct names *names = arg;
	const LOOKUP3res *res = data;

	(void)rpc;
	names->n_in_flight--;
	if (status != RPC_STATUS_SUCCESS || res->status != NFS3_OK) {
		fail(names, DIR_NAME, status);
		return;
	}
	names->dir.data.data_len = res->LOOKUP3res_u.resok.object.data.data_len;
	memcpy(names->handle, res->LOOKUP3res_u.resok.object.data.data_val, names->dir.data.data_len);
	names->dir.data.data_val = names->handle;
}

static bool dir_find(struct names *names)
{
	const struct nfs_fh *root = nfs_get_rootfh(names->nfs);
	char dir_name[] = DIR_NAME;
	LOOKUP3args args = { .what = { .dir = { .data = { (u_int)root->len, root->val } }, .name = dir_name } };

	names->n_in_flight++;
	if (rpc_nfs3_lookup_async(names->rpc, found, &args, names) != 0)
		fail(names, "LOOKUP", 0);
	while (names->n_in_flight > 0 && !names->failed)
		service(names);
	return !names->failed;
}

static bool attach(struct names *names, const char *url_text)
{
	struct nfs_url *url;
	bool ok;

	names->nfs = nfs_init_context();
	url = names->nfs == NULL ? NULL : nfs_parse_url_dir(names->nfs, url_text);
	if (url == NULL)
		return false;
	nfs_set_timeout(names->nfs, 60000);
	nfs_set_autoreconnect(names->nfs, 0);
	ok = nfs_mount(names->nfs, url->server, url->path) == 0;
	nfs_destroy_url(url);
	names->rpc = ok ? nfs_get_rpc_context(names->nfs) : NULL;
	if (ok && names->submit == create_submit) {
		int err = nfs_mkdir(names->nfs, "/" DIR_NAME);

		ok = err == 0 || err == -EEXIST;
	}
	return ok;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*submit)(struct names *, uint32_t);
	} jobs[] = { { "create", create_submit },  { "list", list_submit },   { "rename", rename_submit },
		     { "remove", remove_submit },  { "mkdir", mkdir_submit }, { "rmdir", rmdir_submit },
		     { "setattr", setattr_submit } };
	struct names names = { .depth = 64 };

	for (size_t i = 0; argc >= 4 && i < sizeof jobs / sizeof jobs[0]; i++)
		if (strcmp(argv[2], jobs[i].name) == 0)
			names.submit = jobs[i].submit;
	names.verb = argc >= 4 ? argv[2] : "";
	names.n = argc >= 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
	if (argc > 4)
		names.depth = (uint32_t)strtoul(argv[4], NULL, 10);
	names.seen = names.n == 0 ? NULL : calloc(names.n, 1);
	if (names.submit == NULL || names.seen == NULL || names.depth == 0 || names.depth > DEPTH_MAX) {
		fprintf(stderr, "usage: nfsnames URL create|list|rename|remove|mkdir|rmdir|setattr COUNT [DEPTH]\n");
		return 2;
	}
	if (!attach(&names, argv[1]))
		fail(&names, argv[1], 0);
	else if (dir_find(&names))
		run(&names);
	if (names.nfs != NULL)
		nfs_destroy_context(names.nfs);
	free(names.seen);
	return names.failed;
}
