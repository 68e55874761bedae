# SPDX-License-Identifier: Apache-2.0
"""The NFS client, the iSCSI initiator and the file systems of a real Linux kernel, in a guest, against a running vcd.

Runs only when asked for (`make check-guest`, `tests/system/run -k guest`): it needs scripts/install-deps guest, builds an image
from Debian packages at the first run, and is slow, because the guest's processor is emulated.
"""
import os
import re
import sys
import time

from harness import MIB, need, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest"))
from linux import check_file_system, guest_of, lun_device, log_in, log_out, make_file_system, mount_nfs, remount_nfs  # noqa: E402

ONLY_WHEN_ASKED = True
# Trees of the guest: thousands of files, among them symbolic links and files with several names.
TREES = "include share/zoneinfo share/perl"
COPY = f"cd /usr && tar -cf - {TREES} | tar -xf - -C"
SUMS = f"cd /usr && find {TREES} -type f -print0 | sort -z | xargs -0 sha256sum >/tmp/sums"
LINKS = f"find {TREES} -type l -printf '%p %l\\n' | sort"
FIO = "fio --minimal --group_reporting --ioengine=psync --verify=crc32c --verify_fatal=1 --randrepeat=1"


def verify_tree(guest, where):
    said = guest.sh(f"cd {where} && sha256sum --quiet -c /tmp/sums", timeout=600)
    need(said.strip() == "", f"the tree in {where} differs: {said[:1000]}")
    guest.sh(f"cd /usr && {LINKS} >/tmp/links1; cd {where} && {LINKS} >/tmp/links2; cmp /tmp/links1 /tmp/links2", timeout=300)


def exercise_names(guest):
    """rename, unlink, links, attributes, special names, a big directory."""
    guest.sh("mkdir /mnt/nfs/names")
    guest.sh("cd /mnt/nfs/names && echo one >a && mv a b && test ! -e a && grep -q one b && echo two >c && mv c b && grep -q two b")
    guest.sh("cd /mnt/nfs/names && ln b hard && test $(stat -c %h b) = 2 && test b -ef hard && rm b && grep -q two hard")
    guest.sh("cd /mnt/nfs/names && ln -s hard soft && grep -q two soft && test $(readlink soft) = hard && ln -s /nowhere/at/all dangling && "
             "test ! -e dangling && test -L dangling")
    guest.sh("cd /mnt/nfs/names && mkdir -p d/e && ! rmdir d 2>/dev/null && mv d/e e && rmdir d && rmdir e")
    guest.sh("cd /mnt/nfs/names && chmod 640 hard && chown 12:34 hard && touch -d @1000000000.25 hard && "
             "test \"$(stat -c '%a %u %g %.2Y' hard)\" = '640 12 34 1000000000.25'")
    guest.sh("cd /mnt/nfs/names && mkfifo fifo && test -p fifo && mknod dev c 1 3 && test \"$(stat -c %t:%T dev)\" = 1:3")
    guest.sh("cd /mnt/nfs/names && n=$(printf 'x%.0s' {1..255}) && echo long >$n && grep -q long $n && ! touch ${n}y 2>/dev/null")
    # The client removes an open file by a name of its own, which goes away with the last close.
    guest.sh("cd /mnt/nfs/names && echo open >gone && exec 5<gone && rm gone && test \"$(cat <&5)\" = open && exec 5<&- && "
             "test -z \"$(ls -A | grep nfs0)\"")
    guest.sh("cd /mnt/nfs/names && truncate -s 5000000 sparse && test $(stat -c %s sparse) = 5000000 && echo end >>sparse && "
             "truncate -s 3 sparse && test $(stat -c %s sparse) = 3 && cmp -n 3 sparse /dev/zero")


def exercise_big_directory(guest, count=3000):
    guest.sh(f"mkdir /mnt/nfs/big && cd /mnt/nfs/big && seq -f 'entry-%06g' {count} | xargs touch", timeout=600)
    guest.sh("echo 3 >/proc/sys/vm/drop_caches")
    listed = guest.sh("cd /mnt/nfs/big && ls -f | grep entry | sort | uniq -c | awk '{ n++; if ($1 != 1) twice++ } END { print n, twice + 0 }'",
                      timeout=300)
    need(listed.split() == [str(count), "0"], f"a directory of {count} lists (names, twice): {listed}")
    # Removing while reading: cookies stay good.
    guest.sh("cd /mnt/nfs/big && find . -name 'entry-*[02468]' -delete && test $(ls | wc -l) = 1500 && rm -r /mnt/nfs/big", timeout=600)


