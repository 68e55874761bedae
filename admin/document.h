/* SPDX-License-Identifier: Apache-2.0 */
/* Documents kept inside a volume ("exports", "igroups"): JSON {"version": 1, "records": [...]}. */
#ifndef ADMIN_DOCUMENT_H
#define ADMIN_DOCUMENT_H

#include "admin/admin_private.h"

#define DOCUMENT_EXPORTS "exports"
#define DOCUMENT_IGROUPS "igroups"

/* Read one: `done(arg, 0, records)`, records an array that is `done`'s to release; empty when there is no document yet.
 * -EUCLEAN: not such JSON. Never inline. */
void document_get(struct admin *admin, struct fs_volume *volume, const char *name, void (*done)(void *arg, int err, json_t *records),
                  void *arg);
/* Replace one, durably. `records` is borrowed during the call only. Never inline. */
void document_put(struct admin *admin, struct fs_volume *volume, const char *name, json_t *records, void (*done)(void *arg, int err),
                  void *arg);

/* Hand the exports of all online volumes to the server. */
void exports_publish(struct admin *admin);

#endif
