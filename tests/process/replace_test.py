#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Live replacement and the operator's tool, on real executives.

Builds of cpg, ckpt, evt and counter with other versions, and builds that fail, are made by CMakeLists.txt.
"""

import json
import socket
import subprocess
import unittest

from support import Cluster, build_dir, main, wait_until

BUILDS = build_dir() / "tests/replacements"
AISCTL = build_dir() / "bin/aisctl"
STREAM = build_dir() / "bin/cpg_stream"
COUNTER = build_dir() / "tests/counter_load"
CKPT = build_dir() / "tests/ckpt_load"
EVT = build_dir() / "tests/evt_load"


def aisctl(node, *words):
    return subprocess.run([str(AISCTL), "--run-dir", str(node.run_dir), *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=160)


def started(cluster, names="cpg,counter"):
    for node in cluster.nodes:
        node.extra_arguments = ["--plugin-dir", str(BUILDS / "base"), "--plugin", names]
    cluster.start()
    cluster.wait_ring()
    for node in cluster.nodes:
        wait_until(lambda: json.loads(aisctl(node, "status", "--json").stdout or "{}").get("sync", {}).get("synced"),
                   20, "replicas equal")


class Tool(unittest.TestCase):
    def test_status_lists_members_and_services(self):
        with Cluster(2) as cluster:
            started(cluster)
            status = json.loads(aisctl(cluster[1], "status", "--json").stdout)
            self.assertEqual(status["node"], 1)
            self.assertEqual([m["node"] for m in status["ring"]["members"]], [1, 2])
            self.assertEqual(status["ring"]["members"][1]["address"], cluster.address(2))
            self.assertEqual({s["name"]: s["version"] for s in status["services"]}, {"cpg": "1.0.0", "counter": "1.0.0"})
            table = aisctl(cluster[1], "status").stdout
            self.assertRegex(table, r"(?m)^  node 2 +127\.0\.0\.2$")
            self.assertRegex(table, r"(?m)^  cpg +1\.0\.0 ")
            self.assertRegex(aisctl(cluster[1], "plugin", "list").stdout, r"(?m)^counter +1\.0\.0 +1002 +0 +/.*counter\.so$")
            self.assertRegex(aisctl(cluster[1], "dump").stdout, r"sync: replicas are equal")

    def test_errors_have_exit_statuses(self):
        with Cluster(1) as cluster:
            started(cluster)
            node = cluster[1]
            self.assertEqual(aisctl(node, "nonsense").returncode, 2)
            self.assertEqual(aisctl(node, "plugin", "replace", "moon", "/x.so").returncode, 1)
            node.stop()
            gone = aisctl(node, "status")
            self.assertEqual(gone.returncode, 3)
            self.assertIn("no executive answers", gone.stderr)

    def test_lines_that_are_no_requests_are_answered(self):
        with Cluster(1) as cluster:
            started(cluster)
            with socket.socket(socket.AF_UNIX) as raw:
                raw.settimeout(10)
                raw.connect(str(cluster[1].run_dir / "control"))
                for line, status in ((b"", "malformed"), (b"[1]", "malformed"), (b"\xff\xfe{", "malformed"),
                                     (b'{"do":"moon"}', "unsupported"), (b'{"do":"plugin.replace"}', "invalid")):
                    raw.sendall(line + b"\n")
                    answer = b""
                    while not answer.endswith(b"\n"):
                        answer += raw.recv(4096)
                    self.assertEqual(json.loads(answer)["status"], status, line)
                raw.sendall(b"x" * 70000)
                try:  # longer than a request may be: cut off, with what it sent unread
                    self.assertEqual(raw.recv(1), b"")
                except ConnectionResetError:
                    pass
            self.assertTrue(cluster[1].is_running())


class Replace(unittest.TestCase):
    def replace(self, node, name, file):
        done = aisctl(node, "plugin", "replace", name, str(BUILDS / file))
        self.assertEqual(done.returncode, 0, done.stderr + node.log()[-2000:])
        self.assertRegex(done.stdout, rf"{name} \S+ is replaced by {name} \S+")
        return done.stdout

    def test_counter_under_load(self):
        """Additions go on from both nodes while both are upgraded; every one is answered and counts once."""
        with Cluster(2) as cluster:
            started(cluster)
            rings = [len(n.rings()) for n in cluster.nodes]
            load = [cluster.run(n, [str(COUNTER), "apples", "3000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True) for n in (1, 2, 1)]
            wait_until(lambda: load[0].stdout.readline().startswith("500 "), 30, "the load has begun")
            for node in cluster.nodes:
                self.replace(node, "counter", "v2/counter.so")
            self.replace(cluster[1], "counter", "v3/counter.so")
            lasts = []
            for process in load:
                out, said = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, said)
                lasts.append(int(out.split()[-1]))
            self.assertEqual(max(lasts), 9000)
            self.assertEqual([len(n.rings()) for n in cluster.nodes], rings)  # no configuration change
            listing = json.loads(aisctl(cluster[1], "plugin", "list", "--json").stdout)
            self.assertEqual({p["name"]: p["version"] for p in listing}["counter"], "3.0.0")

    def test_cpg_under_load(self):
        """cpg_stream finds every gap, repetition and change of order by itself."""
        with Cluster(2) as cluster:
            started(cluster)
            streams = []
            for number in (1, 2):
                text = cluster.dir / f"text{number}"
                text.write_text("".join(f"line {i} of node {number}\n" for i in range(4000)))
                streams.append(cluster.run(number, [
                    str(STREAM), "--group", "replaced", "--send", str(text), "--out", str(cluster.dir / f"out{number}"),
                    "--rate", "1000", "--expect-members", "2", "--timeout", "60"], stderr=subprocess.PIPE, text=True))
            out = cluster.dir / "out1"
            wait_until(lambda: out.exists() and out.stat().st_size > 5000, 30, "lines are delivered")
            for node in cluster.nodes:
                self.replace(node, "cpg", "v2/cpg.so")
            self.replace(cluster[2], "cpg", "v3/cpg.so")
            self.assertTrue(all(stream.poll() is None for stream in streams), "replaced in the middle of it")
            for stream in streams:
                _, said = stream.communicate(timeout=90)
                self.assertEqual(stream.returncode, 0, said)
            self.assertEqual(out.read_text(), (cluster.dir / "out2").read_text())

    def test_ckpt_under_load(self):
        """A client of each node writes and reads back; ckpt_load ends at any error but TRY_AGAIN and at anything that is lost."""
        with Cluster(2) as cluster:
            started(cluster, "ckpt")
            rings = [len(n.rings()) for n in cluster.nodes]
            keeper = cluster.run(1, [str(CKPT), "fill", "20", "3", "50000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
            self.assertEqual(keeper.stdout.readline(), "filled\n", keeper.poll() is not None and keeper.stderr.read())
            load = [cluster.run(n, [str(CKPT), "work", f"work{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for n in (1, 2)]

            def writes_more():
                """Each of them has written after what it wrote when it was asked."""
                counts = []
                for process in load:
                    lines = [process.stdout.readline() for _ in range(3)]
                    self.assertTrue(all(lines), process.poll() is not None and process.stderr.read())
                    counts.append([int(line.split()[0]) for line in lines])
                self.assertTrue(all(c[0] < c[-1] for c in counts), counts)

            writes_more()
            for node in cluster.nodes:
                self.replace(node, "ckpt", "v2/ckpt.so")
                writes_more()
            self.replace(cluster[1], "ckpt", "v3/ckpt.so")
            writes_more()
            for process in (*load, keeper):
                out, said = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, said)
            for number in (1, 2):  # nothing of what was there before is lost either
                check = cluster.run(number, [str(CKPT), "check", "20", "3", "50000"], stdout=subprocess.PIPE, text=True)
                self.assertEqual((check.communicate(timeout=60)[0], check.returncode), ("equal\n", 0))
            self.assertEqual([len(n.rings()) for n in cluster.nodes], rings)  # no configuration change
            listing = json.loads(aisctl(cluster[1], "plugin", "list", "--json").stdout)
            self.assertEqual({p["name"]: p["version"] for p in listing}["ckpt"], "3.0.0")

    def test_evt_under_load(self):
        """Two clients here and one there publish and get all; evt_load ends at an event that is missing or there twice."""
        # A process that starts later than the others, on a busy machine, must not lose what it is slow to take.
        with Cluster(2, sections="event {\n    delivery_queue_size: 1000000\n}") as cluster:
            started(cluster, "evt")
            rings = [len(n.rings()) for n in cluster.nodes]
            load = [cluster.run(node, [str(EVT), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True) for number, node in enumerate((1, 2, 1))]

            def gets_more():
                """Each of them has got events after those that it had when it was asked."""
                for process in load:
                    lines = [process.stdout.readline() for _ in range(3)]
                    self.assertTrue(all(lines), process.poll() is not None and process.stderr.read())
                    self.assertLess(int(lines[0]), int(lines[-1]))

            gets_more()
            for node in cluster.nodes:
                self.replace(node, "evt", "v2/evt.so")
                gets_more()
            self.replace(cluster[1], "evt", "v3/evt.so")
            gets_more()
            outs = [process.communicate(timeout=60) for process in load]
            kept = 0
            for process, (out, said) in zip(load, outs):
                self.assertEqual(process.returncode, 0, said)
                got, even, published = (int(word) for word in out.splitlines()[-1].split())
                self.assertEqual((got, even), (published, published // 2))
                kept += published // 10
            for number in (1, 2):
                late = cluster.run(number, [str(EVT), "kept"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                out, said = late.communicate(timeout=60)
                self.assertEqual((out, late.returncode), (f"{kept}\n", 0), said)
            self.assertEqual([len(n.rings()) for n in cluster.nodes], rings)  # no configuration change
            listing = json.loads(aisctl(cluster[1], "plugin", "list", "--json").stdout)
            self.assertEqual({p["name"]: p["version"] for p in listing}["evt"], "3.0.0")

    def test_builds_that_fail_leave_the_old_one_running(self):
        with Cluster(1) as cluster:
            started(cluster)
            node = cluster[1]
            load = cluster.run(1, [str(COUNTER), "apples", "2000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for file, why in (("bad_abi/counter.so", "plugin ABI 2"), ("bad_load/counter.so", "does not start"),
                              ("bad_merge/counter.so", "could not merge"), ("bad_restore/counter.so", "belongs to the clients"),
                              ("v2/cpg.so", "is the plugin 'cpg'"), ("nowhere.so", "refused"),
                              ("base/counter.so", "mapped already")):
                done = aisctl(node, "plugin", "replace", "counter", str(BUILDS / file))
                self.assertEqual(done.returncode, 1, file)
                self.assertIn(why, done.stderr)
                node.wait_log(rf"PLUGIN-014 .*{file}")
            out, said = load.communicate(timeout=60)
            self.assertEqual(load.returncode, 0, said)
            self.assertEqual(int(out.split()[-1]), 2000)
            listing = json.loads(aisctl(node, "plugin", "list", "--json").stdout)
            self.assertEqual({p["name"]: p["version"] for p in listing}["counter"], "1.0.0")
            self.replace(node, "counter", "v2/counter.so")


if __name__ == "__main__":
    main()
