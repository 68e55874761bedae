/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls x faults: how often each call has met each fault, and which never do, with the reason. */
#ifndef TESTS_FRONT_REPORT_H
#define TESTS_FRONT_REPORT_H

#include "tests/crash/history.h"

void report_print(const struct history_counts *counts);
/* Empty cells that no reason explains: said, and how many. */
unsigned report_empty(const struct history_counts *counts);

#endif
