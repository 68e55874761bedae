/* SPDX-License-Identifier: Apache-2.0 */
/* State machines as tables: from each state, the set of those that may come next.
 *
 *	static const uint32_t may_follow[] = {
 *		[IDLE] = STATE(BUSY),
 *		[BUSY] = STATE(IDLE) | STATE(FAILED),
 *		[FAILED] = 0,
 *	};
 *	machine->state = state_follow(may_follow, machine->state, BUSY);
 */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stdint.h>

#include "base/error.h"

#define STATE(state) (1U << (state))

/* `to`, which the table must allow after `from` (asserted); fewer than 32 states. */
static inline unsigned state_follow(const uint32_t *may_follow, unsigned from, unsigned to)
{
	vc_invariant(STATE, (may_follow[from] & STATE(to)) != 0);
	return to;
}

#endif
