# SPDX-License-Identifier: Apache-2.0
"""What the disks can be when vcd starts: made by an older version, old copies, of another volume, missing."""
import os
import shutil

from harness import MIB, need, records, run

SIZE = 8 * MIB
IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")


def states(server):
    groups = records(server.vcadm_json("raid", "show", "vol0"))
    return {os.path.basename(disk["name"]): disk for group in groups for disk in group["disks"]}


def copy(path, to):
    run("cp", "--sparse=always", path, to)


def old_volume(test, name, count):
    """An image of an older version (tests/system/images): mounted, with all its files, and again after that."""
    server = test.server(start=False, disks=4)
    run("tar", "-C", os.path.join(server.folder, "disks"), "-xJf", os.path.join(IMAGES, name))
    server.start()
    server.vcadm("volume", "import", ",".join(server.disks))
    for _ in range(2):
        need(all(disk["state"] == "online" for disk in states(server).values()), "a disk is not believed")
        run(server.helper("system/nfstree"), "verify", server.nfs_url(), count, 9, "--all")
        run(server.helper("system/nfstree"), "verify", server.nfs_url("/vol/vol0/.snapshot/s1"), 3, 9, "--all")
        server.stop()
        server.start()


def test_a_volume_of_an_older_version_mounts(test):
    old_volume(test, "clean-8398df7.tar.xz", 3)


def test_a_crashed_volume_of_an_older_version_mounts(test):
    old_volume(test, "crashed-8398df7.tar.xz", 6)


def test_an_old_copy_of_a_disk_is_stale(test):
    server = test.server(disk_size="64m")
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    stress = test.stress(server, 0, test.path("state"), SIZE, "--depth", 4)
    run(*stress, "--seconds", 1, "--writes", 100)
    server.stop()
    copy(server.disks[1], test.path("old"))
    server.start()
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 4, "--writes", 100))
    server.stop()
    copy(test.path("old"), server.disks[1])
    for _ in range(2):
        server.start()
        disk = states(server)["d1"]
        need(disk["state"] == "stale" and disk["reason"], f"the old disk is {disk['state']}")
        need("stale" in server.vcadm("raid", "show", "vol0").stdout, "raid show does not say stale")
        need(server.degraded(), "nobody says degraded")
        need("state=stale" in server.log_tail(20000), "the log does not say stale")
        run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
        server.stop()
    server.start()


def test_a_disk_of_another_volume_is_named(test):
    server = test.server(disk_size="64m")
    other = test.server(disk_size="64m")
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 20, 9)
    server.stop()
    other.stop()
    copy(other.disks[2], server.disks[2])
    other.start()
    server.start()
    disk = states(server)["d2"]
    need(disk["state"] == "missing" and "another volume" in disk["reason"], f"the foreign disk: {disk}")
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 20, 9, "--all")


def test_too_many_missing_disks_are_named(test):
    server = test.server(disk_size="64m")
    server.stop()
    gone = [server.disks[0], server.disks[3]]
    for path in gone:
        shutil.move(path, path + ".away")
    server.start()
    volume = server.volume()
    for place, path in (("data disk 0 of group 0", gone[0]), ("parity disk 3 of group 0", gone[1])):
        need(place in volume["error"] and path in volume["error"], f"the volume's state does not name {path}: {volume['error']}")
        need(path in server.log_tail(20000), f"the log does not name {path}")
    server.stop()
    done = run(os.path.join(server.build, "vcd"), "check", *server.disks[1:3], check=False)
    need(done.returncode == 4 and "data disk 0 of group 0" in done.stderr, f"vcd check: {done.stderr}")
    for path in gone:
        shutil.move(path + ".away", path)
    server.start()
