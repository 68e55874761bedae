/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for cache, inode table and log under the namespace code. */
#include "tests/support/ramfile.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/cp/calls.h"
#include "fs/file/cache_private.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/ancestry.h"
#include "fs/names/namespace_apply.h"
#include "fs/names/pathwalk.h"

struct ram_block {
	uint32_t fbn;
	uint8_t *bytes; /* NULL: a hole that was looked at */
	uint64_t needed_step, edited_step, missed_step, asked_run;
	struct ram_block *next;
};
struct ram_inode {
	struct inode inode;
	uint64_t asked_run, missed_step;
	struct ram_block **blocks;
	size_t n_blocks, n_buckets;
	struct ram_inode *next;
};

#define INODE_BUCKETS 65536U
static struct ram *current;
static struct ram_inode **table_of(const struct ram *ram)
{
	return (struct ram_inode **)(void *)ram->vol.inodes;
}
static uint64_t run_number, step_number;
static unsigned page_arena_users;
static uint8_t zeros[PAGE_SIZE];

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "ramfile: %s\n", what);
	abort();
}

uint32_t ram_random(struct ram *ram, uint32_t below)
{
	ram->seed = ram->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((ram->seed >> 33) % below);
}

static bool miss(struct ram *ram)
{
	return ram->miss_percent != 0 && ram_random(ram, 100) < ram->miss_percent;
}

static int again(struct ram *ram)
{
	check(!ram->modified, "RUN1: -EAGAIN after something was modified");
	ram->missed = true;
	return -EAGAIN;
}

/* ---- blocks ---- */

static struct ram_inode *ram_of(struct inode *inode)
{
	return container_of(inode, struct ram_inode, inode);
}

static void blocks_grow(struct ram_inode *ri)
{
	size_t n = ri->n_buckets == 0 ? 16 : ri->n_buckets * 4;
	struct ram_block **blocks = calloc(n, sizeof(struct ram_block *));
	for (size_t i = 0; i < ri->n_buckets; i++) {
		for (struct ram_block *b = ri->blocks[i], *next; b != NULL; b = next) {
			size_t at = (b->fbn ^ b->fbn >> 20) % n;
			next = b->next;
			b->next = blocks[at];
			blocks[at] = b;
		}
	}
	free(ri->blocks);
	ri->blocks = blocks;
	ri->n_buckets = n;
}

static struct ram_block *block_get(struct inode *inode, uint32_t fbn, bool make)
{
	struct ram_inode *ri = ram_of(inode);
	struct ram_block *b = ri->n_buckets == 0 ? NULL : ri->blocks[(fbn ^ fbn >> 20) % ri->n_buckets];
	while (b != NULL && b->fbn != fbn)
		b = b->next;
	if (b != NULL || !make)
		return b;
	if (ri->n_blocks >= ri->n_buckets)
		blocks_grow(ri);
	b = calloc(1, sizeof *b);
	b->fbn = fbn;
	size_t at = (fbn ^ fbn >> 20) % ri->n_buckets;
	b->next = ri->blocks[at];
	ri->blocks[at] = b;
	ri->n_blocks++;
	return b;
}

uint8_t *ram_block(struct inode *inode, uint32_t fbn)
{
	struct ram_block *b = block_get(inode, fbn, false);
	return b == NULL ? NULL : b->bytes;
}

static void block_move(struct ram_block *b)
{
	uint8_t *bytes = malloc(PAGE_SIZE);
	memcpy(bytes, b->bytes != NULL ? b->bytes : zeros, PAGE_SIZE);
	free(b->bytes);
	b->bytes = bytes;
}

int file_need(struct fs_run *run, struct inode *inode, uint32_t fbn, const uint8_t **ret_bytes)
{
	struct ram *ram = current;
	struct ram_block *b = block_get(inode, fbn, true);
	(void)run;
	if (b->asked_run != run_number) { /* first touch by this run */
		b->asked_run = run_number;
		ram->n_blocks_needed++;
		if (miss(ram)) {
			b->missed_step = ram->step;
			if (b->bytes != NULL)
				block_move(b);
		}
	}
	if (b->missed_step == ram->step)
		return again(ram);
	b->needed_step = ram->step;
	*ret_bytes = b->bytes != NULL ? b->bytes : zeros;
	return 0;
}

