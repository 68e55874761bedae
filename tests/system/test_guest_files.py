# SPDX-License-Identifier: Apache-2.0
"""What lost replies, exports that change, renamed directories and full volumes do to the NFS client of a real Linux kernel.

Runs only when asked for, as test_guest.py.
"""
import os
import sys
import time

from harness import MIB, need

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest"))
from linux import guest_of, mount_nfs  # noqa: E402

ONLY_WHEN_ASKED = True
CHANGES = ("mkdir", "create", "symlink", "link", "rename", "setattr", "remove", "rmdir", "mknod")
# Each command fails when its call is carried out twice.
COMMANDS = ("mkdir d", "(set -C; echo one >f)", "ln f hard", "ln -s f soft", "mkfifo p", "mv hard d/moved", "chmod 600 f", "rm d/moved", "rm soft p",
            "rmdir d", "mv f kept")


def change_all(guest, folder):
    guest.sh(f"mkdir -p {folder}")
    for command in COMMANDS:
        guest.sh(f"cd {folder} && {command}", timeout=300)
    need(guest.sh(f"cd {folder} && echo * && cat kept").split() == ["kept", "one"], f"{folder} has not what it should")


def change_all_with_losses(test, guest, server, folder, **how):
    """How many replies were lost: one of each procedure at least."""
    proxy = test.proxy(server)
    mount_nfs(guest, server, port=proxy.port)
    proxy.start(CHANGES, **how)
    change_all(guest, folder)
    for name in CHANGES:
        need(proxy.lost[name] > 0, f"no reply of {name} was lost")
    proxy.start(())
    guest.sh("umount /mnt/nfs", timeout=300)
    return sum(proxy.lost.values())


def test_no_command_fails_because_a_reply_was_lost(test):
    server = test.server()
    with guest_of(test) as guest:
        for how in ("reply", "call"):
            test.note(f"{how}: {change_all_with_losses(test, guest, server, f'/mnt/nfs/{how}', how=how)} replies were lost")


def test_no_command_fails_because_the_server_died_before_its_reply(test):
    server = test.server()

    def crash():
        server.kill()
        server.start()

    with guest_of(test) as guest:
        test.note(f"vcd was killed {change_all_with_losses(test, guest, server, '/mnt/nfs/crash', between=crash)} times")


def test_an_export_that_is_made_again_is_the_same_to_its_clients(test):
    server = test.server()
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        guest.sh("mkdir /mnt/nfs/d && echo one >/mnt/nfs/d/f")
        rules = ["--client", "127.0.0.0/8:rw,no_root_squash,insecure"]
        server.vcadm("export", "delete", "/vol/vol0", "--yes")
        server.vcadm("export", "set", "/vol/vol0", *rules)
        guest.sh("echo 3 >/proc/sys/vm/drop_caches; cat /mnt/nfs/d/f && echo two >/mnt/nfs/d/f && mkdir /mnt/nfs/d/e")
        # Another user for everybody.
        server.vcadm("export", "set", "/vol/vol0", "--client", "127.0.0.0/8:rw,all_squash,anonuid=1234,anongid=2345,insecure")
        guest.sh("chmod 777 /mnt/nfs/d", check=False)
        guest.sh("umount /mnt/nfs")
        server.vcadm("export", "set", "/vol/vol0", *rules)
        mount_nfs(guest, server)
        guest.sh("chmod 777 /mnt/nfs/d")
        server.vcadm("export", "set", "/vol/vol0", "--client", "127.0.0.0/8:rw,all_squash,anonuid=1234,anongid=2345,insecure")
        guest.sh("echo 3 >/proc/sys/vm/drop_caches; touch /mnt/nfs/d/squashed && test \"$(stat -c %u:%g /mnt/nfs/d/squashed)\" = 1234:2345")
        guest.sh("umount /mnt/nfs")


