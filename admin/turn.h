/* SPDX-License-Identifier: Apache-2.0 */
/* Turns at changing documents: a change reads, alters and writes a whole document, so changes go one after another. */
#ifndef ADMIN_TURN_H
#define ADMIN_TURN_H

#include <stdbool.h>

#include "base/list.h"

struct admin;

struct turn {
	TAILQ_ENTRY(turn) link;
	void (*go)(struct turn *turn);
	bool waiting, mine;
};
TAILQ_HEAD(turn_list, turn);

/* Call turn->go when all who came before have given theirs back: perhaps inside this call. */
void turn_take(struct admin *admin, struct turn *turn);
/* The next one goes. Who has no turn gives none. */
void turn_give(struct admin *admin, struct turn *turn);

#endif
