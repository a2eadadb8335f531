#!/usr/bin/env python3
"""Compiles what must compile beyond the build itself. usage: compile.py headers|arm64

headers: each header of abi/, arch/include and guestkernel/ alone, so that it includes what it
needs. arm64: the same, and each source of the portable parts, with the cross compiler. The folders
of headers are those of the guest kernel's own compile commands, the architecture's exchanged.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

from tree import TOP, files

CROSS = "aarch64-linux-gnu-gcc"
FLAGS = ["-std=gnu17", "-ffreestanding", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Wno-sign-compare",
         "-fno-strict-aliasing", "-fwrapv"]
PORTABLE = ("guestkernel/", "abi/", "net/stack/")


def build_folders():
    """Include folders of the guest kernel's sources, from the build's own record."""
    path = os.path.join(TOP, "build/compile_commands.json")
    found = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for entry in json.load(f):
                source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), TOP)
                if not source.startswith("guestkernel/") or "/test/" in entry.get("output", ""):
                    continue
                for folder in re.findall(r"-I(\S+)", entry["command"]):
                    folder = os.path.normpath(os.path.join(entry["directory"], folder))
                    if folder not in found:
                        found.append(folder)
    return found or [TOP, os.path.join(TOP, "abi/x86_64/include")]


def arm64_folders():
    """The same for arm64; where arch/arm64 has no such folder yet, the scripted machine's."""
    found = []
    for folder in build_folders():
        if "x86_64" in folder:
            folder = folder.replace("x86_64", "arm64")
            if not os.path.isdir(folder):
                folder = os.path.join(TOP, "test/machine/include")
        if folder not in found:
            found.append(folder)
    return found


def compile_all(compiler, jobs):
    """jobs: (name, argv, text for stdin or None)."""
    def one(job):
        name, argv, text = job
        done = subprocess.run([compiler] + FLAGS + argv, cwd=TOP, check=False, text=True,
                              input=text or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return name, done.returncode, done.stdout
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status, text in pool.map(one, jobs):
            print("fail" if status else "pass", name)
            for line in text.splitlines()[:20] if status else []:
                print("  " + line)


def header_jobs(folders, isa):
    argv = ["-I" + f for f in folders] + ["-x", "c", "-"]
    other = "abi/arm64/" if isa == "x86_64" else "abi/x86_64/"
    for path in files(".h"):
        if path.startswith(("abi/", "arch/include/", "guestkernel/")) and other not in path:
            yield path, argv, '#include "%s"\n' % path


def source_jobs(folders):
    for path in files(".c"):
        if path.startswith(PORTABLE):
            yield path, ["-I" + f for f in folders] + [path], None


def main():
    if sys.argv[1] == "headers":
        compile_all("gcc", header_jobs(build_folders(), "x86_64"))
    else:
        folders = arm64_folders()
        jobs = list(header_jobs(folders, "arm64")) + list(source_jobs(folders))
        compile_all(CROSS, jobs)


if __name__ == "__main__":
    main()
