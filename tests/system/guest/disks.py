# SPDX-License-Identifier: Apache-2.0
"""Real disks that fail when told to: a guest in which vcd itself runs, on virtio and SCSI disks that QEMU makes slow, broken or gone."""
import importlib.machinery
import importlib.util
import json
import os
import re
import shlex
import shutil
import socket
import stat

from guest import Guest, build_image
from harness import Server, need, run, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
HOME = "/opt/vcstore"
STATE = "/tmp/vcstore"
VCD = f"LD_LIBRARY_PATH={HOME} {HOME}/vcd"
VCADM = f"LD_LIBRARY_PATH={HOME} {HOME}/vcadm --server unix:{STATE}/admin.sock"


def mkinitrd():
    loader = importlib.machinery.SourceFileLoader("mkinitrd", os.path.join(HERE, "mkinitrd"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mkinitrd", loader))
    loader.exec_module(module)
    return module


def initrd_with(image, build, path):
    """The guest's initramfs, and vcd with the libraries it was built against."""
    programs = [os.path.join(build, name) for name in ("vcd", "vcadm")]
    libraries = {found for program in programs for found in re.findall(r"=> (/\S+)", run("ldd", program).stdout)}
    shutil.copyfile(os.path.join(image, "initrd"), path)
    with open(path, "ab") as out:
        out.write(bytes(-out.tell() % 512))
        archive = mkinitrd().Archive(out)
        archive.add("opt", stat.S_IFDIR | 0o755, links=2)
        archive.add(HOME[1:], stat.S_IFDIR | 0o755, links=2)
        for file in (*programs, *libraries):
            with open(file, "rb") as f:
                archive.add(f"{HOME[1:]}/{os.path.basename(file)}", stat.S_IFREG | 0o755, f.read())
        archive.close()
    return path


class Qmp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.read()
        self.do("qmp_capabilities")

    def read(self):
        return json.loads(self.file.readline())

    def do(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        while True:
            message = self.read()
            need("error" not in message, f"QMP {command}: {message}")
            if "return" in message:
                return message["return"]


class Disk:
    """A disk of the guest: a node that is switched between a good file, one with errors and a slow one."""
    SICK = {"reads": "read", "writes": "write", "flushes": "flush"}

    def __init__(self, guest, name, kind, block, size):
        self.guest, self.name, self.kind, self.block = guest, name, kind, block
        path = os.path.join(guest.folder, f"{name}.img")
        with open(path, "wb") as f:
            f.truncate(size)
        qmp = guest.qmp
        qmp.do("blockdev-add", **{"driver": "file", "filename": path, "node-name": f"{name}-good", "cache": {"direct": True}})
        for sick, iotype in self.SICK.items():
            qmp.do("blockdev-add", **{"driver": "blkdebug", "node-name": f"{name}-{sick}", "image": f"{name}-good",
                                      "inject-error": [{"event": "none", "iotype": iotype, "errno": 5, "once": False}]})
        qmp.do("object-add", **{"qom-type": "throttle-group", "id": f"{name}-group", "limits": {"iops-total": 20}})
        qmp.do("blockdev-add", **{"driver": "throttle", "node-name": f"{name}-slow", "throttle-group": f"{name}-group", "file": f"{name}-good"})
        qmp.do("blockdev-add", **{"driver": "raw", "node-name": name, "file": f"{name}-good"})
        self.plug()

    def become(self, how):
        """good, reads, writes, flushes (which fail), slow"""
        self.guest.qmp.do("blockdev-reopen", options=[{"driver": "raw", "node-name": self.name, "file": f"{self.name}-{how}"}])

    def plug(self):
        driver = {"virtio": "virtio-blk-pci", "scsi": "scsi-hd"}[self.kind]
        extra = {"bus": "scsi0.0"} if self.kind == "scsi" else {}
        self.guest.qmp.do("device_add", **{"driver": driver, "id": f"dev-{self.name}", "drive": self.name, "serial": self.name,
                                           "logical_block_size": self.block, "physical_block_size": 4096, **extra})
        wait_until(f"disk {self.name} shows up", lambda: self.device() is not None, 60, 0.5)
        self.guest.sh(f"mkdir -p /dev/disk/by-id && ln -sfn {self.device()} {self.url}")

    def unplug(self):
        self.guest.qmp.do("device_del", id=f"dev-{self.name}")
        wait_until(f"disk {self.name} goes", lambda: self.device() is None, 120, 0.5)
        self.guest.sh(f"rm -f {self.url}")

    @property
    def url(self):
        """As udev would name it."""
        return f"/dev/disk/by-id/{self.kind}-{self.name}"

    def device(self):
        found = self.guest.sh("for b in /sys/block/*; do s=$(cat $b/serial 2>/dev/null || tail -c +5 $b/device/vpd_pg80 2>/dev/null); "
                              f"[ \"$s\" = {self.name} ] && echo /dev/${{b##*/}}; done; true").split()
        return found[-1] if found else None


class DiskGuest(Guest):
    """The guest, and where its services are reached from the host."""

    def __init__(self, image, folder, build, iscsi):
        self.folder = folder
        qmp = os.path.join(folder, "qmp.sock")
        super().__init__(image, folder, initrd=initrd_with(image, build, os.path.join(folder, "initrd")),
                         forward=f",hostfwd=tcp:127.0.0.1:{iscsi}-:3260",
                         more=("-chardev", f"socket,id=qmp,path={qmp},server=on,wait=off", "-mon", "chardev=qmp,mode=control",
                               "-device", "virtio-scsi-pci,id=scsi0"))
        self.qmp = Qmp(qmp)
        self.sh("for m in virtio_blk virtio_scsi sd_mod; do modprobe $m; done")


class GuestServer(Server):
    """vcd in the guest, on its disks; clients are on the host."""

    def __init__(self, test):
        super().__init__(test.release, os.path.join(test.folder, "guest-server"))
        image = os.path.join(test.build, "guest")
        build_image(image)
        self.guest = DiskGuest(image, test.folder, test.release, self.iscsi)
        self.guest.sh(f"mkdir -p {STATE}/state && printf %s {shlex.quote(self.settings_text())} >{STATE}/vcd.conf")

    def settings_text(self):
        return (f"[server]\nstate_dir={STATE}/state\ndisk_paths=/dev\nadmin_socket={STATE}/admin.sock\nhttp=127.0.0.1:8080\n"
                "nfs=0.0.0.0:2049\niscsi=0.0.0.0:3260\nmemory=256m\nthreads=2\n")

    def start(self, seconds=120):
        self.guest.start("vcd", f"{VCD} --config {STATE}/vcd.conf")
        wait_until("vcd answers", lambda: self.vcadm("volume", "list", check=False).returncode == 0, seconds, 0.5)

    def stop(self, seconds=120):
        self.guest.sh("pkill -TERM -x vcd")
        return self.guest.finish("vcd", timeout=seconds)

    def kill(self):
        self.guest.sh("pkill -KILL -x vcd; sleep 1")

    def running(self):
        return False  # the host has no process of it

    def vcadm(self, *words, check=True, timeout=120):
        status, said = self.guest.sh(f"{VCADM} {' '.join(shlex.quote(str(word)) for word in words)}", check=False, timeout=timeout)
        need(not check or status == 0, f"vcadm {' '.join(map(str, words))}: status {status}\n{said}")
        return Said(status, said)

    def log_tail(self, count=3000):
        return self.guest.sh("cat /tmp/vcd.out")[-count:]


class Said:
    """Of a command in the guest; both streams come as one."""

    def __init__(self, status, text):
        self.returncode, self.stdout, self.stderr = status, text, text
