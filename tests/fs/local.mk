# fs
include tests/fs/dir.mk
include tests/fs/vdisk.mk
