#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""aisctl msg: queues and groups from scripts."""

import ctypes
import json
import os
import subprocess
import unittest

from support import Cluster, build_dir, main, wait_until

AISCTL = build_dir() / "bin/aisctl"


def aisctl(node, *words, **options):
    return subprocess.run([str(AISCTL), "--run-dir", str(node.run_dir), *words], capture_output=True, timeout=60, **options)


class Name(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("value", ctypes.c_uint8 * 256)]

    def __init__(self, text):
        super().__init__(len(text))
        self.value[:len(text)] = text.encode()


class Attributes(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("size", ctypes.c_uint64 * 4), ("retention", ctypes.c_int64)]


class Version(ctypes.Structure):
    _fields_ = [("release", ctypes.c_uint8), ("major", ctypes.c_uint8), ("minor", ctypes.c_uint8)]


class Library:
    """What aisctl has no commands for: queues and groups are made by programs."""

    def __init__(self, node):
        os.environ["OPENAIS_RUN_DIR"] = str(node.run_dir)
        self.lib = ctypes.CDLL(str(build_dir() / "lib/libSaMsg.so"))
        self.handle = ctypes.c_uint64()

        def begin():
            return self.lib.saMsgInitialize(ctypes.byref(self.handle), None, ctypes.byref(Version(ord("B"), 1, 1))) == 1
        wait_until(begin, 20, "an association")

    def create(self, name):
        queue = ctypes.c_uint64()
        attributes = Attributes(1, (ctypes.c_uint64 * 4)(100, 100, 100, 100), 0)
        assert self.lib.saMsgQueueOpen(self.handle, ctypes.byref(Name(name)), ctypes.byref(attributes), 1,
                                       ctypes.c_int64(20 * 10**9), ctypes.byref(queue)) == 1
        return queue

    def close(self, queue):
        assert self.lib.saMsgQueueClose(queue) == 1

    def group(self, name, policy, *members):
        assert self.lib.saMsgQueueGroupCreate(self.handle, ctypes.byref(Name(name)), policy) == 1
        for member in members:
            assert self.lib.saMsgQueueGroupInsert(self.handle, ctypes.byref(Name(name)), ctypes.byref(Name(member))) == 1


class Commands(unittest.TestCase):
    def test_messages_go_from_node_to_node_by_command(self):
        with Cluster(2) as cluster:
            cluster.start()
            cluster.wait_ring()
            one, two = cluster[1], cluster[2]
            library = Library(one)
            first, second = library.create("jobs 1"), library.create("jobs 2")
            library.group("jobs", 1, "jobs 1", "jobs 2")

            def sent(*words, **options):
                done = aisctl(two, "msg", "send", *words, **options)
                self.assertEqual(done.returncode, 0, done.stderr)
            sent("jobs", "a")
            sent("jobs", "b")
            sent("jobs 1", "--priority", "0", input=b"\x00urgent\n")
            queues = json.loads(aisctl(two, "msg", "queues", "--json").stdout)
            self.assertEqual([(q["name"], q["node"], q["messages"], q["used"]) for q in queues],
                             [("jobs 1", 1, 2, 9), ("jobs 2", 1, 1, 1)])
            self.assertRegex(aisctl(two, "msg", "queues").stdout.decode(), r"(?m)^1 +2 +9 +yes +jobs 1$")
            groups = json.loads(aisctl(one, "msg", "groups", "--json").stdout)
            self.assertEqual(groups, [{"name": "jobs", "policy": "round-robin", "members": ["jobs 1", "jobs 2"]}])
            self.assertRegex(aisctl(one, "msg", "groups").stdout.decode(), r"(?m)^round-robin +2 +jobs$")

            busy = aisctl(two, "msg", "receive", "jobs 1")
            self.assertEqual(busy.returncode, 1)
            self.assertIn(b"open elsewhere", busy.stderr)
            library.close(first)
            library.close(second)
            self.assertEqual(aisctl(two, "msg", "receive", "jobs 1").stdout, b"\x00urgent\n")
            message = json.loads(aisctl(one, "msg", "receive", "jobs 1", "--json", "--timeout", "20").stdout)
            self.assertEqual((message["data"], message["priority"], message["sender"]), ("a", 3, "aisctl"))
            self.assertEqual(aisctl(two, "msg", "receive", "jobs 1").returncode, 4)
            self.assertEqual(aisctl(two, "msg", "receive", "jobs 1", "--timeout", "0.1").returncode, 4)

            # What nobody can read stays.
            with open("/dev/full", "wb") as full:
                lost = subprocess.run([str(AISCTL), "--run-dir", str(two.run_dir), "msg", "receive", "jobs 2"], stdout=full,
                                      stderr=subprocess.DEVNULL, timeout=60)
            self.assertEqual(lost.returncode, 1)
            # (Who ended without closing it has it open until the executive knows.)
            wait_until(lambda: aisctl(one, "msg", "receive", "jobs 2").stdout == b"b", 20, "it is back in its place")

    def test_errors_have_exit_statuses(self):
        with Cluster(1) as cluster:
            cluster.start()
            cluster.wait_ring()
            node = cluster[1]
            library = Library(node)
            library.create("full")
            library.group("nobody", 4)
            self.assertEqual(aisctl(node, "msg").returncode, 2)
            self.assertEqual(aisctl(node, "msg", "send", "").returncode, 2)
            self.assertEqual(aisctl(node, "msg", "send", "x", "y", "--priority", "4").returncode, 2)
            self.assertEqual(aisctl(node, "msg", "send", "nowhere", "x").returncode, 1)
            self.assertEqual(aisctl(node, "msg", "receive", "nowhere").returncode, 1)
            self.assertEqual(aisctl(node, "msg", "send", "nobody", "x").returncode, 4)
            self.assertEqual(aisctl(node, "msg", "send", "full", "x" * 101).returncode, 4)


if __name__ == "__main__":
    main()
