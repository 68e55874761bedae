# SPDX-License-Identifier: Apache-2.0
"""Nothing acknowledged is lost: kill -9, restart, compare."""
import re
import time

from harness import GIB, MIB, need, run, wait_until


def test_a_source_tree_over_nfs_reads_back_after_a_crash(test):
    server = test.server()
    tree = server.helper("system/nfstree")
    run(tree, "write", server.nfs_url(), 10400, 42, timeout=900)
    server.restart_after_kill()
    run(tree, "verify", server.nfs_url(), 10400, 42, "--all", timeout=900)


def test_committed_files_survive_a_crash_in_the_middle_of_a_tree(test):
    server = test.server()
    tree = server.helper("system/nfstree")
    for number in range(3):
        writer = test.spawn(tree, "write", server.nfs_url(), 100000, 100 + number)
        time.sleep(2 + number)
        server.kill()
        _, out, err = test.finish(writer)
        committed = re.findall(r"committed (\d+)", out)
        need(committed, f"nothing was committed in {2 + number} s: {out}{err}")
        server.start()
        run(tree, "verify", server.nfs_url(), committed[-1], 100 + number, timeout=600)
        test.note(f"{committed[-1]} files committed before crash {number + 1}")


def test_a_file_of_one_gib_reads_back_after_a_crash(test):
    server = test.server(release=True, memory="512m")
    url = server.nfs_url("/vol/vol0/big")
    run(server.helper("bench/vcbench"), "--url", url, "--op", "fill", "--block", "1m", "--depth", 4, "--span", GIB, timeout=600)
    server.restart_after_kill()
    run(server.helper("bench/vcbench"), "--url", server.nfs_url("/vol/vol0/big"), "--op", "readall", "--block", "1m", "--depth", 4,
        "--span", GIB, timeout=600)


def test_lun_data_after_synchronize_cache_survives_crashes(test):
    """Random writes with flushes now and then; every kill -9 may only lose what no flush covered, and never half a block."""
    server = test.server()
    size = 96 * MIB
    server.create_lun("/vol/vol0/test", size, number=0)
    for number in range(6):
        words = test.stress(server, 0, test.path("state"), size, "--seconds", 60, "--depth", 16, "--writes", 70, "--sync-every", 64)
        writer = test.spawn(*words)
        time.sleep(1.0 + 0.7 * number)
        server.kill()
        status, out, err = test.finish(writer)
        need(status == 3 and '"wrong": 0' in out, f"writer {number}: status {status}\n{out}{err}")
        server.start()
        run(*test.stress(server, 0, test.path("state"), size, "--verify", "--crash"))
        run(*test.stress(server, 0, test.path("state"), size, "--verify"))


def test_a_graceful_stop_keeps_everything_acknowledged(test):
    server = test.server()
    size = 64 * MIB
    server.create_lun("/vol/vol0/test", size, number=0)
    run(*test.stress(server, 0, test.path("state"), size, "--seconds", 4, "--depth", 8, "--writes", 80, "--sync-every", 0))
    server.stop()
    server.start()
    run(*test.stress(server, 0, test.path("state"), size, "--verify"))


def test_files_and_luns_written_together_survive_a_crash(test):
    server = test.server()
    size = 64 * MIB
    server.create_lun("/vol/vol0/test", size, number=0)
    writer = test.spawn(*test.stress(server, 0, test.path("state"), size, "--seconds", 120, "--depth", 4))
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 1500, 5, timeout=300)
    server.vcadm("snapshot", "create", "vol0", "middle")
    time.sleep(1)
    server.kill()
    status, out, err = test.finish(writer)
    need(status == 3, f"writer: status {status}\n{out}{err}")
    server.start()
    run(*test.stress(server, 0, test.path("state"), size, "--verify", "--crash"))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 1500, 5, "--all", timeout=300)
    run(server.helper("system/nfstree"), "verify", server.nfs_url("/vol/vol0/.snapshot/middle"), 1500, 5, timeout=300)
    need("middle" in server.vcadm("snapshot", "list", "vol0").stdout, "the snapshot is gone")
    server.vcadm("snapshot", "delete", "vol0", "middle", "--yes")
    wait_until("snapshot gone", lambda: "middle" not in server.vcadm("snapshot", "list", "vol0").stdout, 30)
