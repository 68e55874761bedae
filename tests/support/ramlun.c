/* SPDX-License-Identifier: Apache-2.0 */
/* Memory vdisks behind the door of the file system. One lock, any thread; completion on the origin's world, never
 * inline. */
#include "tests/support/ramlun.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"

struct ramlun {
	bool used;
	uint64_t size_bytes;
	struct page **pages; /* NULL: a hole */
	bool write_cache;
};

struct fs_volume {
	struct uuid uuid;
	uint64_t verifier;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fs_volume volume = { .verifier = 1 };
static struct ramlun luns[RAMLUN_MAX];
static char serials[RAMLUN_MAX][21];
static enum fs_op fail_op;
static int fail_err;
static bool held;
static struct fs_message_list held_list = TAILQ_HEAD_INITIALIZER(held_list);
struct ramlun_seen ramlun_seen;

struct fs_volume *ramlun_volume(void)
{
	return &volume;
}

struct lunmap_entry ramlun_add(uint32_t lun, uint64_t size_bytes)
{
	struct lunmap_entry entry = { .igroup = "all",
		                      .initiator = "*",
		                      .lun = lun,
		                      .file = { 0, 100 + lun, 1 },
		                      .serial = serials[lun],
		                      .size_bytes = size_bytes,
		                      .write_cache = true,
		                      .online = true };

	vc_assert(lun < RAMLUN_MAX && !luns[lun].used);
	luns[lun] = (struct ramlun){ true, size_bytes, calloc(DIV_UP(size_bytes, PAGE_SIZE), sizeof(struct page *)),
		                     true };
	vc_assert(luns[lun].pages != NULL);
	snprintf(serials[lun], sizeof serials[lun], "RAM%017u", lun);
	memset(entry.uuid.b, 0x5A, sizeof entry.uuid.b);
	entry.uuid.b[15] = (uint8_t)lun;
	return entry;
}

void ramlun_clear(void)
{
	for (unsigned i = 0; i < RAMLUN_MAX; i++) {
		if (!luns[i].used)
			continue;
		page_put_many(luns[i].pages, DIV_UP(luns[i].size_bytes, PAGE_SIZE));
		free(luns[i].pages);
		luns[i] = (struct ramlun){ 0 };
	}
	memset(&ramlun_seen, 0, sizeof ramlun_seen);
}

void ramlun_fail_next(enum fs_op op, int err)
{
	pthread_mutex_lock(&lock);
	fail_op = op;
	fail_err = err;
	pthread_mutex_unlock(&lock);
}

void ramlun_lose(void)
{
	pthread_mutex_lock(&lock);
	volume.verifier++;
	pthread_mutex_unlock(&lock);
}

void ramlun_peek(uint32_t lun, uint64_t offset, void *ret_bytes, size_t len_bytes)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < len_bytes; i++) {
		const struct page *page = luns[lun].pages[(offset + i) / PAGE_SIZE];

		((uint8_t *)ret_bytes)[i] = page == NULL ? 0 : page->data[(offset + i) % PAGE_SIZE];
	}
	pthread_mutex_unlock(&lock);
}

/* ---- operations, under the lock ---- */

static int lun_read(struct ramlun *lun, struct fs_message *msg)
{
	const struct fs_io *io = &msg->in.io;
	unsigned n = DIV_UP((uint32_t)(io->offset_bytes % PAGE_SIZE) + io->len_bytes, PAGE_SIZE);

	if (io->offset_bytes + io->len_bytes > lun->size_bytes || io->len_bytes > FS_IO_MAX || n > io->n_pages_max)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		struct page *page = lun->pages[io->offset_bytes / PAGE_SIZE + i];

		io->pages[i] = page_get(page == NULL ? page_zero() : page);
	}
	msg->out.io = *io;
	msg->out.io.n_pages = n;
	ramlun_seen.reads++;
	return 0;
}

/* Bytes [at, at + len) of block `block` become those of `from` (NULL: zeros). */
static int block_merge(struct ramlun *lun, uint64_t block, const struct page *from, uint32_t at, uint32_t len)
{
	struct page *old = lun->pages[block], *page = page_alloc();

	if (page == NULL)
		return -ENOMEM;
	if (old != NULL)
		memcpy(page->data, old->data, PAGE_SIZE);
	else
		memset(page->data, 0, PAGE_SIZE);
	if (from != NULL)
		memcpy(page->data + at, from->data + at, len);
	else
		memset(page->data + at, 0, len);
	page_put(old);
	lun->pages[block] = page;
	return 0;
}

static int lun_change(struct ramlun *lun, uint64_t offset, uint64_t len, struct page *const *pages)
{
	uint64_t first = offset / PAGE_SIZE;

	while (len > 0) {
		uint64_t block = offset / PAGE_SIZE;
		uint32_t at = (uint32_t)(offset % PAGE_SIZE), part = (uint32_t)MIN_OF((uint64_t)(PAGE_SIZE - at), len);
		struct page *from = pages == NULL ? NULL : pages[block - first];
		int err = 0;

		if (part == PAGE_SIZE) {
			page_put(lun->pages[block]);
			lun->pages[block] = from == NULL ? NULL : page_get(from);
		} else {
			err = block_merge(lun, block, from, at, part);
		}
		if (err != 0)
			return err;
		offset += part;
		len -= part;
	}
	return 0;
}

