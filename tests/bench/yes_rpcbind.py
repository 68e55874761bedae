# SPDX-License-Identifier: Apache-2.0
"""A stand-in for rpcbind on its unix socket: says yes to every registration and keeps none.

nfs-ganesha 4 does not start when it cannot register its programs; the clients of the benchmark are told the ports and ask nobody.
The real rpcbind would open port 111 to the network.
"""
import os
import socket
import struct
import threading

SOCKET = "/run/rpcbind.sock"
NULL, SET, UNSET, GETADDR = 0, 1, 2, 3


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def answer(connection):
    with connection:
        while True:
            mark = read_exactly(connection, 4)
            call = mark and read_exactly(connection, struct.unpack(">I", mark)[0] & 0x7FFFFFFF)
            if not call or len(call) < 24:
                return
            xid, _, _, _, _, procedure = struct.unpack(">6I", call[:24])
            reply = struct.pack(">6I", xid, 1, 0, 0, 0, 0)
            if procedure in (SET, UNSET):
                reply += struct.pack(">I", 1)
            elif procedure == GETADDR:
                reply += struct.pack(">I", 0)
            connection.sendall(struct.pack(">I", 0x80000000 | len(reply)) + reply)


class YesRpcbind:
    def __init__(self):
        self.listener = None

    def start(self):
        """Does nothing when a real one answers."""
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.connect(SOCKET)
            return
        except OSError:
            pass
        finally:
            probe.close()
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def stop(self):
        if self.listener is not None:
            self.listener.close()
            os.unlink(SOCKET)
            self.listener = None
