# SPDX-License-Identifier: Apache-2.0
"""A lost disk is replaced while clients are served: they notice nothing, and afterwards any other may be lost."""
import os

from harness import MIB, need, records, run, wait_until

SIZE = 128 * MIB


def disk_states(server):
    return [disk for group in records(server.vcadm_json("raid", "show", "vol0")) for disk in group["disks"]]


def job_of(answer):
    return answer["job"]["uuid"] if "job" in answer else answer["uuid"]


def group_state(server):
    return records(server.vcadm_json("raid", "show", "vol0"))[0]["state"]


def fill(test, server):
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 3, "--depth", 8, "--writes", 90))
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 400, 9)


def verify(test, server):
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 400, 9, "--all")


def lose(server, path):
    os.unlink(path)
    wait_until("raid show and status say degraded", server.degraded, 60, 0.5)


def rebuilt(server):
    wait_until("the group is normal again", lambda: group_state(server) == "normal", 120, 0.3)
    need(server.vcadm("status", check=False).returncode == 0, "status is not 0 though all is well again")


def test_a_rebuild_goes_on_after_a_kill_and_after_a_restart(test):
    server = test.server()
    fill(test, server)
    lost, new = server.disks[1], os.path.join(server.folder, "disks", "new")
    lose(server, lost)
    writer = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 60, "--depth", 4))
    server.vcadm("raid", "replace", "vol0", lost, new)
    wait_until("some of it is rebuilt", lambda: disk_states(server)[1].get("rebuilt_percent", 0) > 3, 60, 0.05)
    server.kill()
    test.finish(writer)
    server.start()
    need(group_state(server) in ("reconstructing", "normal"), "the rebuild does not go on after a kill")
    server.stop()
    server.start()
    rebuilt(server)
    server.stop()
    os.unlink(server.disks[0])
    server.start()
    wait_until("degraded without d0", server.degraded, 60, 0.5)
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 400, 9, "--all")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify", "--crash"))


def test_what_cannot_replace_a_disk_is_refused_and_says_why(test):
    server = test.server(disk_size="256m")
    server.create_lun("/vol/vol0/test", 32 * MIB, number=0)
    d0, d1 = server.disks[0], server.disks[1]
    need("only a lost one" in server.refused("raid", "replace", "vol0", d1, "x"), "a healthy disk was replaced")
    need("has no disk" in server.refused("raid", "replace", "vol0", "nix", "x"), "an unknown disk was replaced")
    need("has no disk" in server.refused("raid", "fail", "vol0", "0.9", "--yes"), "a place that is not there failed")
    server.vcadm("raid", "fail", "vol0", "0.1", "--yes")
    need(disk_states(server)[1]["state"] == "failed", "raid fail has not failed it")
    need("an administrator" in disk_states(server)[1]["reason"], "raid show does not say why")
    need("cannot do without" in server.refused("raid", "fail", "vol0", d0, "--yes"), "a second one failed")

    def fails(words, *said):
        job = job_of(server.vcadm_json("raid", "replace", "vol0", d1, *words))
        text = server.vcadm("job", "watch", job, check=False)
        text = text.stdout + text.stderr
        for part in said:
            need(part in text, f"no \"{part}\" in:\n{text}")

    small = os.path.join(server.folder, "disks", "small")
    with open(small, "wb") as f:
        f.truncate(100 * MIB)
    fails((small,), "too small", str(100 * MIB), "needed")
    full = os.path.join(server.folder, "disks", "full")
    with open(full, "wb") as f:
        f.write(b"something" * 1000)
        f.truncate(256 * MIB)
    fails((full,), "not empty", "--force")
    fails((d0,), "belongs to volume")
    need(group_state(server) == "degraded", "a refused replacement changed the group")
    server.vcadm("raid", "replace", "vol0", "0.1", full, "--force", "--yes")
    rebuilt(server)
    # the one that was called failed is whole, and can come back as a new one
    server.vcadm("raid", "fail", "vol0", full, "--yes")
    server.vcadm("raid", "replace", "vol0", full, d1, "--force", "--yes")
    rebuilt(server)
    check = server.vcadm("volume", "check", "vol0")
    need(check.returncode == 0, check.stdout)
