# SPDX-License-Identifier: Apache-2.0
"""Hot spares: a lost disk is replaced by itself while clients are served, at any time of the server's life."""
import json
import os
import time

from harness import MIB, need, records, run, wait_until
from page import Page

SIZE = 64 * MIB


def disk_states(server):
    return [disk for group in records(server.vcadm_json("raid", "show", "vol0")) for disk in group["disks"]]


def spares(server):
    return {os.path.basename(spare["name"]): spare["state"] for spare in records(server.vcadm_json("raid", "spare", "list"))}


def fill(test, server):
    server.create_lun("/vol/vol0/test", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 2, "--depth", 8, "--writes", 90))
    run(server.helper("system/nfstree"), "write", server.nfs_url(), 200, 9)


def verify(test, server, *words):
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify", *words))
    run(server.helper("system/nfstree"), "verify", server.nfs_url(), 200, 9, "--all")


def path_of(server, name):
    return os.path.join(server.folder, "disks", name)


def add(server, name, *words):
    server.vcadm("raid", "spare", "add", path_of(server, name), "--disk-size", "1g", *words)


def is_in(server, position, name):
    disk = disk_states(server)[position]
    return os.path.basename(disk["name"]) == name and disk["state"] == "online"


def events(server, kind):
    return [event["text"] for event in records(server.vcadm_json("event", "list")) if event["event"] == kind]


def each_disk_is_once(server):
    """No disk in two places: volumes and spares together name each one once, and the files agree."""
    with open(os.path.join(server.folder, "state", "volumes.json"), encoding="utf-8") as f:
        taken = [url for volume in json.load(f)["volumes"] for url in volume["disks"]]
    names = [disk["name"] for disk in disk_states(server)] + [s["name"] for s in records(server.vcadm_json("raid", "spare", "list"))]
    need(len(set(names)) == len(names), f"a disk in two places: {names}")
    need(len(set(taken)) == len(taken), f"a disk twice in volumes.json: {taken}")
    need(all(url in taken for url in (d["name"] for d in disk_states(server))), "a member is not remembered")


def test_a_spare_serves_at_the_next_start(test):
    server = test.server()
    fill(test, server)
    add(server, "s1")
    need("is a hot spare" in server.refused("volume", "create", "other", "--raid-group", f"{path_of(server, 's1')},x", "--disk-size", "1g"),
         "a spare was taken for a volume")
    server.stop()
    os.unlink(server.disks[2])
    server.start()
    wait_until("s1 has the place", lambda: is_in(server, 2, "s1"), 120, 0.3)
    verify(test, server)
    each_disk_is_once(server)
    server.stop()
    server.start()
    need(spares(server) == {} and is_in(server, 2, "s1"), "not as it was after a restart")


def test_kills_at_any_time_of_the_taking(test):
    server = test.server()
    fill(test, server)
    places = [os.path.basename(disk) for disk in server.disks]
    for i, wait in enumerate((0.3, 0.9, 1.3)):
        lost = i % len(places)
        new = f"k{i}"
        add(server, new)
        writer = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 60, "--depth", 4))
        os.unlink(path_of(server, places[lost]))
        wait_until("it is lost", lambda: disk_states(server)[lost]["state"] != "online", 30, 0.05)
        time.sleep(wait)
        server.kill()
        test.finish(writer)
        server.start()
        wait_until(f"{new} has the place", lambda: is_in(server, lost, new), 120, 0.3)
        places[lost] = new
        wait_until("it is no spare any more", lambda: spares(server) == {}, 30, 0.2)
        each_disk_is_once(server)
        verify(test, server, "--crash")


def test_a_spare_that_does_not_do_is_said_and_the_next_one_is_taken(test):
    server = test.server()
    fill(test, server)
    add(server, "s1")
    add(server, "s2")
    with open(path_of(server, "s1"), "r+b") as f:
        f.write(b"overwritten" * 1000)
    need(spares(server) == {"s1": "broken", "s2": "spare"}, f"{spares(server)}")
    status = server.vcadm("status", check=False)
    need(status.returncode == 8 and "hot spare cannot be used" in status.stdout, status.stdout)
    os.unlink(server.disks[0])
    wait_until("s2 has the place", lambda: is_in(server, 0, "s2"), 120, 0.3)
    server.vcadm("raid", "spare", "remove", path_of(server, "s1"))
    # the disk that took the place fails in its turn
    add(server, "s3")
    add(server, "s4")
    os.unlink(server.disks[1])
    wait_until("s3 is rebuilt", lambda: os.path.basename(disk_states(server)[1]["name"]) == "s3", 60, 0.05)
    os.unlink(path_of(server, "s3"))
    wait_until("s4 has the place", lambda: is_in(server, 1, "s4"), 120, 0.3)
    verify(test, server)
    each_disk_is_once(server)
    # nothing left: the status says so, and which verb mends it
    os.unlink(server.disks[2])
    wait_until("degraded", server.degraded, 60, 0.5)
    status = server.vcadm("status", check=False).stdout
    need("there is no hot spare" in status and "vcadm raid replace vol0" in status, status)


def test_the_page_shows_disks_and_what_mends_them(test):
    server = test.server()
    page = Page(test, server.page_url)
    row = "[...document.querySelectorAll('section[aria-labelledby=disks] tbody tr')].find((tr) => tr.innerText.includes('{}'))"

    def press(label):
        page.waits_for(label, f"document.querySelector('main [aria-label^=\"{label}\"]') !== null")
        page.run(f"document.querySelector('main [aria-label^=\"{label}\"]').click()")

    def fill_in(**values):
        page.waits_for("the dialog", "document.querySelector('dialog[open]') !== null")
        for name, value in values.items():
            page.waits_for(name, f"document.querySelector('dialog[open] [name={name}]') !== null")
            page.run(f"document.querySelector('dialog[open] [name={name}]').value = '{value}'")
        page.run("document.querySelector('dialog[open] form').requestSubmit()")
        page.waits_for("the dialog closes", "document.querySelector('dialog[open]') === null")

    def shows(name, text):
        page.waits_for(f"{name}: {text}", f"{row.format(name)}?.innerText.includes('{text}')", 60)

    page.waits_for("the disks", f"{row.format('p0')}?.innerText.includes('parity')")
    page.run("[...document.querySelectorAll('section[aria-labelledby=disks] button')].find((b) => b.innerText === 'New hot spare').click()")
    fill_in(disk=path_of(server, "s1"), size="1g")
    shows("s1", "hot spare")
    press(f"Call file:{server.disks[1]} failed")
    fill_in()
    shows("s1", "0.1")  # it has the place
    wait_until("s1 is rebuilt", lambda: is_in(server, 1, "s1"), 120, 0.3)
    press(f"Call file:{server.disks[2]} failed")
    fill_in()
    shows("d2", "failed")
    page.photograph(test.path("disks.png"))
    press(f"Take back file:{server.disks[2]}")
    fill_in()
    shows("d2", "online")
    os.unlink(server.disks[0])
    shows("d0", "failed")
    press(f"Replace file:{server.disks[0]}")
    fill_in(**{"with": path_of(server, "n0")})
    shows("n0", "online")
    press("Scrub vol0")
    page.waits_for("the scrub has found nothing", "document.querySelector('section[aria-labelledby=scrubs]').innerText.includes('nothing wrong')", 60)
    need(not page.errors, f"{page.errors}")
    page.close()
