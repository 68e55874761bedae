noinst_LIBRARIES += libvcbase.a
libvcbase_a_SOURCES = \
	base/bytes.h base/error.h base/list.h base/world.h
