# SPDX-License-Identifier: BSD-3-Clause
"""A cluster of real executives on this machine.

Used by tools/cluster, scripts/demo and tests/process.  Every node has its own
run, state and configuration folder below one work folder; nodes are reached
on 127.0.0.1..N, or, with netns=True (root), in a network namespace each, joined by a bridge, so that
cables can be cut.  All waits are for conditions and bounded.  close() stops
every process and removes every namespace that this object has made.
"""

import ctypes
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

# 2026-11-23 13:30:01.123 notice  TOTEM-010 [totem] text
LOG_LINE = re.compile(r"^(\S+ \S+) (\w+)\s+(\S+) \[(\w+)\] (.*)$")
RING_LINE = re.compile(r"ring (\d+\.\d+) formed: (\d+) processors?: (.*?); joined: (.*?); left: (.*)$")


class Failure(Exception):
    """A condition that did not come true, or a tool that is missing."""


def build_dir():
    """The build tree to run from: AIS_BUILD_DIR, else the newest of build/*."""
    named = os.environ.get("AIS_BUILD_DIR")
    if named:
        return Path(named).resolve()
    found = [p.parent.parent for p in REPOSITORY.glob("build/*/bin/aisexec-kernel")]
    if not found:
        raise Failure("no build tree with bin/aisexec-kernel below build/: run cmake --workflow --preset dev first")
    return max(found, key=lambda p: (p / "bin/aisexec-kernel").stat().st_mtime)


