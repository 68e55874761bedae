# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/log/nvlog.c fs/log/nvlog.h fs/log/nvlog_group.c fs/log/nvlog_group.h
