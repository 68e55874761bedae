# SPDX-License-Identifier: Apache-2.0
"""The host's file system, on which the disks lie, is full: said, waited out, survived."""
import os
import re
import time

from harness import MIB, Server, Skip, need, run, tool, wait_until
from iscsiclient import BUSY, Initiator
from nfsclient import NfsClient, NfsError
from page import Page


def small_host(test, server, size="64m"):
    """The folder of the disks becomes a file system of its own, too small for them."""
    folder = os.path.join(server.folder, "disks")
    if run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder, check=False).returncode != 0:
        raise Skip("needs to mount a tmpfs")
    test.at_end(lambda: run("umount", "-l", folder))


def status_of(server):
    done = server.vcadm("status", check=False)
    return done.returncode, done.stdout


def is_full(server):
    code, text = status_of(server)
    return code == 8 and "file system is full" in text and server.disks[0].rsplit("/", 1)[0] in text


def copy(test, server, name, source="piece", timeout=60):
    return run(tool("nfs-cp"), test.path(source), server.nfs_url(f"/vol/vol0/{name}"), check=False, timeout=timeout)


def read_back(test, server, name, source="piece"):
    began = time.monotonic()
    run(tool("nfs-cp"), server.nfs_url(f"/vol/vol0/{name}"), test.path("got"))
    took = time.monotonic() - began
    run("cmp", test.path("got"), test.path(source))
    os.unlink(test.path("got"))
    return took


def fill(test, server):
    """Some files, then no room on the host, then a write that finds none. The names of what was acknowledged."""
    names = [f"f{number}" for number in range(4)]
    for name in names:
        need(copy(test, server, name).returncode == 0, f"{name} was not written")
    with open(os.path.join(server.folder, "disks", "ballast"), "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\1" * 65536)
        except OSError:
            pass
    test.spawn(tool("nfs-cp"), test.path("piece"), server.nfs_url("/vol/vol0/late"))
    wait_until("the host is said to be full", lambda: is_full(server), 60, 0.2)
    return names


def make_room(server):
    os.unlink(os.path.join(server.folder, "disks", "ballast"))


def full_server(test):
    server = test.server(start=False, disks=3, disk_size="256m")
    small_host(test, server)
    server.start()
    server.create_volume()
    server.create_lun("/vol/vol0/lun", 16 * MIB, number=0)
    with open(test.path("piece"), "wb") as f:
        f.write(os.urandom(2 * MIB))
    return server, fill(test, server)


def test_a_full_host_is_said_and_waited_out(test):
    server, names = full_server(test)
    need(server.volume()["raid"] == "waiting", f"the volume's state: {server.volume()}")
    need("host_full" in server.vcadm("event", "list").stdout, "no event")
    for name in names:
        took = read_back(test, server, name)
        need(took < 10, f"a read took {took:.1f} s")
    began = time.monotonic()
    said = server.refused("snapshot", "create", "vol0", "s1")
    need("file system is full" in said and time.monotonic() - began < 10, f"a snapshot, after {time.monotonic() - began:.1f} s: {said}")
    need(all(disk["state"] in ("online", "waiting") for group in server.vcadm_json("raid", "show", "vol0")["records"]
             for disk in group["disks"]), "a disk is called failed")
    make_room(server)
    wait_until("all is well again", lambda: status_of(server)[0] == 0, 30, 0.2)
    need(copy(test, server, "after").returncode == 0, "no write after there was room")
    read_back(test, server, "after")
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x42 0 1m", "-c", "read -P 0x42 0 1m", server.lun_url(0))
    server.vcadm("snapshot", "create", "vol0", "s1")


def stop(server):
    """Its status may say that a volume could not be left cleanly."""
    server.process.terminate()
    server.process.wait(45)
    server.ended()


def leave_and_come_back(test, leave):
    server, names = full_server(test)
    began = time.monotonic()
    leave(server)
    need(time.monotonic() - began < 45, f"it took {time.monotonic() - began:.0f} s to stop")
    server.start()  # a volume that finds no room for what it must write is tried again
    make_room(server)
    wait_until("the volume is back by itself", lambda: status_of(server)[0] == 0, 60, 0.2)
    for name in names:
        read_back(test, server, name)


def test_a_stop_while_the_host_is_full_ends_and_loses_nothing(test):
    leave_and_come_back(test, stop)


def test_a_kill_while_the_host_is_full_loses_nothing(test):
    leave_and_come_back(test, Server.kill)


def set_aside(path):
    """Does the file have all its space from the host?"""
    stat = os.stat(path)
    return stat.st_blocks * 512 >= stat.st_size


