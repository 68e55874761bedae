/* SPDX-License-Identifier: Apache-2.0 */
/* Format: make a volume of disks that hold none.
 *
 * THEORY. A block nobody wrote is zeros, with entry 0 and zero parity: that must be so on disks that were used for
 * something else. Each disk is discarded whole, which by DISK_DISCARD's promise makes it read as zeros; one that cannot
 * is overwritten to its end. The front is written in any case (format_front). Labels come last, after a flush: a format
 * that is cut off leaves a disk without a label. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/disk_blank.h"
#include "raid/label.h"
#include "raid/layout.h"
#include "raid/level.h"
#include "raid/raid_probe.h"
#include "raid/raid_volume.h"
#include "raid/spare_label.h"

struct format_disk {
	struct format_op *op;
	struct disk_blank blank;
	struct disk *disk;
	struct disk_io io;
	struct iovec iov;
	unsigned step;
	void *label; /* 16 KiB */
};

struct format_op {
	struct world *world;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	unsigned n_disks, n_pending;
	struct format_disk disks[RAID_LABEL_MAX_MEMBERS];
	struct disk *opened[RAID_LABEL_MAX_MEMBERS];
	struct probe probe;
	struct label label;
	uint64_t log_half_blocks;
	struct task task;
};

static void format_end_run(struct task *task)
{
	struct format_op *op = container_of(task, struct format_op, task);
	void (*done)(void *arg, int err) = op->done;
	void *arg = op->arg;
	int err = op->err;

	probe_fini(&op->probe);
	for (unsigned i = 0; i < op->n_disks; i++) {
		free(op->disks[i].label);
		disk_close(op->opened[i]);
	}
	raid_call_free(op);
	done(arg, err);
}

static void format_end(struct format_op *op, int err)
{
	op->err = err;
	op->task.run = format_end_run;
	world_defer(op->world, &op->task);
}

/* ---- per disk: blank, then label A, then label B ----------------------------------------------------------------- */

static void format_step(struct format_disk *fd);

static void format_disk_done(struct format_disk *fd, int err)
{
	struct format_op *op = fd->op;

	if (err != 0 && op->err == 0) {
		log_error("raid", "format_failed", "disk=%u error=%s", (unsigned)(fd - op->disks), error_name(err));
		op->err = err;
	}
	if (op->err == 0 && fd->step < 3)
		format_step(fd);
	else if (--op->n_pending == 0)
		format_end(op, op->err);
}

static void format_blanked(struct disk_blank *blank, int err)
{
	format_disk_done(container_of(blank, struct format_disk, blank), err);
}

static void format_io_done(struct disk_io *io, int err)
{
	format_disk_done(container_of(io, struct format_disk, io), err);
}

static void format_submit(struct format_disk *fd, enum disk_op what, uint64_t block, void *bytes, size_t len_bytes)
{
	fd->iov = (struct iovec){ bytes, len_bytes };
	fd->io = (struct disk_io){
		.op = what,
		.iov = &fd->iov,
		.n_iov = len_bytes > 0 ? 1 : 0,
		.offset_bytes = block * RAID_BLOCK_SIZE,
		.len_bytes = len_bytes,
		.done = format_io_done,
	};
	disk_submit(fd->disk, &fd->io);
}

static void format_label(struct format_disk *fd, unsigned copy)
{
	struct label *l = &fd->op->label;

	l->member_index = (unsigned)(fd - fd->op->disks);
	l->generation = copy + 1;
	label_encode(l, fd->label);
	format_submit(fd, DISK_WRITE_DURABLE, layout_label_block(copy), fd->label, sizeof(struct raid_label_format));
}

static void format_step(struct format_disk *fd)
{
	switch (fd->step++) {
	case 0: format_label(fd, 0); break;
	case 1: format_label(fd, 1); break;
	default: format_submit(fd, DISK_FLUSH, 0, NULL, 0); break;
	}
}

/* On how many disks of a group there is what must outlive the loss of as many as it has parity: one more. */
static unsigned format_copies(const struct label *l, unsigned group)
{
	unsigned n = 1;

	for (unsigned i = 0; i < l->n_members; i++)
		n += l->members[i].group == group && l->members[i].is_parity;
	return n;
}

/* How far a disk's front is written with zeros, so that later writes there need no allocation by the host (a durable
 * write is then only data): the log copies all, the disks that get intents up to the log. */
static uint64_t format_front(const struct format_op *op, unsigned index)
{
	const struct label *l = &op->label;
	unsigned before = 0;

	for (unsigned i = 0; i < l->n_log_copies; i++)
		if (l->log_copies[i] == index)
			return l->layout.zones_first;
	for (unsigned i = 0; i < index; i++)
		before += l->members[i].group == l->members[index].group ? 1 : 0;
	return before < format_copies(l, l->members[index].group) ? l->layout.log_first : RAID_INTENT_FIRST;
}

