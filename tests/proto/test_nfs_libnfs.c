/* SPDX-License-Identifier: Apache-2.0 */
/* libnfs, a client we did not write, against the server: the things files and directories are for. */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

#include <nfsc/libnfs.h>

#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_child.h"

#define N_FILES 2000U
#define DATA_SIZE (9U * 1024 * 1024 + 4711)

static struct nfs_child child;
static struct nfs_context *nfs;

static struct nfs_context *mounted(const char *path)
{
	struct nfs_context *context = nfs_init_context();
	struct nfs_url *url;
	char text[128];
	int err;

	assert_non_null(context);
	snprintf(text, sizeof text, "nfs://127.0.0.1%s?nfsport=%u&mountport=%u", path, child.port, child.port);
	url = nfs_parse_url_dir(context, text);
	assert_non_null(url);
	nfs_set_timeout(context, 30000);
	err = nfs_mount(context, url->server, url->path);
	nfs_destroy_url(url);
	if (err == 0)
		return context;
	nfs_destroy_context(context);
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	if (nfs_child_start(&child, "2") != 0)
		return -1;
	nfs = mounted("/vol/vol0");
	return nfs != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	nfs_destroy_context(nfs);
	return nfs_child_stop(&child);
}

static void mounting_a_file_or_nothing_fails(void **state)
{
	struct nfsfh *file;

	(void)state;
	assert_int_equal(nfs_creat(nfs, "/plain", 0644, &file), 0);
	assert_int_equal(nfs_close(nfs, file), 0);
	assert_null(mounted("/vol/vol0/plain"));
	assert_null(mounted("/vol/vol0/none"));
	assert_null(mounted("/vol/other"));
	assert_null(mounted("/etc"));
}

static void fill(uint8_t *bytes, uint32_t seed)
{
	for (uint32_t i = 0; i < DATA_SIZE; i++)
		bytes[i] = (uint8_t)(i * 2654435761U >> 24 ^ seed);
}

static void large_file_reads_back_equal(void **state)
{
	uint8_t *bytes = malloc(DATA_SIZE), *back = calloc(1, DATA_SIZE);
	struct nfsfh *file;
	struct nfs_stat_64 st;

	(void)state;
	fill(bytes, 5);
	assert_int_equal(nfs_creat(nfs, "/large", 0600, &file), 0);
	for (uint32_t at = 0; at < DATA_SIZE; at += 700001) {
		uint32_t n = DATA_SIZE - at < 700001 ? DATA_SIZE - at : 700001;

		assert_int_equal(nfs_pwrite(nfs, file, at, n, bytes + at), (int)n);
	}
	assert_int_equal(nfs_fsync(nfs, file), 0);
	assert_int_equal(nfs_fstat64(nfs, file, &st), 0);
	assert_true(st.nfs_size == DATA_SIZE && (st.nfs_mode & 07777) == 0600);
	for (uint32_t at = 0; at < DATA_SIZE; at += 333333) {
		uint32_t n = DATA_SIZE - at < 333333 ? DATA_SIZE - at : 333333;

		assert_int_equal(nfs_pread(nfs, file, at, n, back + at), (int)n);
	}
	assert_memory_equal(bytes, back, DATA_SIZE);
	assert_int_equal(nfs_ftruncate(nfs, file, 100), 0);
	assert_int_equal(nfs_pread(nfs, file, 0, 4096, back), 100);
	assert_int_equal(nfs_close(nfs, file), 0);
	free(bytes);
	free(back);
}

static void directory_of_thousands_is_listed_once_each(void **state)
{
	static bool seen[N_FILES];
	struct nfsdir *dir;
	struct nfsdirent *entry;
	struct nfsfh *file;
	unsigned i, n = 0;
	char path[64];

	(void)state;
	assert_int_equal(nfs_mkdir(nfs, "/many"), 0);
	for (i = 0; i < N_FILES; i++) {
		snprintf(path, sizeof path, "/many/a-name-of-some-length-%u", i);
		assert_int_equal(nfs_creat(nfs, path, 0644, &file), 0);
		assert_int_equal(nfs_close(nfs, file), 0);
	}
	assert_int_equal(nfs_opendir(nfs, "/many", &dir), 0);
	while ((entry = nfs_readdir(nfs, dir)) != NULL) {
		if (sscanf(entry->name, "a-name-of-some-length-%u", &i) != 1)
			continue;
		assert_true(i < N_FILES && !seen[i]);
		seen[i] = true;
		n++;
	}
	nfs_closedir(nfs, dir);
	assert_int_equal(n, N_FILES);
	for (i = 0; i < N_FILES; i++) {
		snprintf(path, sizeof path, "/many/a-name-of-some-length-%u", i);
		assert_int_equal(nfs_unlink(nfs, path), 0);
	}
	assert_int_equal(nfs_rmdir(nfs, "/many"), 0);
	assert_true(nfs_opendir(nfs, "/many", &dir) < 0);
}

