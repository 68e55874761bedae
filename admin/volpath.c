/* SPDX-License-Identifier: Apache-2.0 */
/* Administrative paths: /vol/VOLUME/dir/name. */
#include "admin/volpath.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_component(const char *text, size_t len)
{
	return len > 0 && len <= FS_NAME_MAX && !(len == 1 && text[0] == '.') &&
	       !(len == 2 && text[0] == '.' && text[1] == '.');
}

/* Copy "a//b/" as "/a/b". */
static int copy_inner(const char *text, struct volpath *path)
{
	size_t used = 0;

	while (*text != '\0') {
		text += strspn(text, "/");
		size_t len = strcspn(text, "/");
		if (len == 0)
			break;
		if (len > 4 * FS_NAME_MAX) /* all of it escapes */
			return -EINVAL;
		if (used + len + 2 > sizeof path->inner)
			return -ENAMETOOLONG;
		path->inner[used++] = '/';
		memcpy(path->inner + used, text, len);
		path->inner[used + len] = '\0';
		text_unescape(path->inner + used);
		if (!is_component(path->inner + used, strlen(path->inner + used)))
			return -EINVAL;
		used += strlen(path->inner + used);
		text += len;
	}
	if (used == 0)
		path->inner[used++] = '/';
	path->inner[used] = '\0';
	return 0;
}

int volpath_parse(const char *text, struct volpath *ret_path)
{
	struct volpath path;

	text += *text == '/';
	if (strncmp(text, "vol/", 4) != 0)
		return -EINVAL;
	text += 4;
	size_t len = strcspn(text, "/");
	if (!is_component(text, len))
		return -EINVAL;
	memcpy(path.volume, text, len);
	path.volume[len] = '\0';
	int err = copy_inner(text + len, &path);
	if (err == 0)
		*ret_path = path;
	return err;
}

bool volpath_is_inner(const char *text)
{
	if (strcmp(text, "/") == 0)
		return true;
	if (text[0] != '/' || strlen(text) >= FS_PATH_MAX)
		return false;
	for (size_t len; *text == '/'; text += len) {
		text++;
		len = strcspn(text, "/");
		if (!is_component(text, len))
			return false;
	}
	return *text == '\0';
}

char *volpath_join(const char *volume, const char *inner)
{
	char *text;
	if (asprintf(&text, "/vol/%s%s", volume, strcmp(inner, "/") == 0 ? "" : inner) < 0)
		return NULL;
	return text;
}

bool volpath_is_name(const char *text, size_t max_bytes)
{
	size_t len = strlen(text);

	if (!is_component(text, len) || len > max_bytes)
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f || *p == '/')
			return false;
	}
	return true;
}
