/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting many integers: linear, stable, without a call per comparison. */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include <stddef.h>
#include <stdint.h>

/* Sort by the low 32 bits; the high ones go along. `spare` is as large as `items` and holds nothing afterwards. */
void radix_sort(uint64_t *items, uint64_t *spare, size_t n);

#endif