uint8_t *file_edit(struct inode *inode, uint32_t fbn)
{
	struct ram *ram = current;
	struct ram_block *b = block_get(inode, fbn, false);
	check(inode->snapshot == 0, "a snapshot is edited");
	check(b != NULL && b->needed_step == ram->step, "a block is edited that was not needed in this step");
	ram->modified = true;
	if (b->edited_step != ram->step) {
		check(ram->reserved > 0, "more pages than were reserved");
		ram->reserved--;
		ram->n_blocks_edited++;
		b->edited_step = ram->step;
		block_move(b);
	}
	return b->bytes;
}

struct page *cache_page_take(struct fs_volume *vol)
{
	(void)vol;
	check(current->reserved > 0, "more pages than were reserved");
	current->reserved--;
	return page_alloc();
}

void file_put_page(struct inode *inode, uint32_t fbn, struct page *page)
{
	struct ram_block *b = block_get(inode, fbn, true);
	current->modified = true;
	free(b->bytes);
	b->bytes = NULL;
	block_move(b);
	memcpy(b->bytes, page->data, PAGE_SIZE);
	b->needed_step = b->edited_step = current->step;
	page_put(page);
}

void file_punch(struct inode *inode, uint32_t first, uint32_t end)
{
	struct ram_inode *ri = ram_of(inode);
	current->modified = true;
	for (size_t i = 0; i < ri->n_buckets; i++) {
		for (struct ram_block *b = ri->blocks[i]; b != NULL; b = b->next) {
			if (b->fbn >= first && b->fbn < end) {
				free(b->bytes);
				b->bytes = NULL;
			}
		}
	}
}

int file_truncate_need(struct fs_run *run, struct inode *inode, uint64_t size_bytes)
{
	const uint8_t *bytes;
	if (size_bytes >= inode->attr.size_bytes || size_bytes % PAGE_SIZE == 0)
		return 0;
	return file_need(run, inode, (uint32_t)(size_bytes / PAGE_SIZE), &bytes);
}

void file_truncate(struct inode *inode, uint64_t size_bytes)
{
	if (size_bytes < inode->attr.size_bytes) {
		if (size_bytes % PAGE_SIZE != 0)
			memset(file_edit(inode, (uint32_t)(size_bytes / PAGE_SIZE)) + size_bytes % PAGE_SIZE, 0,
			       PAGE_SIZE - size_bytes % PAGE_SIZE);
		file_punch(inode, blocks_of_size(size_bytes), FBN_MAX);
	}
	inode_modify(inode)->size_bytes = size_bytes;
}

/* ---- inodes ---- */

static struct ram_inode **bucket_of(struct ram *ram, uint32_t snapshot, uint32_t ino)
{
	return &table_of(ram)[(ino ^ snapshot * 40503U) % INODE_BUCKETS];
}

struct inode *ram_inode(struct ram *ram, uint32_t snapshot, uint32_t ino)
{
	struct ram_inode *ri = *bucket_of(ram, snapshot, ino);
	while (ri != NULL && (ri->inode.ino != ino || ri->inode.snapshot != snapshot))
		ri = ri->next;
	return ri == NULL ? NULL : &ri->inode;
}

int inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode)
{
	struct inode *inode = ram_inode(current, snapshot, ino);
	(void)run;
	if (inode == NULL || inode->removed)
		return -ESTALE;
	struct ram_inode *ri = ram_of(inode);
	if (ri->asked_run != run_number) {
		ri->asked_run = run_number;
		if (miss(current))
			ri->missed_step = current->step;
	}
	if (ri->missed_step == current->step)
		return again(current);
	*ret_inode = inode;
	return 0;
}

