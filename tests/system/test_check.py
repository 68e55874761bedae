# SPDX-License-Identifier: Apache-2.0
"""The check as an administrator uses it: `vcd check` on disks that were damaged where they lie, `--repair`, and `vcadm volume check` beside clients."""
import hashlib
import json
import os
import struct

from harness import MIB, need, run, sanitized, tool, wait_until

BLOCK = 4096
INO_ACTIVE_MAP = 4
CLEAN, FOUND, USAGE, BUSY, FAILED, REPAIRED, DEGRADED = range(7)
SMALL = {"disks": 3, "disk_size": "96m"}


# ---- the disks, as docs/ON-DISK-FORMAT.md has them ----

class Disk:
    """A data disk's file: its checksum entries lead to its blocks."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            label = f.read(BLOCK)
        need(label[:8] == b"VCLABEL1", f"{path} has no label")
        self.zones = struct.unpack_from("<I", label, 196)[0] * BLOCK

    def entries(self):
        """(generation, offset, inode, fbn, level) of every block that was ever written."""
        with open(self.path, "rb") as f:
            size = os.path.getsize(self.path)
            for zone in range(self.zones, size, 256 * BLOCK):
                f.seek(zone)
                block = f.read(BLOCK)
                for i in range(255):
                    crc, inode, fbn, last = struct.unpack_from("<IIII", block, 16 * i)
                    if crc or inode:
                        yield last & 0x7FFFFFF, zone + (i + 1) * BLOCK, inode, fbn, last >> 28


def newest(server, inode, fbn):
    """Where the block lies that was written last: (disk file, offset)."""
    found = [(entry[0], path, entry[1]) for path in server.disks[:-1] for entry in Disk(path).entries()
             if entry[2:] == (inode, fbn, 0)]
    need(found, f"no block {fbn} of inode {inode} on the disks")
    return max(found)[1:]


def of_content(server, content):
    """Where a block of a file lies: (disk file, offset, inode, fbn)."""
    for path in server.disks[:-1]:
        with open(path, "rb") as f:
            for _, offset, inode, fbn, level in Disk(path).entries():
                f.seek(offset)
                if level == 0 and f.read(BLOCK) == content:
                    return path, offset, inode, fbn
    need(False, "the block is on no disk")
    return None


def scribble(path, offset):
    """Over a block; what was there."""
    with open(path, "r+b") as f:
        f.seek(offset)
        before = f.read(BLOCK)
        f.seek(offset)
        f.write(bytes(b ^ 0x5A for b in before))
    return before


def crc_linear(data):
    """CRC32C without seed and inversion, as checksum entries have it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def change(path, offset, difference):
    """XOR bytes into what is there."""
    with open(path, "r+b") as f:
        f.seek(offset)
        before = f.read(len(difference))
        f.seek(offset)
        f.write(bytes(a ^ b for a, b in zip(before, difference)))


def change_unnoticed(server, path, offset, difference):
    """The same to a whole block, with parity and both checksum entries that fit: only what the block means is wrong then."""
    zones = Disk(path).zones
    index = (offset - zones) // BLOCK
    entry = zones + index // 256 * 256 * BLOCK + (index % 256 - 1) * 16
    for disk in (path, server.disks[-1]):
        change(disk, offset, difference)
        change(disk, entry, struct.pack("<I", crc_linear(difference)))


def put_back(path, offset, content):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(content)


# ---- the program ----

def vcd_check(server, *words, status, disks=None):
    """Run it, on all disks or these; its CompletedProcess."""
    env = sanitized()
    done = run(os.path.join(server.build, "vcd"), "check", "--quiet", *words, *(disks or server.disks), check=False, env=env)
    need(done.returncode == status, f"vcd check {words}: status {done.returncode}, expected {status}\n{done.stdout}{done.stderr}")
    return done


def report(server, *words, **kwargs):
    return json.loads(vcd_check(server, "-o", "json", *words, **kwargs).stdout)


