/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever gives the place of a lost disk to a hot spare (admin/spare.h): one for each volume that is online.
 *
 * THEORY. Once a second, if there are spares, the volume is asked how its disks are. A spare that the volume has as a
 * member has been used, and leaves the list; one that is only in the list of the volume's disks was taken by a server
 * that was ended on the way, and is given back. Then, for a group that has lost a disk but has not failed, and in which
 * nothing is being rebuilt, the best spare takes the place as any other disk would (admin/lifecycle.h). One that does
 * not do is refused, and the next is tried at the next look; so it is when the disk that took the place fails in its
 * turn.
 * Example: vol0 loses d2, and spares are d8 of vol0 and d9 of all. d8 takes the place; it fails while it is rebuilt; d9
 * takes its place. */
#ifndef ADMIN_SPAREWATCH_H
#define ADMIN_SPAREWATCH_H

#include "admin/known.h"

/* The volume came online. What it lost while the server was off is replaced now. */
void sparewatch_start(struct admin *admin, struct known_volume *known);
void sparewatch_stop(struct known_volume *known);
/* Look at all spares every so often, from now until the server stops. */
void sparewatch_begin(struct admin *admin);
void sparewatch_end(struct admin *admin);

#endif
