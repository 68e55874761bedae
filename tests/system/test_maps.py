# SPDX-License-Identifier: Apache-2.0
"""LUN maps that change under sessions, seen by an initiator that stays logged in."""
import os

from harness import MIB, need
from iscsiclient import CHECK_CONDITION, LUNS_CHANGED, UNIT_ATTENTION, Initiator
from nfsclient import NfsClient

NOT_SUPPORTED = (CHECK_CONDITION, 5, 0x2500)
POWER_ON = (CHECK_CONDITION, UNIT_ATTENTION, 0x2900)
CHANGED = (CHECK_CONDITION, UNIT_ATTENTION, LUNS_CHANGED)


def test_writes_for_a_lun_never_land_on_another_one_that_got_its_number(test):
    server = test.server()
    server.create_lun("/vol/vol0/other", 16 * MIB, number=0)
    server.create_lun("/vol/vol0/a", 16 * MIB, number=3)
    server.vcadm("lun", "create", "/vol/vol0/b", "--size", 16 * MIB)
    lun, other = Initiator(server, 3), Initiator(server, 0)
    for initiator in (lun, other):
        while initiator.ready():
            pass
    data = os.urandom(MIB)
    need(lun.write(0, data) is None, "the first write failed")
    server.vcadm("lun", "unmap", "/vol/vol0/a", "--igroup", "clients")
    need(lun.write(0, data) == NOT_SUPPORTED, "a write to a number that is nobody's")
    server.vcadm("lun", "map", "/vol/vol0/b", "--igroup", "clients", "--lun", 3)
    for _ in range(8):
        answer = lun.write(0, data)
        need(answer == NOT_SUPPORTED, f"a write to a number that is another LUN's: {answer}")
    need(other.ready() == CHANGED, "the other LUN did not say that LUNs have changed")
    need(lun.luns() == [0, 3], "REPORT LUNS")
    need(lun.ready() == POWER_ON, "the new LUN under the number began without POWER ON")
    need(lun.read(0, MIB) == (None, bytes(MIB)), "something was written to the new LUN")
    fresh = Initiator(server, 3)
    while fresh.ready():
        pass
    need(fresh.write(0, data) is None, "who logged in anew may not write")
    for initiator in (lun, other, fresh):
        initiator.close()


def test_a_lun_goes_by_its_new_path_when_its_directory_is_renamed(test):
    server = test.server()
    client = NfsClient(server)
    client.mkdir("/before")
    server.create_lun("/vol/vol0/before/disk", 16 * MIB, number=4)
    lun = Initiator(server, 4)
    while lun.ready():
        pass
    need(lun.write(0, os.urandom(MIB)) is None and lun.write(8 * MIB, os.urandom(MIB)) is None, "the first writes failed")
    server.vcadm("snapshot", "create", "vol0", "s1")
    server.create_lun("/vol/vol0/before/copy", backing="/vol/vol0/.snapshot/s1/before/disk", number=5)
    server.vcadm("lun", "clone", "start", "/vol/vol0/before/copy", "--rate", "64k")
    job = server.vcadm("job", "list", "-o", "name").stdout
    client.rename("/before", "/after")
    for words in (("lun", "map", "list"), ("lun", "list")):
        listed = server.vcadm(*words).stdout
        need("/vol/vol0/after/disk" in listed and "/before/" not in listed, f"{' '.join(words)}: {listed}")
    need(server.clone_state("/vol/vol0/after/copy") == "running", "the clone does not go on under its new path")
    need(server.vcadm("job", "list", "-o", "name").stdout == job, "the clone has another job")
    while lun.ready() == CHANGED:
        pass
    need(lun.write(0, os.urandom(MIB)) is None, "the session lost its LUN")
    server.vcadm("lun", "unmap", "/vol/vol0/after/disk", "--igroup", "clients")
    need(lun.ready() == NOT_SUPPORTED, "it is still mapped")
    lun.close()
    client.close()
