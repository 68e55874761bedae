/* SPDX-License-Identifier: Apache-2.0 */
/* A small JSON file that is either the old or the new one after any crash. */
#include "admin/statefile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATEFILE_MAX (16 << 20)

int statefile_read(const char *path, json_t **ret_value)
{
	json_error_t error;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return -errno;
	struct stat st;
	bool whole = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= STATEFILE_MAX;
	json_t *value = whole ? json_loadf(file, JSON_REJECT_DUPLICATES, &error) : NULL;
	int err = value != NULL ? 0 : ferror(file) ? -EIO : -EUCLEAN;
	(void)fclose(file);
	if (err == 0)
		*ret_value = value;
	return err;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_dir_of(const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= sizeof dir)
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	int fd = open(slash == NULL ? "." : len == 0 ? "/" : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return err;
}

/* What a crash left there is removed, not written over: it may be somebody else's to read. */
static int write_new(const char *path, const char *text)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, text, strlen(text));
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int statefile_replace(const char *path, const char *text)
{
	char new_path[4096];
	int n = snprintf(new_path, sizeof new_path, "%s.new", path);
	int err = n < 0 || (size_t)n >= sizeof new_path ? -ENAMETOOLONG : write_new(new_path, text);

	if (err == 0 && rename(new_path, path) < 0)
		err = -errno;
	return err != 0 ? err : sync_dir_of(path);
}

int statefile_write(const char *path, const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (text == NULL)
		return -ENOMEM;
	int err = statefile_replace(path, text);
	free(text);
	return err;
}

int statefile_lock(const char *dir, int *ret_fd)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/lock", dir);

	if (n < 0 || (size_t)n >= sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}
