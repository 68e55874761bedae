/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded, single-threaded `struct world`: virtual clock, timers, deferred tasks, reproducible randomness.
 *
 * THEORY. One seed is one history. Tasks run before time moves; when none is left the clock jumps to the next timer.
 * Work posted from other threads (world_post) is taken in between. */
#ifndef TESTS_SIMWORLD_H
#define TESTS_SIMWORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

struct simworld;

struct simworld *simworld_new(uint64_t seed);
/* Drops whatever is still queued. */
void simworld_free(struct simworld *sim);
struct world *simworld_world(struct simworld *sim);
/* Asked when no task is left, before time moves on: true when it has done something (sockets that are ready,
 * tests/support/simloop.h). NULL: nobody. */
void simworld_set_idle(struct simworld *sim, bool (*idle)(void *arg), void *arg);
/* Run one task or fire one timer; false when there is nothing left to do. */
bool sim_step(struct simworld *sim);
/* Step until `predicate(arg)`; false when nothing is left to do or `max_steps` have been taken. */
bool sim_run_until(struct simworld *sim, bool (*predicate)(void *arg), void *arg, uint64_t max_steps);
/* Let `ns` of virtual time pass, running everything that falls due. */
void sim_run_for(struct simworld *sim, uint64_t ns);
/* A reproducible random number, from the same stream as world_random. */
uint64_t sim_random(struct simworld *sim);

#endif
