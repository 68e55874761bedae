/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a history: how each begins and ends, and what it excuses. */
#ifndef TESTS_FRONT_MISCHIEF_H
#define TESTS_FRONT_MISCHIEF_H

#include "tests/front/front.h"

extern const char *const fault_names[FAULT_COUNT];

/* Faults of disks, space and memory; the others are the history's own (front.c). */
void fault_begin(struct front *front);
void fault_end(struct front *front);

#endif
