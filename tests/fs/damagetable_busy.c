/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: what is there only in the middle of something. A clone that was stopped, the tree of a removed file that
 * is half freed. */
#include "fs/format/vdiskformat.h"
#include "tests/fs/damagetable.h"

#define R(n) (1U << (n))
#define AT(type, field) #field, offsetof(type, field), sizeof(((type *)0)->field)
#define TABLE(name, type, targets, fields, seal)                                                                       \
	{                                                                                                              \
		name, sizeof(type), targets, ARRAY_SIZE(targets), fields, ARRAY_SIZE(fields), seal, DAMAGE_BUSY        \
	}

/* ---- the clone ---- */

static struct damage_place find_clone(struct cb_raw *raw)
{
	return damage_attribute_of(raw, cb_ino.cloning, VDISKATTR_CLONE);
}
static struct damage_place find_progress(struct cb_raw *raw)
{
	return damage_attribute_of(raw, cb_ino.cloning, VDISKATTR_CLONE_PROGRESS);
}
static const struct damage_target clone_targets[] = { { "that was stopped", find_clone } };
static const struct damage_target progress_targets[] = { { "of a clone that was stopped", find_progress } };

/* R(6): the streams of a vdisk that cannot be loaded are nobody's. */
static const struct damage_field clone_fields[] = {
	{ AT(struct vdiskattr_clone_disk, state), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), R(6), NULL },
	{ AT(struct vdiskattr_clone_disk, error), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), R(6), NULL },
	{ AT(struct vdiskattr_clone_disk, cursor), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), 0, NULL },
	{ AT(struct vdiskattr_clone_disk, flags), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), R(6), NULL },
	{ AT(struct vdiskattr_clone_disk, rate_bytes_s), 1, 0, 0, 0, "any rate" },
	{ AT(struct vdiskattr_clone_disk, n_copied), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), 0, NULL },
	{ AT(struct vdiskattr_clone_disk, started_ns), 1, 0, 0, 0, "any time" },
	{ AT(struct vdiskattr_clone_disk, n_total), 1, DAMAGE_ZERO | DAMAGE_LESS | DAMAGE_ONE, R(8), 0, NULL },
	{ AT(struct vdiskattr_clone_disk, n_own_below), 1, 0, 0, 0,
	  "for the progress shown, which is used with a bound" },
};
const struct damage_structure damage_clone = TABLE("clone", struct vdiskattr_clone_disk, clone_targets, clone_fields,
                                                   damage_attributes_seal);

static const struct damage_field progress_fields[] = {
	{ AT(struct vdiskattr_clone_progress_disk, verify_cursor), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), 0, NULL },
	{ AT(struct vdiskattr_clone_progress_disk, n_zero_above), 1, 0, 0, 0,
	  "for the progress shown, which is used with a bound" },
	{ AT(struct vdiskattr_clone_progress_disk, n_verified), 1, DAMAGE_HIGH | DAMAGE_ONES, R(8), 0, NULL },
	{ AT(struct vdiskattr_clone_progress_disk, reserved[0]), 1, 0, 0, 0,
	  "room for later versions, which is not looked at" },
};
const struct damage_structure damage_clone_progress = TABLE("progress", struct vdiskattr_clone_progress_disk,
                                                            progress_targets, progress_fields, damage_attributes_seal);

/* ---- the removed file ---- */

static struct damage_place find_zombie(struct cb_raw *raw)
{
	uint8_t bytes[4096];
	const struct zombie_disk *records = (const struct zombie_disk *)(const void *)bytes;

	cb_block_get(raw, INO_ZOMBIES, 0, 0, bytes);
	for (unsigned i = 0; i < sizeof bytes / sizeof *records; i++)
		if (le32_get(records[i].used) != 0)
			return (struct damage_place){ INO_ZOMBIES, 0, 0, i * (unsigned)sizeof *records };
	fail_msg("no zombie");
	return (struct damage_place){ 0, 0, 0, 0 };
}
static const struct damage_target zombie_targets[] = { { "half freed", find_zombie } };

#define R_TREE (R(2) | R(3))
static const struct damage_field zombie_fields[] = {
	{ AT(struct zombie_disk, used), 1, DAMAGE_ZERO, R(6) | R(3), 0, NULL },
	{ AT(struct zombie_disk, used), 1, DAMAGE_MORE | DAMAGE_HIGH | DAMAGE_ONES, R(6), R_TREE, NULL },
	{ AT(struct zombie_disk, inode), 1, DAMAGE_ZERO | DAMAGE_ONE, R(6) | R(2), R(3), NULL },
	{ AT(struct zombie_disk, inode), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_HIGH, R(2), R(3), NULL },
	{ AT(struct zombie_disk, height), 1, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_HIGH | DAMAGE_ONES, R(6), R_TREE, NULL },
	{ AT(struct zombie_disk, height), 1, DAMAGE_MORE, R(2), R(3), NULL },
	{ AT(struct zombie_disk, height), 1, DAMAGE_LESS, R(3), R(2), NULL }, /* the cursor is beyond such a tree */
	{ AT(struct zombie_disk, cursor_fbn), 1, DAMAGE_ZERO | DAMAGE_LESS | DAMAGE_ONE, R(3), R(2), NULL },
	{ AT(struct zombie_disk, cursor_fbn), 1, DAMAGE_MORE | DAMAGE_HIGH | DAMAGE_ONES, R(3), 0, NULL },
	{ AT(struct zombie_disk, n_blocks), 1, 0, 0, 0, "carried along; nothing is decided by it" },
	{ AT(struct zombie_disk, reserved[0]), 1, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, ptr[0]), 1, DAMAGE_ZERO | DAMAGE_HIGH | DAMAGE_ONES, R(3), R(2), NULL },
	{ AT(struct zombie_disk, ptr[0]), 1, DAMAGE_MORE | DAMAGE_LESS, R(3), R(2), NULL },
	{ AT(struct zombie_disk, ptr[15]), 1, DAMAGE_HIGH | DAMAGE_ONE, R(3), R(2), NULL },
};
const struct damage_structure damage_zombie = TABLE("zombie", struct zombie_disk, zombie_targets, zombie_fields, NULL);
