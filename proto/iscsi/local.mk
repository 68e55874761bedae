# iscsi: RFC 7143 target, one transport of proto/scsi
noinst_LIBRARIES += libvciscsi.a
libvciscsi_a_SOURCES = \
	proto/iscsi/iscsi_command.c proto/iscsi/iscsi_command.h \
	proto/iscsi/iscsi_conn.c proto/iscsi/iscsi_conn.h \
	proto/iscsi/iscsi_control.c proto/iscsi/iscsi_control.h \
	proto/iscsi/iscsi_login.c proto/iscsi/iscsi_login.h \
	proto/iscsi/iscsi_negotiate.c proto/iscsi/iscsi_negotiate.h \
	proto/iscsi/iscsi_receive.c proto/iscsi/iscsi_receive.h \
	proto/iscsi/iscsi_send.c proto/iscsi/iscsi_send.h \
	proto/iscsi/iscsi_server.c proto/iscsi/iscsi_server.h proto/iscsi/iscsi_server_private.h \
	proto/iscsi/iscsi_spec.h proto/iscsi/iscsi_task.c proto/iscsi/iscsi_task.h \
	proto/iscsi/iscsi_text.c proto/iscsi/iscsi_text.h
