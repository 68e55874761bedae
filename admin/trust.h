/* SPDX-License-Identifier: Apache-2.0 */
/* What an imported volume says about igroups that are known here already.
 *
 * THEORY. A volume brings copies of its igroups. After a change made here the newest copy of all volumes counts, which
 * is right among volumes that were changed together, and wrong for an image from elsewhere: whoever made it could name
 * an igroup of ours and give it other initiators. So at the import, and only then, an igroup whose UUID is known here
 * and that is not the same is *kept out*: the copy counts for nobody, and maps of the volume's LUNs that name it are
 * conflicts, not served. That is remembered with the volume. A LUN of it is mapped to the igroup of that UUID again by
 * the administrator, when none of the volume's LUNs is mapped to the one that came with it. */
#ifndef ADMIN_TRUST_H
#define ADMIN_TRUST_H

#include "admin/known.h"

/* The volume has just been imported: fill known->kept_out. */
void trust_imported(struct admin *admin, struct known_volume *known);
/* Is the igroup of that UUID kept out, as far as this volume goes? */
bool trust_keeps_out(const struct known_volume *known, const char *igroup_uuid);
/* It is not any more: the volume has our copy. The state is to be saved. */
void trust_let_in(struct known_volume *known, const char *igroup_uuid);
/* UUIDs of the igroups that the volume holds or, when it is offline, held; a new array. */
json_t *trust_igroups_of(const struct known_volume *known);

#endif
