/* SPDX-License-Identifier: Apache-2.0 */
/* A double of the file system's door for tests of the administration: volumes in memory that answer the administrative
 * operations. It is linked instead of libvcfs.a and libvcraid.a. "Disks" are names; what is on them stays over unmount
 * and mount. */
#ifndef TESTS_RAMADMIN_H
#define TESTS_RAMADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/message.h"

/* The one directory a volume has, "/dir" at first; NULL: it is gone. Tell the volumes by raising the other. */
extern const char *ramadmin_directory;
extern uint64_t ramadmin_tree_changes;
/* Blocks a clone gets on with at every look at its status. */
extern uint64_t ramadmin_clone_step;
/* How often a deleted snapshot is still listed. */
extern unsigned ramadmin_reclaim_looks;
/* What a format, mount, creation of a snapshot, wiping or replacing of a disk answers. 0: well. */
extern int ramadmin_fail_format, ramadmin_fail_mount, ramadmin_fail_snapshot, ramadmin_fail_wipe, ramadmin_fail_replace;
/* With ramadmin_fail_replace: disks that join have their labels when it fails. */
extern bool ramadmin_grow_labels;
extern unsigned ramadmin_mounts; /* tried so far */
extern uint64_t ramadmin_check_errors;
/* Checks stand at 42 % until they are cancelled. */
extern bool ramadmin_check_hangs;
extern struct fs_scrub_info ramadmin_scrub; /* of all volumes */
extern unsigned ramadmin_n_scrubs; /* started */
extern bool ramadmin_degraded, ramadmin_failed, ramadmin_rebuilding, ramadmin_worn;
/* How full every volume says it is: enum fs_space_level. */
extern unsigned ramadmin_space_level;
/* What a volume was told last. */
extern struct fs_autodelete ramadmin_autodelete;
/* Put a document into a volume behind the administration's back. */
void ramadmin_put_document(const char *volume, const char *name, const char *text);
/* Another name on its disks. */
void ramadmin_rename(const char *volume, const char *name);
bool ramadmin_document_is(const char *volume, const char *name, const char *text);
/* The file of a disk has another name now. */
void ramadmin_move_disk(const char *from, const char *to);
/* Forget everything. */
void ramadmin_reset(void);

#endif
