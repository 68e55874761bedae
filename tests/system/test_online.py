# SPDX-License-Identifier: Apache-2.0
"""A disk that was only away comes back under load: what has changed since is written to it, and no more than that."""
import os
import shutil

from harness import MIB, need, run, wait_until
from test_replace import SIZE, disk_states, fill, group_state, job_of, lose, rebuilt, verify


def away(server, path):
    """Its file is gone (one that is only renamed is not noticed while it is open); what it was is kept."""
    kept = open(path, "rb")
    lose(server, path)
    return kept


def back(kept, path):
    with kept, open(path, "wb") as new:
        size = os.fstat(kept.fileno()).st_size
        for at in range(0, size, MIB):
            data = kept.read(MIB)
            if data.strip(b"\0"):
                new.seek(at)
                new.write(data)
        new.truncate(size)


def state_of(server, place):
    return next(d for d in disk_states(server) if d["position"] == place)


def take_back(server, place, *words):
    job = job_of(server.vcadm_json("raid", "online", "vol0", f"0.{place}", *words))
    server.vcadm("job", "watch", job)
    rebuilt(server)
    return server.vcadm_json("job", "show", job)


def test_only_what_changed_is_written_while_little_changes(test):
    server = test.server()
    fill(test, server)
    server.vcadm("snapshot", "create", "vol0", "s1")
    kept = away(server, server.disks[1])
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 20, 11)
    server.vcadm("snapshot", "create", "vol0", "s2")
    before = state_of(server, 1)["changed"]
    back(kept, server.disks[1])
    take_back(server, 1)
    disk = state_of(server, 1)
    test.note(f"{before // MIB} MiB had changed, {disk['io']['written_bytes'] // MIB} MiB written, of {disk['size'] // MIB}")
    need(disk["io"]["written_bytes"] < disk["size"] // 4, "more was written than had changed")
    server.stop()
    os.unlink(server.disks[2])
    server.start()
    wait_until("degraded without d2", server.degraded, 60, 0.5)
    verify(test, server)
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 20, 11)


def test_a_disk_comes_back_elsewhere_after_a_start_without_it(test):
    server = test.server()
    fill(test, server)
    path, elsewhere = server.disks[0], os.path.join(server.folder, "disks", "moved")
    server.stop()
    os.rename(path, elsewhere)
    server.start()
    wait_until("degraded without d0", server.degraded, 60, 0.5)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 4))
    server.restart_after_kill()
    job = take_back(server, 0, "--at", elsewhere)
    need(job["result"]["rebuild"] == "changes", f"all of it was rebuilt: {job}")
    server.stop()
    server.start()
    need(group_state(server) == "normal", "it was not remembered where the disk is")
    server.stop()
    os.unlink(server.disks[1])
    server.start()
    wait_until("degraded without d1", server.degraded, 60, 0.5)
    verify(test, server)


def test_a_disk_that_came_back_old_is_rebuilt_whole_and_another_is_refused(test):
    server = test.server()
    fill(test, server)
    path = server.disks[2]
    server.stop()
    shutil.copyfile(path, path + ".old")
    server.start()
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 4))
    lose(server, path)
    job = job_of(server.vcadm_json("raid", "online", "vol0", "0.2", "--at", server.disks[1] + ".none"))
    need(server.vcadm("job", "watch", job, check=False).returncode != 0, "a disk that is not there was taken")
    os.rename(path + ".old", path)
    job = take_back(server, 2)
    need(job["result"]["rebuild"] == "all", f"an old copy was believed: {job}")
    server.stop()
    os.unlink(server.disks[1])
    server.start()
    wait_until("degraded without d1", server.degraded, 60, 0.5)
    verify(test, server)
