/* SPDX-License-Identifier: Apache-2.0 */
/* What would put a finding right. The check notes a fix where the right value follows from what is sound;
 * fs/check/repair.c carries it out.
 *
 * THEORY. A fix says what is to stand where. It never says how the wrong value came to be. So fixes are independent
 * of each other, and of what the repair writes meanwhile. Nothing is ever guessed: when two values contradict each
 * other and both could be true, neither gets a fix. */
#ifndef FS_CHECK_FIX_H
#define FS_CHECK_FIX_H

#include <stddef.h>
#include <stdint.h>

struct check;

enum check_fix_kind {
	FIX_RECORDS, /* ino: block of the space map, which is lost; each of its regions has a fix, too */
	FIX_ACTIVE, /* ino: region; bytes: the block of the active map */
	FIX_SUMMARY, /* ino: region; value: folded up to; bytes: the block of the summary map */
	FIX_COUNTS, /* ino: region: the space map's record follows from the maps */
	FIX_TOTALS, /* ino: enum check_total; value */
	FIX_INODE_MAP, /* ino; value: used or not */
	FIX_INODE_MAP_BLOCK, /* ino: of the block, which is lost; bytes: all of it */
	FIX_INODE, /* ino; at: enum check_inode_field; value */
	FIX_SNAPSHOT, /* ino: slot of the table; bytes: its record */
	FIX_ZOMBIE, /* ino: slot; bytes: its record */
	FIX_DIR_PARENT, /* ino; value: inode of the parent */
	FIX_DIR_INDEX, /* ino: index and free table follow from the entries */
	FIX_ENTRY_REMOVE, /* ino; at: slot: it names nothing */
	FIX_ENTRY_TYPE, /* ino; at: slot; value: type of what it names */
	FIX_ORPHAN, /* ino: gets a name in lost+found */
	FIX_VTOC, /* follows from the attributes: every mount compares them */
	FIX_PARITY, /* ino: group; at: first DBN; value: stripes: what is wrong in them follows from the rest */
};
enum check_inode_field { FIELD_NLINK, FIELD_BLOCKS, FIELD_MODE, FIELD_FLAGS, FIELD_RESERVED, FIELD_ALL_ZERO };
enum check_total { TOTAL_INODES, TOTAL_NEXT_GENERATION, TOTAL_NEXT_SNAPSHOT, TOTAL_DELETE_NONE };

struct check_fix {
	enum check_fix_kind kind;
	uint32_t ino, at;
	uint64_t value;
	uint8_t *bytes;
};
struct check_fixes {
	struct check_fix *fixes;
	size_t n, n_max;
	size_t n_bytes; /* of all `bytes` */
	size_t n_left_out; /* no room: another check finds them again */
	uint64_t generation; /* of the image they are for */
};

/* Note a fix, when a repair is to follow (check_found_repairable says so of the finding). `bytes` are copied. */
void check_fix(struct check *check, enum check_fix_kind kind, uint32_t ino, uint32_t at, uint64_t value);
void check_fix_bytes(struct check *check, enum check_fix_kind kind, uint32_t ino, uint64_t value, const void *bytes,
                     size_t len);
/* Sort into the order in which the fixes are carried out: maps first. */
void check_fixes_sort(struct check_fixes *fixes);
void check_fixes_fini(struct check_fixes *fixes);

#endif
