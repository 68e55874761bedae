# SPDX-License-Identifier: Apache-2.0
"""Fifty failures of disks, one after the other, while an initiator and an NFS client work on the volume.

A cycle is one way to fail (of each disk in turn, parity included), one thing that happens while it is mended, and one way to mend. The clients
see no error and every byte is what their oracles say; after a kill, one of what they had under way. At the end of each cycle all is well again:
the group is normal, and nothing that was ever written is wrong.
"""
import os
import random
import shutil
import signal

from harness import MIB, need, run, wait_until
from test_kill import Churn
from test_online import away, back
from test_replace import disk_states, group_state, job_of
from test_spares import each_disk_is_once, events, spares

SIZE = 24 * MIB
CYCLES = 25


def fill_with(path, piece):
    """Overwritten in place, from end to end."""
    with open(path, "r+b") as f:
        for _ in range(0, os.path.getsize(path), MIB):
            f.write(piece)


def handles(pid, number):
    with open(f"/proc/{pid}/status") as f:
        caught = next(line.split()[1] for line in f if line.startswith("SigCgt:"))
    return int(caught, 16) >> (number - 1) & 1


class Life:
    """A server, its clients and who sits in which place."""

    def __init__(self, test, *words):
        self.test, self.server, self.chance = test, test.server(start=False, disk_size="256m"), random.Random(11)
        self.server.start()
        self.server.create_volume("vol0", *words)
        self.server.create_lun("/vol/vol0/test", SIZE, number=0)
        self.url = self.server.lun_url(0)
        self.n_disks = len(disk_states(self.server))
        self.churn, self.writer, self.new = Churn(test, self.server), None, 0
        run(*self.stress("--seconds", 1, "--depth", 8, "--writes", 90))
        run(self.server.helper("system/nfstree"), "write", self.server.nfs_url(), 200, 9)

    def stress(self, *words):
        return [self.server.helper("system/lunstress"), "--url", self.url, "--state", self.test.path("state"), "--size", SIZE, *words]

    def work(self):
        self.writer = self.test.spawn(*self.stress("--seconds", 600, "--depth", 4))
        self.churn.start()
        wait_until("the initiator can be told to stop", lambda: handles(self.writer.pid, signal.SIGTERM), 60, 0.02)

    def rest(self):
        """The clients stop by themselves: neither has noticed anything, and everything is there."""
        self.writer.terminate()
        self.churn.child.terminate()
        status, out, err = self.test.finish(self.writer)
        need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
        _, out, err = self.test.finish(self.churn.child)
        need(not err, f"the NFS client noticed: {err}")
        self.churn.answered(out)
        self.verify()

    def verify(self, *words):
        run(*self.stress("--verify", *words))
        status, out, err = self.test.finish(self.churn.verify_after_crash())
        need(status == 0, f"names or contents are wrong: {out}{err}")
        self.churn.settle(out)

    def kill(self):
        """kill -9 under load; what the clients had under way is settled."""
        self.server.kill()
        self.test.finish(self.writer)
        self.churn.answered(self.test.finish(self.churn.child)[1])
        self.server.start()
        self.verify("--crash")
        self.work()

    def restart(self, meanwhile=lambda: None):
        """A stop in good order, with the clients at rest."""
        self.rest()
        self.server.stop()
        meanwhile()
        self.server.start()
        self.work()

    # disks

    def path(self, place):
        return disk_states(self.server)[place]["name"].removeprefix("file:")

    def fresh(self):
        self.new += 1
        return os.path.join(self.server.folder, "disks", f"new{self.new}")

    def state(self, place):
        return disk_states(self.server)[place]["state"]

    def lost(self, place, path):
        """`raid show` and `status` say so, and which disk: unless a spare has its place already."""
        wait_until(f"disk {place} is lost", lambda: self.path(place) != path or self.state(place) not in ("online", "rebuilding"), 60, 0.2)
        status = self.server.vcadm("status", check=False)
        need(status.returncode == 8 and (self.path(place) != path or path in status.stdout), f"a disk is lost, and status is {status.stdout}")

    def normal(self):
        wait_until("the group is normal", lambda: group_state(self.server) == "normal", 120, 0.2)

    def start_replace(self, place, *words):
        return job_of(self.server.vcadm_json("raid", "replace", "vol0", f"0.{place}", self.fresh(), *words))


# ---- ways to fail: (life, place, path of its file) -> what must be undone before the disk may come back, or None when it never will ----

def deleted(life, place, path):
    os.unlink(path)


def cut(life, place, path):
    os.truncate(path, 0)


def zeroed(life, place, path):
    fill_with(path, bytes(MIB))


def garbage(life, place, path):
    fill_with(path, life.chance.randbytes(MIB))


def told_to(life, place, path):
    life.server.vcadm("raid", "fail", "vol0", f"0.{place}", "--yes")


def gone_at_start(life, place, path):
    life.restart(lambda: os.unlink(path))


