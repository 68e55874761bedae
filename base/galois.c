/* SPDX-License-Identifier: Apache-2.0 */
/* GF(2^8) over isa-l. */
#include "base/galois.h"

#include <isa-l/erasure_code.h>
#include <string.h>

#include "base/error.h"

#define TABLE_BYTES 32U /* isa-l's, of one coefficient */

uint8_t galois_multiply(uint8_t a, uint8_t b)
{
	return gf_mul(a, b);
}

uint8_t galois_inverse(uint8_t a)
{
	return gf_inv(a);
}

uint8_t galois_power(unsigned n)
{
	uint8_t power = 1;

	while (n-- > 0)
		power = gf_mul(power, 2);
	return power;
}

void galois_sums(void *const *dsts, unsigned n_rows, const uint8_t *coefficients, const void *const *srcs, unsigned n,
                 size_t len_bytes)
{
	uint8_t tables[GALOIS_MAX_ROWS * GALOIS_MAX_SOURCES * TABLE_BYTES];
	uint8_t *from[GALOIS_MAX_SOURCES], *to[GALOIS_MAX_ROWS];

	vc_assert(n_rows >= 1 && n_rows <= GALOIS_MAX_ROWS && n <= GALOIS_MAX_SOURCES);
	for (unsigned r = 0; r < n_rows; r++) {
		to[r] = dsts[r];
		if (n == 0)
			memset(to[r], 0, len_bytes);
	}
	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		from[i] = (uint8_t *)(uintptr_t)srcs[i]; /* only read: isa-l does not say const */
	ec_init_tables((int)n, (int)n_rows, (unsigned char *)(uintptr_t)coefficients, tables);
	ec_encode_data((int)len_bytes, (int)n, (int)n_rows, tables, from, to);
}
