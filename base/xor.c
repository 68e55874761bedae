/* SPDX-License-Identifier: Apache-2.0 */
/* XOR of pages over isa-l. */
#include "base/xor.h"

#include <isa-l/raid.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/page.h"

enum { XOR_BATCH = 32 };

void xor_words(void *dst, const void *const *srcs, unsigned n, size_t len_bytes)
{
	for (size_t at = 0; at < len_bytes; at += sizeof(uint64_t)) {
		uint64_t sum = 0, word;

		for (unsigned i = 0; i < n; i++) {
			memcpy(&word, (const uint8_t *)srcs[i] + at, sizeof word);
			sum ^= word;
		}
		memcpy((uint8_t *)dst + at, &sum, sizeof sum);
	}
}

/* dst may be among the sources: every position is read before it is written. */
static void xor_batch(void *dst, const void *const *srcs, unsigned n)
{
	void *vectors[XOR_BATCH + 2];
	uintptr_t bits = (uintptr_t)dst;

	for (unsigned i = 0; i < n; i++) {
		vectors[i] = (void *)(uintptr_t)srcs[i]; /* only read: isa-l does not say const */
		bits |= (uintptr_t)srcs[i];
	}
	vectors[n] = dst;
	if (bits % XOR_ALIGN != 0 || xor_gen((int)n + 1, PAGE_SIZE, vectors) != 0)
		xor_words(dst, srcs, n, PAGE_SIZE); /* pointers that it does not take */
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
