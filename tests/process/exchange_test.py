#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A large state moves to a node that joins, while the executives go on.

AIS_EXCHANGE_MIB=500 python3 exchange_test.py prints figures of a larger one: seconds, MB/s, the longest time that the
executive took to answer its operator (its loop answers between two turns), and the longest call of a client.
"""

import json
import os
import re
import socket
import subprocess
import threading
import time
import unittest

from support import Cluster, build_dir, main, wait_until

SIZE = int(os.environ.get("AIS_EXCHANGE_MIB", "64"))
PLUGINS = build_dir() / "tests/replacements/base"
COUNTER = build_dir() / "tests/counter_load"


class Lines:
    """What a program prints, as it comes."""

    def __init__(self, stream):
        self.all = []
        threading.Thread(target=lambda: self.all.extend(iter(stream.readline, "")), daemon=True).start()


class Pulse:
    """Asks one executive for its plugins, over and over: the longest answer bounds its longest turn."""

    def __init__(self, node):
        self.longest = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(node,))
        self.thread.start()

    def _run(self, node):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(node.run_dir / "control"))
            while not self.over.is_set():
                begun = time.monotonic()
                raw.sendall(b'{"do":"plugin.list"}\n')
                while not raw.recv(65536).endswith(b"\n"):
                    pass
                self.longest = max(self.longest, time.monotonic() - begun)
                self.over.wait(0.002)

    def end(self):
        self.over.set()
        self.thread.join()
        return self.longest


def ask(node, what):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(str(node.run_dir / "control"))
        raw.sendall(json.dumps({"do": what}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += raw.recv(1 << 20)
        return json.loads(answer)["result"]


def bulk(node):
    return re.search(r"bulk of .*", ask(node, "dump")).group(0)


class Exchange(unittest.TestCase):
    def test_a_large_state_moves_and_the_ring_stays(self):
        with Cluster(2) as cluster:
            for node in cluster.nodes:
                node.extra_arguments = ["--plugin-dir", str(PLUGINS), "--plugin", "bulk,counter"]
            cluster[1].config.write_text(cluster[1].config.read_text() + f"\nbulk {{\n    size_mib: {SIZE}\n}}\n")
            cluster[1].start()
            wait_until(lambda: (cluster[1].run_dir / "control").exists() and ask(cluster[1], "status")["sync"]["synced"],
                       60, "node 1 alone")
            load = cluster.run(1, [str(COUNTER), "apples", "100000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            load.stdout.readline()  # it is at work
            lines = Lines(load.stdout)
            pulse = Pulse(cluster[1])
            cluster[2].start()
            cluster[2].wait_log(r"SYNC-001 ", timeout=30)
            begun = time.monotonic()
            wait_until(lambda: bulk(cluster[2]) == bulk(cluster[1]) and not bulk(cluster[2]).startswith("bulk of 0 "), 300,
                       lambda: f"equal: {ask(cluster[2], 'status')['sync']['state']}", poll=0.05)
            took = time.monotonic() - begun
            longest = pulse.end()
            seen = len(lines.all)
            wait_until(lambda: len(lines.all) > seen + 1, 30, "the call that waited is over, and counted")
            call = float(lines.all[-1].split()[1])
            status = ask(cluster[1], "status")
            self.assertEqual(status["sync"]["exchanges"], 1)
            self.assertEqual(len(cluster[2].rings()), len([r for r in cluster[1].rings() if len(r[2]) == 2]),
                             "the ring held while the state moved")
            ended = re.search(r"SYNC-007 .*", cluster[2].log())
            print(f"\n{SIZE} MiB: {took:.2f} s seen from outside; {ended.group(0) if ended else ''}; longest answer of node 1's "
                  f"loop {1e3 * longest:.1f} ms; longest call of a client {call:.1f} ms; tokens lost {status['totem']['token_losses']}")
            load.kill()


if __name__ == "__main__":
    main()
