# scsi: the target, whatever the transport
libvcscsi_a_SOURCES = \
	proto/scsi/scsi_spec.h \
	proto/scsi/scsi_sense.h proto/scsi/scsi_sense.c \
	proto/scsi/scsi_lu.h proto/scsi/scsi_lu.c \
	proto/scsi/lunmap.h proto/scsi/lunmap.c \
	proto/scsi/scsi_nexus.h proto/scsi/scsi_nexus.c \
	proto/scsi/scsi_task.h proto/scsi/scsi_task.c \
	proto/scsi/scsi_opcode.h proto/scsi/scsi_opcode.c \
	proto/scsi/scsi_io.c proto/scsi/scsi_zero.c \
	proto/scsi/scsi_inquiry.c proto/scsi/scsi_mode.c proto/scsi/scsi_report.c
noinst_LIBRARIES += libvcscsi.a
