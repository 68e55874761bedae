/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of messages being carried out. */
#include "fs/cp/message_run.h"

#include <stdlib.h>

#include "fs/core/core.h"
#include "fs/file/run.h"

struct message_pool {
	struct message_run *free;
};

int message_pool_init(struct fs_volume *vol)
{
	vol->message_pool = calloc(1, sizeof(struct message_pool));
	return vol->message_pool == NULL ? -ENOMEM : 0;
}

void message_pool_fini(struct fs_volume *vol)
{
	struct message_run *run;

	if (vol->message_pool == NULL)
		return;
	while ((run = vol->message_pool->free) != NULL) {
		vol->message_pool->free = run->next_free;
		run_fini(&run->run);
		free(run);
	}
	free(vol->message_pool);
	vol->message_pool = NULL;
}

struct message_run *message_run_new(struct fs_volume *vol)
{
	struct message_run *run = vol->message_pool->free;

	if (run != NULL) {
		vol->message_pool->free = run->next_free;
		return run;
	}
	run = calloc(1, sizeof(*run));
	return run;
}

void message_run_free(struct message_run *run)
{
	struct message_pool *pool = run->run.vol->message_pool;

	run->next_free = pool->free;
	pool->free = run;
}
