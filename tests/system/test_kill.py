# SPDX-License-Identifier: Apache-2.0
"""kill -9 again and again: writers over iSCSI and NFS that stamp every block, names under change, clones, snapshots; oracles outside.

One volume lives through all cycles. A cycle: the writers start, snapshots and clones begin, go on, stop and end meanwhile, after a random
while vcd is killed, started again, and everything is compared with the oracles: each 4 KiB block holds a version that its last flush and its
last write allow, every name is as the last answer said, and `volume check` is clean. VCD_KILL_CYCLES in the environment asks for more or fewer;
`make kill` runs 200. The volume is small on purpose: every log fills and every block is overwritten in each cycle, and the check, which reads
all of it each time, is soon done.
"""
import os
import random
import re
import subprocess
import threading
import time

from harness import Failure, MIB, need, run, tool, wait_until

CYCLES = int(os.environ.get("VCD_KILL_CYCLES", "60"))
LUN_BYTES = 8 * MIB
COPY = "/vol/vol0/copy"


class Writer:
    """A lunstress on a LUN or a file with its oracle; the version of every block outlives vcd. Each has a seed: none takes another's blocks
    (those in its image) for its own."""

    def __init__(self, test, name, url, seed, image=None):
        self.test, self.name, self.url = test, name, url
        self.program = test.servers[0].helper("system/lunstress")
        self.words = ["--state", test.path(f"{name}.state"), "--size", str(LUN_BYTES), "--seed", str(seed), *(["--image", image] if image else [])]
        self.child = None

    def start(self, seed):
        self.child = self.test.spawn(self.program, "--url", self.url(), *self.words, "--seconds", "60", "--depth", "8", "--writes", "70",
                                     "--sync-every", str(random.Random(seed).choice((8, 64, 512))))

    def lost_its_server(self):
        status, out, err = self.test.finish(self.child)
        need(status == 3 and '"wrong": 0' in out, f"{self.name}: status {status}\n{out}{err}")
        return int(re.search(r'"writes": (\d+)', out).group(1))

    def verify_after_crash(self):
        """A child that looks at every block and settles which version it now is."""
        return self.test.spawn(self.program, "--url", self.url(), *self.words, "--depth", "8", "--verify", "--crash")


class Churn:
    """nfschurn and how many of its steps were answered."""

    def __init__(self, test, server):
        self.test, self.server, self.done, self.child = test, server, 0, None

    def command(self, verb, *words):
        return [self.server.helper("system/nfschurn"), verb, self.server.nfs_url(), "7", *map(str, words)]

    def start(self):
        self.child = self.test.spawn(*self.command("run", self.done, self.done + 1000000))

    def lost_its_server(self):
        _, out, err = self.test.finish(self.child)
        need(self.answered(out) or "error" in err.lower() or "nfschurn" in err, f"nfschurn ended with nothing said: {out}{err}")

    def answered(self, out):
        """Take note of the steps that it saw answered; how many lines say so."""
        answered = re.findall(r"^done (\d+)$", out, re.M)
        self.done = int(answered[-1]) if answered else self.done
        return len(answered)

    def verify_after_crash(self):
        return self.test.spawn(*self.command("verify", self.done))

    def settle(self, out):
        self.done = int(re.search(r"^at (\d+)$", out, re.M).group(1))


class Copy:
    """A LUN backed by a snapshot, made anew each time the last one has been cut loose: its clone starts and stops at random."""

    def __init__(self, test, server, chance):
        self.test, self.server, self.chance = test, server, chance
        self.number = self.n_cut_loose = self.n_stopped = 0
        self.writer = None

    def snapshot(self):
        return f"base{self.number}"

    def make(self, base):
        """vcd serves and nobody writes: the snapshot is what the oracle of the base LUN says, and so is the image made of it."""
        server, image = self.server, self.test.path("image")
        self.number += 1
        for old in (image, self.test.path("copy.state")):
            if os.path.exists(old):
                os.unlink(old)
        server.vcadm("snapshot", "create", "vol0", self.snapshot())
        server.create_lun(COPY, backing=f"/vol/vol0/.snapshot/{self.snapshot()}/base", number=1)
        run(tool("nfs-cp"), server.nfs_url(f"/vol/vol0/.snapshot/{self.snapshot()}/base"), image)
        run(base.program, "--file", image, *base.words, "--verify")
        self.writer = Writer(self.test, "copy", lambda: server.iscsi_url(1), 100 + self.number, image)

    def end(self):
        """Cut loose: the snapshot can go, and so can the LUN."""
        server = self.server
        server.vcadm("snapshot", "delete", "vol0", self.snapshot(), "--yes")
        server.vcadm("lun", "destroy", COPY, "--yes", "--force")
        self.n_cut_loose += 1

    def is_backed(self):
        return "backing" in self.server.vcadm_json("lun", "show", COPY)

    def meddle(self):
        """One thing an administrator might do. The plug may be pulled at any moment of it: then it fails, and that is all right."""
        vcadm, chance = self.server.vcadm, self.chance
        what = chance.choice(("start", "start", "stop", "snapshot", "unsnapshot", "look"))
        if what == "start":
            vcadm("lun", "clone", "start", COPY, "--rate", chance.choice(("1m", "4m", "64m")), check=False)
        elif what == "stop":
            self.n_stopped += vcadm("lun", "clone", "stop", COPY, check=False).returncode == 0
        elif what == "snapshot":
            vcadm("snapshot", "create", "vol0", f"extra{chance.randrange(4)}", check=False)
        elif what == "unsnapshot":
            vcadm("snapshot", "delete", "vol0", f"extra{chance.randrange(4)}", "--yes", check=False)
        else:
            vcadm("lun", "clone", "status", COPY, check=False)


