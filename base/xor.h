/* SPDX-License-Identifier: Apache-2.0 */
/* XOR of pages, by isa-l. Any thread. */
#ifndef BASE_XOR_H
#define BASE_XOR_H

#include <stddef.h>

/* Pages at multiples of this are many times faster to XOR than others. */
#define XOR_ALIGN 64

/* dst ^= src over PAGE_SIZE bytes. */
void xor_page(void *dst, const void *src);
/* dst = XOR of n >= 1 sources, PAGE_SIZE bytes each; dst is none of them. */
void xor_pages(void *dst, const void *const *srcs, unsigned n);
/* The same of a few bytes, a multiple of 8, anywhere; dst may be one of the sources. */
void xor_words(void *dst, const void *const *srcs, unsigned n, size_t len_bytes);

#endif
