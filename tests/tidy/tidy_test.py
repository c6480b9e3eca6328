#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every rule of tidy.py against a small tree that breaks it and one that does not."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import tidy  # noqa: E402

TABLE = "| reference | what | test |\n|---|---|---|\n"

# rule: (trees that break it, trees that do not).  A tree is path → text.
CASES = {
    "include_levels": (
        [{"kernel/totem/a.cpp": '#include "group/groups.hpp"\n'},
         {"kernel/links/a.hpp": '#include "group/groups.hpp"\n'},       # sideways
         {"kernel/group/a.hpp": '#include "daemon.hpp"\n'},             # upwards to the top
         {"kernel/os/a.cpp": '#include "plugin/host.hpp"\n'},
         {"kernel/base/a.hpp": '#include "unknown/x.hpp"\n'},
         {"kernel/service/a.cpp": "#include <openais/cpg.h>\n"}],
        [{"kernel/group/a.cpp": '#include "group/a.hpp"\n#include "totem/engine.hpp"\n#include <vector>\n'},
         {"kernel/daemon.cpp": '#include "daemon.hpp"\n#include "os/loop.hpp"\n#include "plugin/host.hpp"\n'},
         {"kernel/service/a.cpp": '// #include in words\n#include "sync/barrier.hpp"\n'}]),
    "plugin_includes": (
        [{"plugins/clm/service.cpp": '#include "totem/engine.hpp"\n'},
         {"plugins/clm/service.cpp": '#include "../evt/wire.hpp"\n', "plugins/evt/wire.hpp": ""},
         {"plugins/clm/service.cpp": "#include <openais/cpg.h>\n", "plugins/cpg/include/cpg.h": ""},
         {"plugins/clm/service.cpp": '#include "client/connection.hpp"\n'}],
        [{"plugins/clm/service.cpp": '#include "wire.hpp"\n#include <openais/saClm.h>\n#include <openais/saAis.h>\n',
          "plugins/clm/wire.hpp": "", "plugins/clm/include/saClm.h": ""},
         {"plugins/clm/client.cpp": '#include "client/connection.hpp"\n'}]),
    "pure_includes": (
        [{"plugins/clm/state.cpp": "#include <ais/host.hpp>\n"},
         {"plugins/clm/wire.hpp": '#include "more.hpp"\n', "plugins/clm/more.hpp": "#include <ais/service.hpp>\n"}],
        [{"plugins/clm/state.hpp": '#include "wire.hpp"\n#include <ais/result.hpp>\n#include <map>\n',
          "plugins/clm/wire.hpp": "#include <ais/codec.hpp>\n"},
         {"plugins/clm/state_test.cpp": "#include <ais/testing/fake_host.hpp>\n"},
         {"plugins/clm/service.cpp": "#include <ais/host.hpp>\n"}]),
    "client_includes": (
        [{"plugins/clm/client.cpp": "#include <ais/host.hpp>\n"},
         {"plugins/clm/client_track.cpp": '#include "state.hpp"\n'}],
        [{"plugins/clm/client.cpp": '#include "client/connection.hpp"\n#include "wire.hpp"\n'},
         {"plugins/clm/client_test.cpp": "#include <ais/host.hpp>\n"}]),
    "sdk_includes": (
        [{"sdk/include/ais/abi/x.h": "#include <string.h>\n"},
         {"sdk/include/ais/x.hpp": "#include <boost/endian.hpp>\n"},
         {"sdk/include/ais/x.hpp": '#include "totem/engine.hpp"\n'},
         {"sdk/client/x.cpp": '#include "ipc/session.hpp"\n'}],
        [{"sdk/include/ais/abi/x.h": '#include <stdint.h>\n#include "types.h"\n', "sdk/include/ais/abi/types.h": ""},
         {"sdk/include/ais/x.hpp": "#include <ais/bytes.hpp>\n#include <cstring>\n"},
         {"sdk/client/x.cpp": '#include "client/x.hpp"\n#include <sys/socket.h>\n'}]),
    "simulator_includes": (
        [{"tests/sim/a.cpp": '#include "os/loop.hpp"\n'}, {"tests/sim/a.cpp": '#include "plugin/loader.hpp"\n'}],
        [{"tests/sim/a.cpp": '#include "plugin/guard.hpp"\n#include "totem/engine.hpp"\n'}]),
    "header_places": (
        [{"kernel/totem/a.cpp": "#include <unistd.h>\n"}, {"kernel/group/a.cpp": "#include <random>\n"},
         {"plugins/clm/service.cpp": "#include <sys/socket.h>\n"}, {"kernel/config/a.cpp": "#include <filesystem>\n"},
         {"kernel/os/a.cpp": "#include <boost/dll/shared_library.hpp>\n"}, {"kernel/ipc/a.cpp": "#include <mutex>\n"},
         {"kernel/os/loop.hpp": "#include <boost/asio/io_context.hpp>\n"}, {"tests/sim/world.cpp": "#include <thread>\n"}],
        [{"kernel/os/a.cpp": "#include <unistd.h>\n#include <boost/asio/io_context.hpp>\n"},
         {"kernel/plugin/loader.cpp": "#include <boost/dll/shared_library.hpp>\n#include <filesystem>\n"},
         {"kernel/totem/a.cpp": "#include <atomic>\n#include <span>\n#include <chrono>\n"},
         {"plugins/cpg/client.cpp": "#include <mutex>\n"}, {"sdk/client/a.cpp": "#include <poll.h>\n"},
         {"plugins/cpg/include/cpg.h": "#include <sys/uio.h>\n"}]),
    "include_order": (
        [{"kernel/os/a.cpp": '#include <vector>\n\n#include "os/a.hpp"\n'},
         {"kernel/os/a.cpp": '#include "os/a.hpp"\n#include <vector>\n'},
         {"kernel/os/a.cpp": '#include "../base/log.hpp"\n'},
         {"plugins/c/a.cpp": "#include <sodium.h>\n\n#include <ais/bytes.hpp>\n"}],
        [{"kernel/os/a.cpp": '#include "os/a.hpp"\n\n#include "base/log.hpp"\n\n#include <ais/bytes.hpp>\n\n'
                             "#include <boost/asio.hpp>\n\n#include <vector>\n\n#include <unistd.h>\n"},
         {"kernel/os/a.cpp": '#include <vector>\n#if X\n#include "x/y.hpp"\n#endif\n'}]),
    "clock_words": (
        [{"kernel/totem/a.cpp": "auto now = std::chrono::steady_clock::now();\n"},
         {"plugins/clm/state_test.cpp": "std::this_thread::sleep_for(1s);\n"},
         {"kernel/group/a.cpp": "std::random_device d;\n"}],
        [{"kernel/os/clock.cpp": "std::chrono::steady_clock::now();\n"},
         {"kernel/totem/a.cpp": '// no steady_clock::now here\nconst char* t = "usleep";\n'},
         {"tests/process/a.py": "usleep\n"}]),
    "unordered_iteration": (
        [{"kernel/totem/a.hpp": "std::unordered_map<int, int> seen_;\n", "kernel/totem/a.cpp": "for (auto& x : seen_) {}\n"},
         {"plugins/clm/state.cpp": "std::unordered_set<Id> ids;\nauto i = ids.begin();\n"},
         {"plugins/clm/state.cpp": "using Ids = std::unordered_set<Id>;\nfor (auto x : Ids) {}\n"}],
        [{"kernel/totem/a.cpp": "std::unordered_map<int, int> seen_;\nif (seen_.find(1) != seen_.end()) {}\n"},
         {"kernel/ipc/a.cpp": "std::unordered_map<int, int> seen_;\nfor (auto& x : seen_) {}\n"},
         {"plugins/clm/state.cpp": "std::map<int, int> ids;\nfor (auto& x : ids) {}\n"}]),
    "folder_readme": (
        [{"kernel/totem/a.cpp": ""}, {"plugins/clm/man/x.7": "", "plugins/clm/include/x.h": ""}],
        [{"kernel/totem/a.cpp": "", "kernel/totem/README.md": ""}, {"kernel/totem/notes.txt": ""},
         {"plugins/clm/include/x.h": "", "plugins/clm/README.md": ""}, {"sdk/include/ais/a.hpp": "", "sdk/README.md": ""}]),
    "licence_line": (
        [{"a/b.cpp": "#include <vector>\n"}, {"a/CMakeLists.txt": "x()\n"}, {"a/man/b.8": ".Dd\n"}],
        [{"a/b.cpp": "// SPDX-License-Identifier: BSD-3-Clause\n"}, {"a/README.md": "# a\n"},
         {"a/b.py": "#!/usr/bin/env python3\n# SPDX-License-Identifier: BSD-3-Clause\n"}]),
    "include_guard": (
        [{"a/b.hpp": "int x;\n"}, {"a/b.h": "#ifndef A\n#define B\n#endif\n"}, {"a/b.hpp": "// #pragma once\n"}],
        [{"a/b.hpp": "// x\n\n#pragma once\n"}, {"a/b.h": "#ifndef A_B\n#define A_B\n#endif\n"}]),
    "todo_without_issue": (
        [{"a/b.cpp": "// TODO: later\n"}, {"a/b.hpp": "int x;  // FIXME\n"}],
        [{"a/b.cpp": "// TODO(#12): later\n"}, {"a/b.cpp": "// mkostemp wants XXXXXX\n"}]),
    "public_function_documented": (
        [{"plugins/a/include/a.h": "int a_open(const char *name);\n", "plugins/a/man/a.3": ".Nm a_open\n"},
         {"plugins/a/include/a.h": "int a_open(const char *name);\n", "plugins/a/a_test.cpp": "a_open(x);\n"},
         {"plugins/a/include/a.h": '#ifdef __cplusplus\nextern "C" {\n#endif\nstruct s { int x; };\nconst char *a_text(\n'
                                   "    int n);\n#ifdef __cplusplus\n}\n#endif\n"}],
        [{"plugins/a/include/a.h": "typedef void (*a_fn)(int);\n#define A(x) f(x)\nstruct s { int (*call)(void); };\n"
                                   "/* int a_gone(void); */\nextern int a_open(a_fn f);\n",
          "plugins/a/man/a.3": ".Nm a_close ,\n.Fn a_open \"a_fn f\"\n", "plugins/a/a_test.cpp": "a_open(x);\n"},
         {"plugins/a/include/a.h": "int a_open(void);\n", "plugins/a/man/a.3": ".Nm a_open ,\n",
          "tests/conformance/a.c": "a_open();\n"}]),
    "message_ids": (
        [{"kernel/totem/a.cpp": 'AIS_LOG(log, notice, "totem", "TOTEM-003", "x");\n'},
         {"plugins/a/service.cpp": 'log_.notice("A-001", "x");\n', "plugins/b/man/b.7": "A-001\n"},
         {"kernel/totem/a.cpp": 'AIS_LOG(log_, warning, "totem", "", "x");\n'}],
        [{"kernel/totem/a.cpp": 'AIS_LOG(log, notice, "totem", "TOTEM-003", "x");\n',
          "kernel/totem/DIAGNOSTICS.md": "- TOTEM-003: x\n"},
         {"plugins/a/service.cpp": 'log_.notice("A-001", "x");\n', "plugins/a/man/a.7": ".It A-001\n"},
         {"kernel/base/log.hpp": '// "TOTEM-003" for example\n'},
         {"kernel/totem/a.cpp": 'AIS_LOG(log_, debug, "totem", "", "x");\n'}]),
    "manual_has_ids": (
        [{"kernel/man/aisexec-kernel.8": ".It OS-002\nx\n", "kernel/os/DIAGNOSTICS.md": "- OS-001: x\n"},
         {"kernel/man/aisexec-kernel.8": "OS-001\n", "kernel/os/DIAGNOSTICS.md": "| OS-001 | info | x |\n"}],
        [{"kernel/man/aisexec-kernel.8": ".It OS-001\nx\n", "kernel/os/DIAGNOSTICS.md": "* `OS-001` (info) x\n"},
         {"kernel/os/DIAGNOSTICS.md": "- OS-001: x\n"}]),
    "conformance_tables": (
        [{"docs/conformance/a.md": TABLE + "| A1 | opens | `A.opens` |\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | `A.opens`, `A.closes` |\n", "a_test.cpp": "TEST(A, opens) {\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | `A.opens` |\n", "a_test.cpp": "TEST(A, opens_twice) {\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | `A.opens` |\n", "a_test.cpp": "// TEST(A, opens) {\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | some day |\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | cannot happen |\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | opens | |\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | `A.opens` |\n", "a_test.cpp": "TEST(A, opens) {\n"},
         {"docs/conformance/a.md": TABLE + "| A1 | x | `B.test_x` |\n", "a_test.py": "class A(T):\n    def test_x(self):\n"}],
        [{"docs/conformance/a.md": TABLE + "| A1 | a \\| b | `A.opens`, `A.closes` |\n\nWords.\n\n" + TABLE
          + "| A2 | dies | cannot happen: it lives |\n| A3 | x | `C.test_x` and `b/header.c` |\n",
          "a_test.cpp": "TEST(A, opens) {\n}\nTEST_F(A, closes) {\n", "b/header.c": "",
          "b_test.py": "class B(T):\n    pass\nclass C(T):\n    def test_x(self):\n"},
         {"docs/conformance/README.md": TABLE + "| A1 | opens | not a table of tests |\n"},
         {"docs/a.md": "| A1 | opens | `A.opens` |\n"}]),
    "modes_and_blobs": (
        [{"a/b.bin": "x" * (300 * 1024)}, {"a/b.txt": "a\0b"}],
        [{"a/b.txt": "x" * 1000}, {"tests/fuzz/corpus/x": "a\0b"}]),
    "white_space": (
        [{"a/b.cpp": "int x; \n"}, {"a/b.md": "a\tb\n"}, {"a/b.hpp": "int x;"}, {"a/b.py": "x\r\n"}],
        [{"a/b.cpp": "int x;\n\nint y;\n"}, {"a/man/b.7": "a\tb\n"}, {"a/samples/b.conf": "a \n"}, {"a/b.cpp": ""}]),
}


