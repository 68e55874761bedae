/* SPDX-License-Identifier: Apache-2.0 */
/* Names under change over NFSv3 with libnfs: create, rename (over others too), link, remove, mkdir, rmdir, symlink,
 * truncate; and the oracle.
 *
 * THEORY. Step i of a history follows from (seed, i) and the state before it, so the state after n steps is known
 * without a server. Every step is one call that is atomic and durable when answered (a file is written and committed
 * under another name first). run: goes on with step FIRST and prints "done N" after each, so a test can pull the plug
 * anywhere; verify: the names must be those after FIRST steps or, because one may have been under way, after one more:
 * prints "at N". */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nfsc/libnfs.h>

#define N_DIRS 4U
#define NAMES_PER_DIR 24U
#define N_NAMES (N_DIRS * NAMES_PER_DIR)
#define FILE_BYTES_MAX 20000U
#define PATH_BYTES 128U
#define SYMLINK_TARGET "../somewhere/else"
#define NEW_NAME ".new"

enum kind { KIND_NONE, KIND_FILE, KIND_SYMLINK, KIND_DIR };
enum action { CREATE, REMOVE, RENAME, LINK, SYMLINK, MKDIR, TRUNCATE, N_ACTIONS };

/* An object is known by the step that made it. */
struct object {
	enum kind kind;
	uint64_t born;
	uint32_t written, size, kept; /* bytes written; size now; bytes of those written that no truncation cut off */
};
struct state {
	struct object objects[N_NAMES];
	unsigned name[N_NAMES]; /* index of an object + 1; 0: no such name */
};
struct step {
	enum action action;
	unsigned from, to;
	uint32_t size;
};

struct churn {
	struct nfs_context *nfs;
	uint32_t seed;
	uint8_t want[FILE_BYTES_MAX], got[FILE_BYTES_MAX + 1U];
	char why[256];
};

static uint64_t noise(uint32_t seed, uint64_t step, uint64_t salt)
{
	uint64_t x = ((uint64_t)seed << 40 ^ step) + salt * 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* ---- the oracle ------------------------------------------------------------------------------------------------ */

static struct object *object_at(struct state *state, unsigned name)
{
	return state->name[name] == 0 ? NULL : &state->objects[state->name[name] - 1U];
}

static enum kind kind_at(const struct state *state, unsigned name)
{
	return state->name[name] == 0 ? KIND_NONE : state->objects[state->name[name] - 1U].kind;
}

static unsigned links_of(const struct state *state, unsigned object)
{
	unsigned n = 0;
	for (unsigned i = 0; i < N_NAMES; i++)
		n += state->name[i] == object + 1U;
	return n;
}

static void name_new_object(struct state *state, unsigned name, struct object object)
{
	unsigned free_one = 0;
	while (links_of(state, free_one) > 0)
		free_one++;
	state->objects[free_one] = object;
	state->name[name] = free_one + 1U;
}

static struct step step_of(uint32_t seed, uint64_t i)
{
	static const enum action often[] = { CREATE, CREATE, CREATE,  RENAME, RENAME,  REMOVE,
		                             REMOVE, LINK,   SYMLINK, MKDIR,  TRUNCATE };
	return (struct step){
		.action = often[noise(seed, i, 1) % (sizeof often / sizeof often[0])],
		.from = (unsigned)(noise(seed, i, 2) % N_NAMES),
		.to = (unsigned)(noise(seed, i, 3) % N_NAMES),
		.size = (uint32_t)(noise(seed, i, 4) % FILE_BYTES_MAX),
	};
}

/* Can it be done? Whatever cannot is no step at all. */
static bool applies(const struct state *state, const struct step *step)
{
	enum kind from = kind_at(state, step->from), to = kind_at(state, step->to);
	switch (step->action) {
	case CREATE: return to == KIND_NONE || to == KIND_FILE || to == KIND_SYMLINK;
	case REMOVE: return from != KIND_NONE;
	case RENAME:
		return from != KIND_NONE && step->from != step->to &&
		       state->name[step->from] != state->name[step->to] &&
		       (to == KIND_NONE || (from == KIND_DIR) == (to == KIND_DIR));
	case LINK: return from == KIND_FILE && to == KIND_NONE;
	case SYMLINK:
	case MKDIR: return to == KIND_NONE;
	case TRUNCATE: return from == KIND_FILE;
	case N_ACTIONS: break;
	}
	return false;
}

static void truncate_object(struct object *object, uint32_t size)
{
	object->size = size;
	if (object->kept > size)
		object->kept = size;
}

static void apply(struct state *state, uint64_t i, const struct step *step)
{
	switch (step->action) {
	case CREATE:
		state->name[step->to] = 0;
		name_new_object(state, step->to, (struct object){ KIND_FILE, i, step->size, step->size, step->size });
		break;
	case REMOVE: state->name[step->from] = 0; break;
	case RENAME:
		state->name[step->to] = state->name[step->from];
		state->name[step->from] = 0;
		break;
	case LINK: state->name[step->to] = state->name[step->from]; break;
	case SYMLINK: name_new_object(state, step->to, (struct object){ .kind = KIND_SYMLINK, .born = i }); break;
	case MKDIR: name_new_object(state, step->to, (struct object){ .kind = KIND_DIR, .born = i }); break;
	case TRUNCATE: truncate_object(object_at(state, step->from), step->size); break;
	case N_ACTIONS: break;
	}
}

/* The state after steps [first, end) more. */
static void state_advance(struct state *state, uint32_t seed, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++) {
		struct step step = step_of(seed, i);
		if (applies(state, &step))
			apply(state, i, &step);
	}
}

