/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: vdisks, the VTOC, parity. */
#include "tests/fs/damagecase.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"
#include "fs/format/vtocformat.h"
#include "tests/support/memdisk.h"

#define R(n) (1U << (n))

/* ---- vdisks ---- */

static void attributes_edit(struct cb_raw *raw, uint32_t lun, void (*edit)(struct vdisk_attr *attr))
{
	static uint8_t bytes[VDISKATTR_BYTES_MAX];
	uint32_t ino = cb_attributes_of(raw, lun);
	struct inode_disk disk;
	struct vdisk_attr attr;

	cb_inode_get(raw, ino, &disk);
	cb_block_get(raw, ino, 0, 0, bytes);
	assert_true(le64_get(disk.size_bytes) <= 4096);
	assert_int_equal(vdisk_attr_decode(bytes, (size_t)le64_get(disk.size_bytes), &attr), 0);
	edit(&attr);
	assert_int_equal(vdisk_attr_encode(&attr, bytes), le64_get(disk.size_bytes));
	vdisk_attr_fini(&attr);
	cb_block_put(raw, ino, 0, 0, bytes);
}

static void set_attr_uuid(struct vdisk_attr *a)
{
	a->uuid.b[3] ^= 1U;
}
static void set_attr_snapshot(struct vdisk_attr *a)
{
	a->backing.snapshot = 77;
}
static void set_attr_inode(struct vdisk_attr *a)
{
	a->backing.inode = cb_ino.file;
}
static void set_attr_generation(struct vdisk_attr *a)
{
	a->backing.generation++;
}
static void set_attr_length(struct vdisk_attr *a)
{
	a->backing.n_blocks = 100000;
}
static void attr_uuid(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, set_attr_uuid);
}
static void attr_snapshot(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_snapshot);
}
static void attr_inode(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_inode);
}
static void attr_generation(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_generation);
}
static void attr_length(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_length);
}

/* What the other LUN has. */
static struct vdisk_attr attr_other;
static void get_attr(struct vdisk_attr *a)
{
	attr_other.uuid = a->uuid;
	memcpy(attr_other.serial, a->serial, sizeof a->serial);
}
static void set_attr_uuid_of_other(struct vdisk_attr *a)
{
	a->uuid = attr_other.uuid;
}
static void set_attr_serial_of_other(struct vdisk_attr *a)
{
	memcpy(a->serial, attr_other.serial, sizeof a->serial);
}
static void attr_serial_twice(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, get_attr);
	attributes_edit(raw, cb_ino.top, set_attr_serial_of_other);
}

static void attr_bytes(struct cb_raw *raw)
{
	uint32_t ino = cb_attributes_of(raw, cb_ino.lun);
	uint8_t bytes[4096];

	cb_block_get(raw, ino, 0, 0, bytes);
	bytes[40] ^= 1U;
	cb_block_put(raw, ino, 0, 0, bytes);
}

static void vtoc_edit(struct cb_raw *raw, uint32_t lun, void (*edit)(struct vtoc_disk *record))
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_VTOC, 0, 0, bytes);
	for (unsigned slot = 1; slot < 8; slot++) {
		struct vtoc_disk *record = (struct vtoc_disk *)(void *)bytes + slot;

		if (le32_get(record->inode) != lun)
			continue;
		edit(record);
		record->crc = le32_of(0);
		record->crc = le32_of(crc32c(record, sizeof *record));
		cb_block_put(raw, INO_VTOC, 0, 0, bytes);
		return;
	}
	fail();
}

static void set_vtoc_inode(struct vtoc_disk *v)
{
	v->inode = le32_of(cb_ino.file);
}
static void set_vtoc_uuid(struct vtoc_disk *v)
{
	v->uuid[0] ^= 1U;
}
static void set_vtoc_backing(struct vtoc_disk *v)
{
	v->backing_snapshot = le32_of(1);
}
static void set_vtoc_generation(struct vtoc_disk *v)
{
	v->generation = le64_of(1);
}
static void set_vtoc_uuid_of_other(struct vtoc_disk *v)
{
	memcpy(v->uuid, attr_other.uuid.b, sizeof v->uuid);
}
static void attr_uuid_twice(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, get_attr);
	attributes_edit(raw, cb_ino.top, set_attr_uuid_of_other);
	vtoc_edit(raw, cb_ino.top, set_vtoc_uuid_of_other);
}
static void vtoc_inode(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_inode);
}
static void vtoc_uuid(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_uuid);
}
static void vtoc_backing(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_backing);
}
static void vtoc_generation(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.top, set_vtoc_generation);
}

static void vtoc_bytes(struct cb_raw *raw)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_VTOC, 0, 0, bytes);
	bytes[600] ^= 1U;
	cb_block_put(raw, INO_VTOC, 0, 0, bytes);
}

/* ---- parity ---- */

/* The block of the parity disk that carries the stripe of `vbn`, found by its content. */
static void parity_block(struct cb_raw *raw)
{
	const char *name = raw->box->urls[raw->box->n_disks - 1U] + 4;
	uint8_t bytes[4096];

	for (uint64_t block = DAMAGE_DISK_BYTES / 4096U - 1U; block > 0; block--) {
		memdisk_peek(name, block, bytes);
		if (bytes_are_zero(bytes, sizeof bytes))
			continue;
		memdisk_flip_bit(name, block, 1234);
		return;
	}
}

/* ---- the table ---- */

static const struct damage_case cases[] = {
	{ "vdisk: attributes damaged", attr_bytes, R(8), 0, "attributes cannot be read", true },
	{ "vdisk: attributes of another identity", attr_uuid, R(8), 0, "differs from the attributes", true },
	{ "vdisk: backing snapshot not there", attr_snapshot, R(8), 0, "backed by snapshot 77", true },
	{ "vdisk: backing file not there", attr_inode, R(8), 0, "its backing store", true },
	{ "vdisk: backing file of another generation", attr_generation, R(8), 0, "its backing store", true },
	{ "vdisk: more backing than blocks", attr_length, R(8), 0, "blocks of backing store", true },
	{ "vdisk: the identity of another one", attr_uuid_twice, R(12), 0, "has the identity of", true },
	{ "vdisk: the serial number of another one", attr_serial_twice, R(12), 0, "has the serial number of", true },
	{ "VTOC: a record of no vdisk", vtoc_inode, R(8), 0, "there is no vdisk", true },
	{ "VTOC: another identity", vtoc_uuid, R(8), 0, "differs from the attributes", true },
	{ "VTOC: another backing store", vtoc_backing, R(8), 0, "differs from the attributes", true },
	{ "VTOC: another generation", vtoc_generation, R(8), 0, "not in the VTOC", true },
	{ "VTOC: damaged", vtoc_bytes, R(8), 0, "VTOC: cannot be read", true },

	{ "parity: a flipped bit", parity_block, R(10), 0, "blocks do not match their checksums", true },
};
const struct damage_cases damage_cases_vdisk = { cases, ARRAY_SIZE(cases) };
