/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: the front of several disks (both labels and the fsinfo ring), read side by side. */
#include "raid/raid_probe.h"

#include <stdlib.h>

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
	probe->task.run = probe_task_run;
	world_defer(probe->world, &probe->task);
}

static void probe_io_done(struct disk_io *io, int err)
{
	struct probe_disk *pd = container_of(io, struct probe_disk, io);

	pd->err = err;
	probe_arrived(pd->probe);
}

int probe_start(struct probe *probe, struct world *world, struct disk *const *disks, unsigned n_disks, void (*done)(struct probe *probe))
{
	*probe = (struct probe){ .world = world, .n_disks = n_disks, .n_pending = 1, .done = done };
	probe->disks = calloc(MAX_OF(n_disks, 1U), sizeof *probe->disks);
	if (probe->disks == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n_disks; i++)
		if (posix_memalign(&probe->disks[i].front, RAID_BLOCK_SIZE, FRONT_BYTES) != 0)
			return -ENOMEM;
	for (unsigned i = 0; i < n_disks; i++) {
		struct probe_disk *pd = &probe->disks[i];

		pd->probe = probe;
		pd->err = -ENODEV;
		if (disks[i] == NULL || disks[i]->size_bytes < FRONT_BYTES)
			continue;
		pd->iov = (struct iovec){ pd->front, FRONT_BYTES };
		pd->io = (struct disk_io){ .op = DISK_READ, .iov = &pd->iov, .n_iov = 1, .len_bytes = FRONT_BYTES, .done = probe_io_done };
		probe->n_pending++;
		disk_submit(disks[i], &pd->io);
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
