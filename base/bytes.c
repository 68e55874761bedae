/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of bytes. */
#include "base/bytes.h"

#include <isa-l/mem_routines.h>

bool bytes_are_zero(const void *bytes, size_t len_bytes)
{
	return isal_zero_detect((void *)(uintptr_t)bytes, len_bytes) == 0; /* only read: isa-l does not say const */
}
