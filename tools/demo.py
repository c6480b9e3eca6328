#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stateful failover, the reason this system exists.

Three executives on this machine form a ring with encryption on.  A ledger
(examples/ledger) runs active on one node and standby on another; a client on the third streams transfers as fast
as answers come, and checks every one.  Then the active node, executive and server, is killed with SIGKILL under
load; the standby resumes from the checkpoint; the killed node comes back as standby; and again.

Exit status 0 only if the client saw every answer exactly once, in order, and right.
"""

import argparse
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from aiscluster import Cluster, Failure, wait_until  # noqa: E402

CLIENT_NODE = 3
SERVER_NODES = (1, 2)


class Server:
    """One run of ledger_server and what it has said."""

    def __init__(self, cluster, node, run):
        self.node = node
        self.output = cluster.dir / f"server.{node}.{run}"
        self.file = open(self.output, "wb")
        self.process = cluster.run(node, [str(cluster.build / "bin/ledger_server")], stdout=self.file,
                                   stderr=subprocess.STDOUT)

    def text(self):
        return self.output.read_text(errors="replace")

    def is_active(self):
        return "active: node" in self.text()

    def is_ready(self):
        return self.is_active() or "standby: node" in self.text()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.file.close()


class Demonstration:
    def __init__(self, cluster, kills):
        self.cluster = cluster
        self.kills = kills
        self.began = time.monotonic()
        self.servers = {}
        self.runs = 0
        self.client_output = cluster.dir / "client"

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.2f} s] {text}", flush=True)

    def start_server(self, node):
        self.runs += 1
        self.servers[node] = Server(self.cluster, node, self.runs)
        wait_until(self.servers[node].is_ready, 20, f"the server of node {node}")

    def active(self):
        for node, server in self.servers.items():
            if server.is_active():
                return node
        return None

    def gaps(self):
        """(milliseconds, node that answers since) of each pause that the client saw."""
        found = re.findall(r"gap ([0-9.]+) ms, node (\d+) answers after node (\d+)", self.client_output.read_text())
        return [(float(ms), int(node)) for ms, node, before in found if node != before]

    def answers(self):
        counts = re.findall(r"so far (\d+)", self.client_output.read_text())
        return int(counts[-1]) if counts else 0

    def wait_answers(self, more):
        goal = self.answers() + more
        wait_until(lambda: self.answers() >= goal or self.client.poll() is not None, 60, f"{more} answers")
        if self.client.poll() is not None:
            raise Failure("the client has given up: " + self.client_output.read_text())

    def fail_over(self):
        """Kill the active node; the time that the client waited for its first answer after that."""
        active = self.active()
        before = len(self.gaps())
        self.cluster[active].kill()
        self.servers.pop(active).kill()
        standby = next(iter(self.servers))
        wait_until(lambda: self.servers[standby].is_active(), 20, f"node {standby} to take over")
        wait_until(lambda: len(self.gaps()) > before or self.client.poll() is not None, 20, "an answer after the failover")
        if self.client.poll() is not None:
            raise Failure("the client has given up: " + self.client_output.read_text())
        waited, node = self.gaps()[-1]
        self.say(f"node {active} killed with SIGKILL: node {node} answers after {waited:.0f} ms")
        self.cluster[active].start()
        self.cluster.wait_ring(timeout=20)
        self.start_server(active)
        return waited

    def run(self, answers):
        cluster = self.cluster
        self.say("starting three executives, encryption on")
        cluster.start()
        cluster.wait_ring()
        for node in SERVER_NODES:
            self.start_server(node)
        self.say(f"ledger: active on node {self.active()}, standby on node "
                 f"{next(n for n in SERVER_NODES if n != self.active())}")
        with open(self.client_output, "wb") as output:
            self.client = cluster.run(CLIENT_NODE, [str(cluster.build / "bin/ledger_client"), "3600"],
                                      stdout=output, stderr=subprocess.STDOUT)
        self.say(f"a client on node {CLIENT_NODE} streams transfers and checks every answer")
        waits = []
        for _ in range(self.kills):
            self.wait_answers(answers)
            waits.append(self.fail_over())
        self.client.send_signal(signal.SIGTERM)
        status = self.client.wait(timeout=60)
        last = self.client_output.read_text().splitlines()[-1]
        self.say(f"client: {last}")
        print(f"\nfailover, last answer before to first answer after, {len(waits)} times: "
              f"median {statistics.median(waits):.0f} ms, longest {max(waits):.0f} ms")
        held = status == 0 and last.startswith("answers ")
        print("every answer came once, in order and right" if held else "it did NOT hold")
        return held


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=3, help="how often the active node is killed (default 3)")
    parser.add_argument("--answers", type=int, default=2000, help="how many answers between two kills (default 2000)")
    options = parser.parse_args()
    with Cluster(3) as cluster:
        held = Demonstration(cluster, options.kills).run(options.answers)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"demo: {failure}")
