#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How real executives notice that one of them is gone (docs/protocol/detection.md).

No times are judged here (bench/detection measures them): what is, is the way on which it was noticed.
"""

import signal
import socket
import subprocess
import time
import unittest

from support import Cluster, can_use_namespaces, main

ENDED = r"leaving out node {}: its executive has ended"
SILENT = r"leaving out node {}: it does not answer"


class Ended(unittest.TestCase):
    def test_an_idle_ring_learns_it_without_sending_anything(self):
        # The token rests for 12 s, and a silent node is borne for 19 s: only the lifeline can tell in time.
        with Cluster(3, totem="detection_time: 60000\njoin: 20\nconsensus: 240") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=30)
            # One that is not the representative, then the representative.
            for victim in (3, 1):
                left = [n for n in (1, 2, 3) if n != victim]
                cluster[victim].kill()
                cluster.wait_ring(*left, timeout=9)
                self.assertRegex("".join(cluster[n].log() for n in left), ENDED.format(victim))
                cluster[victim].start()
                cluster.wait_ring(timeout=30)

    def test_a_closed_port_is_enough_where_lifelines_cannot_be_had(self):
        with Cluster(3) as cluster:
            taken = []
            for node in cluster.nodes:
                listener = socket.socket()
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((cluster.address(node.id), cluster.port))
                listener.listen()
                taken.append(listener)
            cluster.start()
            cluster.wait_ring(timeout=20)
            for node in cluster.nodes:
                node.wait_log("MAIN-027")
            cluster[2].kill()
            cluster.wait_ring(1, 3)
            self.assertRegex(cluster[1].log() + cluster[3].log(), ENDED.format(2))
            for listener in taken:
                listener.close()


class Silent(unittest.TestCase):
    def test_a_frozen_node_is_left_out_and_says_later_that_it_did_not_run(self):
        with Cluster(3) as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            cluster[2].signal(signal.SIGSTOP)
            cluster.wait_ring(1, 3)
            self.assertRegex(cluster[1].log() + cluster[3].log(), SILENT.format(2))
            time.sleep(0.5)  # not a wait: the fault's length
            cluster[2].signal(signal.SIGCONT)
            cluster.wait_ring(timeout=30)
            cluster[2].wait_log(r"MAIN-028 .*did not run for \d+ ms or more \(.+\)")
            self.assertTrue(all(node.is_running() for node in cluster.nodes))

    @unittest.skipUnless(can_use_namespaces(), "needs root and network namespaces")
    def test_a_node_that_is_cut_off_is_left_out_by_each_side(self):
        with Cluster(4, netns=True) as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            cluster.partition([1, 2, 4], [3])
            cluster.wait_ring(1, 2, 4)
            cluster.wait_ring(3)
            cluster.heal()
            cluster.wait_ring(timeout=30)


class Knob(unittest.TestCase):
    def test_the_most_patient_node_decides(self):
        with Cluster(3) as cluster:
            patient = cluster[2].config
            patient.write_text(patient.read_text().replace("version: 2", "version: 2\n    detection_time: 900"))
            cluster.start()
            cluster.wait_ring(timeout=20)
            for node in cluster.nodes:
                node.signal(signal.SIGUSR2)
                node.wait_log(r"detection 900 ms, hold 252 ms")

    def test_check_config_prints_what_follows(self):
        with Cluster(1, totem="detection_time: fast") as cluster:
            done = subprocess.run([str(cluster.build / "bin/aisexec-kernel"), "--check-config",
                                   "--config", str(cluster[1].config)], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"detection_time +100 ms")
            self.assertRegex(done.stdout, r"silent node +is probed for 10 ms, by all for 22 ms more, and left out")
            self.assertRegex(done.stdout, r"hold, merge +10 ms, 200 ms")


if __name__ == "__main__":
    main()
