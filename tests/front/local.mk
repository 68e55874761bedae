# The campaign of the front ends: clients that others wrote, in one process with the server, over simulated sockets and disks.
if HAVE_CLIENTS
check_PROGRAMS += tests/front/frontsim
tests_front_frontsim_CPPFLAGS = $(VCNFS_CPPFLAGS) $(NFS_CFLAGS) $(ISCSI_CFLAGS)
tests_front_frontsim_SOURCES = \
	tests/crash/cell.c tests/crash/cell.h \
	tests/crash/machine.c tests/crash/machine.h \
	tests/crash/workers.c tests/crash/workers.h \
	tests/front/mischief.c tests/front/mischief.h \
	tests/front/front.c tests/front/front.h \
	tests/front/frontsim.c \
	tests/front/iscsi_audit.c \
	tests/front/iscsi_look.c \
	tests/front/iscsi_rows.c tests/front/iscsi_rows_control.c tests/front/iscsi_rows_info.c tests/front/iscsi_rows_medium.c \
	tests/front/iscsi_side.c tests/front/iscsi_side.h \
	tests/front/nfs_again.c \
	tests/front/nfs_audit.c \
	tests/front/nfs_look.c \
	tests/front/nfs_model.c tests/front/nfs_model.h \
	tests/front/nfs_rows.c tests/front/nfs_rows.h tests/front/nfs_rows_data.c tests/front/nfs_rows_name.c \
	tests/front/nfs_side.c tests/front/nfs_side.h \
	tests/front/report.c tests/front/report.h \
	tests/front/stage.c tests/front/stage.h \
	$(ALLOCFAIL_SOURCES) \
	tests/support/simlibc.c \
	tests/support/simloop.c tests/support/simloop.h \
	tests/support/simsock.c tests/support/simsock.h \
	tests/support/simworld.c tests/support/simworld.h
tests_front_frontsim_LDADD = $(ALLOCFAIL_LIB) $(MEMDISK_LIBS) $(RAID_LIBS) $(BASE_LIBS) $(TIRPC_LIBS) $(NFS_LIBS) $(ISCSI_LIBS)
$(tests_front_frontsim_OBJECTS): $(VCNFS_GENERATED)
TESTS += tests/front/test_front
endif
EXTRA_DIST += tests/front/campaign tests/front/test_front