def test_disks_that_took_their_space_at_once_know_no_full_host(test):
    server = test.server(start=False, disks=3, disk_size="16m")
    small_host(test, server, "72m")
    server.start()
    said = server.refused("volume", "create", "vol0", "--raid-group", ",".join(server.disks), "--disk-size", "32m", "--preallocate")
    need("has no room" in said and server.disks[0].rsplit("/", 1)[0] in said, f"disks that are too large: {said}")
    need(not any(os.path.exists(disk) for disk in server.disks), "some of the disks were left behind")
    server.create_volume("vol0", "--preallocate")
    need(all(set_aside(disk) for disk in server.disks), "the space is not set aside")
    with open(test.path("piece"), "wb") as f:
        f.write(os.urandom(2 * MIB))
    with open(os.path.join(server.folder, "disks", "ballast"), "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\1" * 65536)
        except OSError:
            pass
    for number in range(3):
        need(copy(test, server, f"f{number}").returncode == 0, "a write found no room")
        read_back(test, server, f"f{number}")
    need(status_of(server)[0] == 0, f"something is said of room: {status_of(server)[1]}")


def test_space_that_is_set_aside_stays_so(test):
    """On a file system that can make zeros of what is set aside."""
    server = test.server(start=False, disks=3, disk_size="64m")
    server.start()
    server.create_volume("vol0", "--preallocate")
    need(all(set_aside(disk) for disk in server.disks), "not after the format")
    server.vcadm("raid", "fail", "vol0", server.disks[0], "--yes")
    new = server.disks[0] + "new"
    server.vcadm("raid", "replace", "vol0", server.disks[0], new, "--preallocate", "--wait=120")
    wait_until("the disk is rebuilt", lambda: status_of(server)[0] == 0, 60, 0.2)
    need(set_aside(new), "not that of the new disk")
    server.stop()
    server.start()
    need(all(set_aside(disk) for disk in [new] + server.disks[1:]), "not after a start")


def status_of_nfs(act, *arguments):
    """The name of the NFS status that a call was refused with; None: it was done."""
    try:
        act(*arguments)
    except NfsError as e:
        return (re.findall(r"NFS3ERR_\w+", str(e)) or [str(e)])[0]
    return None


def test_clients_hear_busy_and_jukebox_in_time_and_go_on(test):
    server, names = full_server(test)
    initiator, client = Initiator(server, 0), NfsClient(server)
    file = client.open("/" + names[0], os.O_RDWR)
    data = os.urandom(MIB)
    for _ in range(2):
        for act in (lambda: initiator.write(MIB, data), lambda: status_of_nfs(file.sync), lambda: status_of_nfs(client.create, "/new"),
                    lambda: status_of_nfs(client.rename, "/" + names[1], "/moved")):
            began = time.monotonic()
            said, took = act(), time.monotonic() - began
            need(said in ((BUSY, 0, 0), "NFS3ERR_JUKEBOX") and took < 10, f"after {took:.1f} s a client hears {said}")  # Linux gives up after 30
        need(status_of_nfs(file.write, data[:65536]), "a write is taken")  # libnfs says EFAULT, whatever the status of a WRITE was
        need(initiator.read(0, 4096)[0] is None and len(file.read(4096)) == 4096, "reads do not go on")
    make_room(server)
    wait_until("all is well again", lambda: status_of(server)[0] == 0, 30, 0.2)
    need(initiator.write(MIB, data) is None and initiator.read(MIB, MIB) == (None, data), "the initiator does not go on")
    file.write(data[:65536])
    file.sync()
    need(file.read(65536) == data[:65536] and "new" not in client.list("/"), "the NFS client does not go on")
    client.write("/new", data)
    file.close()
    initiator.close()
    client.close()


def test_the_page_says_that_the_host_is_full(test):
    server, _ = full_server(test)
    page = Page(test, server.page_url)
    page.waits_for("the problem, with the disk", "document.querySelector('.problems')?.innerText.includes('file system is full') && "
                   f"document.querySelector('.problems').innerText.includes('{server.disks[0].rsplit('/', 1)[0]}')")
    page.waits_for("the volume's state", "[...document.querySelectorAll('td .pill, td')].some((e) => e.innerText.trim() === 'waiting')")
    page.photograph(test.path("hostfull.png"))
    page.photograph(test.path("hostfull-dark.png"), dark=True)
    make_room(server)
    page.waits_for("that all is well again", "!document.querySelector('.problems')")
    need(not page.errors, f"{page.errors}")
    page.close()