static void fill(const struct churn *churn, const struct object *object, uint8_t *bytes)
{
	memset(bytes, 0, object->size > object->written ? object->size : object->written);
	for (uint32_t at = 0; at < object->written; at += 8U) {
		uint64_t x = noise(churn->seed, object->born, 16U + at);
		memcpy(bytes + at, &x, object->written - at < 8U ? object->written - at : 8U);
	}
	if (object->size > object->kept)
		memset(bytes + object->kept, 0, object->size - object->kept);
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

static const char *dir_path(const struct churn *churn, unsigned dir, char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "/churn%" PRIu32 "/dir%u", churn->seed, dir);
	return path;
}

static const char *name_path(const struct churn *churn, unsigned name, char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "/churn%" PRIu32 "/dir%u/name%02u", churn->seed, name / NAMES_PER_DIR,
	               name % NAMES_PER_DIR);
	return path;
}

static const char *new_path(const struct churn *churn, char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "/churn%" PRIu32 "/" NEW_NAME, churn->seed);
	return path;
}

/* ---- run ------------------------------------------------------------------------------------------------------- */

static int create_file(struct churn *churn, uint64_t i, const struct step *step)
{
	struct object object = { KIND_FILE, i, step->size, step->size, step->size };
	char fresh[PATH_BYTES], path[PATH_BYTES];
	struct nfsfh *file;
	int n, err = nfs_creat(churn->nfs, new_path(churn, fresh), 0644, &file);

	if (err)
		return err;
	fill(churn, &object, churn->want);
	n = step->size > 0 ? nfs_pwrite(churn->nfs, file, 0, step->size, churn->want) : 0;
	err = n < 0 ? n : n != (int)step->size ? -EIO : nfs_fsync(churn->nfs, file);
	(void)nfs_close(churn->nfs, file);
	return err ? err : nfs_rename(churn->nfs, fresh, name_path(churn, step->to, path));
}

