/* SPDX-License-Identifier: Apache-2.0 */
/* A disk: a table of functions behind which a file, a device or (one day) a remote machine keeps blocks.
 *
 * THEORY. Everything raid/ does to a medium goes through this table, so the simulator's disks (tests/support) see,
 * delay, tear and lose exactly what the server would have done. All I/O is asynchronous: `submit` never calls `done`
 * before it has returned. Writes are volatile until a flush that was submitted after their completion has completed; a
 * failed flush is never retried: the disk has failed. I/Os in flight at the same time may reach the medium in any
 * order.
 * THREADS. The home thread of the world given at open. */
#ifndef RAID_DISK_H
#define RAID_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_WRITE_DURABLE, /* on the medium when done; a failure counts as a failed flush */
	DISK_FLUSH,
	DISK_DISCARD, /* reads as zeros afterwards, and needs no room; -EOPNOTSUPP (or another) when that cannot be
	               * promised */
	DISK_CHECK, /* is the medium still there? -ENODEV: unlinked, cut short, gone */
};

/* One request. Intrusive: the submitter's memory, untouched by it until `done`. Offsets and lengths are multiples of
 * 4096; memory is 4096-aligned (O_DIRECT). iov entries at most DISK_IOV_MAX. */
#define DISK_IOV_MAX 1024U
struct disk_io {
	enum disk_op op;
	unsigned n_iov;
	const struct iovec *iov; /* READ, WRITE, WRITE_DURABLE */
	uint64_t offset_bytes; /* all but FLUSH and CHECK */
	uint64_t len_bytes;
	/* 0, -EIO, -ENOSPC (the host is full), -ENODEV (fenced, gone), ... */
	void (*done)(struct disk_io *io, int err);
	TAILQ_ENTRY(disk_io) link; /* the driver's, while submitted */
	struct task task; /* the driver's, while submitted */
	struct timer timer; /* the driver's, while submitted */
	struct disk *disk; /* the driver's, while submitted */
	void *driver_data; /* the driver's, while submitted */
	int driver_err; /* the driver's, while submitted */
};

struct disk {
	const struct disk_driver *driver;
	struct world *world;
	uint64_t size_bytes;
};

struct disk_driver {
	const char *scheme; /* "file" */
	/* Make a disk of `size_bytes`, reading as zeros; -EEXIST when there is one. May block: administration only. */
	int (*create)(const char *location, uint64_t size_bytes);
	/* Take all its space from the host now, and keep it. -ENOSPC: the host has not as much; -EOPNOTSUPP: it cannot.
	 * NULL: there is nothing to take. May block: administration only. */
	int (*preallocate)(const char *location);
	/* Are these two names of one medium (a link)? NULL: names that differ are different media. */
	bool (*same)(const char *location, const char *other);
	/* Remove it for good. -EINVAL: a device, it has no end. */
	int (*destroy)(const char *location);
	/* Open for reading and writing; fails with -EBUSY when somebody else has it open (fcntl lock; a device:
	 * mounted, ...). */
	int (*open)(struct world *world, const char *location, struct disk **ret_disk);
	void (*submit)(struct disk *disk, struct disk_io *io);
	/* Nothing submitted before reaches the medium after this returns (a new owner is about to take over). */
	void (*fence)(struct disk *disk);
	/* No I/O may be in flight. */
	void (*close)(struct disk *disk);
};

/* Find the driver by the scheme of a URL ("file:/path"; "/path" means file:). *ret_location points into `url`. -EINVAL:
 * no driver has this scheme. */
MUST_CHECK int disk_driver_find(const char *url, const struct disk_driver **ret_driver, const char **ret_location);
MUST_CHECK int disk_create(const char *url, uint64_t size_bytes);
MUST_CHECK int disk_preallocate(const char *url);
MUST_CHECK int disk_destroy(const char *url);
MUST_CHECK int disk_open(struct world *world, const char *url, struct disk **ret_disk);
/* Do both name one medium? */
bool disk_same(const char *url, const char *other);
static inline void disk_submit(struct disk *disk, struct disk_io *io)
{
	disk->driver->submit(disk, io);
}
void disk_close(struct disk *disk);

/* Add a driver to the table, before anything is opened; it is asked before those that are there. The product has one,
 * "file"; tests add theirs (tests/support/memdisk.h). */
void disk_driver_register(const struct disk_driver *driver);

#endif
