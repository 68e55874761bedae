/* SPDX-License-Identifier: Apache-2.0 */
/* vdisks of the image: streams, attributes, backing stores, and the VTOC record for record. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/uuid.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/streamformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/vdisk/streamdir.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

/* What the VTOC should say of a vdisk. */
struct vdisk_seen {
	uint32_t ino;
	uint64_t generation;
	struct uuid uuid;
	char serial[VDISK_SERIAL_LEN + 1U];
	struct vdisk_backing_handle backing;
	bool recorded;
};
struct vdisk_state {
	struct vdisk_seen *seen;
	size_t n_seen;
	uint64_t n_reserved; /* blocks promised to LUNs that they do not have */
	uint32_t stream_fbn; /* of the stream directory in work */
	bool attributes_done;
	/* of one visit of the VTOC */
	struct check *check;
};

void check_vdisk_fini(struct check *check)
{
	struct vdisk_state *state = check->vdisk_state;

	if (state != NULL)
		free(state->seen);
	free(state);
}

/* ---- streams ---- */

static void stream_named(struct check *check, uint32_t by, uint32_t ino, uint64_t generation, bool any_generation,
                         unsigned type)
{
	struct check_inode *inode = check_inode_find(check, ino);

	if (inode == NULL || inode->type != type ||
	    (!any_generation && inode->generation_hash != check_generation_hash(generation))) {
		check_found(check, CHECK_INODE, "inode %u: names inode %u as its %s, which it is not", by, ino,
		            type == FS_TYPE_STREAM ? "stream" : "stream directory");
		return;
	}
	inode->n_names = (uint16_t)MIN_OF(inode->n_names + 1U, (unsigned)UINT16_MAX);
}

static void stream_block(struct check *check, uint32_t by, const uint8_t *bytes, uint64_t len)
{
	for (uint64_t at = 0; at + sizeof(struct stream_disk) <= MIN_OF(len, (uint64_t)FS_BLOCK_SIZE);
	     at += sizeof(struct stream_disk)) {
		const struct stream_disk *disk = (const struct stream_disk *)(const void *)(bytes + at);

		if (!streamdir_entry_is_sane(disk))
			check_found(check, CHECK_INODE, "stream directory %u: the entry at byte %llu is damaged", by,
			            (unsigned long long)at);
		if (le32_get(disk->inode) != 0)
			stream_named(check, by, le32_get(disk->inode), le64_get(disk->generation), false,
			             FS_TYPE_STREAM);
	}
}

/* The stream directory of `inode`, block by block. */
static int streams_walk(struct fs_run *run, struct vdisk_state *state, uint32_t xinode)
{
	struct check *check = check_of(run);
	const struct check_inode *named = check_inode_find(check, xinode);
	struct inode *dir;
	int err = named != NULL && named->type == FS_TYPE_STREAM_DIR ? inode_get(run, check->image, xinode, &dir)
	                                                             : -ENOENT;

	while (err == 0 && state->stream_fbn < blocks_of_size(dir->attr.size_bytes)) {
		const uint8_t *bytes;

		err = file_need(run, dir, state->stream_fbn, &bytes);
		if (err == 0) {
			stream_block(check, xinode, bytes,
			             dir->attr.size_bytes - (uint64_t)state->stream_fbn * FS_BLOCK_SIZE);
			state->stream_fbn++;
		}
	}
	return err == -EAGAIN ? err : 0; /* what cannot be read is found elsewhere */
}

/* ---- attributes ---- */

static const struct check_snapshot *snapshot_of_image(const struct check *check, uint32_t id)
{
	for (unsigned i = 0; i < check->n_snapshots; i++)
		if (check->snapshots[i].id == id)
			return &check->snapshots[i];
	return NULL;
}

static int backing_check(struct fs_run *run, const struct inode *container, const struct vdisk_backing *backing)
{
	struct check *check = check_of(run);
	const struct check_snapshot *snapshot = snapshot_of_image(check, backing->snapshot);
	struct inode *file;
	int err;

	if (((container->attr.flags & INODE_BACKED) != 0) != (backing->snapshot != 0))
		check_found(check, CHECK_VDISK, "vdisk %u: its inode says it is %sbacked, its attributes differ",
		            container->ino, (container->attr.flags & INODE_BACKED) != 0 ? "" : "not ");
	if (backing->snapshot == 0)
		return 0;
	if (snapshot == NULL || snapshot->deleting) {
		check_found(check, CHECK_VDISK, "vdisk %u: backed by snapshot %u, which is %s", container->ino,
		            backing->snapshot, snapshot == NULL ? "not there" : "being deleted");
		return 0;
	}
	err = inode_get(run, backing->snapshot, backing->inode, &file);
	if (err == -EAGAIN)
		return err;
	if (err != 0 || file->attr.generation != backing->generation)
		check_found(check, CHECK_VDISK,
		            "vdisk %u: its backing store, inode %u of snapshot \"%s\", is not there", container->ino,
		            backing->inode, snapshot->name);
	else if (backing->n_blocks > blocks_of_size(container->attr.size_bytes))
		check_found(check, CHECK_VDISK, "vdisk %u: %u blocks of backing store, and %u of its own",
		            container->ino, backing->n_blocks, blocks_of_size(container->attr.size_bytes));
	return 0;
}

