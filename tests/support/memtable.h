/* SPDX-License-Identifier: Apache-2.0 */
/* A sparse table of refcounted blocks: one image of a disk in memory. What was never set is zeros and takes no memory,
 * so that a disk of many TiB costs what is on it. */
#ifndef TESTS_MEMTABLE_H
#define TESTS_MEMTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MEMBLOCK_SIZE 4096U

struct memblock {
	unsigned refs;
	uint64_t hash; /* 0: not known yet */
	uint8_t bytes[MEMBLOCK_SIZE];
};
/* A copy of `bytes`, one reference. */
struct memblock *memblock_new(const uint8_t *bytes);
/* NULL is allowed, here and below. */
struct memblock *memblock_ref(struct memblock *b);
void memblock_unref(struct memblock *b);
/* A number that differs when the bytes do; computed once. */
uint64_t memblock_hash(struct memblock *b);

struct memtable {
	struct memblock ***chunks;
	uint64_t n_blocks;
	size_t n_chunks;
};
MUST_CHECK int memtable_init(struct memtable *table, uint64_t n_blocks);
void memtable_fini(struct memtable *table);
/* NULL: zeros. Borrowed. */
struct memblock *memtable_get(const struct memtable *table, uint64_t block);
/* Takes a reference of its own. */
void memtable_set(struct memtable *table, uint64_t block, struct memblock *b);
void memtable_read(const struct memtable *table, uint64_t block, uint8_t *ret_bytes);
/* The first block in [block, end) that is not NULL; `end`: none. */
uint64_t memtable_next(const struct memtable *table, uint64_t block, uint64_t end);
/* Share every block of `from`; `to` is empty. */
void memtable_copy(struct memtable *to, const struct memtable *from);
/* All NULL again. */
void memtable_clear(struct memtable *table);

#endif
