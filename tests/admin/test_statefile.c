/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: old or new, never half. */
#include "tests/base/cmocka_all.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/statefile.h"

static char dir[] = "/tmp/vcstate.XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/vcstate.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/state.json", dir);
	return 0;
}

/* Remove one entry; nftw goes from the leaves up. */
static int remove_one(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_text(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void what_was_written_is_read(void **state)
{
	json_t *value = json_pack("{s:i}", "a", 1), *read_value = NULL;
	(void)state;
	assert_int_equal(statefile_read(path, &read_value), -ENOENT);
	assert_int_equal(statefile_write(path, value), 0);
	assert_int_equal(statefile_read(path, &read_value), 0);
	assert_true(json_equal(value, read_value));
	json_decref(read_value);
	json_decref(value);
}

static void an_error_leaves_the_old_file(void **state)
{
	json_t *old = json_pack("{s:i}", "a", 1), *new = json_pack("{s:i}", "a", 2), *now = NULL;
	char new_path[80];
	(void)state;
	assert_int_equal(statefile_write(path, old), 0);
	/* The new file can't be made: a directory is in its place. */
	(void)snprintf(new_path, sizeof new_path, "%s.new", path);
	assert_int_equal(mkdir(new_path, 0700), 0);
	assert_int_not_equal(statefile_write(path, new), 0);
	assert_int_equal(statefile_read(path, &now), 0);
	assert_true(json_equal(now, old));
	json_decref(now);
	json_decref(old);
	json_decref(new);
}

static void a_crash_before_the_rename_leaves_the_old_file(void **state)
{
	json_t *old = json_pack("{s:i}", "a", 1), *now = NULL;
	char new_path[80];
	(void)state;
	assert_int_equal(statefile_write(path, old), 0);
	(void)snprintf(new_path, sizeof new_path, "%s.new", path);
	put_text(new_path, "{\"a\": 2, \"ha");
	assert_int_equal(statefile_read(path, &now), 0);
	assert_true(json_equal(now, old));
	json_decref(now);
	assert_int_equal(statefile_write(path, old), 0);
	json_decref(old);
}

static void a_damaged_file_is_said_to_be_and_kept(void **state)
{
	static const char *const damaged[] = { "", "{", "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}" };
	json_t *value;
	struct stat st;
	(void)state;
	for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		put_text(path, damaged[i]);
		assert_int_equal(statefile_read(path, &value), -EUCLEAN);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, (off_t)strlen(damaged[i]));
	}
}

static void a_directory_has_one_owner(void **state)
{
	int first, second;
	(void)state;
	assert_int_equal(statefile_lock(dir, &first), 0);
	assert_int_equal(statefile_lock(dir, &second), -EBUSY);
	(void)close(first);
	assert_int_equal(statefile_lock(dir, &second), 0);
	(void)close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_leaves_the_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_crash_before_the_rename_leaves_the_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_said_to_be_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_has_one_owner, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
