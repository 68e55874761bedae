# SPDX-License-Identifier: Apache-2.0
"""Loopback ports for the servers of a test: each is given once, in all runs of a machine at once.

A port that was only tried is free again, and the next that asks may be given the same one before a server listens there. So each port
has a byte in one file of the machine, and the run that was given it holds a lock on that byte until it ends.
"""
import fcntl
import os
import random
import socket
import tempfile
import threading

# Below the range that the kernel gives to clients, so that it is still free when a server comes back after a crash.
FIRST, LAST = 15000, 31999
PLACE = os.path.join(tempfile.gettempdir(), f"vcstore-test-ports.{os.getuid()}")

guard = threading.Lock()
given = set()
locks = None


def reserve(port):
    """True when no other run has it. A lock on bytes belongs to the process, and goes when any descriptor of the file is closed: it is opened once."""
    global locks
    if locks is None:
        locks = os.open(PLACE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    except OSError:
        return False


def listens(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def free_port():
    """A port where nobody listens and that nobody else is given while this process lives."""
    with guard:
        for _ in range(1000):
            port = random.randint(FIRST, LAST)
            if port not in given and reserve(port) and not listens(port):
                given.add(port)
                return port
    raise OSError("no free port")
