#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rules of docs/ARCHITECTURE.md that a program can check, checked by reading the tree.

    tidy.py            check the tree this file is in; exit 1 and one line per finding if something is wrong
    tidy.py --rules    list the rules and their remedies

The two tables LEVELS and HEADERS below are the documentation of who may include what.  A rule is a function that
yields findings (path, line, what); its remedy is printed with each.  tidy_test.py holds every rule against a small tree that
breaks it and one that does not.  Rules about a folder that is not there have nothing to say.
"""
import os
import re
import subprocess
import sys

# Who may include whom: a kernel folder includes its own files and folders of a lower level, never sideways.
LEVELS = {
    "base": 1,
    "totem": 2, "config": 2,
    "links": 3, "group": 3,
    "ipc": 4, "sync": 4,
    "service": 5,
    "plugin": 6, "os": 6,
    "": 7,  # kernel/*.cpp: daemon, main, options
}

# What state and wire files of a plugin may see of the SDK: they are pure.
PURE_SDK = {"ais/bytes.hpp", "ais/codec.hpp", "ais/result.hpp", "ais/service_wire.hpp", "ais/abi/types.h"}

# What a client library must not see: the service side.
SERVICE_SDK = re.compile(r"ais/(host|service|plugin|parser|crypto|quorum|config_schema)\.hpp|ais/testing/.*"
                         r"|ais/abi/(host|service|group|ipc|timer|config|parser|crypto|quorum)\.h")

# Headers with a meaning, and the only places (regular expressions on paths) that may include them.
OUTSIDE = r"|.*_test\.[ch](pp)?$|tests/(?!sim/)|tests/sim/(checker/)?main\.cpp$|tools/|bench/|examples/|sdk/(tests|template|examples|include/ais/testing)/"
HEADERS = [
    (r"boost/dll.*|filesystem|fstream",
     r"kernel/plugin/(discovery|loader)\.cpp$" + OUTSIDE,
     "files are read by kernel/os, shared objects found and loaded by kernel/plugin/{discovery,loader}.cpp"),
    (r"boost/asio.*", r"kernel/os/.*\.cpp$", "Boost.Asio is seen by kernel/os/*.cpp only; declare a port in the header"),
    (r"mutex|shared_mutex|condition_variable|pthread\.h",
     r"kernel/os/|sdk/client/|sdk/include/ais/handle_table\.hpp$|plugins/[^/]*/client[^/]*$" + OUTSIDE,
     "there is one thread; locks belong to client libraries and kernel/os"),
    (r"thread|future|semaphore|barrier|latch|stop_token|random|csignal|ctime|signal\.h|time\.h|unistd\.h|fcntl\.h|poll\.h"
     r"|sched\.h|dlfcn\.h|syslog\.h|netdb\.h|ifaddrs\.h|grp\.h|pwd\.h|dirent\.h|spawn\.h|termios\.h|pty\.h|sys/.*|net/.*"
     r"|netinet/.*|arpa/.*|linux/.*",
     r"kernel/os/|sdk/client/|plugins/[^/]*/include/|plugins/clm/service_admin\.cpp$" + OUTSIDE,
     "only kernel/os and sdk/client talk to the operating system; take what you need as an argument"),
]

# Words that bring in time or chance, and the places that own them.
CLOCK_WORDS = re.compile(
    r"\b(sleep_for|sleep_until|usleep|nanosleep|std::rand|srand|random_device|getrandom|getentropy|gettimeofday"
    r"|clock_gettime|(?:steady|system|high_resolution)_clock\s*::\s*now)\b")
CLOCK_PLACES = re.compile(r"kernel/os/|sdk/client/|tests/(ipc|process|bench|load|abi|conformance)/|tools/|bench/|examples/|sdk/(template|examples)/")

BLOB_MAX = 256 * 1024
RUNS_MAX = 512 * 1024  # below bench/runs: five rounds of bench/compare, a line a run
SOURCE = re.compile(r"\.(cpp|hpp|c|h)$")
SCRIPT = re.compile(r"\.(py|sh)$")
TEXT = re.compile(r"(\.(cpp|hpp|c|h|py|sh|md|cmake|txt|map|in|json)|CMakeLists\.txt|/Doxyfile)$")
STANDARD = re.compile(r"[a-z_]+$|c?(assert|ctype|errno|float|inttypes|limits|locale|math|setjmp|signal|stdarg|stdatomic"
                      r"|stdbool|stddef|stdint|stdio|stdlib|string|time|wchar)(\.h)?$")
THIRD = re.compile(r"(boost|gtest|gmock|spdlog|fmt|nlohmann|CLI|rapidcheck|benchmark)[/.]|(sodium|intel-ipsec-mb|ini|INIReader|xxhash)\.h$"
                   r"|openssl/|rapidcheck\.h$")


class Tree:
    """Paths relative to the root → contents; modes are True for executable files."""

    def __init__(self, files, modes=None):
        self.files = files
        self.modes = modes or {}
        self.code_of, self.uncommented_of = {}, {}
        self.includes_of = {}

    def sources(self, prefix=""):
        return (p for p in self.files if p.startswith(prefix) and SOURCE.search(p))

    def code(self, path):
        """The text with comments and the insides of strings blanked, lines kept."""
        if path not in self.code_of:
            self.code_of[path] = BLANK.sub(blank, self.files[path])
        return self.code_of[path]

    def uncommented(self, path):
        """The text with comments blanked and strings kept."""
        if path not in self.uncommented_of:
            self.uncommented_of[path] = BLANK.sub(lambda m: blank(m) if m[0][0] == "/" else m[0], self.files[path])
        return self.uncommented_of[path]

    def includes(self, path):
        """(line, "quote" or "angle", name) of each #include."""
        if path not in self.includes_of:
            self.includes_of[path] = [
                (line_of(self.files[path], m.start()), "quote" if m[1] == '"' else "angle", m[2])
                for m in INCLUDE.finditer(self.files[path])]
        return self.includes_of[path]


