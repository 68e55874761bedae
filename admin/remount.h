/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes that could not be mounted because the host's file system was full: they are tried again, until there is room
 * or somebody says otherwise. */
#ifndef ADMIN_REMOUNT_H
#define ADMIN_REMOUNT_H

#include "admin/known.h"

#define REMOUNT_MS 10000U

/* `text` is empty: say there what `err` means and which disks it is about, when that is known. */
void remount_explain(const struct known_volume *known, int err, char *text, size_t size);
/* The mount of a volume that should be online has failed. */
void remount_later(struct admin *admin, struct known_volume *known, int err);
void remount_stop(struct admin *admin);

#endif
