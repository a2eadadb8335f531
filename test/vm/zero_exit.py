#!/usr/bin/env python3
"""The zero-exit contract: what the sandbox's kernel does alone never leaves to its VMM.

usage: zero_exit.py RUNSC BENCH   (in the test VM, one processor)

The benchmark serves operations by name. Around 10,000 rounds of each, the exits of all vCPUs to
host user space are counted; asking for no operation at all is counted too, and allowed for.
Prints result lines for tools/check.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from exits import Exits  # noqa: E402

ROUNDS = 10000
OPERATIONS = ["getppid", "pipe", "futex-handover", "pread-64", "stat", "pwrite-tmpfs-64", "fault"]


def main():
    runsc, bench = sys.argv[1:]
    with open("/run/zero_exit_file", "wb") as f:
        f.write(bytes(8192))
    user = Exits("kvm_userspace_exit")
    before_all = user.count()
    failed = 0
    with subprocess.Popen([runsc, "--platform=kvm", "do", "--", bench, "--serve", "/run/zero_exit_file"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as box:
        def ask(name, rounds):
            before = user.count()
            box.stdin.write("%s %d\n" % (name, rounds))
            box.stdin.flush()
            answer = box.stdout.readline().strip()
            return user.count() - before, answer

        for name in OPERATIONS:
            ask(name, 1000)
            allowed = max(ask("nothing", 0)[0] for _ in range(3))
            exits, answer = ask(name, ROUNDS)
            good = answer == "done" and exits <= allowed
            failed += not good
            print("pass" if good else "fail", "zero-exit-" + name)
            print("  %d exits in %d rounds, %d allowed, answer %r" % (
                exits, ROUNDS, allowed, answer))
        box.stdin.close()
    # A counter that sees nothing at all would make the contract easy to keep.
    seen = user.count() - before_all
    print("pass" if seen else "fail", "zero-exit-counter")
    print("  %d exits to user space over the sandbox's whole life" % seen)
    return int(failed > 0 or not seen)


if __name__ == "__main__":
    sys.exit(main())
