/* SPDX-License-Identifier: Apache-2.0 */
/* Write a tree of many small files over NFSv3 with libnfs, or verify it: names, sizes, contents, symlinks, complete
 * listings.
 *
 * File k of a tree follows from (seed, k) alone. write: every file is written unstable and committed; "committed K"
 * goes to stdout after each hundred, so a test can pull the plug at any point and then verify the first K. verify: the
 * first K must be there exactly; with --all the directories must hold nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nfsc/libnfs.h>

#define FILES_PER_DIR 40U
#define DIRS_PER_DIR 16U
#define FILE_BYTES_MAX 65536U
#define PATH_BYTES 512U
#define WRONG_SHOWN 10U

struct tree {
	struct nfs_context *nfs;
	uint32_t n_files, seed;
	uint64_t n_wrong, n_bytes;
	uint8_t want[FILE_BYTES_MAX], got[FILE_BYTES_MAX + 1U];
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t noise(const struct tree *tree, uint32_t k, uint64_t salt)
{
	return mix(((uint64_t)tree->seed << 32 | k) + salt * 0x9e3779b97f4a7c15ULL);
}

static bool is_symlink(const struct tree *tree, uint32_t k)
{
	return noise(tree, k, 1) % 100U == 0;
}

/* Sizes as in a source tree: most a few KiB, some empty, some large, many not a multiple of anything. */
static uint32_t file_bytes(const struct tree *tree, uint32_t k)
{
	uint64_t n = noise(tree, k, 2);
	if (n % 50U == 0)
		return 0;
	unsigned shift = 6U + (unsigned)(n >> 8) % 11U;
	return (uint32_t)(1U + (n >> 16) % (1ULL << shift));
}

static void fill(const struct tree *tree, uint32_t k, uint8_t *bytes, uint32_t len)
{
	for (uint32_t at = 0; at < len; at += 8U) {
		uint64_t x = noise(tree, k, 16U + at / 8U);
		memcpy(bytes + at, &x, len - at < 8U ? len - at : 8U);
	}
}

static void module_path(const struct tree *tree, uint32_t dir, char *path, size_t path_bytes)
{
	(void)snprintf(path, path_bytes, "/tree%" PRIu32 "/module%02" PRIu32, tree->seed, dir / DIRS_PER_DIR);
}

static void dir_path(const struct tree *tree, uint32_t dir, char *path, size_t path_bytes)
{
	module_path(tree, dir, path, path_bytes);
	size_t len = strlen(path);
	(void)snprintf(path + len, path_bytes - len, "/part%03" PRIu32, dir % DIRS_PER_DIR);
}

static void file_name(const struct tree *tree, uint32_t k, char *name, size_t name_bytes)
{
	static const char *const suffix[] = { "c", "h", "py", "txt", "md", "o" };
	uint64_t n = noise(tree, k, 3);
	(void)snprintf(name, name_bytes, "%s_%05" PRIu32 "_%.*s.%s",
	               n % 3U ? "source" : "quite_a_long_name_of_a_source_file_as_they_come", k, (int)(n % 7U),
	               "abcdefg", suffix[(n >> 8) % 6U]);
}

static void file_path(const struct tree *tree, uint32_t k, char *path, size_t path_bytes)
{
	char name[128];
	dir_path(tree, k / FILES_PER_DIR, path, path_bytes);
	file_name(tree, k, name, sizeof name);
	size_t len = strlen(path);
	(void)snprintf(path + len, path_bytes - len, "/%s", name);
}

static void wrong(struct tree *tree, const char *path, const char *what)
{
	if (tree->n_wrong++ < WRONG_SHOWN)
		fprintf(stderr, "nfstree: %s: %s\n", path, what);
}

static int make_dir(struct tree *tree, const char *path)
{
	int err = nfs_mkdir(tree->nfs, path);
	return err == -EEXIST ? 0 : err;
}

static int make_dirs(struct tree *tree, uint32_t dir)
{
	char path[PATH_BYTES];
	int err = 0;
	if (dir % DIRS_PER_DIR == 0) {
		module_path(tree, dir, path, sizeof path);
		err = make_dir(tree, path);
	}
	dir_path(tree, dir, path, sizeof path);
	return err ? err : make_dir(tree, path);
}

static int write_file(struct tree *tree, uint32_t k)
{
	char path[PATH_BYTES];
	struct nfsfh *file;
	file_path(tree, k, path, sizeof path);
	if (is_symlink(tree, k)) {
		int err = nfs_symlink(tree->nfs, "../somewhere/else.c", path);
		return err == -EEXIST ? 0 : err;
	}
	uint32_t len = file_bytes(tree, k);
	int err = nfs_creat(tree->nfs, path, 0644, &file);
	if (err)
		return err;
	fill(tree, k, tree->want, len);
	int n = len ? nfs_pwrite(tree->nfs, file, 0, len, tree->want) : 0;
	if (n >= 0 && n != (int)len)
		n = -EIO;
	err = n < 0 ? n : nfs_fsync(tree->nfs, file);
	(void)nfs_close(tree->nfs, file);
	tree->n_bytes += len;
	return err;
}

