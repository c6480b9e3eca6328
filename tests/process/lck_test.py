#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""aisctl lck list, lock, unlock, watch and run, for scripts, on real executives."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from support import Cluster, build_dir, can_use_namespaces, main, wait_until

AISCTL = build_dir() / "bin/aisctl"
PLUGINS = build_dir() / "tests/process_plugins"


def command(node, *words):
    return [str(AISCTL), "--run-dir", str(node.run_dir), "lck", *words]


def aisctl(node, *words):
    """Replicas are made equal for a moment after each change of the ring: then it says 4, try again."""
    last = {}

    def answered():
        last["done"] = subprocess.run(command(node, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return last["done"].returncode != 4
    wait_until(answered, 30, lambda: last["done"].stderr)
    return last["done"]


def start(node, *words, **more):
    return subprocess.Popen(command(node, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **more)


def end(process):
    if process.poll() is None:
        process.kill()
    process.communicate()


def states(node, name):
    return [line["state"] for line in json.loads(aisctl(node, "list", name, "--json").stdout)]


class Locks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.start()
        cls.cluster.wait_ring()
        cls.folder = tempfile.TemporaryDirectory(prefix="ais-lck-")
        cls.addClassCleanup(cls.folder.cleanup)

    def setUp(self):
        self.one, self.two, self.three = (self.cluster[n] for n in (1, 2, 3))
        self.name = self.id().rpartition(".")[2]

    def hold(self, node, *options):
        """A command that holds the lock until its file is there; it has it when this returns."""
        go = Path(self.folder.name) / f"{self.name}.{os.getpid()}"
        go.unlink(missing_ok=True)
        process = start(node, "run", self.name, *options, "--", "sh", "-c",
                        f'echo "$AIS_LOCK_FENCE"; while [ ! -e {go} ]; do sleep 0.05; done; exit 7')
        self.addCleanup(end, process)
        fence = process.stdout.readline().strip()
        self.assertRegex(fence, "^[0-9a-f]{32}$", process.stderr.read() if not fence else "")
        return process, go, fence

    def gone(self, node):
        """Its executive learns of a program's end after whoever waited for the program does, and tells the others then."""
        wait_until(lambda: states(node, self.name) == [], 20, "nobody has it open")

    def test_run_gives_the_exit_status_of_the_command(self):
        self.assertEqual(aisctl(self.one, "run", self.name, "--", "true").returncode, 0)
        self.assertEqual(aisctl(self.two, "run", self.name, "--", "sh", "-c", "exit 42").returncode, 42)
        self.assertEqual(aisctl(self.two, "run", self.name, "--", "sh", "-c", "kill -9 $$").returncode, 128 + 9)
        absent = aisctl(self.one, "run", self.name, "--", "/no/such/command")
        self.assertEqual(absent.returncode, 127)
        self.assertIn("/no/such/command", absent.stderr)
        named = aisctl(self.one, "run", self.name, "--", "sh", "-c", 'echo "$AIS_LOCK_NAME"')
        self.assertEqual(named.stdout.strip(), self.name)

    def test_run_excludes_over_nodes_and_numbers_grow(self):
        process, go, first = self.hold(self.one)
        wait_until(lambda: states(self.three, self.name) == ["held"], 20, "node 3 sees it")
        busy = aisctl(self.two, "run", self.name, "-n", "-E", "33", "--", "true")
        self.assertEqual(busy.returncode, 33, busy.stderr)
        self.assertIn("is locked", busy.stderr)
        late = aisctl(self.two, "run", self.name, "-w", "0.3", "--", "true")
        self.assertEqual(late.returncode, 1, late.stderr)
        waiting = start(self.two, "run", self.name, "--", "sh", "-c", 'echo "$AIS_LOCK_FENCE"')
        wait_until(lambda: states(self.one, self.name) == ["held", "waiting"], 20, "it waits")
        go.touch()
        self.assertEqual(process.wait(20), 7)
        second = waiting.communicate(timeout=20)[0].strip()
        self.assertEqual(waiting.returncode, 0)
        self.assertGreater(second, first)
        self.gone(self.one)

    def test_shared_ones_run_together(self):
        process, go, _ = self.hold(self.one, "--shared")
        self.assertEqual(aisctl(self.two, "run", self.name, "-s", "-n", "--", "true").returncode, 0)
        self.assertEqual(aisctl(self.two, "run", self.name, "-n", "--", "true").returncode, 1)
        go.touch()
        self.assertEqual(process.wait(20), 7)

    def test_killed_run_frees_the_lock_and_term_goes_to_the_command(self):
        process, _, _ = self.hold(self.one)
        process.kill()
        process.communicate(timeout=20)  # until the command has closed its output: it was told
        self.assertEqual(aisctl(self.two, "run", self.name, "-w", "20", "--", "true").returncode, 0)
        process, _, _ = self.hold(self.one)
        process.terminate()
        self.assertEqual(process.wait(20), 128 + signal.SIGTERM)

    def test_lock_stays_until_unlock(self):
        taken = aisctl(self.one, "lock", self.name)
        self.assertEqual(taken.returncode, 0, taken.stderr)
        self.assertRegex(taken.stdout, "^[0-9a-f]{32}\n$")
        wait_until(lambda: states(self.two, self.name) == ["orphan"], 20, "node 2 sees it")
        self.assertEqual(aisctl(self.two, "lock", self.name, "-n").returncode, 1)
        self.assertEqual(aisctl(self.two, "lock", self.name, "-w", "0.2").returncode, 1)
        waiting = start(self.two, "lock", self.name, "-w", "30")
        wait_until(lambda: states(self.one, self.name) == ["orphan", "waiting"], 20, "it waits")
        self.assertEqual(aisctl(self.three, "unlock", self.name).returncode, 0)
        again = waiting.communicate(timeout=30)[0]
        self.assertEqual(waiting.returncode, 0)
        self.assertGreater(again, taken.stdout)
        self.assertEqual(aisctl(self.one, "unlock", self.name).returncode, 0)
        self.gone(self.one)
        self.assertEqual(aisctl(self.one, "unlock", self.name).returncode, 1, "it is not there any more")

    def test_list_and_watch_show_who_holds(self):
        watch = start(self.two, "watch", self.name, "--interval", "0.05")
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(watch.stdout), daemon=True)
        reader.start()
        process, go, fence = self.hold(self.one)
        wait_until(lambda: states(self.three, self.name) == ["held"], 20, "node 3 sees it")
        line = json.loads(aisctl(self.three, "list", self.name, "--json").stdout)[0]
        self.assertEqual({k: line[k] for k in ("name", "state", "mode", "node", "pid", "fence")},
                         {"name": self.name, "state": "held", "mode": "exclusive", "node": 1, "pid": process.pid, "fence": fence})
        self.assertRegex(aisctl(self.three, "list").stdout, rf"(?m)^held +exclusive +1 +{process.pid} +{fence} +{self.name}$")
        wait_until(lambda: any(text.startswith("+ held") and fence in text for text in lines), 20, "it is told")
        go.touch()
        process.wait(20)
        wait_until(lambda: any(text.startswith("- held") and fence in text for text in lines), 20, "its end, too")
        watch.terminate()
        reader.join(10)
        watch.wait(10)
        watch.stdout.close()
        watch.stderr.close()

    def test_wrong_use_is_refused(self):
        self.assertEqual(aisctl(self.one, "run", self.name).returncode, 2)
        self.assertEqual(aisctl(self.one, "lock", "").returncode, 2)
        self.assertEqual(aisctl(self.one, "lock", "n" * 257).returncode, 2)
        self.assertEqual(aisctl(self.one, "run", self.name, "--on-loss", "sing", "--", "true").returncode, 2)
        self.assertEqual(aisctl(self.one, "unlock", "nobody has this").returncode, 1)


class Losses(unittest.TestCase):
    """The executive goes, or the other part of the cluster wins."""

    def run_one(self, node, *options):
        process = start(node, "run", "r", *options, "--", "sh", "-c",
                        'trap "echo told; exit 9" TERM USR1; echo "$AIS_LOCK_FENCE"; while :; do sleep 0.05; done')
        self.addCleanup(end, process)
        self.assertRegex(process.stdout.readline().strip(), "^[0-9a-f]{32}$")
        return process

    def test_command_is_told_when_the_executive_is_gone(self):
        with Cluster(1) as cluster:
            cluster.start()
            cluster.wait_ring()
            told = self.run_one(cluster[1], "-s", "--on-loss", "usr1")
            killed = self.run_one(cluster[1], "-s", "--on-loss", "kill")
            cluster[1].kill()
            out, err = told.communicate(timeout=30)
            self.assertEqual((told.returncode, out), (9, "told\n"), err)
            self.assertIn("is lost: the executive is gone", err)
            killed.communicate(timeout=30)
            self.assertEqual(killed.returncode, 128 + signal.SIGKILL)

    @unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
    def test_with_a_quorum_plugin_only_the_primary_part_has_locks(self):
        with Cluster(3, netns=True) as cluster:
            for node in cluster.nodes:
                node.extra_arguments = ["--plugin-dir", str(PLUGINS), "--plugin", "lck,majority"]
            cluster.start()
            cluster.wait_ring(timeout=20)
            self.assertEqual(aisctl(cluster[1], "run", "s", "-n", "--", "true").returncode, 0)
            loser = self.run_one(cluster[1])
            cluster.partition([1], [2, 3])
            out, err = loser.communicate(timeout=60)
            self.assertEqual((loser.returncode, out), (9, "told\n"), err)
            self.assertIn("not primary", err)
            self.assertEqual(aisctl(cluster[1], "run", "s", "-n", "--", "true").returncode, 1)
            self.assertEqual(aisctl(cluster[1], "run", "s", "-w", "0.2", "--", "true").returncode, 1)
            self.assertEqual(aisctl(cluster[2], "run", "r", "-w", "20", "--", "true").returncode, 0)
            cluster[1].wait_log("LCK-004")
            cluster.heal()
            cluster.wait_ring(timeout=40)
            self.assertEqual(aisctl(cluster[1], "run", "r", "-w", "20", "--", "true").returncode, 0)

    def test_command_is_told_when_the_other_part_has_the_lock(self):
        with Cluster(3) as cluster:
            cluster.start()
            cluster.wait_ring()
            loser = self.run_one(cluster[1])
            cluster[1].pause()
            winner = start(cluster[2], "run", "r", "--", "sh", "-c",
                           'echo "$AIS_LOCK_FENCE"; while :; do sleep 0.05; done')
            self.addCleanup(end, winner)
            self.assertRegex(winner.stdout.readline().strip(), "^[0-9a-f]{32}$")
            cluster[1].resume()
            out, err = loser.communicate(timeout=60)
            self.assertEqual((loser.returncode, out), (9, "told\n"), err)
            self.assertIn("is lost: another part", err)
            self.assertIsNone(winner.poll())
            winner.terminate()
            winner.communicate(timeout=20)


if __name__ == "__main__":
    main()
