/* SPDX-License-Identifier: Apache-2.0 */
/* What an NFS client knows must be there: two directories with a few names, files made of cells (tests/crash/cell.h),
 * symlinks, pipes, directories.
 *
 * THEORY. As tests/crash/model.h: a name belongs to one call at a time, which says what it is before and after; data
 * takes any number of calls at once. A call without an answer leaves its change in doubt: its cells keep the candidate,
 * its names stay busy, until an audit has looked. */
#ifndef TESTS_FRONT_NFS_MODEL_H
#define TESTS_FRONT_NFS_MODEL_H

#include "tests/crash/cell.h"

#define NFS_DIRS 2U /* the root, and one in it */
#define NFS_NAMES 6U /* in each */
#define NFS_OBJECTS 16U
#define NFS_UNIT 512U /* bytes of a cell */
#define NFS_UNITS 2560U /* of a file: 1.25 MiB */
#define NFS_NOBODY 0xFFU
#define NFS_HANDLE_MAX 64U
#define NFS_TARGET_MAX 1000U

enum nfs_kind { NFS_KIND_NONE, NFS_KIND_FILE, NFS_KIND_DIR, NFS_KIND_SYMLINK, NFS_KIND_PIPE };

struct nfs_bytes {
	unsigned len;
	char bytes[NFS_HANDLE_MAX];
};

struct nfs_object {
	enum nfs_kind kind;
	struct nfs_bytes handle; /* len 0: not known */
	uint64_t fileid;
	struct cell size, mode;
	struct cell *cells; /* of a file; a cell without candidates is zero */
	unsigned n_changes; /* calls that change its data, in flight */
	bool exclusive; /* one of them changes its size */
	unsigned target_len;
};

struct nfs_name {
	uint8_t object; /* or NFS_NOBODY */
	bool busy; /* a call that changes it is in flight or was lost */
	uint64_t touched; /* when that began or ended */
};

struct nfs_model {
	struct nfs_object objects[NFS_OBJECTS];
	struct nfs_name names[NFS_DIRS][NFS_NAMES];
	struct nfs_bytes dirs[NFS_DIRS]; /* their handles */
};

struct nfs_model *nfs_model_new(void);
struct nfs_model *nfs_model_clone(const struct nfs_model *model);
void nfs_model_free(struct nfs_model *model);
/* A free object made one of `kind`: empty, settled at `now`; NFS_NOBODY: none is left. */
uint8_t nfs_object_new(struct nfs_model *model, enum nfs_kind kind, uint64_t now);
void nfs_object_free(struct nfs_model *model, uint8_t object);
/* Names it has, busy ones too; *ret_quiet: none of them is busy. */
unsigned nfs_object_links(const struct nfs_model *model, uint8_t object, bool *ret_quiet);
/* "n3" */
const char *nfs_name_text(unsigned name);
/* The number of a name, NFS_NAMES: none of ours. */
unsigned nfs_name_find(const char *text);

/* Changes and looks at the data of a file. */
void nfs_cells_send(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent);
void nfs_cells_answered(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent,
                        uint64_t now, bool durable);
void nfs_cells_refused(struct nfs_object *file, unsigned first, unsigned n, uint64_t stamp, uint64_t sent);
bool nfs_cell_may_read(const struct nfs_object *file, unsigned unit, uint64_t stamp, uint64_t since);
bool nfs_cell_may_survive(const struct nfs_object *file, unsigned unit, uint64_t stamp);
/* All of it that was answered before `sent` is durable. */
void nfs_object_durable(struct nfs_object *file, uint64_t sent);
/* This is what is there, and nothing else. */
void nfs_cell_adopt(struct nfs_object *file, unsigned unit, uint64_t stamp, uint64_t now);

#endif
