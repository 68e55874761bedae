/* SPDX-License-Identifier: Apache-2.0 */
/* What all levels have in common. */
#include "raid/level.h"

#include <stdalign.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/page.h"
#include "base/xor.h"

struct sums {
	alignas(XOR_ALIGN) uint8_t bytes[LEVEL_MAX_PARITY][PAGE_SIZE];
};

const struct level *level_of(unsigned n_parity)
{
	static const struct level *const levels[] = { NULL, &level_raid4, &level_dp };

	return n_parity < ARRAY_SIZE(levels) ? levels[n_parity] : NULL;
}

const char *level_title(const struct level *level, unsigned n_data)
{
	return n_data == 1 ? "mirror" : level->name;
}

static void sums_make(const struct level_word *word, unsigned missing, struct sums *ret)
{
	const void *there[LEVEL_MAX_DISKS];
	void *sums[LEVEL_MAX_PARITY];

	for (unsigned i = 0; i < word->n_data + word->level->n_parity; i++)
		there[i] = missing >> i & 1 ? NULL : word->blocks[i];
	for (unsigned k = 0; k < word->level->n_parity; k++)
		sums[k] = ret->bytes[k];
	word->level->sums(word->n_data, there, sums, word->len_bytes);
}

void level_rebuild(const struct level_word *word, unsigned missing, unsigned position, void *ret)
{
	struct sums sums;
	const void *from[LEVEL_MAX_PARITY];

	sums_make(word, missing, &sums);
	for (unsigned k = 0; k < word->level->n_parity; k++)
		from[k] = sums.bytes[k];
	word->level->solve(word->n_data, missing, position, from, ret, word->len_bytes);
}

unsigned level_wrong_parity(const struct level_word *word)
{
	struct sums sums;
	unsigned wrong = 0;

	sums_make(word, 0, &sums);
	for (unsigned k = 0; k < word->level->n_parity; k++)
		wrong |= bytes_are_zero(sums.bytes[k], word->len_bytes) ? 0U : 1U << (word->n_data + k);
	return wrong;
}

void level_add(const struct level *level, unsigned n_data, unsigned position, const void *block, void *const *sums)
{
	struct level_word word = { .level = level, .n_data = n_data, .len_bytes = PAGE_SIZE };
	struct sums more;

	word.blocks[position] = block;
	sums_make(&word, 0, &more);
	for (unsigned k = 0; k < level->n_parity; k++)
		xor_page(sums[k], more.bytes[k]);
}
