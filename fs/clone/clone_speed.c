/* SPDX-License-Identifier: Apache-2.0 */
/* The speed of a clone. */
#include "base/list.h"
#include "fs/clone/clone_speed.h"

void clone_speed_reset(struct clone_speed *speed, uint64_t now_ns, uint64_t done)
{
	*speed = (struct clone_speed){ .at_ns = now_ns, .done = done };
}

/* The average with a time in it that is not noted yet. */
static uint64_t average(const struct clone_speed *speed, uint64_t now_ns, uint64_t done)
{
	uint64_t elapsed = now_ns - speed->at_ns, gained = done > speed->done ? done - speed->done : 0, inst;

	if (elapsed < 1000000U)
		return speed->milliblocks_s;
	inst = gained * 1000000U / (elapsed / 1000000U);
	if (!speed->known)
		return inst;
	elapsed = MIN_OF(elapsed, CLONE_SPEED_MEMORY_NS);
	return (speed->milliblocks_s * ((CLONE_SPEED_MEMORY_NS - elapsed) / 1000000U) + inst * (elapsed / 1000000U)) /
	       (CLONE_SPEED_MEMORY_NS / 1000000U);
}

void clone_speed_note(struct clone_speed *speed, uint64_t now_ns, uint64_t done)
{
	if (now_ns - speed->at_ns < CLONE_SPEED_SAMPLE_NS)
		return;
	speed->milliblocks_s = average(speed, now_ns, done);
	speed->known = true;
	speed->at_ns = now_ns;
	speed->done = done;
}

static uint64_t milliblocks_s(const struct clone_speed *speed, uint64_t now_ns, uint64_t done)
{
	if (!speed->known && now_ns - speed->at_ns < CLONE_SPEED_SAMPLE_NS)
		return 0;
	return average(speed, now_ns, done);
}

uint64_t clone_speed_now(const struct clone_speed *speed, uint64_t now_ns, uint64_t done)
{
	return milliblocks_s(speed, now_ns, done) / 1000U;
}

uint64_t clone_speed_eta_s(const struct clone_speed *speed, uint64_t now_ns, uint64_t done, uint64_t left)
{
	uint64_t rate = milliblocks_s(speed, now_ns, done);

	if (left == 0)
		return 0;
	return rate == 0 ? UINT64_MAX : DIV_UP(left * 1000U, rate);
}
