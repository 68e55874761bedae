/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, histogram buckets, the registry; and names of errors. */
#include "base/counters.h"

#include <string.h>

#include "base/error.h"
#include "base/metrics.h"
#include "tests/base/cmocka_all.h"

static unsigned bucket_of(uint64_t ns)
{
	struct histogram h;
	unsigned found = HISTOGRAM_BUCKETS, n = 0;

	memset(&h, 0, sizeof h);
	histogram_add(&h, ns);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h.buckets[i] == 0)
			continue;
		found = i;
		n++;
	}
	assert_int_equal(n, 1);
	assert_true(h.sum_us == ns / 1000);
	return found;
}

static void histogram_puts_a_latency_below_its_power_of_two(void **state)
{
	(void)state;
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(999), 0);
	assert_int_equal(bucket_of(1000), 1);
	assert_int_equal(bucket_of(1999), 1);
	assert_int_equal(bucket_of(2000), 2);
	assert_int_equal(bucket_of(1023 * 1000), 10);
	assert_int_equal(bucket_of(1024 * 1000), 11);
	assert_int_equal(bucket_of(((UINT64_C(1) << 27) - 1) * 1000), 27);
	assert_int_equal(bucket_of(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void counter_adds_and_subtracts(void **state)
{
	struct counter c = { 0 };

	(void)state;
	counter_add(&c, 5);
	counter_sub(&c, 2);
	assert_int_equal(counter_get(&c), 3);
}

static void collect(const struct metric *metric, void *arg)
{
	strncat(arg, metric->name, 8);
}

static void assert_registry(const char *expect)
{
	char names[64] = "";

	metrics_visit(collect, names);
	assert_string_equal(names, expect);
}

static void registry_lists_in_order_and_forgets_the_removed(void **state)
{
	struct metric a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

	(void)state;
	metrics_register(&a);
	metrics_register(&b);
	metrics_register(&c);
	assert_registry("abc");
	metrics_unregister(&b);
	assert_registry("ac");
	metrics_unregister(&c);
	metrics_register(&b);
	assert_registry("ab");
	metrics_unregister(&a);
	metrics_unregister(&b);
	assert_registry("");
	metrics_register(&c);
	assert_registry("c");
	metrics_unregister(&c);
}

static void errors_have_names(void **state)
{
	(void)state;
	assert_string_equal(error_name(0), "OK");
	assert_string_equal(error_name(-ENOENT), "ENOENT");
	assert_string_equal(error_name(-EUCLEAN), "EUCLEAN");
	assert_string_equal(error_name(-99999), "EUNKNOWN");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(histogram_puts_a_latency_below_its_power_of_two),
		cmocka_unit_test(counter_adds_and_subtracts),
		cmocka_unit_test(registry_lists_in_order_and_forgets_the_removed),
		cmocka_unit_test(errors_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
