# SPDX-License-Identifier: BSD-3-Clause
"""Debian's corosync in the network namespaces of a tools/aiscluster.Cluster, as the peer to measure against.

Each executive is at its defaults (SCHED_RR, locked memory) and has namespaces of its own for mounts, IPC and the
host name, with /run, /dev/shm and /var/lib/corosync in memory: it finds nothing of the machine's, and leaves
nothing.  It has a name that is not the machine's, because corosync looks for itself by name first.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from aiscluster import Failure, die_with_parent, wait_until  # noqa: E402

PACKAGES = ("corosync", "libcpg-dev")
POLICY = Path("/usr/sbin/policy-rc.d")
START = """
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /var/lib/corosync
mount -t tmpfs tmpfs /var/log/corosync
hostname "$1"
exec corosync -f -c "$2"
"""


def missing_packages():
    return [name for name in PACKAGES if subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", name], capture_output=True, text=True).stdout != "installed"]


def install(packages):
    """apt-get install without starting the service, which must not run on this machine."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Failure(f"needs the Debian packages {' '.join(packages)}: install them as root, without starting corosync "
                      "(systemctl mask corosync), and try again")
    print(f"compare: installing {' '.join(packages)}", file=sys.stderr, flush=True)
    had_policy = POLICY.exists()
    if not had_policy:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "-q", *command], capture_output=True, text=True,
                                  env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise Failure(f"apt-get install {' '.join(packages)} failed:\n{(done.stdout + done.stderr)[-1500:]}")
        if shutil.which("systemctl"):  # it would start with the next boot
            subprocess.run(["systemctl", "disable", "corosync"], capture_output=True)
    finally:
        if not had_policy:
            POLICY.unlink()


class Corosync:
    """One ring of corosync executives; the network belongs to the cluster."""

    def __init__(self, cluster, transport, encrypted=False):
        self.cluster = cluster
        self.transport = transport
        self.encrypted = encrypted
        self.processes = []
        self.dir = cluster.dir / f"corosync-{transport}{'-aes' if encrypted else ''}"

    def _config(self, number):
        lines = ["totem {", "    version: 2", "    cluster_name: aisbench", f"    transport: {self.transport}"]
        if self.transport == "knet":
            lines += [f"    crypto_cipher: {'aes256' if self.encrypted else 'none'}",
                      f"    crypto_hash: {'sha256' if self.encrypted else 'none'}", f"    keyfile: {self.dir}/authkey"]
        elif self.cluster.mtu:
            lines.append(f"    netmtu: {self.cluster.mtu}")
        if self.transport == "udp":
            lines += ["    interface {", "        ringnumber: 0", f"        bindnetaddr: {self.cluster.address(number)}",
                      "        mcastaddr: 239.192.78.1", "        mcastport: 5405", "    }"]
        lines += ["}", "nodelist {"]
        for other in range(1, self.cluster.count + 1):
            lines += ["    node {", f"        ring0_addr: {self.cluster.address(other)}", f"        nodeid: {other}",
                      f"        name: aisbench{other}", "    }"]
        lines += ["}", "logging {", "    to_stderr: yes", "    to_syslog: no", "    to_logfile: no", "    timestamp: on", "}"]
        return "\n".join(lines) + "\n"

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        (self.dir / "authkey").write_bytes(os.urandom(1024))
        (self.dir / "authkey").chmod(0o400)
        for number in range(1, self.cluster.count + 1):
            config = self.dir / f"conf{number}"
            config.write_text(self._config(number))
            command = self.cluster[number].inside(
                ["unshare", "--mount", "--ipc", "--uts", "sh", "-c", START, "sh", f"aisbench{number}", str(config)])
            with open(self.dir / f"log{number}", "wb") as log:
                self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                       preexec_fn=die_with_parent))
        wait_until(lambda: self._check() and all(self._members(n) == self.cluster.count
                                                 for n in range(1, self.cluster.count + 1)),
                   30, lambda: "ring of corosync; " + self._log(1)[-1500:])

    def _log(self, number):
        return (self.dir / f"log{number}").read_text(errors="replace")

    def _members(self, number):
        found = re.findall(r"Sync members\[(\d+)\]", self._log(number))
        return int(found[-1]) if found else 0

    def _check(self):
        for number, process in enumerate(self.processes, 1):
            if process.poll() is not None:
                raise Failure(f"corosync on node {number} ended with {process.returncode}: {self._log(number)[-1500:]}")
        return True

    def pids(self):
        return [process.pid for process in self.processes]

    def run(self, number, command, **options):
        """A client of node `number`, in all its namespaces."""
        inside = ["nsenter", "-t", str(self.processes[number - 1].pid), "-m", "-i", "-u", "-n", "--", *command]
        process = subprocess.Popen(inside, preexec_fn=die_with_parent, **options)
        self.cluster.children.append(process)
        return process

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        self.processes = []
