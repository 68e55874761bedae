# SPDX-License-Identifier: Apache-2.0
"""What LUN maps, igroups and odd commands do to the initiator of a real Linux kernel.

Runs only when asked for, as test_guest.py.
"""
import os
import sys

from harness import MIB, need, wait_until
from iscsiclient import Initiator

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest"))
from linux import guest_of, lun_device, log_in, log_out, make_file_system  # noqa: E402

ONLY_WHEN_ASKED = True
NAME = "iqn.2026-01.org.vcstore:guest"
DIRECT = "dd if=/dev/urandom bs=64k count=16 oflag=direct status=none"


def is_blank(server, number, size):
    """Nothing was ever written to it."""
    initiator = Initiator(server, number)
    while initiator.ready():
        pass
    blank = all(initiator.read(at, MIB) == (None, bytes(MIB)) for at in range(0, size, MIB))
    initiator.close()
    return blank


def designators(guest, device):
    return guest.sh(f"sg_vpd --page=di {device}")


def test_writes_of_a_mounted_file_system_never_land_on_another_lun(test):
    server = test.server()
    server.create_lun("/vol/vol0/a", 64 * MIB, number=3)
    server.create_lun("/vol/vol0/other", 16 * MIB, number=5)
    server.vcadm("lun", "create", "/vol/vol0/b", "--size", 64 * MIB)
    with guest_of(test, may_fail=True) as guest:
        device = log_in(guest, server, 3)
        make_file_system(guest, "ext4", device)
        identity = designators(guest, device)
        guest.sh("dd if=/dev/urandom of=/mnt/lun/before bs=1M count=4 conv=fsync status=none")
        server.vcadm("lun", "unmap", "/vol/vol0/a", "--igroup", "clients")
        server.vcadm("lun", "map", "/vol/vol0/b", "--igroup", "clients", "--lun", 3)
        # The file system goes on writing: files, its journal, and at last the whole device behind its back.
        for name in range(4):
            guest.sh(f"dd if=/dev/urandom of=/mnt/lun/after{name} bs=1M count=4 conv=fsync status=none; sync", check=False)
        need(guest.sh(f"{DIRECT} of={device}", check=False)[0] != 0, "a direct write to the number was answered with GOOD")
        need(is_blank(server, 3, 64 * MIB), "what was written for LUN a is in LUN b")
        guest.sh("umount -f /mnt/lun", check=False)
        # Who looks anew is shown the new LUN, as another one.
        guest.sh(f"echo 1 >/sys/block/{os.path.basename(device)}/device/delete")
        guest.sh("iscsiadm -m session --rescan", timeout=60)
        device = lun_device(guest, 3)
        need(designators(guest, device) != identity, "LUN b has the identity of LUN a")
        guest.sh(f"{DIRECT} of={device} && cmp -s -n 65536 {device} /dev/zero; test $? = 1")
        # The first one is as it was, under another number.
        server.vcadm("lun", "map", "/vol/vol0/a", "--igroup", "clients", "--lun", 7)
        guest.sh("iscsiadm -m session --rescan", timeout=60)
        device = lun_device(guest, 7)
        need(designators(guest, device) == identity, "LUN a came back with another identity")
        guest.sh(f"e2fsck -fy {device}; test $? -le 1 && mount -t ext4 {device} /mnt/lun && test $(stat -c %s /mnt/lun/before) = {4 * MIB}",
                 timeout=120)
        guest.sh("umount /mnt/lun")
        log_out(guest)


def test_a_lun_of_a_second_igroup_gets_a_number_that_the_initiator_sees(test):
    server = test.server()
    server.create_lun("/vol/vol0/all", 16 * MIB, number=0)
    server.vcadm("igroup", "create", "own", "--initiator", NAME.upper())
    for name in ("one", "two"):
        server.vcadm("lun", "create", f"/vol/vol0/{name}", "--size", 16 * MIB)
    with guest_of(test) as guest:
        first = log_in(guest, server, 0)
        server.vcadm("lun", "map", "/vol/vol0/one", "--igroup", "own")
        done = server.vcadm("lun", "map", "/vol/vol0/two", "--igroup", "own", "--lun", 0, check=False)
        need(done.returncode == 4, f"a number that the initiator has from another igroup: status {done.returncode}: {done.stderr}")
        guest.sh("iscsiadm -m session --rescan", timeout=60)
        second = lun_device(guest, 1)
        need(first != second, f"both LUNs are {first}")
        guest.sh(f"{DIRECT} of={first}")
        guest.sh(f"cmp -n {MIB} {second} /dev/zero")
        server.vcadm("igroup", "remove", "own", "--initiator", NAME)
        need(NAME not in server.vcadm("igroup", "list").stdout, "the name that was given in capitals is still there")
        log_out(guest)


def test_commands_with_odd_lengths_and_holes(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 16 * MIB, number=0)
    with guest_of(test) as guest:
        device = log_in(guest, server, 0)
        guest.sh(f"{DIRECT} of={device}")
        guest.sh(f"head -c 1024 {device} >/tmp/before && head -c 700 /dev/urandom >/tmp/odd")
        # WRITE(10) of two blocks, 700 bytes: INVALID FIELD IN COMMAND INFORMATION UNIT, nothing is written.
        status, said = guest.sh(f"sg_raw -v -s 700 -i /tmp/odd {device} 2a 00 00 00 00 00 00 00 02 00", check=False)
        need(status != 0 and "Illegal Request" in said and "0e" in said.lower(), f"a WRITE of one and a third blocks: {status} {said}")
        guest.sh(f"echo 3 >/proc/sys/vm/drop_caches && head -c 1024 {device} | cmp - /tmp/before")
        said = guest.sh(f"sg_get_lba_status --lba=0 --maxlen=512 {device}")
        need("mapped" in said and "deallocated" in said, f"GET LBA STATUS of a LUN of which the first MiB is written: {said}")
        need("NAA" in designators(guest, device), "no NAA designator")
        log_out(guest)


def test_io_waits_while_the_volume_is_put_back_to_a_snapshot(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 64 * MIB, number=0)
    with guest_of(test) as guest:
        device = log_in(guest, server, 0)
        guest.sh(f"dd if=/dev/urandom of=/tmp/first bs=1M count=4 status=none && dd if=/tmp/first of={device} bs=1M oflag=direct status=none")
        server.vcadm("snapshot", "create", "vol0", "s1")
        server.vcadm("snapshot", "create", "vol0", "s2")
        guest.sh(f"dd if=/dev/zero of={device} bs=1M count=4 oflag=direct status=none")
        guest.start("io", f"fio --name=io --filename={device} --direct=1 --rw=randrw --bs=4k --offset=16m --size=32m --time_based --runtime=25 "
                          "--continue_on_error=none")
        wait_until("fio runs", lambda: guest.running("io"), 10)
        for name in ("s2", "s1"):
            server.vcadm("snapshot", "restore", "vol0", name, "--yes", "--force")
        need(guest.running("io"), "fio was over before the volume was put back")
        guest.finish("io", 120)
        guest.sh(f"echo 3 >/proc/sys/vm/drop_caches && head -c {4 * MIB} {device} | cmp - /tmp/first")
        log_out(guest)
