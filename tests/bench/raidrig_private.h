/* SPDX-License-Identifier: Apache-2.0 */
/* What raidrig.c and raidrig_raw.c have in common. */
#ifndef TESTS_RAIDRIG_PRIVATE_H
#define TESTS_RAIDRIG_PRIVATE_H

#include "tests/bench/raidrig.h"

double rig_now_s(void);
_Noreturn void rig_die(const char *what, int err);
/* Run the loop from `start` until rig_done: seconds. */
double rig_go(struct rig *rig, const char *what, void (*start)(void *arg), void *arg);
void rig_done(void *rig, int err);
void rig_shuffle(uint32_t *numbers, uint32_t n);
void rig_raw_open(struct rig *rig);
void rig_raw_close(struct rig *rig);

#endif
