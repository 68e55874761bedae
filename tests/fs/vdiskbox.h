/* SPDX-License-Identifier: Apache-2.0 */
/* vdisk messages to a volume in a box, for the tests of vdisks and clones. */
#ifndef TESTS_VDISKBOX_H
#define TESTS_VDISKBOX_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/base/cmocka_all.h"

#include "tests/support/fsbox.h"

#define MIB ((uint64_t)1 << 20)

/* The last answer; error_text of the last message. */
extern struct fs_vdisk_info vd_info;
extern char vd_error[256];

int vd_create(struct fsbox *box, const char *path, uint64_t size, const char *backing, bool reserve);
int vd_op(struct fsbox *box, enum fs_op op, const char *path);
int vd_resize(struct fsbox *box, const char *path, uint64_t size, bool force);
int vd_destroy(struct fsbox *box, const char *path, bool force);
int vd_set_maps(struct fsbox *box, const char *path, const char *maps);
int vd_snapshot(struct fsbox *box, enum fs_op op, const char *name);
int vd_restore(struct fsbox *box, const char *path, const char *snapshot);
unsigned vd_count(struct fsbox *box);
/* Block `fbn` becomes `tag` all over / must be `tag` all over (0: zeros). */
void vd_write(struct fsbox *box, struct fs_file_id id, uint32_t fbn, uint32_t tag, enum fs_stable stable);
uint32_t vd_read(struct fsbox *box, struct fs_file_id id, uint32_t fbn);
void vd_await_clone(struct fsbox *box, const char *path, enum fs_clone_state state);
/* FS_CHECK: errors found, their report printed. */
uint64_t vd_check(struct fsbox *box);

#endif
