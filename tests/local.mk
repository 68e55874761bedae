# Unit tests mirror the source; each folder adds its own.
if HAVE_CMOCKA
include tests/alloc/local.mk
include tests/base/local.mk
include tests/raid/local.mk
include tests/fs/local.mk
include tests/proto/local.mk
include tests/admin/local.mk
endif
include tests/crash/local.mk
include tests/front/local.mk
include tests/system/local.mk
include tests/bench/local.mk
include tests/build/local.mk

# What uses threads or data that threads share, for a build with --enable-sanitize=thread (scripts/check has one).
THREAD_TESTS = tests/base/test_budget tests/base/test_counters tests/base/test_door tests/base/test_log tests/base/test_loop \
	tests/base/test_mailbox tests/base/test_page tests/base/test_stream tests/raid/test_raid_file tests/proto/test_nfs_export \
	tests/admin/test_portal
# What make distcheck runs in scripts/check: enough to see that a tarball builds, tests and installs.
DIST_TESTS = tests/base/test_text tests/base/test_crc32c tests/fs/test_namespace tests/proto/test_scsi_units tests/build/web_bundle.test
check-objects: # every test, compiled and not linked
	$(MAKE) $(AM_MAKEFLAGS) $(sort $(foreach program,$(check_PROGRAMS),$($(subst /,_,$(program))_OBJECTS)))
check-threads:
	$(MAKE) $(AM_MAKEFLAGS) $(THREAD_TESTS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(THREAD_TESTS)"
distcheck-short:
	$(MAKE) $(AM_MAKEFLAGS) distcheck AM_MAKEFLAGS='check_PROGRAMS="$(filter-out %.test,$(DIST_TESTS))" TESTS="$(DIST_TESTS)"'
.PHONY: check-objects check-threads distcheck-short

# Images from elsewhere, more than `make check` has of them: make images COUNT=1000 FIRST=5000
COUNT = 1000
.PHONY: images
images: tests/fs/test_images
	./tests/fs/test_images $${FIRST:-1000} $(COUNT)
