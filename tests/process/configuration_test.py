#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What an operator can get wrong in configuration, key and command line: a clear error, nothing started."""

import os
import re
import signal
import subprocess
import unittest
from pathlib import Path

from support import GOOD, Bench, build_dir, main, wait_until


class Configuration(Bench):
    def write(self, text):
        self.config.write_text(text)

    def test_a_good_one_passes_the_check(self):
        done = self.execute("--check-config")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_missing_file_is_named(self):
        self.config.unlink()
        self.refuses(re.escape(str(self.config)) + ".*[Nn]o such file")

    def test_an_unreadable_file_is_named(self):
        if os.geteuid() == 0:
            self.config.unlink()
            self.config.mkdir()  # root may read everything but a folder
            self.refuses(re.escape(str(self.config)) + ".*directory")
        else:
            self.config.chmod(0)
            self.refuses(re.escape(str(self.config)) + ".*[Pp]ermission")

    def test_a_missing_brace_names_the_line_where_it_was_opened(self):
        self.write("totem {\n    version: 2\n")
        self.refuses(r"openais\.conf:\d+: .*totem")

    def test_a_line_without_colon_is_named(self):
        self.write(GOOD.replace("version: 2", "version 2"))
        self.refuses(r"openais\.conf:2: ")

    def test_missing_bindnetaddr(self):
        self.write(GOOD.replace("        bindnetaddr: 127.0.0.1\n", ""))
        self.refuses(r"openais\.conf:6: .*bindnetaddr")

    def test_a_bad_number_names_key_and_range(self):
        self.write(GOOD.replace("version: 2", "token: 12x"))
        self.refuses(r'openais\.conf:2: .*token.*"12x".*\d+\.\.\d+')

    def test_a_number_out_of_range(self):
        self.write(GOOD.replace("mcastport: 19001", "mcastport: 70000"))
        self.refuses(r"openais\.conf:\d+: .*mcastport.*70000")

    def test_timeouts_that_contradict_each_other(self):
        self.write(GOOD.replace("version: 2", "token: 100\n    token_retransmit: 500"))
        self.refuses(r"token_retransmit")

    def test_an_address_of_no_interface_lists_those_of_this_host(self):
        self.write(GOOD.replace("bindnetaddr: 127.0.0.1", "bindnetaddr: 203.0.113.0"))
        self.refuses(r"203\.0\.113\.0(.|\n)*lo")

    def test_mixed_families(self):
        self.write(GOOD.replace("        mcastport: 19001\n", "        mcastport: 19001\n        mcastaddr: ff05::1\n"))
        self.refuses(r"IPv4.*IPv6|IPv6.*IPv4")

    def test_an_unknown_key_is_a_warning_with_file_and_line(self):
        self.write(GOOD.replace("version: 2", "version: 2\n    tokn: 1000"))
        done = self.execute("--check-config")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"openais\.conf:3: .*tokn.*token")

    def test_an_unknown_parser_lists_those_that_are_there(self):
        self.refuses(r"no_such_parser(.|\n)*config_openais",
                     environment=self.environment(OPENAIS_DEFAULT_CONFIG_IFACE="no_such_parser"))

    def test_a_plugin_that_is_no_parser_is_refused_as_parser(self):
        self.refuses(r"cpg.*parser", environment=self.environment(OPENAIS_DEFAULT_CONFIG_IFACE="cpg"))

    def test_the_ini_parser_reads_the_same_tree(self):
        self.write("[totem]\nversion = 2\nsecauth = on\ntransport = udpu\nnodeid = 1\n"
                   "[totem.interface]\nringnumber = 0\nbindnetaddr = 127.0.0.1\nmcastport = 19001\n"
                   "[nodelist.node]\nring0_addr = 127.0.0.1\nnodeid = 1\n[logging]\nto_stderr = yes\n")
        done = self.execute("--check-config", environment=self.environment(OPENAIS_DEFAULT_CONFIG_IFACE="config_ini"))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_random_bytes_as_configuration(self):
        self.config.write_bytes(os.urandom(100_000))
        self.refuses(r"openais\.conf:\d+: ")


class Key(Bench):
    def test_a_missing_key_says_how_to_make_one(self):
        self.key.unlink()
        self.refuses(re.escape(str(self.key)) + "(.|\n)*ais-keygen")

    def test_a_key_of_the_wrong_length(self):
        self.key.chmod(0o600)
        self.key.write_bytes(b"short")
        self.refuses(r"authkey(.|\n)*128")

    def test_ais_keygen_does_not_overwrite(self):
        again = subprocess.run([str(build_dir() / "bin/ais-keygen"), "-k", str(self.key)], capture_output=True, text=True)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("--force", again.stderr + again.stdout)


