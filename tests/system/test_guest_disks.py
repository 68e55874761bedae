# SPDX-License-Identifier: Apache-2.0
"""vcd on block devices of a real kernel that fail: reads, writes and flushes with errors, a slow disk, one pulled and plugged in again,
one after the other under the load of an initiator on the host, which notices nothing.

Runs only when asked for, as test_guest.py."""
import os
import sys

from harness import MIB, need, records, run, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest"))
from disks import Disk, GuestServer  # noqa: E402

ONLY_WHEN_ASKED = True
LUN = 48 * MIB
KINDS = (("virtio", 512), ("scsi", 4096), ("virtio", 4096), ("scsi", 512))


def disk_state(server, disk):
    for group in records(server.vcadm_json("raid", "show", "vol0")):
        for row in group["disks"]:
            if row["name"].endswith(disk.url) or disk.url.endswith(row["name"]):
                return row["state"]
    return None


def is_whole(server):
    return all(group["state"] == "normal" for group in records(server.vcadm_json("raid", "show", "vol0")))


def make(test):
    server = GuestServer(test)
    test.at_end(server.guest.end)
    disks = [Disk(server.guest, f"d{i}", kind, block, 192 * MIB) for i, (kind, block) in enumerate(KINDS)]
    spare = Disk(server.guest, "s0", "scsi", 512, 192 * MIB)
    server.start()
    server.vcadm("volume", "create", "vol0", "--raid-group", ",".join(disk.url for disk in disks), timeout=300)
    server.create_lun("/vol/vol0/test", LUN, number=0)
    return server, disks, spare


def load(test, server, seconds=40):
    return test.spawn(*test.stress(server, 0, test.path("state"), LUN, "--seconds", seconds, "--depth", 2))


def verify(test, server):
    run(*test.stress(server, 0, test.path("state"), LUN, "--verify"), timeout=300)


def end_load(test, child, what):
    status, out, err = test.finish(child, 300)
    need(status == 0, f"{what}: the initiator noticed: status {status}\n{out}{err}")


def replace(server, lost, new):
    server.vcadm("raid", "replace", "vol0", lost.url, new.url, "--force", "--yes")
    wait_until("the disk is rebuilt", lambda: is_whole(server), 300, 2)


def test_disks_that_fail_are_replaced_and_no_initiator_notices(test):
    server, disks, spare = make(test)
    ends = {"writes": lambda disk: disk.become("writes"), "flushes": lambda disk: disk.become("flushes"), "gone": lambda disk: disk.unplug(),
            "reads": lambda disk: disk.become("reads")}
    for turn, (how, hurt) in enumerate(ends.items()):
        victim = disks[turn]  # the last one is the parity disk
        child = load(test, server)
        wait_until("the load is under way", lambda: os.path.exists(test.path("state")) or child.poll() is not None, 60, 0.5)
        hurt(victim)
        wait_until(f"disk {victim.name} ({how}) is lost", lambda: disk_state(server, victim) in ("failed", "missing"), 120, 1)
        need(server.vcadm("status", check=False).returncode == 8, f"{how}: status does not say degraded")
        replace(server, victim, spare)
        end_load(test, child, how)
        verify(test, server)
        test.note(f"{how}: lost, replaced, rebuilt")
        if how == "flushes":  # QEMU does not let go of a disk it cannot flush
            victim = Disk(server.guest, "s1", "virtio", 512, 192 * MIB)
        if how == "gone":
            victim.plug()
        victim.become("good")
        disks[turn], spare = spare, victim
    server.check_volume()
    server.stop()
    server.start()
    verify(test, server)
    server.check_volume()


def test_a_slow_disk_slows_and_loses_nothing(test):
    server, disks, _ = make(test)
    child = load(test, server, 30)
    disks[1].become("slow")
    end_load(test, child, "slow")
    disks[1].become("good")
    verify(test, server)
    need(disk_state(server, disks[1]) in ("online", "slow"), f"a slow disk is {disk_state(server, disks[1])}")
    server.kill()
    server.start()
    verify(test, server)
    server.check_volume()
