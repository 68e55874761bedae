# SPDX-License-Identifier: Apache-2.0
"""What the server does to snapshots by itself: schedules on the real clock, snapshots that go when space runs short."""
import os
import time

from harness import MIB, need, records, run, tool, wait_until


def minute_ahead():
    """The next full minute that is at least 8 s away (UTC), as seconds since 1970."""
    return (int(time.time()) + 8) // 60 * 60 + 60


def snapshots(server, prefix=""):
    found = records(server.vcadm_json("snapshot", "list", "vol0"))
    return [s["name"] for s in found if s["name"].startswith(prefix) and s["state"] == "valid"]


def events(server, name):
    return [e["text"] for e in records(server.vcadm_json("event", "list")) if e["event"] == name]


def test_a_schedule_makes_snapshots_and_makes_up_for_a_missed_one(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 16 * MIB, number=0)
    server.vcadm("snapshot", "create", "vol0", "hourly.mine")

    at = time.gmtime(minute_ahead())
    server.vcadm("snapshot", "schedule", "set", "vol0", "--hourly", f"1@{at.tm_min:02}", "--daily", f"2@{at.tm_hour:02}:{at.tm_min:02}")
    wait_until("both snapshots are made", lambda: len(snapshots(server, "hourly.2")) == 1 and len(snapshots(server, "daily.")) == 1, 80, 1)
    first = snapshots(server, "hourly.2")[0]
    need(first == time.strftime("hourly.%Y-%m-%d_%H%M", at), f"{first} is not of {time.asctime(at)}")
    server.create_lun("/vol/vol0/held", backing=f"/vol/vol0/.snapshot/{first}/disk", number=1)

    # the server is down at the next moment: it makes up for it when it is back, and the first one, which is too many now, is held by the LUN
    due = minute_ahead()
    server.vcadm("snapshot", "schedule", "set", "vol0", "--hourly", f"1@{time.gmtime(due).tm_min:02}")
    server.kill()
    time.sleep(max(0, due + 2 - time.time()))
    server.start()
    wait_until("the missed snapshot is made", lambda: len(snapshots(server, "hourly.2")) == 2, 30, 0.5)
    said = wait_until("the held snapshot is said", lambda: events(server, "snapshot_not_expired"), 30, 0.5)
    need(first in said[0] and "/vol/vol0/held" in said[0], f"the event names neither {first} nor the LUN: {said}")

    # a second start has nothing to make up for
    server.restart_after_kill()
    time.sleep(3)
    need(len(snapshots(server, "hourly.2")) == 2, f"{snapshots(server)}")

    # what no schedule made stays, and so does everything when the schedule ends
    before = snapshots(server)
    need("hourly.mine" in before and len([s for s in before if s.startswith("daily.")]) == 1, f"{before}")
    server.vcadm("snapshot", "schedule", "delete", "vol0")
    need(records(server.vcadm_json("snapshot", "schedule", "list")) == [], "a schedule is left")
    need(snapshots(server) == before, f"{snapshots(server)}")


def copy(server, source, check=True):
    return run(tool("nfs-cp"), source, server.nfs_url("/vol/vol0/f"), check=check, timeout=300).returncode == 0


def test_snapshots_go_before_nfs_clients_see_a_full_volume(test):
    server = test.server(disk_size="256m")
    source = test.path("source")
    with open(source, "wb") as f:
        f.write(os.urandom(100 * MIB))

    # off, as it is at first: the volume fills up, and nothing is deleted
    made = 0
    while made < 12 and copy(server, source, check=False):
        server.vcadm("snapshot", "create", "vol0", f"before{made}")
        made += 1
    need(made < 12, "twelve snapshots of 100 MiB each fit into the volume?")
    need(len(snapshots(server)) == made, f"{snapshots(server)}")

    # on: rewriting the file again and again always works, the oldest snapshots go, those of the prefix stay
    server.vcadm("snapshot", "rename", "vol0", "before1", "keep1")
    server.vcadm("volume", "autodelete", "set", "vol0", "--enable", "--trigger-free", "10%", "--target-free", "20%", "--delete", "all",
                 "--keep-prefix", "keep")
    for i in range(6):
        copy(server, source)
        server.vcadm("snapshot", "create", "vol0", f"after{i}")
    left = snapshots(server)
    need("keep1" in left and "before0" not in left and "after5" in left, f"{left}")
    said = events(server, "snapshot_autodeleted")
    need("snapshot=before0 " in said[0], f"{said}")
    test.note(f"{made} snapshots filled the volume; {len(said)} were deleted while 600 MiB were written; left: {left}")

    # kept with the volume: the same after a crash
    server.restart_after_kill()
    need(server.vcadm_json("volume", "autodelete", "show", "vol0")["enabled"] is True, "the policy is gone")
    for i in range(3):
        copy(server, source)
        server.vcadm("snapshot", "create", "vol0", f"again{i}")
    need("keep1" in snapshots(server), f"{snapshots(server)}")
