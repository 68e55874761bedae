# scsi and iscsi, over memory LUNs instead of the file system
iscsi_test_libs = libvciscsi.a libvcscsi.a $(BASE_LIBS)
ramlun_sources = tests/support/ramlun.c tests/support/ramlun.h
check_PROGRAMS += tests/proto/iscsi_ramserver
tests_proto_iscsi_ramserver_SOURCES = tests/proto/iscsi_ramserver.c $(ramlun_sources)
tests_proto_iscsi_ramserver_LDADD = $(iscsi_test_libs)
ISCSI_TESTS = tests/proto/test_scsi_units tests/proto/test_scsi_commands tests/proto/test_iscsi_session tests/proto/test_iscsi_places \
	tests/proto/test_iscsi_stall
check_PROGRAMS += $(ISCSI_TESTS)
TESTS += $(ISCSI_TESTS)
tests_proto_test_scsi_units_SOURCES = tests/proto/test_scsi_units.c $(ramlun_sources)
tests_proto_test_scsi_units_LDADD = $(iscsi_test_libs) $(CMOCKA_LIBS)
tests_proto_test_iscsi_session_SOURCES = tests/proto/test_iscsi_session.c tests/proto/iscsi_raw.c tests/proto/iscsi_raw.h $(ramlun_sources)
tests_proto_test_iscsi_session_LDADD = $(iscsi_test_libs) $(CMOCKA_LIBS)
tests_proto_test_iscsi_places_SOURCES = tests/proto/test_iscsi_places.c tests/proto/iscsi_raw.c tests/proto/iscsi_raw.h $(ramlun_sources)
tests_proto_test_iscsi_places_LDADD = $(iscsi_test_libs) $(CMOCKA_LIBS)
tests_proto_test_iscsi_stall_SOURCES = tests/proto/test_iscsi_stall.c tests/proto/iscsi_raw.c tests/proto/iscsi_raw.h $(ramlun_sources)
tests_proto_test_iscsi_stall_LDADD = $(iscsi_test_libs) $(CMOCKA_LIBS)
tests_proto_test_scsi_commands_SOURCES = tests/proto/test_scsi_commands.c tests/proto/iscsi_raw.c tests/proto/iscsi_raw.h $(ramlun_sources)
tests_proto_test_scsi_commands_LDADD = $(iscsi_test_libs) $(CMOCKA_LIBS)
TESTS += tests/proto/iscsi_clients.sh
EXTRA_DIST += tests/proto/iscsi_clients.sh