int inode_get_id(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_inode)
{
	int err = inode_get(run, id->snapshot, id->inode, ret_inode);
	return err == 0 && (*ret_inode)->attr.generation != id->generation ? -ESTALE : err;
}

struct inode_attr *inode_modify(struct inode *inode)
{
	check(inode->snapshot == 0, "an inode of a snapshot is modified");
	current->modified = true;
	return &inode->attr;
}

int inode_find_free(struct fs_run *run, uint32_t *ret_ino)
{
	(void)run;
	*ret_ino = UINT32_MAX;
	if (miss(current))
		return again(current);
	*ret_ino = current->free_hint;
	return 0;
}

int inode_need_map(struct fs_run *run, uint32_t ino)
{
	(void)run;
	(void)ino;
	return miss(current) ? again(current) : 0;
}

static struct inode *inode_add(struct ram *ram, uint32_t snapshot, uint32_t ino, const struct inode_attr *attr)
{
	struct ram_inode *ri = calloc(1, sizeof *ri), **bucket = bucket_of(ram, snapshot, ino);
	ri->inode.vol = &ram->vol;
	ri->inode.snapshot = snapshot;
	ri->inode.ino = ino;
	ri->inode.attr = *attr;
	ri->inode.loaded = true;
	ri->next = *bucket;
	*bucket = ri;
	return &ri->inode;
}

struct inode *ram_inode_add(struct ram *ram, uint32_t ino, const struct inode_attr *attr)
{
	return inode_add(ram, 0, ino, attr);
}

struct inode *inode_create(struct fs_volume *vol, uint32_t ino, const struct inode_attr *attr)
{
	check(vol == &current->vol, "another volume");
	check(ram_inode(current, 0, ino) == NULL, "the inode number is taken");
	check(current->reserved >= 2, "fewer than two pages left for a new inode");
	current->reserved -= 2;
	current->modified = true;
	vol->inodes_used++;
	current->free_hint = MAX_OF(current->free_hint, ino + 1U);
	vol->next_generation = MAX_OF(vol->next_generation, attr->generation + 1U);
	return inode_add(current, 0, ino, attr);
}

void inode_remove(struct inode *inode)
{
	check(current->reserved >= 1, "no page left for the inode map");
	current->reserved--;
	inode_modify(inode)->nlink = 0;
	inode->removed = true;
	file_punch(inode, 0, UINT32_MAX);
	inode->vol->inodes_used--;
}

void inode_to_attr(const struct inode *inode, struct fs_attr *ret_attr)
{
	const struct inode_attr *a = &inode->attr;
	*ret_attr = (struct fs_attr){
		.type = (enum fs_type)a->type,
		.mode = a->mode,
		.nlink = a->nlink,
		.uid = a->uid,
		.gid = a->gid,
		.rdev_major = a->rdev_major,
		.rdev_minor = a->rdev_minor,
		.size_bytes = a->size_bytes,
		.fsid = inode->snapshot,
		.id = { inode->snapshot, inode->ino, a->generation },
		.atime_ns = a->atime_ns,
		.mtime_ns = a->mtime_ns,
		.ctime_ns = a->ctime_ns,
	};
}

void inode_to_wcc(const struct inode *inode, struct fs_wcc *ret_wcc)
{
	*ret_wcc = (struct fs_wcc){ true, inode->attr.size_bytes, inode->attr.mtime_ns, inode->attr.ctime_ns };
}

size_t ram_n_inodes(const struct ram *ram)
{
	size_t n = 0;
	for (size_t i = 0; i < INODE_BUCKETS; i++) {
		for (struct ram_inode *ri = table_of(ram)[i]; ri != NULL; ri = ri->next)
			n += ri->inode.snapshot == 0 && !ri->inode.removed;
	}
	return n;
}

/* ---- runs and the log ---- */

int run_yield(struct fs_run *run)
{
	(void)run;
	return -EAGAIN;
}

int run_no_memory(struct fs_run *run)
{
	(void)run;
	return -ENOMEM;
}

void cache_unpin_all(struct fs_run *run)
{
	(void)run;
}

