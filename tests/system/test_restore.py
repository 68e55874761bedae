# SPDX-License-Identifier: Apache-2.0
"""A volume put back to a snapshot under its clients: NFS and iSCSI sessions that go on, settings that stay, a kill while it is done."""
import errno
import os
import subprocess
import time

from harness import MIB, need, records, run, tool, wait_until
from iscsiclient import BECOMING_READY, CAPACITY_CHANGED, CHECK_CONDITION, LUNS_CHANGED, NOT_READY, RESET, UNIT_ATTENTION, Initiator
from nfsclient import NfsClient, NfsError
from page import Page

LUN_BYTES = 64 * MIB


def put_file(test, server, name, text):
    with open(test.path("source"), "w") as f:
        f.write(text)
    run(tool("nfs-cp"), test.path("source"), server.nfs_url(f"/vol/vol0/{name}"))


def get_file(server, name):
    return run(tool("nfs-cat"), server.nfs_url(f"/vol/vol0/{name}"), check=False).stdout


def pattern(server, number, byte, write):
    command = f"write -P {byte} 1M 4M" if write else f"read -P {byte} 1M 4M"
    done = run(tool("qemu-io"), "-f", "raw", "-c", command, server.lun_url(number), check=False)
    return done.returncode == 0 and "Pattern verification failed" not in done.stdout


