# SPDX-License-Identifier: BSD-3-Clause
"""What the process tests share: running the executive to its end, and main()."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
import aiscluster  # noqa: E402
from aiscluster import Cluster, Failure, build_dir, can_use_namespaces, wait_until  # noqa: E402,F401

EXECUTIVE = build_dir() / "bin/aisexec-kernel"
KEYGEN = build_dir() / "bin/ais-keygen"



def is_instrumented():
    """Built with sanitizers, which have their own signal handlers and use memory as they like, or for coverage."""
    cache = build_dir() / "CMakeCache.txt"
    return cache.exists() and any(line.startswith(("AIS_SANITIZE:", "AIS_COVERAGE:"))
                                  and line.partition("=")[2] not in ("", "OFF")
                                  for line in cache.read_text().splitlines())


GOOD = """totem {
    version: 2
    secauth: on
    transport: udpu
    nodeid: 1
    interface {
        ringnumber: 0
        bindnetaddr: 127.0.0.1
        mcastport: 19001
    }
}
nodelist {
    node {
        ring0_addr: 127.0.0.1
        nodeid: 1
    }
}
logging {
    to_stderr: yes
}
"""
if os.geteuid() == 0:
    GOOD += "aisexec {\n    user: root\n    group: root\n}\n"


class Bench(unittest.TestCase):
    """A folder with a good configuration and key, and the executive run to its end in it."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ais-test-")
        self.addCleanup(self.folder.cleanup)
        self.dir = Path(self.folder.name)
        self.config = self.dir / "openais.conf"
        self.config.write_text(GOOD)
        self.key = self.dir / "authkey"
        subprocess.run([str(KEYGEN), "-k", str(self.key)], check=True, stdout=subprocess.DEVNULL)

    def environment(self, **more):
        env = dict(os.environ, OPENAIS_RUN_DIR=str(self.dir / "run"), OPENAIS_MAIN_CONFIG_FILE=str(self.config),
                   OPENAIS_TOTEM_AUTHKEY_FILE=str(self.key))
        env.pop("OPENAIS_DEFAULT_CONFIG_IFACE", None)
        env.update(more)
        return env

    def execute(self, *arguments, environment=None, timeout=20):
        """Run to the end; the executive must refuse or only print."""
        return subprocess.run([str(EXECUTIVE), "--foreground", "--plugin-dir", str(build_dir() / "plugins"), "--state-dir",
                               str(self.dir / "state"), *arguments],
                              env=environment or self.environment(), text=True, errors="backslashreplace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)

    def refuses(self, pattern, *arguments, environment=None):
        """The executive ends with a non-zero status by itself and says why."""
        done = self.execute(*arguments, environment=environment)
        self.assertGreater(done.returncode, 0, done.stdout)  # negative: a signal, so a crash
        self.assertRegex(done.stdout, pattern)
        return done.stdout


def main():
    """Exit status: 0 passed, 1 failed, 77 all skipped."""
    program = unittest.main(verbosity=2, exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped and len(result.skipped) >= result.testsRun:
        print("skipped:", result.skipped[0][1])
        sys.exit(77)
