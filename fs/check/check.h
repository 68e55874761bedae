/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a whole volume while it serves (FS_CHECK is the door).
 *
 * THREADS. Home thread of the volume. */
#ifndef FS_CHECK_H
#define FS_CHECK_H

#include <stdbool.h>

struct fs_volume;

/* Is a check running, and how far is it (0..100)? */
bool check_is_running(const struct fs_volume *vol, unsigned *ret_percent);
/* End the running check, if there is one, at its next step: its message is answered with -ECANCELED and what was found so far. `why`: a
 * string that stays, for the message. */
void check_cancel(struct fs_volume *vol, const char *why);

#endif
