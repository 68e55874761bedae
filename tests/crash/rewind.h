/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the volume back to a snapshot, with power cuts on the way. */
#ifndef TESTS_CRASH_REWIND_H
#define TESTS_CRASH_REWIND_H

#include "tests/crash/history.h"

/* Everything lands; then the volume is put back to one of the model's snapshots that have newer ones, if there is such
 * a snapshot: all of it, or, after a power cut on the way, perhaps nothing. Compared afterwards. */
void rewind_try(struct history *h);

#endif
