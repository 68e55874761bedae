/* SPDX-License-Identifier: Apache-2.0 */
/* The label of a hot spare: bytes. */
#include "raid/spare_label.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"

static uint32_t spare_crc(const struct raid_spare_format *f)
{
	return crc32c_sealed(f, sizeof *f, offsetof(struct raid_spare_format, crc));
}

int spare_label_decode(const struct raid_spare_format *f, struct spare_label *l)
{
	if (memcmp(f->magic, RAID_SPARE_MAGIC, RAID_MAGIC_BYTES) != 0)
		return -ENOENT;
	if (le32_get(f->crc) != spare_crc(f))
		return -EUCLEAN;
	if (le32_get(f->version) != RAID_FORMAT_VERSION)
		return -ENOTSUP;
	memcpy(l->disk_uuid.b, f->disk_uuid, 16);
	memcpy(l->volume_uuid.b, f->volume_uuid, 16);
	l->has_volume = !uuid_is_zero(f->volume_uuid);
	l->size_blocks = le64_get(f->size_blocks);
	return 0;
}

void spare_label_encode(const struct spare_label *l, struct raid_spare_format *f)
{
	memset(f, 0, sizeof *f);
	memcpy(f->magic, RAID_SPARE_MAGIC, RAID_MAGIC_BYTES);
	f->version = le32_of(RAID_FORMAT_VERSION);
	memcpy(f->disk_uuid, l->disk_uuid.b, 16);
	if (l->has_volume)
		memcpy(f->volume_uuid, l->volume_uuid.b, 16);
	f->size_blocks = le64_of(l->size_blocks);
	f->crc = le32_of(spare_crc(f));
}
