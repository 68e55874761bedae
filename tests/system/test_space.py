# SPDX-License-Identifier: Apache-2.0
"""A full volume: a reserved LUN goes on, a thin one and files are told, the figures agree, and deleting makes room."""
import os

from harness import MIB, need, run, tool, wait_until

RESERVED = 48 * MIB


def figures(server):
    """They add up, whoever asks."""
    space = {key: int(value) for key, value in server.volume()["space"].items()}
    parts = sum(space[key] for key in ("used", "metadata", "snapshot", "reserved", "kept", "available"))
    need(space["size"] == parts, f"the parts add up to {parts}: {space}")
    return space


def fill_with_files(test, server):
    """Until a copy fails."""
    with open(test.path("piece"), "wb") as f:
        f.write(os.urandom(8 * MIB))
    for number in range(1000):
        done = run(tool("nfs-cp"), test.path("piece"), server.nfs_url(f"/vol/vol0/piece{number}"), check=False)
        if done.returncode != 0:
            need("Failed to write" in done.stdout + done.stderr, f"nfs-cp: {done.stdout}{done.stderr}")
            return
    need(False, "the volume never became full")


def test_a_full_volume_keeps_its_promises(test):
    server = test.server(disks=3, disk_size="160m")
    server.create_lun("/vol/vol0/reserved", RESERVED, number=0)
    server.vcadm("lun", "create", "/vol/vol0/thin", "--size", "1g", "--no-reserve")
    server.vcadm("lun", "map", "/vol/vol0/thin", "--igroup", "clients", "--lun", "1")
    run(*test.stress(server, 0, test.path("state"), RESERVED, "--seconds", 5, "--writes", 90))
    server.vcadm("snapshot", "create", "vol0", "s1")
    fill_with_files(test, server)
    space = figures(server)
    need(space["available"] < 2 * MIB, f"full, and still available: {space}")
    events = server.vcadm("event", "list").stdout
    need("space_critical" in events, f"nobody was warned: {events}")
    status = server.vcadm("status", check=False)
    need(status.returncode == 8 and "error: vol0: the volume is" in status.stdout and "% full" in status.stdout, f"status: {status}")
    done = run(tool("qemu-io"), "-f", "raw", "-c", "write -P 0x42 0 8m", server.lun_url(1), check=False)
    need("No space left" in done.stdout + done.stderr, f"the thin LUN was not refused: {done.stdout}{done.stderr}")
    for _ in range(3):
        run(*test.stress(server, 0, test.path("state"), RESERVED, "--seconds", 5, "--writes", 90, "--depth", 8))
        figures(server)
    said = server.refused("snapshot", "create", "vol0", "s2")
    need("MiB more must be available" in said, f"a snapshot that cannot be afforded: {said}")
    server.restart_after_kill()
    run(*test.stress(server, 0, test.path("state"), RESERVED, "--verify", "--crash"))
    run(*test.stress(server, 0, test.path("state"), RESERVED, "--seconds", 3, "--writes", 90))
    need(figures(server)["available"] < 2 * MIB, "a restart made room")
    server.vcadm("snapshot", "delete", "vol0", "s1", "--yes")
    server.vcadm("lun", "destroy", "/vol/vol0/thin", "--force", "--yes")
    wait_until("what only the snapshot held is back", lambda: figures(server)["available"] > 20 * MIB, 60, 0.5)
    run(*test.stress(server, 0, test.path("state"), RESERVED, "--verify"))
