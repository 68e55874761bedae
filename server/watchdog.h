/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: systemd is told that we live as long as every loop that serves clients goes round.
 *
 * THEORY. On the loop that accepts, a timer asks each serving loop to answer; when all answers are there, systemd is
 * told, and they are asked again. The administration's loop is not among them: while it thinks, clients are served. One
 * loop that hangs for longer than systemd's limit ends the daemon, whatever the others do.
 * THREADS. Made before its loop runs, freed when all of them have ended. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include <stdint.h>

#include "base/loop.h"

struct watchdog;

/* `alive` is called on `acceptor` four times in `limit_ns`, as long as all `loops` answer. */
struct watchdog_settings {
	struct loop *acceptor; /* not yet running */
	struct loop *const *loops; /* borrowed during the call */
	unsigned n_loops;
	uint64_t limit_ns;
	void (*alive)(void *arg);
	void *arg;
};
/* -ENOMEM. */
MUST_CHECK int watchdog_new(const struct watchdog_settings *settings, struct watchdog **ret_watchdog);
/* The loops have ended (they may not be freed yet). NULL is allowed. */
void watchdog_stop(struct watchdog *watchdog);
/* The loops are freed. NULL is allowed. */
void watchdog_free(struct watchdog *watchdog);

#endif
