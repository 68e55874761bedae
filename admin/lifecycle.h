/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a volume: made, imported, online, offline, destroyed. Each is one operation on one known volume at a
 * time.
 *
 * THREADS. The admin loop's. What the file system wants done on the volume's home loop (format, mount, unmount) hops
 * there and back. */
#ifndef ADMIN_LIFECYCLE_H
#define ADMIN_LIFECYCLE_H

#include "admin/known.h"

/* How it ended: `text` is a sentence when err != 0. `known` is NULL when it is gone (destroyed, or never came to
 * be). */
typedef void lifecycle_done(void *arg, int err, const char *text, struct known_volume *known);

/* A volume to be made. Borrowed during the call. */
struct lifecycle_new {
	const char *name;
	json_t *groups; /* [{"disks": [...]}], the parity disks of each last */
	const char *level; /* admin/raidlevel.h; NULL: raid4 */
	uint64_t disk_size; /* of the disk files that are made, in bytes; 0: all must exist */
	bool preallocate; /* the disk files that are made take their space at once */
	bool force; /* take disks that hold something */
};
/* Make disk files where there are none, format, mount, remember. What was made is removed again when it fails. */
void lifecycle_create(struct admin *admin, const struct lifecycle_new *new, lifecycle_done *done, void *arg);
/* A volume to be taken in. Borrowed during the call. */
struct lifecycle_found {
	json_t *disks; /* array of names */
	const char *name; /* what it is called from now on: known_name_is_good, and nobody's; NULL: as before, when that
	                   * name is good and free */
	bool anywhere; /* the disks need not lie below disk_paths */
	bool new_identity; /* it is a copy of another volume (fs_mount_options) */
};
/* Mount a volume from its disks and remember it. */
void lifecycle_import(struct admin *admin, const struct lifecycle_found *found, lifecycle_done *done, void *arg);
/* -EBUSY: something else is being done with it; -EALREADY. */
void lifecycle_online(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg);
void lifecycle_offline(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg);
/* Unmount for the end of the process: it stays remembered as online. */
void lifecycle_park(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg);
/* Put it back to a snapshot: made ready, unmounted, mounted again, without its LUNs and exports being withdrawn. It is
 * online and was before; when it fails it comes back as it was. */
void lifecycle_restore(struct admin *admin, struct known_volume *known, const char *snapshot, bool force,
                       lifecycle_done *done, void *arg);
/* Another disk in the place of a lost one. Borrowed during the call. */
struct lifecycle_replacement {
	unsigned group, position;
	const char *old_url; /* "": not known */
	const char *url;
	uint64_t size_bytes; /* of a file that is made */
	uint64_t needed_bytes; /* less does not do */
	bool preallocate; /* a file that is made takes its space at once */
	bool force; /* take a disk that holds something */
	bool rejoins; /* it is the lost disk itself */
};
/* A disk that is a hot spare (admin/spare.h) is one no more when it has the place, and one again when it fails to get
 * it. Make the disk ready, give it the place, remember it instead of the old one. Its rebuild has begun then. The
 * volume is online. */
void lifecycle_replace(struct admin *admin, struct known_volume *known, const struct lifecycle_replacement *replacement,
                       lifecycle_done *done, void *arg);
/* It is not one of the volume's disks, and no more remembered as one. 0 or the error of writing that down. */
MUST_CHECK int lifecycle_forget_disk(struct admin *admin, struct known_volume *known, const char *url);
/* Disks that join. Borrowed during the call. */
struct lifecycle_growth {
	json_t *names; /* of one disk; of a new group: of all its disks, the parity disks last */
	bool new_group;
	unsigned n_parity; /* of a new group */
	unsigned group; /* else: where the disk joins */
	bool converts; /* as the second parity disk; else as a data disk */
	uint64_t disk_size; /* of disk files that are made; 0: all must exist */
	bool preallocate; /* they take their space at once */
	bool force; /* take disks that hold something */
};
/* Make the disks ready, let them join, remember them. What was made is removed again when it fails. The volume is
 * online. */
void lifecycle_grow(struct admin *admin, struct known_volume *known, const struct lifecycle_growth *growth,
                    lifecycle_done *done, void *arg);
/* For good: see diskfile_give_up for what becomes of its disks. */
void lifecycle_destroy(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg);

#endif
