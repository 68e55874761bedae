/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka and the headers it wants before it. */
#ifndef TESTS_CMOCKA_ALL_H
#define TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* TEST_ONLY='GLOB' in the environment: only the tests of this program whose names match. */
static __attribute__((constructor)) void test_only(void)
{
	cmocka_set_test_filter(getenv("TEST_ONLY"));
}

#endif
