/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C and XOR over isa-l.
 *
 * THEORY. isa-l's crc32_iscsi runs the bare register: no inversion going in or out. From seed 0 it is linear over XOR,
 * which is what parity of checksums needs; RFC 3720's digest is the same register from ~0, inverted at the end. */
#include "base/checksum.h"

#include <isa-l/crc.h>
#include <isa-l/mem_routines.h>
#include <isa-l/raid.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"

enum { XOR_BATCH = 32, CRC_STEP = 1 << 30 };

/* isa-l promises not to write to its sources but does not say const. */
static inline void *unconst(const void *p)
{
	return (void *)(uintptr_t)p;
}

static uint32_t crc_register(uint32_t crc, const void *bytes, size_t len_bytes)
{
	uint8_t *from = unconst(bytes);

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

/* dst = XOR of the sources, for pointers isa-l does not take. */
static void xor_unaligned(uint8_t *dst, const void *const *srcs, unsigned n)
{
	for (size_t at = 0; at < PAGE_SIZE; at += sizeof(uint64_t)) {
		uint64_t sum = 0, word;

		for (unsigned i = 0; i < n; i++) {
			memcpy(&word, (const uint8_t *)srcs[i] + at, sizeof word);
			sum ^= word;
		}
		memcpy(dst + at, &sum, sizeof sum);
	}
}

/* dst may be among the sources: every position is read before it is written. */
static void xor_batch(void *dst, const void *const *srcs, unsigned n)
{
	void *vectors[XOR_BATCH + 2];
	uintptr_t bits = (uintptr_t)dst;

	for (unsigned i = 0; i < n; i++) {
		vectors[i] = unconst(srcs[i]);
		bits |= (uintptr_t)srcs[i];
	}
	vectors[n] = dst;
	if (bits % XOR_ALIGN != 0 || xor_gen((int)n + 1, PAGE_SIZE, vectors) != 0)
		xor_unaligned(dst, srcs, n);
}

void xor_page(void *dst, const void *src)
{
	const void *srcs[] = { dst, src };

	xor_batch(dst, srcs, 2);
}

void xor_pages(void *dst, const void *const *srcs, unsigned n)
{
	const void *batch[XOR_BATCH + 1];

	vc_assert(n >= 1);
	if (n == 1) {
		memcpy(dst, srcs[0], PAGE_SIZE);
		return;
	}
	xor_batch(dst, srcs, MIN_OF(n, (unsigned)XOR_BATCH));
	for (unsigned done = XOR_BATCH; done < n; done += XOR_BATCH) {
		unsigned more = MIN_OF(n - done, (unsigned)XOR_BATCH);

		batch[0] = dst;
		memcpy(batch + 1, srcs + done, more * sizeof *srcs);
		xor_batch(dst, batch, more + 1);
	}
}

int bytes_are_zero(const void *bytes, size_t len_bytes)
{
	return isal_zero_detect(unconst(bytes), len_bytes) == 0;
}
