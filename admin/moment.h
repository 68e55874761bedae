/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as text: RFC 3339, UTC, whole seconds. */
#ifndef ADMIN_MOMENT_H
#define ADMIN_MOMENT_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define MOMENT_TEXT_SIZE 32U

static inline void moment_format(int64_t wall_ns, char ret_text[MOMENT_TEXT_SIZE])
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(ret_text, MOMENT_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(ret_text, MOMENT_TEXT_SIZE, "-");
}

#endif
