/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of volumes as files and devices of this machine: where they may lie, how they become a volume's, and what
 * becomes of them.
 *
 * THEORY. The daemon can write files that whoever asks it may not, so it takes no file because of its name alone. A
 * disk must lie below disk_paths, with every symbolic link followed; one that holds anything is refused unless it is
 * forced; what belongs to a volume this server knows is never taken. Files are removed only if vcd made them for the
 * volume (known_volume.made) and nothing else stands in their place; of all other disks a destroyed volume leaves
 * everything but the labels.
 * THREADS. The admin loop's; all of it blocks a little. */
#ifndef ADMIN_DISKFILE_H
#define ADMIN_DISKFILE_H

#include "admin/known.h"

/* Does the disk lie where disks may? -EPERM: no; others when that cannot be found out. `ret_text`: a sentence about
 * it. */
MUST_CHECK int diskfile_allowed(const struct admin *admin, const char *url, char ret_text[256]);
/* Disks that a volume is to be made of. */
struct diskfile_wanted {
	const char *const *urls;
	unsigned n;
	uint64_t size_bytes; /* of those that do not exist: they are made; 0: all must exist */
	bool preallocate; /* those that are made have their space set aside at once */
	bool force; /* those that hold something are wiped */
	const struct uuid *volume; /* whose disks may be taken again, by force; NULL: nobody's */
};
/* Make them ready: nothing is made or written before all have been looked at. The URLs of those that were made are
 * appended to `made`. -ENOENT: one is missing and no size is given; -EEXIST: one holds something; -EBUSY: it is in use,
 * or of a volume we know; ... */
MUST_CHECK int diskfile_prepare(struct admin *admin, const struct diskfile_wanted *wanted, json_t *made,
                                char ret_text[256]);
/* Remove what diskfile_prepare has made. */
void diskfile_unmake(json_t *made);
/* The end of a volume's disks: those vcd made are removed, the others wiped. All are tried; the first error, and a
 * sentence about the disks that had one. A disk that is not there, or not this volume's any more, is left alone and
 * logged. */
MUST_CHECK int diskfile_give_up(const struct known_volume *known, char ret_text[256]);

#endif