def test_the_kernel_nfs_client_keeps_a_source_tree(test):
    server = test.server()
    with guest_of(test) as guest:
        guest.sh(SUMS, timeout=300)
        mount_nfs(guest, server)
        start = time.monotonic()
        guest.sh(f"mkdir /mnt/nfs/tree && {COPY} /mnt/nfs/tree && sync", timeout=900)
        test.note(f"{guest.sh('wc -l </tmp/sums').strip()} files copied in {time.monotonic() - start:.0f} s")
        remount_nfs(guest, server)
        verify_tree(guest, "/mnt/nfs/tree")
        size, free = map(int, guest.sh("df -B1 --output=size,avail /mnt/nfs | tail -n 1").split())
        need(0 < free < size <= 4 << 30, f"df: {free} of {size} bytes free")
        exercise_names(guest)
        exercise_big_directory(guest)
        server.vcadm("snapshot", "create", "vol0", "s1")
        guest.sh("rm -r /mnt/nfs/tree/include && echo later >/mnt/nfs/later", timeout=600)
        remount_nfs(guest, server)
        verify_tree(guest, "/mnt/nfs/.snapshot/s1/tree")
        guest.sh("test ! -e /mnt/nfs/.snapshot/s1/later && ! touch /mnt/nfs/.snapshot/s1/new 2>/dev/null && ! rm /mnt/nfs/.snapshot/s1/names/hard")
        guest.sh("cp -a /mnt/nfs/.snapshot/s1/tree/include /mnt/nfs/tree/", timeout=600)
        remount_nfs(guest, server)
        verify_tree(guest, "/mnt/nfs/tree")
        guest.sh("umount /mnt/nfs")


def test_the_kernel_nfs_client_reads_back_what_fio_wrote(test):
    server = test.server()
    with guest_of(test) as guest:
        mount_nfs(guest, server)
        for name, words in (("direct", "--direct=1 --rw=randwrite --bs=4k --size=6m"), ("fsynced", "--fsync=8 --rw=randwrite --bs=4k --size=8m"),
                            ("odd", "--rw=randwrite --bsrange=512-70000 --bs_unaligned --size=32m"),
                            ("big", "--rw=write --bs=1m --size=48m --numjobs=2 --end_fsync=1"),
                            ("mapped", "--ioengine=mmap --rw=randwrite --bs=4k --size=16m")):
            guest.sh(f"{FIO} --directory=/mnt/nfs --name={name} {words}", timeout=600)
        # What the guest has in its cache is what the server has.
        guest.sh("cd /mnt/nfs && sync && sha256sum * >/tmp/written", timeout=600)
        remount_nfs(guest, server)
        guest.sh("cd /mnt/nfs && sha256sum --quiet -c /tmp/written", timeout=600)
        # O_SYNC writes and two clients of one server: a second mount sees what the first closed.
        guest.sh("dd if=/dev/urandom of=/mnt/nfs/sync bs=3000 count=200 oflag=sync status=none")
        guest.sh("mkdir -p /mnt/again")
        mount_nfs(guest, server, "/mnt/again", ",nosharecache")
        guest.sh("cmp /mnt/nfs/sync /mnt/again/sync && umount /mnt/again")
        guest.sh("umount /mnt/nfs")


def run_file_system(test, guest, server, kind, device):
    make_file_system(guest, kind, device)
    guest.sh(f"{COPY} /mnt/lun", timeout=600)
    guest.sh(f"{FIO} --directory=/mnt/lun --name=io --rw=randrw --bs=4k --size=16m --numjobs=2 --direct=1 --fsync=32", timeout=600)
    guest.sh("dd if=/dev/urandom of=/mnt/lun/ballast bs=1M count=64 conv=fsync status=none", timeout=300)
    full = server.used_bytes()
    guest.sh("rm /mnt/lun/ballast /mnt/lun/io.* && sync", timeout=120)
    trimmed = int(re.search(r"\((\d+) bytes\)", guest.sh("fstrim -v /mnt/lun", timeout=300)).group(1))
    need(trimmed > 64 * MIB, f"{kind}: fstrim says {trimmed} bytes")
    wait_until(f"{kind}: space of the trimmed blocks is back", lambda: full - server.used_bytes() > 48 * MIB, 60, 0.5)
    test.note(f"{kind}: fstrim of {trimmed // MIB} MiB gave {(full - server.used_bytes()) // MIB} MiB back")
    guest.sh("umount /mnt/lun && echo 3 >/proc/sys/vm/drop_caches", timeout=120)
    guest.sh(f"mount -t {kind} {device} /mnt/lun")
    verify_tree(guest, "/mnt/lun")
    check_file_system(guest, kind, device)


def test_the_kernel_initiator_runs_ext4_and_xfs_on_a_lun(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 512 * MIB, number=3)
    with guest_of(test) as guest:
        guest.sh(SUMS, timeout=300)
        device = log_in(guest, server, 3)
        need(int(guest.sh(f"blockdev --getsize64 {device}")) == 512 * MIB, "the size of the LUN")
        run_file_system(test, guest, server, "ext4", device)
        run_file_system(test, guest, server, "xfs", device)
        guest.sh(f"blkdiscard {device} && cmp -n {64 * MIB} {device} /dev/zero", timeout=300)
        log_out(guest)
        need("No active sessions" in guest.sh("iscsiadm -m session", check=False)[1], "a session is left after the logout")


