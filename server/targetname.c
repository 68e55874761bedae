/* SPDX-License-Identifier: Apache-2.0 */
/* The target's name: a file of one line. */
#include "server/targetname.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "admin/statefile.h"

#define AUTHORITY "iqn.2026-11.org.vcstore:"
#define FILE_NAME "iscsi-target"
#define VOLUMES_FILE "volumes.json"

/* The host's name as far as an iSCSI name may have it. */
static void host_name(char ret_host[65])
{
	size_t n = 0;

	if (gethostname(ret_host, 64) != 0)
		(void)snprintf(ret_host, 65, "localhost");
	ret_host[64] = '\0';
	for (const char *c = ret_host; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) || *c == '-' || *c == '.')
			ret_host[n++] = (char)tolower((unsigned char)*c);
	}
	ret_host[n] = '\0';
}

static int name_make(bool alone, char ret_name[ISCSINAME_MAX + 1U])
{
	uint8_t random[6];
	char host[65];

	host_name(host);
	if (!alone) {
		(void)snprintf(ret_name, ISCSINAME_MAX + 1U, AUTHORITY "%s", host);
		return 0;
	}
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -EIO;
	(void)snprintf(ret_name, ISCSINAME_MAX + 1U, AUTHORITY "%s-%02x%02x%02x%02x%02x%02x", host, random[0],
	               random[1], random[2], random[3], random[4], random[5]);
	return 0;
}

static int name_read(const char *path, char ret_name[ISCSINAME_MAX + 1U])
{
	FILE *file = fopen(path, "re");
	bool good;

	if (file == NULL)
		return -errno;
	good = fgets(ret_name, ISCSINAME_MAX + 1, file) != NULL;
	(void)fclose(file);
	if (good)
		ret_name[strcspn(ret_name, "\n")] = '\0';
	return good && iscsiname_is_valid(ret_name) ? 0 : -EUCLEAN;
}

int targetname_take(const char *state_dir, char ret_name[ISCSINAME_MAX + 1U])
{
	char path[PATH_MAX], volumes[PATH_MAX];
	int err;

	(void)snprintf(path, sizeof path, "%s/" FILE_NAME, state_dir);
	(void)snprintf(volumes, sizeof volumes, "%s/" VOLUMES_FILE, state_dir);
	err = name_read(path, ret_name);
	if (err != -ENOENT)
		return err;
	err = name_make(access(volumes, F_OK) != 0, ret_name);
	if (err == 0) {
		char line[ISCSINAME_MAX + 2U];

		(void)snprintf(line, sizeof line, "%s\n", ret_name);
		err = statefile_replace(path, line);
	}
	return err;
}
