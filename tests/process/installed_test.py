#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs as users write them, built against the installed package only, with an installed executive.

Each programs/NAME.c uses one library in three ways: synchronously, by the descriptor with poll, by a thread that dispatches.  A line
"Link:" in it names the spellings of its library; it is built with each of them and with -lais, as C99 and as C++.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import build_dir, main

SOURCES = sorted((Path(__file__).resolve().parent / "programs").glob("*.c"))
WAYS = ("sync", "poll", "thread")
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-pthread"]


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.access(build_dir(), os.W_OK):
            raise unittest.SkipTest("cmake --install writes its manifest into the build tree, which is somebody else's")
        if re.search(r"AIS_SANITIZE:STRING=\S", (build_dir() / "CMakeCache.txt").read_text()):
            raise unittest.SkipTest("the installed libraries would need the sanitizers' runtime in what is built with them")
        folder = tempfile.TemporaryDirectory(prefix="ais-programs-")
        cls.addClassCleanup(folder.cleanup)
        cls.prefix = Path(folder.name) / "usr"
        done = subprocess.run(["cmake", "--install", str(build_dir()), "--prefix", str(cls.prefix)], capture_output=True,
                              text=True)
        if done.returncode != 0 and "cannot find" in done.stderr:
            raise unittest.SkipTest("the tree is not built completely")
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.lib = next(cls.prefix.glob("lib*/**/libais.so")).parent
        cls.executive = subprocess.Popen([str(cls.prefix / "sbin/aisexec"), "--embedded"], text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         env={k: v for k, v in os.environ.items() if not k.startswith("OPENAIS_")})
        cls.addClassCleanup(cls.stop)
        cls.run_dir = cls.executive.stdout.readline().strip().partition("=")[2]

    @classmethod
    def stop(cls):
        cls.executive.terminate()
        try:
            cls.executive.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            cls.executive.kill()
            cls.executive.communicate()

    def build(self, source, compiler, link):
        program = self.prefix.parent / f"{source.stem}{link}-{compiler[0]}"
        done = subprocess.run([*compiler, *STRICT, f"-I{self.prefix}/include", str(source), "-o", str(program),
                               f"-L{self.lib}", link, f"-Wl,-rpath,{self.lib}"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def check(self, source):
        links = re.search(r"Link: (.*)", source.read_text())[1].split()
        if not (self.lib / f"lib{links[0][2:]}.so").exists():
            self.skipTest(f"{links[0]} is not in this tree")
        programs = [self.build(source, ["cc", "-std=c99"], link) for link in [*links, "-lais"]]
        programs.append(self.build(source, ["c++", "-x", "c++"], links[0]))
        for program in programs:
            for way in WAYS:
                with self.subTest(program=program.name, way=way):
                    done = subprocess.run([str(program), way], env=dict(os.environ, OPENAIS_RUN_DIR=self.run_dir),
                                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))


for source in SOURCES:
    setattr(Programs, f"test_{source.stem}", lambda self, source=source: self.check(source))

if __name__ == "__main__":
    main()
