# Tests with real clients against a running vcd. Not part of `make check`: scripts/check runs them (tests/system/run).
EXTRA_DIST += tests/system/run tests/system/harness.py tests/system/iscsiclient.py tests/system/nfsclient.py tests/system/page.py tests/system/ports.py tests/system/rpcproxy.py tests/system/test_clone.py tests/system/test_cycles.py tests/system/test_double.py tests/system/test_drc.py tests/system/test_durability.py \
	tests/system/test_admin.py tests/system/test_check.py tests/system/test_clients.py tests/system/test_kill.py tests/system/test_online.py tests/system/test_replace.py tests/system/test_limits.py tests/system/test_lists.py tests/system/test_maps.py tests/system/test_nfs.py tests/system/test_policy.py tests/system/test_space.py tests/system/test_import.py tests/system/test_start.py tests/system/images/clean-8398df7.tar.xz tests/system/images/crashed-8398df7.tar.xz tests/system/test_grow.py tests/system/test_guide.py tests/system/test_hostfull.py tests/system/test_restore.py tests/system/test_scrub.py tests/system/test_spares.py tests/system/test_strangers.py \
	tests/system/test_guest.py tests/system/test_guest_disks.py tests/system/test_guest_files.py tests/system/test_guest_maps.py tests/system/guest/build-image tests/system/guest/guest.py tests/system/guest/disks.py tests/system/guest/linux.py tests/system/guest/init tests/system/guest/mkinitrd
check_PROGRAMS += tests/system/illpeers tests/system/imagemaker
tests_system_illpeers_SOURCES = tests/system/illpeers.c
tests_system_imagemaker_SOURCES = tests/system/imagemaker.c $(VDISK_TEST_BOX)
tests_system_imagemaker_LDADD = $(VDISK_TEST_LIBS)
if HAVE_CLIENTS
check_PROGRAMS += tests/system/lunstress tests/system/nfstree tests/system/nfschurn
tests_system_lunstress_SOURCES = tests/system/lunstress.c tests/system/stampmodel.c tests/system/stampmodel.h tests/bench/bench_driver.h \
	tests/bench/bench_nfs.c tests/bench/bench_iscsi.c
tests_system_lunstress_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS) $(ISCSI_CFLAGS)
tests_system_lunstress_LDADD = $(NFS_LIBS) $(ISCSI_LIBS)
tests_system_nfstree_SOURCES = tests/system/nfstree.c
tests_system_nfstree_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS)
tests_system_nfstree_LDADD = $(NFS_LIBS)
tests_system_nfschurn_SOURCES = tests/system/nfschurn.c
tests_system_nfschurn_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS)
tests_system_nfschurn_LDADD = $(NFS_LIBS)

# Hundreds of kills, where CI has some: make -C build kill (optimised build; VCD_KILL_CYCLES=N for another number)
kill: all tests/system/lunstress tests/system/nfschurn
	VCD_KILL_CYCLES=$${VCD_KILL_CYCLES:-200} $(top_srcdir)/tests/system/run --build $(abs_top_builddir) --release $(abs_top_builddir) -k kill.nothing
endif

# With a Linux guest: only when asked for (scripts/install-deps guest).
.PHONY: check-guest kill
check-guest: all
	$(top_srcdir)/tests/system/run --build $(abs_top_builddir) -k guest
