/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: a seed is a machine, its faults, and everything that happens. */
#ifndef TESTS_CRASH_RANDOM_H
#define TESTS_CRASH_RANDOM_H

#include "tests/crash/history.h"

/* One history from its beginning to its end. Fails by history_fail. Returns its digest. */
uint64_t random_run(uint64_t seed, bool verbose, struct history_counts *counts);

/* ---- for other kinds of histories ---- */
/* Disks and a volume on them, with room for the ballast. */
void random_machine(struct history *h, uint64_t seed, bool ballast);
void random_ballast(struct history *h);
/* n operations of any kind, some of them at a time. */
void random_load(struct history *h, unsigned n);
void random_pause(struct history *h);

#endif