/* No two LUNs are one to a host. */
static void unique_check(struct check *check, const struct vdisk_state *state, uint32_t ino,
                         const struct vdisk_attr *attr)
{
	for (size_t i = 0; i < state->n_seen; i++) {
		const struct vdisk_seen *other = &state->seen[i];

		if (uuid_equal(&other->uuid, &attr->uuid))
			check_found(check, CHECK_UNIQUE, "vdisk %u: has the identity of vdisk %u", ino, other->ino);
		if (strcmp(other->serial, attr->serial) == 0)
			check_found(check, CHECK_UNIQUE, "vdisk %u: has the serial number of vdisk %u, %s", ino,
			            other->ino, attr->serial);
	}
}

/* The cursors of a clone that has not ended, which has something to copy from. */
static void clone_check(struct check *check, uint32_t ino, const struct vdisk_attr *attr)
{
	const struct vdisk_clone *clone = &attr->clone;
	bool is_under_way = clone->state != FS_CLONE_NONE && clone->state != FS_CLONE_DONE;

	if (clone->verify_cursor > clone->cursor)
		check_found(check, CHECK_VDISK, "vdisk %u: its clone has compared %u blocks, and looked at %u", ino,
		            clone->verify_cursor, clone->cursor);
	if (clone->state == FS_CLONE_DONE && attr->backing.snapshot != 0)
		check_found(check, CHECK_VDISK, "vdisk %u: its clone is done, and it has a backing store", ino);
	if (!is_under_way)
		return;
	if (attr->backing.snapshot == 0)
		check_found(check, CHECK_VDISK, "vdisk %u: its clone is not done, and it has no backing store", ino);
	if (clone->n_total < attr->backing.n_blocks || clone->cursor > clone->n_total)
		check_found(check, CHECK_VDISK, "vdisk %u: its clone is at block %u of %u, of %u that are backed", ino,
		            clone->cursor, clone->n_total, attr->backing.n_blocks);
	if (clone->n_copied > clone->n_total || clone->n_verified > clone->n_total)
		check_found(check, CHECK_VDISK, "vdisk %u: its clone has copied %llu blocks and compared %llu, of %u",
		            ino, (unsigned long long)clone->n_copied, (unsigned long long)clone->n_verified,
		            clone->n_total);
}

/* What a reserved LUN may still take without asking, blocks that snapshots hold left out (fs/cp/space.h). */
static uint64_t reservation_of(const struct inode *container, const struct vdisk_attr *attr)
{
	uint64_t full = space_full_blocks(container->attr.size_bytes);

	return attr->reserved && full > container->n_blocks ? full - container->n_blocks : 0;
}

/* SP1, as far as an image shows it: what is promised to LUNs is there. */
static void reservations_check(struct check *check, uint64_t n_reserved)
{
	const struct check_maps *maps = &check->maps;
	uint64_t n_used = maps->n_active + maps->n_summary, n_blocks = check->vol->maps->n_blocks;

	for (unsigned i = 0; i < check->n_snapshots; i++)
		if (check->snapshots[i].deleting) /* what it holds comes back */
			n_used = maps->n_active;
	if (n_used + n_reserved > n_blocks)
		check_found(check, CHECK_ACCOUNT, "LUNs: %llu blocks are promised to them, and %llu of %llu are in use",
		            (unsigned long long)n_reserved, (unsigned long long)n_used, (unsigned long long)n_blocks);
}

