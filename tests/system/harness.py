# SPDX-License-Identifier: Apache-2.0
"""Runs a real vcd in a folder of its own on free loopback ports, and the tools of others against it.

Server is one vcd with its folder; Test gives a test function its server(s) and, at the end, checks what must hold after every test:
`vcadm volume check` is clean, the daemon stops by itself with status 0, and neither a sanitizer nor an assertion has spoken.
Only processes started here are ever signalled.
"""
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

from ports import free_port
from rpcproxy import RpcProxy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MIB = 1 << 20
GIB = 1 << 30
COMPLAINTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|UndefinedBehaviorSanitizer|assertion failed|assert_failed|Assertion", re.I)


class Failure(AssertionError):
    """What a test found wrong."""


class Skip(Exception):
    """A tool or a right is missing on this machine."""


def measures(test):
    """Marks a test that measures what others would disturb, or that would disturb them: it runs by itself."""
    test.measures = True
    return test


def waits(test):
    """Marks a test that hardly works and waits for the clock: it runs beside as many others as without it."""
    test.waits = True
    return test


def need(condition, text):
    if not condition:
        raise Failure(text)


def tool(name):
    path = shutil.which(name) or next((p for p in (f"/usr/sbin/{name}", f"/sbin/{name}") if os.access(p, os.X_OK)), None)
    if not path:
        raise Failure(f"{name} not found: run scripts/install-deps check")
    return path


def sanitized():
    """The environment of a program whose sanitizers end it with status 99; what else is asked of them stays."""
    asan = [text for text in (os.environ.get("ASAN_OPTIONS"), "exitcode=99:abort_on_error=0:detect_leaks=1") if text]
    return dict(os.environ, ASAN_OPTIONS=":".join(asan), UBSAN_OPTIONS="print_stacktrace=1")


def wait_until(what, condition, seconds, step=0.1):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(step)


def run(*command, check=True, timeout=300, **kwargs):
    """Run a tool; its CompletedProcess. A failure shows the command and what it said."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout, **kwargs)
    except subprocess.TimeoutExpired as e:
        raise Failure(f"{' '.join(command)}: no end after {timeout} s") from e
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def on_terminal(*command):
    """What a command writes to a terminal, as text; line ends as in files."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    try:
        while piece := os.read(ours, 65536):
            output += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait(60)
    return output.decode("utf-8", "replace").replace("\r\n", "\n")


def records(document):
    return document["records"] if isinstance(document, dict) and "records" in document else document


