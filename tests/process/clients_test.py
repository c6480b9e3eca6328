#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Clients that die, sleep, lie or may not, and clients whose executive dies."""

import json
import os
import random
import re
import signal
import subprocess
import time
import unittest

from support import Cluster, build_dir, is_instrumented, main, wait_until

FAULTY = build_dir() / "tests/cpg_faulty"
HOSTILE = build_dir() / "tests/hostile"
BENCH = build_dir() / "bin/aisbench"
CALLS = ["initialize", "join", "leave", "mcast", "membership", "iterate", "dispatch", "block", "finalize"]
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def start_faulty(cluster, number, *words):
    """Start cpg_faulty and wait until it is in its first call."""
    client = cluster.run(number, [str(FAULTY), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = client.stdout.readline()
    if said != "ready\n":
        raise AssertionError(f"cpg_faulty {words}: {said} {client.communicate()[1]}")
    return client


def reap(client):
    client.kill()
    client.communicate()


def stream(test, cluster, senders, receivers=(), seconds=0.5, members=None, size=2000, others_may_go=False):
    """aisbench on these nodes: nothing lost, nothing damaged, and one order at all of them."""
    roles = [(n, "send") for n in senders] + [(n, "receive") for n in receivers]
    group = f"stream{time.monotonic_ns()}"
    running = [cluster.run(n, [str(BENCH), "--members", str(members or len(roles)), "--senders", str(len(senders)), "--role",
                               role, "--size", str(size), "--seconds", str(seconds), "--group", group],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n, role in roles]
    return lambda: finish_stream(test, running, others_may_go), group


def finish_stream(test, running, others_may_go):
    results = []
    for one in running:
        out, said = one.communicate(timeout=90)
        if not others_may_go:
            test.assertEqual(one.returncode, 0, out + said)
        results.append(json.loads(out))
    for one in results:
        test.assertEqual((one["gaps"], one["corrupt"]), (0, 0), one)
        test.assertGreater(one["delivered"], 0)
    test.assertEqual(len({(one["order"], one["delivered"]) for one in results}), 1, results)
    return results


def resident_kb(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))


class Killed(unittest.TestCase):
    def test_clients_killed_in_the_middle_of_each_call(self):
        chance = random.Random(11)
        with Cluster(2) as cluster:
            cluster.start()
            cluster.wait_ring()
            finish, _ = stream(self, cluster, [1], [2], seconds=4)
            for _ in range(6):
                clients = [start_faulty(cluster, chance.randint(1, 2), "repeat", call, "doomed") for call in CALLS]
                chance.shuffle(clients)
                for client in clients:
                    time.sleep(chance.random() * 0.02)  # not a wait: the kill's random place in the call
                    reap(client)
            finish()
            # None of them is a member, and no connection of theirs is left.
            observer = start_faulty(cluster, 1, "silent", "doomed")
            def clients_of(node):
                mark = len(node.log())
                node.signal(signal.SIGUSR2)
                return int(node.wait_log(r"MAIN-009 .*plugin cpg .*: (\d+) clients", after=mark).group(1))

            for node in cluster.nodes:
                # The end of the last one may reach the executive after our signal.
                wait_until(lambda: clients_of(node) == (1 if node.id == 1 else 0), 5, f"the end of all clients of {node.id}")
            reap(observer)
            self.assertEqual(len(cluster[1].rings()), len([r for r in cluster[1].rings() if r[2]]))
            self.assertEqual(cluster[1].members(), {1, 2})

    def test_an_executive_killed_while_clients_are_inside_each_call(self):
        chance = random.Random(5)
        with Cluster(1) as cluster:
            for _ in range(4):
                cluster.start()
                clients = [start_faulty(cluster, 1, "lost", call, f"orphans-{call}") for call in CALLS]
                time.sleep(chance.random() * 0.1)  # not a wait: the random place of the kill
                cluster[1].kill()
                killed = time.monotonic()
                for call, client in zip(CALLS, clients):
                    out, said = client.communicate(timeout=20)
                    self.assertEqual(client.returncode, 0, f"{call}: {out}{said}")
                    self.assertIn(int(out), (2, 6) if call in ("initialize", "finalize") else (2,), call)
                self.assertLess(time.monotonic() - killed, 10)


class Silent(unittest.TestCase):
    @unittest.skipIf(is_instrumented(), "a sanitized executive does not give memory back")
    def test_a_client_that_never_dispatches_costs_a_bounded_amount_and_then_nothing(self):
        with Cluster(2) as cluster:
            cluster.start()
            cluster.wait_ring()
            stream(self, cluster, [1], [2], seconds=0.5, size=20000)[0]()  # rings and queues have their size now
            before = resident_kb(cluster[2].process)
            finish, group = stream(self, cluster, [1], [2], seconds=4, size=20000, members=3, others_may_go=True)
            silent = start_faulty(cluster, 2, "silent", group)
            most = before

            def is_cut_off():
                nonlocal most
                most = max(most, resident_kb(cluster[2].process))
                return re.search(rf"IPC-003 .*client pid {silent.pid} .*does not dispatch.*disconnected", cluster[2].log())

            wait_until(is_cut_off, 20, "the silent client to be cut off")
            results = finish()
            self.assertGreater(results[0]["delivered"] * 20000, 25_000_000)  # more than its ring and outbox hold
            # Its event ring (4 MiB), its outbox (16 MiB) and some slack; then it is given back.
            self.assertLess(most - before, 40_000)
            after = resident_kb(cluster[2].process)
            self.assertLess(after - before, 24_000)
            # And it stays flat under the same traffic.
            stream(self, cluster, [1], [2], seconds=1, size=20000)[0]()
            self.assertLess(resident_kb(cluster[2].process) - after, 8_000)
            reap(silent)


class Hostile(unittest.TestCase):
    DOOR = {"short": "IPC-006", "magic": "IPC-006", "version": "IPC-006", "hello": "IPC-006", "service": "SERVICE-002"}
    MEMORY = {"unaligned": "unaligned position", "ahead": "written position outside", "huge": "written position outside",
              "back": "written position outside", "long": "frame above the size limit",
              "truncated": "frame longer than", "misread": "response ring .read position",
              "misread_events": "event ring .(read position|unaligned)"}

    def attack(self, cluster, what, seed=1):
        attacker = cluster.run(1, [str(HOSTILE), what, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out, _ = attacker.communicate(timeout=30)
        self.assertEqual(attacker.returncode, 0, f"{what}: {out}")
        return attacker.pid

    def test_each_lie_is_cut_off_logged_and_others_are_served(self):
        with Cluster(2) as cluster:
            cluster.start()
            cluster.wait_ring()
            for what, identity in self.DOOR.items():
                mark = len(cluster[1].log())
                self.attack(cluster, what)
                cluster[1].wait_log(identity, after=mark)
            finish, _ = stream(self, cluster, [1], [2], seconds=5)
            for what, reason in self.MEMORY.items():
                pid = self.attack(cluster, what)
                cluster[1].wait_log(rf"IPC-002 .*client pid {pid} .*{reason}.*disconnected")
            pid = self.attack(cluster, "socket")
            cluster[1].wait_log(rf"IPC-\d+ .*client pid {pid} ")
            finish()
            self.assertEqual(cluster[1].members(), {1, 2})

    def test_random_bytes_and_lengths_that_change_under_the_reader(self):
        with Cluster(2) as cluster:
            cluster.start()
            cluster.wait_ring()
            finish, _ = stream(self, cluster, [1], [2], seconds=6)
            for seed in range(4):
                self.attack(cluster, "noise", seed)
            self.attack(cluster, "flip")
            finish()
            self.assertTrue(cluster[1].is_running() and cluster[2].is_running())
            self.assertEqual(len(cluster[1].rings()[-1][2]), 2)


@unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
class Users(unittest.TestCase):
    NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}

    def answer(self, cluster, **who):
        client = cluster.run(1, [str(BENCH), "--members", "1", "--role", "send", "--seconds", "0.1"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, **who)
        _, said = client.communicate(timeout=30)
        return client.returncode, said

    def test_rules_of_uidgid_let_in_whom_they_name_and_nobody_else(self):
        for rule, others in (("uid: 65534", {}), ("gid: 60123", {"extra_groups": [60123]})):
            with Cluster(1, sections=f"uidgid {{\n    {rule}\n}}") as cluster:
                cluster.start()
                cluster.wait_ring()
                self.assertEqual(self.answer(cluster, **{**self.NOBODY, **others}), (0, ""))
                status, said = self.answer(cluster, user=65533, group=65533, extra_groups=[])
                self.assertNotEqual(status, 0)
                self.assertIn("error 11", said)  # CS_ERR_ACCESS
                cluster[1].wait_log(r"IPC-001 .*uid 65533")


if __name__ == "__main__":
    main()
