# ONC RPC over TCP
libvcnfs_a_SOURCES += \
	proto/rpc/rpc_call.c proto/rpc/rpc_call.h \
	proto/rpc/rpc_conn.c \
	proto/rpc/rpc_out.h proto/rpc/rpc_private.h \
	proto/rpc/rpc_reply.c \
	proto/rpc/rpc_service.c proto/rpc/rpc_service.h \
	proto/rpc/rpc_spec.h \
	proto/rpc/rpc_take.c