class CommandLine(Bench):
    def test_version_and_help(self):
        for option in ("--version", "--help"):
            done = self.execute(option)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertTrue(done.stdout.strip())

    def test_an_unknown_option(self):
        self.refuses(r"--no-such-option", "--no-such-option")

    def test_an_unknown_plugin_lists_those_that_are_there(self):
        self.refuses(r"no_such_plugin(.|\n)*cpg", "--plugin", "no_such_plugin")

    def test_list_plugins_shows_interfaces_and_reasons(self):
        (self.dir / "plugins").mkdir()
        (self.dir / "plugins/broken.so").write_text("not an object")
        done = self.execute("--list-plugins", "--plugin-dir", str(self.dir / "plugins"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"cpg .*ais\.service/1")
        self.assertRegex(done.stdout, r"broken\.so")

    def test_a_set_user_id_executive_refuses_to_run(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make a set-user-id copy")
        copy = self.dir / "aisexec"
        copy.write_bytes((build_dir() / "bin/aisexec-kernel").read_bytes())
        os.chown(copy, 1, 1)
        copy.chmod(0o6755)
        done = subprocess.run([str(copy), "--version"], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr + done.stdout, r"setuid")

    def test_a_second_executive_in_the_same_run_folder_is_refused(self):
        self.config.write_text(GOOD.replace("19001", str(21001 + os.getpid() % 5000 * 2)))
        first = subprocess.Popen([str(build_dir() / "bin/aisexec-kernel"), "-f", "--plugin-dir", str(build_dir() / "plugins"),
                                  "--state-dir", str(self.dir / "state")], env=self.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for line in first.stdout:
                if "ring" in line and "formed" in line:
                    break
            self.refuses(r"another executive")
        finally:
            first.kill()
            first.communicate()


class Background(Bench):
    """Without -f: the command ends when the executive works, or with the reason why it does not."""

    def setUp(self):
        super().setUp()
        port = str(21001 + os.getpid() % 5000 * 2)
        self.config.write_text(GOOD.replace("19001", port).replace("to_stderr: yes", "to_stderr: no"))

    def start(self, *arguments):
        # Names relative to here, although the executive works in / later.
        environment = self.environment(OPENAIS_MAIN_CONFIG_FILE="openais.conf", OPENAIS_TOTEM_AUTHKEY_FILE="authkey")
        return subprocess.run([str(build_dir() / "bin/aisexec-kernel"), "--plugin-dir", str(build_dir() / "plugins"),
                               "--run-dir", "a/run", "--state-dir", "a/state", *arguments], env=environment, cwd=self.dir,
                              text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)

    def test_it_is_ready_when_the_command_returns_and_ends_on_a_signal(self):
        done = self.start()
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = int((self.dir / "a/run/pid").read_text())
        try:
            self.assertTrue((self.dir / "a/run/ipc").is_socket())
            again = self.start()
            self.assertGreater(again.returncode, 0)
            self.assertRegex(again.stderr, f"another executive .*{pid}")
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not (self.dir / "a/run/pid").exists(), 10, "the end of the executive")
        self.assertFalse((self.dir / "a/run/ipc").exists())

    def test_a_start_that_fails_says_why_although_the_log_is_elsewhere(self):
        self.key.unlink()
        done = self.start()
        self.assertGreater(done.returncode, 0)
        self.assertIn("ais-keygen", done.stderr)


class Embedded(Bench):
    def test_it_says_where_it_is_and_leaves_nothing_behind(self):
        environment = self.environment(XDG_RUNTIME_DIR=str(self.dir))
        del environment["OPENAIS_RUN_DIR"]
        executive = subprocess.Popen([str(build_dir() / "bin/aisexec-kernel"), "--embedded", "--plugin-dir",
                                      str(build_dir() / "plugins")], env=environment, text=True, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            name, _, run_dir = executive.stdout.readline().strip().partition("=")
            self.assertEqual(name, "OPENAIS_RUN_DIR")
            self.assertEqual(Path(run_dir).parent.parent, self.dir)
            self.assertTrue((Path(run_dir) / "ipc").is_socket())
            executive.terminate()
            self.assertEqual(executive.wait(10), 0)
            self.assertFalse(Path(run_dir).parent.exists())
        finally:
            executive.kill()
            executive.communicate()


if __name__ == "__main__":
    main()
