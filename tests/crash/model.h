/* SPDX-License-Identifier: Apache-2.0 */
/* The model: what the volume must hold, known without asking the engine.
 *
 * THEORY. A small universe: a few directories with a few possible names, files and LUNs made of cells (cell.h),
 * snapshots that are frozen copies, documents. A name belongs to at most one operation at a time, which says what the
 * name is before and after it: so after a power cut every operation that was under way either happened or did not, on
 * all its names alike. Data has no such lock; cells take any number of changes at once. */
#ifndef TESTS_CRASH_MODEL_H
#define TESTS_CRASH_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "fs/fs_types.h"
#include "tests/crash/cell.h"

#define MODEL_DIRS 4U /* 0: the root; the others hang in it */
#define MODEL_NAMES 8U /* possible names in each */
#define MODEL_OBJECTS 28U
#define MODEL_BLOCKS 20U /* of a file that are ever written */
#define MODEL_BLOCK_CELLS 8U
#define MODEL_CELL_BYTES (FS_BLOCK_SIZE / MODEL_BLOCK_CELLS)
#define MODEL_SMALL 72U /* bytes of a small file, at most: some do not fit into the inode */
#define MODEL_CELLS (MODEL_BLOCKS * MODEL_BLOCK_CELLS)
#define MODEL_SNAPSHOTS 4U
#define MODEL_DOCS 3U
#define MODEL_RELEASES 16U
#define MODEL_PATH 512U
#define TIME_ANY 0ULL /* a time that the server chose */
#define NOBODY 0xFFU /* no object */

enum object_kind { OBJECT_FREE, OBJECT_FILE, OBJECT_LUN, OBJECT_DIR, OBJECT_SYMLINK, OBJECT_FIFO };
enum doubt { NO, MAYBE, YES };

struct object {
	enum object_kind kind;
	bool known; /* the id is */
	struct fs_file_id id;
	uint64_t born; /* when its creation was answered: what is sent later finds it */
	uint32_t stride; /* FBN of its block i is i * stride */
	struct cell *cells; /* MODEL_CELLS; files and LUNs */
	struct cell size, mode, comment;
	struct cell atime, mtime; /* files */
	unsigned n_changes; /* under way */
	bool exclusive; /* its size is being changed: no other change may be under way */
	bool admin; /* an administrative operation on the LUN is under way */
	unsigned dir; /* OBJECT_DIR: its number */
	unsigned target; /* OBJECT_SYMLINK: length of the target */
	/* LUN */
	bool reserved; /* never short of space */
	enum doubt backed; /* by snapshot `backing` */
	unsigned backing; /* its serial number */
	enum doubt cloning; /* has the clone been started and not stopped? */
};

struct entry {
	uint8_t object; /* or NOBODY */
	bool busy;
	uint64_t touched; /* when an operation last began or ended on it */
};

struct frozen_object {
	enum object_kind kind;
	uint32_t stride;
	struct cell *cells;
	struct cell size, mode;
	unsigned target, dir;
	enum doubt backed;
	unsigned backing;
};

struct snapshot_model {
	bool used, busy;
	bool may_go; /* a clone was told to delete it when nothing needs it any more */
	bool settled; /* it has been looked at: every cell has one value */
	unsigned name; /* "s<name>" */
	unsigned serial; /* never used twice */
	uint32_t age; /* its id on the volume, as the latest list says: the greater the newer; 0: not listed */
	uint64_t sent;
	unsigned n_pins; /* LUNs being made on it */
	struct {
		uint8_t object; /* index of objects below */
		bool doubtful;
	} names[MODEL_DIRS][MODEL_NAMES];
	struct frozen_object objects[MODEL_OBJECTS];
	unsigned maybe[MODEL_RELEASES]; /* serials that LUNs gone while it was made may need */
	unsigned n_maybe;
};

struct model {
	struct object objects[MODEL_OBJECTS];
	struct entry names[MODEL_DIRS][MODEL_NAMES];
	uint8_t dirs[MODEL_DIRS]; /* the object of each directory in use, NOBODY; 0: not used, the root is no object */
	struct snapshot_model snapshots[MODEL_SNAPSHOTS];
	struct cell docs[MODEL_DOCS]; /* stamp of the content, 0: absent */
	bool doc_busy[MODEL_DOCS];
	unsigned next_serial, next_name;
	struct {
		unsigned serial;
		uint64_t at;
	} releases[MODEL_RELEASES]; /* the latest LUNs that ceased to be backed */
	unsigned n_releases;
};

void model_init(struct model *model, uint64_t now);
void model_fini(struct model *model);
/* An unused object, made one of `kind` (its cells zero, settled); NOBODY: none is left. */
uint8_t model_object_new(struct model *model, enum object_kind kind, uint64_t now);
/* The same, in a place that is chosen already. */
void model_object_init(struct object *object, enum object_kind kind, uint64_t now);
void model_object_free(struct model *model, uint8_t object);
/* In how many names it stands. */
unsigned model_links(const struct model *model, uint8_t object);
/* The name of slot `k` (up to FS_NAME_MAX bytes, static). */
const char *model_name(unsigned k);
/* Its number, or MODEL_NAMES. */
unsigned model_name_find(const char *name, size_t len);
/* The number of the root's name under which directory `dir` stands; MODEL_NAMES: nowhere. */
unsigned model_dir_name(const struct model *model, unsigned dir);
bool model_dir_path(const struct model *model, unsigned dir, char path[MODEL_PATH]);
/* "/n1" or "/n2/n1"; false when the directory stands nowhere. */
bool model_path(const struct model *model, unsigned dir, unsigned k, char path[MODEL_PATH]);
/* A name under which the object stands. */
bool model_object_path(const struct model *model, uint8_t object, char path[MODEL_PATH]);
/* The handle of directory `dir`. */
struct fs_file_id model_dir_id(const struct model *model, unsigned dir);
bool model_dir_quiet(const struct model *model, unsigned dir);
/* Byte offset of a cell in a file of this stride. */
uint64_t model_offset(uint32_t stride, unsigned cell);
uint64_t model_size_max(uint32_t stride);
/* Cells that begin before byte `size`. */
unsigned model_cells_below(uint32_t stride, uint64_t size);
/* All words of a cell, as far as the file goes (n_bytes), are the same. The first cell of a file that was small and has
 * become long is zeros behind the old end. */
bool model_cell_is_whole(unsigned cell, const uint64_t *words, size_t n_bytes);
/* Does the file end inside of a cell? Then it is shorter than a cell, and only the words before its end count. */
bool model_size_is_small(uint64_t size);
/* The last value a change under way may leave as the size. */
void model_object_durable(struct object *object, uint64_t sent);

/* Freeze everything that may have been there since `snapshot->sent` into it. */
void model_freeze(const struct model *model, struct snapshot_model *snapshot, uint64_t now);
void model_thaw(struct snapshot_model *snapshot);
/* The LUN is not backed any more, or is about to go. */
void model_release(struct model *model, struct object *lun, uint64_t now);
/* Do LUNs or other snapshots need snapshot `serial`? */
enum doubt model_held(const struct model *model, unsigned serial);

#endif
