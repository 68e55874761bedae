/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a clone gets on, as a moving average over about 8 s, and when it will be done at that speed. Pure
 * arithmetic. */
#ifndef FS_CLONE_SPEED_H
#define FS_CLONE_SPEED_H

#include <stdbool.h>
#include <stdint.h>

#define CLONE_SPEED_SAMPLE_NS 500000000ULL /* at most so often */
#define CLONE_SPEED_MEMORY_NS 8000000000ULL /* what was longer ago hardly counts */

struct clone_speed {
	uint64_t at_ns; /* of the last sample */
	uint64_t done; /* blocks, then */
	uint64_t milliblocks_s; /* average */
	bool known;
};

/* Begin, or go on after a pause: what was measured before counts no more. */
void clone_speed_reset(struct clone_speed *speed, uint64_t now_ns, uint64_t done);
/* At `now_ns`, `done` blocks are done. `done` must not fall until the next reset. */
void clone_speed_note(struct clone_speed *speed, uint64_t now_ns, uint64_t done);
/* Blocks a second at `now_ns`; 0: none, or not known yet. */
uint64_t clone_speed_now(const struct clone_speed *speed, uint64_t now_ns, uint64_t done);
/* Seconds until `left` more blocks are done; UINT64_MAX: not known. */
uint64_t clone_speed_eta_s(const struct clone_speed *speed, uint64_t now_ns, uint64_t done, uint64_t left);

#endif
