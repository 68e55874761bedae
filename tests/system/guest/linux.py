# SPDX-License-Identifier: Apache-2.0
"""What a test does with a guest: boot it, mount an export, log in, make and check file systems."""
import contextlib
import os
import time

from guest import HOST, Guest, build_image
from harness import need, wait_until

# Recover at once instead of after the minutes that suit a real network.
ISCSID = "sed -i -e 's/replacement_timeout = .*/replacement_timeout = 600/' /etc/iscsi/iscsid.conf && iscsid"


@contextlib.contextmanager
def guest_of(test, may_fail=False):
    """A booted guest; at the end its kernel must have nothing to complain about, but when I/O of it was to fail."""
    image = os.path.join(test.build, "guest")
    build_image(image)
    start = time.monotonic()
    guest = Guest(image, test.folder)
    test.note(f"guest up in {time.monotonic() - start:.0f} s: Linux {guest.sh('uname -r').strip()}")
    try:
        yield guest
        alarms = [] if may_fail else guest.alarms()
        need(not alarms, "the guest's kernel complained:\n" + "\n".join(alarms[:20]))
    finally:
        guest.end()


def mount_nfs(guest, server, at="/mnt/nfs", options="", port=None, export="/vol/vol0"):
    port = port or server.nfs
    guest.sh(f"mount -t nfs -o vers=3,proto=tcp,port={port},mountport={port},mountproto=tcp,nolock,hard{options} {HOST}:{export} {at}")


def remount_nfs(guest, server):
    """Nothing of what is read after it comes from the guest's caches."""
    guest.sh("umount /mnt/nfs && echo 3 >/proc/sys/vm/drop_caches", timeout=300)
    mount_nfs(guest, server)


def log_in(guest, server, number):
    """Discover, log in; the block device of a LUN."""
    guest.sh(ISCSID)
    portal = f"{HOST}:{server.iscsi}"
    found = guest.sh(f"iscsiadm -m discovery -t sendtargets -p {portal}", timeout=60)
    target = server.target()
    need(target in found, f"discovery does not show {target}: {found}")
    # The server names the address it was reached at, which through QEMU's user network is 127.0.0.1.
    guest.sh(f"iscsiadm -m node -T {target} -p {portal} -o new || iscsiadm -m node", timeout=60)
    guest.sh(f"iscsiadm -m node -T {target} -p {portal} --login", timeout=90)
    return lun_device(guest, number)


def lun_device(guest, number):
    def look():
        names = guest.sh(f"ls /sys/bus/scsi/devices/*:0:0:{number}/block 2>/dev/null", check=False)[1].split()
        return names and f"/dev/{names[-1]}"
    return wait_until(f"LUN {number} shows up in the guest", look, 60, 1)


def log_out(guest):
    guest.sh("iscsiadm -m node --logoutall=all", timeout=90)


def make_file_system(guest, kind, device, at="/mnt/lun"):
    """mkfs and mount; without checks of what was there before."""
    guest.sh({"ext4": f"mkfs.ext4 -q -F {device}", "xfs": f"mkfs.xfs -q -f {device}"}[kind], timeout=300)
    guest.sh(f"mkdir -p {at} && mount -t {kind} {device} {at}", timeout=120)


def check_file_system(guest, kind, device, at="/mnt/lun"):
    """Unmount and fsck: nothing to repair."""
    guest.sh(f"umount {at}", timeout=300)
    guest.sh({"ext4": f"e2fsck -fn {device}", "xfs": f"xfs_repair -n {device}"}[kind], timeout=300)
