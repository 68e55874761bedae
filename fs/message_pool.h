/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that carry messages, kept for the next ones. */
#ifndef FS_MESSAGE_POOL_H
#define FS_MESSAGE_POOL_H

#include "fs/core.h"

MUST_CHECK int message_pool_init(struct fs_volume *vol);
void message_pool_fini(struct fs_volume *vol);

#endif
