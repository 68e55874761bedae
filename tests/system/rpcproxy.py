# SPDX-License-Identifier: Apache-2.0
"""A proxy for ONC RPC over TCP that loses replies: it cuts the client's connection instead of delivering one, as a network that fails does.

The client connects again and sends the call again, byte for byte. Each call (by its XID) is lost at most once.
"""
import collections
import socket
import struct
import threading

NFS = 100003
PROCEDURES = {"setattr": 2, "write": 7, "create": 8, "mkdir": 9, "symlink": 10, "mknod": 11, "remove": 12, "rmdir": 13, "rename": 14, "link": 15}
LAST = 0x80000000


def receive(sock, length):
    data = b""
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            return None
        data += piece
    return data


def record(sock):
    """A record with its marks, and what it holds; (None, None) at the end."""
    whole, body = b"", b""
    while True:
        mark = receive(sock, 4)
        part = mark and receive(sock, struct.unpack(">I", mark)[0] & ~LAST)
        if part is None:
            return None, None
        whole, body = whole + mark + part, body + part
        if struct.unpack(">I", mark)[0] & LAST:
            return whole, body


class RpcProxy:
    """Listens on `port`. `lose` names the NFS procedures whose replies are lost; `how`:
    "reply"  the reply has come and is not delivered
    "call"   the client is cut off as soon as the call was passed on; what answers it finds nobody
    `between()` runs between the call and the cut, or, for "reply", the server's answer and the cut."""

    def __init__(self, server_port, port=0, address="127.0.0.1"):
        self.server_port = server_port
        self.lose, self.how, self.between = set(), "reply", None
        self.lost = collections.Counter()  # by procedure
        self.seen = set()  # XIDs lost once
        self.lock = threading.Lock()
        self.listener = socket.create_server((address, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def start(self, names, how="reply", between=None):
        """Lose what these procedures answer from now on."""
        with self.lock:
            self.lose, self.how, self.between = {PROCEDURES[name]: name for name in names}, how, between

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port), 10)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        calls = {}  # XID: name of a procedure to lose
        threading.Thread(target=self._replies, args=(client, server, calls), daemon=True).start()
        try:
            self._calls(client, server, calls)
        except OSError:
            pass
        if not calls:
            self._end(client, server)

    def _end(self, *socks):
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _chosen(self, body):
        """The name of the procedure, if this call is to be lost."""
        xid, kind, _, program, _, procedure = struct.unpack(">6I", body[:24])
        with self.lock:
            if kind != 0 or program != NFS or procedure not in self.lose or xid in self.seen:
                return xid, None
            self.seen.add(xid)
            return xid, self.lose[procedure]

    def _calls(self, client, server, calls):
        while True:
            whole, body = record(client)
            if whole is None:
                return
            xid, name = self._chosen(body)
            if name is not None and self.how == "reply":
                calls[xid] = name
            server.sendall(whole)
            if name is not None and self.how == "call":
                self._lose(name, client)
                return

    def _lose(self, name, client):
        if self.between:
            self.between()
        with self.lock:
            self.lost[name] += 1
        self._end(client)

    def _replies(self, client, server, calls):
        try:
            while True:
                whole, body = record(server)
                if whole is None:
                    break
                name = calls.get(struct.unpack(">I", body[:4])[0])
                if name is not None:
                    self._lose(name, client)
                    break
                client.sendall(whole)
        except OSError:
            pass
        self._end(client, server)
