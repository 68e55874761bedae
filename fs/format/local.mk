# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/format/callformat.h fs/format/dirformat.h fs/format/fsformat.h fs/format/nvlogformat.h \
	fs/format/recordformat.h fs/format/scrubformat.h fs/format/streamformat.h fs/format/vdiskformat.h fs/format/vtocformat.h
