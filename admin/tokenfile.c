/* SPDX-License-Identifier: Apache-2.0 */
/* The file with the administrator's token. */
#include "admin/tokenfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/statefile.h"

#define RANDOM_BYTES 32U

/* Is it a token68 (RFC 9110 section 11.2), as a header carries it? */
static bool is_token(const char *text, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
	size_t n = strspn(text, set);

	return n + strspn(text + n, "=") == len && len >= TOKEN_MIN && len <= TOKEN_MAX;
}

static int check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IRWXO)) == 0 ? 0 : -EACCES;
}

static int read_token(const char *path, char token[TOKEN_MAX + 1U])
{
	char text[TOKEN_MAX + 4U];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int err = check_owner(fd);
	ssize_t n = err == 0 ? read(fd, text, sizeof text - 1) : 0;
	if (err == 0 && n < 0)
		err = -errno;
	(void)close(fd);
	if (err != 0)
		return err;
	text[n] = '\0';
	size_t len = strcspn(text, "\r\n");
	bool one_line = (size_t)n == len + strspn(text + len, "\r\n");
	text[len] = '\0';
	if (!one_line || !is_token(text, len))
		return -EINVAL;
	memcpy(token, text, len + 1);
	return 0;
}

static int make_token(const char *path, struct world *world, char token[TOKEN_MAX + 1U])
{
	uint8_t random[RANDOM_BYTES];
	char line[RANDOM_BYTES * 2 + 2];

	world_random(world, random, sizeof random);
	for (unsigned i = 0; i < RANDOM_BYTES; i++)
		(void)snprintf(token + i * 2U, 3, "%02x", random[i]);
	(void)snprintf(line, sizeof line, "%s\n", token);
	return statefile_replace(path, line);
}

int tokenfile_load(const char *path, struct world *world, char ret_token[TOKEN_MAX + 1U], char ret_text[256])
{
	int err = read_token(path, ret_token);

	if (err == -ENOENT)
		err = make_token(path, world, ret_token);
	if (err == -EACCES)
		(void)snprintf(ret_text, 256,
		               "the token file %.120s must belong to root or to the server's user and be closed to "
		               "others (chmod 600)",
		               path);
	else if (err == -EINVAL)
		(void)snprintf(ret_text, 256,
		               "the token file %.120s must be one line of %u to %u letters, digits or -._~+/ ; remove "
		               "it for a new one",
		               path, TOKEN_MIN, TOKEN_MAX);
	else if (err != 0)
		(void)snprintf(ret_text, 256, "cannot read or make the token file %.120s: %s", path, strerror(-err));
	return err;
}
