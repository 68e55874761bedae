/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are files (or block devices): the part shared by the io_uring and the thread-pool engine. */
#ifndef RAID_FILEDISK_H
#define RAID_FILEDISK_H

#include "raid/disk.h"

extern const struct disk_driver filedisk_driver;

/* How I/O is carried out. AUTO: io_uring on a loop that allows it, else the pool. Also from the environment:
 * VC_FILEDISK=pool|uring, with ",buffered" to leave the host's page cache on. Before the first open. */
enum filedisk_engine_choice { FILEDISK_AUTO, FILEDISK_POOL, FILEDISK_URING };
void filedisk_force(enum filedisk_engine_choice choice);
/* "io_uring" or "pool". */
const char *filedisk_engine_name(const struct disk *disk);

/* ---- internal to filedisk*.c ----------------------------------------------------------------------------------- */

struct filedisk {
	struct disk disk;
	const struct filedisk_engine *engine;
	void *engine_data;
	int fd;
	bool is_device;
	bool fenced;
};

struct filedisk_engine {
	const char *name;
	int (*attach)(struct filedisk *fdisk); /* sets engine_data */
	void (*submit)(struct filedisk *fdisk, struct disk_io *io);
	void (*detach)(struct filedisk *fdisk);
};
extern const struct filedisk_engine filedisk_uring_engine;
extern const struct filedisk_engine filedisk_pool_engine;

/* Open a file or a block device for `mode` (O_RDONLY, O_RDWR), claimed: while it is open nobody else can for writing,
 * through this function or a mount of the device. The descriptor, buffered; -EBUSY: somebody has it; -EINVAL: neither
 * file nor device; -ENOENT, -EACCES, ... */
MUST_CHECK int filedisk_claim(const char *location, int mode, uint64_t *ret_size_bytes, bool *ret_is_device);

/* Carry out what is left of a request (from `done_bytes` on) with plain system calls; 0 or -errno. Blocks. Any
 * thread. */
int filedisk_do(int fd, const struct disk_io *io, uint64_t done_bytes);

#endif