def wait_until(condition, timeout, what, poll=0.01):
    """Poll until condition() is true; Failure with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(poll)


def die_with_parent():
    """In a child: no process outlives the test that started it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def can_use_namespaces():
    """Whether `ip netns add` works here; tests skip with a message where it does not."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"ais-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
    if not made:
        return False
    # Why: where one may be made it cannot always be entered (a chroot).
    entered = subprocess.run(["ip", "netns", "exec", name, "true"], capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return entered


class Node:
    """One executive: its folders, its process, its log."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.id = number
        self.dir = cluster.dir / f"node{number}"
        self.run_dir = self.dir / "run"
        self.state_dir = self.dir / "state"
        self.config = self.dir / "openais.conf"
        self.key = cluster.key
        self.log_path = self.dir / "log"
        self.netns = None
        self.process = None
        self.before = []  # words before the executive's command: a program that runs it
        self.extra_arguments = []
        self.extra_environment = {}
        for folder in (self.run_dir, self.state_dir):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self):
        return self.cluster.address(self.id)

    def environment(self):
        env = dict(os.environ)
        env["OPENAIS_RUN_DIR"] = str(self.run_dir)
        env["OPENAIS_TOTEM_AUTHKEY_FILE"] = str(self.key)
        env["OPENAIS_MAIN_CONFIG_FILE"] = str(self.config)
        library_path = str(self.cluster.build / "lib")
        env["LD_LIBRARY_PATH"] = library_path + (":" + env["LD_LIBRARY_PATH"] if env.get("LD_LIBRARY_PATH") else "")
        env.update(self.extra_environment)
        return env

    def inside(self, command):
        """The command line that runs `command` on this node's network."""
        return ["ip", "netns", "exec", self.netns, *command] if self.netns else list(command)

    def start(self):
        assert self.process is None or self.process.poll() is not None, f"node {self.id} runs already"
        command = [*self.before, str(self.cluster.build / "bin/aisexec-kernel"), "--foreground",
                   "--plugin-dir", str(self.cluster.build / "plugins"),
                   "--state-dir", str(self.state_dir), *self.extra_arguments]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.inside(command), env=self.environment(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=10):
        """TERM: leave the ring properly.  Returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, timeout=10, after=0):
        """Wait for a log line; returns the match.  `after`: only beyond this offset of log()."""
        expression = re.compile(pattern)
        return wait_until(lambda: expression.search(self.log(), after), timeout,
                          lambda: f"node {self.id} never logged /{pattern}/; its log ends:\n{self.log()[-1500:]}")

    def rings(self):
        """Every ring that this node logged: (time, ring, members, joined, left), oldest first."""
        found = []
        for line in self.log().splitlines():
            parsed = LOG_LINE.match(line)
            ring = RING_LINE.search(parsed.group(5)) if parsed else None
            if ring:
                members = {int(m) for m in re.findall(r"(?:^|, )(\d+)", ring.group(3))}
                found.append((parsed.group(1), ring.group(1), members, ring.group(4), ring.group(5)))
        return found

    def members(self):
        rings = self.rings()
        return rings[-1][2] if rings else set()


class Cluster:
    """N nodes; use as a context manager."""

    def __init__(self, count, *, work_dir=None, netns=False, port=None, secauth="on", transport="udpu", totem="",
                 sections="", build=None, ipv6=False, mtu=None, links=1, tag=None, realtime="no"):
        self.build = Path(build) if build else build_dir()
        self.owns_dir = work_dir is None
        self.dir = Path(work_dir or tempfile.mkdtemp(prefix="ais-cluster-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        self.count = count
        # Why: tests of one machine run side by side; each cluster takes two ports of its own.
        self.port = port or 20000 + 2 * (os.getpid() % 10000)
        self.secauth = secauth
        self.transport = transport
        self.totem = totem
        self.sections = sections
        self.use_netns = netns
        self.ipv6 = ipv6  # needs netns
        self.mtu = mtu    # of the links between namespaces
        self.links = links  # networks of each node: eth0, eth1, …
        # Nodes of one machine, and the programs that use them, share its processors.
        self.realtime = realtime
        self.tag = tag or f"ais{os.getpid() % 100000}{secrets.token_hex(1)}"
        self.key = self.dir / "authkey"
        if not self.key.exists():
            self.make_key(self.key)
        self.nodes = [Node(self, i + 1) for i in range(count)]
        self.children = []
        if netns:
            self._make_network()
        for node in self.nodes:
            node.config.write_text(self.config_text(node))

    def make_key(self, path):
        subprocess.run([str(self.build / "bin/ais-keygen"), "-k", str(path)], check=True, stdout=subprocess.DEVNULL)
        return path

    def address(self, number, link=0):
        if self.ipv6:
            return f"fd00:{77 + link}::{number:x}"
        return f"10.{77 + link}.0.{number}" if self.use_netns else f"127.{link}.0.{number}"

    def config_text(self, node):
        lines = ["totem {", "    version: 2", f"    secauth: {self.secauth}", f"    transport: {self.transport}",
                 f"    nodeid: {node.id}", *[f"    {line}" for line in self.totem.splitlines() if line]]
        for link in range(self.links):
            lines += ["    interface {", f"        ringnumber: {link}",
                      f"        bindnetaddr: {self.address(node.id, link)}", f"        mcastport: {self.port + 1}"]
            if self.transport == "udp":
                lines.append("        mcastaddr: " + (f"ff05::77:{link + 1}" if self.ipv6 else f"239.192.77.{link + 1}"))
            lines.append("    }")
        lines.append("}")
        if self.transport == "udpu":
            lines.append("nodelist {")
            for other in range(1, self.count + 1):
                lines += ["    node {", *[f"        ring{link}_addr: {self.address(other, link)}" for link in range(self.links)],
                          f"        nodeid: {other}", "    }"]
            lines.append("}")
        lines += ["logging {", "    to_stderr: yes", "    timestamp: on", "}"]
        user = "root" if os.geteuid() == 0 else ""
        lines += ["aisexec {", f"    realtime: {self.realtime}"] + ([f"    user: {user}", f"    group: {user}"] if user else []) + ["}"]
        lines.append(self.sections)
        return "\n".join(lines) + "\n"

    def __getitem__(self, number):
        return self.nodes[number - 1]

    def start(self, *numbers):
        for number in numbers or range(1, self.count + 1):
            self[number].start()

    def wait_ring(self, *numbers, timeout=10):
        """Until every one of these nodes has exactly these nodes as its last ring."""
        wanted = set(numbers or range(1, self.count + 1))
        wait_until(lambda: all(self[n].members() == wanted for n in wanted)
                   and len({self[n].rings()[-1][1] for n in wanted}) == 1, timeout,
                   lambda: f"ring of {sorted(wanted)}; seen: " + "; ".join(
                       f"{n}: {sorted(self[n].members())}" for n in sorted(wanted))
                   + "\n" + "\n".join(f"--- node {n}\n{self[n].log()[-1500:]}" for n in sorted(wanted)))

    def run(self, number, command, **options):
        """Start a client program on a node; it dies with this object."""
        process = subprocess.Popen(self[number].inside(command), env=self[number].environment(),
                                   preexec_fn=die_with_parent, **options)
        self.children.append(process)
        return process

    # Namespaces: one per node, veth to a bridge in a namespace of its own.

    def _ip(self, *arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    def _make_network(self):
        self.hub = f"{self.tag}-hub"
        self._ip("netns", "add", self.hub)
        for node in self.nodes:
            node.netns = f"{self.tag}-{node.id}"
            self._ip("netns", "add", node.netns)
            self._ip("-n", node.netns, "link", "set", "lo", "up")
        for link in range(self.links):
            self._add_bridge(self._bridge(0, link))
            for node in self.nodes:
                self._plug_in(node, link)

    @staticmethod
    def _bridge(group, link):
        return f"br{group}" + (f"l{link}" if link else "")

    @staticmethod
    def _port(number, link):
        return f"p{number}" + (f"l{link}" if link else "")

    def _add_bridge(self, name):
        self._ip("-n", self.hub, "link", "add", name, "type", "bridge", "mcast_snooping", "0")
        self._ip("-n", self.hub, "link", "set", name, "up")

    def _plug_in(self, node, link):
        port, interface = self._port(node.id, link), f"eth{link}"
        self._ip("-n", self.hub, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", node.netns)
        self._ip("-n", self.hub, "link", "set", port, "master", self._bridge(0, link), "up")
        if self.mtu:
            self._ip("-n", self.hub, "link", "set", port, "mtu", str(self.mtu))
            self._ip("-n", node.netns, "link", "set", interface, "mtu", str(self.mtu))
        self._ip("-n", node.netns, "addr", "add", f"10.{77 + link}.0.{node.id}/24", "dev", interface)
        if self.ipv6:
            self._ip("-n", node.netns, "addr", "add", f"{self.address(node.id, link)}/64", "dev", interface, "nodad")
        self._ip("-n", node.netns, "link", "set", interface, "up")
        if link == 0:
            self._ip("-n", node.netns, "route", "add", "224.0.0.0/4", "dev", interface)

    def partition(self, *groups, link=0):
        """Only nodes of one group hear each other on this link: one bridge per group."""
        for index, group in enumerate(groups):
            bridge = self._bridge(index, link)
            if index > 0 and subprocess.run(["ip", "-n", self.hub, "link", "show", bridge],
                                            capture_output=True).returncode != 0:
                self._add_bridge(bridge)
            for number in group:
                self._ip("-n", self.hub, "link", "set", self._port(number, link), "master", bridge)

    def cut_link(self, link):
        """Nobody hears anybody on this link; every interface keeps its carrier."""
        self.partition(*[[number] for number in range(1, self.count + 1)], link=link)

    def heal_link(self, link):
        self.partition(range(1, self.count + 1), link=link)

    def inside_ip(self, number, *arguments):
        """ip(8) in the namespace of a node."""
        self._ip("-n", self[number].netns, *arguments)

    def cut_direction(self, sender, receiver):
        """What `sender` sends to `receiver` alone is lost on the way, silently; the other direction works."""
        self._ip("-n", self[sender].netns, "neigh", "replace", self.address(receiver), "lladdr", "02:00:00:00:00:99",
                 "dev", "eth0", "nud", "permanent")

    def heal_direction(self, sender, receiver):
        self._ip("-n", self[sender].netns, "neigh", "del", self.address(receiver), "dev", "eth0")

    def heal(self):
        self.partition(range(1, self.count + 1))

    def close(self):
        for process in self.children + [n.process for n in self.nodes if n.process]:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.use_netns:
            for node in self.nodes:
                if node.netns:
                    subprocess.run(["ip", "netns", "del", node.netns], capture_output=True)
            subprocess.run(["ip", "netns", "del", self.hub], capture_output=True)
        if self.owns_dir and not os.environ.get("AIS_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, KeyboardInterrupt):
            for node in self.nodes:
                sys.stderr.write(f"--- end of node {node.id}'s log\n{node.log()[-2000:]}\n")
        self.close()
