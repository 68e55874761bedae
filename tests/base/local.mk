BASE_TESTS = \
	tests/base/test_budget \
	tests/base/test_bytes \
	tests/base/test_counters \
	tests/base/test_crc32c \
	tests/base/test_door \
	tests/base/test_log \
	tests/base/test_loop \
	tests/base/test_mailbox \
	tests/base/test_page \
	tests/base/test_radix \
	tests/base/test_siphash \
	tests/base/test_stream \
	tests/base/test_text \
	tests/base/test_uuid
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
BASE_TEST_LIBS = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_base_test_budget_SOURCES = tests/base/test_budget.c
tests_base_test_budget_LDADD = $(BASE_TEST_LIBS)
tests_base_test_bytes_SOURCES = tests/base/test_bytes.c tests/base/cmocka_all.h
tests_base_test_bytes_LDADD = $(BASE_TEST_LIBS)
tests_base_test_crc32c_SOURCES = tests/base/test_crc32c.c
tests_base_test_crc32c_LDADD = $(BASE_TEST_LIBS)
tests_base_test_counters_SOURCES = tests/base/test_counters.c
tests_base_test_counters_LDADD = $(BASE_TEST_LIBS)
tests_base_test_door_SOURCES = tests/base/test_door.c
tests_base_test_door_LDADD = $(BASE_TEST_LIBS)
tests_base_test_log_SOURCES = tests/base/test_log.c
tests_base_test_log_LDADD = $(BASE_TEST_LIBS)
tests_base_test_loop_SOURCES = tests/base/test_loop.c
tests_base_test_loop_LDADD = $(BASE_TEST_LIBS)
tests_base_test_mailbox_SOURCES = tests/base/test_mailbox.c
tests_base_test_mailbox_LDADD = $(BASE_TEST_LIBS)
tests_base_test_page_SOURCES = tests/base/test_page.c
tests_base_test_page_LDADD = $(BASE_TEST_LIBS)
tests_base_test_radix_SOURCES = tests/base/test_radix.c
tests_base_test_radix_LDADD = $(BASE_TEST_LIBS)
tests_base_test_siphash_SOURCES = tests/base/test_siphash.c
tests_base_test_siphash_LDADD = $(BASE_TEST_LIBS)
tests_base_test_stream_SOURCES = tests/base/test_stream.c
tests_base_test_stream_LDADD = $(BASE_TEST_LIBS)
tests_base_test_text_SOURCES = tests/base/test_text.c
tests_base_test_text_LDADD = $(BASE_TEST_LIBS)
tests_base_test_uuid_SOURCES = tests/base/test_uuid.c
tests_base_test_uuid_LDADD = $(BASE_TEST_LIBS)
