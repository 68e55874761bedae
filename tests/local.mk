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

# Images from elsewhere, more than `make check` has of them: make images COUNT=1000 FIRST=5000
COUNT = 1000
.PHONY: images
images: tests/fs/test_images
	./tests/fs/test_images $${FIRST:-1000} $(COUNT)
