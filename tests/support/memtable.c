/* SPDX-License-Identifier: Apache-2.0 */
/* A sparse table of refcounted blocks, in chunks that come with their first block. */
#include "tests/support/memtable.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

#define CHUNK 1024U /* blocks: 4 MiB of the disk */

struct memblock *memblock_ref(struct memblock *b)
{
	if (b != NULL)
		b->refs++;
	return b;
}

void memblock_unref(struct memblock *b)
{
	if (b != NULL && --b->refs == 0)
		free(b);
}

struct memblock *memblock_new(const uint8_t *bytes)
{
	struct memblock *b = malloc(sizeof *b);

	vc_assert(b != NULL);
	b->refs = 1;
	b->hash = 0;
	memcpy(b->bytes, bytes, MEMBLOCK_SIZE);
	return b;
}

uint64_t memblock_hash(struct memblock *b)
{
	uint64_t hash = 0x9E3779B97F4A7C15ULL, word;

	for (unsigned i = 0; b->hash == 0 && i < MEMBLOCK_SIZE; i += 8) {
		memcpy(&word, b->bytes + i, 8);
		hash = (hash ^ word) * 0xBF58476D1CE4E5B9ULL;
		hash ^= hash >> 29;
	}
	b->hash = b->hash == 0 ? hash | 1U : b->hash;
	return b->hash;
}

static struct memblock **chunk_new(void)
{
	struct memblock **chunk = calloc(CHUNK, sizeof(struct memblock *));

	vc_assert(chunk != NULL);
	return chunk;
}

int memtable_init(struct memtable *table, uint64_t n_blocks)
{
	*table = (struct memtable){ .n_blocks = n_blocks, .n_chunks = (size_t)DIV_UP(n_blocks, CHUNK) };
	table->chunks = calloc(table->n_chunks, sizeof(struct memblock **));
	return table->chunks == NULL ? -ENOMEM : 0;
}

void memtable_clear(struct memtable *table)
{
	for (size_t c = 0; c < table->n_chunks; c++) {
		for (unsigned i = 0; table->chunks[c] != NULL && i < CHUNK; i++)
			memblock_unref(table->chunks[c][i]);
		free(table->chunks[c]);
		table->chunks[c] = NULL;
	}
}

void memtable_fini(struct memtable *table)
{
	if (table->chunks != NULL)
		memtable_clear(table);
	free(table->chunks);
	table->chunks = NULL;
}

struct memblock *memtable_get(const struct memtable *table, uint64_t block)
{
	struct memblock *const *chunk = table->chunks[block / CHUNK];

	return chunk == NULL ? NULL : chunk[block % CHUNK];
}

void memtable_set(struct memtable *table, uint64_t block, struct memblock *b)
{
	struct memblock ***chunk = &table->chunks[block / CHUNK];
	struct memblock *old;

	if (*chunk == NULL && b == NULL)
		return;
	if (*chunk == NULL)
		*chunk = chunk_new();
	old = (*chunk)[block % CHUNK];
	(*chunk)[block % CHUNK] = memblock_ref(b);
	memblock_unref(old);
}

void memtable_read(const struct memtable *table, uint64_t block, uint8_t *ret_bytes)
{
	const struct memblock *b = memtable_get(table, block);

	if (b == NULL)
		memset(ret_bytes, 0, MEMBLOCK_SIZE);
	else
		memcpy(ret_bytes, b->bytes, MEMBLOCK_SIZE);
}

uint64_t memtable_next(const struct memtable *table, uint64_t block, uint64_t end)
{
	while (block < end) {
		struct memblock *const *chunk = table->chunks[block / CHUNK];

		if (chunk == NULL)
			block = (block / CHUNK + 1U) * CHUNK;
		else if (chunk[block % CHUNK] == NULL)
			block++;
		else
			return block;
	}
	return end;
}

void memtable_copy(struct memtable *to, const struct memtable *from)
{
	for (size_t c = 0; c < from->n_chunks; c++) {
		if (from->chunks[c] == NULL)
			continue;
		vc_assert(to->chunks[c] == NULL);
		to->chunks[c] = chunk_new();
		for (unsigned i = 0; i < CHUNK; i++)
			to->chunks[c][i] = memblock_ref(from->chunks[c][i]);
	}
}
