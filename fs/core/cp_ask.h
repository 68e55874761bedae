/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a consistency point, and the end of all of them.
 *
 * Whoever fills the log, the cache or the space asks here. What a consistency point is: fs/cp/cp.h. */
#ifndef FS_CP_ASK_H
#define FS_CP_ASK_H

#include <stdbool.h>

#include "base/world.h"

struct fs_volume;

enum cp_why { CP_TIMER, CP_LOG, CP_DIRTY, CP_SNAPSHOT, CP_CLIENT, CP_UNMOUNT, CP_SPACE };

struct cp_ask {
	bool running; /* one is */
	bool wanted; /* another one is to follow */
	unsigned why; /* a bit for each cp_why that asked */
	struct task start; /* begins the next one (fs/cp/cp.c) */
};

/* Ask for a consistency point soon. */
void cp_request(struct fs_volume *vol, enum cp_why why);
bool cp_is_running(const struct fs_volume *vol);
/* The volume cannot go on: log, remember, stop acknowledging, tell everybody who waits. */
void cp_fail(struct fs_volume *vol, int err, const char *what);

#endif
