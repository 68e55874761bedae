# admin: unit tests, and the whole administration over HTTP against a double of the file system (tests/support/ramadmin.c)
ADMIN_TESTS = \
	tests/admin/test_jobs \
	tests/admin/test_journal \
	tests/admin/test_portal \
	tests/admin/test_targetname \
	tests/admin/test_keeper \
	tests/admin/test_remount \
	tests/admin/test_schedule \
	tests/admin/test_raid_api \
	tests/admin/test_scrub_api \
	tests/admin/test_scrubwatch \
	tests/admin/test_signin \
	tests/admin/test_spares \
	tests/admin/test_size \
	tests/admin/test_verbs \
	tests/admin/test_volpath \
	tests/admin/test_statefile \
	tests/admin/test_collection \
	tests/admin/test_http \
	tests/admin/test_volume_api \
	tests/admin/test_disk_api \
	tests/admin/test_check_api \
	tests/admin/test_lun_api \
	tests/admin/test_igroup_api \
	tests/admin/test_export_api \
	tests/admin/test_document \
	tests/admin/test_status_api \
	tests/admin/test_maps \
	tests/admin/test_trust \
	tests/admin/test_config
check_PROGRAMS += $(ADMIN_TESTS) tests/admin/adminhost
TESTS += $(ADMIN_TESTS) tests/admin/vcadm.test tests/admin/terminal.test
EXTRA_DIST += tests/admin/vcadm.test tests/admin/terminal.test
ADMIN_TEST_LIBS = $(ADMIN_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
ADMIN_HOST = fs/core/scrub_result.c tests/admin/host.c tests/admin/host.h tests/support/ramadmin.c tests/support/ramadmin.h
ADMIN_REST = tests/admin/rest.c tests/admin/rest.h $(ADMIN_HOST)
tests_admin_test_keeper_SOURCES = tests/admin/test_keeper.c tests/support/ramadmin.c tests/support/ramadmin.h \
	tests/support/simworld.c tests/support/simworld.h
tests_admin_test_keeper_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_jobs_SOURCES = tests/admin/test_jobs.c $(ADMIN_REST)
tests_admin_test_jobs_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_journal_SOURCES = tests/admin/test_journal.c
tests_admin_test_journal_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_targetname_SOURCES = tests/admin/test_targetname.c
tests_admin_test_targetname_LDADD = libvcconfig.a $(ADMIN_TEST_LIBS)
tests_admin_test_portal_SOURCES = tests/admin/test_portal.c
tests_admin_test_portal_LDADD = libvcconfig.a $(ADMIN_TEST_LIBS)
tests_admin_test_schedule_SOURCES = tests/admin/test_schedule.c
tests_admin_test_schedule_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_raid_api_SOURCES = tests/admin/test_raid_api.c $(ADMIN_REST)
tests_admin_test_raid_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_scrub_api_SOURCES = tests/admin/test_scrub_api.c $(ADMIN_REST)
tests_admin_test_scrub_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_scrubwatch_SOURCES = fs/core/scrub_result.c tests/admin/test_scrubwatch.c tests/support/ramadmin.c tests/support/ramadmin.h \
	tests/support/simworld.c tests/support/simworld.h
tests_admin_test_scrubwatch_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_signin_SOURCES = tests/admin/test_signin.c tests/support/simworld.c tests/support/simworld.h
tests_admin_test_signin_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_spares_SOURCES = tests/admin/test_spares.c $(ADMIN_REST)
tests_admin_test_spares_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_size_SOURCES = tests/admin/test_size.c
tests_admin_test_size_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_verbs_SOURCES = fs/core/scrub_result.c tests/admin/test_verbs.c tests/support/ramadmin.c tests/support/ramadmin.h
tests_admin_test_verbs_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_volpath_SOURCES = tests/admin/test_volpath.c
tests_admin_test_volpath_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_statefile_SOURCES = tests/admin/test_statefile.c
tests_admin_test_statefile_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_collection_SOURCES = tests/admin/test_collection.c
tests_admin_test_collection_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_http_SOURCES = tests/admin/test_http.c $(ADMIN_REST)
tests_admin_test_http_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_volume_api_SOURCES = tests/admin/test_volume_api.c $(ADMIN_REST)
tests_admin_test_volume_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_disk_api_SOURCES = tests/admin/test_disk_api.c $(ADMIN_REST)
tests_admin_test_disk_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_check_api_SOURCES = tests/admin/test_check_api.c $(ADMIN_REST)
tests_admin_test_check_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_lun_api_SOURCES = tests/admin/test_lun_api.c $(ADMIN_REST)
tests_admin_test_lun_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_igroup_api_SOURCES = tests/admin/test_igroup_api.c $(ADMIN_REST)
tests_admin_test_igroup_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_export_api_SOURCES = tests/admin/test_export_api.c $(ADMIN_REST)
tests_admin_test_export_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_document_SOURCES = tests/admin/test_document.c $(ADMIN_REST)
tests_admin_test_document_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_status_api_SOURCES = tests/admin/test_status_api.c $(ADMIN_REST)
tests_admin_test_status_api_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_remount_SOURCES = tests/admin/test_remount.c $(ADMIN_REST)
tests_admin_test_remount_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_maps_SOURCES = tests/admin/test_maps.c $(ADMIN_REST)
tests_admin_test_maps_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_trust_SOURCES = tests/admin/test_trust.c $(ADMIN_REST)
tests_admin_test_trust_LDADD = $(ADMIN_TEST_LIBS)
tests_admin_test_config_SOURCES = tests/admin/test_config.c
tests_admin_test_config_LDADD = libvcconfig.a libvcverbs.a $(INIH_LIBS) $(ADMIN_TEST_LIBS)
# The administration on the double as a program of its own, for tests that run the real vcadm.
tests_admin_adminhost_SOURCES = tests/admin/adminhost.c $(ADMIN_HOST)
tests_admin_adminhost_LDADD = $(ADMIN_LIBS) $(BASE_LIBS)
