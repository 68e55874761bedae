/* SPDX-License-Identifier: Apache-2.0 */
/* Double parity: two parity disks, any two disks may be lost.
 *
 * THEORY. P is the XOR of the data blocks, Q the sum of 2^i times block i in GF(2^8) (base/galois.h). Two missing data
 * blocks x and y leave the sums p = x + y and q = 2^x x + 2^y y: two equations. A data disk that joins with zeros
 * changes neither parity. With one data disk P = Q = the block: a mirror of three.
 * REFERENCES H. P. Anvin, "The mathematics of RAID-6", 2004. */
#include <string.h>

#include "base/galois.h"
#include "base/page.h"
#include "base/xor.h"
#include "raid/level.h"

#define SMALL_BYTES 64U /* below it isa-l has nothing to offer */

/* Eight bytes, each times 2. */
static uint64_t twice(uint64_t v)
{
	return (v << 1 & 0xFEFEFEFEFEFEFEFEULL) ^ (v >> 7 & 0x0101010101010101ULL) * 0x1DU;
}

static uint64_t word_at(const void *block, size_t at)
{
	uint64_t word = 0;

	if (block != NULL)
		memcpy(&word, (const uint8_t *)block + at, sizeof word);
	return word;
}

/* Entries. From the highest position down, as Horner has it. */
static void sums_small(unsigned n_data, const void *const *blocks, void *const *ret_sums, size_t len_bytes)
{
	for (size_t at = 0; at < len_bytes; at += sizeof(uint64_t)) {
		uint64_t p = word_at(blocks[n_data], at), q = 0;

		for (unsigned i = n_data; i-- > 0;) {
			uint64_t word = word_at(blocks[i], at);

			p ^= word;
			q = twice(q) ^ word;
		}
		q ^= word_at(blocks[n_data + 1], at);
		if (ret_sums[0] != NULL)
			memcpy((uint8_t *)ret_sums[0] + at, &p, sizeof p);
		if (ret_sums[1] != NULL)
			memcpy((uint8_t *)ret_sums[1] + at, &q, sizeof q);
	}
}

/* The blocks that are given, and what each is multiplied by in P and in Q: rows of n. */
static unsigned sources(unsigned n_data, const void *const *blocks, const void **srcs,
                        uint8_t coefficients[2 * LEVEL_MAX_DISKS])
{
	uint8_t in_q[LEVEL_MAX_DISKS], power = 1;
	unsigned n = 0;

	for (unsigned i = 0; i < n_data + 2; i++) {
		if (blocks[i] != NULL) {
			coefficients[n] = i == n_data + 1 ? 0 : 1;
			in_q[n] = i < n_data ? power : i == n_data ? 0 : 1;
			srcs[n++] = blocks[i];
		}
		power = galois_multiply(power, 2);
	}
	memcpy(coefficients + n, in_q, n);
	return n;
}

static void dp_sums(unsigned n_data, const void *const *blocks, void *const *ret_sums, size_t len_bytes)
{
	const void *srcs[LEVEL_MAX_DISKS];
	uint8_t coefficients[2 * LEVEL_MAX_DISKS];
	unsigned n;

	if (len_bytes < SMALL_BYTES) {
		sums_small(n_data, blocks, ret_sums, len_bytes);
		return;
	}
	n = sources(n_data, blocks, srcs, coefficients);
	if (ret_sums[0] != NULL && ret_sums[1] != NULL)
		galois_sums(ret_sums, 2, coefficients, srcs, n, len_bytes);
	else if (ret_sums[0] != NULL)
		galois_sums(ret_sums, 1, coefficients, srcs, n, len_bytes);
	else if (ret_sums[1] != NULL)
		galois_sums(ret_sums + 1, 1, coefficients + n, srcs, n, len_bytes);
}

/* The missing block is a p + b q. */
static void factors(unsigned n_data, unsigned missing, unsigned position, uint8_t ret[2])
{
	unsigned data = missing & ((1U << n_data) - 1U), n = (unsigned)__builtin_popcount(data);
	unsigned x = n > 0 ? (unsigned)__builtin_ctz(data) : 0, y = n > 1 ? 31U - (unsigned)__builtin_clz(data) : 0;
	uint8_t at_x = galois_power(x), at_y = galois_power(y), one;

	if (position == n_data) { /* p, and if x is missing, too, that from q */
		ret[0] = 1;
		ret[1] = n == 0 ? 0 : galois_inverse(at_x);
	} else if (position == n_data + 1) { /* q, and if x is missing, too, that from p */
		ret[0] = n == 0 ? 0 : at_x;
		ret[1] = 1;
	} else if (n == 2) {
		one = galois_inverse(at_x ^ at_y);
		ret[0] = galois_multiply(one, position == x ? at_y : at_x);
		ret[1] = one;
	} else {
		ret[0] = missing >> n_data & 1 ? 0 : 1;
		ret[1] = missing >> n_data & 1 ? galois_inverse(at_x) : 0;
	}
}

static void dp_solve(unsigned n_data, unsigned missing, unsigned position, const void *const *sums, void *ret,
                     size_t len_bytes)
{
	uint8_t by[2];

	factors(n_data, missing, position, by);
	if (by[0] == 1 && by[1] == 0)
		memcpy(ret, sums[0], len_bytes);
	else
		galois_sums(&ret, 1, by, sums, 2, len_bytes);
}

const struct level level_dp = { "dp", 2, dp_sums, dp_solve };
