/* SPDX-License-Identifier: Apache-2.0 */
/* A message being carried out, and the volume's pool of them. */
#ifndef FS_MESSAGE_RUN_H
#define FS_MESSAGE_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "fs/cp/cp_wait.h"
#include "fs/file/run.h"
#include "fs/log/nvlog.h"

struct fs_volume;

/* A message being carried out: its run, and its wait for the log or a CP. */
struct message_run {
	struct fs_run run;
	struct nvlog_waiter waiter;
	struct cp_waiter cp_waiter;
	bool begun; /* a change: it has been let in */
	struct message_run *next_free;
};

MUST_CHECK int message_pool_init(struct fs_volume *vol);
void message_pool_fini(struct fs_volume *vol);
struct message_run *message_run_new(struct fs_volume *vol); /* NULL: no memory */
void message_run_free(struct message_run *run);

#endif
