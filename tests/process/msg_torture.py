#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A work queue under torture: 5 nodes in network namespaces, 5 producers, 10 consumers of a group of 10 queues.

Clients and executives are killed, networks cut.  Clients write down what they send and get (msg_torture.c); the observer counts by
docs/protocol/msg.md.  Times of trouble go from the first fault of nodes or networks until the ring is whole again.

* Each job that was sent with OK is got, and none that nobody tried to send.
* It is got twice only if the first getter's executive was killed after it and before the getter got another one, or if both
  gets are in one time of trouble, and not through one executive from one queue.
* What is in the hand of a getter that was killed, or whose Get returned LIBRARY with it, counts as got, or as not got.
* Of one sender and priority a session of a queue gets ascending numbers; without trouble between them so do sessions.

    AIS_BUILD_DIR=build/dev tests/process/msg_torture.py [--seconds 300] [--seed N]
"""

import re
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

from support import Cluster, build_dir, can_use_namespaces, main, wait_until
from torture import NODES, Torture, options_of

CLIENT = build_dir() / "tests/msg_torture"
PRODUCERS = 5
CONSUMERS = 10
QUEUES = 10
SECOND = 10 ** 9

options = options_of(20.0)


@dataclass
class Got:
    job: tuple  # sender, priority, number
    client: str
    node: int
    queue: str
    session: str
    at: int
    is_last: bool = False  # of its client's association


class Notes:
    """What all clients wrote."""

    def __init__(self):
        self.tried, self.sent, self.perhaps = {}, {}, set()
        self.got = []

    def add(self, client, node, lines, slot=""):
        """`slot`: what a client that was killed had in its hand."""
        last = None
        for line in lines:
            kind, *words = line.split()
            at = int(words[-1])
            if kind in "TS":
                (self.tried if kind == "T" else self.sent)[job_of(words)] = at
            elif kind == "G":
                last = Got(job_of(words[2:]), client, node, words[0], words[1], at)
                self.got.append(last)
            elif kind == "M":
                self.perhaps.add(job_of(words[2:]))
                last = None  # its receipt came before this take
            elif kind == "X" and last:
                last.is_last = True
                last = None
        if last:
            last.is_last = True
        in_hand = re.match(r"(\S+ \d+ \d+) !", slot)
        if in_hand and (last is None or job_of(in_hand[1].split()) != last.job):
            self.perhaps.add(job_of(in_hand[1].split()))


def job_of(words):
    return words[0], int(words[2]), int(words[1])


def violations(notes, troubles, kills):
    """`troubles`: [(begin, end)], ns.  `kills`: [(node, time)] of executives."""
    found = []
    by_job = {}
    for got in sorted(notes.got, key=lambda g: g.at):
        by_job.setdefault(got.job, []).append(got)
    found += [f"{job} was sent and nobody got it" for job in notes.sent if job not in by_job and job not in notes.perhaps]
    found += [f"{job} was got, and nobody sent it" for job in {*by_job, *notes.perhaps} if job not in notes.tried]

    def trouble_of(at):
        # A receipt that was under way when it began may be on one side only.
        return next((n for n, (begin, end) in enumerate(troubles) if begin - 2 * SECOND <= at <= end), None)

    def killed_between(node, begin, end):
        return any(at for where, at in kills if where == node and begin - 2 * SECOND <= at <= end)

    for job, gets in by_job.items():
        for first, second in zip(gets, gets[1:]):
            is_taken_back = first.is_last and killed_between(first.node, first.at, second.at)
            is_one_life = first.node == second.node and not killed_between(first.node, first.at, second.at)
            is_divided = (trouble_of(first.at) is not None and trouble_of(first.at) == trouble_of(second.at)
                          and not (is_one_life and first.queue == second.queue))
            if not is_taken_back and not is_divided:
                found.append(f"{job} was got twice: {first}, {second}")
    found += order_violations(notes.got, trouble_of)
    return found


def order_violations(gets, trouble_of):
    found = []
    in_session, in_queue = {}, {}
    for got in sorted(gets, key=lambda g: g.at):
        sender, priority, number = got.job
        before = in_session.get((got.session, got.queue, sender, priority))
        if before and before.job[2] >= number:
            found.append(f"{got} came after {before}")
        in_session[got.session, got.queue, sender, priority] = got
        before = in_queue.get((got.queue, sender, priority))
        if before and before.job[2] >= number and trouble_of(before.at) is None and trouble_of(got.at) is None:
            found.append(f"{got} came from the queue after {before}")
        in_queue[got.queue, sender, priority] = got
    return found


class Observer(unittest.TestCase):
    """It would see it."""

    def notes(self, *lines):
        notes = Notes()
        notes.add("p", 1, [f"{kind} p/1 {number} 0 {number}" for number in (1, 2, 3) for kind in "TS"])
        for client, node, session, number, second in lines:
            notes.add(client, node, [f"G 7 {session} p/1 {number} 0 {int(second * SECOND)}"])
        return notes

    def all_and(self, *more):
        return self.notes(("c", 1, "c/1", 1, 10), ("c", 1, "c/1", 2, 11), ("c", 1, "c/1", 3, 12), *more)

    def test_loss_and_invention_are_seen(self):
        self.assertEqual(violations(self.all_and(), [], []), [])
        missing = self.notes(("c", 1, "c/1", 1, 10), ("c", 1, "c/1", 3, 11))
        self.assertEqual(len(violations(missing, [], [])), 1)
        missing.add("d", 2, [], "p/1 2 0 !...")
        self.assertEqual(violations(missing, [], []), [])
        self.assertEqual(len(violations(self.all_and(("c", 1, "c/1", 4, 13)), [], [])), 1)

    def test_a_second_get_is_seen(self):
        twice = self.all_and(("d", 2, "d/1", 3, 20))
        self.assertEqual(len(violations(twice, [], [])), 2)  # and out of order
        self.assertEqual(len([v for v in violations(twice, [], [(2, 15 * SECOND)]) if "twice" in v]), 1)
        self.assertEqual([v for v in violations(twice, [], [(1, 15 * SECOND)]) if "twice" in v], [])
        self.assertEqual(violations(twice, [(11 * SECOND, 21 * SECOND)], []), [])
        self.assertEqual(len(violations(twice, [(11 * SECOND, 19 * SECOND)], [])), 1)
        # What one executive hands out twice is wrong whatever happens, and so is an earlier one than the last.
        same = self.all_and(("d", 1, "d/1", 3, 20))
        self.assertEqual(len(violations(same, [(11 * SECOND, 21 * SECOND)], [])), 1)
        notes = self.notes()
        notes.add("c", 1, [f"G 7 c/1 p/1 {n} 0 {n * 10 * SECOND}" for n in (1, 2, 3)] + [f"X c/1 {31 * SECOND}"])
        notes.add("d", 2, [f"G 7 d/1 p/1 2 0 {40 * SECOND}"])
        self.assertEqual(len([v for v in violations(notes, [], [(1, 31 * SECOND)]) if "twice" in v]), 1)

    def test_order_is_seen(self):
        mixed = self.notes(("c", 1, "c/1", 2, 10), ("c", 1, "c/1", 1, 11), ("c", 1, "c/1", 3, 12))
        self.assertEqual(len(violations(mixed, [(9 * SECOND, 13 * SECOND)], [])), 1)
        sessions = self.notes(("c", 1, "c/1", 2, 10), ("d", 2, "d/1", 1, 11), ("c", 1, "c/2", 3, 12))
        self.assertEqual(len(violations(sessions, [], [])), 1)
        self.assertEqual(violations(sessions, [(10 * SECOND, 13 * SECOND)], []), [])


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class WorkQueue(Torture):
    seed = options.seed
    slots = PRODUCERS + CONSUMERS

    def command(self, slot, name):
        return [CLIENT, "send" if slot >= CONSUMERS else "get", self.dir, name, QUEUES, self.chance.randrange(1 << 31)]

    def node_for(self, slot):
        return slot - CONSUMERS + 1 if slot >= CONSUMERS else self.chance.randrange(NODES) + 1

    def rings(self):
        return {node.rings()[-1][1] for node in self.cluster.nodes}

    def note_fault(self, kind):
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def pause(self):
        """Not a wait: how long this state of the cluster lasts."""
        time.sleep(0.05 + 0.8 * self.chance.random() ** 2)

    def calm(self):
        """Only clients are killed."""
        for _ in range(self.chance.randrange(2, 6)):
            self.kill_client()
            self.note_fault("client")
            self.pause()

    def trouble(self):
        """Cuts, and at most one executive killed, which is never on a side of its own: what it had, others have."""
        begin = time.monotonic_ns()
        victim = self.chance.randrange(NODES) + 1 if self.chance.random() < 0.6 else None
        when = self.chance.randrange(6)
        lengths = [len(node.rings()) for node in self.cluster.nodes]
        for step in range(6):
            what = self.chance.random()
            if victim and step == when:
                # Other faults may have left it alone for a moment, whatever was meant.
                if all(len(members) > 1 for _, _, members, _, _ in self.cluster[victim].rings()[lengths[victim - 1]:]):
                    self.cluster[victim].kill()
                    self.kills.append((victim, time.monotonic_ns()))
                    self.note_fault("executive")
            elif what < 0.4:
                one, other = self.random_sides()
                if [victim] not in (one, other):
                    self.cluster.partition(one, other)
                    self.note_fault("cut")
            elif what < 0.6:
                self.cluster.heal()
                self.note_fault("heal")
            else:
                self.kill_client()
                self.note_fault("client")
            self.pause()
            if victim and not self.cluster[victim].is_running() and self.chance.random() < 0.5:
                self.cluster[victim].start()
                victim = None
        if victim and not self.cluster[victim].is_running():
            self.cluster[victim].start()
        self.cluster.heal()
        self.cluster.wait_ring(timeout=60)
        return begin

    def test_every_job_is_done(self):
        self.make_chance()
        self.faults = {}
        self.kills = []
        with tempfile.TemporaryDirectory(prefix="ais-torture-") as folder, \
                Cluster(NODES, netns=True, totem="detection_time: fast") as cluster:
            self.dir = Path(folder)
            self.dir.chmod(0o777)
            cluster.start()
            cluster.wait_ring(timeout=30)
            self.begin(cluster)
            # Queues are made before there are two sides that could make them.
            self.start_clients(CONSUMERS)
            wait_until(lambda: len(self.opened()) == QUEUES, 60, lambda: f"all queues; opened: {self.opened()}")
            self.start_clients(self.slots)
            troubles = []
            rings = self.rings()
            end = time.monotonic() + options.seconds
            while time.monotonic() < end:
                self.calm()
                # A machine that is too busy makes trouble by itself.
                is_continued = self.rings() != rings and troubles
                begin = self.trouble()
                whole = time.monotonic_ns()
                if is_continued:
                    begin = troubles.pop()[0]
                troubles.append((begin, whole))
                rings = self.rings()
                self.check_clients()
            self.finish(troubles)

    def opened(self):
        return {line.split()[1] for path in self.dir.glob("*.log") for line in path.read_text().splitlines()
                if line.startswith("O ")}

    def notes(self):
        notes = Notes()
        for path in self.dir.glob("*.log"):
            name = path.stem
            slot = (self.dir / f"{name}.slot").read_bytes().decode("ascii", "replace") if name in self.killed else ""
            notes.add(name, self.node_of[name], path.read_text().splitlines(), slot)
        return notes

    def missing(self):
        notes = self.notes()
        return set(notes.sent) - {got.job for got in notes.got} - notes.perhaps

    def finish(self, troubles):
        """Nobody sends any more, and what was sent is got."""
        for name, process in self.clients[CONSUMERS:]:
            process.terminate()
            self.assertEqual(process.wait(60), 0, name)
        wait_until(lambda: not self.missing(), 60, lambda: f"all jobs; not done: {sorted(self.missing())[:20]}", poll=0.5)
        self.stop_clients()
        self.check_nodes()
        notes = self.notes()
        self.assertEqual(violations(notes, troubles, self.kills)[:20], [])
        again = len(notes.got) - len({got.job for got in notes.got})
        print(f"{self.faults}; {len(notes.tried)} jobs tried, {len(notes.sent)} sent with OK, {len(notes.got)} got, "
              f"{again} of them again by the rule, {len(notes.perhaps)} in the hand of who was killed")
        self.assertGreater(len(notes.sent), 100)


if __name__ == "__main__":
    main()
