# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/clone/clone.c fs/clone/clone.h fs/clone/clone_ahead.c fs/clone/clone_apply.c fs/clone/clone_apply.h \
	fs/clone/clone_fill.c fs/clone/clone_info.c fs/clone/clone_load.c fs/clone/clone_load.h fs/clone/clone_ops.c \
	fs/clone/clone_pace.c fs/clone/clone_pace.h fs/clone/clone_private.h fs/clone/clone_share.c \
	fs/clone/clone_share.h fs/clone/clone_speed.c fs/clone/clone_speed.h fs/clone/clone_turn.c fs/clone/clone_verify.c \
	fs/clone/lun_restore.c
