# SPDX-License-Identifier: Apache-2.0
"""The main job: a LUN backed by a snapshot is cut loose from it while an initiator writes, through stop, start and kill -9."""
import os
import random
import re
import shutil
import time

from harness import MIB, need, run, tool, wait_until
from page import Page

LUN_BYTES = 512 * MIB
IMAGE_MIB = 256
BALLAST_BYTES = 150 * MIB


def make_image(test):
    """A real ext4 image of a tree of real files and one big file; the image and the block ranges of the big file's data."""
    tree, image = test.path("tree"), test.path("image")
    os.makedirs(tree)
    shutil.copytree("/usr/include/linux", os.path.join(tree, "include"), symlinks=True)
    noise = random.Random(7).randbytes(MIB)
    with open(os.path.join(tree, "ballast"), "wb") as f:
        for number in range(BALLAST_BYTES // MIB):
            f.write(number.to_bytes(8, "little") + noise[8:])
    run(tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", "-d", tree, image, f"{IMAGE_MIB}M")
    need(os.path.getsize(image) >= 200 * MIB, "the image is too small to count")
    layout = run(tool("debugfs"), "-R", "stat /ballast", image).stdout
    extents = re.findall(r"\(\d+(?:-\d+)?\):(\d+)(?:-(\d+))?", layout)
    ranges = test.path("ranges")
    with open(ranges, "w") as f:
        for first, last in extents:
            f.write(f"{first} {int(last or first) - int(first) + 1}\n")
        # Behind the file system the initiator may write as it likes.
        f.write(f"{IMAGE_MIB * 256} {LUN_BYTES // 4096 - IMAGE_MIB * 256}\n")
    shutil.rmtree(tree)
    return image, ranges


def is_backed(server, path):
    return "backing" in server.vcadm_json("lun", "show", path)


def start_stress(test, server, image, ranges, seconds):
    return test.spawn(*test.stress(server, 1, test.path("state"), LUN_BYTES, "--image", image, "--ranges", ranges, "--seconds", seconds,
                                   "--depth", 4, "--writes", 30))


def verify(test, server, image, *words):
    run(*test.stress(server, 1, test.path("state"), LUN_BYTES, "--image", image, "--verify", *words), timeout=600)


def prepare(test, server, image):
    """The image on /test, snapshot s1, /test2 backed by it: at once and for no data blocks."""
    server.create_lun("/vol/vol0/test", LUN_BYTES, number=0)
    run(tool("qemu-img"), "convert", "-n", "-f", "raw", "-O", "raw", image, server.lun_url(0), timeout=600)
    run(tool("qemu-img"), "compare", "-f", "raw", "-F", "raw", image, server.lun_url(0), timeout=600)
    server.vcadm("snapshot", "create", "vol0", "s1")
    before, start = server.used_bytes(), time.monotonic()
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=1)
    took, used = time.monotonic() - start, server.used_bytes() - before
    need(took < 5, f"a backed LUN took {took:.1f} s to make and map")
    need(used < MIB, f"a fresh backed LUN uses {used} bytes")
    need(is_backed(server, "/vol/vol0/test2"), "lun show does not say that test2 is backed")


def refuse_delete(server):
    said = server.refused("snapshot", "delete", "vol0", "s1", "--yes")
    need("test2" in said, f"the refusal does not name the LUN: {said}")


def climb(server, above, seconds=60):
    """Until the percentage is over `above`; status and show must both tell."""
    path = "/vol/vol0/test2"
    wait_until(f"clone over {above} %", lambda: server.clone_percent(path) > above, seconds)
    need("test2" in server.vcadm("lun", "clone", "show", "vol/vol0/").stdout, "lun clone show does not list test2")
    return server.clone_percent(path)


def stop_and_start(server):
    """stop keeps what was filled; start goes on from there."""
    server.vcadm("lun", "clone", "stop", "vol/vol0/test2")
    wait_until("clone stopped", lambda: server.clone_state("/vol/vol0/test2") == "stopped", 20)
    kept, copied = server.clone_percent("/vol/vol0/test2"), server.clone_copied("/vol/vol0/test2")
    time.sleep(2)
    # What the initiator overwrites meanwhile counts as work done: the percentage may rise, but nothing is copied.
    need(server.clone_copied("/vol/vol0/test2") == copied, "a stopped clone moves")
    need(server.clone_percent("/vol/vol0/test2") >= kept, "a stopped clone loses what it had")
    server.vcadm("lun", "clone", "start", "vol/vol0/test2", "--rate", "10m")
    need(server.clone_percent("/vol/vol0/test2") >= kept - 1, "start began again from the start")


def crash_and_resume(test, server, image, stress):
    """kill -9: the initiator loses its connection, nothing else; the clone goes on by itself or by start."""
    server.kill()
    status, out, err = test.finish(stress)
    need(status == 3 and '"wrong": 0' in out, f"initiator before the crash: status {status}\n{out}{err}")
    server.start()
    verify(test, server, image, "--crash")
    if server.clone_state("/vol/vol0/test2") not in ("running", "paused"):
        server.vcadm("lun", "clone", "start", "vol/vol0/test2")


def give_space_back(server):
    """s1 alone holds what /test has overwritten since: it comes back within seconds of the delete."""
    before = server.used_bytes()
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    wait_until("space of s1 is back", lambda: before - server.used_bytes() > 40 * MIB, 30, 0.5)


def compare_everywhere(test, server, image):
    """The same bytes over iSCSI and over NFS; the ext4 in them is clean."""
    verify(test, server, image)
    copy = test.path("copy")
    run(tool("nfs-cp"), server.nfs_url("/vol/vol0/test2"), copy, timeout=600)
    need(os.path.getsize(copy) == LUN_BYTES, f"over NFS the LUN has {os.path.getsize(copy)} bytes")
    run(server.helper("system/lunstress"), "--file", copy, "--state", test.path("state"), "--size", LUN_BYTES, "--image", image, "--verify")
    run(tool("e2fsck"), "-fn", copy)
    os.unlink(copy)


def clone_scenario(test, server, max_stall_ms):
    image, ranges = make_image(test)
    prepare(test, server, image)
    stress = start_stress(test, server, image, ranges, 600)
    time.sleep(2)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2", "--rate", "10m")
    refuse_delete(server)
    climb(server, 8)
    stop_and_start(server)
    climb(server, 25)
    refuse_delete(server)
    crash_and_resume(test, server, image, stress)
    stress = start_stress(test, server, image, ranges, 600)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2", check=False)
    wait_until("test2 stands alone", lambda: not is_backed(server, "/vol/vol0/test2"), 180, 0.5)
    time.sleep(1)
    stress.terminate()
    status, out, err = test.finish(stress)
    need(status == 0, f"initiator during the clone: status {status}\n{out}{err}")
    test.note(f"initiator: {out.strip()}")
    longest = float(re.search(r'"max_ms": ([\d.]+)', out).group(1))
    need(longest < max_stall_ms, f"a request took {longest} ms")
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x77 0 64m", "-c", "flush", server.lun_url(0))
    give_space_back(server)
    compare_everywhere(test, server, image)
    server.restart_after_kill()
    compare_everywhere(test, server, image)


def test_a_lun_is_cut_loose_while_an_initiator_writes(test):
    clone_scenario(test, test.server(release=True), 1000)


def test_a_lun_is_cut_loose_under_the_sanitizers(test):
    server = test.server()
    clone_scenario(test, server, 20000 if server.sanitized else 1000)


def test_zeroing_a_backed_hole_does_not_bring_old_data_back(test):
    """UNMAP and zeros over a hole whose backing block has data; writes of less than a block there; before and after the clone."""
    server = test.server()
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0xab 0 16m", "-c", "flush", server.lun_url(0))
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=1)
    url = server.lun_url(1)
    run(tool("qemu-io"), "-f", "raw", "-d", "unmap", "-c", "write -P 0x11 4608 512", "-c", "write -z 1m 1m", "-c", "write -z -u 4m 1m",
        "-c", "discard 8m 1m", url)
    expect = ["read -P 0xab 0 4608", "read -P 0x11 4608 512", "read -P 0xab 5120 1043456", "read -P 0 1m 1m", "read -P 0xab 2m 2m",
              "read -P 0 4m 1m", "read -P 0xab 5m 3m", "read -P 0xab 9m 7m", "read -P 0 16m 48m"]

    def look():
        for command in expect:
            out = run(tool("qemu-io"), "-f", "raw", "-c", command, url).stdout
            need("verification failed" not in out, f"{command}: {out}")

    look()
    server.restart_after_kill()
    url = server.lun_url(1)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2")
    wait_until("test2 stands alone", lambda: not is_backed(server, "/vol/vol0/test2"), 60)
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    look()
    need(server.used_bytes() > 16 * MIB, "the two LUNs cannot use so little")


