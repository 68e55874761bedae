# SPDX-License-Identifier: Apache-2.0
"""The scrub as an administrator uses it: blocks in disk files are overwritten while vcd runs, a scrub finds and repairs them."""
import json
import os

from harness import MIB, need, records, run, wait_until
from test_check import BLOCK, Disk, scribble

SIZE = 32 * MIB


def scrubbed(server, *words):
    """Start one and wait for its end: what it found."""
    server.vcadm("raid", "scrub", "start", "vol0", *words)
    wait_until("the scrub ends", lambda: server.vcadm_json("raid", "scrub", "status", "vol0")["state"] == "done", 120, 0.2)
    return server.vcadm_json("raid", "scrub", "status", "vol0")


def overwrite(server, index, count):
    """Over `count` blocks of a disk file that hold what a LUN has now; (offset, what was there) of each."""
    path, newest = server.disks[index], {}
    for disk in server.disks[:-1]:
        for generation, offset, inode, fbn, level in Disk(disk).entries():
            if inode > 64 and level == 0:
                newest[inode, fbn] = max(newest.get((inode, fbn), (0,)), (generation, disk, offset))
    blocks = sorted(offset for _, disk, offset in newest.values() if disk == path)
    need(len(blocks) > 4 * count, f"only {len(blocks)} blocks on {path}")
    step = len(blocks) // count
    return [(offset, scribble(path, offset)) for offset in blocks[::step][:count]]


def same(path, blocks):
    with open(path, "rb") as f:
        for offset, before in blocks:
            f.seek(offset)
            if f.read(BLOCK) != before:
                return False
    return True


def test_overwritten_blocks_are_found_and_repaired_while_serving(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 4, "--depth", 8, "--writes", 90))
    server.vcadm("snapshot", "create", "vol0", "s1")
    clean = scrubbed(server)
    need(clean["repaired"] == 0 and clean["lost"] == 0, f"found on sound disks: {json.dumps(clean)}")
    data = overwrite(server, 1, 20)
    writer = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 4, "--depth", 4))
    result = scrubbed(server)
    status, out, err = test.finish(writer)
    need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
    disk = next(d for d in result["disks"] if d["name"].endswith(os.path.basename(server.disks[1])))
    need(disk["wrong"] + disk["entries"] > 0 and result["lost"] == 0, f"not found: {json.dumps(result)}")
    need(result["repaired"] == result["data_wrong"] + result["parity_wrong"] + result["entries_wrong"] + result["unreadable"],
         f"not repaired: {json.dumps(result)}")
    test.note(f"{len(data)} blocks overwritten, {disk['wrong']} wrong found")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    again = scrubbed(server)
    need(again["repaired"] == 0 and again["lost"] == 0, f"still wrong: {json.dumps(again)}")
    shown = records(server.vcadm_json("raid", "show", "vol0"))[0]["disks"]
    need(all("time" in d["scrub"] for d in shown), "raid show does not say when")
    need("vc_volume_scrub_end_time_seconds" in server.fetch("/metrics"), "not in /metrics")
    server.check_volume()


def test_a_scrub_goes_on_after_the_server_was_killed(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 4, "--depth", 8, "--writes", 90))
    server.vcadm("snapshot", "create", "vol0", "s1")
    data = overwrite(server, 0, 30)
    server.vcadm("raid", "scrub", "start", "vol0")
    server.restart_after_kill()
    wait_until("the scrub ends", lambda: server.vcadm_json("raid", "scrub", "status", "vol0")["state"] == "done", 120, 0.2)
    need(same(server.disks[0], data), "a block is not what it was")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))


def test_more_bad_blocks_than_parity_replaces_name_their_lun(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 8, "--writes", 90))
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 50, 9)
    server.vcadm("snapshot", "create", "vol0", "s1")
    overwrite(server, 1, 8)
    server.vcadm("raid", "fail", "vol0", "0.0", "--yes")
    server.restart_after_kill()  # nothing of it is in memory any more
    done = run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"), check=False)
    need(done.returncode != 0 and '"wrong": 0' in done.stdout, f"what is lost was returned: {done.stdout}{done.stderr}")
    status = server.vcadm("status", check=False)
    need(status.returncode == 8 and "LUN /vol/vol0/test (" in status.stdout and "vcadm volume check vol0" in status.stdout, status.stdout)
    lost = server.volume()["lost"]
    need(any(file.get("lun") == "/vol/vol0/test" and file["blocks"] > 0 for file in lost["files"]), f"{lost}")
    # the other half of their stripes comes back: nothing is lost any more
    server.vcadm("raid", "online", "vol0", "0.0")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    need("lost" not in server.volume(), f"still lost: {server.volume()}")
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 50, 9, "--all")
    scrubbed(server)