BLANK = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((?:.*?)\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


RULES = []


def rule(remedy):
    def register(function):
        function.remedy = remedy
        RULES.append(function)
        return function
    return register


def component(path):
    """The folder that a README must describe: two names deep, or one for sdk, docs, conf, scripts."""
    parts = path.split("/")[:-1]
    return "/".join(parts[:2 if parts and parts[0] in ("kernel", "plugins", "tests", "tools") else 1])


@rule("move the shared thing to a lower level, or declare a port beside its user (docs/ARCHITECTURE.md, levels)")
def include_levels(tree):
    for path in tree.sources("kernel/"):
        parts = path.split("/")
        own = parts[1] if len(parts) > 2 else ""
        for line, kind, name in tree.includes(path):
            if kind == "angle":
                if name.startswith("openais/"):
                    yield path, line, f"the kernel includes the plugin header <{name}>"
                continue
            folder = name.split("/")[0] if "/" in name else ""
            if folder not in LEVELS:
                yield path, line, f'"{name}" is not in the table of levels'
            elif folder != own and LEVELS[folder] >= LEVELS.get(own, 0):
                yield path, line, f"kernel/{own} (level {LEVELS.get(own, 0)}) includes {name} (level {LEVELS[folder]})"


@rule("a plugin uses its own files and the SDK; plugins meet through named interfaces of the host only")
def plugin_includes(tree):
    for path in tree.sources("plugins/"):
        root = "/".join(path.split("/")[:2])
        for line, kind, name in tree.includes(path):
            if kind == "quote":
                near = f"{os.path.dirname(path)}/{name}" in tree.files or f"{root}/{name}" in tree.files
                if not near and not (name.startswith("client/") and os.path.basename(path).startswith("client")):
                    yield path, line, f'"{name}" is no file of {root}'
            elif name.startswith("openais/") and name != "openais/saAis.h":
                if f"{root}/include/{name[8:]}" not in tree.files:
                    yield path, line, f"<{name}> belongs to another plugin"


@rule("state and wire are pure: bytes, codec, result, and files that are pure themselves")
def pure_includes(tree):
    for start in tree.sources("plugins/"):
        folder, stem = os.path.split(start)
        if not re.match(r"(state|wire)\b", stem) or stem.endswith(("_test.cpp", "_test.c")):
            continue
        pending, seen = [start], set()
        while pending:
            path = pending.pop()
            seen.add(path)
            for line, kind, name in tree.includes(path):
                own = f"{folder}/{name}"
                if kind == "quote" and own in tree.files and own not in seen:
                    pending.append(own)
                elif name.startswith(("ais/", "client/")) and name not in PURE_SDK:
                    yield path, line, f"{start} sees <{name}>"


@rule("a client library has its own wire and include/, and sdk/client")
def client_includes(tree):
    for path in tree.sources("plugins/"):
        stem = os.path.basename(path)
        if not re.match(r"client\b|client_", stem) or "_test." in stem:
            continue
        for line, _, name in tree.includes(path):
            if SERVICE_SDK.fullmatch(name) or re.match(r"(service|state|snapshot)\.hpp$", name):
                yield path, line, f"a client library includes {name}, which is the service side"


@rule("sdk is level 0: C headers <stddef.h>, <stdint.h>; C++ headers <ais/…> and the standard library")
def sdk_includes(tree):
    for path in tree.sources("sdk/"):
        in_abi = path.startswith("sdk/include/ais/abi/")
        for line, kind, name in tree.includes(path):
            if in_abi:
                is_stable_abi = "/draft/" in path and name.startswith("ais/abi/")
                if (name not in ("stddef.h", "stdint.h") and not is_stable_abi
                        and f"{os.path.dirname(path)}/{name}" not in tree.files):
                    yield path, line, f"{name} in an ABI header"
            elif path.startswith("sdk/include/"):
                ok = (name.startswith(("ais/", "gtest/")) or (kind == "angle" and STANDARD.match(name))
                      or name == "sodium.h" and path.endswith("/envelope_sodium.hpp"))
                if not ok:
                    yield path, line, f"{name} in an SDK header"
            elif kind == "quote" and name.split("/")[0] in LEVELS and "/" in name:
                yield path, line, f"the SDK includes {name} of the kernel"


@rule("the simulator links levels 0 to 5 and the pure part of kernel/plugin, so that it stays deterministic;"
      " only main.cpp loads files")
def simulator_includes(tree):
    for path in tree.sources("tests/sim/"):
        for line, _, name in tree.includes(path):
            if path == "tests/sim/main.cpp" and name == "plugin/loader.hpp":
                continue
            if re.match(r"os/|plugin/(?!(manifest|order|host|guard|replacement)\.hpp)", name):
                yield path, line, f"the simulator includes {name}"


@rule("include it only where the table HEADERS in tests/tidy/tidy.py allows it")
def header_places(tree):
    tables = [(re.compile(what), re.compile(where), why) for what, where, why in HEADERS]
    for path in tree.sources():
        for line, kind, name in tree.includes(path):
            for what, where, why in tables if kind == "angle" else ():
                if what.fullmatch(name) and not where.match(path):
                    yield path, line, f"<{name}>: {why}"


@rule("order: own header, \"project\", <ais/…>, third party, standard and system; a blank line between; no ../")
def include_order(tree):
    def rank(path, kind, name):
        if kind == "quote":
            # A header never is its own: only what it includes of another folder could look so.
            stem, other = path.rsplit(".", 1)[0], name.rsplit(".", 1)[0]
            is_header = path.endswith((".h", ".hpp"))
            return 0 if not is_header and os.path.basename(stem) == os.path.basename(other) else 1
        if name.startswith(("ais/", "openais/")):
            return 2
        return 3 if THIRD.match(name) else 4

    names = {0: "own header", 1: "project header", 2: "SDK header", 3: "third party", 4: "standard header"}
    for path in tree.sources():
        lines = tree.files[path].splitlines()
        before = None
        for line, kind, name in tree.includes(path):
            if ".." in name.split("/"):
                yield path, line, f"{name} climbs out of its folder"
            now = rank(path, kind, name)
            if before and before[0] != now:
                between = lines[before[1]:line - 1]
                if any(text.startswith("#") for text in between):
                    pass  # a condition starts anew
                elif before[0] > now:
                    yield path, line, f"{name} ({names[now]}) comes after a {names[before[0]]}"
                elif "" not in between:
                    yield path, line, f"no blank line between a {names[before[0]]} and {name} ({names[now]})"
            before = (now, line)


@rule("let time and chance come in as arguments; only kernel/os and sdk/client read them")
def clock_words(tree):
    for path in tree.sources():
        if not CLOCK_PLACES.match(path):
            for found in CLOCK_WORDS.finditer(tree.code(path)):
                yield path, line_of(tree.code(path), found.start()), found[0]


@rule("iterate over a sorted container: replicas must see the same order")
def unordered_iteration(tree):
    declared = re.compile(r"(?:using\s+(\w+)\s*=\s*std::unordered_\w+)|unordered_\w+\s*<[^;(){}]*>\s*&?\s*(\w+)")
    places = [p for p in tree.sources() if p.startswith("kernel/totem/")
              or re.match(r"plugins/.*/(state|snapshot|model/|merge)", p)]
    names = {}
    for path in places:
        for found in declared.finditer(tree.code(path)):
            names.setdefault(os.path.dirname(path), set()).add(found[1] or found[2])
    for path in places:
        for name in sorted(names.get(os.path.dirname(path), ())):
            use = re.compile(r"for\s*\([^;()]*:\s*[\w.\->]*\b%s\s*\)|\b%s\s*(?:\.|->)\s*c?begin\b" % (name, name))
            for found in use.finditer(tree.code(path)):
                yield path, line_of(tree.code(path), found.start()), f"{name} is unordered"


@rule("write README.md: one paragraph, then the files in reading order")
def folder_readme(tree):
    described = {os.path.dirname(p) for p in tree.files if os.path.basename(p) == "README.md"}
    missing = set()
    for path in tree.files:
        root = component(path)
        if root and (SOURCE.search(path) or SCRIPT.search(path)) and root not in described:
            missing.add(root)
    for root in sorted(missing):
        yield root, 0, "a folder with sources and without README.md"


@rule("put SPDX-License-Identifier: BSD-3-Clause into the first three lines")
def licence_line(tree):
    for path, text in tree.files.items():
        if SOURCE.search(path) or SCRIPT.search(path) or path.endswith((".cmake", "CMakeLists.txt")) \
                or re.search(r"/man/[^/]+\.[1-9]$", path) or (tree.modes.get(path) and text.startswith("#!")):
            if "SPDX-License-Identifier: BSD-3-Clause" not in "\n".join(text.split("\n", 3)[:3]):
                yield path, 1, "no licence line"


@rule("#pragma once in .hpp; #ifndef, #define, #endif in .h")
def include_guard(tree):
    for path in tree.sources():
        code = tree.code(path)
        if path.endswith(".hpp") and not re.search(r"^#pragma once$", code, re.M):
            yield path, 1, "no #pragma once"
        elif path.endswith(".h") and not re.search(r"^#\s*ifndef (\w+)\n#\s*define \1$", code, re.M):
            yield path, 1, "no include guard"


@rule("open an issue and name it, as in: TODO(#12)")
def todo_without_issue(tree):
    for path, text in tree.files.items():
        if not path.startswith("tests/tidy/") and (SOURCE.search(path) or SCRIPT.search(path)):
            for found in re.finditer(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))", text):
                yield path, line_of(text, found.start()), found[0] + " without a number"


