/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk is in use for, before it becomes part of a volume, and after it was.
 *
 * THEORY. A disk that holds something must not be taken for an empty one because somebody mistyped a name. What is on
 * it is asked of the label's code, of libblkid (file systems, partition tables, LVM, RAID, LUKS, swap), and of the
 * bytes at its beginning, at its end and here and there between: a disk that shows nothing but zeros there is blank.
 * Example: `vcadm volume create` with the URL of a partition that holds ext4 is refused with `text`; with --force the
 * disk is wiped first.
 * THREADS. All of it blocks for as long as the disk takes: administration's threads only, never a loop. */
#ifndef RAID_DISK_USE_H
#define RAID_DISK_USE_H

#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"

enum disk_use_kind {
	DISK_USE_NONE, /* nothing but zeros, as far as was looked */
	DISK_USE_LABEL, /* a disk of a volume: `volume` */
	DISK_USE_SPARE, /* a hot spare: `spare`, and whose: `volume`, or zeros */
	DISK_USE_KNOWN, /* libblkid knows it */
	DISK_USE_DATA, /* something else than zeros */
};
struct disk_use {
	enum disk_use_kind kind;
	uint64_t size_bytes; /* 0: not known */
	struct uuid volume;
	struct uuid spare;
	char text[160]; /* "an ext4 file system labelled \"data\"": printable ASCII, whatever stands on the disk */
};

/* What is on the disk? Nothing is written, and the disk is closed again. Only disks of "file:" are looked at, others
 * count as blank. -ENOENT: there is none; -EBUSY: a
 * vcd has it open, or it is a device in use (mounted, part of LVM or md); -EINVAL: neither a file nor a block device;
 * -EIO, -EACCES, ... */
MUST_CHECK int disk_use_look(const char *url, struct disk_use *ret_use);
/* The same of its front only, where labels stand: NONE: zeros there; DATA: something else that is not ours. */
MUST_CHECK int disk_use_glance(const char *url, struct disk_use *ret_use);
/* Make it a hot spare of this identity, for `volume` (NULL: for any): zeros over all that makes a disk a volume's, then
 * the label, durably. Errors as above. */
MUST_CHECK int disk_use_mark_spare(const char *url, const struct uuid *spare, const struct uuid *volume);
/* Make it nobody's: zeros over both labels, the fsinfo ring and the intents, durably. `volume` not NULL: only if it is
 * a disk of that volume, else -ENOKEY and nothing is written. Other errors as above; then a part may have been
 * written. */
MUST_CHECK int disk_use_wipe(const char *url, const struct uuid *volume);

#endif
