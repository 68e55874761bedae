/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are files or block devices: making, opening, locking; the I/O itself is an engine's (io_uring or the
 * pool).
 *
 * THEORY. A new file is sparse and reads as zeros. It is opened with O_DIRECT where the host's file system allows that,
 * else buffered. An open-file-description lock keeps everybody else out, and of a device O_EXCL does. DISK_CHECK
 * notices a file that was unlinked or cut short: the bytes may still be readable through the descriptor, but nobody
 * would find them again.
 * WRITE PATH, READ PATH previous hop raid/disk.h (submit); next hops filedisk_uring.c, filedisk_pool.c, and the
 * kernel. */
#include "raid/filedisk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"

static enum filedisk_engine_choice choice;

void filedisk_force(enum filedisk_engine_choice c)
{
	choice = c;
}

const char *filedisk_engine_name(const struct disk *disk)
{
	return container_of((struct disk *)(uintptr_t)disk, struct filedisk, disk)->engine->name;
}

/* ---- making and removing ----------------------------------------------------------------------------------------- */

/* The directory entry must survive a crash as well. */
static int sync_parent(const char *location)
{
	char dir[4096];
	char *slash;
	int fd, err = 0;

	if ((size_t)snprintf(dir, sizeof dir, "%s", location) >= sizeof dir)
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (slash == NULL)
		(void)snprintf(dir, sizeof dir, ".");
	else
		slash[slash == dir ? 1 : 0] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		err = -errno;
	close(fd);
	return err;
}

static int filedisk_create(const char *location, uint64_t size_bytes)
{
	int fd, err = 0;

	if (size_bytes == 0 || size_bytes % 4096 != 0 || size_bytes > INT64_MAX)
		return -EINVAL;
	fd = open(location, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size_bytes) != 0 || fsync(fd) != 0)
		err = -errno;
	close(fd);
	if (err == 0)
		err = sync_parent(location);
	if (err != 0)
		(void)unlink(location);
	return err;
}

static int filedisk_preallocate(const char *location)
{
	int fd = open(location, O_RDWR | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || fallocate(fd, 0, 0, st.st_size) != 0 || fsync(fd) != 0)
		err = -errno;
	close(fd);
	return err;
}

