# SPDX-License-Identifier: Apache-2.0
"""What an administrator meets: jobs over the end of the daemon, a configuration that is refused, a tunnel to the page, the quickstart again."""
import http.client
import os

from harness import MIB, ROOT, free_port, need, run, wait_until


def job(server, uuid):
    return server.vcadm_json("job", "show", uuid)


def test_jobs_keep_their_names_over_a_crash_and_a_stop(test):
    server = test.server(disk_size="256m")
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    run(f"{ROOT}/scripts/fill-lun", server.iscsi, 0, 32)
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.vcadm("lun", "create", "/vol/vol0/test2", "--backing", "/vol/vol0/.snapshot/s1/test")
    clone = server.vcadm_json("lun", "clone", "start", "/vol/vol0/test2", "--rate", "64k")["uuid"]
    check = server.vcadm_json("volume", "check", "vol0", "--rate", "64k", "--no-wait")["uuid"]
    wait_until("both run", lambda: job(server, clone)["state"] == job(server, check)["state"] == "running", 20)
    server.kill()
    server.start()
    wait_until("the clone goes on under its name", lambda: job(server, clone)["state"] == "running", 20)
    need(job(server, check)["state"] == "interrupted", f"the check: {job(server, check)}")
    watched = server.vcadm("job", "watch", check, check=False)
    need(watched.returncode == 1 and "start it again" in watched.stderr, f"watching it: {watched}")
    server.stop()
    server.start()
    wait_until("the clone goes on after a stop", lambda: job(server, clone)["state"] == "running", 20)
    need(job(server, check)["state"] == "interrupted", f"the check: {job(server, check)}")
    server.vcadm("volume", "offline", "vol0", "--yes")
    wait_until("the clone waits for its volume", lambda: job(server, clone)["state"] == "paused", 20)
    server.vcadm("volume", "online", "vol0")
    server.vcadm("lun", "clone", "modify", "/vol/vol0/test2", "--rate", "0")
    wait_until("the clone ends under its name", lambda: job(server, clone)["state"] == "success", 60)
    need(server.vcadm("lun", "clone", "stop", "/vol/vol0/test2", check=False).returncode == 4, "no clone is running: a conflict")
    need(server.vcadm("lun", "clone", "start", "/vol/vol0/test2", check=False).returncode == 4, "nothing to separate: a conflict")


def test_a_configuration_that_the_start_refuses_is_refused_by_the_check(test):
    server = test.server(start=False)
    for line, words in (("http=0.0.0.0:8080", "loopback"), ("memory=4000t", "more than this machine has"), ("nfs=storage:2049", "ADDRESS:PORT")):
        config = test.path("refused.conf")
        with open(config, "w") as f:
            f.write(f"[server]\nstate_dir={server.folder}/state\nadmin_socket={server.folder}/admin.sock\n{line}\n")
        for flags in (["--check-config"], []):
            done = run(os.path.join(server.build, "vcd"), "--config", config, *flags, check=False)
            need(done.returncode == 2 and ":4: " in done.stderr and words in done.stderr, f"{line} {flags}: {done}")


def asked_as(server, host):
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=10)
    connection.request("GET", "/healthz", headers={"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_tunnel_reaches_the_page_when_its_name_is_allowed(test):
    server = test.server()
    need(asked_as(server, "localhost:9999") == 421, "a name nobody allowed")
    server.stop()
    server.settings += "http_allowed_hosts=localhost:9999\n"
    server.start()
    need(asked_as(server, "localhost:9999") == 200 and asked_as(server, f"localhost:{server.http}") == 200, "the tunnel")
    need(asked_as(server, "evil.example:9999") == asked_as(server, "localhost:9998") == 421, "DNS rebinding")


class Quickstart:
    """./quickstart in a folder of its own, with the build under test."""

    def __init__(self, test):
        self.folder = test.path("qs")
        self.build = test.build
        self.ports = [str(free_port()) for _ in range(3)]
        test.at_end(lambda: self.run("--stop", check=False))

    def run(self, *words, check=True):
        return run(f"{ROOT}/quickstart", "--dir", self.folder, *words, check=check, timeout=600, env=dict(os.environ, VC_BUILD=self.build))

    def start(self):
        words = [word for pair in zip(("--nfs-port", "--iscsi-port", "--http-port"), self.ports) for word in pair]
        done = self.run(*words, "--disk-size", "256m", "--detach")
        need(done.stdout == "ready\n", f"quickstart said: {done.stdout}")
        need(f"http://127.0.0.1:{self.ports[2]}/#token=" in done.stderr, f"no address of the page: {done.stderr}")
        return done

    def vcadm(self, *words, check=True):
        return run(os.path.join(self.build, "vcadm"), "--server", f"unix:{self.folder}/admin.sock", *words, check=check)


def test_quickstart_again_leaves_what_was_changed(test):
    quick = Quickstart(test)
    quick.start()
    config = os.path.join(quick.folder, "vcd.conf")
    quick.vcadm("export", "delete", "/vol/vol0", "--yes")
    quick.vcadm("lun", "unmap", "/vol/vol0/test", "--igroup", "local")
    quick.vcadm("lun", "destroy", "/vol/vol0/test", "--yes")
    quick.vcadm("igroup", "destroy", "local", "--yes")
    pid = open(os.path.join(quick.folder, "vcd.pid")).read()
    said = quick.start().stderr  # it runs, and is left alone
    said += quick.run().stderr
    need(said.count("runs already") == 2 and open(os.path.join(quick.folder, "vcd.pid")).read() == pid, f"while it runs: {said}")
    quick.run("--stop")
    with open(config, "a") as f:
        f.write("log_level=warn\n")
    kept = open(config).read()
    quick.start()
    need(open(config).read() == kept, "vcd.conf is another one")
    for noun in ("export", "igroup", "lun"):
        need(quick.vcadm(noun, "list", "-o", "name").stdout == "", f"{noun}: what was closed is open again")
    quick.run("--stop")
    quick.ports[0] = str(free_port())  # asked for: that line, and no other
    quick.start()
    lines = open(config).read().splitlines()
    need(f"nfs=127.0.0.1:{quick.ports[0]}" in lines and sum(a != b for a, b in zip(lines, kept.splitlines())) == 1, f"one line: {lines}")


def test_quickstart_starts_a_full_server_and_one_without_its_volume(test):
    quick = Quickstart(test)
    quick.start()
    quick.vcadm("lun", "create", "/vol/vol0/rest", "--size", "600m")  # what is left, nearly
    wait_until("status says that the volume is full", lambda: quick.vcadm("status", check=False).returncode == 8, 30)
    quick.run("--stop")
    quick.start()
    quick.vcadm("volume", "destroy", "vol0", "--yes")
    quick.run("--stop")
    quick.start()
    need(quick.vcadm("volume", "list", "-o", "name").stdout == "", "the destroyed volume is back")
