# fs
include tests/fs/dir.mk
