/* SPDX-License-Identifier: Apache-2.0 */
/* The latest events: what the log said, kept in a ring for `event list` and the page.
 *
 * THREADS. Any thread writes (it is the log's sink); the ring has a lock of its own. */
#ifndef ADMIN_JOURNAL_H
#define ADMIN_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/world.h"

#define JOURNAL_EVENTS 1024U /* of the server's own */
#define JOURNAL_PEER_EVENTS 256U /* of those that peers can cause (log_peer_event) */
#define JOURNAL_TEXT 400U

/* Become the log's sink. After each event `wake` is posted to `world`, at most once until it runs. NULL world: nobody
 * is woken. */
void journal_start(struct world *world, struct task *wake);
/* Nobody is woken any more. */
void journal_stop(void);
/* Events numbered above `after` as an array of {number, time, level, component, event, text}, oldest first, severity
 * `level` or worse. */
json_t *journal_list(uint64_t after, enum log_level level);
/* Number of the newest event, 0: none. */
uint64_t journal_last(void);
/* "error", "warn", "info", "debug". -EINVAL. */
MUST_CHECK int journal_level_parse(const char *text, enum log_level *ret_level);

#endif
