noinst_LIBRARIES += libvcbase.a
libvcbase_a_SOURCES = \
	base/array.c base/array.h \
	base/error.h base/list.h base/peer_key.h base/state.h base/world.h \
	base/budget.c base/budget.h \
	base/bytes.c base/bytes.h \
	base/counters.h base/metrics.c base/metrics.h \
	base/crc32c.c base/crc32c.h \
	base/door.c base/door.h \
	base/error.c \
	base/galois.c base/galois.h \
	base/gate.c base/gate.h \
	base/inbuf.c base/inbuf.h \
	base/iscsiname.c base/iscsiname.h \
	base/listener.c \
	base/log.c base/log.h \
	base/loglimit.c base/loglimit.h \
	base/logline.c base/logline.h \
	base/loop.c base/loop.h \
	base/mailbox.c base/mailbox.h \
	base/must.c base/must.h \
	base/page.c base/page.h \
	base/radix.c base/radix.h \
	base/reserve.c base/reserve.h \
	base/sendq.c base/sendq.h \
	base/siphash.c base/siphash.h \
	base/stall.c base/stall.h \
	base/stream.c base/stream.h base/stream_fill.c base/stream_private.h \
	base/text.c base/text.h \
	base/timers.c base/timers.h \
	base/uuid.c base/uuid.h \
	base/xor.c base/xor.h