static void links_renames_and_modes_are_as_posix_has_them(void **state)
{
	struct nfs_stat_64 st;
	struct nfsfh *file;
	char target[64];
	struct timeval times[2] = { { 1000000001, 2 }, { 1000000003, 4 } };

	(void)state;
	assert_int_equal(nfs_creat(nfs, "/one", 0644, &file), 0);
	assert_int_equal(nfs_write(nfs, file, 5, "hello"), 5);
	assert_int_equal(nfs_close(nfs, file), 0);
	assert_int_equal(nfs_link(nfs, "/one", "/two"), 0);
	assert_int_equal(nfs_stat64(nfs, "/two", &st), 0);
	assert_true(st.nfs_nlink == 2 && st.nfs_size == 5);
	assert_int_equal(nfs_mkdir(nfs, "/place"), 0);
	assert_int_equal(nfs_rename(nfs, "/two", "/place/three"), 0);
	assert_true(nfs_stat64(nfs, "/two", &st) < 0);
	assert_int_equal(nfs_symlink(nfs, "place/three", "/soft"), 0);
	assert_int_equal(nfs_readlink(nfs, "/soft", target, sizeof target), 0);
	assert_string_equal(target, "place/three");
	assert_int_equal(nfs_stat64(nfs, "/soft", &st), 0);
	assert_true(S_ISREG(st.nfs_mode) && st.nfs_size == 5);
	assert_int_equal(nfs_chmod(nfs, "/one", 04711), 0);
	assert_int_equal(nfs_utimes(nfs, "/one", times), 0);
	assert_int_equal(nfs_stat64(nfs, "/place/three", &st), 0);
	assert_int_equal(st.nfs_mode & 07777, 04711);
	assert_true(st.nfs_mtime == 1000000003 && st.nfs_mtime_nsec == 4000 && st.nfs_atime == 1000000001);
	assert_true(nfs_rmdir(nfs, "/place") < 0);
	assert_int_equal(nfs_access(nfs, "/one", R_OK), 0);
	assert_int_equal(nfs_mknod(nfs, "/pipe", S_IFIFO | 0600, 0), 0);
	assert_int_equal(nfs_stat64(nfs, "/pipe", &st), 0);
	assert_true(S_ISFIFO(st.nfs_mode));
}

static void free_space_is_told(void **state)
{
	struct statvfs st;

	(void)state;
	assert_int_equal(nfs_statvfs(nfs, "/", &st), 0);
	assert_true(st.f_blocks > 0 && st.f_bfree > 0 && st.f_bfree <= st.f_blocks);
	assert_int_equal(nfs_get_readmax(nfs), 1 << 20);
	assert_int_equal(nfs_get_writemax(nfs), 1 << 20);
}

/* --- many requests at once --- */

static unsigned n_done, n_wrong;

static void read_done(int err, struct nfs_context *context, void *data, void *private_data)
{
	const uint8_t *expected = private_data;

	(void)context;
	n_done++;
	if (err != 4096 || memcmp(data, expected, 4096) != 0)
		n_wrong++;
}

static void two_hundred_reads_in_flight_are_all_right(void **state)
{
	uint8_t *bytes = malloc(DATA_SIZE);
	struct nfsfh *file;

	(void)state;
	fill(bytes, 77);
	assert_int_equal(nfs_creat(nfs, "/async", 0644, &file), 0);
	for (uint32_t at = 0; at < 200 * 4096; at += 100 * 4096)
		assert_int_equal(nfs_pwrite(nfs, file, at, 100 * 4096, bytes + at), 100 * 4096);
	assert_int_equal(nfs_close(nfs, file), 0);
	assert_int_equal(nfs_open(nfs, "/async", O_RDONLY, &file), 0);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(nfs_pread_async(nfs, file, i * 4096, 4096, read_done, bytes + i * 4096), 0);
	for (unsigned turns = 0; n_done < 200 && turns < 10000; turns++) {
		struct pollfd pfd = { .fd = nfs_get_fd(nfs), .events = (short)nfs_which_events(nfs) };

		assert_true(poll(&pfd, 1, 10000) > 0);
		assert_true(nfs_service(nfs, pfd.revents) >= 0);
	}
	assert_int_equal(n_done, 200);
	assert_int_equal(n_wrong, 0);
	assert_int_equal(nfs_close(nfs, file), 0);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounting_a_file_or_nothing_fails),
		cmocka_unit_test(large_file_reads_back_equal),
		cmocka_unit_test(directory_of_thousands_is_listed_once_each),
		cmocka_unit_test(links_renames_and_modes_are_as_posix_has_them),
		cmocka_unit_test(free_space_is_told),
		cmocka_unit_test(two_hundred_reads_in_flight_are_all_right),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
