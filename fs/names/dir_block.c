/* SPDX-License-Identifier: Apache-2.0 */
/* One slot block of a directory, as bytes: checking, finding, placing, clearing.
 *
 * INVARIANTS
 *  DB1 an entry begins at unit u exactly when bit u of `starts` is set; its units hold no other start bit and end
 *      within the block.
 *  DB2 n_used and n_entries are the sums over the entries; unit 0 is the head and never an entry. */
#include "base/bytes.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/file/inode.h"
#include "fs/format/dirformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"
#include "fs/names/dir_private.h"

struct starts {
	uint64_t word[2];
};

static struct starts starts_of(const uint8_t *bytes)
{
	const struct dir_block_head *head = (const struct dir_block_head *)bytes;
	return (struct starts){ { le64_get(head->starts[0]), le64_get(head->starts[1]) } };
}

/* The first start at or after `unit`, DIR_UNITS when none. */
static unsigned starts_next(const struct starts *starts, unsigned unit)
{
	while (unit < DIR_UNITS) {
		uint64_t word = starts->word[unit / 64U] >> (unit % 64U);
		if (word != 0)
			return unit + (unsigned)__builtin_ctzll(word);
		unit = (unit / 64U + 1U) * 64U;
	}
	return DIR_UNITS;
}

static void starts_set(uint8_t *bytes, unsigned unit, bool on)
{
	struct dir_block_head *head = (struct dir_block_head *)bytes;
	uint64_t word = le64_get(head->starts[unit / 64U]), bit = 1ULL << (unit % 64U);
	head->starts[unit / 64U] = le64_of(on ? word | bit : word & ~bit);
}

int dir_block_check_head(const uint8_t *bytes, const struct inode *dir, uint32_t fbn)
{
	const struct dir_block_head *head = (const struct dir_block_head *)bytes;
	if (le32_get(head->magic) != DIR_BLOCK_MAGIC || le32_get(head->owner) != dir->ino ||
	    le16_get(head->reserved) != 0)
		return -EUCLEAN;
	if ((le64_get(head->starts[0]) & 1U) != 0 || head->n_used > DIR_FREE_UNITS || head->n_entries > head->n_used)
		return -EUCLEAN;
	return fbn != 0 && le32_get(head->parent) != 0 ? -EUCLEAN : 0;
}

static const struct dir_entry_disk *entry_at(const uint8_t *bytes, unsigned unit)
{
	return (const struct dir_entry_disk *)(bytes + (size_t)unit * DIR_UNIT);
}

static const char *name_at(const uint8_t *bytes, unsigned unit)
{
	return (const char *)bytes + (size_t)unit * DIR_UNIT + sizeof(struct dir_entry_disk);
}

/* DB1: `unit` is a start, is there a well-formed entry? Gives its units, 0 when not. */
static unsigned entry_units(const uint8_t *bytes, const struct starts *starts, unsigned unit)
{
	const struct dir_entry_disk *entry = entry_at(bytes, unit);
	unsigned n_units = dir_units(entry->name_len);
	if (entry->name_len == 0 || unit + n_units > DIR_UNITS || starts_next(starts, unit + 1U) < unit + n_units)
		return 0;
	if (le32_get(entry->inode) == 0 || entry->type == FS_TYPE_NONE || entry->type > FS_TYPE_META ||
	    le16_get(entry->reserved) != 0)
		return 0;
	return n_units;
}

static bool name_is_sane(const char *name, size_t name_len)
{
	if (memchr(name, '/', name_len) != NULL || memchr(name, '\0', name_len) != NULL)
		return false;
	return !(name[0] == '.' && (name_len == 1 || (name_len == 2 && name[1] == '.')));
}

static int entry_decode(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, unsigned unit,
                        struct dir_entry *ret_entry)
{
	const struct dir_entry_disk *entry = entry_at(bytes, unit);
	if (!name_is_sane(name_at(bytes, unit), entry->name_len))
		return -EUCLEAN;
	*ret_entry = (struct dir_entry){
		.slot = fbn * DIR_UNITS + unit,
		.id = { .snapshot = dir->snapshot,
		        .inode = le32_get(entry->inode),
		        .generation = le64_get(entry->generation) },
		.type = entry->type,
		.name = name_at(bytes, unit),
		.name_len = entry->name_len,
	};
	return 0;
}

int dir_block_entry(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, unsigned unit,
                    struct dir_entry *ret_entry)
{
	struct starts starts = starts_of(bytes);
	if (unit == 0 || unit >= DIR_UNITS || starts_next(&starts, unit) != unit)
		return -ENOENT;
	return entry_units(bytes, &starts, unit) == 0 ? -EUCLEAN : entry_decode(bytes, dir, fbn, unit, ret_entry);
}

