/* SPDX-License-Identifier: Apache-2.0 */
/* Small workloads, exhaustively: every sequence of up to three operations, every crash on the way. */
#ifndef TESTS_CRASH_SMALL_H
#define TESTS_CRASH_SMALL_H

#include "tests/crash/history.h"

struct small_plan {
	unsigned subsets[3]; /* most subsets of unflushed writes a boundary, in workloads of 1, 2, 3 operations; 0: all
	                      * of them */
};
extern struct small_plan small_plan;

/* How many workloads of up to `length` operations there are; they are numbered from 0, shorter ones first. */
uint64_t small_count(unsigned length);
/* Run one: crash states of its last operation and of the consistency point behind it. Returns the digest. */
uint64_t small_run(uint64_t number, bool verbose, struct history_counts *counts);

#endif
