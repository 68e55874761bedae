# SPDX-License-Identifier: Apache-2.0
"""A Linux kernel in QEMU without KVM, its user network reaching the host's loopback as 10.0.2.2, commanded over a serial port."""
import base64
import os
import re
import selectors
import socket
import subprocess
import time

from harness import Failure, need, tool, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "10.0.2.2"
# What the kernel must not have said.
ALARMS = re.compile(r"kernel BUG|\bOops|Kernel panic|blocked for more than|I/O error|EXT4-fs error|XFS .*(corrupt|error|Shutdown)|"
                    r"NFS:.*(bad|invalid|error)|nfs_.*error|WARNING: CPU", re.I)


def build_image(folder):
    """The image, built or up to date."""
    done = subprocess.run([os.path.join(HERE, "build-image"), folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200)
    need(done.returncode == 0, f"build-image: status {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")


class Guest:
    """One running guest. sh() runs a command in it; start() and finish() run one beside others."""

    def __init__(self, image, folder, memory="2g", initrd=None, forward="", more=()):
        """`initrd`: instead of the image's; `forward`: ports of the host that lead into it; `more`: arguments of QEMU."""
        self.console_log = os.path.join(folder, "console.log")
        self.transcript = open(os.path.join(folder, "transcript.log"), "w", errors="replace")
        address = os.path.join(folder, "guest.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(1)
        listener.settimeout(60)
        self.process = subprocess.Popen([
            tool("qemu-system-x86_64"), "-accel", "tcg,thread=multi", "-cpu", "max", "-m", memory, "-smp", "2", "-nodefaults", "-no-user-config",
            "-nographic", "-no-reboot", "-kernel", os.path.join(image, "vmlinuz"), "-initrd", initrd or os.path.join(image, "initrd"),
            "-append", "console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on hung_task_panic=0",
            "-netdev", "user,id=net0,restrict=off" + forward, "-device", "virtio-net-pci,netdev=net0", "-device", "virtio-rng-pci",
            "-serial", f"file:{self.console_log}", "-serial", f"unix:{address}", *more], stdin=subprocess.DEVNULL, stdout=self.transcript,
            stderr=self.transcript)
        try:
            self.line, _ = listener.accept()
        except TimeoutError:
            self.end()
            raise Failure("qemu did not connect its serial port") from None
        finally:
            listener.close()
        self.line.setblocking(False)
        self.received, self.number = b"", 0
        self.read_to(rb"@READY\r?\n", 120, "the guest boots")

    def read_to(self, pattern, seconds, what):
        """What comes before the pattern, which is consumed with it; the match."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.line, selectors.EVENT_READ)
            while True:
                match = re.search(pattern, self.received)
                if match:
                    before, self.received = self.received[:match.start()], self.received[match.end():]
                    return before.decode(errors="replace"), match
                left = end - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise Failure(f"{what}: not within {seconds} s\n{self.received[-2000:].decode(errors='replace')}\n{self.console()[-3000:]}")
                if selector.select(min(left, 1)):
                    self.received += self.line.recv(65536)

    def sh(self, command, check=True, timeout=120):
        """Run a command of bash in the guest: what it said, or with check=False (status, what it said)."""
        self.number += 1
        start = time.monotonic()
        self.line.setblocking(True)
        self.line.sendall(b"%d %s\n" % (self.number, base64.b64encode(command.encode())))
        self.line.setblocking(False)
        said, match = self.read_to(rb"\n@END %d (\d+)\n" % self.number, timeout, f"guest: {command}")
        status = int(match.group(1))
        self.transcript.write(f"$ {command}\n{said}= {status} ({time.monotonic() - start:.1f} s)\n")
        self.transcript.flush()
        if check and status != 0:
            raise Failure(f"guest: {command}: status {status}\n{said[-3000:]}\n{self.console()[-1500:]}")
        return said if check else (status, said)

    def start(self, name, command):
        """Run a command in the background; finish(name) waits for it."""
        packed = base64.b64encode(command.encode()).decode()
        self.sh(f"rm -f /tmp/{name}.status; (bash -c \"$(echo {packed} | base64 -d)\" >/tmp/{name}.out 2>&1 </dev/null; "
                f"echo $? >/tmp/{name}.new; mv /tmp/{name}.new /tmp/{name}.status) >/dev/null 2>&1 &")

    def running(self, name):
        return self.sh(f"test -e /tmp/{name}.status", check=False)[0] != 0

    def finish(self, name, timeout=300):
        """What the background command said; its status must be 0."""
        wait_until(f"guest: {name} ends", lambda: not self.running(name), timeout, 1)
        said = self.sh(f"cat /tmp/{name}.out")
        need(self.sh(f"cat /tmp/{name}.status").strip() == "0", f"guest: {name} failed\n{said[-3000:]}\n{self.console()[-1500:]}")
        return said

    def console(self):
        try:
            with open(self.console_log, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def alarms(self):
        """Kernel messages that no test may cause."""
        log = self.sh("dmesg")
        return [line for line in log.splitlines() if ALARMS.search(line)]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self.transcript.close()