static int lun_write(struct ramlun *lun, struct fs_message *msg)
{
	const struct fs_io *io = &msg->in.io;

	if (io->offset_bytes + io->len_bytes > lun->size_bytes || io->len_bytes > FS_IO_MAX ||
	    io->n_pages != DIV_UP((uint32_t)(io->offset_bytes % PAGE_SIZE) + io->len_bytes, PAGE_SIZE))
		return -EINVAL;
	msg->out.io.len_bytes = io->len_bytes;
	msg->out.stable = msg->in.stable;
	msg->out.verifier = volume.verifier;
	ramlun_seen.writes++;
	ramlun_seen.durable_writes += msg->in.stable != FS_UNSTABLE;
	ramlun_seen.longest_io = MAX_OF(ramlun_seen.longest_io, io->len_bytes);
	return lun_change(lun, io->offset_bytes, io->len_bytes, io->pages);
}

static int lun_extents(const struct ramlun *lun, struct fs_message *msg)
{
	uint64_t offset = msg->in.extents.offset_bytes,
	         end = MIN_OF(offset + msg->in.extents.len_bytes, lun->size_bytes), next;
	struct fs_extent *last = NULL;

	for (; offset < end; offset = next) {
		bool is_hole = lun->pages[offset / PAGE_SIZE] == NULL;

		next = MIN_OF((offset / PAGE_SIZE + 1) * PAGE_SIZE, end);
		if (last == NULL || last->is_hole != is_hole) {
			if (msg->out.n == msg->in.extents.n_max)
				break;
			last = &msg->in.extents.found[msg->out.n++];
			*last = (struct fs_extent){ .offset_bytes = offset, .is_hole = is_hole };
		}
		last->len_bytes = next - last->offset_bytes;
	}
	return 0;
}

static int lun_run(struct ramlun *lun, struct fs_message *msg)
{
	switch (msg->op) {
	case FS_READ: return lun_read(lun, msg);
	case FS_WRITE: return lun_write(lun, msg);
	case FS_ZERO:
		ramlun_seen.zeros++;
		if (msg->in.zero.offset_bytes + msg->in.zero.len_bytes > lun->size_bytes)
			return -EINVAL;
		return lun_change(lun, msg->in.zero.offset_bytes, msg->in.zero.len_bytes, NULL);
	case FS_EXTENTS: return lun_extents(lun, msg);
	case FS_COMMIT:
		ramlun_seen.commits++;
		msg->out.verifier = volume.verifier;
		return 0;
	case FS_GETATTR:
		msg->out.attr.type = FS_TYPE_VDISK;
		msg->out.attr.size_bytes = lun->size_bytes;
		return 0;
	case FS_VDISK_SET:
		ramlun_seen.sets++;
		lun->write_cache = msg->in.vdisk.write_cache;
		return 0;
	case FS_VDISK_GET: return 0;
	default: return -ENOTSUP;
	}
}

static void message_done(struct task *task)
{
	struct fs_message *msg = container_of(task, struct fs_message, task);

	msg->done(msg);
}

static void message_run(struct fs_message *msg)
{
	uint32_t i = msg->file.inode - 100;

	if (fail_err != 0 && (fail_op == FS_OP_COUNT || fail_op == msg->op)) {
		msg->status = fail_err;
		fail_err = 0;
	} else {
		msg->status = i < RAMLUN_MAX && luns[i].used ? lun_run(&luns[i], msg) : -ESTALE;
	}
	msg->task.run = message_done;
	if (world_is_home(msg->origin))
		world_defer(msg->origin, &msg->task);
	else
		world_post(msg->origin, &msg->task);
}

void ramlun_hold(bool hold)
{
	struct fs_message *msg;

	pthread_mutex_lock(&lock);
	held = hold;
	while (!held && (msg = TAILQ_FIRST(&held_list)) != NULL) {
		TAILQ_REMOVE(&held_list, msg, link);
		message_run(msg);
	}
	pthread_mutex_unlock(&lock);
}

unsigned ramlun_held(void)
{
	const struct fs_message *msg;
	unsigned n = 0;

	pthread_mutex_lock(&lock);
	TAILQ_FOREACH(msg, &held_list, link)
		n++;
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- the door ---- */

void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *vol, void (*done)(struct fs_message *msg),
                     void *owner)
{
	memset(msg, 0, sizeof *msg);
	msg->op = op;
	msg->volume = vol;
	msg->done = done;
	msg->owner = owner;
}

void fs_message_send(struct fs_message *msg)
{
	pthread_mutex_lock(&lock);
	if (held)
		TAILQ_INSERT_TAIL(&held_list, msg, link);
	else
		message_run(msg);
	pthread_mutex_unlock(&lock);
}

void fs_message_fini(struct fs_message *msg)
{
	(void)msg;
}
struct fs_volume *fs_volume_get(struct fs_volume *vol)
{
	return vol;
}
void fs_volume_put(struct fs_volume *vol)
{
	(void)vol;
}
const char *fs_volume_name(const struct fs_volume *vol)
{
	(void)vol;
	return "ram";
}
const struct uuid *fs_volume_uuid(const struct fs_volume *vol)
{
	return &vol->uuid;
}
uint64_t fs_volume_write_verifier(const struct fs_volume *vol)
{
	return vol->verifier;
}

static struct fs_space_notice space_notice = { .available_bytes = 3ULL << 30, .soft_bytes = 1ULL << 30 };

void ramlun_space_warn(void)
{
	space_notice.n_warnings++;
}

void fs_volume_space(const struct fs_volume *vol, struct fs_space_notice *ret_notice)
{
	(void)vol;
	*ret_notice = space_notice;
}
