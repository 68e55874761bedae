# SPDX-License-Identifier: Apache-2.0
"""Tools we did not write, and the administration, against a running vcd."""
import json
import os
import re

from harness import MIB, need, records, run, tool, wait_until
from page import Page

# The families of libiscsi's suite that the SCSI commands of this server belong to.
# GetLBAStatus.UnmapSingle is left out: its second half asks for LBA i + 1 and wants a descriptor that begins elsewhere, unless physical blocks have 512 bytes.
SCSI_FAMILIES = ("ALL.GetLBAStatus.Simple", "ALL.GetLBAStatus.BeyondEol", "ALL.Inquiry", "ALL.Mandatory", "ALL.ModeSense6", "ALL.Read6", "ALL.Read10", "ALL.Read12", "ALL.Read16", "ALL.ReadCapacity10",
                 "ALL.ReadCapacity16", "ALL.TestUnitReady", "ALL.Unmap", "ALL.Write10", "ALL.Write12", "ALL.Write16",
                 "ALL.WriteSame10", "ALL.WriteSame16")
# iSCSIdatasn is left out: it wants a wrong DataSN refused, which belongs to iSCSI complete (tgtd does not pass it either).
ISCSI_FAMILIES = ("iSCSI.iSCSIcmdsn", "iSCSI.iSCSIResiduals.Read*", "iSCSI.iSCSIResiduals.Write1*",
                  "iSCSI.iSCSITMF.AbortTaskSimpleAsync")


def test_iscsi_tools_see_the_lun(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 64 * MIB, number=5)
    listing = run(tool("iscsi-ls"), "-s", f"iscsi://{server.portal}").stdout
    need(re.search(r"Lun:5 ", listing), f"iscsi-ls -s does not list LUN 5: {listing}")
    inquiry = run(tool("iscsi-inq"), server.lun_url(5)).stdout
    need("Vendor" in inquiry, inquiry)
    serial = run(tool("iscsi-inq"), "-e", "1", "-c", "128", server.lun_url(5)).stdout
    need(server.vcadm_json("lun", "show", "/vol/vol0/test")["serial_number"] in serial, f"VPD 80: {serial}")
    capacity = run(tool("iscsi-readcapacity16"), server.lun_url(5)).stdout
    need(str(64 * MIB) in capacity, capacity)
    info = json.loads(run(tool("qemu-img"), "info", "--output=json", "-f", "raw", server.lun_url(5)).stdout)
    need(info["virtual-size"] == 64 * MIB, str(info))


def failed_tests(out):
    """Names that CUnit reports as failed."""
    suite, failed = "", []
    for line in out.splitlines():
        match = re.match(r"Suite: (\S+)", line.strip())
        suite = match.group(1) if match else suite
        match = re.match(r"Test: (\S+) .*FAILED", line.strip())
        if match:
            failed.append(f"{suite}.{match.group(1)}")
    return failed


def conformance(test, families):
    server = test.server()
    server.create_lun("/vol/vol0/test", 128 * MIB, number=0)
    failed, ran = [], 0
    for family in families:
        done = run(tool("iscsi-test-cu"), "--dataloss", "--verbose", f"--test={family}", server.lun_url(0), check=False, timeout=300)
        match = re.search(r"^\s*tests\s+\d+\s+(\d+)", done.stdout, re.M)
        need(match and int(match.group(1)) > 0, f"{family} ran nothing: {done.stdout[-1500:]}{done.stderr[-500:]}")
        ran += int(match.group(1))
        names = failed_tests(done.stdout)
        failed += names or ([family] if done.returncode else [])
        for name in names:
            test.note(f"{name}: " + " | ".join(re.findall(r"^\s+\d+\. (.*)$", done.stdout, re.M))[:400])
        need(server.running(), f"{family} ended vcd")
    test.note(f"iscsi-test-cu: {ran} tests ran")
    need(not failed, "iscsi-test-cu: " + ", ".join(failed))


def test_the_scsi_families_of_iscsi_test_cu_pass(test):
    conformance(test, SCSI_FAMILIES)


def test_the_iscsi_families_of_iscsi_test_cu_pass(test):
    conformance(test, ISCSI_FAMILIES)