def test_several_luns_share_one_backing_file(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 32 * MIB, number=0)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x21 0 32m", "-c", "flush", server.lun_url(0))
    server.vcadm("snapshot", "create", "vol0", "s1")
    for number in (1, 2, 3):
        server.create_lun(f"/vol/vol0/copy{number}", backing="/vol/vol0/.snapshot/s1/test", number=number)
        run(tool("qemu-io"), "-f", "raw", "-c", f"write -P {number} {number}m 1m", server.lun_url(number))
    for number in (1, 2):
        server.vcadm("lun", "clone", "start", f"vol/vol0/copy{number}")
        wait_until("a copy stands alone", lambda n=number: not is_backed(server, f"/vol/vol0/copy{n}"), 60)
        said = server.refused("snapshot", "delete", "vol0", "s1", "--yes")
        need("copy3" in said or (number == 1 and "copy2" in said), f"the refusal does not name a LUN that depends on s1: {said}")
    server.vcadm("lun", "destroy", "/vol/vol0/copy3", "--yes", "--force")
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    for number in (1, 2):
        out = run(tool("qemu-io"), "-f", "raw", "-c", f"read -P {number} {number}m 1m", "-c", "read -P 0x21 4m 28m", server.lun_url(number)).stdout
        need("verification failed" not in out, out)


