/* SPDX-License-Identifier: Apache-2.0 */
/* RAID levels as an administrator names them: raid4, dp (double parity), mirror. */
#ifndef ADMIN_RAIDLEVEL_H
#define ADMIN_RAIDLEVEL_H

#include <stddef.h>

#include "base/error.h"

#define RAIDLEVEL_TEXT 160U

/* How many parity disks a group of so many disks has at the level of this name. -EINVAL: there is no such level, or
 * such a group; `ret_text` says why. A mirror is a data disk and its copies: one, or with three disks two. */
MUST_CHECK int raidlevel_parity(const char *name, size_t n_disks, unsigned *ret_parity, char ret_text[RAIDLEVEL_TEXT]);
/* The level that groups with so many parity disks have when they have any number of data disks. */
const char *raidlevel_name(unsigned n_parity);

#endif
