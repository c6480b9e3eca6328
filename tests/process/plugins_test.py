#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plugins that are missing, wrong or fail, and the executive that meets them.

The fixtures are those of tests/load (one sin each) and tests/process/plugins (which fail when they run).
"""

import os
import re
import resource
import shutil
import signal
import unittest

from support import Bench, Cluster, build_dir, is_instrumented, main

FIXTURES = build_dir() / "tests/load_plugins"
FAILING = build_dir() / "tests/process_plugins"


class Refused(Bench):
    """Each is asked for by name: the executive ends with the reason, nothing was started."""

    def refuses_plugins(self, pattern, names, folder=FIXTURES):
        out = self.refuses(pattern, "--plugin-dir", str(folder), "--plugin", names)
        self.assertNotIn("MAIN-001", out)  # it did not look for a ring
        self.assertFalse((self.dir / "run/ipc").exists())
        return out

    def test_no_such_name_lists_those_that_are_there(self):
        self.refuses_plugins(r"no plugin is named 'goood'; there are .*\bgood\b", "goood")

    def test_a_text_file(self):
        (self.dir / "text.so").write_text("#!/bin/sh\necho I am no plugin\n")
        self.refuses_plugins(r"plugin 'text' \(.*/text\.so\) is refused: .*no ELF header", "text", self.dir)

    def test_any_other_shared_object(self):
        library = next(p for p in (build_dir() / "lib").glob("libcpg.so.*"))
        shutil.copy(library, self.dir / "other.so")
        self.refuses_plugins(r"plugin 'other'.*is refused: .*without the symbol ais_plugin", "other", self.dir)

    def test_a_program(self):
        shutil.copy("/bin/true", self.dir / "program.so")
        self.refuses_plugins(r"plugin 'program'.*is refused: ", "program", self.dir)

    def test_random_bytes_behind_an_elf_header(self):
        good = (FIXTURES / "good.so").read_bytes()
        (self.dir / "noise.so").write_bytes(good[:64] + os.urandom(len(good) - 64))
        self.refuses_plugins(r"plugin 'noise'.*is refused: ", "noise", self.dir)

    def test_another_abi_major(self):
        self.refuses_plugins(r"built for plugin ABI 2, this kernel has 1", "other_major")

    def test_another_name_than_its_file(self):
        self.refuses_plugins(r"name the file 'right_name\.so'", "wrong_stem")

    def test_a_missing_need_says_who_would_have_it(self):
        self.refuses_plugins(r"consumer.*needs com\.acme\.thing/1.*plugin 'provider' offers it", "consumer")

    def test_a_circle_of_needs_is_named(self):
        self.refuses_plugins(r"cycle_a needs com\.acme\.b/1 of cycle_b, cycle_b needs com\.acme\.a/1 of cycle_a",
                             "cycle_a,cycle_b")

    def test_an_undefined_symbol(self):
        self.refuses_plugins(r"plugin 'undefined'.*cannot be loaded: .*nobody_has_this_function", "undefined")

    def test_load_fails_and_its_reason_is_in_the_log(self):
        out = self.refuses_plugins(r"plugin 'load_fails' does not start", "good,load_fails")
        self.assertIn("FIXTURE-002 [load_fails] the moon is not full", out)
        self.assertIn("FIXTURE-003 [good] unloaded", out)

    def test_a_constructor_throws(self):
        out = self.refuses_plugins(r"plugin 'throws' does not start", "throws")
        self.assertIn("SDK-001 [throws] no socket for the moon", out)

    def test_load_throws_across_the_abi(self):
        self.refuses_plugins(r"plugin 'throws_raw' does not start: its load threw 'raw bones' across the ABI", "throws_raw")

    def test_one_folder_that_is_missing_is_said(self):
        done = self.execute("--list-plugins", "--plugin-dir", str(self.dir / "nowhere"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"note: .*nowhere")


class Listed(Bench):
    def test_reasons_are_shown_and_no_code_runs(self):
        # What would run code is the dynamic linker: it tells what it initialises.
        (self.dir / "text.so").write_text("no object")
        listing = self.execute("--list-plugins", "--plugin-dir", str(FIXTURES), "--plugin-dir", str(self.dir),
                               environment=self.environment(LD_DEBUG="files"))
        self.assertEqual(listing.returncode, 0, listing.stdout)
        for pattern in (r"(?m)^good +3\.2\.1 +ais\.service/1 +/.*/good\.so$",
                        r"(?m)^constructor +3\.2\.1 ",
                        r"(?m)^other_major .*refused: .*ABI 2",
                        r"(?m)^no_symbol .*refused: .*without the symbol ais_plugin",
                        r"(?m)^wrong_stem .*refused: ",
                        r"(?m)^text .*refused: .*no ELF header"):
            self.assertRegex(listing.stdout, pattern)
        # "calling init: FILE" is what the linker says before it runs the constructors of FILE.
        self.assertRegex(listing.stdout, r"calling init: .*libc\.so")  # it does say it
        self.assertNotRegex(listing.stdout, r"calling init: .*(load_plugins|/plugins)/")


class Parser(Bench):
    def fails(self, name, pattern):
        return self.refuses(pattern, "--plugin-dir", str(FAILING),
                            environment=self.environment(OPENAIS_DEFAULT_CONFIG_IFACE=name))

    def test_it_reports_an_error(self):
        self.fails("parser_says", r"openais\.conf:3: .*no line of mine")

    def test_it_fails_without_a_reason(self):
        self.fails("parser_silent", r"openais\.conf.*the parser plugin failed without a reason")

    def test_it_throws(self):
        self.fails("parser_throws", r"openais\.conf.*no more moons")

    def test_it_leaves_a_section_open(self):
        self.fails("parser_open", r"openais\.conf.*did not end every section")

    def test_it_does_not_load(self):
        out = self.fails("parser_unloadable", r"configuration parser: plugin 'parser_unloadable' does not start.*config_openais")
        self.assertIn("no moon to stand on", out)


class Running(unittest.TestCase):
    def dies_in_deliver(self, variable, status, pattern):
        core = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, core[1]))  # this death is meant
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, core)
        with Cluster(3) as cluster:
            for node in cluster.nodes:
                node.extra_arguments = ["--plugin-dir", str(FAILING), "--plugin", "cpg,throws_in_deliver"]
            cluster[2].extra_environment = {variable: "1"}
            cluster.start()
            cluster[2].wait_log(pattern)
            self.assertEqual(cluster[2].process.wait(10), -status)
            cluster.wait_ring(1, 3)
            self.assertIn("formed: 3 processors", cluster[1].log())
            # The same node with a better plugin is welcome.
            cluster[2].extra_environment = {}
            cluster[2].start()
            cluster.wait_ring()

    def test_an_exception_in_deliver_ends_the_node_and_names_the_service(self):
        self.dies_in_deliver("AIS_TEST_THROWS", signal.SIGABRT,
                             re.escape("OS-008 [main] exception 'the moon fell down' left the plugin's function "
                                       "throws_in_deliver.deliver"))

    @unittest.skipIf(is_instrumented(), "the sanitizer catches the signal")
    def test_a_wild_pointer_in_deliver_ends_the_node_and_names_the_service(self):
        self.dies_in_deliver("AIS_TEST_SEGFAULTS", signal.SIGSEGV,
                             r"OS-008 \[main\] SIGSEGV in the plugin's function throws_in_deliver\.deliver")


if __name__ == "__main__":
    main()
