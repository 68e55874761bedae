/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that must be had: small, and asked for by somebody who has no way to go on without it. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stdarg.h>
#include <stdlib.h>

/* What an allocation returned. The process ends when that is nothing. */
static inline void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

/* The text that printf would write. The caller frees it. */
char *must_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *must_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#endif