static int carry_out(struct churn *churn, const struct state *state, uint64_t i, const struct step *step)
{
	char from[PATH_BYTES], to[PATH_BYTES];

	name_path(churn, step->from, from);
	name_path(churn, step->to, to);
	switch (step->action) {
	case CREATE: return create_file(churn, i, step);
	case REMOVE:
		return kind_at(state, step->from) == KIND_DIR ? nfs_rmdir(churn->nfs, from)
		                                              : nfs_unlink(churn->nfs, from);
	case RENAME: return nfs_rename(churn->nfs, from, to);
	case LINK: return nfs_link(churn->nfs, from, to);
	case SYMLINK: return nfs_symlink(churn->nfs, SYMLINK_TARGET, to);
	case MKDIR: return nfs_mkdir(churn->nfs, to);
	case TRUNCATE: return nfs_truncate(churn->nfs, from, step->size);
	case N_ACTIONS: break;
	}
	return -EINVAL;
}

static int prepare(struct churn *churn)
{
	char path[PATH_BYTES];
	int err;

	(void)snprintf(path, sizeof path, "/churn%" PRIu32, churn->seed);
	err = nfs_mkdir(churn->nfs, path);
	for (unsigned dir = 0; dir < N_DIRS && (err == 0 || err == -EEXIST); dir++)
		err = nfs_mkdir(churn->nfs, dir_path(churn, dir, path));
	if (err != 0 && err != -EEXIST)
		return err;
	err = nfs_unlink(churn->nfs, new_path(churn, path)); /* of a run that was cut off */
	return err == -ENOENT ? 0 : err;
}

static int run(struct churn *churn, uint64_t first, uint64_t end)
{
	static struct state state;
	int err = prepare(churn);

	state_advance(&state, churn->seed, 0, first);
	for (uint64_t i = first; i < end && err == 0; i++) {
		struct step step = step_of(churn->seed, i);
		if (applies(&state, &step)) {
			err = carry_out(churn, &state, i, &step);
			if (err == 0)
				apply(&state, i, &step);
		}
		if (err == 0) {
			printf("done %" PRIu64 "\n", i + 1U);
			(void)fflush(stdout);
		}
	}
	if (err != 0)
		fprintf(stderr, "nfschurn: %s\n", nfs_get_error(churn->nfs));
	return err != 0 ? 3 : 0;
}

/* ---- verify ---------------------------------------------------------------------------------------------------- */

static bool differs(struct churn *churn, const char *path, const char *what)
{
	(void)snprintf(churn->why, sizeof churn->why, "%s: %s", path, what);
	return false;
}

static bool content_fits(struct churn *churn, const char *path, const struct object *object)
{
	struct nfsfh *file;
	int n;

	if (nfs_open(churn->nfs, path, O_RDONLY, &file) != 0)
		return differs(churn, path, nfs_get_error(churn->nfs));
	n = nfs_pread(churn->nfs, file, 0, FILE_BYTES_MAX + 1U, churn->got);
	(void)nfs_close(churn->nfs, file);
	fill(churn, object, churn->want);
	if (n != (int)object->size)
		return differs(churn, path, "length differs");
	return memcmp(churn->want, churn->got, object->size) == 0 || differs(churn, path, "content differs");
}

static bool name_fits(struct churn *churn, struct state *state, unsigned name)
{
	static const uint32_t types[] = { [KIND_FILE] = S_IFREG, [KIND_SYMLINK] = S_IFLNK, [KIND_DIR] = S_IFDIR };
	const struct object *object = object_at(state, name);
	char path[PATH_BYTES], target[PATH_BYTES];
	struct nfs_stat_64 stat;
	int err = nfs_lstat64(churn->nfs, name_path(churn, name, path), &stat);

	if (object == NULL)
		return err == -ENOENT || differs(churn, path, "should not be there");
	if (err != 0)
		return differs(churn, path, nfs_get_error(churn->nfs));
	if ((stat.nfs_mode & S_IFMT) != types[object->kind])
		return differs(churn, path, "is of another type");
	if (object->kind == KIND_FILE && stat.nfs_nlink != links_of(state, (unsigned)(object - state->objects)))
		return differs(churn, path, "link count differs");
	if (object->kind == KIND_SYMLINK &&
	    (nfs_readlink(churn->nfs, path, target, sizeof target) < 0 || strcmp(target, SYMLINK_TARGET) != 0))
		return differs(churn, path, "symlink target differs");
	return object->kind != KIND_FILE || content_fits(churn, path, object);
}

