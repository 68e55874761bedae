/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: simulated disks, clock and randomness, and the volume that is mounted on them.
 *
 * THEORY. The media outlive a power cut, in one of the states it may leave (tests/support/memdisk.h); everything else
 * is made anew. Calls that wait drive the world until they are answered. */
#ifndef TESTS_CRASH_MACHINE_H
#define TESTS_CRASH_MACHINE_H

#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"
#include "tests/support/memdisk.h"
#include "tests/support/simworld.h"

#define MACHINE_DISKS_MAX 6U
#define MACHINE_EXTRAS_MAX 4U

struct machine {
	struct simworld *sim;
	struct world *world;
	struct fs_volume *vol;
	char tag; /* of its media: machines of one process differ in it */
	unsigned n_disks; /* the last one is parity */
	unsigned life; /* media are named anew in each */
	char urls[MACHINE_DISKS_MAX][24];
	char next_urls[MACHINE_DISKS_MAX][24]; /* between the two steps of a cut */
	char extras[MACHINE_EXTRAS_MAX][24]; /* media beside these: mounts name them, too */
	unsigned n_extras;
	char next_extras[MACHINE_EXTRAS_MAX][24];
	unsigned n_next_extras;
	unsigned n_made; /* by machine_extra_add */
	uint64_t rebuild_floor; /* of the next mounts; 0: the default */
	int twice; /* the next mounts name this disk twice; -1: none */
	char beside[24]; /* and this one, too; "": none */
	uint64_t disk_blocks;
	uint64_t latency_ns;
	uint32_t log_half_blocks;
	uint32_t max_calls; /* whose replies are kept; 0: as many as there are by default */
	uint64_t verifier; /* of the last mount */
	bool slow_to_save; /* half of the seeds: what a CP writes beside clients becomes durable by its flush, not one
	                    * by one */
	const char *restore_to; /* a snapshot: what the next mount makes of the volume */
};

/* Format and mount. `latency_ns`: disks take up to this long and finish in any order; 0: in turn. */
MUST_CHECK int machine_init(struct machine *machine, char tag, uint64_t seed, uint64_t latency_ns);
/* Unmount what is mounted, remove the media. */
void machine_fini(struct machine *machine);
MUST_CHECK int machine_mount(struct machine *machine);
int machine_unmount(struct machine *machine);
/* The power fails: the media become what `seed` chooses of what they may be; nothing is mounted. Messages under way are
 * answered into the void. */
void machine_cut(struct machine *machine, uint64_t seed);
/* The same in two steps: what the media become is settled by the first; until the second, which unmounts, the old
 * volume lives on on its own media. */
void machine_cut_begin(struct machine *machine, uint64_t seed);
void machine_cut_end(struct machine *machine);
/* Mount, and cut the power after `n_steps` turns of it. False: it was mounted before (nothing was cut). */
bool machine_cut_in_mount(struct machine *machine, uint64_t seed, uint64_t n_steps, int *ret_err);
/* Another machine on one of the states the media of `from` may be left in: that of memdisk_crash_clone_fates. */
void machine_branch(struct machine *machine, const struct machine *from, char tag, uint64_t seed);
/* Put another medium in the place of the disk, whose own is removed. Nothing is mounted. */
void machine_replace(struct machine *machine, unsigned disk, const char *medium);
/* A blank medium beside the disks; false: there are MACHINE_EXTRAS_MAX. Its name is that of the last extra. */
MUST_CHECK bool machine_extra_add(struct machine *machine, uint64_t n_blocks);
/* Remove the oldest ones but `n`. Nothing is mounted. */
void machine_extras_drop(struct machine *machine, unsigned n);
/* Mounted: extras that have become members change places with the media whose place they have; true: one has. */
bool machine_extras_adopt(struct machine *machine);
enum raid_disk_state machine_disk_state(const struct machine *machine, unsigned disk);
/* Is the disk a member that is read and written? Mounted. */
bool machine_disk_online(const struct machine *machine, unsigned disk);
/* The name of a disk's medium. */
const char *machine_medium(const struct machine *machine, unsigned disk);

/* Send and wait. False: no answer will ever come. */
bool machine_send(struct machine *machine, struct fs_message *msg);
/* I/Os submitted to all disks so far. */
uint64_t machine_ios(const struct machine *machine);

#endif
