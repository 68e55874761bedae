/* SPDX-License-Identifier: Apache-2.0 */
/* The lists that struct fs_volume has and the lower rooms work with. */
#ifndef FS_QUEUES_H
#define FS_QUEUES_H

#include "base/list.h"

struct fs_run;
struct inode;

TAILQ_HEAD(fs_run_queue, fs_run);
TAILQ_HEAD(inode_queue, inode);
LIST_HEAD(ancestry_walk_list, ancestry_walk);
LIST_HEAD(path_walk_list, path_walk);

#endif
