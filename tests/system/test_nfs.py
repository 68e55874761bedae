# SPDX-License-Identifier: Apache-2.0
"""What an NFS client that stays mounted sees: old versions in .snapshot, and a full volume that comes to life again."""
import errno
import os

from harness import MIB, need
from nfsclient import NfsClient, NfsError


def refused(expected, action):
    try:
        action()
    except NfsError as error:
        need(error.errno == expected, f"refused with {errno.errorcode.get(error.errno)}, expected {errno.errorcode[expected]}: {error}")
        return
    need(False, f"not refused, expected {errno.errorcode[expected]}")


def test_old_versions_are_in_the_snapshot_directory_of_every_directory(test):
    server = test.server()
    client = NfsClient(server)
    client.mkdir("/dir")
    client.mkdir("/dir/sub")
    client.write("/top", b"top, first")
    client.write("/dir/sub/file", b"first")
    server.vcadm("snapshot", "create", "vol0", "s1")
    client.write("/dir/sub/file", b"second, longer")
    client.write("/dir/sub/young", b"young")
    server.vcadm("snapshot", "create", "vol0", "s2")
    client.unlink("/dir/sub/file")
    client.rename("/dir/sub", "/dir/moved")
    client.mkdir("/late")

    need(client.list("/.snapshot") == ["s1", "s2"], f"/.snapshot has {client.list('/.snapshot')}")
    need(client.list("/dir/moved/.snapshot") == ["s1", "s2"], f"the snapshots of a directory: {client.list('/dir/moved/.snapshot')}")
    need(client.list("/late/.snapshot") == [], "a directory is in snapshots that are older than it")
    need(".snapshot" not in client.list("/") + client.list("/dir"), ".snapshot is listed")
    need(client.list("/dir/moved/.snapshot/s2") == ["file", "young"], f"{client.list('/dir/moved/.snapshot/s2')}")
    need(client.list("/.snapshot/s1/dir") == ["sub"], "a name of then is not in the snapshot")
    for path, content in (("/.snapshot/s1/top", b"top, first"), ("/.snapshot/s1/dir/sub/file", b"first"), ("/dir/moved/.snapshot/s1/file", b"first"),
                          ("/dir/moved/.snapshot/s2/file", b"second, longer")):
        need(client.read(path) == content, f"{path}: {client.read(path)}")
    refused(errno.ENOENT, lambda: client.read("/dir/moved/.snapshot/s1/young"))

    for action in (lambda: client.create("/.snapshot/s1/new"), lambda: client.create("/dir/moved/.snapshot/new"),
                   lambda: client.mkdir("/dir/moved/.snapshot/s2/new"), lambda: client.unlink("/.snapshot/s1/top"),
                   lambda: client.rename("/.snapshot/s1/top", "/.snapshot/s1/else"),
                   lambda: client.truncate("/.snapshot/s1/top", 3)):
        refused(errno.EROFS, action)
    refused(errno.EACCES, lambda: client.open("/.snapshot/s1/top", os.O_RDWR))  # libnfs asks with ACCESS, and is told: reading only
    refused(errno.EEXIST, lambda: client.mkdir("/dir/.snapshot"))
    server.refused("lun", "create", "/vol/vol0/dir/.snapshot", "--size", "1m")

    held = client.open("/dir/moved/.snapshot/s1/file")
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    refused(errno.EFAULT, lambda: held.read(5))  # libnfs 4 makes EFAULT of NFS3ERR_STALE
    need(client.list("/dir/moved/.snapshot") == ["s2"], "a snapshot that was deleted shows")
    client.close()


