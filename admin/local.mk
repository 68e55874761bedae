# admin: the table of verbs (shared by both programs), the administration, the web page, vcadm
noinst_LIBRARIES += libvcverbs.a libvcadmin.a
libvcverbs_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libvcverbs_a_SOURCES = admin/fault.c admin/fault.h admin/record.c admin/record.h admin/verbs.c admin/verbs.h admin/size.c admin/size.h
libvcadmin_a_SOURCES = \
	admin/admin.c admin/admin.h admin/admin_private.h \
	admin/checkjob.c admin/checkjob.h \
	admin/clonejob.c admin/clonejob.h \
	admin/diskfile.c admin/diskfile.h \
	admin/document.c admin/document.h \
	admin/exportwatch.c admin/exportwatch.h \
	admin/filejob.c admin/filejob.h \
	admin/jobfile.c admin/jobfile.h \
	admin/jobs.c admin/jobs.h \
	admin/journal.c admin/journal.h \
	admin/keeper.c admin/keeper.h \
	admin/known.c admin/known.h \
	admin/lifecycle.c admin/lifecycle.h admin/lifecycle_private.h \
	admin/lifecycle_create.c admin/lifecycle_destroy.c admin/lifecycle_disk.c admin/lifecycle_grow.c admin/lifecycle_import.c \
	admin/lifecycle_mount.c admin/lifecycle_replace.c admin/lifecycle_restore.c admin/lifecycle_unmount.c \
	admin/lunnumber.c admin/lunnumber.h \
	admin/moment.h \
	admin/overlap.c admin/overlap.h \
	admin/policy.c admin/policy.h admin/raidlevel.c admin/raidlevel.h \
	admin/rebuildjob.c admin/rebuildjob.h \
	admin/remount.c admin/remount.h \
	admin/scrubjob.c admin/scrubjob.h \
	admin/scrubwatch.c admin/scrubwatch.h \
	admin/san.c admin/san.h \
	admin/spare.c admin/spare.h \
	admin/sparewatch.c admin/sparewatch.h \
	admin/schedule.c admin/schedule.h \
	admin/statefile.c admin/statefile.h \
	admin/textjson.c admin/textjson.h \
	admin/trust.c admin/trust.h \
	admin/turn.c admin/turn.h \
	admin/tokenfile.c admin/tokenfile.h \
	admin/volpath.c admin/volpath.h \
	admin/http/autodelete_api.c \
	admin/http/call.c admin/http/call.h \
	admin/http/clone_api.c \
	admin/http/collection.c admin/http/collection.h \
	admin/http/event_api.c \
	admin/http/event_stream.c admin/http/event_stream.h \
	admin/http/export_api.c \
	admin/http/handlers.c admin/http/handlers.h \
	admin/http/hostname.c admin/http/hostname.h \
	admin/http/http_server.c admin/http/http_server.h \
	admin/http/igroup_api.c \
	admin/http/job_api.c \
	admin/http/lun_api.c \
	admin/http/map_api.c \
	admin/http/metrics_page.c \
	admin/http/openapi.c \
	admin/http/grow_api.c \
	admin/http/raid_api.c \
	admin/http/request_clock.c admin/http/request_clock.h \
	admin/http/router.c admin/http/router.h \
	admin/http/schedule_api.c \
	admin/http/scrub_api.c \
	admin/http/session_api.c \
	admin/http/signin.c admin/http/signin.h \
	admin/http/snapshot_api.c \
	admin/http/spare_api.c \
	admin/http/status_api.c \
	admin/http/volume_api.c \
	admin/web/assets.h
nodist_libvcadmin_a_SOURCES = admin/web/assets.c
libvcadmin_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(EVENT_CFLAGS) $(CRYPTO_CFLAGS) $(BSD_CFLAGS)
ADMIN_LIBS = libvcadmin.a libvcverbs.a $(JANSSON_LIBS) $(EVENT_LIBS) $(CRYPTO_LIBS)

# The web page: bundled by esbuild from the npm registry's packages that package-lock.json names; a tarball brings the bundle along,
# so that only a build from a checkout needs npm.
WEB_PAGE = admin/web/src/main.jsx admin/web/src/api.js admin/web/src/format.js admin/web/src/dialogs.jsx admin/web/src/disks.jsx admin/web/src/form.jsx admin/web/src/policy.jsx admin/web/src/signin.jsx admin/web/src/table.jsx admin/web/src/tables.jsx
WEB_FILES = admin/web/package.json admin/web/package-lock.json
EXTRA_DIST += $(WEB_PAGE) $(WEB_FILES) admin/web/index.html admin/web/app.css admin/web/icon.svg admin/web/embed.sh admin/web/bundle.sh admin/web/dist/app.js
admin/web/dist/app.js: $(WEB_PAGE) $(WEB_FILES)
	$(AM_V_GEN)sh $(srcdir)/admin/web/bundle.sh $(srcdir) $(WEB_PAGE) $(WEB_FILES)
# A bundle that came with the tarball is in the source folder: make finds it there by VPATH.
admin/web/assets.c: admin/web/index.html admin/web/app.css admin/web/icon.svg admin/web/dist/app.js admin/web/embed.sh
	$(AM_V_GEN)$(MKDIR_P) admin/web && \
	app=admin/web/dist/app.js; test -f $$app || app=$(srcdir)/admin/web/dist/app.js; \
	sh $(srcdir)/admin/web/embed.sh $(srcdir)/admin/web/index.html $(srcdir)/admin/web/app.css $(srcdir)/admin/web/icon.svg $$app >$@.new && mv $@.new $@
CLEANFILES += admin/web/assets.c
clean-local:
	rm -rf admin/web/bundle
	-test "$(srcdir)" = . || rm -rf admin/web/dist

# vcadm
sbin_PROGRAMS += vcadm
vcadm_SOURCES = \
	admin/cli/client.c admin/cli/client.h \
	admin/cli/columns.c admin/cli/columns.h \
	admin/cli/follow.c admin/cli/follow.h \
	admin/cli/help.c admin/cli/help.h \
	admin/cli/render.c admin/cli/render.h \
	admin/cli/request.c admin/cli/request.h admin/cli/request_value.c \
	admin/cli/shown.c admin/cli/shown.h \
	admin/cli/vcadm.c
vcadm_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(SMARTCOLS_CFLAGS)
vcadm_LDADD = libvcverbs.a libvcbase.a $(JANSSON_LIBS) $(CURL_LIBS) $(SMARTCOLS_LIBS)
