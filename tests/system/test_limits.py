# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU: within the configured bound + 64 MiB under load and under ill-behaved peers, next to nothing when idle."""
import http.client
import json
import os
import resource
import socket
import time

from harness import MIB, measures, Skip, need, run, tool
from iscsiclient import Initiator
from nfsclient import NfsClient

SPARE_BYTES = 64 * MIB
REQUEST_S = 2  # what a rightful client, or the administration, may wait beside ill-behaved peers
LOG_BYTES_A_MINUTE = MIB


def need_bound(test, server, configured):
    server.watch.sample()
    peak = max(server.peak_bytes, server.watch.peak_bytes)
    test.note(f"peak resident memory {peak // MIB} MiB, configured {configured // MIB} MiB")
    need(peak <= configured + SPARE_BYTES, f"{peak // MIB} MiB resident, {configured // MIB} + 64 MiB allowed")


def release_server(test, **options):
    server = test.server(release=True, **options)
    if server.sanitized:
        raise Skip("needs an optimised build (--release)")
    return server


def test_memory_stays_within_its_bound_under_load(test):
    """More data than memory, over both protocols at once, with snapshots and a clone in between."""
    server = release_server(test, memory="256m", disk_size="2g")
    server.create_lun("/vol/vol0/test", 700 * MIB, number=0)
    bench = server.helper("bench/vcbench")
    writer = test.spawn(bench, "--url", server.lun_url(0), "--op", "fill", "--block", "128k", "--depth", 32, "--span", 700 * MIB)
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 3000, 3, timeout=600)
    run(bench, "--url", server.nfs_url("/vol/vol0/big"), "--op", "fill", "--block", "1m", "--depth", 16, "--span", 500 * MIB, timeout=600)
    status, out, err = test.finish(writer, 600)
    need(status == 0, f"status {status}\n{out}{err}")
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=1)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2")
    run(bench, "--url", server.lun_url(0), "--op", "readall", "--block", "1m", "--depth", 16, "--span", 700 * MIB, timeout=600)
    run(bench, "--url", server.lun_url(1), "--op", "randread", "--depth", 32, "--span", 700 * MIB, "--seconds", 5, timeout=600)
    run(bench, "--url", server.nfs_url("/vol/vol0/big"), "--op", "randwrite", "--depth", 32, "--span", 500 * MIB, "--seconds", 5, timeout=600)
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 3000, 3, "--all", timeout=600)
    need_bound(test, server, 256 * MIB)


def ill_peers(test, server, kind, count, seconds, address):
    """`count` ill-behaved peers of a kind, who say so when they are there; they go when they are told to, or by themselves."""
    return test.spawn(server.helper("system/illpeers"), "--kind", kind, "--nfs", server.nfs, "--iscsi", server.iscsi, "--from", address,
                       "--count", count, "--seconds", seconds, "--target", server.target(), "--lun", 0, "--file", "big")


def ill_kinds(server):
    return [line.split("\t")[0] for line in run(server.helper("system/illpeers"), "--list").stdout.splitlines()]


