# server: vcd
noinst_LIBRARIES += libvcconfig.a
libvcconfig_a_SOURCES = \
	server/descriptors.c server/descriptors.h \
	server/listen.c server/listen.h \
	server/portal.c server/portal.h \
	server/settings.c server/settings.h \
	server/targetname.c server/targetname.h \
	server/watchdog.c server/watchdog.h
sbin_PROGRAMS += vcd
vcd_SOURCES = \
	server/check_command.c server/check_command.h \
	server/glue.c server/glue.h \
	server/main.c \
	server/server.c server/server.h
vcd_LDADD = libvcconfig.a $(INIH_LIBS) $(ADMIN_LIBS) $(VCNFS_LIBS) libvciscsi.a libvcscsi.a $(CRYPTO_LIBS) $(FS_LIBS) $(RAID_LIBS) $(BASE_LIBS)

EXTRA_DIST += conf/vcd.conf.example conf/vcd.service

# The manual pages; vcadm's list of verbs comes from the table.
dist_man_MANS += docs/vcd.8 docs/vcd.conf.5
man_MANS = docs/vcadm.8
EXTRA_DIST += docs/vcadm.8.head docs/vcadm.8.tail
docs/vcadm.8: docs/vcadm.8.head docs/vcadm.8.tail vcadm$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && { cat $(srcdir)/docs/vcadm.8.head && ./vcadm$(EXEEXT) help --man && cat $(srcdir)/docs/vcadm.8.tail; } >$@.new && mv $@.new $@
CLEANFILES += docs/vcadm.8
