# SPDX-License-Identifier: Apache-2.0
"""Images from elsewhere, made by hand: their names, exports, igroups and numbers of disks do no harm to the server that imports them."""
import json
import os
import re
import shutil

from harness import MIB, need, on_terminal, records, run, tool

OURS, OTHER = "iqn.2026-01.test:ours", "iqn.2026-01.test:other"
RULES = [{"client": "127.0.0.0/8", "access": "rw", "root_squash": False, "secure": False}]
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufffd]")


def document(*entries):
    return json.dumps({"version": 1, "records": entries})


def make_image(server, seed, name, *more):
    """Its disks."""
    folder = os.path.join(server.folder, "disks", f"image{seed}")
    os.makedirs(folder)
    run(server.helper("system/imagemaker"), folder, seed, *[os.fsdecode(name)], *more)
    return ",".join(os.path.join(folder, disk) for disk in ("d0", "d1", "p0"))


def restart(server):
    server.stop()
    server.start()


def volumes(server):
    return [record["name"] for record in records(server.vcadm_json("volume", "list"))]


def luns_of(server, initiator):
    """The numbers that an initiator sees."""
    shown = run(tool("iscsi-ls"), "-i", initiator, "-s", f"iscsi://{server.portal}").stdout
    return sorted(int(number) for number in re.findall(r"Lun:(\d+)", shown))


def test_an_image_of_an_impossible_name_is_refused_or_renamed(test):
    server = test.server()
    names = (b"..", b"a/b", b"a\nb", b"\xff\xfe", b"vol0")
    for seed, name in enumerate(names, 1):
        disks = make_image(server, seed, name)
        done = server.vcadm("volume", "import", disks, check=False)
        need(done.returncode not in (0, 1) and "--name" in done.stderr, f"{name}: status {done.returncode}: {done.stderr}")
        need(not UNFIT.search(done.stderr) and done.stderr.count("\n") == 1, f"{name}: raw: {done.stderr!r}")
        if seed % 3 == 0:
            restart(server)
        need(volumes(server) == ["vol0"], f"{name}: there are {volumes(server)}")
        need("can't be" in server.refused("volume", "import", disks, "--name", ".."), "renamed to ..")
        server.vcadm("volume", "import", disks, "--name", f"image{seed}")
        need(volumes(server) == ["vol0", f"image{seed}"], f"{name}: there are {volumes(server)}")
        restart(server)
        server.check_volume(f"image{seed}")
        server.vcadm("export", "set", f"/vol/image{seed}", "--client", "127.0.0.0/8:rw,no_root_squash,insecure")
        run(tool("nfs-ls"), server.nfs_url(f"/vol/image{seed}"))
        server.vcadm("volume", "destroy", f"image{seed}", "--yes")


def test_a_name_of_an_image_reaches_no_terminal_raw(test):
    server = test.server()
    disks = make_image(server, 1, b"x\n\x1b[2J\xc2\x9b31m\xff")
    for words in ((), ("-o", "json")):
        shown = on_terminal(os.path.join(server.build, "vcd"), "check", *words, *disks.split(","))
        need("[2J" in shown and not UNFIT.search(shown), f"vcd check shows {shown!r}")
    shown = on_terminal(os.path.join(server.build, "vcadm"), "--server", server.admin, "volume", "import", disks)
    need("[2J" in shown and not UNFIT.search(shown.replace("\r\x1b[K", "")), f"vcadm shows {shown!r}")
    shown = on_terminal(os.path.join(server.build, "vcadm"), "--server", server.admin, "event", "list")
    need("[2J" in shown and not UNFIT.search(shown), f"the events are {shown!r}")


def copy_disks(server, label):
    """Copies of its disk files, made while it was down."""
    folder = os.path.join(server.folder, "disks", label)
    os.makedirs(folder)
    server.stop()
    run("cp", "--sparse=always", *server.disks, folder)
    server.start()
    return ",".join(os.path.join(folder, os.path.basename(disk)) for disk in server.disks)


def test_a_copy_of_a_volume_is_not_served_beside_it(test):
    server = test.server()
    server.vcadm("volume", "import", make_image(server, 1, b"mmm"))
    copies = copy_disks(server, "copy")
    for name in ("aaa", "zzz"):  # names are sorted somewhere
        said = server.refused("volume", "import", copies, "--name", name)
        need("one UUID" in said and "--new-identity" in said, f"a copy is served as {name}: {said}")
        need(sorted(volumes(server)) == ["mmm", "vol0"], f"there are {volumes(server)}")
    server.vcadm("volume", "offline", "vol0", "--yes")
    said = server.refused("volume", "import", copies, "--name", "aaa")
    need('"vol0", which is offline' in said, f"a copy of a volume that is offline: {said}")
    server.vcadm("volume", "online", "vol0")
    need(sorted(volumes(server)) == ["mmm", "vol0"], f"there are {volumes(server)}")
    server.check_volume()


