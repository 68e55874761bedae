# SPDX-License-Identifier: Apache-2.0
"""A volume grows under load: full for its clients, then larger, by a disk and by a group, over kills of the server."""
import os
import time

from harness import MIB, need, run, tool, wait_until

DISK = 96


def size_of(server):
    return server.volume()["space"]["size"]


def fill(server, test, name):
    """Files over NFS until there is no room; the number of those that are whole."""
    if not os.path.exists(test.path("source")):
        with open(test.path("source"), "wb") as f:
            f.write(os.urandom(8 * MIB))
    for n in range(1000):
        if run(tool("nfs-cp"), test.path("source"), server.nfs_url(f"/vol/vol0/{name}{n}"), check=False).returncode != 0:
            return n
    need(False, "it is never full")


def same(server, test, name, count):
    for n in range(count):
        run(tool("nfs-cp"), server.nfs_url(f"/vol/vol0/{name}{n}"), test.path("copy"))
        with open(test.path("copy"), "rb") as copy, open(test.path("source"), "rb") as source:
            need(copy.read() == source.read(), f"{name}{n} is not what was written")
        os.unlink(test.path("copy"))


def test_a_full_volume_grows_and_its_clients_go_on(test):
    server = test.server(disk_size=f"{DISK}m")
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    before = size_of(server)
    first = fill(server, test, "a")
    writer = test.spawn(*test.stress(server, 0, test.path("state"), 16 * MIB, "--seconds", 12, "--depth", 4))
    server.vcadm("volume", "add-disk", "vol0", "d4")
    need(size_of(server) > before, "it has not grown")
    second = fill(server, test, "b")
    need(second > 0, "there is no more room than before")
    status, out, err = test.finish(writer)
    need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
    same(server, test, "a", first)
    same(server, test, "b", second)
    server.check_volume()
    test.note(f"{before // MIB} MiB, then {size_of(server) // MIB}; {first} files, then {second} more")
    grown = size_of(server)
    server.restart_after_kill()
    need(size_of(server) == grown, "a restart has forgotten it")
    server.vcadm("volume", "add-group", "vol0", "--raid-group", "e0,e1,q0", "--disk-size", f"{DISK}m")
    need(size_of(server) > grown, "the group is not there")
    run(*test.stress(server, 0, test.path("state"), 16 * MIB, "--verify"))
    same(server, test, "b", second)
    server.check_volume()


def test_a_server_killed_while_it_grows_has_the_volume_as_it_was_or_grown(test):
    server = test.server(disk_size=f"{DISK}m")
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    grown = 0
    for n in range(6):
        before = size_of(server)
        child = test.spawn(os.path.join(server.build, "vcadm"), "--server", server.admin, "volume", "add-disk", "vol0", f"k{n}")
        wait_until("it has begun", lambda: os.path.exists(os.path.join(server.folder, "state", "disks", f"k{n}")), 30, 0.001)
        time.sleep(0.02 * n)
        server.restart_after_kill()
        test.finish(child)
        after = size_of(server)
        need(after >= before, "it has become smaller")
        need(server.volume()["raid"] == "normal", "a disk is lost")
        grown += after > before
    server.check_volume()
    test.note(f"{grown} of 6 had grown")
