#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Locks under torture: 5 nodes in network namespaces, 40 clients on 20 resources; clients and executives are killed, networks cut.

Each client writes into a file of the resource when it has the lock and before it gives it back, guarded by its fencing number
(lck_torture.c).  This observer reads the files afterwards: nobody wrote while another one had the lock in the same ring, and
who kept a lock through a merge was not overtaken by one that was given back before it.

    AIS_BUILD_DIR=build/dev tests/process/lck_torture.py [--seconds 300] [--seed N]
"""

import tempfile
import time
import unittest
from pathlib import Path

from support import Cluster, build_dir, can_use_namespaces, main, wait_until
from torture import NODES, Torture, options_of

CLIENT = build_dir() / "tests/lck_torture"
CLIENTS = 40
RESOURCES = 20

options = options_of(12.0)


def ring_of(number):
    """A number is 128 bits: ring 48, representative 32, count 48."""
    return number[:20]


def violations(lines, killed, has_come=lambda client, since, to: True):
    """What is wrong in one file.  A line: kind, number, client.

    B, E: begun, and about to end.  Two that have begun and not ended had the lock at once.  That is so when they were on two
    sides of a cut: their numbers are of two rings.  In one ring it must not be.  Where the sides meet one of them at most goes
    on, with a number of the new ring, and only if the other has not given it back (U) before: else both are told.
    `has_come`: the node of that client was in the ring of one number, and has come into that of the other without a new start.
    """
    found = []
    last_number = ""
    begun = {}  # client: its number
    ended = {}  # client: who had begun before it ended, and may be overtaken; its number
    given_back = {}  # client: by whom it was
    kept = {}  # ring of a merge: who had the lock before and after it
    for kind, number, client in lines:
        if kind == "U":
            others, mine = ended.pop(client, ((), ""))
            for other in others:
                given_back.get(other, []).append((client, mine))
            continue
        if number < last_number:
            found.append(f"{client} wrote with {number} after {last_number}")
        last_number = number
        if kind == "E" and client not in begun:
            found.append(f"{client} has ended with {number}, and had not begun")
        found += [f"{client} wrote {kind} with {number} while {other} had it with {others}" for other, others in begun.items()
                  if other != client and other not in killed and ring_of(others) == ring_of(number)]
        if kind == "B":
            begun[client] = number
            given_back[client] = []
        elif client in begun and ring_of(begun[client]) != ring_of(number):
            found += [f"{client} kept {begun[client]} as {number}, and {other} had given back {theirs}"
                      for other, theirs in given_back[client] if has_come(other, theirs, number)]
            if kept.setdefault(ring_of(number), client) != client:
                found.append(f"{client} and {kept[ring_of(number)]} kept the lock through one merge, as {number}")
            given_back.pop(client)
        if kind == "E":
            begun.pop(client, None)
            ended[client] = set(begun), number
        else:
            for others, _ in ended.values():
                others.discard(client)
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
        self.assertEqual(len(violations([*merged, ("E", "3" * 31 + "4", "b")], set())), 1)
        # It was overtaken, by who had given it back before the merge: then it must be lost.
        back = [("B", one, "a"), ("B", other_ring, "b"), ("E", other_ring, "b"), ("U", other_ring, "b"), ("E", "3" * 32, "a")]
        self.assertEqual(len(violations(back, set())), 1)
        self.assertEqual(violations(back, set(), lambda *_: False), [])
        # It may say so late, when the next one has begun.
        late = [("B", one, "b"), ("E", one, "b"), ("B", two, "a"), ("U", two, "b"), ("E", "3" * 32, "a")]
        self.assertEqual(violations(late, set()), [])


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class Locks(Torture):
    seed = options.seed
    slots = CLIENTS

    def command(self, _slot, name):
        return [CLIENT, self.dir, name, RESOURCES, self.chance.randrange(1 << 31)]

    def one_fault(self, away):
        what = self.chance.random()
        if what < 0.45:
            self.kill_client()
            return "client"
        if what < 0.6 and len(away) < 2:
            node = self.chance.choice([n for n in range(1, NODES + 1) if n not in away])
            self.cluster[node].kill()
            away[node] = time.monotonic() + self.chance.random()
            return "executive"
        if what < 0.85:
            self.cluster.partition(*self.random_sides())
            return "cut"
        self.cluster.heal()
        return "heal"

    def test_nobody_has_what_another_one_has(self):
        self.make_chance()
        with tempfile.TemporaryDirectory(prefix="ais-torture-") as folder, \
                Cluster(NODES, netns=True, totem="detection_time: fast") as cluster:
            self.dir = Path(folder)
            self.dir.chmod(0o777)
            cluster.start()
            cluster.wait_ring(timeout=30)
            self.begin(cluster)
            self.start_clients(CLIENTS)
            faults = self.let_things_happen()
            cluster.heal()
            cluster.wait_ring(timeout=60)
            self.settle()
            totals = [sum(map(int, column)) for column in zip(*[text.split() for text in self.stop_clients()])]
            found = []
            begun = 0
            self.logs = {}
            for path in sorted(self.dir.glob("resource-*")):
                lines = [line.split() for line in path.read_text().splitlines()]
                begun += sum(kind == "B" for kind, _, _ in lines)
                found += [f"{path.name}: {text}" for text in violations(lines, self.killed, self.has_come)]
            self.assertEqual(found, [])
            self.check_nodes()
            print(f"{faults}; {begun} times locked and written; of those that lived to the end: {totals[0]} locks, "
                  f"{totals[1]} lost, {totals[2]} numbers refused, {totals[3]} kept through a merge")
            self.assertGreater(begun, 100)

    def has_come(self, client, since, to):
        """By the log of its node."""
        def ring(number):
            return f"ring {int(number[12:20], 16)}.{int(number[:12], 16)} formed"
        log = self.logs.setdefault(self.node_of[client], self.cluster[self.node_of[client]].log())
        begin, end = log.find(ring(since)), log.find(ring(to))
        return 0 <= begin < end and "MAIN-001" not in log[begin:end]

    def let_things_happen(self):
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
        return faults

    def settle(self):
        """Whole again, each resource is locked by somebody anew: no lock is left behind."""
        sizes = {path: path.stat().st_size for path in self.dir.glob("resource-*")}
        wait_until(lambda: all(path.stat().st_size > size for path, size in sizes.items()), 60,
                   lambda: "nobody gets " + ", ".join(p.name for p, size in sizes.items() if p.stat().st_size <= size))
        self.assertEqual(len(sizes), RESOURCES)
        self.check_clients()


if __name__ == "__main__":
    main()
