#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""From the start of an executive to its end: signals, users, systemd, the embedded default, an installation.

The background and its pid file are in configuration_test.py.
"""

import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from support import EXECUTIVE, Bench, Cluster, build_dir, main, wait_until

BENCH = build_dir() / "bin/aisbench"
REPOSITORY = Path(__file__).resolve().parent.parent.parent
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def use(run_dir, **who):
    """A client sends a little; (exit status, what it said)."""
    client = subprocess.run([str(BENCH), "--members", "1", "--role", "send", "--seconds", "0.1"], stdin=subprocess.DEVNULL,
                            env=dict(os.environ, OPENAIS_RUN_DIR=str(run_dir),
                                     LD_LIBRARY_PATH=str(build_dir() / "lib")),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30, **who)
    return client.returncode, client.stderr


class Term(unittest.TestCase):
    """TERM leaves the ring properly, whatever the node is just doing, and the status is 0."""

    # So that who is left out by the token's loss is left out much later than who says goodbye.
    SLOW = "token: 20000\nconsensus: 24000"

    def assert_left(self, node, status):
        self.assertEqual(status, 0, node.log()[-2000:])
        self.assertIn("MAIN-002", node.log())
        self.assertFalse((node.run_dir / "ipc").exists())

    def test_in_an_idle_ring_the_others_know_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Cluster(3, totem=self.SLOW) as cluster:
                cluster.start()
                cluster.wait_ring(timeout=40)
                cluster[2].signal(number)
                self.assert_left(cluster[2], cluster[2].process.wait(10))
                cluster.wait_ring(1, 3, timeout=5)

    def test_while_it_looks_for_a_ring(self):
        with Cluster(2, totem=self.SLOW) as cluster:
            cluster.start(1)
            cluster[1].wait_log("TOTEM-001 .*gathering")
            cluster[1].signal(signal.SIGUSR2)  # the state can be asked for in this phase, too
            cluster[1].wait_log(r"MAIN-009 .*plugin cpg")
            self.assertEqual(cluster[1].rings(), [])
            self.assert_left(cluster[1], cluster[1].stop())

    def test_under_traffic(self):
        with Cluster(3) as cluster:
            cluster.start()
            cluster.wait_ring()
            senders = [cluster.run(n, [str(BENCH), "--members", "3", "--senders", "3", "--role", "send", "--seconds", "20"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in (1, 2, 3)]
            for node in cluster.nodes:
                mark = len(node.log())

                def has_delivered(n=node, m=mark):
                    n.signal(signal.SIGUSR2)
                    found = re.findall(r"deliver: (\d+) calls", n.log()[m:])
                    return max(map(int, found), default=0) > 100  # of some service

                wait_until(has_delivered, 20, "traffic", poll=0.1)
            self.assert_left(cluster[2], cluster[2].stop())
            cluster.wait_ring(1, 3)
            self.assertNotEqual(senders[1].wait(20), 0)  # its client was told
            self.assert_left(cluster[1], cluster[1].stop())
            self.assert_left(cluster[3], cluster[3].stop())

    def test_at_any_moment_of_the_re_forming_of_a_ring(self):
        chance = random.Random(4)
        with Cluster(3) as cluster:
            cluster.start()
            cluster.wait_ring()
            for _ in range(8):
                mark = len(cluster[3].log())
                time.sleep(chance.random() * 0.15)  # not a wait: the random place
                status = cluster[3].stop()
                self.assertEqual(status, 0, cluster[3].log()[mark:])
                cluster[3].start()
                cluster[3].wait_log("MAIN-001", after=mark + 1 if mark else 0)
                wait_until(lambda m=mark: "MAIN-001" in cluster[3].log()[m:].split("MAIN-002")[-1], 10, "the next start")
            cluster.wait_ring()


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("useradd") and shutil.which("userdel"),
                     "needs root and useradd to make a user for the test")
class Privileges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = f"aistest{os.getpid()}"
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", cls.user],
                       check=True, capture_output=True)
        cls.addClassCleanup(subprocess.run, ["userdel", cls.user], capture_output=True)
        done = subprocess.run(["id", "-u", cls.user], check=True, capture_output=True, text=True)
        cls.uid = int(done.stdout)
        cls.gid = int(subprocess.run(["id", "-g", cls.user], check=True, capture_output=True, text=True).stdout)

    def as_user(self, cluster):
        for node in cluster.nodes:
            node.config.write_text(node.config.read_text().replace("user: root", f"user: {self.user}")
                                   .replace("group: root", f"group: {self.user}"))
        return cluster

    def test_root_becomes_the_user_of_the_configuration_and_nothing_of_root_is_left(self):
        with self.as_user(Cluster(2)) as cluster:
            cluster.key.chmod(0o400)  # root's: it is read before
            cluster.start()
            cluster.wait_ring()
            for node in cluster.nodes:
                node.wait_log(rf"MAIN-008 .*user {self.user}")
                status = Path(f"/proc/{node.process.pid}/status").read_text()
                self.assertEqual(re.search(r"Uid:\s+(.*)", status).group(1).split(), [str(self.uid)] * 4)
                self.assertEqual(re.search(r"Gid:\s+(.*)", status).group(1).split(), [str(self.gid)] * 4)
                self.assertEqual(re.search(r"Groups:\s+(.*)", status).group(1).split(), [str(self.gid)])
                for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                    self.assertEqual(int(re.search(rf"{kind}:\s+(\w+)", status).group(1), 16), 0, kind)
                for folder in (node.run_dir, node.state_dir):
                    self.assertEqual((folder.stat().st_uid, folder.stat().st_gid), (self.uid, self.gid), folder)
                self.assertFalse(node.state_dir.stat().st_mode & stat.S_IWOTH)
                self.assertFalse(node.run_dir.stat().st_mode & stat.S_IWOTH)

    def test_it_can_do_later_what_it_must(self):
        with self.as_user(Cluster(2)) as cluster:
            cluster.start()
            cluster.wait_ring()
            # The ring's number is written by the user, and read again by the next start.
            wait_until(lambda: any(p.stat().st_uid == self.uid for p in cluster[2].state_dir.iterdir()), 5,
                       "the ring's number in the state directory")
            self.assertNotIn("OS-002", cluster[2].log())
            self.assertEqual(cluster[2].stop(), 0)
            self.assertFalse({"ipc", "pid"} & {p.name for p in cluster[2].run_dir.iterdir()})
            cluster.wait_ring(1)
            cluster[2].start()
            cluster.wait_ring()
            self.assertNotIn("OS-001", cluster[2].log())
            # A node that died can start in the folders that it left.
            cluster[2].kill()
            cluster.wait_ring(1)
            cluster[2].start()
            cluster.wait_ring()

    def test_members_of_its_group_are_allowed_and_others_not(self):
        with self.as_user(Cluster(1)) as cluster:
            cluster.start()
            cluster.wait_ring()
            run = cluster[1].run_dir
            self.assertEqual(use(run), (0, ""))  # root
            self.assertEqual(use(run, user=self.uid, group=65534, extra_groups=[]), (0, ""))
            self.assertEqual(use(run, user=65534, group=65534, extra_groups=[self.gid]), (0, ""))
            self.assertEqual(use(run, user=65534, group=self.gid, extra_groups=[]), (0, ""))
            status, said = use(run, **NOBODY)
            self.assertNotEqual(status, 0)
            self.assertIn("error 11", said)  # CS_ERR_ACCESS

    def test_a_user_that_does_not_exist_is_named(self):
        with Cluster(1) as cluster:
            cluster[1].config.write_text(cluster[1].config.read_text().replace("user: root", "user: nosuchuser"))
            cluster.start()
            self.assertGreater(cluster[1].process.wait(10), 0)
            self.assertRegex(cluster[1].log(), "no user 'nosuchuser'.*useradd")


class Systemd(unittest.TestCase):
    def hear(self, name, cluster):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name.replace("@", "\0", 1))
            manager.settimeout(10)
            cluster[1].extra_environment = {"NOTIFY_SOCKET": name}
            cluster[1].start()
            self.assertIn(b"READY=1", manager.recv(4096).split(b"\n"))
            self.assertEqual(use(cluster[1].run_dir), (0, ""))  # ready means ready
            cluster[1].signal(signal.SIGTERM)
            self.assertIn(b"STOPPING=1", manager.recv(4096).split(b"\n"))
            self.assertEqual(cluster[1].process.wait(10), 0)

    def test_it_says_when_it_is_ready_and_when_it_stops(self):
        with Cluster(1) as cluster:
            self.hear(str(cluster.dir / "notify"), cluster)

    def test_an_abstract_socket(self):
        with Cluster(1) as cluster:
            self.hear(f"@ais-notify-{os.getpid()}", cluster)

    def test_a_manager_that_does_not_listen_is_no_harm(self):
        with Cluster(1) as cluster:
            cluster[1].extra_environment = {"NOTIFY_SOCKET": str(cluster.dir / "nobody")}
            cluster.start()
            cluster.wait_ring()
            self.assertEqual(cluster[1].stop(), 0)


class Embedded(unittest.TestCase):
    def start(self, **who):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAIS_", "XDG_"))}
        executive = subprocess.Popen([str(EXECUTIVE), "--embedded", "--plugin-dir", str(build_dir() / "plugins")], cwd="/",
                                     env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, **who)
        self.addCleanup(executive.communicate)
        self.addCleanup(executive.kill)
        name, _, run_dir = executive.stdout.readline().strip().partition("=")
        self.assertEqual(name, "OPENAIS_RUN_DIR", "" if name else executive.communicate()[1])
        return executive, Path(run_dir)

    def works_and_ends(self, executive, run_dir, **who):
        self.assertEqual(use(run_dir, **who), (0, ""))
        executive.terminate()
        _, log = executive.communicate(timeout=10)
        self.assertEqual(executive.returncode, 0, log)
        self.assertRegex(log, r"formed: 1 processor")
        self.assertFalse(run_dir.exists())
        return log

    def test_two_of_them_know_nothing_of_each_other(self):
        first, second = self.start(), self.start()
        self.assertNotEqual(first[1], second[1])
        self.works_and_ends(*first)
        self.works_and_ends(*second)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_as_an_ordinary_user(self):
        executive, run_dir = self.start(**NOBODY)
        self.assertEqual(run_dir.stat().st_uid, 65534)
        self.assertEqual(run_dir.parent.stat().st_mode & 0o077, 0)  # private
        log = self.works_and_ends(executive, run_dir, **NOBODY)
        self.assertRegex(log, r"OS-005 .*without: ")  # one clear line about what it did not get


class Files(Bench):
    """The configuration files that are shipped."""

    INI = ("[totem]\nversion = 2\nsecauth = on\ntransport = udpu\nnodeid = {id}\n[totem.interface]\nringnumber = 0\n"
           "bindnetaddr = 127.0.0.{id}\nmcastport = {port}\n[nodelist.node]\nring0_addr = 127.0.0.1\nnodeid = 1\n"
           "[nodelist.node]\nring0_addr = 127.0.0.2\nnodeid = 2\n[logging]\nto_stderr = yes\ntimestamp = on\n"
           + ("[aisexec]\nuser = root\ngroup = root\n" if os.geteuid() == 0 else ""))

    def test_the_shipped_examples_are_good_and_say_the_same(self):
        said = []
        for name, parser in (("openais.conf", "config_openais"), ("openais.ini", "config_ini")):
            done = self.execute("--check-config", environment=self.environment(
                OPENAIS_MAIN_CONFIG_FILE=str(REPOSITORY / "conf" / name), OPENAIS_DEFAULT_CONFIG_IFACE=parser))
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotRegex(done.stdout, r"warning|CONFIG-")
            self.assertIn(f"{name} is good", done.stdout)
            said.append([line for line in done.stdout.splitlines() if "PLUGIN-001" not in line][1:])
        self.assertEqual(*said)

    def test_a_node_with_ini_and_one_with_braces_form_a_ring(self):
        with Cluster(2) as cluster:
            cluster[2].config.write_text(self.INI.format(id=2, port=cluster.port + 1))
            cluster[2].extra_environment = {"OPENAIS_DEFAULT_CONFIG_IFACE": "config_ini"}
            cluster.start()
            cluster.wait_ring()
            self.assertIn("'config_ini'", cluster[2].log())
            self.assertEqual(use(cluster[2].run_dir), (0, ""))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.access(build_dir(), os.W_OK):
            raise unittest.SkipTest("cmake --install writes its manifest into the build tree, which is somebody else's")
        folder = tempfile.TemporaryDirectory(prefix="ais-installed-")
        cls.addClassCleanup(folder.cleanup)
        cls.prefix = Path(folder.name) / "usr"
        Path(folder.name).chmod(0o755)
        done = subprocess.run(["cmake", "--install", str(build_dir()), "--prefix", str(cls.prefix)], capture_output=True,
                              text=True)
        if done.returncode != 0 and "cannot find" in done.stderr:
            raise unittest.SkipTest("the tree is not built completely")
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def test_it_works_where_it_was_put_without_further_words(self):
        listed = subprocess.run([str(self.prefix / "sbin/aisexec"), "--list-plugins"], capture_output=True, text=True)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        for name in ("config_openais", "config_ini", "crypto_none", "crypto_sodium", "cpg"):
            self.assertRegex(listed.stdout, rf"(?m)^{name} .*{re.escape(str(self.prefix))}.*/{name}\.so")
        self.assertNotIn("refused", listed.stdout)
        executive = subprocess.Popen([str(self.prefix / "sbin/aisexec"), "--embedded"], text=True, stdin=subprocess.DEVNULL,
                                     env={k: v for k, v in os.environ.items() if not k.startswith("OPENAIS_")},
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            run_dir = executive.stdout.readline().strip().partition("=")[2]
            self.assertEqual(use(run_dir), (0, ""))
            executive.terminate()
            executive.communicate(timeout=10)
            self.assertEqual(executive.returncode, 0)
        finally:
            executive.kill()
            executive.communicate()

    def test_a_new_key_and_the_example_make_a_node(self):
        work = self.prefix.parent
        example = next(self.prefix.glob("share/doc/*/openais.conf"))
        checked = subprocess.run([str(self.prefix / "sbin/aisexec-kernel"), "--config", str(example), "--check-config"],
                                 capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("is good", checked.stdout)
        subprocess.run([str(self.prefix / "sbin/ais-keygen"), "-k", str(work / "authkey")], check=True, capture_output=True)
        # As it is, but for a port of our own and no user ais on this machine.
        text = example.read_text().replace("mcastport: 5405", f"mcastport: {20001 + 2 * (os.getpid() % 10000)}")
        if os.geteuid() == 0:
            text = text.replace("user: ais", "user: root").replace("group: ais", "group: root")
        (work / "openais.conf").write_text(text)
        with open(work / "log", "wb") as log:
            executive = subprocess.Popen([str(self.prefix / "sbin/aisexec"), "-f", "--run-dir", str(work / "run"), "--state-dir",
                                          str(work / "state"), "--config", str(work / "openais.conf")],
                                         env=dict(os.environ, OPENAIS_TOTEM_AUTHKEY_FILE=str(work / "authkey")),
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: re.search(r"MAIN-010 .*formed: 1 processor", (work / "log").read_text()), 10,
                       lambda: (work / "log").read_text())
            self.assertEqual(use(work / "run"), (0, ""))
            executive.terminate()
            self.assertEqual(executive.wait(10), 0)
        finally:
            executive.kill()
            executive.wait()


if __name__ == "__main__":
    main()
