/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of GF(2^8), by isa-l: bytes are added by XOR and multiplied modulo x^8 + x^4 + x^3 + x^2 + 1. Any
 * thread. */
#ifndef BASE_GALOIS_H
#define BASE_GALOIS_H

#include <stddef.h>
#include <stdint.h>

#define GALOIS_MAX_SOURCES 32U
#define GALOIS_MAX_ROWS 2U

uint8_t galois_multiply(uint8_t a, uint8_t b);
uint8_t galois_inverse(uint8_t a); /* of 0: 0 */
/* 2 to the power of n: different for n from 0 to 254. */
uint8_t galois_power(unsigned n);
/* dsts[r] = the sum of coefficients[r * n + i] * srcs[i] over the n sources, byte by byte, for r below n_rows. A dst is
 * none of the sources. No source: zeros. */
void galois_sums(void *const *dsts, unsigned n_rows, const uint8_t *coefficients, const void *const *srcs, unsigned n,
                 size_t len_bytes);

#endif
