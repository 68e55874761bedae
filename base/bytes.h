/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: integers of disk and wire structures as byte arrays (alignment 1, and a forgotten conversion does not
 * compile), and runs of zeros. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* clang-format off */
typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;
typedef struct { uint8_t b[2]; } be16;
typedef struct { uint8_t b[3]; } be24;
typedef struct { uint8_t b[4]; } be32;
typedef struct { uint8_t b[8]; } be64;

static inline uint16_t le16_get(le16 v) { uint16_t x; memcpy(&x, v.b, sizeof x); return x; }
static inline uint32_t le32_get(le32 v) { uint32_t x; memcpy(&x, v.b, sizeof x); return x; }
static inline uint64_t le64_get(le64 v) { uint64_t x; memcpy(&x, v.b, sizeof x); return x; }
static inline le16 le16_of(uint16_t x) { le16 v; memcpy(v.b, &x, sizeof x); return v; }
static inline le32 le32_of(uint32_t x) { le32 v; memcpy(v.b, &x, sizeof x); return v; }
static inline le64 le64_of(uint64_t x) { le64 v; memcpy(v.b, &x, sizeof x); return v; }

static inline uint16_t be16_get(be16 v) { uint16_t x; memcpy(&x, v.b, sizeof x); return __builtin_bswap16(x); }
static inline uint32_t be24_get(be24 v) { return (uint32_t)v.b[0] << 16 | (uint32_t)v.b[1] << 8 | v.b[2]; }
static inline uint32_t be32_get(be32 v) { uint32_t x; memcpy(&x, v.b, sizeof x); return __builtin_bswap32(x); }
static inline uint64_t be64_get(be64 v) { uint64_t x; memcpy(&x, v.b, sizeof x); return __builtin_bswap64(x); }
static inline be16 be16_of(uint16_t x) { be16 v; x = __builtin_bswap16(x); memcpy(v.b, &x, sizeof x); return v; }
static inline be24 be24_of(uint32_t x) { be24 v = { { (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x } }; return v; }
static inline be32 be32_of(uint32_t x) { be32 v; x = __builtin_bswap32(x); memcpy(v.b, &x, sizeof x); return v; }
static inline be64 be64_of(uint64_t x) { be64 v; x = __builtin_bswap64(x); memcpy(v.b, &x, sizeof x); return v; }
/* clang-format on */

/* Are all of them zero? True of none. */
bool bytes_are_zero(const void *bytes, size_t len_bytes);

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vcstore's byte types are written for little-endian hosts"
#endif

#endif
