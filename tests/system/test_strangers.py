# SPDX-License-Identifier: Apache-2.0
"""Another user of the machine, and disks that are somebody else's: neither gets anywhere."""
import json
import os
import subprocess
import sys

from harness import Skip, need, run
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
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    answer.read()
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
