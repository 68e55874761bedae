/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that go wrong. One bad disk in a history loses nothing and shows nothing wrong; two may answer EIO, never wrong
 * data. */
#ifndef TESTS_CRASH_MISHAP_H
#define TESTS_CRASH_MISHAP_H

#include "tests/crash/history.h"

/* Which disk of this history goes wrong, if any. */
void fault_draw(struct history *h);
/* Something goes wrong with this disk, now. */
void fault_strike(struct history *h, unsigned disk);
/* Now and then, let it. */
void fault_maybe(struct history *h);

#endif