def test_options_are_changed_while_it_runs_and_the_page_shows_them(test):
    """Limit, priority, verify and delete-snapshot, through a kill -9; a browser sees the clone; the snapshot goes with it."""
    server = test.server()
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x5a 0 64m", "-c", "flush", server.lun_url(0))
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=1)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2", "--rate", "1m", "--verify")
    server.vcadm("lun", "clone", "modify", "vol/vol0/test2", "--rate", "2m", "--priority", "high", "--no-verify")
    server.vcadm("lun", "clone", "modify", "vol/vol0/test2", "--verify", "--delete-snapshot")
    time.sleep(3)
    clone = server.vcadm_json("lun", "clone", "status", "vol/vol0/test2")
    need(clone["rate"] == 2 * MIB and clone["priority"] == "high" and clone["phase"] == "copying" and clone["eta_seconds"] > 5, f"{clone}")
    page = Page(test, server.page_url, width=1280, height=1400)
    for words in ("Stop", "verify, delete the snapshot", "high", "limit 2 MiB"):
        page.waits_for(repr(words), f"document.body?.innerText.includes({words!r})")
    need(page.run("(() => { const at = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Stop').getBoundingClientRect();"
                  " return at.left > 0 && at.right <= innerWidth; })()"), "the Stop button is outside of the window")
    page.photograph(test.path("page.png"))
    page.tab_to("Change the clone of /vol/vol0/test2")
    page.key("Enter")
    page.waits_for("the dialog", "document.querySelector('dialog[open] [name=verify]')?.checked")
    page.photograph(test.path("dialog.png"))
    page.tab_to("Compare what was copied")
    page.key("Space")
    page.key("Enter")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    clone = server.vcadm_json("lun", "clone", "status", "vol/vol0/test2")
    need(not clone["verify"] and clone["delete_snapshot"] and clone["rate"] == 2 * MIB and clone["priority"] == "high", f"{clone}")
    need(not page.errors, f"{page.errors}")
    page.close()
    server.vcadm("lun", "clone", "modify", "vol/vol0/test2", "--verify")
    server.restart_after_kill()
    clone = server.vcadm_json("lun", "clone", "status", "vol/vol0/test2")
    need(clone["rate"] == 2 * MIB and clone["priority"] == "high" and clone["verify"] and clone["delete_snapshot"], f"{clone}")
    server.vcadm("lun", "clone", "modify", "vol/vol0/test2", "--rate", "0")
    wait_until("test2 stands alone", lambda: not is_backed(server, "/vol/vol0/test2"), 60)
    wait_until("s1 is gone", lambda: "s1" not in server.vcadm("snapshot", "list", "vol0").stdout, 30)
    out = run(tool("qemu-io"), "-f", "raw", "-c", "read -P 0x5a 0 64m", server.lun_url(1)).stdout
    need("verification failed" not in out, out)