def test_two_initiators_write_to_two_luns_at_once(test):
    server = test.server()
    size = 48 * MIB
    for number in (0, 1):
        server.create_lun(f"/vol/vol0/lun{number}", size, number=number)
    writers = [test.spawn(*test.stress(server, n, test.path(f"state{n}"), size, "--seconds", 6, "--seed", n + 1)) for n in (0, 1)]
    for writer in writers:
        status, out, err = test.finish(writer)
        need(status == 0, f"status {status}\n{out}{err}")
    for n in (0, 1):
        run(*test.stress(server, n, test.path(f"state{n}"), size, "--verify", "--seed", n + 1))


def test_nfs_tools_copy_files_and_see_snapshots_and_luns(test):
    server = test.server()
    source = tool("qemu-img")
    run(tool("nfs-cp"), source, server.nfs_url("/vol/vol0/copied"))
    with open(source, "rb") as f:
        original = f.read()
    back = test.path("back")
    run(tool("nfs-cp"), server.nfs_url("/vol/vol0/copied"), back)
    with open(back, "rb") as f:
        need(f.read() == original, "the file read back differs")
    server.vcadm("snapshot", "create", "vol0", "s1")
    with open(test.path("small"), "w") as f:
        f.write("second\n")
    run(tool("nfs-cp"), test.path("small"), server.nfs_url("/vol/vol0/small"))
    need("copied" in run(tool("nfs-ls"), server.nfs_url("/vol/vol0/.snapshot/s1")).stdout, "the snapshot does not show the file")
    need("small" not in run(tool("nfs-ls"), server.nfs_url("/vol/vol0/.snapshot/s1")).stdout, "the snapshot shows a later file")
    need(run(tool("nfs-cat"), server.nfs_url("/vol/vol0/small")).stdout == "second\n", "nfs-cat")
    server.create_lun("/vol/vol0/test", 8 * MIB, number=0)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x42 1m 1m", "-c", "flush", server.lun_url(0))
    line = next((row for row in run(tool("nfs-ls"), server.nfs_url()).stdout.splitlines() if row.split()[-1] == "test"), "")
    need(line.startswith("-") and str(8 * MIB) in line, f"the LUN is no regular file of its size: {line}")
    os.unlink(back)  # nfs-cp does not overwrite
    run(tool("nfs-cp"), server.nfs_url("/vol/vol0/test"), back)
    with open(back, "rb") as f:
        need(f.read() == bytes(MIB) + b"\x42" * MIB + bytes(6 * MIB), "the LUN reads differently over NFS")


def test_a_client_that_no_rule_names_is_refused(test):
    server = test.server()
    server.vcadm("export", "set", "/vol/vol0", "--client", "10.99.0.0/16:rw")
    need(run(tool("nfs-ls"), server.nfs_url(), check=False).returncode != 0, "mounted against the rules")
    server.vcadm("export", "set", "/vol/vol0", "--client", "127.0.0.0/8:ro,insecure")
    run(tool("nfs-ls"), server.nfs_url())
    need(run(tool("nfs-cp"), "/etc/hosts", server.nfs_url("/vol/vol0/x"), check=False).returncode != 0, "wrote to a read-only export")


def test_what_was_set_up_is_there_after_a_crash(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=3)
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=4)
    nouns = (("lun", "list"), ("igroup", "list"), ("export", "list"), ("snapshot", "list", "vol0"))
    before = {noun: server.vcadm(*noun, "-o", "name").stdout for noun in nouns}
    need(all(before.values()), f"an empty list: {before}")
    server.restart_after_kill()
    for noun, names in before.items():
        need(server.vcadm(*noun, "-o", "name").stdout == names, f"{' '.join(noun)} differs after the crash")
    run(tool("iscsi-inq"), server.lun_url(3))
    run(tool("iscsi-inq"), server.lun_url(4))
    run(tool("nfs-ls"), server.nfs_url())