class Rules(unittest.TestCase):
    def test_every_rule_has_cases_and_a_remedy(self):
        self.assertEqual({r.__name__ for r in tidy.RULES}, set(CASES))
        for rule in tidy.RULES:
            self.assertTrue(rule.remedy and "\n" not in rule.remedy, rule.__name__)

    def test_rules_find_what_breaks_them_and_nothing_else(self):
        for rule in tidy.RULES:
            bad, good = CASES[rule.__name__]
            for files in bad:
                with self.subTest(rule=rule.__name__, bad=files):
                    self.assertNotEqual(list(rule(tidy.Tree(files))), [])
            for files in good:
                with self.subTest(rule=rule.__name__, good=files):
                    self.assertEqual(list(rule(tidy.Tree(files))), [])

    def test_modes_are_those_of_scripts(self):
        script, text = "#!/bin/sh\n", "words\n"
        for content, is_executable, findings in ((script, True, 0), (script, False, 1), (text, True, 1), (text, False, 0)):
            tree = tidy.Tree({"a": content}, {"a": is_executable})
            self.assertEqual(len(list(tidy.modes_and_blobs(tree))), findings, (content, is_executable))

    def test_lines_are_counted_from_1(self):
        tree = tidy.Tree({"kernel/totem/a.cpp": '\n/* a\n comment */\n#include "os/loop.hpp"\n'})
        self.assertEqual([f[1] for f in tidy.include_levels(tree)], [4])

    def test_an_empty_tree_has_no_findings(self):
        self.assertEqual(list(tidy.findings(tidy.Tree({}))), [])

    def test_the_tree_is_read_in_time(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        before = time.process_time()
        list(tidy.findings(tidy.read_tree(root)))
        self.assertLess(time.process_time() - before, 2.0, "seconds of processor time")


if __name__ == "__main__":
    unittest.main()
