# SPDX-License-Identifier: Apache-2.0
"""One disk goes while clients are served: reads and writes go on, and the server says that it is degraded."""
import os

from harness import MIB, need, run, wait_until

SIZE = 128 * MIB


def serve_through(test, hurt):
    server = test.server()
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 8, "--writes", 80))
    need(not server.degraded(), "degraded before anything happened")
    need(server.vcadm("status", check=False).returncode == 0, "status is not 0 while all is well")
    writer = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 8, "--depth", 4))
    hurt(server)
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 400, 9)
    status, out, err = test.finish(writer)
    need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
    wait_until("raid show and status say degraded", server.degraded, 60, 0.5)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 400, 9, "--all")
    server.restart_after_kill()
    need(server.degraded(), "after a restart nobody says degraded any more")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 400, 9, "--all")


def zero(path):
    with open(path, "r+b") as f:
        left = os.path.getsize(path)
        while left > 0:
            left -= f.write(bytes(min(left, MIB)))


def test_a_data_disk_file_is_deleted_while_serving(test):
    serve_through(test, lambda server: os.unlink(server.disks[1]))


def test_a_parity_disk_file_is_deleted_while_serving(test):
    serve_through(test, lambda server: os.unlink(server.disks[-1]))


def test_a_data_disk_file_is_zeroed_while_serving(test):
    serve_through(test, lambda server: zero(server.disks[0]))


def test_a_disk_file_is_cut_to_nothing_while_serving(test):
    serve_through(test, lambda server: os.truncate(server.disks[2], 0))
