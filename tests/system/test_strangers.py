# SPDX-License-Identifier: Apache-2.0
"""Another user of the machine, and disks that are somebody else's: neither gets anywhere."""
import hashlib
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys

from harness import MIB, Skip, need, on_terminal, records, run, tool
from page import Page

NOBODY = 65534
METHODS = ("get", "post", "put", "patch", "delete")
# Runs as nobody: each line of its input is "METHOD PATH", over HTTP (argv: port) or a unix socket (argv: path); prints status and challenge.
STRANGER = """
import http.client, socket, sys
where = sys.argv[1]
for line in sys.stdin:
    method, path = line.split()
    connection = http.client.HTTPConnection("127.0.0.1", 80 if "/" in where else int(where), timeout=20)
    if "/" in where:
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(where)
        except PermissionError:
            print("denied -")
            continue
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        answer.read()
    except Exception as e:
        print(repr(e))
        continue
    print(answer.status, answer.headers.get("WWW-Authenticate", "-").split()[0])
"""


def as_nobody(*command, **kwargs):
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command], capture_output=True, text=True,
                          timeout=300, check=False, **kwargs)


def ask_as_nobody(where, lines):
    done = as_nobody(sys.executable, "-c", STRANGER, str(where), input="".join(f"{line}\n" for line in lines))
    need(done.returncode == 0, f"the stranger failed: {done.stderr}")
    return dict(zip(lines, done.stdout.splitlines(), strict=True))


def all_calls(server):
    """Every call of the API's own description, and what is not in it."""
    api = json.loads(server.fetch("/api/openapi.json"))
    calls = [(f"{method.upper()} {path}", operation) for path, item in api["paths"].items() for method, operation in item.items()
             if method in METHODS]
    need(len(calls) > 40, f"{len(calls)} calls")
    schemes = api["components"]["securitySchemes"]
    need({"token", "session"} == {name for way in api["security"] for name in way} == set(schemes), f"{api['security']} {schemes}")
    need(schemes["session"]["name"] == f"vc_session_{server.http}", f"{schemes}")
    return {line: operation.get("security") == [] for line, operation in calls}


def test_another_user_of_the_machine_is_refused_every_call(test):
    server = test.server()
    calls = all_calls(server)
    need([line for line, anyone in calls.items() if anyone] == ["POST /api/v1/session"], f"open to all: {calls}")
    closed = [line for line, anyone in calls.items() if not anyone]
    closed += ["GET /metrics", "GET /api/openapi.json", "GET /nothing", "GET /api/v1/nothing", "PUT /api/v1/status"]
    before = server.vcadm("volume", "list", "-o", "json").stdout
    for line, said in ask_as_nobody(server.http, closed).items():
        need(said == "401 Bearer", f"{line} over HTTP: {said}")
    said = ask_as_nobody(server.http, ["POST /api/v1/session", "GET /healthz", "GET /", "GET /app.js"])
    need(list(said.values()) == ["400 -", "200 -", "200 -", "200 -"], f"{said}")
    need(server.vcadm("volume", "list", "-o", "json").stdout == before, "something was changed")

    # the unix socket: closed by its permissions, and by the peer's uid when somebody has opened those
    socket = os.path.join(server.folder, "admin.sock")
    need(os.stat(socket).st_mode & 0o777 == 0o660, f"the socket's mode is {os.stat(socket).st_mode:o}")
    for folder in (os.path.dirname(test.folder), test.folder, server.folder):
        os.chmod(folder, 0o755)
    for line, said in ask_as_nobody(socket, [*calls, "GET /healthz", "GET /"]).items():
        need(said == "denied -", f"{line} on the unix socket: {said}")
    os.chmod(socket, 0o666)
    for line, said in ask_as_nobody(socket, [*calls, *closed, "GET /healthz", "GET /"]).items():
        need(said == "403 -", f"{line} on the open unix socket: {said}")

    # the token: only its owner reads it
    path = os.path.join(server.folder, "state", "admin.token")
    need(os.stat(path).st_mode & 0o777 == 0o600, f"the token's mode is {os.stat(path).st_mode:o}")
    vcadm = [os.path.join(server.build, "vcadm"), "--server", f"http://127.0.0.1:{server.http}"]
    done = run(*vcadm, "volume", "list", check=False)
    need(done.returncode == 5 and "--token-file" in done.stderr and not done.stdout, f"without a token: {done}")
    need("vol0" in run(*vcadm, "--token-file", path, "volume", "list").stdout, "not let in with the token")
    token = server.token
    server.stop()
    server.start()
    need(server.token == token, "a restart made another token")


