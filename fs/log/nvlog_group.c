/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of log records as bytes. */
#include "fs/log/nvlog_group.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/format/nvlogformat.h"

bool nvlog_group_fits(const struct nvlog_group_disk *head, uint64_t epoch, uint32_t block, uint64_t chain_sequence,
                      uint32_t half_blocks)
{
	uint32_t head_bytes = le32_get(head->head_bytes), n_pages = le32_get(head->n_pages);
	uint64_t sequence = le64_get(head->first_sequence);

	if (le32_get(head->magic) != NVLOG_GROUP_MAGIC || le64_get(head->epoch) != epoch ||
	    le32_get(head->first_block) != block)
		return false;
	if (chain_sequence != 0 && sequence != chain_sequence + 1U)
		return false;
	return sequence != 0 && le32_get(head->n_records) != 0 && head_bytes > sizeof *head &&
	       head_bytes <= NVLOG_HEAD_BYTES_MAX && n_pages <= NVLOG_GROUP_PAGES_MAX &&
	       DIV_UP(head_bytes, PAGE_SIZE) + n_pages <= half_blocks - block;
}

bool nvlog_group_is_whole(const uint8_t *heads, struct page *const *pages, uint32_t last_crc)
{
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)heads;
	uint32_t at = sizeof *head, page = 0, head_bytes = le32_get(head->head_bytes), n_all = le32_get(head->n_pages);
	uint64_t sequence = le64_get(head->first_sequence);

	if (crc32c(heads + 8, head_bytes - 8U) != le32_get(head->crc))
		return false;
	for (uint32_t n = le32_get(head->n_records); n > 0; n--, sequence++) {
		struct nvlog_record_disk record;
		uint32_t len, n_pages;

		if (head_bytes - at < sizeof record)
			return false;
		memcpy(&record, heads + at, sizeof record);
		n_pages = le16_get(record.n_pages);
		len = le32_get(record.body_len);
		if (record.magic != NVLOG_RECORD_MAGIC || le64_get(record.epoch) != le64_get(head->epoch) ||
		    le64_get(record.sequence) != sequence || le32_get(record.prev_crc) != last_crc ||
		    n_pages > n_all - page || len > head_bytes - at - sizeof record ||
		    4U * n_pages > head_bytes - at - sizeof record - len)
			return false;
		at += (uint32_t)sizeof record + len;
		for (uint32_t i = 0; i < n_pages; i++, page++, at += 4U) {
			le32 crc;

			memcpy(&crc, heads + at, sizeof crc);
			if (crc32c(pages[page]->data, PAGE_SIZE) != le32_get(crc))
				return false;
		}
		last_crc = le32_get(record.crc);
	}
	return at == head_bytes && page == n_all;
}

uint32_t nvlog_group_last_crc(const uint8_t *heads)
{
	const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)heads;
	struct nvlog_record_disk record = { .crc = le32_of(0) };
	uint32_t at = sizeof *head;

	for (uint32_t n = le32_get(head->n_records); n > 0; n--) {
		memcpy(&record, heads + at, sizeof record);
		at += (uint32_t)sizeof record + le32_get(record.body_len) + 4U * le16_get(record.n_pages);
	}
	return le32_get(record.crc);
}
