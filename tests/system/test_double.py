# SPDX-License-Identifier: Apache-2.0
"""Double parity: two disks lost under load, both replaced; a RAID-4 group that gets a second parity disk while clients are served."""
import os

from harness import MIB, need, records, run, wait_until
from test_replace import group_state, rebuilt

SIZE = 64 * MIB


def group(server, name="vol0"):
    return records(server.vcadm_json("raid", "show", name))[0]


def fill(test, server):
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 8, "--writes", 90))
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 200, 9)


def same(test, server):
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 200, 9, "--all")


def lose(server, path, left):
    os.unlink(path)
    wait_until(f"{left} more may be lost", lambda: group(server)["may_lose"] == left, 60, 0.3)
    need(server.degraded(), "raid show and status do not say degraded")


def test_two_disks_are_lost_under_load_and_both_are_replaced(test):
    server = test.server(start=False)
    server.start()
    server.create_volume("vol0", "--raid", "dp")
    need(group(server)["type"] == "dp" and group(server)["may_lose"] == 2, f"{group(server)}")
    need([disk["role"] for disk in group(server)["disks"]][-2:] == ["parity", "parity2"], "the parity disks are not named")
    need(server.volume()["level"] == "dp", "volume show does not say the level")
    fill(test, server)
    load = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 20, "--depth", 4))
    lose(server, server.disks[0], 1)
    need("one more disk may be lost there" in server.vcadm("status", check=False).stdout, "status counts as with one parity disk")
    lose(server, server.disks[-1], 0)
    need("one more disk lost there loses data" in server.vcadm("status", check=False).stdout, "status does not say that nothing is left")
    need("as many as its parity replaces" in server.refused("raid", "fail", "vol0", "0.1", "--yes"), "a third one failed")
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 200, 9, "--all")
    server.vcadm("raid", "spare", "add", "spare0", "--disk-size", server.disk_size)  # takes one of the places by itself
    wait_until("the spare is rebuilt", lambda: group(server)["may_lose"] == 1, 180, 0.3)
    lost = [disk for disk in group(server)["disks"] if disk["state"] != "online"]
    need(len(lost) == 1, f"{lost}")
    server.vcadm("raid", "replace", "vol0", f"0.{lost[0]['position']}", "new")
    rebuilt(server)
    status, out, err = test.finish(load)
    need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
    same(test, server)
    server.vcadm("raid", "scrub", "start", "vol0")
    wait_until("the scrub is through", lambda: server.vcadm_json("raid", "scrub", "status", "vol0")["state"] == "done", 120, 0.3)
    scrub = server.vcadm_json("raid", "scrub", "status", "vol0")
    need(scrub["data_wrong"] + scrub["parity_wrong"] + scrub["entries_wrong"] + scrub["lost"] == 0, f"{scrub}")
    server.check_volume()


def test_a_group_gets_a_second_parity_disk_under_load_and_over_a_kill(test):
    server = test.server()
    fill(test, server)
    need("can be converted to dp" in server.refused("raid", "convert", "vol0", "--to", "raid6", "--disk", "q1"), "an unknown level was taken")
    server.vcadm("raid", "modify", "vol0", "--rebuild-floor", "1m")
    load = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 600, "--depth", 4))
    server.vcadm("raid", "convert", "vol0", "--to", "dp", "--disk", "q1")
    wait_until("it is dp, and one disk may be lost", lambda: (group(server)["type"], group(server)["may_lose"]) == ("dp", 1), 60, 0.1)
    need("has two parity disks already" in server.refused("raid", "convert", "vol0", "--to", "dp", "--disk", "q2"), "it was converted twice")
    server.kill()
    test.finish(load)
    server.start()
    need(group(server)["type"] == "dp" and group_state(server) in ("reconstructing", "normal"), "the conversion does not go on after a kill")
    server.vcadm("raid", "modify", "vol0", "--rebuild-floor", "1g")
    rebuilt(server)
    need(group(server)["may_lose"] == 2, f"{group(server)}")
    server.check_volume()
    server.stop()
    os.unlink(server.disks[1])
    os.unlink(server.disks[-1])
    server.start()
    need(group(server)["may_lose"] == 0, "two disks are gone, and it does not say so")
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 200, 9, "--all")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify", "--crash"))
