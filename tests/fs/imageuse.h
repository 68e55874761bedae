/* SPDX-License-Identifier: Apache-2.0 */
/* What people do with a volume that somebody has made: mount, look at everything, write a little, check, unmount. */
#ifndef TESTS_IMAGEUSE_H
#define TESTS_IMAGEUSE_H

#include "tests/fs/checkbox.h"

/* All of it. Errors are fine; wrong data and what does not end are not. */
void image_use(struct fsbox *box, uint64_t seed);

#endif
