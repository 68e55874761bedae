# scsi
