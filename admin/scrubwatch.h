/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever scrubs a volume when its schedule says so (admin/policy.h): one while it is online. */
#ifndef ADMIN_SCRUBWATCH_H
#define ADMIN_SCRUBWATCH_H

#include "admin/known.h"

/* The volume came online: a scrub that was under way goes on and has its job again; the next one starts when it is due.
 * One that came due while the volume was away starts at once. */
void scrubwatch_start(struct admin *admin, struct known_volume *known);
/* Its policy has changed. */
void scrubwatch_refresh(struct known_volume *known);
void scrubwatch_stop(struct known_volume *known);

#endif
