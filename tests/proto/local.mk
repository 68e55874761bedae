# proto
include tests/proto/iscsi.mk
