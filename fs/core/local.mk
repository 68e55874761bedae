# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/core/check_result.c fs/core/scrub_result.c fs/core/check_result.h fs/core/core.h fs/core/cp_ask.c fs/core/cp_ask.h \
	fs/core/file_block.h fs/core/hooks.h fs/core/latency.c fs/core/latency.h fs/core/operations.h fs/core/queues.h \
	fs/core/vbn_set.c fs/core/vbn_set.h fs/core/volume_counters.h