class OpenLun:
    """One initiator that stays logged in."""

    def __init__(self, server, number):
        self.io = subprocess.Popen([tool("qemu-io"), "-f", "raw", server.lun_url(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)

    def say(self, command):
        self.io.stdin.write(command + "\n")
        self.io.stdin.flush()
        said = ""
        while "ops" not in said and "failed" not in said and "error" not in said.lower():
            line = self.io.stdout.readline()
            need(line, f"qemu-io ended: {said}")
            said += line
        return said

    def close(self):
        self.io.stdin.write("quit\n")
        self.io.stdin.close()
        self.io.wait(60)


def snapshots(server, state="valid"):
    return [s["name"] for s in records(server.vcadm_json("snapshot", "list", "vol0")) if s["state"] == state]


def told_of_reset(initiator, byte, then):
    """What it has cached counts no more, and the initiator is told so before it sees a byte of it."""
    said, _ = initiator.read(MIB, 4096)
    for _ in range(300):
        if said is None or said[1] != NOT_READY:
            break
        need(said[2] == BECOMING_READY, f"an initiator is told {said}, which no host waits for")
        time.sleep(0.1)
        said, _ = initiator.read(MIB, 4096)
    need(said == (CHECK_CONDITION, UNIT_ATTENTION, RESET), f"a session was not told of a reset: {said}")
    said = initiator.ready()
    need(said == (CHECK_CONDITION, UNIT_ATTENTION, then), f"a session was told of {said}, not of {then:#x}")
    said, data = initiator.read(MIB, 4096)
    need(said is None and data == bytes([byte]) * 4096, f"then it does not read what the snapshot has: {said}")
    initiator.close()


def test_a_volume_goes_back_to_a_snapshot(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", LUN_BYTES, number=0)
    need(pattern(server, 0, 17, True), "the LUN cannot be written")
    put_file(test, server, "kept", "of then\n")
    server.vcadm("snapshot", "create", "vol0", "s1")
    serial = server.vcadm_json("lun", "show", "/vol/vol0/disk")["serial_number"]

    need(pattern(server, 0, 34, True), "the LUN cannot be written again")
    put_file(test, server, "later", "of today\n")
    server.vcadm("snapshot", "create", "vol0", "s2")
    server.create_lun("/vol/vol0/copy", backing="/vol/vol0/.snapshot/s2/disk", number=1)
    server.vcadm("lun", "map", "/vol/vol0/disk", "--igroup", "clients", check=False)
    server.vcadm("export", "set", "/vol/vol0", "--client", "127.0.0.0/8:rw,no_root_squash,insecure", "--client", "10.0.0.0/8:ro")

    # what would be lost is said, and nothing is done unasked
    said = server.refused("snapshot", "restore", "vol0", "s1")
    need("--yes" in said and "s2" in said, f"the newer snapshot is not named: {said}")
    said = server.refused("snapshot", "restore", "vol0", "s1", "--yes")
    need("/vol/vol0/copy" in said and "s2" in said, f"the LUN on the newer snapshot is not named: {said}")
    said = server.refused("snapshot", "restore", "vol0", "nowhere", "--yes")
    need("nowhere" in said, said)

    lun, client = OpenLun(server, 0), NfsClient(server)
    kept, later = client.open("/kept"), client.open("/later")
    initiator = Initiator(server, 0)
    need("failed" not in lun.say("read -P 34 1M 4M"), "the LUN does not hold what was written")
    server.vcadm("snapshot", "restore", "vol0", "s1", "--force", "--yes")
    told_of_reset(initiator, 17, LUNS_CHANGED)  # /copy is no more
    need(kept.read(100) == b"of then\n", "an old handle of a file that is there again does not read what the snapshot has")
    stale(lambda: later.read(100))
    client.close()
    kept = run(tool("nfs-cat"), server.nfs_url("/vol/vol0/kept"), check=False)
    need(kept.stdout == "of then\n", f"the file is not as it was in the snapshot: {kept}")
    need(get_file(server, "later") == "", "a file that is younger than the snapshot is there")
    wait_until("the session reads what the snapshot held", lambda: "failed" not in lun.say("read -P 17 1M 4M"), 30, 0.5)
    lun.close()
    shown = server.vcadm_json("lun", "show", "/vol/vol0/disk")
    need(shown["serial_number"] == serial, "the LUN is another one")
    need(pattern(server, 0, 17, False), "a new session does not find the LUN at its number with the content of the snapshot")
    server.refused("lun", "show", "/vol/vol0/copy")
    clients = str(server.vcadm_json("export", "list"))
    need("10.0.0.0/8" in clients, f"the exports are those of then: {clients}")
    wait_until("the newer snapshot is reclaimed", lambda: snapshots(server, "deleting") == [], 60, 0.2)
    need(snapshots(server) == ["s1"], f"{snapshots(server)}")
    server.check_volume()

    # it goes on, through a kill as well
    put_file(test, server, "later", "after it\n")
    server.vcadm("snapshot", "create", "vol0", "s3")
    server.restart_after_kill()
    need(get_file(server, "later") == "after it\n", "what came after the restore is lost")
    need(pattern(server, 0, 17, False), "the LUN lost its content")
    server.check_volume()


def test_a_kill_while_a_volume_is_restored_leaves_one_or_the_other(test):
    server = test.server()
    put_file(test, server, "kept", "then\n")
    server.vcadm("snapshot", "create", "vol0", "s1")
    n_then = n_today = 0
    for number in range(12):
        names = [f"{letter}{number}" for letter in "abc"]
        for name in names:
            put_file(test, server, name, "today\n")
        child = test.spawn(os.path.join(server.build, "vcadm"), "--server", server.admin, "snapshot", "restore", "vol0", "s1", "--yes")
        try:
            child.wait(60 if number == 11 else 0.03 * number)  # the last time, when it was answered
        except subprocess.TimeoutExpired:
            pass
        server.restart_after_kill()
        test.finish(child, 70)
        found = [get_file(server, name) for name in names]
        need(found in (["today\n"] * 3, [""] * 3), f"a mix: {found}")
        need(get_file(server, "kept") == "then\n", "a file of the snapshot is lost")
        n_then, n_today = n_then + (found[0] == ""), n_today + (found[0] != "")
        server.check_volume()
    test.note(f"{n_today} kills before the switch, {n_then} after it")
    need(n_today > 0 and n_then > 0, f"all kills came on one side of the switch: {n_today} before, {n_then} after")


def restored_lun(server, number, bytes_before, bytes_after):
    """What the LUN holds: (17 of s1) or (34 of today), whole."""
    then, today = pattern(server, number, bytes_before, False), pattern(server, number, bytes_after, False)
    need(then != today, "the LUN is neither what it was in the snapshot nor what it was today")
    return then


def test_one_lun_goes_back_to_a_snapshot(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", LUN_BYTES, number=0)
    server.create_lun("/vol/vol0/other", LUN_BYTES, number=1)
    need(pattern(server, 0, 17, True) and pattern(server, 1, 51, True), "the LUNs cannot be written")
    server.vcadm("snapshot", "create", "vol0", "s1")
    need(pattern(server, 0, 34, True) and pattern(server, 1, 52, True), "the LUNs cannot be written again")
    server.vcadm("lun", "resize", "/vol/vol0/disk", "--size", str(2 * LUN_BYTES))
    server.vcadm("snapshot", "create", "vol0", "s2")
    put_file(test, server, "later", "of today\n")
    before = server.vcadm_json("lun", "show", "/vol/vol0/disk")

    said = server.refused("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/disk")
    need("--yes" in said, f"not asked: {said}")
    for name, path, why in (("nowhere", "/vol/vol0/disk", "nowhere"), ("s1", "/vol/vol0/none", "/none"), ("s1", "/vol/vol0/later", "has no"),
                            ("s1", "/vol/vol1/disk", "vol1")):
        said = server.refused("snapshot", "restore-file", "vol0", name, path, "--yes")
        need(why in said, f"{name} {path}: {said}")

    lun, other, initiator = OpenLun(server, 0), OpenLun(server, 1), Initiator(server, 0)
    need("failed" not in lun.say("read -P 34 1M 4M"), "the LUN does not hold what was written")
    server.vcadm("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/disk", "--yes")
    told_of_reset(initiator, 17, CAPACITY_CHANGED)
    said = lun.say("read -P 17 1M 4M")
    need("failed" not in said and "error" not in said.lower(), f"the session does not read what the snapshot held: {said}")
    said = lun.say("write -P 18 16M 1M")
    need("failed" not in said and "error" not in said.lower(), f"the session cannot write: {said}")
    need("failed" not in other.say("read -P 52 1M 4M"), "another LUN has changed")
    lun.close()
    other.close()
    after = server.vcadm_json("lun", "show", "/vol/vol0/disk")
    for key in ("serial_number", "uuid", "maps", "state", "write_cache", "reserved"):
        need(after[key] == before[key], f"{key}: {before[key]} -> {after[key]}")
    need(after["size"] == LUN_BYTES, f"its size is {after['size']}")
    need(get_file(server, "later") == "of today\n", "a file has changed")
    wait_until("its clone ends", lambda: "backing" not in server.vcadm_json("lun", "show", "/vol/vol0/disk"), 60, 0.2)
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    server.restart_after_kill()
    need(pattern(server, 0, 17, False) and pattern(server, 1, 52, False), "a LUN lost its content")
    server.check_volume()

    server.vcadm("lun", "destroy", "/vol/vol0/disk", "--force", "--yes")
    server.vcadm("snapshot", "restore-file", "vol0", "s2", "/vol/vol0/disk", "--yes")
    shown = server.vcadm_json("lun", "show", "/vol/vol0/disk")
    need(shown["serial_number"] == before["serial_number"] and shown["maps"] == [], f"the LUN that was destroyed is back as {shown}")
    server.vcadm("lun", "map", "/vol/vol0/disk", "--igroup", "clients", "--lun", "0")
    need(pattern(server, 0, 34, False), "the LUN that was destroyed does not hold what it held in the snapshot")
    server.check_volume()


def test_a_kill_while_a_lun_is_restored_leaves_one_or_the_other(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", LUN_BYTES, number=0)
    need(pattern(server, 0, 17, True), "the LUN cannot be written")
    server.vcadm("snapshot", "create", "vol0", "s1")
    n_then = n_today = 0
    for number in range(10):
        wait_until("its clone ends", lambda: "backing" not in server.vcadm_json("lun", "show", "/vol/vol0/disk"), 60, 0.2)
        need(pattern(server, 0, 34, True), "the LUN cannot be written")
        child = test.spawn(os.path.join(server.build, "vcadm"), "--server", server.admin, "snapshot", "restore-file", "vol0", "s1", "/vol/vol0/disk",
                           "--yes")
        try:
            child.wait(60 if number == 9 else 0.012 * number)  # the last time, when it was answered
            answered = child.returncode == 0
        except subprocess.TimeoutExpired:
            answered = False
        server.restart_after_kill()
        test.finish(child, 70)
        then = restored_lun(server, 0, 17, 34)
        need(then or not answered, "a restore that was answered is lost")
        n_then, n_today = n_then + then, n_today + (not then)
        server.check_volume()
    test.note(f"{n_today} kills before it, {n_then} after it")
    need(n_then > 0, "no kill came after it")


FILE_BYTES = 24 * MIB
FILE_KILLS = 8


def file_is(client, name, letter):
    """Is the file `letter` all over? Anything but one letter from end to end is a mix."""
    file = client.open(name)
    pieces = [file.read(MIB, at) for at in range(0, FILE_BYTES + MIB, MIB)]
    file.close()
    got = b"".join(pieces)
    need(len(got) == FILE_BYTES and got.count(got[:1]) == FILE_BYTES, f"{name} has {len(got)} bytes and is a mix")
    return got[:1] == letter


def test_one_file_goes_back_to_a_snapshot(test):
    server = test.server()
    client = NfsClient(server)
    client.mkdir("/dir")
    client.write("/dir/big", b"a" * FILE_BYTES)
    client.write("/dir/other", b"of then")
    server.vcadm("snapshot", "create", "vol0", "s1")
    client.write("/dir/big", b"b" * (FILE_BYTES + 4096))
    client.write("/dir/other", b"of today")
    server.create_lun("/vol/vol0/disk", LUN_BYTES, number=0)

    said = server.refused("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/dir/big")
    need("--yes" in said, f"not asked: {said}")
    for path, why in (("/vol/vol0/none", "has no"), ("/vol/vol0/disk", "has no"), ("/vol/vol0/dir", "is a directory")):
        said = server.refused("snapshot", "restore-file", "vol0", "s1", path, "--yes")
        need(why in said, f"{path}: {said}")
    held = client.open("/dir/big")
    need(held.read(4) == b"bbbb", "the file does not hold what was written")
    server.vcadm("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/dir/big", "--yes", "--wait=60")
    need(file_is(client, "/dir/big", b"a"), "the file is not as it was in the snapshot")
    need(client.read("/dir/other") == b"of today", "another file has changed")
    stale(lambda: held.read(4))
    client.close()
    server.restart_after_kill()
    client = NfsClient(server)
    need(file_is(client, "/dir/big", b"a"), "a restore that was answered is lost")

    client.unlink("/dir/big")
    server.vcadm("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/dir/big", "--yes", "--wait=60")
    need(file_is(client, "/dir/big", b"a"), "the file that was removed is not back")
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    need(file_is(client, "/dir/big", b"a"), "the restored file needed the snapshot")
    client.close()
    server.check_volume()


def stale(action):
    try:
        action()
    except NfsError as error:
        need(error.errno in (errno.ESTALE, errno.EFAULT), f"not stale: {error}")  # libnfs 4 makes EFAULT of NFS3ERR_STALE
        return
    need(False, "a handle of a file that is no more can be used")


def inodes_used(server):
    return int(server.volume()["files"]["used"])


def test_a_kill_while_a_file_is_restored_leaves_one_or_the_other(test):
    server = test.server()
    client = NfsClient(server)
    client.write("/big", b"a" * FILE_BYTES)
    server.vcadm("snapshot", "create", "vol0", "s1")
    begin = time.monotonic()
    server.vcadm("snapshot", "restore-file", "vol0", "s1", "/vol/vol0/big", "--yes", "--wait=60")
    seconds = time.monotonic() - begin  # of one that nobody disturbs
    n_then = n_today = 0
    for number in range(FILE_KILLS):
        client.write("/big", b"b" * FILE_BYTES)
        client.close()
        used = inodes_used(server)
        child = test.spawn(os.path.join(server.build, "vcadm"), "--server", server.admin, "snapshot", "restore-file", "vol0", "s1", "/vol/vol0/big",
                           "--yes", "--wait=60")
        try:
            # From the beginning to half as long again; the last time, when it was answered.
            child.wait(60 if number == FILE_KILLS - 1 else 0.05 * seconds + 1.5 * seconds * number / FILE_KILLS)
            answered = child.returncode == 0
        except subprocess.TimeoutExpired:
            answered = False
        server.restart_after_kill()
        test.finish(child, 70)
        client = NfsClient(server)
        then = file_is(client, "/big", b"a")
        need(then or not answered, "a restore that was answered is lost")
        n_then, n_today = n_then + then, n_today + (not then)
        wait_until("what the restore had begun is gone", lambda: inodes_used(server) == used, 30, 0.1)
    client.close()
    server.check_volume()
    test.note(f"{n_today} kills before it, {n_then} after it")
    need(n_today > 0 and n_then > 0, f"all kills came on one side of it: {n_today} before, {n_then} after")


def test_the_page_puts_a_file_back_with_the_keyboard_alone(test):
    server = test.server()
    client = NfsClient(server)
    client.write("/file", b"then")
    server.vcadm("snapshot", "create", "vol0", "s1")
    client.write("/file", b"today")
    page = Page(test, server.page_url)
    page.waits_for("the snapshot", "document.body?.innerText.includes('Since previous') && document.body?.innerText.includes('s1')")
    page.tab_to("Put one file or LUN of vol0 back to s1")
    page.key("Enter")
    page.waits_for("the dialog", "document.querySelector('dialog[open]') !== null")
    need(page.focused().startswith("Path"), f"{page.focused()} has the focus")

    # what cannot be is said in the dialog, which stays
    page.run("document.querySelector('[name=path]').select()")
    page.type("/vol/vol0/none")
    page.key("Enter")
    said = page.waits_for("the complaint", "document.querySelector('dialog [role=alert]')?.innerText")
    need("has no" in said, said)
    page.run("document.querySelector('[name=path]').select()")
    page.type("/vol/vol0/file")
    page.tab_to("Restore")
    page.key("Enter")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    wait_until("the file is as it was", lambda: client.read("/file") == b"then", 30, 0.2)
    need(page.errors == [], f"{page.errors}")
    page.close()
    client.close()
