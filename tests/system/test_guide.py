# SPDX-License-Identifier: Apache-2.0
"""The guide of disks is run: every command of its console blocks, on a real server under load, must answer what the page says.

In a block, "$ " begins a command, and what follows is its answer: "..." stands for anything within a line, a line of it for any number of
lines, and runs of spaces count as one. A block after <!-- until --> is something that happens: it is tried again until it is so.
/srv/disks is a folder of the test.
"""
import os
import re
import subprocess

from harness import MIB, ROOT, need, run, wait_until

SIZE = 128 * MIB
BLOCK = re.compile(r"^(<!-- until -->\n)?```console\n(.*?)^```$", re.M | re.S)
SECONDS = 120


def pattern(answer):
    """What an answer must look like, its spaces made one."""
    lines = []
    for line in answer:
        parts = [re.escape(part) for part in re.sub(r" +", " ", line).split("...")]
        lines.append(r"(?:.*\n)*?" if line == "..." else ".*".join(parts) + r" ?\n")
    return re.compile("".join(lines))


def commands_of(block):
    """[(command, answer's lines)]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


class Reader:
    """Who follows the page."""

    def __init__(self, test, server):
        self.folder = os.path.join(server.folder, "disks")
        self.env = dict(os.environ, PATH=f"{server.clients}:{os.environ['PATH']}", VCADM_SERVER=server.admin)

    def says(self, command):
        done = subprocess.run(["bash", "-c", command.replace("/srv/disks", self.folder)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=self.env, timeout=600, check=False)
        return re.sub(r" +", " ", done.stdout.replace(self.folder, "/srv/disks"))

    def follow(self, block, until):
        for command, answer in commands_of(block):
            said = []

            def as_written():
                said[:] = [self.says(command)]
                return pattern(answer).fullmatch(said[0])

            if until:
                try:
                    wait_until(command, as_written, SECONDS, 0.3)
                    continue
                except AssertionError:
                    pass
            elif as_written():
                continue
            raise AssertionError(f"the guide says of\n$ {command}\n" + "\n".join(answer) + f"\nand it says\n{said[0]}")


def test_the_guide_of_disks_is_true(test):
    server = test.server(start=False)
    server.start()
    reader = Reader(test, server)
    with open(os.path.join(ROOT, "docs", "GUIDE", "disks.md"), encoding="utf-8") as f:
        blocks = BLOCK.findall(f.read())
    need(len(blocks) > 10, "no blocks in the guide")
    reader.follow(blocks[0][1], False)
    server.create_lun("/vol/vol0/vm1", SIZE, number=0)
    run(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 3, "--depth", 8, "--writes", 90))
    writer = test.spawn(*test.stress(server, 0, test.path("state"), SIZE, "--seconds", 600, "--depth", 2))
    for until, block in blocks[1:]:
        reader.follow(block, bool(until))
    writer.terminate()
    status, out, err = test.finish(writer)
    need(status == 0, f"the initiator noticed: status {status}\n{out}{err}")
    scrub = server.vcadm_json("raid", "scrub", "status", "vol0")
    need(scrub["repaired"] > 0 and scrub["lost"] == 0, f"the scrub of the guide found nothing: {scrub}")
    run(*test.stress(server, 0, test.path("state"), SIZE, "--verify"))