def test_http_is_off_unless_it_is_asked_for(test):
    folder = test.path("bare")
    os.makedirs(folder)
    with open(os.path.join(folder, "vcd.conf"), "w") as f:
        f.write(f"[server]\nstate_dir={folder}/state\nadmin_socket={folder}/admin.sock\nnfs=none\niscsi=none\nmemory=64m\n")
    vcd = subprocess.Popen([os.path.join(test.build, "vcd"), "--config", os.path.join(folder, "vcd.conf")], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    test.children.append(vcd)
    line = next((text for text in vcd.stderr if " ready " in text), "")
    need("http_port=0 " in line, f"it says {line}")
    status = json.loads(run(os.path.join(test.build, "vcadm"), "--server", f"unix:{folder}/admin.sock", "status", "-o", "json", check=False).stdout)
    need(status["pid"] == vcd.pid, f"{status}")
    need(not os.path.exists(os.path.join(folder, "state", "admin.token")), "a token nobody needs")
    vcd.terminate()
    need(vcd.wait(60) == 0, "vcd did not stop")


def test_the_page_signs_in_with_a_link_or_a_pasted_token_and_out(test):
    server = test.server()
    server.create_lun("/vol/vol0/secretname", 16 << 20, number=0)
    shown = "document.body?.innerText.includes('secretname')"
    asked = "document.querySelector('[name=token]') !== null"
    page = Page(test, server.page_url)
    page.waits_for("the LUN", shown)
    need(page.run("location.href") == f"http://127.0.0.1:{server.http}/", "the token stays in the address bar")
    need(page.run("document.cookie") == "" and page.run("JSON.stringify(localStorage)").find(server.token) < 0, "a script can read what signs in")
    page.call("Page.reload")
    page.waits_for("the LUN after a reload", shown)

    page.tab_to("Sign out")
    page.key("Enter")
    page.waits_for("the question for a token", asked)
    need(not page.run(shown), "what was served is still shown")
    page.waits_for("the focus", "document.activeElement?.name === 'token'")
    page.photograph(test.path("signin.png"))
    page.photograph(test.path("signin-dark.png"), dark=True)
    page.type("not the token")
    page.key("Enter")
    page.waits_for("the complaint", "document.querySelector('[role=alert]')?.innerText.includes('not this server')")
    page.run("document.querySelector('[name=token]').select()")
    page.type(server.token)
    page.key("Enter")
    page.waits_for("the LUN again", shown)
    page.photograph(test.path("signed-in.png"))

    # the link in a tab that has the page already; a wrong one says so
    page.tab_to("Sign out")
    page.key("Enter")
    page.waits_for("the question again", asked)
    page.run("location.hash = 'token=wrong'")
    page.waits_for("the complaint about the link", "document.querySelector('[role=alert]')?.innerText.includes('not this server')")
    page.run(f"location.hash = 'token={server.token}'")
    page.waits_for("the LUN at last", shown)
    need(page.run("location.hash") == "", "the token stays in the address bar")
    # who is signed out elsewhere is signed out here
    page.run("fetch('/api/v1/session', {method: 'DELETE'})")
    page.waits_for("the question once more", asked)
    need(not page.errors, f"{page.errors}")
    page.close()


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def front_is_wiped(path):
    """Labels, fsinfo ring and the first intents are zeros."""
    with open(path, "rb") as f:
        return f.read(16 * 4096 + 16 * 36 * 4096).count(0) == 16 * 4096 + 16 * 36 * 4096


def test_a_file_system_is_not_taken_for_an_empty_disk(test):
    server = test.server()
    images = [os.path.join(server.folder, "disks", name) for name in ("photos", "letters")]
    for image in images:
        with open(image, "wb") as f:
            f.truncate(512 * MIB)
        run(tool("mkfs.ext4"), "-q", "-L", os.path.basename(image), image)
    before = [digest(image) for image in images]
    group = ",".join(images)
    done = server.vcadm("volume", "create", "vol1", "--raid-group", group, "--disk-size", "512m", check=False)
    need(done.returncode == 4, f"status {done.returncode}: {done.stderr}")
    need("file system (ext4), labelled photos" in done.stderr and "--force" in done.stderr, done.stderr)
    need([digest(image) for image in images] == before, "the file systems were touched")
    need(server.vcadm("volume", "list", "-o", "name").stdout.split() == ["vol0"], "there is a vol1")

    # a directory of somebody else's, whoever asks
    elsewhere = test.path("private")
    os.mkdir(elsewhere, 0o700)
    for image in images:
        os.rename(image, os.path.join(elsewhere, os.path.basename(image)))
    images = [os.path.join(elsewhere, os.path.basename(image)) for image in images]
    http = ("--server", f"http://127.0.0.1:{server.http}", "--token-file", os.path.join(server.folder, "state", "admin.token"))
    for words in ((), http):
        for force in ((), ("--force", "--yes")):
            done = run(os.path.join(server.build, "vcadm"), *(words or ("--server", server.admin)), "volume", "create", "vol1", "--raid-group",
                       ",".join(images), *force, check=False)
            need(done.returncode == 5 and "disk_paths" in done.stderr, f"{words} {force}: status {done.returncode}: {done.stderr}")
    need([digest(image) for image in images] == before, "the file systems were touched")

    # by force, where disks may lie: a volume, and at its end the files stay
    for image in images:
        os.rename(image, os.path.join(server.folder, "disks", os.path.basename(image)))
    server.vcadm("volume", "create", "vol1", "--raid-group", group, "--force", "--yes")
    server.check_volume("vol1")
    server.vcadm("volume", "destroy", "vol1", "--yes")
    for image in group.split(","):
        need(os.path.getsize(image) == 512 * MIB and front_is_wiped(image), f"{image} is gone or has a label still")


def test_an_imported_volume_leaves_its_files_and_a_made_one_does_not(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    server.stop()
    with open(os.path.join(server.folder, "state", "volumes.json")) as f:
        state = json.load(f)
    need(sorted(state["volumes"][0]["made"]) == sorted(f"file:{disk}" for disk in server.disks), f"{state}")
    os.rename(os.path.join(server.folder, "state", "volumes.json"), test.path("volumes.json"))
    server.start()
    server.vcadm("volume", "import", ",".join(server.disks))
    need("/vol/vol0/test" in server.vcadm("lun", "list", "-o", "name").stdout, "the import has no LUN")
    server.vcadm("volume", "destroy", "vol0", "--yes")
    need(all(os.path.exists(disk) and front_is_wiped(disk) for disk in server.disks), "files are gone, or labels are there")
    done = run(os.path.join(server.build, "vcd"), "check", "--quiet", *server.disks, check=False)
    need(done.returncode == 4, f"vcd check finds a volume: status {done.returncode} {done.stdout}{done.stderr}")
    for disk in server.disks:
        os.unlink(disk)
    server.create_volume()
    server.vcadm("volume", "destroy", "vol0", "--yes")
    need(not any(os.path.exists(disk) for disk in server.disks), "files that vcd made are left")


def loop_devices(test, count):
    """Loop devices over files of 512 MiB; they end with the test."""
    devices = []
    for i in range(count):
        path = test.path(f"medium{i}")
        with open(path, "wb") as f:
            f.truncate(512 * MIB)
        done = run(tool("losetup"), "--find", "--show", path, check=False)
        if done.returncode != 0:
            for device in devices:
                run(tool("losetup"), "-d", device)
            raise Skip(f"no loop devices here: {done.stderr.strip()}")
        devices.append(done.stdout.strip())
    return devices


def test_a_destroyed_volume_leaves_devices_where_they_are_and_nothing_on_them(test):
    server = test.server(start=False)
    devices = loop_devices(test, 3)
    try:
        server.disk_paths += devices
        server.start()
        run(tool("mkfs.ext4"), "-q", devices[2])
        need("ext4" in server.refused("volume", "create", "vol0", "--raid-group", ",".join(devices)), "a file system is taken for nothing")
        server.vcadm("volume", "create", "vol0", "--raid-group", ",".join(devices), "--force", "--yes")
        server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
        run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x5a 0 64m", "-c", "flush", server.lun_url(0))
        server.restart_after_kill()
        server.check_volume()
        # while it is served nobody can claim a device
        done = run(tool("mkfs.ext4"), "-q", "-F", devices[0], check=False)
        need(done.returncode != 0 and "in use" in done.stderr, f"mkfs on a served disk: {done}")
        server.vcadm("volume", "destroy", "vol0", "--yes")
        for i, device in enumerate(devices):
            need(stat.S_ISBLK(os.stat(device).st_mode), f"{device} is gone")
            need(front_is_wiped(device) and front_is_wiped(test.path(f"medium{i}")), f"{device} has a label still")
    finally:
        for device in devices:
            run(tool("losetup"), "-d", device)


# A space and a pair, a line, quotes, what is no UTF-8, a screen cleared, C1's way to begin a sequence, text turned around; and two good ones.
NAMES = (b"iqn.2026-01.test:a peer=10.0.0.1", b"iqn.2026-01.test:b\n2026-01-01T00:00:00.000Z error forged line=1", b"iqn.2026-01.test:c\"x\" y=\\",
         b"iqn.2026-01.test:d\xff\xfe\xc3", b"iqn.2026-01.test:e\x1b[2J\x07", "iqn.2026-01.test:f\x9b31m".encode(),
         "iqn.2026-01.test:g\u202etxt\u2028".encode(), b"h=" * 150, b"iqn.2026-01.test:good", "iqn.2026-01.test:\u00fc".encode())
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufffd]")


def log_in(server, name):
    """A discovery session of that name: the status class of the answer."""
    text = b"InitiatorName=" + name + b"\0SessionType=Discovery\0AuthMethod=None\0"
    head = struct.pack(">BBBBB3s6sHIHHII16x", 0x43, 0x87, 0, 0, 0, len(text).to_bytes(3, "big"), b"\x80\0\0\0\0\1", 0, 1, 0, 0, 1, 0)
    with socket.create_connection(("127.0.0.1", server.iscsi), 10) as s:
        s.sendall(head + text + bytes(-len(text) % 4))
        answer = s.recv(48, socket.MSG_WAITALL)
        if answer[36] == 0:
            s.sendall(struct.pack(">BBHI8sIHHIII12x", 0x46, 0x80, 0, 0, bytes(8), 2, 0, 0, 1, 1, 0))  # a logout
            while s.recv(4096):
                pass
    need(len(answer) == 48 and answer[0] == 0x23, f"{name}: the answer is {answer}")
    return answer[36]


def test_a_name_of_an_initiator_reaches_log_events_and_terminal_as_text(test):
    server = test.server()
    before = len(server.log_tail(1 << 20).splitlines())
    for name in NAMES:
        good = name in NAMES[-2:]
        need(log_in(server, name) == (0 if good else 2), f"{name} is {'refused' if good else 'let in'}")
    lines = [line for line in server.log_tail(1 << 20).splitlines()[before:] if " iscsi " in line]
    pattern = re.compile(r'\S+Z (info|warn) iscsi \w+( [a-z]+=([^" ]+|"([^"\\]|\\.)*"))+')
    for line in lines:
        need(pattern.fullmatch(line) and not UNFIT.search(line), f"the log has {line!r}")
        need(len(re.findall(r' peer=127\.0\.0\.1', line)) == 1 and "forged line=" not in re.sub(r'"[^"]*"', "", line), f"forged: {line!r}")
    refused = [line for line in lines if "login_refused" in line]
    need(len(refused) == len(NAMES) - 2, f"{len(refused)} lines of {len(NAMES) - 2}")
    need("\\x1B[2J\\x07" in refused[4] and "\\xFF\\xFE\\xC3" in refused[3], f"names are not in the log: {refused}")
    need(sum(re.search(r" iscsi log(in|out) ", line) is not None for line in lines) == 4, f"the good ones: {lines}")

    events = json.loads(server.fetch("/api/v1/events"))["records"]
    told = [event["text"] for event in events if event["event"] == "login_refused"]
    need(len(told) == len(refused) and all(text in line for text, line in zip(told, refused, strict=True)), f"the events are {told}")
    shown = on_terminal(os.path.join(server.build, "vcadm"), "--server", server.admin, "event", "list")
    need(shown.count("login_refused") == len(refused) and not UNFIT.search(shown), f"vcadm shows {shown!r}")
    need("forged" not in re.sub(r'"[^"]*"', "", shown), f"vcadm shows a forged line: {shown!r}")
    need(not any(re.search(r"[\x00-\x09\x0b-\x1f]", line) for line in server.fetch("/metrics").splitlines()), "metrics have control characters")