def test_what_was_moved_out_of_an_export_is_no_longer_seen_through_it(test):
    server = test.server()
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        guest.sh("mkdir -p /mnt/nfs/pub/inner/deep /mnt/nfs/private && echo one >/mnt/nfs/pub/inner/f")
        server.vcadm("export", "set", "/vol/vol0/pub", "--client", "127.0.0.0/8:rw,no_root_squash,insecure")
        guest.sh("mkdir -p /mnt/pub")
        mount_nfs(guest, server, at="/mnt/pub", export="/vol/vol0/pub", options=",nosharecache,noac,lookupcache=none")
        guest.sh("exec 5</mnt/pub/inner/f; cd /mnt/pub/inner && mv /mnt/nfs/pub/inner /mnt/nfs/private/ && sleep 1; echo 3 >/proc/sys/vm/drop_caches; "
                 "! ls -la deep/.. 2>/dev/null && ! touch new 2>/dev/null && ! cat f 2>/dev/null")
        guest.sh("test ! -e /mnt/nfs/private/inner/new && cat /mnt/nfs/private/inner/f")
        guest.sh("umount /mnt/pub /mnt/nfs")


def test_a_mapped_lun_is_known_by_its_new_path_when_its_directory_was_renamed(test):
    server = test.server()
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        guest.sh("mkdir /mnt/nfs/before")
        server.create_lun("/vol/vol0/before/disk", 16 * MIB, number=4)
        guest.sh("mv /mnt/nfs/before /mnt/nfs/after")
        listed = server.vcadm("lun", "map", "list").stdout
        need("/vol/vol0/after/disk" in listed and "/vol/vol0/before/disk" not in listed, f"lun map list: {listed}")
        server.vcadm("lun", "unmap", "/vol/vol0/after/disk", "--igroup", "clients")
        need("/vol/vol0/after/disk" not in server.vcadm("lun", "map", "list").stdout, "it is still mapped")
        guest.sh("umount /mnt/nfs")


def test_the_limits_of_files_are_those_that_are_told(test):
    server = test.server(disk_size="512m", memory="512m")
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        # The largest file there may be is one that can be made, and a byte more is too much.
        guest.sh("cd /mnt/nfs && low=1 && high=$((1 << 62)) && while [ $((high - low)) -gt 1 ]; do m=$((low + (high - low) / 2)); "
                 "if truncate -s $m big 2>/dev/null; then low=$m; else high=$m; fi; done; truncate -s $low big && test $(stat -c %s big) = $low && "
                 "printf x | dd of=big bs=1 seek=$((low - 1)) conv=notrunc status=none && ! printf x | dd of=big bs=1 seek=$low conv=notrunc status=none "
                 "2>/dev/null; rm big", timeout=600)
        status, said = guest.sh("rmdir /mnt/nfs/.snapshot", check=False)
        need(status != 0 and "No such file" not in said, f"rmdir of .snapshot: {said}")
        # Full: what is there can be written again in place.
        guest.sh("dd if=/dev/urandom of=/mnt/nfs/mine bs=1M count=16 conv=fsync status=none")
        guest.sh("dd if=/dev/zero of=/mnt/nfs/fill bs=1M count=4096 conv=fsync status=none 2>/dev/null", check=False, timeout=900)
        guest.sh("for i in 1 2 3; do dd if=/dev/urandom of=/mnt/nfs/mine bs=1M count=16 conv=notrunc,fsync status=none || exit 1; done", timeout=600)
        guest.sh("rm /mnt/nfs/fill && umount /mnt/nfs", timeout=300)


def test_a_rename_below_a_long_chain_of_directories_holds_nobody_up(test):
    server = test.server()
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        # Twice 400 directories, one below the other: a client needs minutes for more.
        guest.sh("mkdir -p /mnt/nfs/top && cd /mnt/nfs/top && p=$(printf 'd/%.0s' {1..400}) && for i in 1 2; do mkdir -p $p && cd $p 2>/dev/null; done; "
                 "mkdir from to from/moved", timeout=900)
        server.stop()
        server.start()
        began = time.monotonic()
        guest.sh("cd /mnt/nfs/top; p=$(printf 'd/%.0s' {1..400}); for i in 1 2; do cd $p 2>/dev/null; done; mv from/moved to/", timeout=900)
        test.note(f"walked down and renamed in {time.monotonic() - began:.1f} s")
        guest.sh("cd /; umount -l /mnt/nfs", timeout=300)