int dir_block_next(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, unsigned unit,
                   struct dir_entry *ret_entry)
{
	struct starts starts = starts_of(bytes);
	unit = starts_next(&starts, unit);
	if (unit == DIR_UNITS)
		return -ENOENT;
	return entry_units(bytes, &starts, unit) == 0 ? -EUCLEAN : entry_decode(bytes, dir, fbn, unit, ret_entry);
}

/* DB2: the sums. */
int dir_block_check(const uint8_t *bytes, const struct inode *dir, uint32_t fbn)
{
	const struct dir_block_head *head = (const struct dir_block_head *)bytes;
	struct starts starts = starts_of(bytes);
	unsigned n_used = 0, n_entries = 0;
	int err = dir_block_check_head(bytes, dir, fbn);
	if (err != 0)
		return err;
	for (unsigned unit = starts_next(&starts, 1); unit < DIR_UNITS; unit = starts_next(&starts, unit + 1U)) {
		unsigned n_units = entry_units(bytes, &starts, unit);
		if (n_units == 0 || !name_is_sane(name_at(bytes, unit), entry_at(bytes, unit)->name_len))
			return -EUCLEAN;
		n_used += n_units;
		n_entries++;
	}
	return n_used != head->n_used || n_entries != head->n_entries ? -EUCLEAN : 0;
}

int dir_block_find(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, const char *name, size_t name_len,
                   struct dir_entry *ret_entry)
{
	struct starts starts = starts_of(bytes);
	for (unsigned unit = starts_next(&starts, 1); unit < DIR_UNITS; unit = starts_next(&starts, unit + 1U)) {
		if (entry_units(bytes, &starts, unit) == 0)
			return -EUCLEAN;
		if (entry_at(bytes, unit)->name_len == name_len && memcmp(name_at(bytes, unit), name, name_len) == 0)
			return entry_decode(bytes, dir, fbn, unit, ret_entry);
	}
	return -ENOENT;
}

/* Call for every free run: until `n_units` fit (n_units != 0), or for the largest. */
static unsigned free_walk(const uint8_t *bytes, unsigned n_units, unsigned *ret_largest)
{
	struct starts starts = starts_of(bytes);
	unsigned free_from = 1, largest = 0;
	while (free_from < DIR_UNITS) {
		unsigned next = starts_next(&starts, free_from);
		if (n_units != 0 && next - free_from >= n_units)
			return free_from;
		largest = MAX_OF(largest, next - free_from);
		free_from = next == DIR_UNITS ? DIR_UNITS : next + dir_units(entry_at(bytes, next)->name_len);
	}
	if (ret_largest != NULL)
		*ret_largest = largest;
	return 0;
}

unsigned dir_block_find_free(const uint8_t *bytes, unsigned n_units)
{
	return free_walk(bytes, n_units, NULL);
}

unsigned dir_block_largest_free(const uint8_t *bytes)
{
	unsigned largest;
	(void)free_walk(bytes, 0, &largest);
	return largest;
}

void dir_block_format(uint8_t *bytes, uint32_t owner, uint32_t parent)
{
	memset(bytes, 0, PAGE_SIZE);
	*(struct dir_block_head *)bytes = (struct dir_block_head){ .magic = le32_of(DIR_BLOCK_MAGIC),
		                                                   .owner = le32_of(owner),
		                                                   .parent = le32_of(parent) };
}

void dir_block_put(uint8_t *bytes, unsigned unit, const char *name, size_t name_len, const struct fs_file_id *id,
                   uint8_t type)
{
	struct dir_block_head *head = (struct dir_block_head *)bytes;
	uint8_t *at = bytes + (size_t)unit * DIR_UNIT;
	unsigned n_units = dir_units(name_len);
	memset(at, 0, (size_t)n_units * DIR_UNIT);
	*(struct dir_entry_disk *)at = (struct dir_entry_disk){ .inode = le32_of(id->inode),
		                                                .type = type,
		                                                .name_len = (uint8_t)name_len,
		                                                .generation = le64_of(id->generation) };
	memcpy(at + sizeof(struct dir_entry_disk), name, name_len);
	starts_set(bytes, unit, true);
	head->n_used = (uint8_t)(head->n_used + n_units);
	head->n_entries++;
}

void dir_block_clear(uint8_t *bytes, unsigned unit)
{
	struct dir_block_head *head = (struct dir_block_head *)bytes;
	unsigned n_units = dir_units(entry_at(bytes, unit)->name_len);
	memset(bytes + (size_t)unit * DIR_UNIT, 0, (size_t)n_units * DIR_UNIT);
	starts_set(bytes, unit, false);
	head->n_used = (uint8_t)(head->n_used - n_units);
	head->n_entries--;
}
