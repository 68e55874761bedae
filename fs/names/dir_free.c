/* SPDX-License-Identifier: Apache-2.0 */
/* The free-space table of an indexed directory: the largest free run of every slot block, one byte each. Derived.
 *
 * THEORY. An addition searches from a hint to the end of one block of the table, then looks at the last slot block,
 * then appends. So it touches three blocks at most, however large the directory is. A removal moves the hint down. A
 * search that comes to the end without success turns itself off until something is removed. A block of zeros is a
 * table block in which nothing is free. */
#include "base/bytes.h"
#include "base/list.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/dirformat.h"
#include "fs/names/dir_private.h"

static int free_need(struct fs_run *run, struct inode *dir, uint32_t slot_fbn, const struct dir_free **ret_table)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, dir_free_fbn(slot_fbn), &bytes);
	if (err != 0)
		return err;
	const struct dir_free *table = (const struct dir_free *)bytes;
	bool fresh = le32_get(table->magic) == 0 && le32_get(table->owner) == 0;
	if (!fresh && (le32_get(table->magic) != DIR_FREE_MAGIC || le32_get(table->owner) != dir->ino ||
	               le64_get(table->reserved) != 0))
		return -EUCLEAN;
	*ret_table = table;
	return 0;
}

int dir_free_get(struct fs_run *run, struct inode *dir, uint32_t slot_fbn, unsigned *ret_run)
{
	const struct dir_free *table;
	int err = free_need(run, dir, slot_fbn, &table);
	if (err != 0)
		return err;
	*ret_run = table->run[slot_fbn % DIR_FREE_PER_BLOCK];
	return *ret_run > DIR_FREE_UNITS ? -EUCLEAN : 0;
}

void dir_free_set(struct inode *dir, uint32_t slot_fbn, unsigned run)
{
	struct dir_free *table = (struct dir_free *)file_edit(dir, dir_free_fbn(slot_fbn));
	table->magic = le32_of(DIR_FREE_MAGIC);
	table->owner = le32_of(dir->ino);
	table->run[slot_fbn % DIR_FREE_PER_BLOCK] = (uint8_t)run;
}

int dir_free_search(struct fs_run *run, struct inode *dir, struct dir_index *io_index, uint32_t end, unsigned n_units,
                    uint32_t *ret_fbn)
{
	uint32_t fbn = io_index->free_hint,
	         table_end = MIN_OF(end, (fbn / DIR_FREE_PER_BLOCK + 1U) * DIR_FREE_PER_BLOCK);
	const struct dir_free *table;
	if (!io_index->reuse)
		return -ENOENT;
	if (fbn < end) {
		int err = free_need(run, dir, fbn, &table);
		if (err != 0)
			return err;
		for (; fbn < table_end; fbn++) {
			unsigned largest = table->run[fbn % DIR_FREE_PER_BLOCK];
			if (largest < n_units)
				continue;
			io_index->free_hint = fbn;
			*ret_fbn = fbn;
			return largest > DIR_FREE_UNITS ? -EUCLEAN : 0;
		}
	}
	io_index->free_hint = MIN_OF(fbn, end);
	io_index->reuse = fbn < end;
	return -ENOENT;
}

int dir_free_skip_empty(struct fs_run *run, struct inode *dir, uint32_t fbn, uint32_t end, uint32_t *ret_fbn)
{
	const struct dir_free *table = NULL;
	for (bool first = true; fbn < end; fbn++, first = false) {
		if (first || fbn % DIR_FREE_PER_BLOCK == 0) {
			int err = free_need(run, dir, fbn, &table);
			if (err != 0)
				return err;
		}
		if (table->run[fbn % DIR_FREE_PER_BLOCK] > DIR_FREE_UNITS)
			return -EUCLEAN;
		if (table->run[fbn % DIR_FREE_PER_BLOCK] != DIR_FREE_UNITS)
			break;
	}
	*ret_fbn = fbn;
	return 0;
}
