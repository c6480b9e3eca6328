# SPDX-License-Identifier: BSD-3-Clause
"""What the tortures share: five nodes in namespaces, clients that are killed and begun anew, faults, and options."""

import argparse
import random
import signal
import subprocess
import sys
import unittest

from support import Failure

NODES = 5


def options_of(seconds):
    """--seed and --seconds; the rest is unittest's.  `seconds`: of the short form, which runs in ctest."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=seconds)
    known, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    return known


class Torture(unittest.TestCase):
    """A subclass sets `seed` and has command(slot, name), which gives what to run."""

    seed = None
    slots = 0

    def begin(self, cluster):
        self.cluster = cluster
        self.killed = set()
        self.node_of = {}
        self.count = 0
        self.clients = []
        self.addCleanup(lambda: [p.kill() for _, p in self.clients if p.poll() is None])

    def start_clients(self, end):
        """Of the slots up to this one."""
        self.clients += [self.start_client(slot) for slot in range(len(self.clients), end)]

    def make_chance(self):
        self.seed = self.seed if self.seed is not None else random.randrange(1 << 32)
        self.chance = random.Random(self.seed)
        print(f"\nseed {self.seed}")

    def start_client(self, slot):
        self.count += 1
        name = f"client-{self.count}"
        self.node_of[name] = self.node_for(slot)
        process = self.cluster.run(self.node_of[name], [str(word) for word in self.command(slot, name)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return name, process

    def node_for(self, slot):
        return slot % NODES + 1

    def check_clients(self):
        for name, process in self.clients:
            if process.poll() is not None:
                raise Failure(f"{name} ended with {process.returncode}: {process.stderr.read()}")

    def kill_client(self):
        slot = self.chance.randrange(self.slots)
        name, process = self.clients[slot]
        self.check_clients()
        process.kill()
        process.communicate()
        self.killed.add(name)
        self.clients[slot] = self.start_client(slot)

    def random_sides(self):
        numbers = list(range(1, NODES + 1))
        self.chance.shuffle(numbers)
        at = self.chance.randrange(1, NODES)
        return numbers[:at], numbers[at:]

    def stop_clients(self):
        """What each has printed."""
        for _, process in self.clients:
            process.send_signal(signal.SIGTERM)
        texts = []
        for name, process in self.clients:
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (0, ""), name)
            texts.append(out)
        return texts

    def check_nodes(self):
        for node in self.cluster.nodes:
            self.assertTrue(node.is_running(), node.log()[-2000:])
