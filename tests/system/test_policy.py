# SPDX-License-Identifier: Apache-2.0
"""What the server does to snapshots by itself: schedules on the real clock, snapshots that go when space runs short."""
import time

from harness import MIB, need, records, run, tool, wait_until, waits
from page import Page


def minute_ahead():
    """The next full minute that is at least 8 s away (UTC), as seconds since 1970."""
    return (int(time.time()) + 8) // 60 * 60 + 60


def snapshots(server, prefix=""):
    found = records(server.vcadm_json("snapshot", "list", "vol0"))
    return [s["name"] for s in found if s["name"].startswith(prefix) and s["state"] == "valid"]


def events(server, name):
    return [e["text"] for e in records(server.vcadm_json("event", "list")) if e["event"] == name]


@waits
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


def stress(test, server, name, *words):
    """lunstress on a file over NFS; what is wrong: nothing when every write was taken and every read was right."""
    done = run(server.helper("system/lunstress"), "--url", server.nfs_url(f"/vol/vol0/{name}"), "--state", test.path(f"{name}.state"),
               "--size", 100 * MIB, *words, check=False)
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stdout}{done.stderr}"


def test_snapshots_go_before_nfs_clients_see_a_full_volume(test):
    server = test.server(disk_size="256m")

    # off, as it is at first: the volume fills up, and nothing is deleted
    made = 0
    while made < 40 and stress(test, server, "off", "--writes", 100, "--seconds", 2) == "":
        done = server.vcadm("snapshot", "create", "vol0", f"before{made}", check=False)
        if done.returncode != 0:
            break
        made += 1
    need(2 <= made < 40, f"{made} snapshots, and the volume is not full?")
    need(len(snapshots(server)) == made, f"{snapshots(server)}")

    # on: writing and making snapshots again and again always works, the oldest snapshots go, those of the prefix stay
    server.vcadm("snapshot", "rename", "vol0", "before1", "keep1")
    server.vcadm("volume", "autodelete", "set", "vol0", "--enable", "--trigger-free", "10%", "--target-free", "20%", "--delete", "all",
                 "--keep-prefix", "keep")
    for i in range(8):
        wrong = stress(test, server, "on", "--writes", 100, "--seconds", 2)
        need(not wrong, f"round {i}: {wrong}")
        server.vcadm("snapshot", "create", "vol0", f"after{i}")
    left = snapshots(server)
    need("keep1" in left and "before0" not in left and "after7" in left, f"{left}")
    said = events(server, "snapshot_autodeleted")
    need("snapshot=before0 " in said[0], f"{said}")
    test.note(f"{made} snapshots filled the volume; {len(said)} were deleted during eight rounds of writes; left: {left}")

    # kept with the volume: the same after a crash
    server.restart_after_kill()
    need(server.vcadm_json("volume", "autodelete", "show", "vol0")["enabled"] is True, "the policy is gone")
    wrong = stress(test, server, "on", "--verify", "--crash")
    need(not wrong, f"after the crash: {wrong}")
    for i in range(3):
        wrong = stress(test, server, "on", "--writes", 100, "--seconds", 2)
        need(not wrong, f"after the crash, round {i}: {wrong}")
        server.vcadm("snapshot", "create", "vol0", f"again{i}")
    need("keep1" in snapshots(server), f"{snapshots(server)}")
    wrong = stress(test, server, "on", "--verify")
    need(not wrong, f"at the end: {wrong}")


def test_the_page_sets_schedule_and_autodelete_with_the_keyboard_alone(test):
    server = test.server()
    server.vcadm("snapshot", "create", "vol0", "first")
    server.create_lun("/vol/vol0/disk", 16 * MIB, number=0)
    server.vcadm("snapshot", "create", "vol0", "second")
    page = Page(test, server.page_url)
    page.waits_for("the snapshots", "document.body?.innerText.includes('Since previous') && document.body?.innerText.includes('second')")

    # a schedule: opened, filled in and sent by keys; the table shows it
    page.tab_to("Snapshot schedule of vol0")
    page.key("Enter")
    page.waits_for("the dialog", "document.querySelector('dialog[open]') !== null")
    page.tab_to("Keep, daily")
    page.type("7")
    page.key("Enter")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    page.waits_for("the schedule in the table", "document.body?.innerText.includes('7 daily')")
    need(server.vcadm_json("snapshot", "schedule", "show", "vol0")["daily"]["keep"] == 7, "the server has another schedule")

    # autodelete: what is wrong is said in the dialog, which stays; then it is set
    page.tab_to("Snapshot autodelete of vol0")
    page.key("Enter")
    page.waits_for("the dialog", "document.querySelector('dialog[open]') !== null")
    page.run("document.querySelector('[name=trigger]').select()")
    page.type("30")
    page.key("Enter")
    said = page.waits_for("the complaint", "document.querySelector('dialog [role=alert]')?.innerText")
    need("target_free" in said, said)
    page.tab_to("End at")
    page.run("document.querySelector('[name=target]').select()")
    page.type("40")
    page.tab_to("Delete snapshots when")
    page.key("Space")
    page.key("Enter")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    policy = server.vcadm_json("volume", "autodelete", "show", "vol0")
    need(policy["enabled"] and policy["trigger_free"] == 30 and policy["target_free"] == 40, f"{policy}")

    # a snapshot renamed, one deleted; Escape leaves a dialog without doing anything
    page.tab_to("Delete second")
    page.key("Enter")
    page.waits_for("the question", "document.querySelector('dialog[open]')?.innerText.includes('come back')")
    page.key("Escape")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    need("second" in snapshots(server), "Escape has deleted it")
    page.tab_to("Rename first")
    page.key("Enter")
    page.waits_for("the dialog", "document.querySelector('dialog[open] [name=name]') !== null")
    page.run("document.querySelector('dialog [name=name]').select()")
    page.type("renamed")
    page.key("Enter")
    page.waits_for("the new name", "document.body?.innerText.includes('renamed')")
    need("renamed" in snapshots(server) and "first" not in snapshots(server), f"{snapshots(server)}")

    # the volume put back to a snapshot: the dialog says which newer ones are lost
    page.tab_to("Put vol0 back to renamed")
    page.key("Enter")
    page.waits_for("the warning", "document.querySelector('dialog[open]')?.innerText.includes('newer snapshots: second')")
    page.tab_to("Restore")
    page.key("Enter")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    wait_until("the volume is put back", lambda: server.vcadm("snapshot", "list", "vol0", "-o", "name", check=False).stdout.split() == ["renamed"], 60,
               0.5)
    need(page.errors == [], f"{page.errors}")
    page.close()
