# SPDX-License-Identifier: Apache-2.0
"""Lists are whole in vcadm, however long they are; the server gives them in pages, and to who has a page only when it has changed."""
import concurrent.futures
import http.client
import json

from harness import MIB, need
from page import Page

N_LUNS = 1003


def test_a_list_of_more_than_a_thousand_is_whole_in_every_form(test):
    server = test.server(release=True)
    head = {"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"}
    names = [f"/vol/vol0/lun{number:04}" for number in range(N_LUNS)]

    def make(some):
        connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=60)
        for name in some:
            connection.request("POST", "/api/v1/storage/luns", json.dumps({"path": name, "size": 1 << 20, "reserved": False}), head)
            answer = connection.getresponse()
            text = answer.read().decode()
            need(answer.status == 201, f"{name}: {answer.status} {text}")
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:  # changes that come together are painted together
        list(pool.map(make, (names[first::16] for first in range(16))))
    need(sorted(server.vcadm("lun", "list", "-o", "name").stdout.split()) == names, "-o name is cut")
    whole = server.vcadm_json("lun", "list")
    need(whole["num_records"] == len(whole["records"]) == N_LUNS and "next" not in whole, f"-o json says {whole['num_records']}")
    need(sum("/vol/vol0/lun" in line for line in server.vcadm("lun", "list").stdout.splitlines()) == N_LUNS, "the table is cut")
    page = Page(test, server.page_url)
    page.waits_for("the page shows the first of them", f"document.body?.innerText.includes('100 of {N_LUNS}')", 60)
    page.run("[...document.querySelectorAll('button')].find((b) => b.textContent === 'Show all').click()")
    page.waits_for("the page shows all of them", f"document.querySelectorAll('[aria-labelledby=luns] tbody tr').length === {N_LUNS}", 60)
    page.close()


def look(server, etag=None):
    """Status, tag and length of the list of LUNs."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=60)
    connection.request("GET", "/api/v1/storage/luns", headers={"Authorization": f"Bearer {server.token}", **({"If-None-Match": etag} if etag else {})})
    answer = connection.getresponse()
    length = len(answer.read())
    connection.close()
    return answer.status, answer.getheader("ETag"), length


def test_a_list_that_has_not_changed_is_not_sent_again(test):
    server = test.server()
    server.create_lun("/vol/vol0/a", MIB)
    status, etag, length = look(server)
    need(status == 200 and etag and length > 0, f"the first time: {status} {etag} {length}")
    need(look(server, etag) == (304, etag, 0), f"the second time: {look(server, etag)}")
    server.create_lun("/vol/vol0/b", MIB)
    status, later, length = look(server, etag)
    need(status == 200 and later != etag and length > 0, f"with one more: {status} {later} {length}")
