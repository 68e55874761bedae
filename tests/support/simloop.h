/* SPDX-License-Identifier: Apache-2.0 */
/* base/loop.h over a simulated world (simworld.h) and simulated sockets (simsock.h), linked instead of base/loop.c.
 *
 * THEORY. base/stream.c and base/listener.c are what is tested, so they stay as they are; only what is below them is
 * replaced. A turn of this loop is what base/loop.c's is: tasks first, then those of the turn's end, then one
 * descriptor that is ready, chosen by the seed; time moves when nothing of all that is left. Who is called for a ready
 * descriptor again and again and does nothing about it is found by the bound on turns.
 * THREADS. One: loop_start, loop_run and loop_join are not there. */
#ifndef TESTS_SUPPORT_SIMLOOP_H
#define TESTS_SUPPORT_SIMLOOP_H

#include "base/loop.h"
#include "tests/support/simworld.h"

/* A loop in `sim`, which asks it when it has no task left. loop_free ends it. */
struct loop *simloop_new(struct simworld *sim);

#endif
