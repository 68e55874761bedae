include tests/fs/engine.mk
include tests/fs/dir.mk
include tests/fs/vdisk.mk
include tests/fs/check.mk
include tests/fs/scale.mk
