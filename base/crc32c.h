/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C, by isa-l. Pure functions of the bytes: any thread. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC32C (Castagnoli), seed 0 and no final inversion: linear, so crc(a ^ b) = crc(a) ^ crc(b), and zeros give 0. */
uint32_t crc32c_linear(const void *bytes, size_t len_bytes);
/* Continue: the linear CRC of (what gave `crc`) followed by `bytes`. */
uint32_t crc32c_linear_more(uint32_t crc, const void *bytes, size_t len_bytes);
/* CRC32C as RFC 3720 and everybody else has it (seed ~0, inverted): iSCSI digests, log records. */
uint32_t crc32c(const void *bytes, size_t len_bytes);
uint32_t crc32c_more(uint32_t crc, const void *bytes, size_t len_bytes);
/* The CRC of a structure that holds its own CRC: the four bytes at `seal_at`, where it stands, count as zeros. */
uint32_t crc32c_sealed(const void *bytes, size_t len_bytes, size_t seal_at);

#endif
