/* SPDX-License-Identifier: Apache-2.0 */
/* Inode numbers: finding free ones in the inode map, and what of the map is known to be full. */
#include "fs/file/inode_number.h"

#include <string.h>

#include "base/error.h"
#include "fs/core/core.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"

#define MAP_AHEAD 32U

void inode_number_freed(struct inode_table *table, uint32_t ino)
{
	table->map_full[ino / REGION_BLOCKS / 64U] &= ~(1ULL << ino / REGION_BLOCKS % 64U);
	if (ino >= INO_FIRST_DYNAMIC && ino < table->free_hint)
		table->free_hint = ino;
}

void inode_numbers_changed(struct fs_volume *vol)
{
	memset(vol->inodes->map_full, 0, INODE_MAP_FULL_WORDS * sizeof(uint64_t));
	vol->inodes->free_hint = INO_FIRST_DYNAMIC;
}

int inode_need_map(struct fs_run *run, uint32_t ino)
{
	const uint8_t *bytes;

	return file_need(run, run->vol->inode_map, ino / REGION_BLOCKS, &bytes);
}

/* First free number in the map block at or after `from`; UINT32_MAX: none. A number whose inode is still in memory is
 * not free yet. */
static uint32_t map_scan(struct fs_volume *vol, const uint8_t *map, uint32_t base, uint32_t from)
{
	const uint64_t *words = (const uint64_t *)(const void *)map;

	for (uint32_t at = from / 64U; at < REGION_BLOCKS / 64U; at++) {
		uint64_t free = ~words[at] & (at == from / 64U ? ~0ULL << from % 64U : ~0ULL);

		for (; free != 0; free &= free - 1U) {
			uint32_t ino = base + at * 64U + (uint32_t)__builtin_ctzll(free);

			if (ino >= INO_FIRST_DYNAMIC && inode_find(vol, 0, ino) == NULL)
				return ino;
		}
	}
	return UINT32_MAX;
}

static bool map_is_full(const struct inode_table *table, uint32_t block)
{
	return (table->map_full[block / 64U] & 1ULL << block % 64U) != 0;
}

/* The map block, and some of those after it that may have a free number. */
static int map_need(struct fs_run *run, uint32_t block, uint32_t n_blocks, const uint8_t **ret_bytes)
{
	struct fs_volume *vol = run->vol;
	const uint8_t *ahead;
	int err = file_need(run, vol->inode_map, block, ret_bytes);

	for (uint32_t next = block + 1U; err == -EAGAIN && next < n_blocks && next < block + MAP_AHEAD; next++)
		if (!map_is_full(vol->inodes, next))
			(void)!file_need(run, vol->inode_map, next, &ahead);
	return err;
}

int inode_find_free(struct fs_run *run, uint32_t *ret_ino)
{
	struct fs_volume *vol = run->vol;
	struct inode_table *table = vol->inodes;
	uint32_t n_blocks = blocks_of_size(vol->inode_map->attr.size_bytes) + 1U;
	uint32_t block = table->free_hint / REGION_BLOCKS, from = table->free_hint % REGION_BLOCKS;

	for (uint32_t i = 0; i <= n_blocks; i++, block++, from = 0) {
		const uint8_t *bytes;
		int err;

		block %= n_blocks;
		if (map_is_full(table, block))
			continue;
		err = map_need(run, block, n_blocks, &bytes);
		if (err != 0)
			return err;
		*ret_ino = map_scan(vol, bytes, block * REGION_BLOCKS, from);
		if (*ret_ino != UINT32_MAX) {
			if (*ret_ino >= FS_INO_SNAPSHOTS)
				return -ENOSPC;
			table->free_hint = *ret_ino;
			return 0;
		}
		if (from == 0)
			table->map_full[block / 64U] |= 1ULL << block % 64U;
	}
	return -ENOSPC;
}

int inode_find_few(struct fs_run *run, unsigned n, uint32_t *ret_inos)
{
	struct inode_table *table = run->vol->inodes;
	uint32_t hint = table->free_hint;
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++) { /* the search begins behind the one found before */
		err = inode_find_free(run, &ret_inos[i]);
		for (unsigned k = 0; k < i && err == 0; k++)
			if (ret_inos[k] == ret_inos[i])
				err = -ENOSPC;
		table->free_hint = ret_inos[i] + 1U;
	}
	table->free_hint = hint;
	return err;
}

void inode_number_set(struct fs_volume *vol, uint32_t ino, bool used)
{
	uint8_t *map = file_edit(vol->inode_map, ino / REGION_BLOCKS);
	uint32_t bit = ino % REGION_BLOCKS;
	uint64_t size = (uint64_t)(ino / REGION_BLOCKS + 1U) * FS_BLOCK_SIZE;

	if (used)
		map[bit / 8U] |= (uint8_t)(1U << bit % 8U);
	else
		map[bit / 8U] &= (uint8_t) ~(1U << bit % 8U);
	if (vol->inode_map->attr.size_bytes < size)
		inode_modify(vol->inode_map)->size_bytes = size;
	vol->inodes_used += used ? 1 : (uint64_t)-1;
}
