/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C and XOR, by isa-l. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/page.h"

/* CRC32C (Castagnoli), seed 0 and no final inversion: linear, so crc(a ^ b) = crc(a) ^ crc(b), and zeros give 0. */
uint32_t crc32c_linear(const void *bytes, size_t len_bytes);
/* Continue: the linear CRC of (what gave `crc`) followed by `bytes`. */
uint32_t crc32c_linear_more(uint32_t crc, const void *bytes, size_t len_bytes);
/* CRC32C as RFC 3720 and everybody else has it (seed ~0, inverted): iSCSI digests, log records. */
uint32_t crc32c(const void *bytes, size_t len_bytes);
uint32_t crc32c_more(uint32_t crc, const void *bytes, size_t len_bytes);
/* The CRC of a structure that holds its own CRC: the four bytes at `seal_at`, where it stands, count as zeros. */
uint32_t crc32c_sealed(const void *bytes, size_t len_bytes, size_t seal_at);

/* Pages at multiples of this are many times faster to XOR than others. */
#define XOR_ALIGN 64

/* dst ^= src over PAGE_SIZE bytes. */
void xor_page(void *dst, const void *src);
/* dst = XOR of n >= 1 sources, PAGE_SIZE bytes each; dst is none of them. */
void xor_pages(void *dst, const void *const *srcs, unsigned n);

/* True when all bytes are zero. */
int bytes_are_zero(const void *bytes, size_t len_bytes);

#endif
