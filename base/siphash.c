/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4, 64 and 128 bits out.
 * REFERENCES. Aumasson, Bernstein: SipHash: a fast short-input PRF (2012); the authors' reference code for the 128-bit
 * variant. */
#include "base/siphash.h"

#include "base/bytes.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline uint64_t load64(const uint8_t *from)
{
	le64 v;

	memcpy(v.b, from, sizeof v.b);
	return le64_get(v);
}

static inline void sip_rounds(struct sip *s, unsigned n)
{
	for (; n > 0; n--) {
		s->v0 += s->v1;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

static void sip_init(struct sip *s, const struct siphash_key *key)
{
	uint64_t k0 = load64(key->b), k1 = load64(key->b + 8);

	s->v0 = k0 ^ 0x736f6d6570736575U;
	s->v1 = k1 ^ 0x646f72616e646f6dU;
	s->v2 = k0 ^ 0x6c7967656e657261U;
	s->v3 = k1 ^ 0x7465646279746573U;
}

static void sip_bytes(struct sip *s, const uint8_t *from, size_t len_bytes)
{
	uint64_t last = (uint64_t)len_bytes << 56;
	size_t left = len_bytes;

	for (; left >= 8; left -= 8, from += 8)
		sip_word(s, load64(from));
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)from[i] << (8 * i);
	sip_word(s, last);
}

static inline uint64_t sip_out(struct sip *s)
{
	sip_rounds(s, 4);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash64(const struct siphash_key *key, const void *bytes, size_t len_bytes)
{
	struct sip s;

	sip_init(&s, key);
	sip_bytes(&s, bytes, len_bytes);
	s.v2 ^= 0xff;
	return sip_out(&s);
}

void siphash128(const struct siphash_key *key, const void *bytes, size_t len_bytes, uint8_t ret_hash[16])
{
	struct sip s;
	le64 low, high;

	sip_init(&s, key);
	s.v1 ^= 0xee;
	sip_bytes(&s, bytes, len_bytes);
	s.v2 ^= 0xee;
	low = le64_of(sip_out(&s));
	s.v1 ^= 0xdd;
	high = le64_of(sip_out(&s));
	memcpy(ret_hash, low.b, sizeof low.b);
	memcpy(ret_hash + 8, high.b, sizeof high.b);
}
