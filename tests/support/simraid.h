/* SPDX-License-Identifier: Apache-2.0 */
/* A RAID volume on mem: disks in a simulated world, driven by plain blocking calls; and a model of what its blocks
 * hold.
 *
 * THEORY. Every block's content is a function of (vbn, version), so the model keeps one version number a block and any
 * wrong byte shows. */
#ifndef TESTS_SIMRAID_H
#define TESTS_SIMRAID_H

#include "raid/raid.h"
#include "tests/support/memdisk.h"
#include "tests/support/simworld.h"

#define SIMRAID_MAX_DISKS 64U

struct simraid {
	struct simworld *sim;
	struct world *world;
	struct raid *raid;
	char names[SIMRAID_MAX_DISKS][32]; /* of the media; "" : left out at open */
	char urls[SIMRAID_MAX_DISKS][40];
	unsigned n_disks;
	unsigned n_groups;
	unsigned group_disks[8];
	unsigned n_parity; /* of the groups that are formatted; 0: one */
	uint32_t *versions; /* by VBN; 0: never written */
	uint32_t vbn_end;
	struct raid_report report; /* of the last open */
};

/* Create media "PREFIX-0".. of `blocks` each, groups of group_disks[], and format. */
void simraid_init(struct simraid *s, uint64_t seed, const char *prefix, unsigned n_groups, const unsigned *group_disks,
                  uint64_t blocks);
void simraid_fini(struct simraid *s);
/* One more medium "NAME", offered at the next open. `blocks` 0: it is there already. Returns its index. */
unsigned simraid_add_disk(struct simraid *s, const char *name, uint64_t blocks);
/* Put it in the place of a lost disk; the answer of raid_replace. */
int simraid_replace(struct simraid *s, unsigned group, unsigned position, unsigned disk);
/* Give the lost disk there its place back: it is disk `disk` of the list; the answer of raid_online. */
int simraid_online(struct simraid *s, unsigned group, unsigned position, unsigned disk);
/* Make it the second parity disk of a group; the answer of raid_convert. */
int simraid_convert(struct simraid *s, unsigned group, unsigned disk);
/* Change one limit; the answer of raid_limits_change. */
int simraid_limit(struct simraid *s, enum raid_limit which, uint64_t value);
/* Add it to a group; the answer of raid_add_disk. The model knows its blocks from then on. */
int simraid_add_to_group(struct simraid *s, unsigned group, unsigned disk);
/* Add a group of `n` media, `disk` and those after it; the answer of raid_add_group. */
int simraid_add_group(struct simraid *s, unsigned disk, unsigned n);
/* Let time pass until no disk is being rebuilt any more, at most `seconds`. */
void simraid_rebuilt(struct simraid *s, unsigned seconds);
/* A whole life for a test that does not look at its beginning and end: disks with latencies, formatted and open; opened
 * again; closed and gone, with every page back. What fails ends the process. simraid_end does nothing the second
 * time. */
void simraid_start(struct simraid *s, uint64_t log_half_bytes);
void simraid_reopen(struct simraid *s);
void simraid_end(struct simraid *s);
int simraid_format(struct simraid *s, uint64_t log_half_bytes);
int simraid_open(struct simraid *s);
int simraid_open_read_only(struct simraid *s);
int simraid_close(struct simraid *s);
/* Write these VBNs (ascending) with their next version. */
int simraid_write(struct simraid *s, const uint32_t *vbns, unsigned n);
/* Write n blocks of random places, about `run` in a row. Returns how many were written. */
int simraid_write_random(struct simraid *s, unsigned n, unsigned run);
int simraid_flush(struct simraid *s);
int simraid_fsinfo_write(struct simraid *s, uint64_t generation, uint8_t fill);
int simraid_log_write(struct simraid *s, unsigned half, uint32_t first, unsigned n, uint8_t fill);
int simraid_log_read(struct simraid *s, unsigned copy, unsigned half, uint32_t first, unsigned n, uint8_t *ret_fill);
/* Read one block; 0 and its version (0 as never written is an error of identity: -EIO). */
int simraid_read(struct simraid *s, uint32_t vbn, uint32_t inode_expected_version);
/* Read all blocks the model knows; returns how many differ or fail. `ret_eio` counts clean errors, the return value
 * wrong data and errors. */
unsigned simraid_check(struct simraid *s, unsigned *ret_eio);
/* Verify parity and checksums of all groups; number of wrong things. */
uint64_t simraid_verify(struct simraid *s);
/* Identity and content of a block at a version. */
struct raid_ident simraid_ident(uint32_t vbn, uint32_t version);
void simraid_fill(uint8_t *bytes, uint32_t vbn, uint32_t version);
bool simraid_wait(struct simraid *s, bool *flag);

#endif
