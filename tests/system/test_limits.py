# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU: within the configured bound + 64 MiB under load, next to nothing when idle."""
import time

from harness import MIB, Skip, mostly_waits, need, run

SPARE_BYTES = 64 * MIB


def need_bound(test, server, configured):
    server.watch.sample()
    peak = max(server.peak_bytes, server.watch.peak_bytes)
    test.note(f"peak resident memory {peak // MIB} MiB, configured {configured // MIB} MiB")
    need(peak <= configured + SPARE_BYTES, f"{peak // MIB} MiB resident, {configured // MIB} + 64 MiB allowed")


def release_server(test, **options):
    server = test.server(release=True, **options)
    if server.sanitized:
        raise Skip("needs an optimised build (--release)")
    return server


def test_memory_stays_within_its_bound_under_load(test):
    """More data than memory, over both protocols at once, with snapshots and a clone in between."""
    server = release_server(test, memory="256m", disk_size="2g")
    server.create_lun("/vol/vol0/test", 700 * MIB, number=0)
    bench = server.helper("bench/vcbench")
    writer = test.spawn(bench, "--url", server.lun_url(0), "--op", "fill", "--block", "128k", "--depth", 32, "--span", 700 * MIB)
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 3000, 3, timeout=600)
    run(bench, "--url", server.nfs_url("/vol/vol0/big"), "--op", "fill", "--block", "1m", "--depth", 16, "--span", 500 * MIB, timeout=600)
    status, out, err = test.finish(writer, 600)
    need(status == 0, f"status {status}\n{out}{err}")
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/test2", backing="/vol/vol0/.snapshot/s1/test", number=1)
    server.vcadm("lun", "clone", "start", "vol/vol0/test2")
    run(bench, "--url", server.lun_url(0), "--op", "readall", "--block", "1m", "--depth", 16, "--span", 700 * MIB, timeout=600)
    run(bench, "--url", server.lun_url(1), "--op", "randread", "--depth", 32, "--span", 700 * MIB, "--seconds", 5, timeout=600)
    run(bench, "--url", server.nfs_url("/vol/vol0/big"), "--op", "randwrite", "--depth", 32, "--span", 500 * MIB, "--seconds", 5, timeout=600)
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 3000, 3, "--all", timeout=600)
    need_bound(test, server, 256 * MIB)


@mostly_waits
def test_an_idle_server_uses_no_cpu_to_speak_of(test):
    server = release_server(test)
    server.create_lun("/vol/vol0/test", 64 * MIB, number=0)
    run(*test.stress(server, 0, test.path("state"), 64 * MIB, "--seconds", 2))
    time.sleep(15)  # a consistency point, and what follows it
    before = server.cpu_seconds()
    time.sleep(10)
    used = server.cpu_seconds() - before
    test.note(f"{used * 1000:.0f} ms of CPU in 10 idle seconds")
    need(used <= 0.05, f"{used:.2f} s of CPU in 10 idle seconds")
