#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A node joins late, clusters with many checkpoints, with large sections and with queues full of messages, while a client goes on to write
and read, or to send and get.

AIS_LATEJOIN=10000x1x1024,50x10x1048576 latejoin_test.py measures other sizes: checkpoints × sections × bytes; 16x64x1048576 is 1 GiB.
AIS_LATEJOIN=msg:8x19x1048576 does so with queues × messages × bytes: 152 MiB.
Printed are the time from the start of the exchange until the node is in step, MB/s, the longest time that any call of the client waited,
and the memory of the executives.
"""

import json
import os
import re
import socket
import subprocess
import threading
import time
import unittest

from support import Cluster, build_dir, main, wait_until

SIZES = os.environ.get("AIS_LATEJOIN", "400x1x1024,4x4x1048576,msg:50x40x200,msg:4x40x100000").split(",")
WORDS = {"ckpt": ("checkpoints", "sections"), "msg": ("queues", "messages")}
IS_FIGURE = "AIS_LATEJOIN" in os.environ
PATIENCE = 600 if IS_FIGURE else 60


def is_in_step(node):
    try:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(30)
            raw.connect(str(node.run_dir / "control"))
            raw.sendall(b'{"do":"status"}\n')
            answer = b""
            while not answer.endswith(b"\n"):
                answer += raw.recv(1 << 20)
            return json.loads(answer)["result"]["sync"]["synced"]
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def peak_of(node):
    """The most memory that this executive has had, in MiB."""
    with open(f"/proc/{node.process.pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))


class Lines:
    """What a program prints, as it comes."""

    def __init__(self, stream):
        self.all = []
        threading.Thread(target=lambda: self.all.extend(iter(stream.readline, "")), daemon=True).start()


class LateJoin(unittest.TestCase):
    def client(self, cluster, number, service, *words):
        return cluster.run(number, [str(build_dir() / f"tests/{service}_load"), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)

    def join(self, service, outer, inner, size):
        mib = outer * inner * size / (1 << 20)
        # A long token timeout in the continuous integration, where a ring lost for want of a processor says nothing; figures are
        # taken with the default and say how many rings there were.
        # The default of ckpt.memory_max is 1 GiB, so 1 GiB of sections would leave no room for the client's own.
        with Cluster(3, totem="" if IS_FIGURE else "token: 3000",
                     sections=f"ckpt {{\n    memory_max: {outer * inner * size + (64 << 20)}\n}}") as cluster:
            cluster.start(1, 2)
            cluster.wait_ring(1, 2, timeout=20)
            filler = self.client(cluster, 1, service, "fill", outer, inner, size)
            begun = time.monotonic()
            self.assertEqual(filler.stdout.readline(), "filled\n", filler.poll() is not None and filler.stderr.read())
            filled = time.monotonic() - begun
            filler.stdin.close()
            self.assertEqual(filler.wait(20), 0)
            worker = self.client(cluster, 1, service, "work", "traffic")
            lines = Lines(worker.stdout)
            wait_until(lambda: len(lines.all) > 4 or worker.poll() is not None, 30, "the traffic has begun")
            self.assertIsNone(worker.poll(), worker.poll() is not None and worker.stderr.read())
            before = lines.all[-1].split()
            cluster[3].start()
            cluster[3].wait_log(r"SYNC-001 ", timeout=30)
            begun = time.monotonic()
            wait_until(lambda: is_in_step(cluster[3]), PATIENCE, lambda: f"in step: {cluster[3].log()[-2000:]}", poll=0.02)
            took = time.monotonic() - begun
            seen = len(lines.all)
            wait_until(lambda: len(lines.all) > seen + 1, 60, "the client goes on")
            worker.stdin.close()
            self.assertEqual(worker.wait(30), 0, worker.stderr.read())
            reader = self.client(cluster, 3, service, "check", outer, inner, size)
            said, complaint = reader.communicate(timeout=PATIENCE)
            self.assertEqual((reader.returncode, said), (0, "equal\n"), complaint)
            rings = len(cluster[3].rings())
            if not IS_FIGURE:
                self.assertEqual(rings, 1, "the ring held while the state moved")
            held = [f"{what} {ms} ms" for node in cluster.nodes
                    for what, ms in re.findall(rf"PLUGIN-010 \S+ ({service}\.\w+) took (\d+) ms", node.log())]
            wait_until(lambda: lines.all[-1].split()[0] != before[0], 5, "the last line of the client")
            count, longest, again = lines.all[-1].split()
            ended = re.findall(r"SYNC-007 .*", cluster[3].log())
            print(f"\n{outer} {WORDS[service][0]} × {inner} {WORDS[service][1]} × {size} bytes = {mib:.1f} MiB: filled in {filled:.2f} s; in step "
                  f"after {took:.2f} s, {mib * 1.048576 / max(took, 1e-3):.1f} MB/s; longest call of the client {longest} ms ({before[1]} ms "
                  f"before the join), {count} rounds, told to try again {again} times; rings of the new node: {rings}; most memory "
                  f"{peak_of(cluster[1])} MiB at node 1, {peak_of(cluster[3])} MiB at the new one; load {os.getloadavg()[0]:.1f}; calls of "
                  f"{service} that held the ring: {', '.join(held) or 'none'}\n{ended[-1] if ended else ''}")


for _size in SIZES:
    _service, _, _numbers = _size.rpartition(":")
    _words = (_service or "ckpt", *map(int, _numbers.split("x")))
    setattr(LateJoin, "test_{}_{}_of_{}_of_{}_bytes".format(*_words), lambda self, words=_words: self.join(*words))

if __name__ == "__main__":
    main()