/* A device's node is not ours to remove, and what is on it would stay. */
static int filedisk_destroy(const char *location)
{
	struct stat st;

	if (lstat(location, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return unlink(location) == 0 ? sync_parent(location) : -errno;
}

static bool filedisk_same(const char *location, const char *other)
{
	struct stat a, b;

	if (stat(location, &a) != 0 || stat(other, &b) != 0)
		return false;
	if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
		return a.st_rdev == b.st_rdev;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int filedisk_lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Opening may pass where the first read would not: some file systems refuse O_DIRECT only then. */
static bool direct_works(int fd)
{
	void *block;
	ssize_t n;

	if (posix_memalign(&block, 4096, 4096) != 0)
		return false;
	n = pread(fd, block, 4096, 0);
	free(block);
	return n >= 0;
}

/* Of a device O_EXCL asks the kernel for it alone: not mounted, no part of LVM or md, no other vcd's. Anything but a
 * file or a device is not even opened: that alone can have effects. */
static int filedisk_flags(const char *location)
{
	struct stat st;

	if (stat(location, &st) != 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return -EINVAL;
	return O_CLOEXEC | (S_ISBLK(st.st_mode) ? O_EXCL : 0);
}

static int filedisk_open_fd(const char *location, int flags, bool direct)
{
	int fd = -1;

	if (direct)
		fd = open(location, flags | O_DIRECT);
	if (fd >= 0 && !direct_works(fd)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		fd = open(location, flags);
	return fd < 0 ? -errno : fd;
}

static int filedisk_size(int fd, uint64_t *ret_size_bytes, bool *ret_is_device)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	*ret_is_device = S_ISBLK(st.st_mode);
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, ret_size_bytes) == 0 ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int filedisk_claim_as(const char *location, int mode, bool direct, uint64_t *ret_size_bytes, bool *ret_is_device)
{
	int flags = filedisk_flags(location);
	int fd = flags < 0 ? flags : filedisk_open_fd(location, flags | mode, direct);
	int err;

	if (fd < 0)
		return fd;
	err = filedisk_lock(fd, mode == O_RDONLY ? F_RDLCK : F_WRLCK);
	if (err == 0)
		err = filedisk_size(fd, ret_size_bytes, ret_is_device);
	if (err != 0)
		close(fd);
	return err != 0 ? err : fd;
}

int filedisk_claim(const char *location, int mode, uint64_t *ret_size_bytes, bool *ret_is_device)
{
	return filedisk_claim_as(location, mode, false, ret_size_bytes, ret_is_device);
}

static bool pool_wanted(void)
{
	const char *env = getenv("VC_FILEDISK");

	return choice == FILEDISK_POOL || (choice == FILEDISK_AUTO && env != NULL && strstr(env, "pool") != NULL);
}

static int filedisk_attach(struct filedisk *f)
{
	struct loop *loop = loop_current();
	int err = -ENOSYS;

	if (!pool_wanted() && loop != NULL && loop_world(loop) == f->disk.world) {
		f->engine = &filedisk_uring_engine;
		err = f->engine->attach(f);
	}
	if (err != 0 && choice != FILEDISK_URING) {
		f->engine = &filedisk_pool_engine;
		err = f->engine->attach(f);
	}
	return err;
}

static int filedisk_open(struct world *world, const char *location, struct disk **ret_disk)
{
	struct filedisk *f = calloc(1, sizeof *f);
	const char *env = getenv("VC_FILEDISK");
	int err = 0;

	if (f == NULL)
		return -ENOMEM;
	f->disk = (struct disk){ .driver = &filedisk_driver, .world = world };
	f->fd = filedisk_claim_as(location, O_RDWR, env == NULL || strstr(env, "buffered") == NULL, &f->disk.size_bytes,
	                          &f->is_device);
	if (f->fd < 0) {
		err = f->fd;
		free(f);
		return err;
	}
	err = filedisk_attach(f);
	if (err != 0) {
		close(f->fd);
		free(f);
		return err;
	}
	f->disk.size_bytes -= f->disk.size_bytes % 4096;
	*ret_disk = &f->disk;
	return 0;
}

static void filedisk_close(struct disk *disk)
{
	struct filedisk *f = container_of(disk, struct filedisk, disk);

	f->engine->detach(f);
	close(f->fd);
	free(f);
}

static void filedisk_fence(struct disk *disk)
{
	container_of(disk, struct filedisk, disk)->fenced = true;
}

/* ---- I/O --------------------------------------------------------------------------------------------------------- */

static int filedisk_check(const struct filedisk *f)
{
	uint64_t size = 0;
	bool is_device;
	struct stat st;
	int err = filedisk_size(f->fd, &size, &is_device);

	if (err != 0 || size < f->disk.size_bytes)
		return -ENODEV;
	if (!is_device && (fstat(f->fd, &st) != 0 || st.st_nlink == 0))
		return -ENODEV;
	return 0;
}

static void answer_run(struct task *task)
{
	struct disk_io *io = container_of(task, struct disk_io, task);

	io->done(io, io->driver_err);
}

static void filedisk_submit(struct disk *disk, struct disk_io *io)
{
	struct filedisk *f = container_of(disk, struct filedisk, disk);

	io->disk = disk;
	io->driver_err = 0;
	if (f->fenced)
		io->driver_err = -ENODEV;
	else if (io->op == DISK_CHECK || io->op == DISK_FLUSH)
		io->driver_err = filedisk_check(f);
	if (io->driver_err != 0 || io->op == DISK_CHECK) {
		io->task = (struct task){ .run = answer_run };
		world_defer(disk->world, &io->task);
		return;
	}
	f->engine->submit(f, io);
}

/* The vector without its first `skip` bytes, in `tail`; returns how many entries. */
static unsigned iov_tail(const struct disk_io *io, uint64_t skip, struct iovec tail[DISK_IOV_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < io->n_iov; i++) {
		if (skip >= io->iov[i].iov_len) {
			skip -= io->iov[i].iov_len;
			continue;
		}
		tail[n++] = (struct iovec){ (uint8_t *)io->iov[i].iov_base + skip, io->iov[i].iov_len - skip };
		skip = 0;
	}
	return n;
}

static int transfer(int fd, const struct disk_io *io, uint64_t done_bytes)
{
	struct iovec tail[DISK_IOV_MAX];
	int flags = io->op == DISK_WRITE_DURABLE ? RWF_DSYNC : 0;

	while (done_bytes < io->len_bytes) {
		int n_iov = (int)iov_tail(io, done_bytes, tail);
		off_t at = (off_t)(io->offset_bytes + done_bytes);
		ssize_t n = io->op == DISK_READ ? preadv(fd, tail, n_iov, at) : pwritev2(fd, tail, n_iov, at, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return io->op == DISK_READ ? -EIO : -ENOSPC; /* the file was cut short; the host is full */
		done_bytes += (uint64_t)n;
	}
	return 0;
}

int filedisk_discard_mode(int fd)
{
	struct stat st;
	bool set_aside = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	                 (uint64_t)st.st_blocks * 512U >= (uint64_t)st.st_size;

	return (set_aside ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) | FALLOC_FL_KEEP_SIZE;
}

int filedisk_do(int fd, const struct disk_io *io, uint64_t done_bytes)
{
	switch (io->op) {
	case DISK_READ:
	case DISK_WRITE:
	case DISK_WRITE_DURABLE: return transfer(fd, io, done_bytes);
	case DISK_FLUSH: return fdatasync(fd) == 0 ? 0 : -errno;
	case DISK_DISCARD:
		return fallocate(fd, filedisk_discard_mode(fd), (off_t)io->offset_bytes, (off_t)io->len_bytes) == 0
		           ? 0
		           : -errno;
	case DISK_CHECK: return 0;
	}
	return -EINVAL;
}

const struct disk_driver filedisk_driver = {
	.scheme = "file",
	.create = filedisk_create,
	.preallocate = filedisk_preallocate,
	.same = filedisk_same,
	.destroy = filedisk_destroy,
	.open = filedisk_open,
	.submit = filedisk_submit,
	.fence = filedisk_fence,
	.close = filedisk_close,
};
