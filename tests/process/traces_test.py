#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real executives over real networks, judged as the simulator is: traces of all, and ais-check.

Five nodes under traffic; nodes are killed, stopped, restarted and paused, networks cut and healed, at random and faster than in
life. `traces_test.py --seconds 600 [--seed N]` makes a longer run than the one of the continuous integration.
"""

import argparse
import random
import subprocess
import sys
import time
import unittest

from support import Cluster, build_dir, can_use_namespaces, main, wait_until

BENCH = build_dir() / "bin/aisbench"
STREAM = build_dir() / "bin/cpg_stream"
CHECK = build_dir() / "bin/ais-check"
NODES = 5

options = argparse.Namespace(seconds=30, seed=None)


class Traffic:
    """A client on each node that runs: it sends, waits for its message, thinks, sends."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.clients = {}
        self.text = cluster.dir / "text"
        self.text.write_text("".join(f"line {i}, {'x' * (i % 90)}\n" for i in range(200_000)))

    def begin(self, number):
        command = [str(BENCH), "--members", "1", "--role", "ping", "--seconds", "100000", "--think-ms", "3", "--size", "700",
                   "--group", f"node{number}"]
        if number % 2:
            command = [str(STREAM), "--safe", "--rate", "200", "--expect-members", "1", "--group", f"node{number}", "--send",
                       str(self.text), "--out", "/dev/null", "--events", "/dev/null"]
        self.clients[number] = self.cluster.run(number, command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL)

    def end(self):
        for client in self.clients.values():
            if client.poll() is None:
                client.kill()
            client.wait()
        self.clients = {}

    def tend(self):
        """Clients whose executive went away begin anew."""
        for node in self.cluster.nodes:
            client = self.clients.get(node.id)
            if node.is_running() and (client is None or client.poll() is not None):
                self.begin(node.id)


class Life:
    """What happens to the cluster: one fault after the other, of a kind that makes sense now."""

    def __init__(self, cluster, chance):
        self.cluster = cluster
        self.chance = chance
        self.paused = set()
        self.told = []

    def tell(self, what):
        self.told.append(what)

    def step(self):
        node = self.chance.choice(self.cluster.nodes)
        kind = self.chance.choice(["kill", "kill", "stop", "pause", "cut", "heal", "isolate"])
        if not node.is_running():
            self.tell(f"start {node.id}")
            node.start()
        elif node.id in self.paused:
            self.tell(f"resume {node.id}")
            node.resume()
            self.paused.discard(node.id)
        elif kind == "kill":
            self.tell(f"kill {node.id}")
            node.kill()
        elif kind == "stop":
            self.tell(f"stop {node.id}")
            node.stop()
        elif kind == "pause":
            self.tell(f"pause {node.id}")
            node.pause()
            self.paused.add(node.id)
        elif kind == "cut":
            numbers = list(range(1, NODES + 1))
            self.chance.shuffle(numbers)
            size = self.chance.randint(1, NODES - 1)
            self.tell(f"cut {sorted(numbers[:size])} from {sorted(numbers[size:])}")
            self.cluster.partition(numbers[:size], numbers[size:])
        elif kind == "isolate":
            others = [n for n in range(1, NODES + 1) if n != node.id]
            self.tell(f"isolate {node.id}")
            self.cluster.partition(others, [node.id])
        else:
            self.tell("heal")
            self.cluster.heal()

    def calm_down(self):
        self.cluster.heal()
        for node in self.cluster.nodes:
            if node.id in self.paused:
                node.resume()
            if not node.is_running():
                node.start()
        self.paused.clear()


def judge(traces, *arguments):
    return subprocess.run([str(CHECK), *arguments, *map(str, traces)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=600)


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class Traces(unittest.TestCase):
    def cluster(self):
        cluster = Cluster(NODES, netns=True)
        self.addCleanup(cluster.close)
        for node in cluster.nodes:
            node.trace = node.dir / "trace"
            node.extra_arguments = ["--trace", str(node.trace)]
        return cluster

    def wait_rest(self, traces):
        """No line but those of configurations is written any more, because all was delivered."""
        def judged():
            done = judge(traces, "--quiet", "--one-clock")
            return done if done.returncode == 0 else None
        try:
            return wait_until(judged, 30, "a trace in which all properties hold", poll=0.5)
        except Exception:
            return judge(traces, "--quiet", "--one-clock")

    def test_random_kills_stops_pauses_cuts_and_heals(self):
        seed = options.seed if options.seed is not None else random.randrange(1 << 32)
        chance = random.Random(seed)
        cluster = self.cluster()
        life = Life(cluster, chance)
        traffic = Traffic(cluster)
        cluster.start()
        cluster.wait_ring(timeout=20)
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            traffic.tend()
            life.step()
            time.sleep(chance.random() ** 2 * 1.2)  # not a wait: the random place in what the fault set off
        life.calm_down()
        cluster.wait_ring(timeout=60)
        traffic.tend()
        ping = cluster.run(1, [str(BENCH), "--members", "1", "--role", "ping", "--seconds", "0.2", "--group", "last"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertEqual(ping.wait(60), 0)
        traffic.end()
        done = self.wait_rest([node.trace for node in cluster.nodes])
        print(f"\nseed {seed}, {len(life.told)} faults: {done.stdout.splitlines()[-1]}")
        self.assertEqual(done.returncode, 0, f"seed {seed}: {life.told}\n{done.stdout}")
        self.assertGreater(len(life.told), 5)

    def test_a_trace_without_a_line_is_found_out(self):
        cluster = self.cluster()
        cluster.start(1, 2)
        cluster.wait_ring(1, 2, timeout=20)
        ping = cluster.run(1, [str(BENCH), "--members", "1", "--role", "ping", "--seconds", "0.2", "--group", "one"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertEqual(ping.wait(60), 0)
        self.assertEqual([cluster[1].stop(), cluster[2].stop()], [0, 0])
        traces = [cluster[1].trace, cluster[2].trace]
        good = judge(traces, "--one-clock")
        self.assertEqual(good.returncode, 0, good.stdout)
        lines = traces[1].read_text().splitlines(keepends=True)
        deliveries = [at for at, line in enumerate(lines) if " deliver " in line]
        self.assertGreater(len(deliveries), 10)
        del lines[deliveries[len(deliveries) // 2]]
        traces[1].write_text("".join(lines))
        bad = judge(traces, "--one-clock")
        self.assertEqual(bad.returncode, 1, bad.stdout)
        self.assertRegex(bad.stdout, "agreed order: node 2/.* passes over a message")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int)
    options, sys.argv[1:] = parser.parse_known_args()
    main()
