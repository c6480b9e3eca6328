#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Networks that fail while others work, and addresses that change: who is a member stays the same.

The ring's own patience is long here (token), so that only what a link's death does to it is counted, not what a busy
machine does; the links' is short.
"""

import re
import signal
import subprocess
import unittest

from support import Cluster, build_dir, can_use_namespaces, main, wait_until

BENCH = build_dir() / "bin/aisbench"
PATIENT = "token: 5000\nrrp_token_expired_timeout: 100\n"


def start_stream(cluster, numbers, seconds):
    return [cluster.run(n, [str(BENCH), "--members", str(len(numbers)), "--senders", str(len(numbers)), "--role", "send",
                            "--size", "2000", "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
            for n in numbers]


def end_stream(test, running):
    """All ended well, nothing lost, one order."""
    orders = set()
    for one in running:
        out, _ = one.communicate(timeout=90)
        test.assertEqual(one.returncode, 0, out)
        orders.add(out.split('"order":')[1].split(",")[0])
    test.assertEqual(len(orders), 1, orders)


def rings(cluster):
    return [len(node.rings()) for node in cluster.nodes]


def state(node, pattern):
    """Whether the dump of its state has such a line."""
    mark = len(node.log())
    node.signal(signal.SIGUSR2)
    node.wait_log(r"MAIN-009 .*rebound", after=mark)
    return re.search(pattern, node.log()[mark:])


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class TwoLinks(unittest.TestCase):
    def wait_links_up(self, cluster):
        others = len(cluster.nodes) - 1
        for node in cluster.nodes:
            wait_until(lambda n=node: all(state(n, rf"link {link}:(?: node \d+ up,){{{others}}} sent") for link in (0, 1)),
                       20, "all paths up", poll=0.2)

    def a_link_dies(self, mode, link):
        with Cluster(3, netns=True, links=2, totem=PATIENT + f"rrp_mode: {mode}") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            self.wait_links_up(cluster)
            before = rings(cluster)
            running = start_stream(cluster, [1, 2, 3], seconds=2)
            cluster.cut_link(link)
            for node in cluster.nodes:
                node.wait_log(rf"LINK-010 .*link {link} to nodes? .* is down", timeout=20)
            end_stream(self, running)
            running = start_stream(cluster, [1, 2, 3], seconds=2)
            marks = [len(node.log()) for node in cluster.nodes]
            cluster.heal_link(link)
            for node, mark in zip(cluster.nodes, marks):
                node.wait_log(rf"LINK-011 .*link {link} to nodes? .* is up again", timeout=20, after=mark)
            end_stream(self, running)
            self.assertEqual(rings(cluster), before)

    def test_the_first_link_dies_when_data_goes_on_the_best(self):
        self.a_link_dies("none", 0)

    def test_a_link_dies_when_data_takes_turns(self):
        self.a_link_dies("passive", 1)

    def test_a_link_dies_when_data_goes_on_all(self):
        self.a_link_dies("active", 0)

    def test_one_of_two_multicast_networks_dies(self):
        with Cluster(2, netns=True, links=2, transport="udp", totem=PATIENT + "rrp_mode: passive") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            self.wait_links_up(cluster)
            before = rings(cluster)
            running = start_stream(cluster, [1, 2], seconds=1)
            cluster.cut_link(0)
            cluster[1].wait_log(r"LINK-010 .*link 0 to node 2 is down", timeout=20)
            end_stream(self, running)
            self.assertEqual(rings(cluster), before)

    def test_an_interface_goes_down_and_comes_back(self):
        with Cluster(3, netns=True, links=2, totem=PATIENT + "rrp_mode: passive") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            self.wait_links_up(cluster)
            before = rings(cluster)
            running = start_stream(cluster, [1, 2, 3], seconds=2)
            cluster.inside_ip(2, "link", "set", "eth1", "down")
            cluster[2].wait_log(r"MAIN-023 .*link 1 carries nothing: interface eth1.* is down")
            for number in (1, 3):
                cluster[number].wait_log(r"LINK-010 .*link 1 to node 2 is down", timeout=20)
            cluster.inside_ip(2, "link", "set", "eth1", "up")
            cluster[2].wait_log(r"MAIN-022 .*link 1: interface eth1 works again")
            cluster[2].wait_log(r"LINK-011 .*link 1 to nodes? .*up again", timeout=20)
            end_stream(self, running)
            self.assertEqual(rings(cluster), before)

    def test_all_links_die_and_one_is_enough_to_come_together(self):
        with Cluster(3, netns=True, links=2, totem="token: 1000") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            cluster.cut_link(0)
            cluster.cut_link(1)
            for number in (1, 2, 3):
                cluster.wait_ring(number, timeout=20)
            cluster.heal_link(1)
            cluster.wait_ring(timeout=20)
            end_stream(self, start_stream(cluster, [1, 2, 3], seconds=0.3))

    def test_a_link_that_is_not_there_at_the_start_is_used_when_it_comes(self):
        with Cluster(2, netns=True, links=2, totem=PATIENT) as cluster:
            cluster.inside_ip(2, "addr", "flush", "dev", "eth1")
            cluster.start()
            cluster[2].wait_log(r"MAIN-020 .*link 1: .*10\.78\.0\.2")
            cluster.wait_ring(timeout=20)
            before = rings(cluster)
            cluster.inside_ip(2, "addr", "add", "10.78.0.22/24", "dev", "eth1")
            cluster[2].wait_log(r"MAIN-021 .*link 1 is now at 10\.78\.0\.22 on eth1")
            self.wait_links_up(cluster)
            self.assertEqual(rings(cluster), before)


@unittest.skipUnless(can_use_namespaces(), "network namespaces are not permitted here")
class Addresses(unittest.TestCase):
    def test_the_only_interface_goes_down_and_comes_back(self):
        with Cluster(3, netns=True, totem="token: 1000") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            cluster.inside_ip(2, "link", "set", "eth0", "down")
            cluster[2].wait_log(r"MAIN-023 .*link 0 carries nothing: interface eth0.* is down")
            cluster.wait_ring(1, 3, timeout=20)
            cluster.wait_ring(2, timeout=20)
            cluster.inside_ip(2, "link", "set", "eth0", "up")
            cluster[2].wait_log(r"MAIN-022 .*link 0: interface eth0 works again")
            cluster.wait_ring(timeout=20)
            end_stream(self, start_stream(cluster, [1, 2, 3], seconds=0.3))

    def renumber(self, cluster, old, new, interface="eth0"):
        # (In a network of its own size, or it would be secondary, and go with the first.)
        cluster.inside_ip(2, "addr", "add", new + "/25", "dev", interface)
        cluster.inside_ip(2, "addr", "del", old + "/24", "dev", interface)
        cluster[2].wait_log(rf"MAIN-021 .* is now at {re.escape(new)} on {interface} \(was {re.escape(old)} .*node 2 stays")
        for number in (1, 3):
            cluster[number].wait_log(rf"UDP-005 .*node 2 is at {re.escape(new)}:")

    def test_an_address_is_renumbered_and_nobody_leaves(self):
        with Cluster(3, netns=True, totem=PATIENT) as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            before = rings(cluster)
            running = start_stream(cluster, [1, 2, 3], seconds=2)
            self.renumber(cluster, "10.77.0.2", "10.77.0.112")
            end_stream(self, running)
            self.assertEqual(rings(cluster), before)
            self.assertEqual(cluster[2].stop(), 0)

    def test_the_address_goes_and_another_one_comes_later(self):
        with Cluster(3, netns=True, totem="token: 1000") as cluster:
            cluster.start()
            cluster.wait_ring(timeout=20)
            cluster.inside_ip(2, "addr", "flush", "dev", "eth0")
            cluster[2].wait_log(r"MAIN-023 .*link 0 carries nothing: no interface has an address in 10\.77\.0\.2")
            cluster.wait_ring(1, 3, timeout=20)
            cluster.inside_ip(2, "addr", "add", "10.77.0.202/24", "dev", "eth0")
            cluster[2].wait_log(r"MAIN-021 .*link 0 is now at 10\.77\.0\.202")
            cluster.wait_ring(timeout=20)
            end_stream(self, start_stream(cluster, [1, 2, 3], seconds=0.3))


class Lists(unittest.TestCase):
    def test_a_member_is_added_to_the_list_of_a_running_executive(self):
        with Cluster(3) as cluster:
            full = cluster[1].config.read_text()

            def without(number):
                node = re.compile(rf"    node {{\n        ring0_addr: {re.escape(cluster.address(number))}\n.*?    }}\n", re.S)
                return lambda text: node.sub("", text)

            for number in (1, 2):
                cluster[number].config.write_text(without(3)(cluster[number].config.read_text()))
            cluster[3].config.write_text(without(1)(without(2)(cluster[3].config.read_text())))
            cluster.start()
            cluster.wait_ring(1, 2, timeout=20)
            cluster.wait_ring(3, timeout=20)
            cluster[1].config.write_text(full.replace("totem {", "totem {\n    rrp_mode: both", 1))
            cluster[1].signal(signal.SIGHUP)
            cluster[1].wait_log(r"MAIN-026 .*stays as it was")
            # Node 3 learns the others from what they say.
            for number in (1, 2):
                cluster[number].config.write_text(full.replace("nodeid: 1", f"nodeid: {number}", 1).replace(
                    f"bindnetaddr: {cluster.address(1)}", f"bindnetaddr: {cluster.address(number)}"))
                cluster[number].signal(signal.SIGHUP)
                cluster[number].wait_log(r"MAIN-025 ")
            cluster.wait_ring(timeout=20)


if __name__ == "__main__":
    main()
