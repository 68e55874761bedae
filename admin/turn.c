/* SPDX-License-Identifier: Apache-2.0 */
/* Turns at changing documents. */
#include "admin/turn.h"

#include "admin/admin_private.h"

void turn_take(struct admin *admin, struct turn *turn)
{
	if (admin->turn_owner != NULL) {
		turn->waiting = true;
		TAILQ_INSERT_TAIL(&admin->turns, turn, link);
		return;
	}
	admin->turn_owner = turn;
	turn->mine = true;
	turn->go(turn);
}

void turn_give(struct admin *admin, struct turn *turn)
{
	if (!turn->mine)
		return;
	turn->mine = false;
	struct turn *next = TAILQ_FIRST(&admin->turns);
	admin->turn_owner = next;
	if (next == NULL)
		return;
	TAILQ_REMOVE(&admin->turns, next, link);
	next->waiting = false;
	next->mine = true;
	next->go(next);
}