static int attributes_check(struct fs_run *run, struct vdisk_state *state, struct inode *container)
{
	struct check *check = check_of(run);
	struct vdisk vdisk;
	int err = vdisk_open(run, container, &vdisk);

	if (err == -EAGAIN || err == -ENOMEM)
		return err;
	if (err != 0) {
		check_found(check, CHECK_VDISK, "vdisk %u: its attributes cannot be read: %s", container->ino,
		            error_name(err));
		return 0;
	}
	err = backing_check(run, container, &vdisk.attr.backing);
	if (err == 0) {
		const struct vdisk_backing *backing = &vdisk.attr.backing;

		clone_check(check, container->ino, &vdisk.attr);
		unique_check(check, state, container->ino, &vdisk.attr);
		state->n_reserved += reservation_of(container, &vdisk.attr);
		state->seen[state->n_seen++] = (struct vdisk_seen){ .ino = container->ino,
			                                            .generation = container->attr.generation,
			                                            .uuid = vdisk.attr.uuid,
			                                            .backing = { backing->snapshot, backing->inode,
			                                                         backing->generation } };
		memcpy(state->seen[state->n_seen - 1U].serial, vdisk.attr.serial, sizeof(vdisk.attr.serial));
	}
	vdisk_close(&vdisk);
	return err;
}

static int streamed_check(struct fs_run *run, struct vdisk_state *state, uint32_t ino)
{
	struct check *check = check_of(run);
	struct inode *inode;
	int err = inode_get(run, check->image, ino, &inode);

	if (err == -EAGAIN || err == -ENOMEM)
		return err;
	if (err != 0) {
		check_found(check, CHECK_VDISK, "vdisk %u: cannot be loaded: %s", ino, error_name(err));
		return 0;
	}
	if (!state->attributes_done) {
		err = inode->attr.type == FS_TYPE_VDISK ? attributes_check(run, state, inode) : 0;
		if (err != 0)
			return err;
		if ((inode->attr.flags & INODE_STREAM) != 0)
			stream_named(check, ino, inode->attr.xinode, 0, true, FS_TYPE_STREAM_DIR);
		state->attributes_done = true;
	}
	return (inode->attr.flags & INODE_STREAM) != 0 ? streams_walk(run, state, inode->attr.xinode) : 0;
}

/* ---- VTOC ---- */

/* VD2: the VTOC says what the attributes say. */
static int record_visit(void *arg, uint32_t slot, const struct vtoc_entry *entry)
{
	struct vdisk_state *state = arg;
	struct check *check = state->check;

	for (size_t i = 0; i < state->n_seen; i++) {
		struct vdisk_seen *seen = &state->seen[i];

		if (seen->ino != entry->ino || seen->generation != entry->generation)
			continue;
		if (seen->recorded)
			check_found(check, CHECK_VDISK, "VTOC slot %u: vdisk %u has another record", slot, entry->ino);
		else if (!uuid_equal(&seen->uuid, &entry->uuid) || seen->backing.snapshot != entry->backing.snapshot ||
		         seen->backing.inode != entry->backing.inode ||
		         seen->backing.generation != entry->backing.generation)
			check_found(check, CHECK_VDISK, "VTOC slot %u: differs from the attributes of vdisk %u", slot,
			            entry->ino);
		seen->recorded = true;
		return 0;
	}
	check_found(check, CHECK_VDISK, "VTOC slot %u: there is no vdisk %u of generation %llu", slot, entry->ino,
	            (unsigned long long)entry->generation);
	return 0;
}

/* VD1: every vdisk has its record, and every record its vdisk. */
static int vtoc_check(struct fs_run *run, struct vdisk_state *state)
{
	struct check *check = check_of(run);
	struct inode *file;
	int err = inode_get(run, check->image, INO_VTOC, &file);

	if (err == 0)
		err = vtoc_file_visit(run, file, record_visit, state);
	if (err == -EAGAIN)
		return err;
	if (err != 0)
		check_found(check, CHECK_VDISK, "VTOC: cannot be read: %s", error_name(err));
	for (size_t i = 0; i < state->n_seen; i++)
		if (!state->seen[i].recorded)
			check_found(check, CHECK_VDISK, "vdisk %u: not in the VTOC", state->seen[i].ino);
	return 0;
}

int check_vdisk_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct vdisk_state *state = check->vdisk_state;
	int err;

	if (state == NULL) {
		state = check->vdisk_state = calloc(1, sizeof(*state));
		if (state == NULL)
			return -ENOMEM;
		state->check = check;
		state->seen = calloc(MAX_OF(check->inodes.n_streamed, (size_t)1), sizeof(struct vdisk_seen));
		if (state->seen == NULL)
			return -ENOMEM;
	}
	while (check->vdisk_cursor < check->inodes.n_streamed) {
		err = streamed_check(run, state, check->inodes.streamed[check->vdisk_cursor]);
		if (err != 0)
			return err;
		check->vdisk_cursor++;
		state->stream_fbn = 0;
		state->attributes_done = false;
		cache_unpin_all(run);
		err = check_pace(run, 4);
		if (err != 0)
			return err;
	}
	err = vtoc_check(run, state);
	if (err == 0)
		reservations_check(check, state->n_reserved);
	return err;
}
