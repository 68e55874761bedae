/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for what has begun and cannot be refused any more, when the system has none.
 *
 * THEORY. An operation that has changed nothing yet is refused when there is no memory for it. One that has (a
 * consistency point in the middle of placing blocks, a change that is being applied) must end. For its small records
 * there is a reserve: blocks of four sizes, had from malloc at start, handed out when malloc has nothing, and had anew
 * as soon as it has. They are malloc's blocks, so whoever frees one need not know. While the reserve is not whole
 * (reserve_is_low), nothing new is begun: so what it must last for is what is under way.
 * THREADS. Any. */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* With the page arena: at start, -ENOMEM; and at the end. */
MUST_CHECK int reserve_init(void);
void reserve_fini(void);
/* As malloc, calloc, reallocarray, strdup, but never NULL: the end of the program, said in the log, when the reserve is
 * used up too. */
void *reserve_malloc(size_t len_bytes);
void *reserve_calloc(size_t n, size_t len_bytes);
void *reserve_reallocarray(void *old, size_t n, size_t len_bytes);
char *reserve_strdup(const char *text);
/* Memory is short: the reserve was used and could not be made whole again yet. Tries to. */
bool reserve_is_low(void);

#endif
