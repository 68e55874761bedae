include proto/nfs/local.mk
include proto/rpc/local.mk
include proto/mount/local.mk
include proto/scsi/local.mk
include proto/iscsi/local.mk
