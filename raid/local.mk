noinst_LIBRARIES += libvcraid.a
libvcraid_a_SOURCES = raid/disk.h raid/raid.h
