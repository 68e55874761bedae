# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/cp/admit.c fs/cp/admit.h fs/cp/alloc.c fs/cp/alloc.h fs/cp/calls.c fs/cp/calls.h fs/cp/calls_door.c \
	fs/cp/calls_save.c fs/cp/cp.c fs/cp/cp.h fs/cp/cp_files.c fs/cp/cp_place.c fs/cp/cp_tree.c fs/cp/cp_wait.h \
	fs/cp/cp_write.c fs/cp/fsinfo.c fs/cp/fsinfo.h fs/cp/maps.c fs/cp/maps.h fs/cp/message_run.c \
	fs/cp/message_run.h fs/cp/space.c fs/cp/space.h fs/cp/space_count.c fs/cp/space_level.c fs/cp/stripe.c \
	fs/cp/stripe.h fs/cp/zombie.c fs/cp/zombie.h
