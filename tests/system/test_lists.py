# SPDX-License-Identifier: Apache-2.0
"""vcadm's lists are whole, however long they are, and the server gives them in pages."""
import concurrent.futures
import http.client
import json

from harness import need

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
