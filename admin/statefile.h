/* SPDX-License-Identifier: Apache-2.0 */
/* A small JSON file that is either the old or the new one after any crash. */
#ifndef ADMIN_STATEFILE_H
#define ADMIN_STATEFILE_H

#include <jansson.h>

#include "base/error.h"

/* Read it. -ENOENT: none yet; -EUCLEAN: not JSON, or beyond 16 MiB (never overwritten by us); others from the
 * system. */
MUST_CHECK int statefile_read(const char *path, json_t **ret_value);
/* Replace it durably: write PATH.new, fsync, rename, fsync the directory. After an error the old one is still there. */
MUST_CHECK int statefile_write(const char *path, const json_t *value);
/* The same with any text, readable by our own user alone. */
MUST_CHECK int statefile_replace(const char *path, const char *text);
/* Become the only owner of a directory: *ret_fd holds its lock file locked until closed. -EBUSY: another process has
 * it. */
MUST_CHECK int statefile_lock(const char *dir, int *ret_fd);

#endif
