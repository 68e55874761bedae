libvcfs_a_SOURCES += \
	fs/dir.h fs/dir_private.h fs/dirformat.h fs/dir.c fs/dir_block.c fs/dir_check.c fs/dir_free.c fs/dir_index.c \
	fs/attr_ops.c fs/lookup_ops.c fs/namespace.h fs/namespace_apply.c fs/namespace_apply.h fs/namespace_ops.c fs/namespace_replay.c \
	fs/path.c fs/path.h fs/perm.c fs/perm.h fs/snapdir.c
