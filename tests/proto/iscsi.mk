# scsi and iscsi, over memory LUNs instead of the file system
iscsi_test_libs = libvciscsi.a libvcscsi.a $(BASE_LIBS)
ramlun_sources = tests/support/ramlun.c tests/support/ramlun.h
check_PROGRAMS += tests/proto/iscsi_ramserver
tests_proto_iscsi_ramserver_SOURCES = tests/proto/iscsi_ramserver.c $(ramlun_sources)
tests_proto_iscsi_ramserver_LDADD = $(iscsi_test_libs)
