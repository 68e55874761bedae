noinst_LIBRARIES += libvcraid.a
libvcraid_a_CFLAGS = $(AM_CFLAGS) $(URING_CFLAGS) $(BLKID_CFLAGS) $(BSD_CFLAGS)
libvcraid_a_SOURCES = \
	raid/batch.c \
	raid/candidate.c raid/candidate.h \
	raid/checksum_zone.c \
	raid/disk.c raid/disk.h \
	raid/disk_use.c raid/disk_use.h \
	raid/filedisk.c raid/filedisk.h \
	raid/filedisk_pool.c \
	raid/filedisk_uring.c \
	raid/fsinfo_ring.c \
	raid/hostroom.c \
	raid/intent.c \
	raid/label.c \
	raid/layout.c raid/layout.h \
	raid/lineage.c raid/lineage.h \
	raid/mark.c \
	raid/member.c \
	raid/memdisk.c raid/memdisk.h \
	raid/memtable.c raid/memtable.h \
	raid/raid.h raid/raid_impl.h raid/raidformat.h \
	raid/raid_flush.c \
	raid/raid_format.c \
	raid/raid_log.c \
	raid/raid_open.c \
	raid/raid_piece.c \
	raid/raid_probe.c raid/raid_probe.h \
	raid/raid_read.c \
	raid/raid_recover.c \
	raid/raid_repair.c \
	raid/raid_status.c \
	raid/raid_verify.c \
	raid/raid_write.c
