#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Locks under torture: 5 nodes in network namespaces, 40 clients on 20 resources; clients and executives are killed, networks cut.

Each client writes into a file of the resource when it has the lock and before it gives it back, guarded by its fencing number
(lck_torture.c).  This observer reads the files afterwards: nobody wrote while another one had the lock in the same ring.

    AIS_BUILD_DIR=build/dev tests/process/lck_torture.py [--seconds 300] [--seed N]
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from support import Cluster, Failure, build_dir, can_use_namespaces, main, wait_until

CLIENT = build_dir() / "tests/lck_torture"
NODES = 5
CLIENTS = 40
RESOURCES = 20

options = argparse.Namespace(seed=None, seconds=12.0)


def ring_of(number):
    """A number is 128 bits: ring 48, representative 32, count 48."""
    return number[:20]


def violations(lines, killed):
    """What is wrong in one file.  A line: kind, number, client.

    Two that have begun and not ended had the lock at once.  That is so when they were on two sides of a cut, and one of them
    has lost it then: their numbers are of two rings.  In one ring it must not be.
    """
    found = []
    last_number = ""
    begun = {}  # client: its last number
    for kind, number, client in lines:
        if number < last_number:
            found.append(f"{client} wrote with {number} after {last_number}")
        last_number = number
        if kind == "E" and client not in begun:
            found.append(f"{client} has ended with {number}, and had not begun")
        found += [f"{client} wrote {kind} with {number} while {other} had it with {others}" for other, others in begun.items()
                  if other != client and other not in killed and ring_of(others) == ring_of(number)]
        if kind == "B":
            begun[client] = number
        else:
            begun.pop(client, None)
    return found


class Observer(unittest.TestCase):
    """It would see it."""

    def test_two_at_a_time_are_seen(self):
        one, two, other_ring = "1" * 20 + "0" * 12, "1" * 20 + "5" * 12, "2" * 20 + "0" * 12
        good = [("B", one, "a"), ("E", one, "a"), ("B", two, "b"), ("B", other_ring, "c")]
        self.assertEqual(violations(good, set()), [])
        bad = [("B", one, "a"), ("B", two, "b")]
        self.assertEqual(len(violations(bad, set())), 1)
        self.assertEqual(violations(bad, {"a"}), [])
        self.assertEqual(len(violations([("B", two, "b"), ("E", two, "b"), ("B", one, "a")], set())), 1)
        self.assertEqual(len(violations([("E", one, "a")], set())), 1)
        # The winner of a merge goes on with a number of the new ring; the loser must not.
        merged = [("B", one, "a"), ("B", other_ring, "b"), ("E", "3" * 32, "a")]
        self.assertEqual(violations(merged, set()), [])
        self.assertEqual(len(violations([*merged[:2], ("B", "3" * 32, "a"), ("E", "3" * 32, "b")], set())), 1)


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class Torture(unittest.TestCase):
    def start_client(self, slot):
        self.count += 1
        name = f"client-{self.count}"
        node = slot % NODES + 1
        process = self.cluster.run(node, [str(CLIENT), str(self.dir), name, str(RESOURCES), str(self.chance.randrange(1 << 31))],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return name, process

    def check_clients(self):
        for name, process in self.clients:
            if process.poll() is not None:
                raise Failure(f"{name} ended with {process.returncode}: {process.stderr.read()}")

    def one_fault(self, away):
        what = self.chance.random()
        if what < 0.45:
            slot = self.chance.randrange(CLIENTS)
            name, process = self.clients[slot]
            self.check_clients()
            process.kill()
            process.communicate()
            self.killed.add(name)
            self.clients[slot] = self.start_client(slot)
            return "client"
        if what < 0.6 and len(away) < 2:
            node = self.chance.choice([n for n in range(1, NODES + 1) if n not in away])
            self.cluster[node].kill()
            away[node] = time.monotonic() + self.chance.random()
            return "executive"
        if what < 0.85:
            numbers = list(range(1, NODES + 1))
            self.chance.shuffle(numbers)
            at = self.chance.randrange(1, NODES)
            self.cluster.partition(numbers[:at], numbers[at:])
            return "cut"
        self.cluster.heal()
        return "heal"

    def test_nobody_has_what_another_one_has(self):
        seed = options.seed if options.seed is not None else random.randrange(1 << 32)
        self.chance = random.Random(seed)
        self.count = 0
        self.killed = set()
        print(f"\nseed {seed}")
        with tempfile.TemporaryDirectory(prefix="ais-torture-") as folder, \
                Cluster(NODES, netns=True, totem="detection_time: fast") as self.cluster:
            self.dir = Path(folder)
            self.dir.chmod(0o777)
            self.cluster.start()
            self.cluster.wait_ring(timeout=30)
            self.clients = [self.start_client(slot) for slot in range(CLIENTS)]
            self.addCleanup(lambda: [p.kill() for _, p in self.clients if p.poll() is None])
            away = {}
            faults = {}
            end = time.monotonic() + options.seconds
            while time.monotonic() < end:
                kind = self.one_fault(away)
                faults[kind] = faults.get(kind, 0) + 1
                # Not a wait: how long this state of the cluster lasts.
                time.sleep(0.05 + 0.8 * self.chance.random() ** 2)
                for node in [n for n, at in away.items() if at < time.monotonic()]:
                    del away[node]
                    self.cluster[node].start()
                self.check_clients()
            for node in away:
                self.cluster[node].start()
            self.cluster.heal()
            self.cluster.wait_ring(timeout=60)
            self.settle()
            totals = self.stop_clients()
            found = []
            begun = 0
            for path in sorted(self.dir.glob("resource-*")):
                lines = [line.split() for line in path.read_text().splitlines()]
                begun += sum(kind == "B" for kind, _, _ in lines)
                found += [f"{path.name}: {text}" for text in violations(lines, self.killed)]
            self.assertEqual(found, [])
            for node in self.cluster.nodes:
                self.assertTrue(node.is_running(), node.log()[-2000:])
            print(f"{faults}; {begun} times locked and written; of those that lived to the end: {totals[0]} locks, "
                  f"{totals[1]} lost, {totals[2]} numbers refused")
            self.assertGreater(begun, 100)

    def settle(self):
        """Whole again, each resource is locked by somebody anew: no lock is left behind."""
        sizes = {path: path.stat().st_size for path in self.dir.glob("resource-*")}
        wait_until(lambda: all(path.stat().st_size > size for path, size in sizes.items()), 60,
                   lambda: "nobody gets " + ", ".join(p.name for p, size in sizes.items() if p.stat().st_size <= size))
        self.assertEqual(len(sizes), RESOURCES)
        self.check_clients()

    def stop_clients(self):
        totals = [0, 0, 0]
        for _, process in self.clients:
            process.send_signal(signal.SIGTERM)
        for name, process in self.clients:
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (0, ""), name)
            totals = [a + int(b) for a, b in zip(totals, out.split())]
        return totals


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=12.0)
    options, sys.argv[1:] = parser.parse_known_args()
    main()