int run_reserve(struct fs_run *run, size_t n_pages)
{
	(void)run;
	if (miss(current))
		return again(current);
	current->reserved = MAX_OF(current->reserved, n_pages);
	return 0;
}

int admit_space(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks, enum space_class cls)
{
	check(log_bytes > 0, "a change without log space");
	check(n_blocks > 0, "a change without blocks");
	(void)cls;
	return current->admit_err != 0 ? current->admit_err : run_reserve(run, n_pages);
}

int admit_change(struct fs_run *run, size_t n_pages, size_t log_bytes, size_t n_blocks)
{
	return admit_space(run, n_pages, log_bytes, MAX_OF(n_blocks, (size_t)1), SPACE_NEW);
}

void space_figures(const struct fs_volume *vol, struct space_figures *ret_figures)
{
	check(vol == &current->vol, "figures of another volume");
	*ret_figures = current->figures;
}

size_t nvlog_size(size_t body_len, unsigned n_pages)
{
	return 64U + body_len + (size_t)n_pages * PAGE_SIZE;
}

uint64_t nvlog_append(struct fs_volume *vol, enum nvlog_type type, const void *body, size_t body_len,
                      struct page *const *pages, unsigned n_pages)
{
	struct ram *ram = container_of(vol, struct ram, vol);
	check(pages == NULL && n_pages == 0, "a namespace record with pages");
	check(ram->modified, "a record without a change");
	if (ram->n_records == ram->n_records_max) {
		ram->n_records_max = ram->n_records_max == 0 ? 64 : ram->n_records_max * 2;
		ram->records = reallocarray(ram->records, ram->n_records_max, sizeof *ram->records);
	}
	uint8_t *copy = malloc(body_len);
	memcpy(copy, body, body_len);
	ram->records[ram->n_records++] = (struct ram_record){ type, copy, body_len };
	return ram->n_records;
}

size_t calls_log_size(const struct fs_message *msg)
{
	(void)msg;
	return 0;
}

uint64_t calls_log(struct fs_message *msg, enum nvlog_type type, const void *body, size_t body_len)
{
	return nvlog_append(msg->volume, type, body, body_len, NULL, 0);
}

static int execute(struct ram *ram, struct fs_run *run)
{
	int err = -EAGAIN;
	current = ram;
	run_number++;
	ram->n_steps = ram->n_blocks_needed = ram->n_blocks_edited = 0;
	for (; err == -EAGAIN && ram->n_steps < 1000000; ram->n_steps++) {
		ram->step = ++step_number;
		ram->modified = ram->missed = false;
		ram->reserved = 0;
		run->spent = 0;
		err = run->step(run);
	}
	ancestry_forget(run);
	pathwalk_forget(run);
	check(err != -EAGAIN, "a run does not end");
	check(err >= 0 || !ram->modified, "a failed step has modified something");
	check(!ram->missed || !ram->modified, "RUN1: a step that missed something went on to modify");
	return err;
}

int ram_run(struct ram *ram, int (*step)(struct fs_run *run), void *arg)
{
	struct fs_run run = { .vol = &ram->vol, .step = step, .arg = arg };
	return execute(ram, &run);
}

typedef int step_fn(struct fs_run *run);
static step_fn *const operations[FS_OP_COUNT] = {
	[FS_GETATTR] = op_getattr,   [FS_SETATTR] = op_setattr, [FS_LOOKUP] = op_lookup, [FS_ACCESS] = op_access,
	[FS_READLINK] = op_readlink, [FS_CREATE] = op_create,   [FS_MKDIR] = op_mkdir,   [FS_SYMLINK] = op_symlink,
	[FS_MKNOD] = op_mknod,       [FS_REMOVE] = op_remove,   [FS_RMDIR] = op_rmdir,   [FS_RENAME] = op_rename,
	[FS_LINK] = op_link,         [FS_READDIR] = op_readdir, [FS_FSSTAT] = op_fsstat, [FS_RESOLVE] = op_resolve,
};

