/* SPDX-License-Identifier: Apache-2.0 */
/* A cell: the smallest thing the model knows (512 bytes of a file, its size, its mode), and every value it may hold.
 *
 * THEORY. A change is a candidate from the moment it is sent. Once it has been answered, the candidates answered before
 * it was sent are gone for readers; when it (or a commit, or a snapshot) was durable, they are dead for crashes as
 * well. A read may see what was a candidate at any moment while it was under way. Times are ticks of the history's
 * clock, which rises with everything sent and answered. */
#ifndef TESTS_CRASH_CELL_H
#define TESTS_CRASH_CELL_H

#include <stdbool.h>
#include <stdint.h>

struct candidate {
	uint64_t stamp, sent;
	uint64_t acked; /* 0: under way */
	uint64_t gone; /* 0: visible */
	bool dead; /* no crash brings it back */
};

struct cell {
	struct candidate *c;
	uint16_t n, max;
};

void cell_fini(struct cell *cell);
/* It holds `stamp`, durably, and nothing else. */
void cell_reset(struct cell *cell, uint64_t stamp, uint64_t now);
void cell_send(struct cell *cell, uint64_t stamp, uint64_t sent);
/* The change `stamp` sent at `sent` is answered at `now`. */
void cell_ack(struct cell *cell, uint64_t stamp, uint64_t sent, uint64_t now, bool durable);
/* It was refused and has changed nothing. */
void cell_refuse(struct cell *cell, uint64_t stamp, uint64_t sent);
/* Everything answered before `sent` is durable. */
void cell_durable(struct cell *cell, uint64_t sent);
/* Forget what nobody who was sent at or after `oldest` may see. */
void cell_prune(struct cell *cell, uint64_t oldest);
bool cell_may_read(const struct cell *cell, uint64_t stamp, uint64_t since);
bool cell_may_survive(const struct cell *cell, uint64_t stamp);
/* The one visible value when there is no doubt about it. */
bool cell_settled(const struct cell *cell, uint64_t *ret_stamp);
/* The largest value that may be visible now or later. */
uint64_t cell_most(const struct cell *cell);
/* The candidate that `stamp` is, NULL: none. */
const struct candidate *cell_find(const struct cell *cell, uint64_t stamp);
/* What may have been visible at some time since `since` becomes `to`'s values, all settled at `now`. */
void cell_freeze(const struct cell *cell, uint64_t since, uint64_t now, struct cell *to);

#endif