/* Each name that should be there is listed once, and nothing else. */
static bool listing_fits(struct churn *churn, const struct state *state, unsigned dir)
{
	bool seen[NAMES_PER_DIR] = { false }, fits = true;
	char path[PATH_BYTES];
	struct nfsdir *handle;
	struct nfsdirent *entry;

	if (nfs_opendir(churn->nfs, dir_path(churn, dir, path), &handle) != 0)
		return differs(churn, path, nfs_get_error(churn->nfs));
	while (fits && (entry = nfs_readdir(churn->nfs, handle)) != NULL) {
		unsigned name;
		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			continue;
		if (sscanf(entry->name, "name%2u", &name) != 1 || name >= NAMES_PER_DIR || seen[name])
			fits = differs(churn, entry->name, "does not belong here");
		else
			seen[name] = true;
	}
	nfs_closedir(churn->nfs, handle);
	for (unsigned i = 0; i < NAMES_PER_DIR && fits; i++)
		if (seen[i] != (state->name[dir * NAMES_PER_DIR + i] != 0))
			fits = differs(churn, path,
			               seen[i] ? "lists a name that is not there" : "does not list a name");
	return fits;
}

static bool state_fits(struct churn *churn, struct state *state)
{
	for (unsigned name = 0; name < N_NAMES; name++)
		if (!name_fits(churn, state, name))
			return false;
	for (unsigned dir = 0; dir < N_DIRS; dir++)
		if (!listing_fits(churn, state, dir))
			return false;
	return true;
}

static int verify(struct churn *churn, uint64_t done)
{
	static struct state state;
	char first_why[sizeof churn->why];

	state_advance(&state, churn->seed, 0, done);
	if (state_fits(churn, &state)) {
		printf("at %" PRIu64 "\n", done);
		return 0;
	}
	memcpy(first_why, churn->why, sizeof first_why);
	state_advance(&state, churn->seed, done, done + 1U);
	if (state_fits(churn, &state)) {
		printf("at %" PRIu64 "\n", done + 1U);
		return 0;
	}
	fprintf(stderr, "nfschurn: after %" PRIu64 " steps: %s\nnfschurn: after one more: %s\n", done, first_why,
	        churn->why);
	return 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: nfschurn run URL SEED FIRST END | nfschurn verify URL SEED DONE   "
	                "(nfs://HOST/EXPORT?nfsport=N&mountport=N)\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct churn churn;
	bool runs = argc == 6 && strcmp(argv[1], "run") == 0;
	if (!runs && !(argc == 5 && strcmp(argv[1], "verify") == 0))
		return usage();
	churn.seed = (uint32_t)strtoul(argv[3], NULL, 10);
	churn.nfs = nfs_init_context();
	struct nfs_url *url = churn.nfs ? nfs_parse_url_dir(churn.nfs, argv[2]) : NULL;
	if (!url)
		return usage();
	nfs_set_autoreconnect(churn.nfs, 0);
	nfs_set_timeout(churn.nfs, 60000);
	if (nfs_mount(churn.nfs, url->server, url->path) != 0) {
		fprintf(stderr, "nfschurn: %s: %s\n", argv[2], nfs_get_error(churn.nfs));
		return 3;
	}
	nfs_destroy_url(url);
	uint64_t first = strtoull(argv[4], NULL, 10);
	int result = runs ? run(&churn, first, strtoull(argv[5], NULL, 10)) : verify(&churn, first);
	if (result == 0)
		nfs_destroy_context(churn.nfs);
	return result;
}
