noinst_LIBRARIES += libvcraid.a
libvcraid_a_CFLAGS = $(AM_CFLAGS) $(URING_CFLAGS) $(BLKID_CFLAGS) $(BSD_CFLAGS)
libvcraid_a_SOURCES = \
	raid/batch.c raid/batch.h \
	raid/candidate.c raid/candidate.h \
	raid/checksum_entry.c raid/checksum_entry.h \
	raid/checksum_set.c raid/checksum_set.h \
	raid/checksum_zone.c raid/checksum_zone.h \
	raid/dirty_map.c raid/dirty_map.h \
	raid/disk.c raid/disk.h \
	raid/disk_blank.c raid/disk_blank.h \
	raid/disk_use.c raid/disk_use.h \
	raid/filedisk.c raid/filedisk.h \
	raid/filedisk_pool.c \
	raid/filedisk_uring.c \
	raid/fsinfo_ring.c raid/fsinfo_ring.h \
	raid/hostroom.c raid/hostroom.h \
	raid/intent.c raid/intent.h \
	raid/label.c raid/label.h \
	raid/layout.c raid/layout.h \
	raid/level.c raid/level.h \
	raid/level_dp.c \
	raid/level_raid4.c \
	raid/lineage.c raid/lineage.h \
	raid/lost_blocks.c raid/lost_blocks.h \
	raid/mark.c raid/mark.h \
	raid/member.c raid/member.h \
	raid/member_errors.c raid/member_errors.h \
	raid/piece_stripe.c \
	raid/raid.h \
	raid/raid_assemble.c raid/raid_assemble.h \
	raid/raid_close.c \
	raid/raid_convert.c \
	raid/raid_flush.c raid/raid_flush.h \
	raid/raid_format.c \
	raid/raid_group.c raid/raid_group.h \
	raid/raid_grow.c \
	raid/raid_identity.c \
	raid/raid_limits.c \
	raid/raid_log.c raid/raid_log.h \
	raid/raid_open.c \
	raid/raid_piece.c raid/raid_piece.h \
	raid/raid_probe.c raid/raid_probe.h \
	raid/raid_read.c \
	raid/raid_rebuild.c raid/raid_rebuild.h \
	raid/raid_recover.c raid/raid_recover.h \
	raid/raid_repair.c raid/raid_repair.h \
	raid/raid_replace.c \
	raid/repair_judge.c \
	raid/raid_status.c \
	raid/raid_still.c raid/raid_still.h \
	raid/raid_verify.c \
	raid/raid_volume.h \
	raid/raid_write.c raid/raid_write.h \
	raid/raidformat.h \
	raid/recover_private.h \
	raid/recover_record.c \
	raid/recover_stripe.c \
	raid/spare_label.c raid/spare_label.h