def test_vcadm_exit_statuses_say_what_happened(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    for want, words in ((2, ("volume", "create")), (2, ("no", "such")), (3, ("volume", "show", "nosuch")), (3, ("lun", "show", "/vol/vol0/nosuch")),
                        (4, ("lun", "create", "/vol/vol0/test", "--size", "1m")), (3, ("snapshot", "delete", "vol0", "nosuch", "--yes"))):
        done = server.vcadm(*words, check=False)
        need(done.returncode == want, f"vcadm {' '.join(words)}: status {done.returncode}, not {want}: {done.stderr}")
        need(done.stderr.strip() and not done.stdout.strip(), f"vcadm {' '.join(words)}: errors go to stderr and only there")
    done = run(os.path.join(server.build, "vcadm"), "--server", f"unix:{test.path('nosuch.sock')}", "volume", "list", check=False)
    need(done.returncode == 6, f"an absent server: status {done.returncode}, not 6")


def test_rest_and_the_page_answer_on_loopback(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    volumes = json.loads(server.fetch("/api/v1/storage/volumes"))
    need([v["name"] for v in records(volumes)] == ["vol0"], json.dumps(volumes))
    luns = json.loads(server.fetch("/api/v1/storage/luns"))
    need("/vol/vol0/test" in json.dumps(luns), json.dumps(luns))
    need("<html" in server.fetch("/").lower(), "no page at /")


def test_the_page_says_when_the_server_is_away_and_destroys_a_mapped_lun_when_told_to(test):
    server = test.server()
    server.create_lun("/vol/vol0/disk", 16 * MIB, number=0)
    page = Page(test, server.page_url)
    page.waits_for("the page shows that all is well", "document.querySelector('.card .state.good')?.textContent === 'ok'")
    server.kill()
    page.waits_for("the page does not know how the server is", "document.querySelector('.card .state.bad')?.textContent === 'not known'")
    need(page.run("document.querySelector('.card .state.good') === null"), "something is still well")
    page.close()
    server.start()
    page = Page(test, server.page_url)
    page.waits_for("all is well again", "document.querySelector('.card .state.good')?.textContent === 'ok'")
    page.run("document.querySelector('[aria-label=\"Destroy /vol/vol0/disk\"]').click()")
    page.waits_for("the dialog", "document.querySelector('dialog[open] [name=force]') !== null")
    page.run("document.querySelector('dialog[open] button.danger').click()")
    page.waits_for("it is refused", "document.querySelector('dialog[open] [role=alert]')?.textContent.includes('mapped')")
    page.run("document.querySelector('dialog[open] [name=force]').click()")
    page.run("document.querySelector('dialog[open] button.danger').click()")
    page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")
    need("/vol/vol0/disk" not in server.vcadm("lun", "list").stdout, "it is still there")
    need(not page.errors, f"{page.errors}")
    page.close()


def test_the_page_shows_volumes_and_luns_in_a_browser(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 16 * MIB, number=0)
    flags = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
             "--disable-component-update --disable-sync --disable-dev-shm-usage --timeout=15000 --virtual-time-budget=8000").split()

    def shown():
        dom = run(tool("chromium"), *flags, f"--user-data-dir={test.path('profile')}", "--dump-dom", server.page_url,
                  check=False, timeout=90).stdout
        return "vol0" in dom and "test" in dom

    wait_until("the page shows vol0 and its LUN", shown, 60, 1)


def test_a_thin_copy_stays_thin(test):
    """GET LBA STATUS as qemu-img asks it: holes are told, of a LUN and of one backed by a snapshot, and a copy has as few blocks."""
    server = test.server()
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    write = "write -P 0x5a 8m 1m"
    run(tool("qemu-io"), "-f", "raw", "-c", write, "-c", "write -P 0x5b 40m 64k", "-c", "flush", server.lun_url(0))
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/top", backing="/vol/vol0/.snapshot/s1/test", number=1)
    run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x5c 20m 4k", "-c", "discard 8m 512k", "-c", "flush", server.lun_url(1))

    def data(number):
        said = json.loads(run(tool("qemu-img"), "map", "--output=json", "-f", "raw", server.lun_url(number)).stdout)
        need(sum(part["length"] for part in said) == 64 * MIB, f"the map has another length: {said}")
        return [(part["start"], part["length"]) for part in said if part["data"]]

    need(data(0) == [(8 * MIB, MIB), (40 * MIB, MIB // 16)], f"the map of a LUN: {data(0)}")
    need(data(1) == [(8 * MIB + MIB // 2, MIB // 2), (20 * MIB, 4096), (40 * MIB, MIB // 16)], f"the map of a backed one: {data(1)}")
    copy = test.path("copy")
    run(tool("qemu-img"), "convert", "-f", "raw", "-O", "raw", server.lun_url(1), copy)
    need(os.stat(copy).st_blocks * 512 < 2 * MIB, f"the copy has become thick: {os.stat(copy).st_blocks * 512} bytes")
    run(tool("qemu-img"), "compare", "-f", "raw", "-F", "raw", server.lun_url(1), copy)
