/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: the front of several disks (both labels and the fsinfo ring) and their marks, read side by side. */
#include "raid/raid_probe.h"

#include <stdlib.h>
#include <string.h>

#include "raid/layout.h"
#include "raid/raid.h"

#define FRONT_BYTES ((size_t)RAID_INTENT_FIRST * RAID_BLOCK_SIZE)

static void probe_task_run(struct task *task)
{
	struct probe *probe = container_of(task, struct probe, task);

	probe->done(probe);
}

static void probe_arrived(struct probe *probe)
{
	if (--probe->n_pending > 0)
		return;
	for (unsigned i = 0; i < probe->n_disks; i++)
		probe->disks[i].err = probe->disks[i].reads[0].err;
	probe->task.run = probe_task_run;
	world_defer(probe->world, &probe->task);
}

static void probe_io_done(struct disk_io *io, int err)
{
	struct probe_read *read = container_of(io, struct probe_read, io);

	if (err != 0)
		memset(read->iov.iov_base, 0, read->iov.iov_len);
	read->err = err;
	probe_arrived(read->probe);
}

static void probe_submit(struct probe *probe, struct disk *disk, struct probe_read *read, uint64_t block, void *bytes,
                         size_t len_bytes)
{
	read->probe = probe;
	read->iov = (struct iovec){ bytes, len_bytes };
	read->io = (struct disk_io){ .op = DISK_READ,
		                     .iov = &read->iov,
		                     .n_iov = 1,
		                     .offset_bytes = block * RAID_BLOCK_SIZE,
		                     .len_bytes = len_bytes,
		                     .done = probe_io_done };
	probe->n_pending++;
	disk_submit(disk, &read->io);
}

int probe_start(struct probe *probe, struct world *world, struct disk *const *disks, unsigned n_disks,
                void (*done)(struct probe *probe))
{
	*probe = (struct probe){ .world = world, .n_disks = n_disks, .n_pending = 1, .done = done };
	probe->disks = calloc(MAX_OF(n_disks, 1U), sizeof *probe->disks);
	if (probe->disks == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n_disks; i++)
		if (posix_memalign(&probe->disks[i].front, RAID_BLOCK_SIZE, FRONT_BYTES + 2U * RAID_BLOCK_SIZE) != 0)
			return -ENOMEM;
	for (unsigned i = 0; i < n_disks; i++) {
		struct probe_disk *pd = &probe->disks[i];
		uint8_t *bytes = pd->front;

		pd->reads[0].err = -ENODEV;
		if (disks[i] == NULL || disks[i]->size_bytes <= RAID_MARK_B_BLOCK * RAID_BLOCK_SIZE)
			continue;
		probe_submit(probe, disks[i], &pd->reads[0], 0, bytes, FRONT_BYTES);
		for (unsigned copy = 0; copy < 2; copy++)
			probe_submit(probe, disks[i], &pd->reads[1 + copy], layout_mark_block(copy),
			             bytes + FRONT_BYTES + (size_t)copy * RAID_BLOCK_SIZE, RAID_BLOCK_SIZE);
	}
	probe_arrived(probe);
	return 0;
}

void probe_fini(struct probe *probe)
{
	for (unsigned i = 0; probe->disks != NULL && i < probe->n_disks; i++)
		free(probe->disks[i].front);
	free(probe->disks);
	probe->disks = NULL;
}

static const void *probe_block(const struct probe *probe, unsigned disk, uint64_t block)
{
	return (const uint8_t *)probe->disks[disk].front + block * RAID_BLOCK_SIZE;
}

const struct raid_label_format *probe_label(const struct probe *probe, unsigned disk, unsigned copy)
{
	return probe_block(probe, disk, layout_label_block(copy));
}

const struct raid_fsinfo_format *probe_fsinfo(const struct probe *probe, unsigned disk, unsigned slot)
{
	return probe_block(probe, disk, layout_ring_block(slot));
}

const struct raid_mark_format *probe_mark(const struct probe *probe, unsigned disk, unsigned copy)
{
	return probe_block(probe, disk, RAID_INTENT_FIRST + copy);
}
