# SPDX-License-Identifier: Apache-2.0
"""What the server does to snapshots by itself: schedules on the real clock."""
import time

from harness import MIB, need, records, wait_until


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
