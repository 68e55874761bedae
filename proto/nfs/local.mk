# NFS version 3: the server (libvcnfs.a, with rpc/ and mount/) and what rpcgen makes of the protocols (libvcnfsxdr.a).
VCNFS_LIBS = libvcnfs.a libvcnfsxdr.a $(TIRPC_LIBS)
VCNFS_CPPFLAGS = $(AM_CPPFLAGS) $(TIRPC_CFLAGS) -Iproto/nfs -Iproto/mount

noinst_LIBRARIES += libvcnfs.a libvcnfsxdr.a
libvcnfs_a_CPPFLAGS = $(VCNFS_CPPFLAGS)
libvcnfs_a_SOURCES = \
	proto/nfs/export.c proto/nfs/export.h \
	proto/nfs/export_client.c proto/nfs/export_client.h \
	proto/nfs/nfs_admit.c \
	proto/nfs/nfs_attr.c \
	proto/nfs/nfs_dir.c \
	proto/nfs/nfs_dispatch.c \
	proto/nfs/nfs_encode.c proto/nfs/nfs_encode.h \
	proto/nfs/nfs_handle.c proto/nfs/nfs_handle.h proto/nfs/nfs_handle_format.h \
	proto/nfs/nfs_io.c \
	proto/nfs/nfs_metrics.c proto/nfs/nfs_metrics.h \
	proto/nfs/nfs_name.c \
	proto/nfs/nfs_private.h \
	proto/nfs/nfs_drc.c \
	proto/nfs/nfs_server.c proto/nfs/nfs_server.h \
	proto/nfs/nfs_status.c proto/nfs/nfs_status.h \
	proto/nfs/nfs_types.c proto/nfs/nfs_types.h

EXTRA_DIST += proto/nfs/nfs3.x

# Generated code is not ours to warn about.
libvcnfsxdr_a_CPPFLAGS = $(VCNFS_CPPFLAGS)
libvcnfsxdr_a_CFLAGS = -std=gnu17 -pthread -w $(SAN_FLAGS)
nodist_libvcnfsxdr_a_SOURCES = proto/nfs/nfs3_xdr.c proto/mount/mount3_xdr.c
libvcnfsxdr_a_SOURCES =

proto/nfs/nfs3.h: $(srcdir)/proto/nfs/nfs3.x
	$(AM_V_GEN)$(MKDIR_P) $(@D) && (cd $(srcdir)/proto/nfs && $(RPCGEN) -C -h nfs3.x) > $@.tmp && mv $@.tmp $@
proto/nfs/nfs3_xdr.c: $(srcdir)/proto/nfs/nfs3.x
	$(AM_V_GEN)$(MKDIR_P) $(@D) && (cd $(srcdir)/proto/nfs && $(RPCGEN) -C -c nfs3.x) > $@.tmp && mv $@.tmp $@
proto/mount/mount3.h: $(srcdir)/proto/mount/mount3.x
	$(AM_V_GEN)$(MKDIR_P) $(@D) && (cd $(srcdir)/proto/mount && $(RPCGEN) -C -h mount3.x) > $@.tmp && mv $@.tmp $@
proto/mount/mount3_xdr.c: $(srcdir)/proto/mount/mount3.x
	$(AM_V_GEN)$(MKDIR_P) $(@D) && (cd $(srcdir)/proto/mount && $(RPCGEN) -C -c mount3.x) > $@.tmp && mv $@.tmp $@

BUILT_SOURCES += proto/nfs/nfs3.h proto/nfs/nfs3_xdr.c proto/mount/mount3.h proto/mount/mount3_xdr.c
CLEANFILES += proto/nfs/nfs3.h proto/nfs/nfs3_xdr.c proto/mount/mount3.h proto/mount/mount3_xdr.c

# So that single targets build from a fresh tree too.
VCNFS_GENERATED = proto/nfs/nfs3.h proto/mount/mount3.h
$(libvcnfs_a_OBJECTS) $(libvcnfsxdr_a_OBJECTS): $(VCNFS_GENERATED)
