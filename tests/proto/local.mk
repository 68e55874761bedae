include tests/proto/nfs.mk
include tests/proto/iscsi.mk