def write_file(test, server, name, n_blocks):
    """Blocks that no other file has; their contents."""
    blocks = [hashlib.sha256(f"{name} {i}".encode()).digest() * (BLOCK // 32) for i in range(n_blocks)]
    with open(test.path("piece"), "wb") as f:
        f.write(b"".join(blocks))
    run(tool("nfs-cp"), test.path("piece"), server.nfs_url(f"/vol/vol0/{name}"))
    return blocks


def reads_back(test, server, name, blocks):
    run(tool("nfs-cp"), server.nfs_url(f"/vol/vol0/{name}"), test.path("back"))
    with open(test.path("back"), "rb") as f:
        need(f.read() == b"".join(blocks), f"{name} has other content")
    os.unlink(test.path("back"))


def test_a_clean_volume_is_clean_and_one_in_use_is_left_alone(test):
    server = test.server(**SMALL)
    write_file(test, server, "file", 20)
    done = vcd_check(server, status=BUSY)
    need("another process has the disks open" in done.stderr and "vcadm volume check" in done.stderr, f"in use: {done.stderr}")
    said = server.refused("volume", "create", "vol1", "--raid-group", "mem:a,mem:b", "--disk-size", "64m")
    need('"mem:a" is not a disk: give a name, an absolute path or a URL' in said, f"a volume in memory: {said}")
    server.stop()
    done = vcd_check(server, status=CLEAN)
    need(done.stdout.startswith("volume vol0: 0 errors in "), f"clean: {done.stdout}")
    clean = report(server, status=CLEAN)
    need(clean["volume"] == "vol0" and clean["closed"] and clean["errors"] == 0 and clean["findings"] == [], f"clean: {clean}")
    need(clean["blocks"] > 20 and clean["inodes"] > 0, f"what was looked at: {clean}")
    binary = os.path.join(server.build, "vcd")
    need(run(binary, "check", check=False).returncode == USAGE, "no disks at all")
    need(run(binary, "check", "--quiet", *[f"file:{disk}" for disk in server.disks], check=False).returncode == CLEAN, "disks as vcadm shows them")
    need(run(binary, "check", "-o", "xml", server.disks[0], check=False).returncode == USAGE, "an unknown form")
    done = run(binary, "check", "mem:x", check=False)
    need(done.returncode == USAGE and "a disk is a path or file:/path" in done.stderr, f"a disk of another scheme: {done}")
    need(run(binary, "check", test.path("nosuch"), check=False).returncode == FAILED, "a disk that is not there")
    need(run(binary, "check", server.disks[0], check=False).returncode == FAILED, "one disk of three")
    server.start()


def test_a_lost_block_is_reported_with_its_file_and_offset(test):
    server = test.server(**SMALL)
    blocks = write_file(test, server, "victim", 30)
    others = write_file(test, server, "bystander", 30)
    server.stop()
    path, offset, inode, fbn = of_content(server, blocks[7])
    need(fbn == 7, f"block 7 lies under fbn {fbn} of inode {inode}")
    whole = scribble(path, offset)
    found = report(server, status=FOUND)
    need({f["rule"] for f in found["findings"]} == {10}, f"one disk is wrong, which parity makes up for: {found}")
    parity = scribble(server.disks[-1], offset)
    found = report(server, status=FOUND)
    lost = [f for f in found["findings"] if f["rule"] == 2]
    need(len(lost) == 1 and not lost[0]["repairable"], f"the lost block: {found}")
    need((lost[0]["path"], lost[0]["offset"], lost[0]["length"]) == ("/victim", 7 * BLOCK, BLOCK), f"whose it is: {lost[0]}")
    text = vcd_check(server, status=FOUND).stdout
    need("/victim" in text and "rule 2:" in text and str(7 * BLOCK) in text, f"the same for people: {text}")
    put_back(server.disks[-1], offset, parity)
    put_back(path, offset, whole)
    need(report(server, status=CLEAN)["errors"] == 0, "the check has changed something")
    server.start()
    reads_back(test, server, "victim", blocks)
    reads_back(test, server, "bystander", others)


def test_a_disk_written_over_is_one_finding_and_a_missing_one_is_named(test):
    server = test.server(**SMALL)
    blocks = write_file(test, server, "file", 30)
    server.stop()
    need(report(server, status=CLEAN)["degraded"] is False, "all disks are there")
    parity = server.disks[-1]
    zones = Disk(parity).zones
    with open(parity, "r+b") as f:
        f.seek(zones)
        f.write(os.urandom(os.path.getsize(parity) - zones))
    found = report(server, status=FOUND)
    need(found["errors"] == 1 and len(found["findings"]) == 1, f"one disk, one finding: {found}")
    finding = found["findings"][0]
    need(finding["disk"] == parity and finding["count"] > 20000 and finding["repairable"], f"which one, and how much of it: {finding}")
    done = report(server, "--repair", status=REPAIRED)
    need(done["errors"] == 0 and done["first_errors"] == 1, f"repaired: {done}")
    vcd_check(server, status=CLEAN)
    found = report(server, status=DEGRADED, disks=server.disks[1:])
    need(found["degraded"] and found["errors"] == 0, f"degraded: {found}")
    need([(d["group"], d["position"], d["role"], d["state"]) for d in found["missing_disks"]] == [(0, 0, "data", "missing")],
         f"which disk: {found['missing_disks']}")
    text = vcd_check(server, status=DEGRADED, disks=server.disks[1:]).stdout
    need("is degraded: the data disk " + found["missing_disks"][0]["uuid"] in text, f"the same for people: {text}")
    server.start()
    reads_back(test, server, "file", blocks)


def test_repair_puts_a_damaged_map_right_and_the_volume_serves(test):
    server = test.server(**SMALL)
    server.create_lun("/vol/vol0/lun", 8 * MIB, number=0)
    run(*test.stress(server, 0, test.path("state"), 8 * MIB, "--seconds", 2, "--writes", 90))
    blocks = write_file(test, server, "file", 30)
    server.stop()
    path, offset = newest(server, INO_ACTIVE_MAP, 0)
    change_unnoticed(server, path, offset, bytes([0xFF] * 512 + [0] * (BLOCK - 512)))
    scribble(*of_content(server, blocks[3])[:2])  # and a block that parity makes up for
    found = report(server, status=FOUND)
    need({3, 4, 10} <= {f["rule"] for f in found["findings"]} <= {3, 4, 5, 10}, f"map, counts and one disk: {found}")
    need(all(f["repairable"] for f in found["findings"]), f"not all of it is repairable: {found}")
    done = report(server, "--repair", status=REPAIRED)
    need(done["errors"] == 0 and done["first_errors"] == found["errors"] and done["repaired"] > 0, f"repaired: {done}")
    vcd_check(server, status=CLEAN)
    server.start()
    reads_back(test, server, "file", blocks)
    run(*test.stress(server, 0, test.path("state"), 8 * MIB, "--verify"))
    run(*test.stress(server, 0, test.path("state"), 8 * MIB, "--seconds", 2, "--writes", 90))


def test_an_online_check_goes_at_its_rate_and_can_be_cancelled(test):
    server = test.server(**SMALL)
    blocks = write_file(test, server, "file", 500)
    job = server.vcadm_json("volume", "check", "vol0", "--rate", "1m", "--no-wait")["uuid"]
    wait_until("the check is under way", lambda: server.vcadm_json("job", "show", job)["state"] == "running", 20)
    reads_back(test, server, "file", blocks)
    need(server.vcadm_json("job", "show", job)["state"] == "running", "a check of 1 MiB a second has ended at once")
    server.vcadm("job", "cancel", job)
    wait_until("the check has ended", lambda: server.vcadm_json("job", "show", job)["state"] != "running", 30)
    ended = server.vcadm_json("job", "show", job)
    need("cancel" in json.dumps(ended).lower(), f"how it ended: {ended}")
    job = server.vcadm_json("volume", "check", "vol0", "--rate", "1m", "--no-wait")["uuid"]
    server.vcadm("volume", "check", "vol0", "--rate", "1g", "--no-wait")
    wait_until("the check goes on faster", lambda: server.vcadm_json("job", "show", job)["state"] == "success", 60)
