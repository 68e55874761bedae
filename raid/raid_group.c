/* SPDX-License-Identifier: Apache-2.0 */
/* A group: the entries of a stripe as a word of its level's code. */
#include "raid/raid_group.h"

struct level_word group_word(const struct raid_group *g, size_t len_bytes)
{
	return (struct level_word){ .level = g->level, .n_data = g->n_data, .len_bytes = len_bytes };
}

static struct level_word entries_word(const struct raid_group *g, const struct raid_checksum_format *entries,
                                      unsigned mask)
{
	struct level_word word = group_word(g, sizeof *entries);

	for (unsigned i = 0; i < g->n_members; i++)
		word.blocks[i] = mask >> i & 1 ? &entries[i] : NULL;
	return word;
}

void group_entry_sums(const struct raid_group *g, const struct raid_checksum_format *entries, unsigned mask,
                      struct raid_checksum_format ret[LEVEL_MAX_PARITY])
{
	struct level_word word = entries_word(g, entries, mask);
	void *sums[LEVEL_MAX_PARITY];

	for (unsigned k = 0; k < g->n_parity; k++)
		sums[k] = &ret[k];
	g->level->sums(g->n_data, word.blocks, sums, sizeof *entries);
}

bool group_entries_agree(const struct raid_group *g, const struct raid_checksum_format *entries)
{
	struct level_word word = entries_word(g, entries, UINT16_MAX);

	return level_wrong_parity(&word) == 0;
}

struct raid_checksum_format group_entry_rebuild(const struct raid_group *g, const struct raid_checksum_format *entries,
                                                unsigned missing, unsigned position)
{
	struct level_word word = entries_word(g, entries, UINT16_MAX);
	struct raid_checksum_format entry;

	level_rebuild(&word, missing, position, &entry);
	return entry;
}
