/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: a seed is a machine, its faults, and everything that happens. */
#ifndef TESTS_CRASH_RANDOM_H
#define TESTS_CRASH_RANDOM_H

#include "tests/crash/history.h"

/* One history from its beginning to its end. Fails by history_fail. Returns its digest. */
uint64_t random_run(uint64_t seed, bool verbose, struct history_counts *counts);

#endif
