#!/usr/bin/env python3
"""The rules of the tree that a machine can hold.

Prints `pass NAME` or `fail NAME` for each function in CHECKS below, with each breach indented;
exceptions stand in long-functions.txt beside this file, each with its reason.
"""

import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
FILE_LINES = 600
FUNCTION_LINES = 60

# A C compiler brings these without a C library; BSD's are macros only.
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "stdatomic.h", "limits.h"}
BSD = {"bsd/sys/queue.h", "bsd/sys/tree.h"}
# Found by include path: each machine has its own.
MACHINE = {"machine_types.h", "machine_inline.h"}
ISA_WORDS = re.compile(r"\b(__x86_64__|__amd64__|__i386__|__aarch64__|__arm__|__riscv|"
                       r"_M_X64|_M_ARM64)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def files(*endings):
    """The tree's own files: what git knows, and what it would take."""
    text = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    found = [f for f in text.splitlines() if os.path.isfile(os.path.join(TOP, f))]
    return sorted(f for f in found if f.endswith(endings))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def file_sizes():
    for path in files(".c", ".h", ".S", ".py", ".sh") + scripts():
        lines = read(path).count("\n")
        if lines > FILE_LINES:
            yield "%s: %d lines (at most %d)" % (path, lines, FILE_LINES)


def exceptions():
    table = {}
    for line in read("tools/check.d/long-functions.txt").splitlines():
        if line and not line.startswith("#"):
            path, function, reason = line.split(None, 2)
            table[path, function] = reason
    return table


def function_sizes():
    allowed, used = exceptions(), set()
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f",
                          "--languages=C", "--map-C=+.h", "-o", "-", "-L", "-"], cwd=TOP,
                         check=True, input="\n".join(files(".c", ".h")), stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    for tag in map(json.loads, out.splitlines()):
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        key = (tag["path"], tag["name"])
        if lines <= FUNCTION_LINES:
            continue
        if key in allowed:
            used.add(key)
        else:
            yield "%s:%d: %s has %d lines (at most %d)" % (
                tag["path"], tag["line"], tag["name"], lines, FUNCTION_LINES)
    for path, name in sorted(set(allowed) - used):
        yield "tools/check.d/long-functions.txt: %s %s needs no exception" % (path, name)


def owner(path, mark, name, tree):
    """The folder that an include leads to: a path below the top, `system`, or `generated`."""
    if name in MACHINE:
        return "arch/include/" + name
    if mark == "<" and path.split("/")[0] in ("gofer", "vmm"):
        return "system"  # host programs: a kernel header of the same name is not meant
    if mark == '"':
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        for place in (beside, name):
            if place in tree:
                return place
    hits = [f for f in tree if f.endswith("/" + name)]
    near = [f for f in hits if f.split("/")[0] == path.split("/")[0]]
    if re.match(r"arch/[^/]+/kernel/", path):
        near = near or [f for f in hits if f.startswith("guestkernel/include/")]
    if near or hits:
        return (near or hits)[0]
    return "system" if mark == "<" else "generated"


def arrow_breach(path, mark, name, place):
    """What is wrong with this include, or None."""
    own = path.split("/")[0]
    system = place == "system"
    if own == "abi":
        good = name == "stdint.h" if system else place.startswith("abi/")
    elif own == "guestkernel":
        good = (name in FREESTANDING | BSD) if system else (
            place == "generated" or place.startswith(("abi/", "guestkernel/", "arch/include/"))
            or re.match(r"arch/[^/]+/include/", place))
    elif path.startswith("net/stack/"):
        good = (name in FREESTANDING | BSD) if system else place.startswith("net/stack/")
    elif re.match(r"arch/[^/]+/kernel/", path):
        good = system and name in FREESTANDING | BSD or not system and not place.startswith(
            ("vmm/", "gofer/", "test/"))
    elif own in ("gofer", "vmm"):
        good = not place.startswith("guestkernel/")
    else:
        good = True
    return None if good else "%s: may not include %s%s" % (path, mark, name)


def arrows():
    headers = set(files(".h"))
    for path in files(".c", ".h", ".S"):
        for mark, name in INCLUDE.findall(read(path)):
            breach = arrow_breach(path, mark, name, owner(path, mark, name, headers))
            if breach:
                yield breach


def isa_ifdefs():
    for path in files(".c", ".h"):
        if path.startswith("arch/") or re.match(r"abi/(x86_64|arm64)/", path):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if line.lstrip().startswith("#") and ISA_WORDS.search(line):
                yield "%s:%d: %s" % (path, number, line.strip())


def headers():
    known = set(files(".h"))
    for path in sorted(known):
        if "#pragma once" not in read(path):
            yield path + ": no #pragma once"
    for path in files(".c"):
        own = os.path.basename(path)[:-2] + ".h"
        beside = os.path.join(os.path.dirname(path), own)
        found = [name for _, name in INCLUDE.findall(read(path))]
        if beside in known and found and os.path.basename(found[0]) != own:
            yield "%s: does not include its own header first" % path


def leftovers():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for path in files(".c", ".h", ".S", ".py", ".sh", ".build") + scripts():
        for number, line in enumerate(read(path).splitlines(), 1):
            if words.search(line):
                yield "%s:%d: %s" % (path, number, line.strip())
            if line != line.rstrip():
                yield "%s:%d: blanks at the end" % (path, number)


def formatting():
    tool = shutil.which("clang-format") or "clang-format-14"
    sources = files(".c", ".h")
    done = subprocess.run([tool, "--dry-run", "-Werror"] + sources, cwd=TOP, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    bad = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    if done.returncode and not bad:
        yield done.stderr.strip()
    for path in bad:
        yield "%s: clang-format -i %s" % (path, path)


def scripts(kind=None):
    """Programs without an ending; kind: a word of their first line."""
    found = []
    for path in files(""):
        if path.endswith((".py", ".sh")) or "." not in os.path.basename(path):
            first = read(path)[:80].split("\n")[0]
            if first.startswith("#!") and (kind is None or kind in first):
                found.append(path)
    return found


def shell():
    done = subprocess.run(["shellcheck", "-x", "-P", TOP] + scripts("bash") + files(".sh"), cwd=TOP,
                          check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        yield from done.stdout.splitlines()


def python():
    for path in sorted(set(scripts("python") + files(".py"))):
        try:
            compile(read(path), path, "exec")
        except SyntaxError as e:
            yield "%s: %s" % (path, e)


CHECKS = [file_sizes, function_sizes, arrows, isa_ifdefs, headers, leftovers, formatting, shell,
          python]


def main():
    for check in CHECKS:
        breaches = list(check())
        print("fail" if breaches else "pass", check.__name__)
        for breach in breaches:
            print("  " + breach)


if __name__ == "__main__":
    main()