def public_functions(text):
    """Names of the functions that a C header (without comments) declares, with the offset of each."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    text = re.sub(r'extern\s+"C"\s*\{', blank, text)
    while True:
        flat = re.sub(r"\{[^{}]*\}", blank, text)
        if flat == text:
            break
        text = flat
    for statement in re.finditer(r"[^;]+;", text):
        declared = re.match(r"[\s}]*(?!typedef\b)(?:[\w*]+\s+|\*)+?\**(\w+)\s*\((?!\s*\*)", statement[0])
        if declared:
            yield declared[1], statement.start() + declared.start(1)


@rule("name the function in a man page of the slice (.Nm, .Fn or .Fo) and call it in a test")
def public_function_documented(tree):
    for header in tree.files:
        at = re.match(r"plugins/(\w+)/include/[^/]+\.h$", header)
        if not at:
            continue
        root = f"plugins/{at[1]}/"
        pages = "\n".join(t for p, t in tree.files.items() if re.match(root + r"man/[^/]+\.\d$", p))
        tests = "\n".join(t for p, t in tree.files.items() if SOURCE.search(p)
                          and (p.startswith("tests/") or (p.startswith(root) and "_test." in p)))
        for name, offset in public_functions(tree.uncommented(header)):
            line = line_of(tree.files[header], offset)
            if not re.search(r"^\.(Nm|Fn|Fo)( [^\n]*)?\b%s\b" % name, pages, re.M):
                yield header, line, f"{name} has no man entry in {root}man"
            if not re.search(r"\b%s\b" % name, tests):
                yield header, line, f"{name} is in no test"


MESSAGE_ID = re.compile(r'"([A-Z][A-Z0-9_]*-\d{3})"')


@rule("explain the id in DIAGNOSTICS.md of the folder (kernel) or under DIAGNOSTICS of the man page (plugins, sdk)")
def message_ids(tree):
    explained = {}
    for path, text in tree.files.items():
        if path.endswith("/DIAGNOSTICS.md") or re.search(r"/man/[^/]+\.\d$", path):
            root = component(path) if not path.startswith("kernel/") else "kernel"
            explained.setdefault(root, set()).update(re.findall(r"\b[A-Z][A-Z0-9_]*-\d{3}\b", text))
    for path in tree.sources():
        root = path.split("/")[0] if path.startswith("kernel/") else component(path)
        # What is there to be copied has no man page of its own.
        if "_test." in path or path.startswith(("tests/", "sdk/examples/", "sdk/template/")):
            continue
        text = tree.uncommented(path)
        for found in MESSAGE_ID.finditer(text):
            if found[1] not in explained.get(root, ()):
                yield path, line_of(text, found.start()), f"{found[1]} is not explained"
        for found in re.finditer(r'AIS_LOG\([^,;]+,\s*(error|warning|notice|info)\s*,[^,;]+,\s*""', text):
            yield path, line_of(text, found.start()), f"a line of level {found[1]} has no id"


@rule("write one sentence for the operator under DIAGNOSTICS of kernel/man/aisexec-kernel.8")
def manual_has_ids(tree):
    manual = tree.files.get("kernel/man/aisexec-kernel.8")
    if manual is None:
        return
    explained = set(re.findall(r"^\.It ([A-Z][A-Z0-9_]*-\d{3})$", manual, re.M))
    for path, text in tree.files.items():
        if path.startswith("kernel/") and path.endswith("/DIAGNOSTICS.md"):
            for found in re.finditer(r"^[|*-] `?([A-Z][A-Z0-9_]*-\d{3})\b", text, re.M):
                if found[1] not in explained:
                    yield path, line_of(text, found.start()), f"{found[1]} is not in aisexec-kernel(8)"


GTEST = re.compile(r"^TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
PYTEST = re.compile(r"^class (\w+)\(|^    def (test_\w+)\(", re.M)


def test_names(tree):
    """Suite.name of every GoogleTest case, Class.test_name of every case of a Python script."""
    for path in tree.files:
        if path.endswith(".cpp"):
            yield from (f"{m[1]}.{m[2]}" for m in GTEST.finditer(tree.files[path]))
        elif path.endswith("_test.py"):
            suite = ""
            for m in PYTEST.finditer(tree.files[path]):
                suite = m[1] or suite
                if m[2]:
                    yield f"{suite}.{m[2]}"


@rule("rows are | reference | what | test |; a test is `Suite.name` of a case in the tree, or the path of a file;"
      " what no test can show says why: cannot happen: …")
def conformance_tables(tree):
    pages = [p for p in tree.files if re.fullmatch(r"docs/conformance/(?!README)[^/]+\.md", p)]
    known = set(test_names(tree)) if pages else set()
    for path in pages:
        in_head = True
        for line, row in enumerate(tree.files[path].splitlines(), 1):
            if not row.startswith("|"):
                in_head = True  # the two lines that follow open a table
                continue
            if in_head:
                in_head = not re.fullmatch(r"[|: -]+", row)
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            if len(cells) != 3 or not all(cells):
                yield path, line, f"{len(cells)} columns, or an empty one"
                continue
            if re.match(r"cannot happen: \w", cells[2]):
                continue
            tests = re.findall(r"`([^`]+)`", cells[2])
            if not tests:
                yield path, line, f"{cells[0]} has no test"
            for name in tests:
                if name not in known and name not in tree.files:
                    yield path, line, f"there is no test {name}"


@rule("make what begins with #! executable and nothing else (git update-index --chmod), and keep large files out")
def modes_and_blobs(tree):
    for path, text in tree.files.items():
        is_script = text.startswith("#!")
        if tree.modes.get(path) and not is_script:
            yield path, 0, "executable, but no script"
        elif is_script and path in tree.modes and not tree.modes[path]:
            yield path, 0, "a script that is not executable"
        limit = RUNS_MAX if path.startswith("bench/runs/") else BLOB_MAX
        if len(text) > limit:
            yield path, 0, f"{len(text) // 1024} KiB; the limit is {limit // 1024}"
        if "\0" in text and not path.startswith("tests/fuzz/corpus/"):
            yield path, 0, "binary"


@rule("no trailing blanks, no tabs, no carriage returns; a newline at the end")
def white_space(tree):
    bad = re.compile(r"[ \t]+$|\t|\r", re.M)
    for path, text in tree.files.items():
        if TEXT.search(path) and "/corpus/" not in path and "/samples/" not in path:
            for found in bad.finditer(text):
                what = {"\t": "tab", "\r": "carriage return"}.get(found[0], "trailing blanks")
                yield path, line_of(text, found.start()), what + " (the first of this file)"
                break
            if text and not text.endswith("\n"):
                yield path, line_of(text, len(text)), "no newline at the end"


def read_tree(root):
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                                capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in ("build", "__pycache__") and not f.startswith(".")]
            listed += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    files, modes = {}, {}
    for path in sorted(filter(None, listed)):
        full = os.path.join(root, path)
        if os.path.isfile(full) and not os.path.islink(full):
            with open(full, encoding="utf-8", errors="replace", newline="") as file:
                files[path] = file.read()
            modes[path] = os.access(full, os.X_OK)
    return Tree(files, modes)


def findings(tree):
    for check in RULES:
        for path, line, what in check(tree):
            yield f"{path}:{line}: {what} [{check.__name__}: {check.remedy}]"


def main(arguments):
    if arguments == ["--rules"]:
        for check in RULES:
            print(f"{check.__name__}: {check.remedy}")
        return 0
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    tree = read_tree(arguments[0] if arguments else root)
    count = 0
    for finding in findings(tree):
        print(finding)
        count += 1
    print(f"{len(tree.files)} files, {len(RULES)} rules, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
