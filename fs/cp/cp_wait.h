/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a consistency point. Asking for one: fs/core/cp_ask.h. What one is: fs/cp/cp.h. */
#ifndef FS_CP_WAIT_H
#define FS_CP_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct fs_message;
struct fs_volume;

/* Call back when a CP that contains everything changed until now is durable: `err` 0 or -EIO. Asks for one. Never
 * inline. */
struct cp_waiter {
	void (*durable)(struct cp_waiter *waiter, int err);
	struct fs_message *msg; /* whose answer waits; NULL: nobody's */
	uint64_t generation;
	TAILQ_ENTRY(cp_waiter) link;
};
void cp_wait(struct fs_volume *vol, struct cp_waiter *waiter);
/* Waiters whose message gives up (`gives_up` says so) wait no longer: they are told -FS_EJUKEBOX. */
void cp_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg));
/* How many blocks the running CP writes, as far as is known yet. */
size_t cp_block_count(const struct fs_volume *vol);

#endif