def meddling(copy, until):
    while not until.wait(copy.chance.uniform(0.02, 0.3)):
        try:
            copy.meddle()
        except (Failure, subprocess.SubprocessError):
            return


def live_and_die(server, copy, parts, chance):
    """One life of vcd under load. What the writers got done."""
    for number, part in enumerate(parts):
        part.start(number) if isinstance(part, Writer) else part.start()
    over = threading.Event()
    meddler = threading.Thread(target=meddling, args=(copy, over))
    meddler.start()
    time.sleep(chance.uniform(0.15, 0.9))
    server.kill()
    over.set()
    meddler.join()
    writes = sum(part.lost_its_server() or 0 for part in parts)
    return writes


def compare(test, churn, parts):
    children = [(part, part.verify_after_crash()) for part in parts]
    for part, child in children:
        status, out, err = test.finish(child)
        need(status == 0, f"after the crash: {type(part).__name__} {getattr(part, 'name', '')}: status {status}\n{out}{err}")
        if part is churn:
            churn.settle(out)


def forget_extra_snapshots(server):
    """So that the small volume has room for the next copy. Deletions that a crash cut off are over by themselves."""
    for name in server.vcadm("snapshot", "list", "vol0", "-o", "name").stdout.split():
        if name.startswith("extra"):
            server.vcadm("snapshot", "delete", "vol0", name, "--yes", check=False)


def renew(server, copy, base):
    """When the copy stands alone: away with it, and another one. Also when an extra snapshot still holds it half-made."""
    if copy.is_backed():
        return
    forget_extra_snapshots(server)
    wait_until("extra snapshots gone", lambda: "extra" not in server.vcadm("snapshot", "list", "vol0", "-o", "name").stdout, 60)
    copy.end()
    copy.make(base)


def fill(test, server, base):
    """Most of the LUN has data; the file is as long as the oracle thinks (and zeros)."""
    run(base.program, "--url", base.url(), *base.words, "--seconds", "2", "--depth", "8", "--writes", "100")
    zeros = test.path("zeros")
    with open(zeros, "wb") as f:
        f.truncate(LUN_BYTES)
    run(tool("nfs-cp"), zeros, server.nfs_url("/vol/vol0/file"))


def test_nothing_acknowledged_is_lost_through_hundreds_of_kills(test):
    chance = random.Random(20261)
    server = test.server(release=True, disks=4, disk_size="64m", memory="128m")
    server.create_lun("/vol/vol0/base", LUN_BYTES, number=0)
    target = server.target()
    server.iscsi_url = lambda number: f"iscsi://{server.portal}/{target}/{number}"
    base = Writer(test, "base", lambda: server.iscsi_url(0), 1)
    shared = Writer(test, "file", lambda: server.nfs_url("/vol/vol0/file"), 2)
    churn = Churn(test, server)
    copy = Copy(test, server, chance)
    fill(test, server, base)
    copy.make(base)
    writes = 0
    for cycle in range(CYCLES):
        parts = [base, copy.writer, shared, churn]
        try:
            writes += live_and_die(server, copy, parts, chance)
            server.start()
            compare(test, churn, parts)
            server.check_volume()
            renew(server, copy, base)
        except Failure as e:
            raise Failure(f"cycle {cycle + 1}: {e}") from e
        test.children.clear()
    test.note(f"{CYCLES} kills, {writes} block writes answered, {churn.done} changes of names, {copy.n_cut_loose} copies cut loose, "
              f"{copy.n_stopped} clones stopped")
    need(copy.n_cut_loose >= CYCLES // 40, f"only {copy.n_cut_loose} clones came to their end")