int ram_send(struct ram *ram, struct fs_message *msg)
{
	struct fs_run run = { .vol = &ram->vol, .step = operations[msg->op], .msg = msg };
	int err;
	check(operations[msg->op] != NULL, "not an operation of the namespace");
	ram->wall_ns += 1000;
	err = execute(ram, &run);
	check(err <= 0 || err == OP_LOGGED, "an operation answers something odd");
	check((err == OP_LOGGED) == ram->modified,
	      "an operation changed something and did not log it, or the other way round");
	msg->status = err == OP_LOGGED ? 0 : err;
	return msg->status;
}

struct replay {
	const struct nvlog_record *record;
	nvlog_apply_fn *apply;
};

static int replay_step(struct fs_run *run)
{
	const struct replay *replay = run->arg;
	return replay->apply(run, replay->record);
}

nvlog_apply_fn *ram_apply_fn(enum nvlog_type type)
{
	switch (type) {
	case NVLOG_CREATE: return namespace_apply_create;
	case NVLOG_REMOVE: return namespace_apply_remove;
	case NVLOG_RENAME: return namespace_apply_rename;
	case NVLOG_LINK: return namespace_apply_link;
	case NVLOG_SETATTR: return namespace_apply_setattr;
	default: return NULL;
	}
}

int ram_apply(struct ram *to, enum nvlog_type type, const uint8_t *body, size_t body_len)
{
	struct nvlog_record record = { type, body, body_len, NULL, 0 };
	struct replay replay = { &record, ram_apply_fn(type) };
	return ram_run(to, replay_step, &replay);
}

int ram_replay(struct ram *to, const struct ram *from)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < from->n_records; i++)
		err = ram_apply(to, from->records[i].type, from->records[i].body, from->records[i].body_len);
	return err;
}

/* ---- snapshots, geometry, the rest of the volume ---- */

const struct snapshot *snapshot_find(const struct fs_volume *vol, const char *name, size_t name_len)
{
	(void)vol;
	for (unsigned i = 0; i < current->n_snapshots; i++) {
		const struct snapshot *s = &current->snapshots[i];
		if (!s->deleting && strlen(s->info.name) == name_len && memcmp(s->info.name, name, name_len) == 0)
			return s;
	}
	return NULL;
}

const struct snapshot *snapshot_next(const struct fs_volume *vol, const struct snapshot *after)
{
	unsigned i = after == NULL ? 0 : (unsigned)(after - current->snapshots) + 1U;
	(void)vol;
	return i < current->n_snapshots ? &current->snapshots[i] : NULL;
}

int64_t snapshot_changed_ns(const struct fs_volume *vol)
{
	(void)vol;
	return 0;
}

uint32_t ram_snapshot(struct ram *ram, const char *name)
{
	struct snapshot *s = &ram->snapshots[ram->n_snapshots++];
	memset(s, 0, sizeof *s);
	s->info.id = ram->n_snapshots * 10U;
	memcpy(s->info.name, name, strlen(name) + 1U);
	for (size_t i = 0; i < INODE_BUCKETS; i++) {
		for (struct ram_inode *ri = table_of(ram)[i]; ri != NULL; ri = ri->next) {
			if (ri->inode.snapshot != 0 || ri->inode.removed)
				continue;
			struct inode *copy = inode_add(ram, s->info.id, ri->inode.ino, &ri->inode.attr);
			for (size_t j = 0; j < ri->n_buckets; j++) {
				for (struct ram_block *b = ri->blocks[j]; b != NULL; b = b->next) {
					if (b->bytes == NULL)
						continue;
					struct ram_block *c = block_get(copy, b->fbn, true);
					block_move(c);
					memcpy(c->bytes, b->bytes, PAGE_SIZE);
				}
			}
		}
	}
	return s->info.id;
}

static bool block_equal(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a != NULL ? a : zeros, b != NULL ? b : zeros, PAGE_SIZE) == 0;
}

