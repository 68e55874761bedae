/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C over isa-l.
 *
 * THEORY. isa-l's crc32_iscsi runs the bare register: no inversion going in or out. From seed 0 it is linear over XOR,
 * which is what parity of checksums needs; RFC 3720's digest is the same register from ~0, inverted at the end. */
#include "base/crc32c.h"

#include <isa-l/crc.h>

#include "base/list.h"

enum { CRC_STEP = 1 << 30 };

static uint32_t crc_register(uint32_t crc, const void *bytes, size_t len_bytes)
{
	uint8_t *from = (uint8_t *)(uintptr_t)bytes; /* only read: isa-l does not say const */

	while (len_bytes > 0) {
		int step = (int)MIN_OF(len_bytes, (size_t)CRC_STEP);

		crc = crc32_iscsi(from, step, crc);
		from += step;
		len_bytes -= (size_t)step;
	}
	return crc;
}

uint32_t crc32c_linear_more(uint32_t crc, const void *bytes, size_t len_bytes)
{
	return crc_register(crc, bytes, len_bytes);
}

uint32_t crc32c_linear(const void *bytes, size_t len_bytes)
{
	return crc_register(0, bytes, len_bytes);
}

uint32_t crc32c_more(uint32_t crc, const void *bytes, size_t len_bytes)
{
	return ~crc_register(~crc, bytes, len_bytes);
}

uint32_t crc32c(const void *bytes, size_t len_bytes)
{
	return crc32c_more(0, bytes, len_bytes);
}

uint32_t crc32c_sealed(const void *bytes, size_t len_bytes, size_t seal_at)
{
	static const uint8_t zeros[4];
	size_t behind = seal_at + sizeof zeros;
	uint32_t crc = crc32c_more(crc32c(bytes, seal_at), zeros, sizeof zeros);

	return crc32c_more(crc, (const uint8_t *)bytes + behind, len_bytes - behind);
}
