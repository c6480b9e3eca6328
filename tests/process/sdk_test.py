#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a third party builds with the installed SDK, in real executives.

tests/abi/sdk_from_outside has installed the SDK, and built the template, the examples and a plugin made by
ais-new-plugin with it; that is a fixture of this test in ctest, and is done here if it has not been.
"""

import os
import subprocess
import unittest
from pathlib import Path

from support import Bench, Cluster, build_dir, can_use_namespaces, is_instrumented, main, wait_until

OUTSIDE = build_dir() / "tests/outside"
PLUGINS = OUTSIDE / "plugins"
DEMO = OUTSIDE / "bin/counter-demo"


def setUpModule():
    if is_instrumented():
        raise unittest.SkipTest("the installed libraries would need the sanitizers' runtime in what is built with them")
    if not (PLUGINS / "counter.so").exists() or not DEMO.exists():
        script = Path(__file__).resolve().parent.parent / "abi/sdk_from_outside"
        subprocess.run(["sh", str(script), str(build_dir()), str(OUTSIDE)], check=True, stdout=subprocess.DEVNULL)


def with_plugins(cluster, names):
    for node in cluster.nodes:
        node.extra_arguments = ["--plugin-dir", str(PLUGINS), "--plugin", names]
        node.extra_environment = {"LD_LIBRARY_PATH": f"{OUTSIDE / 'bin'}:{cluster.build / 'lib'}"}


def counter(cluster, number, *words):
    """Run counter-demo on a node to its end; what it printed, as a number."""
    done = cluster.run(number, [str(DEMO), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, said = done.communicate(timeout=20)
    if done.returncode != 0:
        raise AssertionError(f"counter-demo {words} on node {number}: {said}")
    return int(out)


class Simulated(unittest.TestCase):
    """ais-sim of the installed SDK, with a service and a workload that were built with it."""

    SIM = OUTSIDE / "prefix/bin/ais-sim"
    COUNTER = ["--plugin", str(PLUGINS / "counter.so"), "--plugin", str(OUTSIDE / "build/counter/counter_workload.so")]

    def sim(self, *words):
        return subprocess.run([str(self.SIM), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)

    def test_a_workload_from_outside_is_offered_and_runs(self):
        self.assertIn("  counter: additions", self.sim(*self.COUNTER, "--list").stdout)
        done = self.sim(*self.COUNTER, "--workload", "counter", "--from", "100", "--seeds", "10", "--minutes", "0.05")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout.split("\n")[-2], r"^runs 10, .* failures 0$")

    def test_two_runs_of_a_seed_give_one_trace(self):
        words = [*self.COUNTER, "--workload", "counter", "--seed", "3", "--minutes", "0.05", "--trace"]
        once, again = self.sim(*words), self.sim(*words)
        self.assertEqual(once.stdout, again.stdout)
        self.assertIn("loaded plugin 'counter'", once.stdout)

    def test_a_wrong_file_is_refused_by_name(self):
        done = self.sim("--plugin", str(PLUGINS / "no_such.so"), "--list")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no_such.so", done.stderr)


class Loaded(unittest.TestCase):
    def test_hello_is_heard_by_all_nodes(self):
        with Cluster(3) as cluster:
            with_plugins(cluster, "hello,cpg")
            cluster.start()
            cluster.wait_ring()
            for node in cluster.nodes:
                node.wait_log(rf"HELLO-001 \[hello\] hello, this is node {node.id}")
                for other in (1, 2, 3):
                    node.wait_log(rf"HELLO-001 \[hello\] hello from node {other}")

    def test_everything_of_the_sdk_runs_side_by_side(self):
        with Cluster(2) as cluster:
            with_plugins(cluster, "thing,my_box,hello_pc,counter,cpg")
            cluster.start()
            cluster.wait_ring()
            for node in cluster.nodes:
                node.wait_log(r"MAIN-006 .*services: .*")
                for name in ("thing", "my_box", "hello_pc", "counter"):
                    node.wait_log(rf"PLUGIN-001 .*'{name}'")
            self.assertEqual(counter(cluster, 1, "add", "apples"), 1)
            # All leave in order with all of it loaded.
            self.assertEqual([node.stop() for node in cluster.nodes], [0, 0])


class Counter(unittest.TestCase):
    def everywhere(self, cluster, value):
        """A node answers from its own copy: another one may have delivered an addition before it."""
        for node in cluster.nodes:
            wait_until(lambda: counter(cluster, node.id, "get", "apples") == value, 10, f"{value} apples at node {node.id}")

    def test_increments_of_all_nodes_give_the_same_value_everywhere(self):
        with Cluster(3) as cluster:
            with_plugins(cluster, "counter")
            cluster.start()
            cluster.wait_ring()
            adders = [cluster.run(1 + i % 3, ["sh", "-c", f'for i in 1 2 3 4 5 6 7 8 9 10; do "{DEMO}" add apples {i + 1} || exit 1; done'],
                                  stdout=subprocess.PIPE, text=True) for i in range(6)]
            seen = []
            for adder in adders:
                out, _ = adder.communicate(timeout=30)
                self.assertEqual(adder.returncode, 0)
                mine = [int(line) for line in out.split()]
                self.assertEqual(mine, sorted(mine))  # each sees the sum grow
                seen += mine
            # The value at its own place of the one order: no two additions have the same.
            self.assertEqual(len(set(seen)), 60)
            self.assertEqual(max(seen), 10 * (1 + 2 + 3 + 4 + 5 + 6))
            self.everywhere(cluster, 210)
            self.assertEqual(counter(cluster, 2, "get", "pears"), 0)

    def test_a_watcher_is_told_what_others_change(self):
        with Cluster(2) as cluster:
            with_plugins(cluster, "counter")
            cluster.start()
            cluster.wait_ring()
            watcher = cluster.run(1, [str(DEMO), "watch", "3"], stdout=subprocess.PIPE, text=True)
            told = []
            # Until it has been told one change it may not have been connected; it ends after three.
            while watcher.poll() is None:
                told.append(counter(cluster, 2, "add", "apples"))
                self.assertLess(len(told), 1000)
            lines = watcher.stdout.read().split("\n")[:-1]
            values = [int(line.removeprefix("apples = ")) for line in lines]
            self.assertTrue(set(values) <= set(told) and values == sorted(values) and values, values)

    def test_a_node_killed_and_restarted_gets_the_state_by_snapshot(self):
        with Cluster(3) as cluster:
            with_plugins(cluster, "counter")
            cluster.start()
            cluster.wait_ring()
            self.assertEqual(counter(cluster, 3, "add", "apples", "5"), 5)
            cluster[3].kill()
            cluster.wait_ring(1, 2)
            self.assertEqual(counter(cluster, 1, "add", "apples", "7"), 12)  # it never sees this one delivered
            mark = len(cluster[3].log())
            cluster[3].start()
            cluster.wait_ring()
            cluster[3].wait_log(r"SYNC-002 .*replicas are equal", after=mark)
            self.assertEqual(counter(cluster, 3, "get", "apples"), 12)
            # What it adds in its second life is counted beside what it added in its first.
            self.assertEqual(counter(cluster, 3, "add", "apples", "1"), 13)
            self.everywhere(cluster, 13)

    @unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
    def test_what_both_sides_of_a_partition_added_is_there_after_the_merge(self):
        with Cluster(3, netns=True) as cluster:
            with_plugins(cluster, "counter")
            cluster.start()
            cluster.wait_ring()
            self.assertEqual(counter(cluster, 1, "add", "apples", "100"), 100)
            cluster.partition([1], [2, 3])
            cluster.wait_ring(1)
            cluster.wait_ring(2, 3)
            self.assertEqual(counter(cluster, 1, "add", "apples", "10"), 110)
            self.assertEqual(counter(cluster, 2, "add", "apples", "3"), 103)
            self.assertEqual(counter(cluster, 3, "add", "pears", "2"), 2)
            wait_until(lambda: counter(cluster, 3, "get", "apples") == 103, 10, "apples at node 3")
            self.assertEqual(counter(cluster, 1, "get", "pears"), 0)
            cluster.heal()
            cluster.wait_ring(timeout=20)
            # No addition lost, none counted twice, though both sides had the first 100.
            for number in (1, 2, 3):
                wait_until(lambda n=number: counter(cluster, n, "get", "apples") == 113, 10,
                           lambda n=number: f"node {n} has {counter(cluster, n, 'get', 'apples')} apples, not 113")
                self.assertEqual(counter(cluster, number, "get", "pears"), 2)


class Parser(Bench):
    FLAT = ("totem.version = 2\ntotem.secauth = on\ntotem.transport = udpu\ntotem.nodeid = 1\n"
            "totem.interface[0].ringnumber = 0\ntotem.interface[0].bindnetaddr = 127.0.0.1\n"
            f"totem.interface[0].mcastport = {21001 + os.getpid() % 5000 * 2}\n"
            "nodelist.node[0].ring0_addr = 127.0.0.1\nnodelist.node[0].nodeid = 1\nlogging.to_stderr = yes\n"
            + ("aisexec.user = root\naisexec.group = root\n" if os.geteuid() == 0 else ""))

    def setUp(self):
        super().setUp()
        self.config.write_text(self.FLAT)

    def flat(self):
        return self.environment(OPENAIS_DEFAULT_CONFIG_IFACE="config_flat")

    def test_a_parser_from_outside_makes_a_node_run(self):
        executive = subprocess.Popen([str(build_dir() / "bin/aisexec-kernel"), "-f", "--plugin-dir", str(PLUGINS),
                                      "--plugin-dir", str(build_dir() / "plugins"), "--plugin", "cpg", "--state-dir",
                                      str(self.dir / "state")], env=self.flat(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said = ""
            for line in executive.stdout:
                said += line
                if "MAIN-010" in line:
                    break
            self.assertRegex(said, r"MAIN-010 .*formed: 1 processor: 1 \(127\.0\.0\.1\)")
            self.assertRegex(said, r"PLUGIN-001 .*'config_flat'")
            self.assertNotIn("'config_openais'", said)
            executive.terminate()
            executive.communicate(timeout=10)
            self.assertEqual(executive.returncode, 0)
        finally:
            executive.kill()
            executive.communicate()

    def test_its_errors_are_shown_with_file_and_line(self):
        self.config.write_text(self.FLAT + "this is no line\n")
        line = len(self.config.read_text().splitlines())
        self.refuses(rf"openais\.conf:{line}: .*no '=' in this line", "--plugin-dir", str(PLUGINS), environment=self.flat())


if __name__ == "__main__":
    main()