def test_a_lun_is_cut_loose_under_a_mounted_file_system(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 512 * MIB, number=0)
    with guest_of(test) as guest:
        guest.sh(SUMS, timeout=300)
        device = log_in(guest, server, 0)
        make_file_system(guest, "ext4", device)
        guest.sh(f"{COPY} /mnt/lun && dd if=/dev/urandom of=/mnt/lun/ballast bs=1M count=128 status=none && "
                 "sha256sum </mnt/lun/ballast >/tmp/ballast && umount /mnt/lun", timeout=600)
        server.vcadm("snapshot", "create", "vol0", "s1")
        server.create_lun("/vol/vol0/clone", backing="/vol/vol0/.snapshot/s1/disk", number=1)
        guest.sh("iscsiadm -m session --rescan", timeout=60)
        clone = lun_device(guest, 1)
        need(clone != device, f"both LUNs are {clone}")
        guest.sh(f"mount -t ext4 {clone} /mnt/lun")
        guest.start("fio", f"{FIO} --directory=/mnt/lun --name=io --rw=randwrite --bs=4k --size=16m --direct=1 --fsync=64 --time_based --runtime=90")
        server.vcadm("lun", "clone", "start", "/vol/vol0/clone", "--rate", "1m")
        wait_until("the clone runs", lambda: 1 < server.clone_percent("/vol/vol0/clone") < 100, 60)
        verify_tree(guest, "/mnt/lun")
        need(server.clone_state("/vol/vol0/clone") == "running", "the clone was over before the guest had read")
        server.vcadm("lun", "clone", "stop", "/vol/vol0/clone")
        wait_until("the clone stopped", lambda: server.clone_state("/vol/vol0/clone") == "stopped", 20)
        server.vcadm("lun", "clone", "start", "/vol/vol0/clone", "--rate", "100m")
        need(guest.running("fio"), "fio was over before the clone went on")
        guest.finish("fio", 600)
        wait_until("the clone is cut loose", lambda: "backing" not in server.vcadm_json("lun", "show", "/vol/vol0/clone"), 180, 0.5)
        server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
        guest.sh("umount /mnt/lun && echo 3 >/proc/sys/vm/drop_caches", timeout=120)
        guest.sh(f"mount -t ext4 {clone} /mnt/lun")
        verify_tree(guest, "/mnt/lun")
        guest.sh("sha256sum </mnt/lun/ballast | cmp - /tmp/ballast", timeout=300)
        check_file_system(guest, "ext4", clone)
        # The original never changed.
        guest.sh(f"mount -t ext4 {device} /mnt/lun && sha256sum </mnt/lun/ballast | cmp - /tmp/ballast", timeout=300)
        check_file_system(guest, "ext4", device)
        log_out(guest)


def test_kernel_clients_go_on_when_the_server_is_killed(test):
    """kill -9 under writers: a hard mount and an iSCSI session wait, come back, and what they wrote is there."""
    server = test.server()
    server.create_lun("/vol/vol0/disk", 512 * MIB, number=0)
    with guest_of(test) as guest:
        guest.sh(SUMS, timeout=300)
        mount_nfs(guest, server, options=",timeo=50")
        device = log_in(guest, server, 0)
        make_file_system(guest, "ext4", device)
        guest.sh("mkdir /mnt/nfs/tree")
        guest.start("copy", f"{COPY} /mnt/nfs/tree && {COPY} /mnt/nfs/tree && sync")
        guest.start("nfs", f"{FIO} --directory=/mnt/nfs --name=io --rw=randwrite --bs=8k --size=16m --fsync=128 --loops=2")
        guest.start("lun", f"{FIO} --directory=/mnt/lun --name=io --rw=randwrite --bs=4k --size=16m --direct=1 --fsync=64 --loops=2")
        died = 0
        for pause in (4, 6, 8):
            time.sleep(pause)
            died += guest.running("copy") and guest.running("nfs") and guest.running("lun")
            server.kill()
            time.sleep(3)
            server.start()
        need(died == 3, f"only {died} of 3 crashes met all three writers")
        for name in ("copy", "nfs", "lun"):
            guest.finish(name, 900)
        guest.sh("sync && umount /mnt/lun", timeout=300)
        remount_nfs(guest, server)
        verify_tree(guest, "/mnt/nfs/tree")
        guest.sh(f"mount -t ext4 {device} /mnt/lun")
        guest.sh("cd /mnt/nfs && cp io.0.0 tree/copy && cmp io.0.0 tree/copy", timeout=300)
        check_file_system(guest, "ext4", device)
        guest.sh("umount /mnt/nfs")
        log_out(guest)
