#!/usr/bin/env python3
"""Compiles what must compile beyond the build itself. usage: compile.py headers|arm64

headers: each header of abi/, arch/include and guestkernel/ alone, so that it includes what it
needs. arm64: the same, and each source of the portable parts, with the cross compiler.
"""

import concurrent.futures
import os
import subprocess
import sys

from tree import TOP, files

CROSS = "aarch64-linux-gnu-gcc"
FLAGS = ["-std=gnu17", "-ffreestanding", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Wno-sign-compare",
         "-fno-strict-aliasing", "-fwrapv"]
PORTABLE = ("guestkernel/", "abi/", "net/stack/")


def folders(isa):
    """Where the kernel's sources find headers, on that architecture."""
    machine = "arch/%s/kernel/include" % isa
    if not os.path.isdir(os.path.join(TOP, machine)):
        machine = "tools/check.d/" + isa
    generated = "build/check/gen-" + isa
    os.makedirs(os.path.join(TOP, generated), exist_ok=True)
    subprocess.run([sys.executable, "tools/gen/syscalls.py", "abi/%s/syscalls.tbl" % isa,
                    "tools/gen/flags.tbl", "--proto", "--out", generated + "/syscalls_proto.h"],
                   cwd=TOP, check=True)
    return [".", "guestkernel/include", "guestkernel", "arch/include", "abi/%s/include" % isa,
            machine, generated]


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


def header_jobs(where, isa):
    argv = ["-I" + f for f in where] + ["-x", "c", "-"]
    other = "abi/arm64/" if isa == "x86_64" else "abi/x86_64/"
    for path in files(".h"):
        if path.startswith(("abi/", "arch/include/", "guestkernel/")) and other not in path:
            yield path, argv, '#include "%s"\n' % path


def source_jobs(where):
    for path in files(".c"):
        if path.startswith(PORTABLE):
            yield path, ["-I" + f for f in where] + [path], None


def main():
    if sys.argv[1] == "headers":
        compile_all("gcc", header_jobs(folders("x86_64"), "x86_64"))
    else:
        where = folders("arm64")
        compile_all(CROSS, list(header_jobs(where, "arm64")) + list(source_jobs(where)))


if __name__ == "__main__":
    main()