static bool inode_equal(struct inode *a, struct inode *b)
{
	const struct inode_attr *x = &a->attr, *y = &b->attr;
	if (x->type != y->type || x->mode != y->mode || x->nlink != y->nlink || x->uid != y->uid || x->gid != y->gid ||
	    x->size_bytes != y->size_bytes)
		return false;
	if (x->generation != y->generation || x->atime_ns != y->atime_ns || x->mtime_ns != y->mtime_ns ||
	    x->ctime_ns != y->ctime_ns)
		return false;
	if (x->rdev_major != y->rdev_major || x->rdev_minor != y->rdev_minor)
		return false;
	for (size_t i = 0; i < ram_of(a)->n_buckets; i++) {
		for (struct ram_block *block = ram_of(a)->blocks[i]; block != NULL; block = block->next) {
			if (!block_equal(block->bytes, ram_block(b, block->fbn)))
				return false;
		}
	}
	return true;
}

/* Everything of `a` is in `b`. */
static bool contains(struct ram *a, struct ram *b)
{
	for (size_t i = 0; i < INODE_BUCKETS; i++) {
		for (struct ram_inode *ri = table_of(a)[i]; ri != NULL; ri = ri->next) {
			if (ri->inode.snapshot != 0 || ri->inode.removed)
				continue;
			struct inode *other = ram_inode(b, 0, ri->inode.ino);
			if (other == NULL || other->removed || !inode_equal(&ri->inode, other))
				return false;
		}
	}
	return true;
}

bool ram_equal(struct ram *a, struct ram *b)
{
	return contains(a, b) && contains(b, a) && a->vol.next_generation == b->vol.next_generation;
}

static int64_t wall_ns(struct world *world)
{
	return container_of(world, struct ram, world)->wall_ns;
}

static const struct world_ops world_ops = { .wall_ns = wall_ns };

struct ram *ram_new(uint64_t seed, unsigned miss_percent)
{
	struct ram *ram = calloc(1, sizeof *ram);
	struct inode_attr root = { .type = FS_TYPE_DIR, .mode = 0777, .nlink = 2, .generation = 1 };
	check(page_arena_users++ > 0 || page_arena_init(64) == 0, "no pages");
	ram->world.ops = &world_ops;
	ram->vol.world = &ram->world;
	ram->wall_ns = 1700000000LL * 1000000000LL;
	memcpy(ram->vol.handle_key, "0123456789abcdef", 16);
	ram->vol.next_generation = 2;
	ram->vol.inodes = calloc(INODE_BUCKETS, sizeof(struct ram_inode *));
	ram->seed = seed;
	ram->miss_percent = miss_percent;
	ram->free_hint = INO_FIRST_DYNAMIC;
	inode_add(ram, 0, FS_INO_ROOT, &root);
	return ram;
}

void ram_free(struct ram *ram)
{
	for (size_t i = 0; i < INODE_BUCKETS; i++) {
		for (struct ram_inode *ri = table_of(ram)[i], *next; ri != NULL; ri = next) {
			next = ri->next;
			for (size_t j = 0; j < ri->n_buckets; j++) {
				for (struct ram_block *b = ri->blocks[j], *after; b != NULL; b = after) {
					after = b->next;
					free(b->bytes);
					free(b);
				}
			}
			free(ri->blocks);
			free(ri);
		}
	}
	for (size_t i = 0; i < ram->n_records; i++)
		free(ram->records[i].body);
	free(ram->records);
	free(table_of(ram));
	free(ram);
	if (--page_arena_users == 0)
		page_arena_fini();
}

/* ---- messages ---- */

void fs_message_init(struct fs_message *msg, enum fs_op op, struct fs_volume *volume,
                     void (*done)(struct fs_message *msg), void *owner)
{
	memset(msg, 0, sizeof *msg);
	msg->op = op;
	msg->volume = volume;
	msg->done = done;
	msg->owner = owner;
}

void fs_message_fini(struct fs_message *msg)
{
	free(msg->out.blob);
	free(msg->out.dirents);
	msg->out.blob = NULL;
	msg->out.dirents = NULL;
}
