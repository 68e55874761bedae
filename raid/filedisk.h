/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are files (or block devices): the part shared by the io_uring and the thread-pool engine.
 *
 * A URL "file:/path" is opened O_DIRECT, so what was written is on the device or in its cache, and claimed, so one
 * process has it. How I/O is carried out is an engine's: io_uring on the loop's own ring, or threads that make plain
 * system calls where the kernel has no io_uring or forbids it. To the caller (raid/disk.h) both are the same. */
#ifndef RAID_FILEDISK_H
#define RAID_FILEDISK_H

#include "raid/disk.h"

extern const struct disk_driver filedisk_driver;

/* Choose how the I/O of disks opened from now on is carried out. AUTO: io_uring on a loop that has a ring, else the
 * pool; VC_FILEDISK=pool in the environment says "pool" where AUTO may choose, and "buffered" in it leaves the host's
 * page cache on. For tests and benchmarks: before the first open, no lock. */
enum filedisk_engine_choice { FILEDISK_AUTO, FILEDISK_POOL, FILEDISK_URING };
void filedisk_force(enum filedisk_engine_choice choice);
/* "io_uring" or "pool", of a disk that filedisk_driver opened. A literal. */
const char *filedisk_engine_name(const struct disk *disk);

/* ---- internal to filedisk*.c ----------------------------------------------------------------------------------- */

/* An open disk. On the loop that opened it. */
struct filedisk {
	struct disk disk;
	const struct filedisk_engine *engine;
	void *engine_data; /* the engine's own */
	int fd; /* owned */
	bool is_device;
	bool fenced; /* nothing is submitted any more */
};

struct filedisk_engine {
	const char *name;
	/* Make what the engine needs for this disk, in engine_data. 0 or negative errno: another engine may be
	 * tried. */
	int (*attach)(struct filedisk *fdisk);
	/* Carry out one request; it completes on the disk's loop, never inline (raid/disk.h). */
	void (*submit)(struct filedisk *fdisk, struct disk_io *io);
	/* No request is under way any more: give back engine_data. */
	void (*detach)(struct filedisk *fdisk);
};
extern const struct filedisk_engine filedisk_uring_engine;
extern const struct filedisk_engine filedisk_pool_engine;

/* Open a file or a block device for `mode` (O_RDONLY, O_RDWR), claimed: while it is open nobody else can for writing,
 * through this function or a mount of the device. The descriptor, buffered, which the caller closes; -EBUSY: somebody
 * has it; -EINVAL: neither file nor device; -ENOENT, -EACCES, ... */
MUST_CHECK int filedisk_claim(const char *location, int mode, uint64_t *ret_size_bytes, bool *ret_is_device);

/* How to make a range read as zeros (fallocate's mode): a file that has all its space set aside keeps it, so that no
 * write to it ever waits for room; else the space goes back to the host. */
int filedisk_discard_mode(int fd);
/* Carry out what is left of a request (from `done_bytes` on) with plain system calls; 0 or -errno. Blocks. Any
 * thread. */
int filedisk_do(int fd, const struct disk_io *io, uint64_t done_bytes);

#endif