def fill(client):
    """Files of 8 MiB until there is no more room; their number."""
    data = os.urandom(MIB // 2)
    for number in range(1000):
        file = client.create(f"/piece{number}")
        try:
            for at in range(0, 8 * MIB, len(data)):
                file.write(data, at)
            file.sync()
        except NfsError as error:
            need(error.errno in (errno.ENOSPC, errno.EFAULT), f"a full volume says {error}")  # libnfs 4 makes EFAULT of any failed WRITE
            return number
        finally:
            file.close()
    need(False, "the volume never became full")


def test_a_client_that_filled_the_volume_deletes_and_goes_on(test):
    server = test.server(disks=3, disk_size="96m")
    client = NfsClient(server)
    client.write("/kept", b"kept")
    n = fill(client)
    need(n > 4, f"full after {n} files")
    refused(errno.ENOSPC, lambda: [client.mkdir(f"/name{number}") for number in range(10000)])  # to the last block
    need(client.read("/kept") == b"kept", "reading on a full volume")
    for number in range(0, n + 1, 2):
        client.unlink(f"/piece{number}")
    data = os.urandom(6 * MIB)
    client.write("/again", data)  # at once: it waits for the consistency point that gives the blocks back
    available = int(server.volume()["space"]["available"])
    need(available > (n // 2 - 2) * 8 * MIB, f"{available} bytes are available")
    need(client.read("/again", 6 * MIB)[:MIB] == data[:MIB], "what was written after it does not read back")
    client.close()
    server.restart_after_kill()
    client = NfsClient(server)
    need(client.read("/again", MIB) == data[:MIB], "what was written after it is lost")
    need(fill(client) >= n // 2 - 2, "the room that came back cannot be used")
    client.close()
    server.check_volume()


def export_states(server):
    return {record["path"]: record["state"] for record in server.vcadm_json("export", "list")["records"]}


def test_an_export_that_is_withdrawn_and_set_again_keeps_its_clients(test):
    server = test.server()
    top = NfsClient(server)
    top.mkdir("/shared")
    rule = "127.0.0.0/8:rw,no_root_squash,insecure"
    server.vcadm("export", "set", "/vol/vol0/shared", "--client", rule)
    for path in ("/vol/vol0", "/vol/vol0/shared"):
        client = NfsClient(server, path)
        client.write("/file", b"before")
        held = client.open("/file", os.O_RDWR)
        server.vcadm("export", "delete", path, "--yes")
        refused(errno.EFAULT, lambda held=held: held.read(6))  # NFS3ERR_STALE
        server.vcadm("export", "set", path, "--client", rule)
        need(held.read(6) == b"before", "an open file after the export was set again")
        client.write("/more", b"x")
        client.close()
    top.close()


def test_an_export_is_a_directory_whatever_its_name(test):
    server = test.server()
    top = NfsClient(server)
    for path in ("/shared", "/shared/moved", "/other"):
        top.mkdir(path)
    top.write("/secret", b"secret")
    server.vcadm("export", "set", "/vol/vol0/shared", "--client", "127.0.0.0/8:rw,no_root_squash,insecure")
    client = NfsClient(server, "/vol/vol0/shared")
    client.write("/moved/file", b"file")

    top.rename("/shared", "/public")
    top.mkdir("/shared")
    need(export_states(server) == {"/vol/vol0": "exported", "/vol/vol0/public": "exported"}, f"{export_states(server)}")
    need(client.read("/moved/file") == b"file", "a client of the renamed export")
    again = NfsClient(server, "/vol/vol0/public")
    need(again.list("/") == ["moved"], "mounted by its new path")

    top.rename("/public/moved", "/other/moved")
    refused(errno.ENOENT, lambda: client.read("/moved/file"))
    need(again.list("/") == [], "what was moved out of the export is listed")
    top.rename("/other/moved", "/public/moved")
    need(client.read("/moved/file") == b"file", "moved back")

    top.unlink("/public/moved/file")
    top.rmdir("/public/moved")
    top.rmdir("/public")
    need(export_states(server)["/vol/vol0/public"] == "missing", f"{export_states(server)}")
    need("/vol/vol0/public" in server.vcadm("status", check=False).stdout, "status does not say it")
    need("export_missing" in server.vcadm("event", "list").stdout, "no event")
    top.mkdir("/public")
    need(export_states(server)["/vol/vol0/public"] == "missing", "another directory is exported because of its name")
    server.vcadm("export", "set", "/vol/vol0/public", "--client", "127.0.0.0/8:rw,no_root_squash,insecure")
    NfsClient(server, "/vol/vol0/public").close()
    for each in (top, client, again):
        each.close()
