#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Networks of several kinds, and what comes over them that should not.

Datagrams are recorded from the loopback interface with a packet socket, and sent again later, as they are or
damaged, from an address that belongs to no node.
"""

import collections
import os
import random
import signal
import socket
import subprocess
import threading
import time
import unittest

from support import Cluster, build_dir, can_use_namespaces, main, wait_until

BENCH = build_dir() / "bin/aisbench"
STREAM = build_dir() / "bin/cpg_stream"
TYPES = {1: "data", 2: "token", 3: "join", 4: "commit token", 5: "merge detect", 6: "hold cancel"}
ENVELOPE = 36  # bytes in front of the payload with cipher 0; the type is the payload's fourth byte


def stream(test, cluster, numbers, size=2000, seconds=0.5):
    """All of these send at once; nothing lost, one order."""
    running = [cluster.run(n, [str(BENCH), "--members", str(len(numbers)), "--senders", str(len(numbers)), "--role", "send",
                               "--size", str(size), "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
               for n in numbers]
    orders = set()
    for one in running:
        out, _ = one.communicate(timeout=60)
        test.assertEqual(one.returncode, 0, out)
        orders.add(out.split('"order":')[1].split(",")[0])
    test.assertEqual(len(orders), 1, orders)


def ping(cluster, number):
    """A few messages, one after the other."""
    cluster.run(number, [str(BENCH), "--members", "1", "--role", "ping", "--seconds", "0", "--think-ms", "10", "--group",
                         f"ping{number}"], stdout=subprocess.DEVNULL).wait(20)


def can_record():
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()
    except (OSError, AttributeError):
        return False
    return True


class Recorder:
    """The datagrams to the ports of a cluster on the loopback interface: {(receiver, port): [payload, …]}."""

    def __init__(self, cluster):
        self.ports = (cluster.port, cluster.port + 1)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.05)
        self.seen = collections.defaultdict(list)
        self.is_open = True
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while self.is_open:
            try:
                frame, where = self.socket.recvfrom(65600)
            except TimeoutError:
                continue
            ip = frame[14:]
            if where[2] != 4 or where[1] != 0x0800 or ip[9] != 17:  # each frame once: when it leaves; UDP over IPv4
                continue
            udp = ip[(ip[0] & 15) * 4:]
            port = int.from_bytes(udp[2:4], "big")
            if port in self.ports:
                self.seen[(socket.inet_ntoa(ip[16:20]), port)].append(bytes(udp[8:int.from_bytes(udp[4:6], "big")]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_open = False
        self.thread.join()
        self.socket.close()


class Sender:
    """A stranger on the loopback interface."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.99", 0))
        self.sent = 0

    def send(self, payload, to):
        try:
            self.socket.sendto(payload, to)
        except OSError:
            return  # a full buffer
        self.sent += 1
        if self.sent % 50 == 0:
            time.sleep(0.002)  # not a wait: leave the ring some room in its receive buffer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@unittest.skipUnless(can_record(), "packet sockets are not permitted here")
