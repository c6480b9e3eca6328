#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the file of a plugin may contain (docs/abi/plugin_abi.md, "The file").

    check_plugin.py [--library NAME]... FILE...      exit 1 and one line per finding
    check_plugin.py --expect WORD FILE               the opposite: must find something with WORD

--library allows a shared library that the plugin declares, e.g. --library libsodium.
Needs readelf and ldd.
"""
import argparse
import re
import subprocess
import sys

STANDARD = ("libc", "libm", "libstdc++", "libgcc_s", "libpthread", "libdl", "librt", "ld-linux", "ld-linux-x86-64",
            "ld-linux-aarch64", "ld64", "libc++", "libc++abi", "libunwind")
# What compiler and linker put into writable sections by themselves.
LINKER = re.compile(r"^(__dso_handle|__TMC_END__|_edata|_end|__bss_start|completed\.\d+|DW\.ref\..*|\.|_GLOBAL_OFFSET_TABLE_"
                    r"|__data_start|data_start)$|^$")
WRITABLE = (".data", ".bss", ".tdata", ".tbss", ".lbss", ".ldata")


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True).stdout


def symbols(path, table):
    """(size, type, binding, visibility, section index or name, name) of one symbol table."""
    found, inside = [], False
    for line in readelf("-s", path).splitlines():
        if line.startswith("Symbol table"):
            inside = f"'{table}'" in line
        fields = line.split()
        if inside and len(fields) >= 7 and fields[0].rstrip(":").isdigit():
            size = int(fields[2], 0)
            found.append((size, fields[3], fields[4], fields[5], fields[6], fields[7] if len(fields) > 7 else ""))
    return found


def sections(path):
    """index → (name, size)."""
    found = {}
    for line in readelf("-S", path).splitlines():
        match = re.match(r"\s*\[\s*(\d+)\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)", line)
        if match:
            found[match[1]] = (match[2], int(match[3], 16))
    return found


def check(path, libraries):
    """Findings, as sentences."""
    dynamic = symbols(path, ".dynsym")
    static = symbols(path, ".symtab")
    places = sections(path)

    exported = sorted({name.split("@")[0] for _, _, binding, visibility, section, name in dynamic
                       if section != "UND" and binding != "LOCAL" and visibility in ("DEFAULT", "PROTECTED") and section != "ABS"})
    if exported != ["ais_plugin"]:
        extra = [name for name in exported if name != "ais_plugin"]
        if "ais_plugin" not in exported:
            yield "exports no ais_plugin"
        if extra:
            yield f"exports {len(extra)} more than its manifest: {', '.join(extra[:5])}: link with plugin.map"
    for _, kind, _, _, section, name in dynamic:
        if name == "ais_plugin" and section in places and kind == "OBJECT":
            if not places[section][0].startswith((".data.rel.ro", ".rodata")):
                yield f"its manifest is in {places[section][0]}, so it is not a constant"

    unique = sorted({name for _, _, binding, _, _, name in dynamic + static if binding == "UNIQUE"})
    if unique:
        yield f"has STB_GNU_UNIQUE symbols, which pin it: {', '.join(unique[:5])}: compile with -fno-gnu-unique"

    indices = {index: name for index, (name, _) in places.items()
               if name in WRITABLE or name.startswith((".data.", ".bss.")) and not name.startswith(".data.rel.ro")}
    if static:
        globals_ = sorted({name for size, kind, _, _, section, name in static
                           if section in indices and kind in ("OBJECT", "TLS") and size > 0 and not LINKER.match(name)})
        if globals_:
            yield f"has writable globals: {', '.join(globals_[:5])}: keep them in the instance"
    elif sum(size for index, (_, size) in places.items() if index in indices) > 32:
        yield "is stripped and has writable data beyond what the linker needs: check the unstripped file"

    text = readelf("-d", path)
    initialisers = re.search(r"\(INIT_ARRAYSZ\)\s+(\d+)", text)
    if initialisers and int(initialisers[1]) > 8:
        yield f"has {int(initialisers[1]) // 8 - 1} static constructors: they run before anybody asked for the plugin"

    for needed in re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", text):
        stem = needed.split(".so")[0]
        if stem not in STANDARD and stem not in libraries:
            yield f"needs {needed}, which it has not declared"
    if "TEXTREL" in text:
        yield "has text relocations: compile with -fPIC"

    linked = subprocess.run(["ldd", "-r", path], capture_output=True, text=True, check=False)
    missing = sorted(set(re.findall(r"undefined symbol: (\S+)", linked.stdout + linked.stderr)))
    if missing:
        yield f"has undefined symbols that no library of it defines: {', '.join(missing[:5])}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", action="append", default=[])
    parser.add_argument("--expect")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    status = 0
    for path in arguments.files:
        findings = list(check(path, arguments.library))
        if arguments.expect:
            if not any(arguments.expect in finding for finding in findings):
                print(f"{path}: '{arguments.expect}' was not found, only: {findings}")
                status = 1
            continue
        for finding in findings:
            print(f"{path}: {finding}")
            status = 1
        if not findings:
            print(f"{path}: ok")
    return status


if __name__ == "__main__":
    sys.exit(main())