static int write_tree(struct tree *tree)
{
	char top[PATH_BYTES];
	(void)snprintf(top, sizeof top, "/tree%" PRIu32, tree->seed);
	int err = make_dir(tree, top);
	for (uint32_t k = 0; k < tree->n_files && !err; k++) {
		if (k % FILES_PER_DIR == 0)
			err = make_dirs(tree, k / FILES_PER_DIR);
		if (!err)
			err = write_file(tree, k);
		if (!err && ((k + 1U) % 100U == 0 || k + 1U == tree->n_files)) {
			printf("committed %" PRIu32 "\n", k + 1U);
			(void)fflush(stdout);
		}
	}
	if (err)
		fprintf(stderr, "nfstree: %s\n", nfs_get_error(tree->nfs));
	return err ? 3 : 0;
}

static void verify_content(struct tree *tree, uint32_t k, const char *path)
{
	struct nfsfh *file;
	uint32_t len = file_bytes(tree, k);
	if (nfs_open(tree->nfs, path, O_RDONLY, &file) != 0) {
		wrong(tree, path, nfs_get_error(tree->nfs));
		return;
	}
	int n = nfs_pread(tree->nfs, file, 0, FILE_BYTES_MAX + 1U, tree->got);
	(void)nfs_close(tree->nfs, file);
	fill(tree, k, tree->want, len);
	if (n != (int)len)
		wrong(tree, path, "length differs");
	else if (memcmp(tree->want, tree->got, len) != 0)
		wrong(tree, path, "content differs");
	tree->n_bytes += len;
}

static void verify_file(struct tree *tree, uint32_t k)
{
	char path[PATH_BYTES], target[PATH_BYTES];
	file_path(tree, k, path, sizeof path);
	if (!is_symlink(tree, k))
		verify_content(tree, k, path);
	else if (nfs_readlink(tree->nfs, path, target, sizeof target) < 0)
		wrong(tree, path, nfs_get_error(tree->nfs));
	else if (strcmp(target, "../somewhere/else.c") != 0)
		wrong(tree, path, "symlink target differs");
}

/* The listing of a directory: each of its files once, and nothing else. */
static void verify_listing(struct tree *tree, uint32_t dir)
{
	char path[PATH_BYTES], name[128];
	bool seen[FILES_PER_DIR] = { false };
	struct nfsdir *handle;
	struct nfsdirent *entry;
	uint32_t first = dir * FILES_PER_DIR;
	uint32_t n = tree->n_files - first < FILES_PER_DIR ? tree->n_files - first : FILES_PER_DIR;
	dir_path(tree, dir, path, sizeof path);
	if (nfs_opendir(tree->nfs, path, &handle) != 0) {
		wrong(tree, path, nfs_get_error(tree->nfs));
		return;
	}
	while ((entry = nfs_readdir(tree->nfs, handle)) != NULL) {
		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			continue;
		uint32_t k = 0;
		for (; k < n; k++) {
			file_name(tree, first + k, name, sizeof name);
			if (strcmp(name, entry->name) == 0)
				break;
		}
		if (k == n || seen[k])
			wrong(tree, entry->name, k == n ? "does not belong here" : "listed twice");
		else
			seen[k] = true;
	}
	nfs_closedir(tree->nfs, handle);
	for (uint32_t k = 0; k < n; k++)
		if (!seen[k])
			wrong(tree, path, "a file is not listed");
}

static int verify_tree(struct tree *tree, bool all)
{
	for (uint32_t k = 0; k < tree->n_files; k++)
		verify_file(tree, k);
	for (uint32_t dir = 0; all && dir * FILES_PER_DIR < tree->n_files; dir++)
		verify_listing(tree, dir);
	printf("verified %" PRIu32 " files, %" PRIu64 " bytes, %" PRIu64 " wrong\n", tree->n_files, tree->n_bytes,
	       tree->n_wrong);
	return tree->n_wrong ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr,
	        "usage: nfstree write|verify URL FILES SEED [--all]   (nfs://HOST/EXPORT?nfsport=N&mountport=N)\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct tree tree;
	bool all = argc == 6 && strcmp(argv[5], "--all") == 0;
	if (argc < 5 || argc > 6 || (argc == 6 && !all))
		return usage();
	bool write = strcmp(argv[1], "write") == 0;
	if (!write && strcmp(argv[1], "verify") != 0)
		return usage();
	tree.n_files = (uint32_t)strtoul(argv[3], NULL, 10);
	tree.seed = (uint32_t)strtoul(argv[4], NULL, 10);
	tree.nfs = nfs_init_context();
	struct nfs_url *url = tree.nfs ? nfs_parse_url_dir(tree.nfs, argv[2]) : NULL;
	if (!url || tree.n_files == 0)
		return usage();
	nfs_set_autoreconnect(tree.nfs, 0);
	nfs_set_timeout(tree.nfs, 60000);
	if (nfs_mount(tree.nfs, url->server, url->path) != 0) {
		fprintf(stderr, "nfstree: %s: %s\n", argv[2], nfs_get_error(tree.nfs));
		return 3;
	}
	int result = write ? write_tree(&tree) : verify_tree(&tree, all);
	nfs_destroy_url(url);
	if (result == 0)
		nfs_destroy_context(tree.nfs);
	return result;
}
