/* SPDX-License-Identifier: Apache-2.0 */
/* Documents kept inside a volume ("exports", "igroups", "snapshot-policy"): JSON {"version": 1, "records": [...]}. */
#ifndef ADMIN_DOCUMENT_H
#define ADMIN_DOCUMENT_H

#include "admin/admin_private.h"

#define DOCUMENT_EXPORTS "exports"
#define DOCUMENT_IGROUPS "igroups"
#define DOCUMENT_POLICY "snapshot-policy"
/* Of an export: bytes of its path inside the volume (/vol/NAME comes before it, and MOUNT carries 1024), and its
 * rules. */
#define DOCUMENT_EXPORT_PATH_MAX (1024U - sizeof "/vol/" - FS_NAME_MAX)
#define DOCUMENT_EXPORT_RULES_MAX 64U
#define DOCUMENT_ANON_ID 65534U /* who squashed users are, unless a rule says otherwise */
#define DOCUMENT_DAMAGED_TEXT                                                                                          \
	"the document \"%s\" of volume \"%s\" is damaged; it is left as it is, and can't be changed"

/* Read one: `done(arg, 0, records)`, records an array that is `done`'s to release; empty when there is no document yet.
 * -EUCLEAN: not all of it makes sense; `records` has the entries that do, or is NULL. Never inline. */
struct known_volume;
void document_get(struct admin *admin, struct fs_volume *volume, const char *name,
                  void (*done)(void *arg, int err, json_t *records), void *arg);
/* Replace one, durably. `records` is borrowed during the call only. Never inline. */
void document_put(struct admin *admin, struct fs_volume *volume, const char *name, json_t *records,
                  void (*done)(void *arg, int err), void *arg);

/* The volume's exports, as known->exports has them. */
void document_exports_put(struct admin *admin, struct fs_volume *volume, json_t *exports,
                          void (*done)(void *arg, int err), void *arg);

/* May this document of an online volume be replaced? -EUCLEAN, and logged: what it holds was not understood when the
 * volume came online, and would be lost. Asked before every document_put. */
MUST_CHECK int document_admit(const struct known_volume *known, const char *name);

/* Hand the exports of all online volumes to the server. */
void document_exports_publish(struct admin *admin);

#endif
