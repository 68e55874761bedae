/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of a volume's snapshots: makes those its schedule wants and deletes those that are too many.
 *
 * THEORY. What is due is found from the wall clock (admin/schedule.h), by a timer that is never longer than a minute,
 * so that a clock that is set is noticed. What has been done is known from the snapshots themselves: they say that a
 * schedule made them, and when. So nothing has to be written down after a snapshot, and a volume that comes back after
 * a missed moment makes up for it, once. One message at a time. A surplus snapshot that a LUN needs is left, said once,
 * and tried again every few minutes.
 * THREADS. The admin loop. */
#ifndef ADMIN_KEEPER_H
#define ADMIN_KEEPER_H

#include "admin/known.h"

/* The volume is online and its documents are loaded. */
void keeper_start(struct admin *admin, struct known_volume *known);
/* The volume goes offline: nothing more is begun. */
void keeper_stop(struct known_volume *known);
/* known->policy has changed. */
void keeper_refresh(struct known_volume *known);

#endif
