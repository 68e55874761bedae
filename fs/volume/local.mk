# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/volume/hostfull.c fs/volume/hostfull.h fs/volume/nvlog_replay.c fs/volume/volume.c \
	fs/volume/volume_format.c fs/volume/volume_life.h fs/volume/volume_private.h fs/volume/volume_table.c
