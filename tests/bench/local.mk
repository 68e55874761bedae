# Load generator and the limit server that compare measures against (make check builds them; they run by tests/bench/compare).
EXTRA_DIST += tests/bench/compare tests/bench/yes_rpcbind.py
if HAVE_CLIENTS
check_PROGRAMS += tests/bench/vcbench tests/bench/limit_server tests/bench/nfsnames
tests_bench_vcbench_SOURCES = tests/bench/vcbench.c tests/bench/bench_driver.h tests/bench/bench_histogram.c tests/bench/bench_histogram.h \
	tests/bench/bench_gaps.c tests/bench/bench_gaps.h tests/bench/bench_nfs.c tests/bench/bench_iscsi.c
tests_bench_vcbench_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS) $(ISCSI_CFLAGS)
tests_bench_vcbench_LDADD = $(NFS_LIBS) $(ISCSI_LIBS)
if HAVE_NBD
tests_bench_vcbench_SOURCES += tests/bench/bench_nbd.c
tests_bench_vcbench_CPPFLAGS += $(NBD_CFLAGS) -DWITH_NBD
tests_bench_vcbench_LDADD += $(NBD_LIBS)
endif
tests_bench_nfsnames_SOURCES = tests/bench/nfsnames.c
tests_bench_nfsnames_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS)
tests_bench_nfsnames_LDADD = $(NFS_LIBS)
tests_bench_limit_server_SOURCES = tests/bench/limit_server.c tests/bench/limit_server.h tests/bench/limit_nfs.c tests/bench/limit_iscsi.c
else
tests/bench/vcbench tests/bench/limit_server tests/bench/nfsnames:
	@echo "$@ needs libiscsi and libnfs: run scripts/install-deps check, then make again" >&2; exit 1
endif
# The engine without a network: a clone beside a plain copy (tests/bench/clone).
EXTRA_DIST += tests/bench/clone
check_PROGRAMS += tests/bench/enginecopy
tests_bench_enginecopy_SOURCES = tests/bench/enginecopy.c
tests_bench_enginecopy_LDADD = $(FS_LIBS) $(RAID_LIBS) $(BASE_LIBS)
# raid/ without a file system, beside the same files without raid/ (tests/bench/raid).
EXTRA_DIST += tests/bench/raid
check_PROGRAMS += tests/bench/raidbench
tests_bench_raidbench_SOURCES = tests/bench/raidbench.c tests/bench/raidrig.c tests/bench/raidrig.h tests/bench/raidrig_private.h \
	tests/bench/raidrig_raw.c
tests_bench_raidbench_LDADD = $(RAID_LIBS) $(BASE_LIBS)
# Big and full: the engine on volumes as large, and with as many of everything, as there can be (tests/bench/big; make big).
EXTRA_DIST += tests/bench/big tests/bench/drc tests/bench/served
check_PROGRAMS += tests/bench/bigbench
tests_bench_bigbench_SOURCES = tests/bench/bigbench.c tests/bench/bigrig.c tests/bench/bigrig.h tests/bench/big_volume.c \
	tests/bench/big_names.c tests/bench/big_many.c
tests_bench_bigbench_LDADD = $(FS_LIBS) $(RAID_LIBS) $(BASE_LIBS)
big: all tests/bench/bigbench tests/bench/nfsnames
	BUILD_DIR=$(abs_builddir) $(top_srcdir)/tests/bench/big
.PHONY: big
