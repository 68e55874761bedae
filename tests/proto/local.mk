# proto
include tests/proto/nfs.mk