class Watch(threading.Thread):
    """Samples the resident memory of a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_bytes, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.1):
            self.sample()

    def sample(self):
        try:
            with open(f"/proc/{self.pid}/status") as f:
                for line in f:
                    if line.startswith("VmHWM:"):
                        self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)
        except OSError:
            pass


class Server:
    """One vcd. start(), kill(), stop() may be repeated; the folder and the ports stay."""

    def __init__(self, build, folder, memory="256m", disks=4, disk_size="1g", threads=2, nofile=None, settings="", clients=None):
        self.settings = settings  # more lines of vcd.conf
        self.clients = clients or build  # the build that vcadm and the load come from
        self.build, self.folder, self.nofile = build, folder, nofile
        self.memory, self.n_disks, self.disk_size, self.threads = memory, disks, disk_size, threads
        self.nfs, self.iscsi, self.http = free_port(), free_port(), free_port()
        self.process, self.watch, self.peak_bytes = None, None, 0
        self.disk_paths = [f"{folder}/disks"]
        self.admin = f"unix:{folder}/admin.sock"
        self.log = os.path.join(folder, "vcd.log")
        os.makedirs(os.path.join(folder, "disks"), exist_ok=True)
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        self.sanitized = "libasan" in run("ldd", os.path.join(build, "vcd")).stdout

    # life

    def write_config(self):
        path = os.path.join(self.folder, "vcd.conf")
        with open(path, "w") as f:
            f.write(f"[server]\nstate_dir={self.folder}/state\ndisk_paths={','.join(self.disk_paths)}\nadmin_socket={self.folder}/admin.sock\n"
                    f"http=127.0.0.1:{self.http}\nnfs=127.0.0.1:{self.nfs}\niscsi=127.0.0.1:{self.iscsi}\n"
                    f"memory={self.memory}\nthreads={self.threads}\n{self.settings}")
        return path

    def start(self, seconds=60):
        config = self.write_config()
        env = sanitized()
        with open(self.log, "ab") as out:
            limit = [tool("prlimit"), f"--nofile={self.nofile}:{self.nofile}"] if self.nofile else []  # becomes vcd: the same process
            self.process = subprocess.Popen([*limit, os.path.join(self.build, "vcd"), "--config", config], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, env=env)
        self.watch = Watch(self.process.pid)
        self.watch.start()
        wait_until("vcd answers", self.answers, seconds, step=0.02)
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise Failure(f"vcd ended with status {self.process.returncode} while starting:\n{self.log_tail()}")
        for port in (self.nfs, self.iscsi, self.http):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return self.healthy() and self.vcadm("volume", "list", check=False).returncode == 0

    def healthy(self):
        """All volumes are mounted."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/healthz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def token(self):
        """The administrator's, which vcd made at its first start."""
        with open(os.path.join(self.folder, "state", "admin.token")) as f:
            return f.read().strip()

    def fetch(self, path):
        """The body of a GET over HTTP, signed in."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    @property
    def page_url(self):
        """The page's address with what signs in."""
        return f"http://127.0.0.1:{self.http}/#token={self.token}"

    def running(self):
        return self.process is not None and self.process.poll() is None

    def ended(self):
        if self.watch:
            self.watch.over.set()
            self.peak_bytes = max(self.peak_bytes, self.watch.peak_bytes)

    def kill(self):
        """kill -9, as power failure does to a process."""
        self.watch.sample()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.ended()

    def stop(self, seconds=90):
        """Graceful stop; the status must be 0."""
        self.watch.sample()
        self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"vcd did not stop within {seconds} s of SIGTERM:\n{self.log_tail()}") from None
        self.ended()
        need(status == 0, f"vcd ended with status {status} after SIGTERM:\n{self.log_tail()}")

    def restart_after_kill(self):
        self.kill()
        return self.start()

    def log_tail(self, count=3000):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()[-count:]
        except OSError:
            return ""

    def complaints(self):
        with open(self.log, errors="replace") as f:
            return [line.rstrip() for line in f if COMPLAINTS.search(line)]

    def cpu_seconds(self):
        """Of all its threads, from the process's CPU clock (clock_getcpuclockid)."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    # administration

    def vcadm(self, *words, check=True, timeout=120):
        return run(os.path.join(self.clients, "vcadm"), "--server", self.admin, *words, check=check, timeout=timeout)

    def vcadm_json(self, *words, **kwargs):
        return json.loads(self.vcadm(*words, "-o", "json", **kwargs).stdout)

    def refused(self, *words):
        """The verb must fail; what it said."""
        done = self.vcadm(*words, check=False)
        need(done.returncode != 0, f"vcadm {' '.join(words)} should have been refused")
        return done.stderr

    @property
    def disks(self):
        return [os.path.join(self.folder, "disks", f"d{i}") for i in range(self.n_disks - 1)] + [os.path.join(self.folder, "disks", "p0")]

    def create_volume(self, name="vol0", *words):
        self.vcadm("volume", "create", name, "--raid-group", ",".join(self.disks), "--disk-size", self.disk_size, *words)
        self.vcadm("export", "set", f"/vol/{name}", "--client", "127.0.0.0/8:rw,no_root_squash,insecure")

    def create_lun(self, path, size=None, backing=None, number=None, group="clients"):
        words = ["--size", str(size)] if size else ["--backing", backing]
        self.vcadm("lun", "create", path, *words)
        if self.vcadm("igroup", "list", "-o", "name").stdout.split().count(group) == 0:
            self.vcadm("igroup", "create", group, "--initiator", "*")
        self.vcadm("lun", "map", path, "--igroup", group, *(["--lun", str(number)] if number is not None else []))

    def volume(self, name="vol0"):
        return self.vcadm_json("volume", "show", name)

    def used_bytes(self, name="vol0"):
        """Blocks in use: by the active file system, and by snapshots only."""
        space = self.volume(name)["space"]
        return int(space["used"]) + int(space["snapshot"])

    def clone(self, path):
        return self.vcadm_json("lun", "clone", "status", path)

    def clone_percent(self, path):
        return float(self.clone(path)["progress"])

    def clone_copied(self, path):
        return int(self.clone(path)["bytes"]["copied"])

    def clone_state(self, path):
        return self.clone(path)["state"]

    def check_volume(self, name="vol0"):
        done = self.vcadm("volume", "check", name, "--wait=600", check=False, timeout=660)
        need(done.returncode == 0, f"volume check {name}: status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def degraded(self):
        """What `raid show` and `status` say (and the exit status that says degraded)."""
        groups = records(self.vcadm_json("raid", "show", "vol0"))
        status = self.vcadm("status", check=False)
        return any(g["state"] == "degraded" for g in groups) and "degraded" in status.stdout.lower() and status.returncode == 8

    # clients

    @property
    def portal(self):
        return f"127.0.0.1:{self.iscsi}"

    def target(self):
        out = run(tool("iscsi-ls"), f"iscsi://{self.portal}").stdout
        found = re.search(r"Target:(\S+)", out)
        need(found, f"iscsi-ls shows no target: {out}")
        return found.group(1)

    def lun_url(self, number):
        return f"iscsi://{self.portal}/{self.target()}/{number}"

    def nfs_url(self, path="/vol/vol0", port=None):
        return f"nfs://127.0.0.1{path}?nfsport={port or self.nfs}&mountport={port or self.nfs}&version=3"

    def helper(self, name):
        return os.path.join(self.clients, "tests", name)


class Test:
    """What a test function gets."""

    def __init__(self, name, folder, build, release):
        self.name, self.folder, self.build, self.release = name, folder, build, release
        self.servers, self.children, self.last_acts = [], [], []
        self.notes = []

    def server(self, release=False, start=True, **options):
        """A started vcd, of the sanitizer build or (for figures) of the optimised one, with volume vol0 exported. Its clients are optimised:
        a vcadm with sanitizers takes 0.1 s to start, and there are thousands."""
        server = Server(self.release if release else self.build, os.path.join(self.folder, f"server{len(self.servers)}"), clients=self.release,
                        **options)
        self.servers.append(server)
        if start:
            server.start()
            server.create_volume()
        return server

    def proxy(self, server):
        """A proxy before its NFS port, which can lose replies (rpcproxy.py)."""
        proxy = RpcProxy(server.nfs)
        self.at_end(proxy.close)
        return proxy

    def path(self, name):
        return os.path.join(self.folder, name)

    def at_end(self, act):
        """When everything has stopped."""
        self.last_acts.append(act)

    def note(self, text):
        self.notes.append(text)

    def spawn(self, *command):
        """A client in the background; finish() waits for it."""
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.children.append(child)
        return child

    def finish(self, child, timeout=300):
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            raise Failure(f"{' '.join(child.args)}: no end after {timeout} s") from None
        return child.returncode, out, err

    def stress(self, server, number, state, size, *words):
        """Arguments of a lunstress run on a LUN."""
        return [server.helper("system/lunstress"), "--url", server.lun_url(number), "--state", state,
                "--size", str(size), *map(str, words)]

    def conclude(self):
        """What must hold after every test."""
        for server in self.servers:
            if not server.running():
                if server.process is not None:
                    raise Failure(f"vcd ended by itself with status {server.process.returncode}:\n{server.log_tail()}")
                continue
            if server.vcadm("volume", "show", "vol0", check=False).returncode == 0:
                server.check_volume()
            server.stop()
            complaints = server.complaints()
            need(not complaints, "vcd complained:\n" + "\n".join(complaints[:10]) + "\n" + server.log_tail())

    def clean_up(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for server in self.servers:
            if server.running():
                server.kill()
        for act in reversed(self.last_acts):
            act()
