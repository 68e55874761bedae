/* SPDX-License-Identifier: Apache-2.0 */
/* The table of inodes in memory: what the CP and the mount need beyond fs/file/inode.h. */
#ifndef FS_INODE_TABLE_H
#define FS_INODE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/world.h"
#include "fs/core/queues.h"

struct fs_volume;
struct inode;
struct inode_attr;
struct inode_disk;

struct inode_table {
	struct inode **buckets;
	size_t n_buckets; /* power of two */
	size_t n, n_max;
	struct inode_queue lru; /* all unpinned, clean ones, oldest first */
	struct task trim;
	uint32_t free_hint; /* inode number to look for a free one from: none below it is free */
	uint64_t *map_full; /* a bit an inode map block: nothing is free in it */
};

/* In memory or NULL. */
struct inode *inode_find(struct fs_volume *vol, uint32_t snapshot, uint32_t ino);
/* A new, empty, pinned structure in the table: metafiles at mount. */
struct inode *inode_new(struct fs_volume *vol, uint32_t snapshot, uint32_t ino);
/* A new structure that is not in the table (a zombie's): identity only. */
struct inode *inode_new_detached(struct fs_volume *vol, uint32_t ino);
/* The inode map is another one: nothing is known of it. */
void inode_numbers_changed(struct fs_volume *vol);
/* Take a pinned inode out of the table, for its holder alone. It is not pinned any more; inode_discard ends it. */
void inode_detach(struct inode *inode);
/* Take it out of the table and free it with its clean buffers; nothing of it may be dirty or pinned. */
void inode_discard(struct inode *inode);
/* True when nobody looks at the inode's buffers, and none is dirty. */
bool inode_is_quiet(const struct inode *inode);
/* Drop everything in memory that belongs to a snapshot that is gone. */
void inode_discard_snapshot(struct fs_volume *vol, uint32_t snapshot);

MUST_CHECK int inode_decode(const struct inode_disk *disk, struct inode *inode); /* -EUCLEAN */
/* `attr` (which may be the frozen copy) and the tree as they stand. */
void inode_encode(const struct inode *inode, const struct inode_attr *attr, struct inode_disk *ret_disk);
/* Clear the dirty mark of parity `bit` after its CP. */
void inode_cp_done(struct inode *inode, unsigned bit);

#endif