def test_a_copy_with_an_identity_of_its_own_is_another_volume(test):
    server = test.server()
    server.create_lun("/vol/vol0/test", 32 * MIB, number=0)
    run(*test.stress(server, 0, test.path("state"), 32 * MIB, "--seconds", 2, "--depth", 4))
    server.vcadm("snapshot", "create", "vol0", "s1")
    copies = copy_disks(server, "copy")
    server.vcadm("volume", "import", copies, "--name", "copy", "--new-identity")
    need(server.volume("copy")["uuid"] != server.volume()["uuid"], "the copy has the UUID of the original")

    def lun(volume):
        shown = server.vcadm_json("lun", "show", f"/vol/{volume}/test")
        return shown["uuid"], shown["serial_number"]

    def told(number):
        return run(tool("iscsi-inq"), "-i", "iqn.2026-01.test:reader", "-e", "1", "-c", "131", server.lun_url(number)).stdout

    original, copy = lun("vol0"), lun("copy")
    need(not set(original) & set(copy), f"identities are shared: {original} {copy}")
    server.vcadm("lun", "unmap", "/vol/copy/test", "--igroup", "clients", check=False)
    server.vcadm("lun", "map", "/vol/copy/test", "--igroup", "clients", "--lun", "1")
    need(told(0) != told(1), "initiators are told one name of both")
    shutil.copy(test.path("state"), test.path("state2"))
    run(*test.stress(server, 0, test.path("state"), 32 * MIB, "--seconds", 2, "--depth", 4))
    run(*test.stress(server, 1, test.path("state2"), 32 * MIB, "--verify"))
    server.restart_after_kill()
    need((lun("vol0"), lun("copy")) == (original, copy), "identities changed with the start")
    run(*test.stress(server, 1, test.path("state2"), 32 * MIB, "--verify"))
    # what the snapshot has of the LUN is of the copy as well
    server.vcadm("snapshot", "restore", "copy", "s1", "--yes")
    need(lun("copy") == copy, f"after a restore the LUN is {lun('copy')}, before {copy}")
    server.check_volume("copy")
    server.check_volume()


def test_exports_of_an_image_that_make_no_sense_are_left_out(test):
    server = test.server()
    exports = document({"path": "/", "id": 7, "rules": RULES}, {"path": "/..", "id": 8, "rules": RULES},
                       {"path": "/lun", "id": 7, "rules": RULES}, {"path": "/a/../../vol0", "id": 9, "rules": RULES},
                       {"path": "/", "id": 10, "rules": [{"client": "10.0.0.0/8", "access": "ro"}]})
    disks = make_image(server, 1, b"image", "doc", "exports", exports)
    server.vcadm("volume", "import", disks)
    with open(test.path("file"), "wb") as f:
        f.write(os.urandom(MIB))
    for start in range(2):
        shown = sorted(record["path"] for record in records(server.vcadm_json("export", "list")))
        need(shown == ["/vol/image", "/vol/vol0"], f"exports: {shown}")
        for volume in ("vol0", "image"):
            run(tool("nfs-cp"), test.path("file"), server.nfs_url(f"/vol/{volume}/file{start}"))
        need(run(tool("nfs-ls"), server.nfs_url("/vol/image/.."), check=False).returncode != 0, ".. is mounted")
        need(server.log_tail(1 << 20).count("document_entry_bad") >= 4, "nobody says so")
        need("is damaged" in server.refused("export", "set", "/vol/image", "--client", "127.0.0.1:ro"), "a damaged document is replaced")
        restart(server)


def test_an_igroup_known_here_is_not_another_one_because_an_image_says_so(test):
    server = test.server()
    server.vcadm("igroup", "create", "clients", "--initiator", OURS)
    server.vcadm("lun", "create", "/vol/vol0/mine", "--size", str(16 * MIB))
    server.vcadm("lun", "map", "/vol/vol0/mine", "--igroup", "clients", "--lun", "3")
    uuid = next(group["uuid"] for group in records(server.vcadm_json("igroup", "list")))
    igroups = document({"uuid": uuid, "name": "clients", "initiators": ["*"], "generation": 99})
    maps = json.dumps({"maps": [{"igroup": uuid, "lun": 3}, {"igroup": uuid, "lun": 4}]})
    for seed, spelled in enumerate((uuid, uuid.upper()), 1):
        words = [word.replace(uuid, spelled) for word in ("doc", "igroups", igroups, "lun", "/theirs", maps)]
        server.vcadm("volume", "import", make_image(server, seed, b"image", *words), "--name", f"image{seed}")
        for _ in range(2):
            need((luns_of(server, OURS), luns_of(server, OTHER)) == ([3], []), f"ours sees {luns_of(server, OURS)}, other {luns_of(server, OTHER)}")
            group = server.vcadm_json("igroup", "show", "clients")
            need(group["initiators"] == [OURS], f"the igroup is {group}")
            restart(server)
        server.vcadm("volume", "destroy", f"image{seed}", "--yes")


def test_more_disks_than_a_volume_has_are_too_many(test):
    server = test.server()
    many = [os.path.join(server.folder, "disks", f"x{number}") for number in range(300)]
    said = server.refused("volume", "import", ",".join(many))
    need("256" in said, f"it says {said}")
    server.stop()
    path = os.path.join(server.folder, "state", "volumes.json")
    with open(path) as f:
        state = json.load(f)
    state["volumes"].insert(0, {"name": "many", "disks": [f"file:{disk}" for disk in many], "online": True})
    with open(path, "w") as f:
        json.dump(state, f)
    server.start()
    need(volumes(server) == ["vol0"], f"volumes: {volumes(server)}")
    done = server.vcadm("status", check=False)
    need(done.returncode == 8 and "more disks than a volume can have" in done.stdout, f"{done.stdout}")