def readonly_at_start(life, place, path):
    """On a host file system that came up read-only."""

    def freeze():
        run("mount", "--bind", path, path)
        life.test.at_end(lambda: run("umount", path, check=False))
        run("mount", "-o", "remount,bind,ro", path)

    life.restart(freeze)
    return lambda: run("umount", path)


def unplugged(life, place, path):
    kept = away(life.server, path)
    return lambda: back(kept, path)


def moved_at_start(life, place, path):
    life.restart(lambda: os.rename(path, path + ".moved"))
    return lambda: os.rename(path + ".moved", path)


def old_copy(life, place, path):
    """Brought back as it was before the last writes."""
    life.restart(lambda: shutil.copyfile(path, path + ".old"))
    away(life.server, path).close()
    return lambda: os.rename(path + ".old", path)


GONE = (deleted, cut, zeroed, garbage, told_to, gone_at_start)
AWAY = (unplugged, readonly_at_start, moved_at_start, old_copy)


# ---- what happens while it is mended ----

def nothing(life, place):
    pass


def killed(life, place):
    life.kill()


def restarted(life, place):
    life.restart()


def lost_again(life, place):
    """The disk that takes the place fails before it is whole."""
    path = life.path(place)
    os.unlink(path)
    life.lost(place, path)
    life.start_replace(place)


def another_lost(life, place):
    """Of a group with two parity disks: another disk fails before the first one's place is whole."""
    other = (place + 1) % life.n_disks
    path = life.path(other)
    os.unlink(path)
    life.lost(other, path)
    life.start_replace(other)


# ---- ways to mend ----

def replaced(life, place, undo):
    life.start_replace(place)


def taken_by_a_spare(life, place, undo):
    """It was there before the failure."""
    name = f"/new{life.new} takes the place of"
    wait_until("the spare takes the place", lambda: any(name in text for text in events(life.server, "spare_taken")), 60, 0.2)


def taken_back(life, place, undo):
    undo()
    need(f"raid online vol0 0.{place}" in life.server.vcadm("status", check=False).stdout, "status does not say what mends it")
    life.server.vcadm("raid", "online", "vol0", f"0.{place}")


def cycles(n_parity):
    """(failure, what happens meanwhile, mending): each failure several times, with all that may happen."""
    chance = random.Random(7)
    happenings = [another_lost if n_parity > 1 else nothing, killed, restarted, lost_again]
    rows = []
    for i in range(CYCLES):
        failure = (GONE + AWAY)[i % len(GONE + AWAY)]
        mending = taken_back if failure in AWAY else (replaced, taken_by_a_spare)[i // 2 % 2]
        happening = happenings[(i + i // 4) % 4] if mending is replaced else chance.choice(happenings[n_parity - 1:3])
        rows.append((failure, happening, mending))
    return rows


def cycle(life, place, failure, happening, mending):
    server = life.server
    if mending is taken_by_a_spare:
        server.vcadm("raid", "spare", "add", life.fresh(), "--disk-size", server.disk_size)
    path = life.path(place)
    undo = failure(life, place, path)
    life.lost(place, path)
    if happening is not nothing:  # slowly, so that it happens before the end
        server.vcadm("raid", "modify", "vol0", "--rebuild-floor", "1m")
    mending(life, place, undo)
    if happening is not nothing:
        wait_until("it is being rebuilt", lambda: life.state(place) != "failed" and group_state(server) != "degraded", 60, 0.1)
        happening(life, place)
        server.vcadm("raid", "modify", "vol0", "--rebuild-floor", "1g")
    life.normal()
    life.rest()
    each_disk_is_once(server)
    need(spares(server) == {}, "a spare is left")
    status = server.vcadm("status", check=False)
    need(status.returncode == 0, f"all is well and status is {status.returncode}:\n{status.stdout}")


def through_all(test, *words):
    life = Life(test, *words)
    n_parity = sum(disk["role"].startswith("parity") for disk in disk_states(life.server))
    for i, (failure, happening, mending) in enumerate(cycles(n_parity)):
        life.work()
        try:
            cycle(life, i % life.n_disks, failure, happening, mending)
        except Exception:
            test.note(f"cycle {i}: disk {i % life.n_disks} {failure.__name__}, {mending.__name__}, meanwhile {happening.__name__}")
            raise
    swapped(life)
    run(life.server.helper("system/nfstree"), "verify", life.server.nfs_url(), 200, 9)
    result = life.server.vcadm("raid", "scrub", "start", "vol0", "--wait=300", check=False)
    need(result.returncode == 0, result.stdout + result.stderr)


def swapped(life):
    """The files of two disks have each other's names: a disk is what its label says."""
    first, second = life.path(0), life.path(1)

    def swap():
        os.rename(first, first + ".other")
        os.rename(second, first)
        os.rename(first + ".other", second)

    life.work()
    life.restart(swap)
    need(group_state(life.server) == "normal", "disks with other names were not known again")
    life.rest()


def test_disks_fail_in_every_way_and_clients_go_on(test):
    through_all(test)


def test_disks_of_double_parity_fail_in_every_way_also_two_at_once(test):
    through_all(test, "--raid", "dp")
