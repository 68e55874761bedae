# fs
include tests/fs/vdisk.mk
