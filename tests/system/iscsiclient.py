# SPDX-License-Identifier: Apache-2.0
"""An initiator that stays logged in and sees sense data: libiscsi, called from here."""
import ctypes

lib = ctypes.CDLL("libiscsi.so.7")
P, U64, U32, INT, STR = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_int, ctypes.c_char_p
GOOD, CHECK_CONDITION, BUSY = 0, 2, 8
NOT_READY, UNIT_ATTENTION = 2, 6
BECOMING_READY, RESET, CAPACITY_CHANGED, LUNS_CHANGED = 0x0401, 0x2903, 0x2A09, 0x3F0E
SESSION_NORMAL = 2


class Sense(ctypes.Structure):
    _fields_ = [("error_type", ctypes.c_ubyte), ("key", INT), ("ascq", INT), ("bits", ctypes.c_ubyte), ("bit_pointer", ctypes.c_ubyte),
                ("field_pointer", ctypes.c_uint16)]


class Data(ctypes.Structure):
    _fields_ = [("size", INT), ("data", P)]


class Task(ctypes.Structure):
    """The head of libiscsi's struct scsi_task."""
    _fields_ = [("status", INT), ("cdb_size", INT), ("xfer_dir", INT), ("expxferlen", INT), ("cdb", ctypes.c_ubyte * 16), ("residual_status", INT),
                ("residual", ctypes.c_size_t), ("sense", Sense), ("datain", Data)]


def call(name, result, *arguments):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments
    return function


TASK = ctypes.POINTER(Task)
create_context, destroy_context = call("iscsi_create_context", P, STR), call("iscsi_destroy_context", INT, P)
set_targetname, set_session_type = call("iscsi_set_targetname", INT, P, STR), call("iscsi_set_session_type", INT, P, INT)
full_connect, get_error = call("iscsi_full_connect_sync", INT, P, STR, INT), call("iscsi_get_error", STR, P)
read16 = call("iscsi_read16_sync", TASK, P, INT, U64, U32, INT, INT, INT, INT, INT, INT)
write16 = call("iscsi_write16_sync", TASK, P, INT, U64, STR, U32, INT, INT, INT, INT, INT, INT)
set_timeout = call("iscsi_set_timeout", INT, P, INT)
report_luns = call("iscsi_reportluns_sync", TASK, P, INT, INT)
test_unit_ready, free_task = call("iscsi_testunitready_sync", TASK, P, INT), call("scsi_free_scsi_task", None, TASK)


class Initiator:
    def __init__(self, server, number):
        self.context, self.number = create_context(b"iqn.2026-01.test:sense"), number
        set_targetname(self.context, server.target().encode())
        set_session_type(self.context, SESSION_NORMAL)
        set_timeout(self.context, 60)
        if full_connect(self.context, server.portal.encode(), number) != 0:
            raise AssertionError(get_error(self.context).decode())

    def _end(self, task):
        if not task:
            raise AssertionError(get_error(self.context).decode())
        result = task.contents
        sense = None if result.status == GOOD else (result.status, result.sense.key, result.sense.ascq)
        data = ctypes.string_at(result.datain.data, result.datain.size) if result.datain.data else b""
        free_task(task)
        return sense, data

    def ready(self):
        """None, or status, sense key, ASC and ASCQ."""
        return self._end(test_unit_ready(self.context, self.number))[0]

    def read(self, offset, length):
        """What kept it from being read (None: nothing), and the bytes."""
        return self._end(read16(self.context, self.number, offset // 512, length, 512, 0, 0, 0, 0, 0))

    def write(self, offset, data):
        """What kept it from being written; None: nothing."""
        return self._end(write16(self.context, self.number, offset // 512, data, len(data), 512, 0, 0, 0, 0, 0))[0]

    def luns(self):
        """The numbers that REPORT LUNS tells."""
        trouble, data = self._end(report_luns(self.context, 0, 4096))
        if trouble:
            raise AssertionError(f"REPORT LUNS: {trouble}")
        length = int.from_bytes(data[:4], "big")
        return [data[at + 1] for at in range(8, 8 + length, 8)]

    def close(self):
        destroy_context(self.context)
