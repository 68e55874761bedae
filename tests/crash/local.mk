# The crash simulator.
check_PROGRAMS += tests/crash/sim
tests_crash_sim_SOURCES = \
	tests/crash/aftermath.c tests/crash/aftermath.h \
	tests/crash/cell.c tests/crash/cell.h \
	tests/crash/explored.c tests/crash/explored.h \
	tests/crash/disks.c tests/crash/disks.h \
	tests/crash/transitions.c tests/crash/transitions.h \
	tests/crash/fullhost.c tests/crash/fullhost.h \
	tests/crash/mishap.c tests/crash/mishap.h \
	tests/crash/history.c tests/crash/history.h \
	tests/crash/impostor.c tests/crash/impostor.h \
	tests/crash/machine.c tests/crash/machine.h \
	tests/crash/model.c tests/crash/model.h \
	tests/crash/ops.h tests/crash/ops_file.c tests/crash/ops_lun.c tests/crash/ops_name.c tests/crash/ops_volume.c \
	tests/crash/oracle.c tests/crash/oracle.h tests/crash/oracle_data.c tests/crash/oracle_name.c tests/crash/oracle_volume.c \
	tests/crash/random.c tests/crash/random.h \
	tests/crash/resend.c tests/crash/resend.h \
	tests/crash/rewind.c tests/crash/rewind.h \
	tests/crash/sim.c \
	tests/crash/small.c tests/crash/small.h \
	tests/crash/workers.c tests/crash/workers.h \
	tests/support/simworld.c tests/support/simworld.h
tests_crash_sim_LDADD = $(FS_LIBS) $(MEMDISK_LIBS) $(RAID_LIBS) $(BASE_LIBS)
EXTRA_DIST += tests/crash/campaign tests/crash/mutants tests/crash/mutants.list tests/crash/replay tests/crash/test_crash
TESTS += tests/crash/test_crash

# Ever new histories on all cores for as long as wanted, half of the time the engine's, half of it the front ends': make soak SECONDS=3600
SECONDS = 60
if HAVE_CLIENTS
SOAK_FRONT = tests/front/frontsim
endif
.PHONY: soak
soak: tests/crash/sim $(SOAK_FRONT)
	first=$${FIRST:-$$(date +%s)000}; half=$$((($(SECONDS) + 1) / 2)); failed=0; \
	./tests/crash/sim soak --seconds $$half --first $$first || failed=1; \
	test -z "$(SOAK_FRONT)" || ./tests/front/frontsim random --seconds $$half --first $$first || failed=1; \
	exit $$failed

# Seeded bugs, each of which the simulator must find (tests/crash/mutants.list).
.PHONY: mutants
mutants: tests/crash/sim tests/front/frontsim
	CC="$(CC)" $(top_srcdir)/tests/crash/mutants .
