/* SPDX-License-Identifier: Apache-2.0 */
/* Administrative paths: /vol/VOLUME/dir/name, the first slash optional. */
#ifndef ADMIN_VOLPATH_H
#define ADMIN_VOLPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "fs/fs_types.h"

struct volpath {
	char volume[FS_NAME_MAX + 1U];
	char inner[FS_PATH_MAX]; /* "/" or "/dir/name": no empty, "." or ".." component, no slash at the end */
};

/* Take `text` apart; escapes of names (\xNN, as textjson.h writes them) are undone. -EINVAL: not such a path;
 * -ENAMETOOLONG. */
MUST_CHECK int volpath_parse(const char *text, struct volpath *ret_path);
/* Is it a path inside a volume as `inner` above? "" is not. */
bool volpath_is_inner(const char *text);
/* "/vol/VOLUME/inner" in one heap string. NULL: no memory. */
char *volpath_join(const char *volume, const char *inner);
/* One component that may name a volume, snapshot, igroup: printable, no slash, not "." or "..", 1..max bytes. */
bool volpath_is_name(const char *text, size_t max_bytes);

#endif
