/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of documents (INO_DOCS): what stands in it besides documents.
 *
 * A file that is being put back to a snapshot (fs/snapshot/file_restore.h) is built in this directory, under a name
 * that no document may have. */
#ifndef FS_DOCS_H
#define FS_DOCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/log/nvlog.h"

struct dir_entry;
struct fs_run;

#define STAGED_MARK '@'
#define STAGED_NAME_SIZE (sizeof("@restore-4294967295"))

/* The name of inode `ino` while it is staged. */
size_t docs_staged_name(uint32_t ino, char ret_name[STAGED_NAME_SIZE]);
/* The entry of the directory of documents is a staged file. */
bool docs_is_staged(const struct dir_entry *entry);

struct docs_content {
	const char *name;
	size_t name_len;
	const void *blob;
	size_t blob_len;
};
/* Part of a step, and the last thing in it: the document becomes this. *ret_sequence: durable when the log is so far.
 * -EAGAIN, -EINVAL, -EFBIG, and what admit_change returns. */
MUST_CHECK int docs_write(struct fs_run *run, const struct docs_content *content, uint64_t *ret_sequence);
/* Part of a step: the whole of a document, for the caller to free. -EAGAIN, -ENOENT, -ENOMEM, -EUCLEAN, -EIO. */
MUST_CHECK int docs_read(struct fs_run *run, const char *name, size_t name_len, void **ret_blob, size_t *ret_len);

/* How the log replays what was done to documents. */
nvlog_apply_fn docs_apply_put, docs_apply_delete;

#endif
