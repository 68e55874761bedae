/* SPDX-License-Identifier: Apache-2.0 */
/* Names of errors, and what happens when an invariant of our own is broken. */
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void error_assert_failed(const char *cond, const char *file, int line)
{
	log_error("base", "assert_failed", "condition=\"%s\" at=%s:%d", cond, file, line);
	abort();
}

const char *error_name(int err)
{
	const char *name;

	if (err == 0)
		return "OK";
	name = strerrorname_np(err < 0 ? -err : err);
	return name != NULL ? name : "EUNKNOWN";
}