static void format_write(struct format_op *op)
{
	for (unsigned i = 0; i < op->n_disks; i++) {
		op->disks[i] = (struct format_disk){
			.op = op,
			.disk = op->opened[i],
			.blank = { .disk = op->opened[i],
			           .front_blocks = format_front(op, i),
			           .overwrite = true,
			           .done = format_blanked },
		};
		if (posix_memalign(&op->disks[i].label, RAID_BLOCK_SIZE, sizeof(struct raid_label_format)) != 0) {
			op->disks[i].label = NULL;
			format_end(op, -ENOMEM);
			return;
		}
	}
	op->n_pending = op->n_disks;
	for (unsigned i = 0; i < op->n_disks; i++)
		disk_blank_start(&op->disks[i].blank);
}

/* ---- plan -------------------------------------------------------------------------------------------------------- */

static int format_plan_members(struct format_op *op)
{
	struct label *l = &op->label;
	uint64_t vbn = 0;

	for (unsigned i = 0; i < l->n_members; i++) {
		struct label_member *m = &l->members[i];

		if (m->is_parity)
			continue;
		m->n_dbn = layout_n_dbn(&l->layout, m->size_blocks);
		m->vbn_first = (uint32_t)vbn;
		vbn += m->n_dbn;
		if (vbn >= VBN_ZERO)
			return -EFBIG;
	}
	for (unsigned i = 0; i < l->n_members; i++) {
		struct label_member *m = &l->members[i];

		if (!m->is_parity)
			continue;
		m->n_dbn = layout_n_dbn(&l->layout, m->size_blocks);
		for (unsigned j = 0; j < l->n_members; j++)
			if (l->members[j].group == m->group && l->members[j].n_dbn > m->n_dbn)
				return -EINVAL; /* the parity disk is smaller than a data disk */
	}
	return 0;
}

static int format_plan(struct format_op *op)
{
	struct label *l = &op->label;
	uint64_t smallest = UINT64_MAX;
	uint8_t random[16];
	int err;

	for (unsigned i = 0; i < l->n_members; i++) {
		world_random(op->world, random, sizeof random);
		l->members[i].uuid = uuid_from_random(random);
		l->members[i].size_blocks = op->opened[i]->size_bytes / RAID_BLOCK_SIZE;
		smallest = MIN_OF(smallest, l->members[i].size_blocks);
	}
	err = layout_plan(smallest, op->log_half_blocks, &l->layout);
	if (err != 0)
		return err;
	l->epoch = 1;
	l->membership = 1;
	l->clean = true;
	l->n_log_copies = format_copies(l, 0);
	for (unsigned i = 0; i < l->n_log_copies; i++)
		l->log_copies[i] = (uint16_t)i;
	return format_plan_members(op);
}

static void format_probed(struct probe *probe)
{
	struct format_op *op = container_of(probe, struct format_op, probe);
	struct spare_label spare;
	int err = 0;

	for (unsigned i = 0; i < op->n_disks && err == 0; i++) {
		if (probe->disks[i].err != 0)
			err = probe->disks[i].err;
		else if (label_decode(probe_label(probe, i, 0), &op->label) != -ENOENT ||
		         label_decode(probe_label(probe, i, 1), &op->label) != -ENOENT ||
		         spare_label_decode((const void *)probe_label(probe, i, 0), &spare) != -ENOENT)
			err = -EEXIST;
	}
	if (err == 0)
		err = format_plan(op);
	if (err != 0)
		format_end(op, err);
	else
		format_write(op);
}

/* 0: no level has groups like that. */
static unsigned format_n_data(const struct raid_group_spec *group)
{
	unsigned n_parity = MAX_OF(group->n_parity, 1U);

	return n_parity <= LEVEL_MAX_PARITY && group->n_disks > n_parity ? group->n_disks - n_parity : 0;
}

static int format_open(struct format_op *op, const struct raid_spec *spec)
{
	struct label *l = &op->label;
	int err;

	for (unsigned g = 0; g < spec->n_groups; g++) {
		const struct raid_group_spec *group = &spec->groups[g];

		unsigned n_data = format_n_data(group);

		if (n_data == 0 || n_data > RAID_MAX_GROUP_DATA ||
		    op->n_disks + group->n_disks > RAID_LABEL_MAX_MEMBERS)
			return -EINVAL;
		for (unsigned i = 0; i < group->n_disks; i++) {
			err = disk_open(op->world, group->disk_urls[i], &op->opened[op->n_disks]);
			if (err != 0)
				return err;
			l->members[op->n_disks++] = (struct label_member){ .group = (uint16_t)g,
				                                           .position = (uint16_t)i,
				                                           .is_parity = i >= n_data,
				                                           .is_second = i > n_data };
		}
	}
	l->n_members = op->n_disks;
	l->n_groups = spec->n_groups;
	return spec->n_groups == 0 || spec->n_groups > RAID_MAX_GROUPS ? -EINVAL : 0;
}

void raid_format(struct world *world, const struct raid_spec *spec, const struct uuid *volume_uuid,
                 void (*done)(void *arg, int err), void *arg)
{
	struct format_op *op = raid_call_new(sizeof *op);
	int err;

	op->world = world;
	op->done = done;
	op->arg = arg;
	op->label.volume_uuid = op->label.identity = *volume_uuid;
	op->log_half_blocks = DIV_UP(spec->log_half_bytes, RAID_BLOCK_SIZE);
	err = format_open(op, spec);
	if (err == 0)
		err = probe_start(&op->probe, world, op->opened, op->n_disks, format_probed);
	if (err != 0)
		format_end(op, err);
}
