#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Order through a crash, on real input: three nodes, three texts, one crash.

Three executives on this machine form a ring with encryption on.  On each a
client multicasts a real text, line by line, at the same time, and writes down
what the group delivers.  In the middle node 3 is killed with SIGKILL; later it
comes back and follows.  In the end: every membership change with its time, and
whether the survivors delivered the same sequence and lost, doubled or
reordered nothing of what they sent.

Exit status 0 only if all of that held.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
from aiscluster import Cluster, Failure, wait_until  # noqa: E402

LICENCES = Path("/usr/share/common-licenses")
TEXTS = {1: "GPL-3", 2: "Apache-2.0", 3: "LGPL-2.1"}
GROUP = "demo"
WIDTH = 30


def text_of(number, work_dir):
    """The text that node `number` sends: a licence of Debian, else this repository's own files."""
    text = LICENCES / TEXTS[number]
    if text.exists():
        return text
    root = Path(__file__).resolve().parent.parent.parent
    made = work_dir / f"text{number}"
    made.write_text("\n".join(p.read_text() for p in sorted(root.glob("kernel/*/*.hpp"))[number * 8:number * 8 + 8]))
    return made


def lines_in(path):
    return len(path.read_bytes().splitlines()) if path.exists() else 0


class Demonstration:
    def __init__(self, cluster, rate):
        self.cluster = cluster
        self.rate = rate
        self.began = time.monotonic()
        self.texts = {n: text_of(n, cluster.dir) for n in TEXTS}
        self.total = sum(lines_in(text) for text in self.texts.values())
        self.problems = []

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.2f} s] {text}", flush=True)

    def delivered(self, name):
        return self.cluster.dir / f"delivered.{name}"

    def start_client(self, number, name, send=True, members=3):
        command = [str(self.cluster.build / "bin/cpg_stream"), "--group", GROUP, "--out", str(self.delivered(name)),
                   "--events", str(self.cluster.dir / f"events.{name}"), "--expect-members", str(members),
                   "--rate", str(self.rate), "--timeout", "120"]
        if send:
            command += ["--send", str(self.texts[number])]
        return self.cluster.run(number, command)

    def watch(self, condition, timeout, what):
        """Wait, and show how far the survivors are."""
        shown = [0.0]

        def look():
            if time.monotonic() - shown[0] > 0.5:
                shown[0] = time.monotonic()
                counts = {n: lines_in(self.delivered(n)) for n in ("1", "2")}
                share = min(1.0, counts["1"] / self.total)
                bar = "#" * int(share * WIDTH)
                self.say(f"|{bar:<{WIDTH}}| delivered: node 1 {counts['1']}, node 2 {counts['2']} lines")
            return condition()

        wait_until(look, timeout, what)

    def run(self):
        cluster = self.cluster
        self.say("starting three executives, encryption on")
        cluster.start()
        cluster.wait_ring()
        self.say(f"ring {cluster[1].rings()[-1][1]} of nodes 1, 2, 3 is there")
        for number, text in self.texts.items():
            self.say(f"node {number} multicasts {text} ({lines_in(text)} lines)")
        clients = {number: self.start_client(number, str(number)) for number in TEXTS}

        self.watch(lambda: lines_in(self.delivered("1")) > self.total // 4, 60, "a quarter of the lines")
        self.say("killing node 3 with SIGKILL")
        killed = time.time()
        cluster[3].kill()
        self.watch(lambda: cluster[1].members() == {1, 2} and cluster[2].members() == {1, 2}, 20, "a ring of 1 and 2")
        self.say("the survivors have a new ring and go on")
        clients[3].wait(timeout=20)

        self.watch(lambda: lines_in(self.delivered("1")) > self.total // 2, 60, "half of the lines")
        self.say("starting node 3 again")
        cluster[3].start()
        cluster.wait_ring(timeout=20)
        clients["back"] = self.start_client(3, "3-again", send=False, members=1)
        self.say("node 3 is back in the ring and listens")

        statuses = {}
        self.watch(lambda: all(clients[n].poll() is not None for n in (1, 2)), 90, "the survivors' clients to end")
        for name in (1, 2, "back"):
            statuses[name] = clients[name].wait(timeout=30)
        for name, status in statuses.items():
            if status != 0:
                self.problems.append(f"the client '{name}' ended with status {status}")
        self.report(killed)
        return not self.problems

    def report(self, killed):
        cluster = self.cluster
        print("\nmembership as node 1 saw it:")
        for when, ring, members, joined, left in cluster[1].rings():
            print(f"  {when}  ring {ring:<6} members {sorted(members)}  joined: {joined}  left: {left}")
        noticed = self.ring_after(1, killed)
        if noticed:
            print(f"  the crash was noticed and the new ring installed {noticed - killed:.3f} s after SIGKILL")
        print("\nthe group as node 1's client saw it:")
        for line in (cluster.dir / "events.1").read_text().splitlines():
            print(f"  {line}")

        one, two = (self.delivered(n).read_bytes() for n in ("1", "2"))
        print("\nwhat was delivered:")
        for name, content in (("1", one), ("2", two)):
            print(f"  node {name}: {len(content.splitlines())} lines, sha256 {hashlib.sha256(content).hexdigest()}")
        if one != two:
            self.problems.append("the survivors delivered different sequences")
        killed_saw = self.delivered("3").read_bytes()
        cut = killed_saw.rfind(b"\n") + 1  # the last line may be half written
        print(f"  node 3 until it was killed: {len(killed_saw[:cut].splitlines())} lines, a prefix of the survivors': "
              f"{'yes' if one.startswith(killed_saw[:cut]) else 'NO'}")
        if not one.startswith(killed_saw[:cut]):
            self.problems.append("the killed node had delivered something else than the survivors")
        again = self.delivered("3-again").read_bytes()
        print(f"  node 3 after its return: {len(again.splitlines())} lines, a suffix of the survivors': "
              f"{'yes' if one.endswith(again) else 'NO'}")
        if not one.endswith(again):
            self.problems.append("the returned node delivered something else than the survivors")

        for number in (1, 2):
            sent = self.texts[number].read_bytes().splitlines()
            got = [line.split(b":", 3) for line in one.splitlines() if line.startswith(b"%d:" % number)]
            if [int(parts[2]) for parts in got] != list(range(1, len(sent) + 1)):
                self.problems.append(f"lines of node {number} were lost, doubled or reordered")
            elif [parts[3] for parts in got] != sent:
                self.problems.append(f"lines of node {number} were changed")
            print(f"  of node {number}'s {len(sent)} lines: {len(got)} delivered, each once, in order")
        for problem in self.problems:
            print(f"PROBLEM: {problem}")
        print("\nall of it held" if not self.problems else "\nit did NOT hold")

    def ring_after(self, number, instant):
        """Time of the first ring that `number` logged after `instant`."""
        for when, *_ in self.cluster[number].rings():
            at = time.mktime(time.strptime(when[:19], "%Y-%m-%d %H:%M:%S")) + float(when[19:])
            if at > instant:
                return at
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=120, help="lines per second and sender (default 120)")
    options = parser.parse_args()
    with Cluster(3) as cluster:
        held = Demonstration(cluster, options.rate).run()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"texts: {failure}")
