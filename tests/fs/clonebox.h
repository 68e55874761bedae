/* SPDX-License-Identifier: Apache-2.0 */
/* A LUN backed by a snapshot, and a model of both, for the tests of clones. */
#ifndef TESTS_CLONEBOX_H
#define TESTS_CLONEBOX_H

#include "tests/fs/vdiskbox.h"

#define BLOCKS 3000U

extern struct fsbox box;
extern uint32_t model[BLOCKS]; /* what the LUN "/top" must show */
extern uint32_t model_base[BLOCKS]; /* what "/.snapshot/s1/base" must show */
extern uint32_t next_tag;
extern struct fs_file_id top;

int clonebox_setup(void **state);
int clonebox_teardown(void **state);
/* "/base" with data in `density` of 8 runs of 16 blocks; snapshot s1; "/top" backed by it. */
void make_backed(uint32_t density);
void check_content(void);
void check_snapshot_content(void);
void host_write(uint32_t fbn, enum fs_stable stable);
void host_zero(uint32_t fbn, uint32_t n);
/* FS_CLONE_START, FS_CLONE_MODIFY; vd_error says why not. */
int clone_start_limited(uint64_t rate);
int clone_start_with(const char *path, uint64_t rate, unsigned priority, uint32_t flags);
int clone_modify(const char *path, uint32_t set, uint64_t rate, unsigned priority, uint32_t flags);

#endif
