/* SPDX-License-Identifier: Apache-2.0 */
/* After a second disk has gone wrong: the volume is mounted again, or clearly refused. */
#ifndef TESTS_CRASH_AFTERMATH_H
#define TESTS_CRASH_AFTERMATH_H

#include "tests/crash/history.h"

/* Everybody has been answered. The power fails; what mounts then shows what may be there, or errors. Nothing is mounted
 * afterwards. */
void aftermath_look(struct history *h);

#endif
