/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 (Aumasson & Bernstein 2012): keyed hash for directory indexes, hash tables fed by clients, and handle
 * MACs. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint8_t b[16];
};

uint64_t siphash64(const struct siphash_key *key, const void *bytes, size_t len_bytes);
/* The 128-bit output variant. */
void siphash128(const struct siphash_key *key, const void *bytes, size_t len_bytes, uint8_t ret_hash[16]);

#endif
