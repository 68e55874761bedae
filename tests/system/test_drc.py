# SPDX-License-Identifier: Apache-2.0
"""A reply that is lost: the client connects again, sends the call again, and must be told what the first one did. Without a duplicate request cache a
mkdir says "File exists", and rm, mv and rmdir say that there is no such file, each though it was done."""
import errno
import itertools
import threading

from harness import need
from nfsclient import NfsClient, NfsError
from test_nfs import refused

CHANGES = ("mkdir", "create", "symlink", "link", "rename", "setattr", "remove", "rmdir", "mknod")


def changes(client, at):
    """Every procedure that is not idempotent, each of which would fail the second time; what is left is `at`/kept alone."""
    client.mkdir(f"{at}")
    client.mkdir(f"{at}/dir")
    client.create(f"{at}/file").close()
    client.symlink("target", f"{at}/link")
    client.link(f"{at}/file", f"{at}/hard")
    client.rename(f"{at}/hard", f"{at}/dir/moved")
    client.chmod(f"{at}/file", 0o600)
    client.mknod(f"{at}/fifo")
    client.unlink(f"{at}/dir/moved")
    client.unlink(f"{at}/link")
    client.unlink(f"{at}/fifo")
    client.rmdir(f"{at}/dir")
    client.rename(f"{at}/file", f"{at}/kept")


def metric(server, name):
    return int(next(float(line.split()[-1]) for line in server.fetch("/metrics").splitlines() if line.startswith(f"{name} ")))


def lossy(test, server, **how):
    """A client behind a proxy that loses the first reply of every change."""
    proxy = test.proxy(server)
    client = NfsClient(server, port=proxy.port, reconnect=True)
    proxy.start(CHANGES, **how)
    return proxy, client


def need_done(server, proxy, at):
    for name in CHANGES:
        need(proxy.lost[name] > 0, f"no reply of {name} was lost")
    plain = NfsClient(server)
    need(plain.list(at) == ["kept"], f"left over: {plain.list(at)}")
    plain.close()


def test_a_change_whose_reply_is_lost_is_made_once(test):
    server = test.server()
    proxy, client = lossy(test, server)
    changes(client, "/a")
    client.close()
    need_done(server, proxy, "/a")
    hits = metric(server, "vc_nfs_drc_hits_total")
    need(hits >= sum(proxy.lost.values()), f"{hits} hits for {proxy.lost}")
    need(metric(server, "vc_nfs_drc_kept") > 0, "nothing is kept")


def test_a_change_that_is_sent_again_while_it_is_under_way_is_made_once(test):
    server = test.server()
    proxy, client = lossy(test, server, how="call")
    for number in range(20):
        changes(client, f"/a{number}")
    client.close()
    for number in range(20):
        need_done(server, proxy, f"/a{number}")


def test_a_change_is_made_once_though_the_server_goes_down_in_between(test):
    """Killed, or stopped, when the change is made and nobody knows it; what the new one says is what the old one would have said."""
    server = test.server()
    turns = itertools.count()

    def go_down():
        if next(turns) % 2:
            server.stop()
            server.start()
        else:
            server.restart_after_kill()

    proxy, client = lossy(test, server, between=go_down)
    changes(client, "/a")
    client.close()
    need_done(server, proxy, "/a")
    need(next(turns) == sum(proxy.lost.values()) >= 10, f"{proxy.lost}")


def test_many_clients_that_lose_replies_see_each_its_own(test):
    server = test.server()
    problems = []

    def churn(number):
        try:
            _, client = lossy(test, server, how=("reply", "call")[number % 2])
            for turn in range(5):
                changes(client, f"/c{number}.{turn}")
            client.close()
        except (NfsError, AssertionError) as error:
            problems.append(f"client {number}: {error}")

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    need(not problems, "\n".join(problems))
    plain = NfsClient(server)
    need(all(plain.list(f"/c{number}.{turn}") == ["kept"] for number in range(8) for turn in range(5)), "something is left over")
    plain.close()


def test_without_the_cache_a_lost_reply_is_an_error(test):
    """What the proxy does is what makes the difference."""
    server = test.server(settings="nfs_drc=0\n")
    _, client = lossy(test, server)
    refused(errno.EEXIST, lambda: client.mkdir("/dir"))
    refused(errno.ENOENT, lambda: client.rmdir("/dir"))
    need(metric(server, "vc_nfs_drc_misses_total") == 0, "it is there")
    client.close()
