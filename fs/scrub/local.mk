# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/scrub/scrub.c fs/scrub/scrub.h fs/scrub/scrub_info.c fs/scrub/scrub_judge.c fs/scrub/scrub_ops.c \
	fs/scrub/scrub_pace.c fs/scrub/scrub_pace.h fs/scrub/scrub_private.h fs/scrub/scrub_state.c \
	fs/scrub/scrub_walk.c