class Rightful:
    """An NFS client, an initiator and an administrator, and the longest any of their requests took."""

    def __init__(self, test, server):
        self.test, self.server = test, server
        self.nfs, self.lun = NfsClient(server), Initiator(server, 0)
        while self.lun.ready():
            pass
        self.file = self.nfs.create("/rightful")
        self.longest = {}

    def timed(self, what, request):
        start = time.monotonic()
        request()
        self.longest[what] = max(self.longest.get(what, 0), time.monotonic() - start)

    def written(self, offset, data):
        trouble = self.lun.write(offset, data)
        need(trouble is None, f"a rightful SCSI write of {len(data)} bytes failed: {trouble}")

    def turn(self, number):
        for length in (4096, MIB):
            data = os.urandom(64) * (length // 64)
            at = 4 * MIB + number % 4 * MIB
            self.timed(f"NFS write of {length}", lambda: self.file.write(data, at))
            self.timed(f"NFS read of {length}", lambda: need(self.file.read(length, at) == data, "wrong data over NFS"))
            self.timed(f"SCSI write of {length}", lambda: self.written(at, data))
            self.timed(f"SCSI read of {length}", lambda: need(self.lun.read(at, length)[1] == data, "wrong data over iSCSI"))
        self.timed("vcadm status", lambda: self.server.vcadm("status", timeout=60))

    def work(self, seconds):
        """Requests one after the other; none may take longer than REQUEST_S."""
        self.longest, end, number = {}, time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.turn(number)
            number += 1
        return number

    def judge(self, what):
        slowest = max(self.longest, key=self.longest.get)
        self.test.note(f"{what}: slowest {slowest}, {self.longest[slowest]:.2f} s")
        late = {name: f"{took:.1f} s" for name, took in self.longest.items() if took > REQUEST_S}
        need(not late, f"{what}: {late}")

    def close(self):
        self.file.close()
        self.nfs.close()
        self.lun.close()


def border_server(test):
    """64 MiB of memory, a LUN, a file of 16 MiB, a directory of many names and exports enough for a long list."""
    server = release_server(test, memory="64m")
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    nfs = NfsClient(server)
    nfs.write("/big", os.urandom(MIB) * 16)
    for i in range(400):
        nfs.create(f"/a-name-that-makes-the-list-longer-{i:04}").close()
    for i in range(20):
        nfs.mkdir(f"/exported{i}")
        server.vcadm("export", "set", f"/vol/vol0/exported{i}", "--client", "127.0.0.0/8:rw,insecure")
    nfs.close()
    return server


def beside_ill_peers(test, server, rightful, what, groups, seconds):
    """`groups`: kind, count and address of each."""
    log_bytes, start = os.path.getsize(server.log), time.monotonic()
    children = [ill_peers(test, server, kind, count, seconds + 30, address) for kind, count, address in groups]
    for child in children:
        need(child.stdout.readline().startswith("ready"), f"{child.args} did not start")
    rightful.work(seconds)
    rightful.judge(what)
    for child in children:
        child.terminate()
    for child in children:
        status, out, err = test.finish(child)
        need(status == 0, f"illpeers: status {status}\n{out}{err}")
        test.note(out.strip())
    grown = os.path.getsize(server.log) - log_bytes
    allowed = LOG_BYTES_A_MINUTE * max(1.0, (time.monotonic() - start) / 60)
    need(grown < allowed, f"{what}: the log grew by {grown} bytes")
    need_bound(test, server, 64 * MIB)


@measures
def test_peers_that_do_not_read_or_send_leave_memory_and_time_to_others_each_kind_alone(test):
    server = border_server(test)
    rightful = Rightful(test, server)
    for kind in ill_kinds(server):
        beside_ill_peers(test, server, rightful, kind, [(kind, 64, "127.0.0.2")], 4)
    rightful.close()


@measures
def test_peers_that_do_not_read_or_send_leave_memory_and_time_to_others_all_kinds_together(test):
    server = border_server(test)
    rightful = Rightful(test, server)
    groups = [(kind, 64, f"127.0.0.{2 + i % 3}") for i, kind in enumerate(ill_kinds(server))]
    beside_ill_peers(test, server, rightful, "all kinds", groups, 20)
    rightful.close()


def test_an_idle_server_uses_no_cpu_to_speak_of(test):
    server = release_server(test)
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    run(*test.stress(server, 0, test.path("state"), 64 * MIB, "--seconds", 2))
    time.sleep(15)  # a consistency point, and what follows it
    before = server.cpu_seconds()
    time.sleep(10)
    used = server.cpu_seconds() - before
    test.note(f"{used * 1000:.0f} ms of CPU in 10 idle seconds")
    need(used <= 0.05, f"{used:.2f} s of CPU in 10 idle seconds")


STRANGER = "127.0.0.9"
SOON = 2.0  # seconds, for whoever has a right


def discovery_login(number):
    """The login request of a discovery session, which is all that a stranger needs to have one."""
    text = f"InitiatorName=iqn.2026-11.org.example:stranger{number}\0SessionType=Discovery\0".encode()
    isid = b"\x80\0\0\0" + number.to_bytes(2, "big")
    head = b"\x43\x87\0\0\0" + len(text).to_bytes(3, "big") + isid + b"\0\0" + b"\0\0\0\1" + b"\0" * 4 + b"\0\0\0\1" + b"\0" * 20
    return head + text + b"\0" * (-len(text) % 4)


def strangers_connect(port, count, first=None):
    """Connections from an address without a right, which say no more than `first(number)`; some are refused."""
    peers = []
    for number in range(count):
        peer = socket.socket()
        peer.bind((STRANGER, 0))
        peer.settimeout(10)
        peer.connect(("127.0.0.1", port))
        try:
            peer.sendall(first(number) if first else b"")
        except ConnectionError:
            pass
        peers.append(peer)
    return peers


def need_soon(test, what, action, since=None):
    began = since or time.monotonic()
    action()
    took = time.monotonic() - began
    test.note(f"{what}: {took * 1000:.0f} ms")
    need(took <= SOON, f"{what} took {took:.1f} s")


def need_service(test, server, when):
    """A rightful client and a rightful initiator get in and are served, in small and in big, and so is vcadm."""
    start = time.monotonic()
    rightful = Rightful(test, server)
    need_soon(test, f"from nothing to a first request {when}", lambda: rightful.turn(0), since=start)
    rightful.work(2)
    rightful.judge(when)
    rightful.close()


@measures
def test_strangers_who_stay_and_come_back_keep_nobody_out(test):
    """Thousands of connections that stay, then storms of them, from an address that nothing is exported to."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    server = release_server(test, memory="64m")
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    server.vcadm("export", "set", "/vol/vol0", "--client", "127.0.0.1:rw,no_root_squash,insecure")
    log_before, start = os.path.getsize(server.log), time.monotonic()
    peers = strangers_connect(server.nfs, 5120) + strangers_connect(server.iscsi, 5000, discovery_login)
    answer = peers[5120].recv(48, socket.MSG_WAITALL)
    need(answer[0] == 0x23 and answer[36:38] == b"\0\0", f"the first discovery session was refused: {answer.hex()}")
    need_service(test, server, "beside 10,120 idle strangers")
    for _ in range(25):
        for peer in strangers_connect(server.nfs, 100) + strangers_connect(server.iscsi, 100, lambda number: b"\0" * 48):
            peer.close()
    need_service(test, server, "after 5,000 that came and went")
    for peer in peers:
        peer.close()
    need_service(test, server, "when all have gone")
    grown = os.path.getsize(server.log) - log_before
    test.note(f"the log grew by {grown} bytes in {time.monotonic() - start:.0f} s")
    need(grown < LOG_BYTES_A_MINUTE, f"the log grew by {grown} bytes")
    need_bound(test, server, 64 * MIB)


@measures
def test_a_long_request_to_the_administration_keeps_nobody_waiting(test):
    """890 KB of initiators in one POST are refused at once, and as many as are allowed are taken."""
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)

    def post(count):
        names = [f"iqn.2026-11.org.example:{i:06}" for i in range(count)]
        body = json.dumps({"name": f"many{count}", "initiators": names})
        connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=60)
        connection.request("POST", "/api/v1/protocols/san/igroups", body,
                           {"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    for count, status in ((1024, 201), (25000, 409)):
        result = []
        need_soon(test, f"{count} initiators in a request", lambda: result.append(post(count)))
        need(result[0][0] == status, f"{count} initiators: {result[0]}")
    need_service(test, server, "after a request of 890 KB")


def hold_connections(ports, count, addresses):
    """Connections that say nothing, from several addresses; who is refused or dropped comes again at the next call."""
    held = []
    for i in range(count):
        s = socket.socket()
        s.settimeout(0.2)
        try:
            s.bind((addresses[i % len(addresses)], 0))
            s.connect(("127.0.0.1", ports[i % len(ports)]))
            held.append(s)
        except OSError:
            s.close()
    return held


@measures
def test_without_descriptors_the_log_is_quiet_and_service_comes_back(test):
    server = test.server(start=False, nofile=200)
    server.start()
    server.create_volume()
    server.create_lun("/vol/vol0/lun", 16 * MIB, number=0)
    began, size = time.monotonic(), os.path.getsize(server.log)
    ports, addresses = (server.nfs, server.iscsi, server.http), [f"127.0.0.{i}" for i in range(2, 12)]
    held, slowest, most = [], 0, 0
    while time.monotonic() - began < 20:
        held += hold_connections(ports, 400, addresses)
        held = held[-2000:]
        most = max(most, len(os.listdir(f"/proc/{server.process.pid}/fd")))
        asked = time.monotonic()
        server.vcadm("volume", "list")
        slowest = max(slowest, time.monotonic() - asked)
    minutes = (time.monotonic() - began) / 60
    grown = (os.path.getsize(server.log) - size) / minutes
    test.note(f"of 200 descriptors {most} in use, log {grown / 1024:.0f} KiB a minute, vcadm {slowest:.2f} s")
    need(grown < MIB, f"the log grows by {grown / MIB:.1f} MiB a minute")
    need(slowest < 2, f"vcadm waits {slowest:.1f} s")
    need(most > 100, f"only {most} descriptors were taken")
    for s in held:
        s.close()
    with open(test.path("file"), "wb") as f:
        f.write(os.urandom(MIB))
    began = time.monotonic()
    run(tool("nfs-cp"), test.path("file"), server.nfs_url("/vol/vol0/file"), timeout=10)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x42 0 1m", "-c", "read -P 0x42 0 1m", server.lun_url(0), timeout=20)
    need(server.healthy(), "HTTP is not back")
    need(time.monotonic() - began < 10, f"it took {time.monotonic() - began:.1f} s until service was back")
