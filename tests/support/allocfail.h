/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail, on demand: those of the product's code, and no others.
 *
 * THEORY. A program that links with $(ALLOCFAIL_LIB) instead of the product's archives holds the same objects, in which
 * the names malloc, calloc, realloc, strdup, ..., page_alloc, ... are changed to the ones of this file (objcopy:
 * tests/support/allocfail.sh). So what clients, libraries and the test itself allocate never fails, nor does what the
 * disks in memory do: they are the medium. While nothing is asked for, all goes to the real functions.
 * THREADS. The count is one for all threads. */
#ifndef TESTS_ALLOCFAIL_H
#define TESTS_ALLOCFAIL_H

#include <stdbool.h>
#include <stdint.h>

/* Count from now on, and fail: nothing; allocation number `nth` (1 is the next one); it and every later one. */
void allocfail_count(void);
void allocfail_once(uint64_t nth);
void allocfail_from(uint64_t nth);
/* Fail nothing any more; how many allocations were asked for since. */
uint64_t allocfail_stop(void);
/* Of the last count: who asked for allocation `nth`; equal numbers, equal callers (a few calls deep). */
uint64_t allocfail_caller(uint64_t nth);
/* How many of them failed. */
uint64_t allocfail_failed(void);

#endif