class Recorded(unittest.TestCase):
    def test_replayed_datagrams_are_counted_and_change_nothing(self):
        # A long token timeout: what is counted are changes that replays make, not those of a busy machine.
        with Cluster(3, totem="offload: off\ntoken: 2000") as cluster, Sender() as stranger:
            cluster.start()
            cluster.wait_ring(timeout=20)
            targets = {(cluster.address(n), port) for n in (1, 2) for port in (cluster.port, cluster.port + 1)}
            # From here on nodes 1 and 2 hear all that is sent to them: recorded is nothing that could still be news.
            with Recorder(cluster) as recorder:
                self.assertEqual(cluster[3].stop(), 0)
                cluster.wait_ring(1, 2, timeout=20)
                cluster[3].start()
                cluster.wait_ring(timeout=20)
                for number in (1, 2, 3):
                    ping(cluster, number)
                wait_until(lambda: targets <= set(recorder.seen), 10, "datagrams to both ports of two nodes")
            first_life = {to: recorder.seen[to][:500] for to in targets}

            def replay():
                rings = [len(node.rings()) for node in cluster.nodes]
                for to, payloads in first_life.items():
                    for payload in payloads:
                        stranger.send(payload, to)
                stream(self, cluster, [1, 2, 3], seconds=0.1)
                self.assertEqual([len(node.rings()) for node in cluster.nodes], rings)

            replay()
            for node in cluster.nodes[:2]:
                node.wait_log(r"LINK-006 .*Invalid digest.*127\.0\.0\.99.*seen before")
            # What a node had sent in a life before is no news either.
            cluster[3].kill()
            cluster.wait_ring(1, 2, timeout=20)
            cluster[3].start()
            cluster.wait_ring(timeout=20)
            replay()
            self.assertTrue(all(node.is_running() for node in cluster.nodes))

    def test_truncated_and_mutated_copies_of_every_type(self):
        chance = random.Random(3)
        with Cluster(2, secauth="off", totem="offload: off") as cluster, Recorder(cluster) as recorder, \
                Sender() as stranger:
            cluster.start()
            cluster.wait_ring()
            kinds = collections.defaultdict(list)

            def has_every_type():
                # A message into a ring that holds its token makes hold cancel; merge detect comes by itself.
                ping(cluster, 2)
                kinds.clear()
                for to, payloads in list(recorder.seen.items()):
                    for payload in list(payloads):
                        kinds[payload[ENVELOPE + 3]].append((to, payload))
                return set(kinds) >= set(TYPES)

            wait_until(has_every_type, 15, lambda: f"all types; seen: {[TYPES.get(k, k) for k in kinds]}")
            self.assertEqual(set(kinds), set(TYPES))

            malformed = [self.malformed(node) for node in cluster.nodes]
            for kind in TYPES:
                examples = chance.sample(kinds[kind], min(4, len(kinds[kind])))
                for to, payload in examples:
                    for size in range(0, len(payload), max(1, len(payload) // 60)):
                        stranger.send(payload[:size], to)
                    for _ in range(60):
                        mutant = bytearray(payload)
                        for _ in range(chance.randint(1, 4)):
                            at = chance.randrange(ENVELOPE, len(mutant)) if len(mutant) > ENVELOPE else 0
                            mutant[at] = chance.choice([0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)])
                        stranger.send(bytes(mutant) + chance.randbytes(chance.choice([0, 0, 1, 9])), to)
            for node, before in zip(cluster.nodes, malformed):
                self.assertTrue(node.is_running(), node.log()[-3000:])
                wait_until(lambda n=node, b=before: self.malformed(n) > b + 50, 10, "malformed datagrams to be counted")
            # Without authentication a mutant may have been a good lie, which members and services believe (that is what
            # the warning of crypto_none is about); but no lie ends a node, hangs it, or keeps the nodes apart.
            cluster.wait_ring(timeout=20)
            self.assertEqual([node.stop() for node in cluster.nodes], [0, 0])

    def malformed(self, node):
        """The node's own count, from the dump of its state."""
        mark = len(node.log())
        node.signal(signal.SIGUSR2)
        return int(node.wait_log(r"MAIN-009 .*malformed (\d+)", after=mark).group(1))


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class Kinds(unittest.TestCase):
    def works(self, count=3, size=2000, **kind):
        with Cluster(count, netns=True, **kind) as cluster:
            cluster.start()
            cluster.wait_ring()
            stream(self, cluster, list(range(1, count + 1)), size=size)
            cluster[2].kill()
            cluster.wait_ring(*[n for n in range(1, count + 1) if n != 2])
            cluster[2].start()
            cluster.wait_ring()
            stream(self, cluster, list(range(1, count + 1)), size=size, seconds=0.2)
            for node in cluster.nodes:
                self.assertNotRegex(node.log(), r"UDP-003|MAIN-013|assertion")
            return cluster[1].log()

    def test_unicast_over_ipv6(self):
        self.assertIn("(fd00:77::3)", self.works(ipv6=True))

    def test_multicast_over_ipv6(self):
        self.assertIn("(fd00:77::3)", self.works(ipv6=True, transport="udp"))

    def test_multicast_over_ipv4(self):
        self.assertIn("(10.77.0.3)", self.works(transport="udp"))

    def test_large_datagrams(self):
        self.works(mtu=9000, totem="netmtu: 9000", size=100_000)

    def test_small_datagrams(self):
        self.works(mtu=1000, totem="netmtu: 1000", size=20_000)

    def test_a_large_netmtu_on_a_small_network_is_said_and_works(self):
        with Cluster(2, netns=True, totem="netmtu: 9000") as cluster:
            cluster.start()
            cluster.wait_ring()
            cluster[1].wait_log(r"MAIN-013 .*netmtu is 9000, but eth0 carries only 1500")
            stream(self, cluster, [1, 2], size=100_000, seconds=0.2)


class Misfits(unittest.TestCase):
    def refused(self, wrong, right, key, here, there):
        """Node 3 has `wrong` in its file; both sides say why, until it has `right`."""
        with Cluster(3) as cluster:
            text = cluster[3].config.read_text()
            cluster[3].config.write_text(wrong(text))
            cluster.start()
            cluster.wait_ring(1, 2)
            cluster[3].wait_log(r"TOTEM-003 .* formed with members \{3\}")
            cluster[1].wait_log(rf"TOTEM-017 .*node 3 is refused.*{key} is '{here}' here and '{there}' there")
            cluster[3].wait_log(rf"TOTEM-017 .*node [12] is refused.*{key} is '{there}' here and '{here}' there")
            rings = len(cluster[1].rings())
            stream(self, cluster, [1, 2], seconds=2)  # as long as ten merge detects
            self.assertEqual(len(cluster[1].rings()), rings)
            self.assertEqual(cluster[1].log().count("node 3 is refused"), 1)  # not at every merge detect
            self.assertEqual(cluster[3].stop(), 0)
            cluster[3].config.write_text(right(text))
            cluster[3].start()
            cluster.wait_ring()

    def test_another_cluster_name(self):
        self.refused(lambda text: text.replace("totem {", "totem {\n    cluster_name: green"), lambda text: text,
                     "cluster_name", "", "green")

    def test_another_message_max(self):
        self.refused(lambda text: text + "ipc {\n    message_max: 65536\n}\n", lambda text: text,
                     "message_max", "1048576", "65536")


class Broken(unittest.TestCase):
    @unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
    def test_a_cable_that_works_in_one_direction_only(self):
        # Patience: what is counted are changes that the cable makes, not those of a busy machine.
        with Cluster(5, netns=True, totem="detection_time: wan\njoin: 100\nmerge: 200") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=30)
            cluster.cut_direction(1, 2)
            # 2 does not hear 1.  All leave out the same one of the two, and it stays out.  Which one, the ring that they
            # come from decides: 2, if all do that, but 1, if 2 and the others had given it up already.
            wait_until(lambda: self.outsider(cluster), 60, "one of 1 and 2 to be alone, and the others in one ring")
            out = self.outsider(cluster)
            # All who keep it out name it and the path, and so does the one that is alone.
            said = {number: rf"TOTEM-014 .*node {out} excluded: node 2 does not hear node 1" for number in range(1, 6)}
            said[out] = rf"TOTEM-015 .*left out of a ring with node {3 - out}: node 2 does not hear node 1"
            for number, line in said.items():
                cluster[number].wait_log(line, timeout=30)
            self.assertEqual(self.outsider(cluster), out)
            # The ring of the others holds, and nobody comes to it.  (The one that is alone may form its own once more:
            # what two sides know of paths may differ, and a Gather too many makes it equal, separation.hpp.)
            four = [node for node in cluster.nodes if node.id != out]
            rings = [len(node.rings()) for node in four]
            stream(self, cluster, [node.id for node in four], seconds=5)  # as long as 25 merge detects
            self.assertEqual([len(node.rings()) for node in four], rings)
            self.assertEqual(self.outsider(cluster), out)
            self.assertTrue(all(node.is_running() for node in cluster.nodes))
            cluster.heal_direction(1, 2)
            cluster.wait_ring(timeout=60)
            stream(self, cluster, [1, 2, 3, 4, 5], seconds=0.3)

    @staticmethod
    def outsider(cluster):
        """The one of 1 and 2 that is alone while the others are in one ring; None while there is none."""
        for out in (1, 2):
            others = {1, 2, 3, 4, 5} - {out}
            if all(node.members() == ({out} if node.id == out else others) for node in cluster.nodes):
                return out
        return None

    def test_five_nodes_two_of_which_restart_during_recovery_under_traffic(self):
        chance = random.Random(2)
        with Cluster(5) as cluster:
            cluster.start()
            cluster.wait_ring()
            text = cluster.dir / "text"
            text.write_text("".join(f"line {i} of a text, {'x' * (i % 90)}\n" for i in range(4000)))
            outs = {n: cluster.dir / f"out{n}" for n in (1, 2, 3)}
            streams = {n: cluster.run(n, [str(STREAM), "--group", "order", "--out", str(outs[n]), "--send", str(text),
                                          "--events", str(cluster.dir / f"events{n}"), "--expect-members", "3", "--rate",
                                          "1000", "--timeout", "60"], stderr=subprocess.PIPE, text=True) for n in (1, 2, 3)}
            restarts = 0
            while any(one.poll() is None for one in streams.values()) and restarts < 12:
                victim = cluster[chance.choice([4, 5])]
                victim.kill()
                time.sleep(chance.random() * 0.4)  # not a wait: the random place in the re-forming
                victim.start()
                time.sleep(chance.random() * 0.3)  # as above
                restarts += 1
            self.assertGreater(restarts, 4)
            for number, one in streams.items():
                said = one.communicate(timeout=60)[1]
                self.assertEqual(one.returncode, 0, said + (cluster.dir / f"events{number}").read_text()[-2000:])
            first = outs[1].read_bytes()
            self.assertEqual(first.count(b"\n"), 3 * 4000)
            self.assertTrue(all(out.read_bytes() == first for out in outs.values()))
            cluster.wait_ring(timeout=20)


if __name__ == "__main__":
    main()
