#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The operator's tool against a cluster of real executives: each command as a person and as a script use it.

replace_test.py has `plugin replace`, and tests/conformance/clm_test.cpp `clm`.
"""

import json
import os
import re
import subprocess
import unittest

from support import Cluster, build_dir, main, wait_until

AISCTL = str(build_dir() / "bin/aisctl")
STREAM = str(build_dir() / "bin/cpg_stream")


class Tool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.start()
        cls.cluster.wait_ring()
        for node in cls.cluster.nodes:
            wait_until(lambda: json.loads(cls.ask(node, "status", "--json").stdout or "{}").get("sync", {}).get("synced"),
                       20, "replicas equal")

    @staticmethod
    def ask(node, *words, data=None):
        return subprocess.run([AISCTL, "--run-dir", str(node.run_dir), *words], input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)

    def ok(self, number, *words, data=None):
        done = self.ask(self.cluster[number], *words, data=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, number, *words, status=1):
        done = self.ask(self.cluster[number], *words, data=b"")
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done.stderr.decode()

    def start(self, number, *words):
        process = self.cluster.run(number, [AISCTL, "--run-dir", str(self.cluster[number].run_dir), *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def test_members_and_rings(self):
        members = json.loads(self.ok(1, "members", "--json"))
        self.assertEqual([m["node"] for m in members], [1, 2])
        self.assertEqual(members[1]["address"], self.cluster.address(2))
        self.assertRegex(self.ok(2, "members").decode(), r"(?m)^2 +127\.0\.0\.2  \(this node\)$")
        rings = json.loads(self.ok(1, "rings", "--json"))
        self.assertTrue(rings["operational"])
        self.assertTrue(rings["links"][0]["up"])
        self.assertRegex(self.ok(1, "rings").decode(), r"(?m)^ring \S+\nLINK .*\n0 +\S+ +127\.0\.0\.1 +up ")

    def test_plugins_lists_as_plugin_list_does(self):
        names = [p["name"] for p in json.loads(self.ok(1, "plugins", "--json"))]
        self.assertEqual(names, [p["name"] for p in json.loads(self.ok(1, "plugin", "list", "--json"))])
        self.assertIn("ckpt", names)
        self.assertEqual(self.ok(1, "plugins"), self.ok(1, "plugin", "list"))

    def test_groups(self):
        self.assertEqual(json.loads(self.ok(1, "groups", "--json")), [])
        text = self.cluster.dir / "nothing"
        text.write_text("")
        member = self.cluster.run(2, [STREAM, "--group", "the group", "--send", str(text), "--out", os.devnull,
                                      "--expect-members", "2", "--timeout", "60"], stderr=subprocess.PIPE)
        self.addCleanup(lambda: (member.kill(), member.wait(), member.stderr.close()))
        wait_until(lambda: json.loads(self.ok(1, "groups", "--json")), 20, "the group is seen on the other node")
        self.assertEqual(json.loads(self.ok(1, "groups", "--json")),
                         [{"group": "the group", "members": [{"node": 2, "pid": member.pid}]}])
        self.assertRegex(self.ok(1, "groups").decode(), rf"(?m)^the group +2 +{member.pid}$")

    def test_checkpoints(self):
        self.assertIn("checkpoint a does not exist", self.refused(1, "ckpt", "read", "a"))
        self.assertIn("does not exist", self.refused(1, "ckpt", "write", "a"))
        self.ok(1, "ckpt", "write", "a", "--create", "--size", "100", data=b"first\0")
        self.assertEqual(self.ok(2, "ckpt", "read", "a"), b"first\0")
        self.ok(2, "ckpt", "write", "a", data=b"")
        self.assertEqual(self.ok(1, "ckpt", "read", "a"), b"")
        self.refused(2, "ckpt", "write", "a", "s")  # it has the default section only
        self.assertEqual(self.ask(self.cluster[1], "ckpt", "write", "a", data=b"x" * 101).returncode, 1)
        large = os.urandom(3 << 20)
        (self.cluster.dir / "large").write_bytes(large)
        self.ok(1, "ckpt", "write", "b", "s1", "--create", "--file", str(self.cluster.dir / "large"))
        self.ok(2, "ckpt", "read", "b", "s1", "--file", str(self.cluster.dir / "back"))
        self.assertEqual((self.cluster.dir / "back").read_bytes(), large)
        listed = {c["name"]: c for c in json.loads(self.ok(2, "ckpt", "list", "--json"))}
        self.assertEqual((listed["b"]["bytes"], listed["b"]["sections"], listed["b"]["writes"]), (len(large), 1, "all"))
        # Who had it open is gone when the executive knows.
        wait_until(lambda: re.search(rf"(?m)^b +all +1 +{len(large)} +0$", self.ok(2, "ckpt", "list").decode()), 20, "nobody has b open")
        self.assertRegex(self.ok(2, "ckpt", "list", "a").decode(), r"(?m)^\(default\) +0  valid$")
        self.assertEqual([s["section"] for s in json.loads(self.ok(1, "ckpt", "list", "b", "--json"))], ["s1"])
        self.assertIn("section moon of checkpoint b does not exist", self.refused(1, "ckpt", "read", "b", "moon"))

    def test_watch_prints_each_change(self):
        self.ok(1, "ckpt", "write", "watched", "--create", "--size", "100", data=b"0")
        watcher = self.start(2, "ckpt", "watch", "watched", "--count", "2", "--json")
        first = json.loads(watcher.stdout.readline())
        self.assertEqual((first["change"], first["bytes"]), ("there", 1))
        self.ok(1, "ckpt", "write", "watched", data=b"four")
        second = json.loads(watcher.stdout.readline())
        self.assertEqual((second["change"], second["bytes"]), ("changed", 4))
        self.assertEqual(watcher.wait(20), 0)

    def test_events(self):
        self.assertIn("channel news does not exist", self.refused(1, "evt", "publish", "news", "x"))
        kept = json.loads(self.ok(1, "evt", "publish", "news", "--create", "--retention", "600", "--pattern", "web", "--pattern", "7",
                                  "--publisher", "me", "--json", data=b"kept\n"))
        hears = self.start(2, "evt", "subscribe", "news", "--exact", "web", "--count", "2", "--json")
        first = json.loads(hears.stdout.readline())
        self.assertEqual((first["id"], first["data"], first["patterns"], first["publisher"], first["priority"]),
                         (kept["id"], "kept\n", ["web", "7"], "me", 3))
        self.ok(2, "evt", "publish", "news", "not for you", "--pattern", "db")
        self.ok(1, "evt", "publish", "news", "now", "--pattern", "web", "--priority", "0")
        second = json.loads(hears.stdout.readline())
        self.assertEqual((second["data"], second["priority"], second["lost"]), ("now", 0, False))
        self.assertEqual(hears.wait(20), 0)
        hears = self.start(2, "evt", "subscribe", "news", "--count", "1")
        self.assertRegex(hears.stdout.readline(), rf"^{kept['id']:#x} me \[web, 7\] kept\\x0a$")
        self.assertEqual(hears.wait(20), 0)

    def test_wrong_command_lines_and_no_executive(self):
        for words in ((), ("moon",), ("ckpt",), ("ckpt", "read"), ("ckpt", "read", "n" * 257), ("ckpt", "read", "a", "s" * 257),
                      ("ckpt", "write", "a", "--size", "x"), ("evt", "publish"), ("evt", "publish", "c", "d", "--priority", "4"),
                      ("evt", "subscribe", "c", "--prefix", "a", "--exact", "b"), ("evt", "subscribe", "", "--count", "1"),
                      ("plugins", "moon"), ("members", "moon")):
            self.refused(1, *words, status=2)
        nobody = self.cluster.dir / "nobody"
        nobody.mkdir(exist_ok=True)
        for words in (("members",), ("rings",), ("groups",), ("plugins",), ("ckpt", "list"), ("ckpt", "read", "a"),
                      ("ckpt", "watch", "a"), ("evt", "publish", "c", "d"), ("evt", "subscribe", "c")):
            done = subprocess.run([AISCTL, "--run-dir", str(nobody), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 3, (words, done.stderr))
            self.assertIn("no executive answers", done.stderr, words)


if __name__ == "__main__":
    main()
