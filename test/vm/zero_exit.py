#!/usr/bin/env python3
"""The zero-exit contract: what the sandbox's kernel does alone never leaves it.

usage: zero_exit.py RUNSC BENCH [systrap]   (without systrap: in the test VM, one processor)

The benchmark serves operations by name. Around 10,000 rounds of each, what leaves the kernel is
counted: with KVM the exits of all vCPUs to host user space, without it the hypercalls, doorbells
and messages to the gofer. Asking for no operation at all is counted too, and allowed for.
Prints result lines for tools/check.
"""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from exits import Exits  # noqa: E402

ROUNDS = 10000
OPERATIONS = ["getppid", "pipe", "futex-handover", "pread-64", "stat", "pwrite-tmpfs-64", "fault"]


class Counters:
    """What the sandbox itself counts; the question is one of its hypercalls."""

    def __init__(self, runsc):
        self.runsc, self.box = runsc, None

    def count(self):
        if not self.box:
            return 0
        text = subprocess.run([self.runsc, "debug", "--stats", "do-%d" % self.box.pid], check=True,
                              text=True, stdout=subprocess.PIPE).stdout
        return sum(int(n) for n in
                   re.findall(r"^(?:exits\.total|exits\.doorbell|gofer\.\w+) (\d+)$", text, re.M))


def measure(box, meter):
    def order(name, rounds):
        box.stdin.write("%s %d\n" % (name, rounds))
        box.stdin.flush()
        return box.stdout.readline().strip()

    def ask(name, rounds):
        before = meter.count()
        answer = order(name, rounds)
        return meter.count() - before, answer

    failed = 0
    order("nothing", 0)  # a sandbox that starts answers no question
    for name in OPERATIONS:
        ask(name, 1000)
        allowed = max(ask("nothing", 0)[0] for _ in range(3))
        exits, answer = ask(name, ROUNDS)
        good = answer == "done" and exits <= allowed
        failed += not good
        print("pass" if good else "fail", "zero-exit-" + name)
        print("  %d exits in %d rounds, %d allowed, answer %r" % (exits, ROUNDS, allowed, answer))
    return failed


def main():
    runsc, bench = sys.argv[1:3]
    hosted = sys.argv[3:] == ["systrap"]
    meter = Counters(runsc) if hosted else Exits("kvm_userspace_exit")
    with tempfile.NamedTemporaryFile(dir="/var/tmp" if hosted else "/run") as f:
        f.write(bytes(8192))
        f.flush()
        before = meter.count()
        argv = [runsc, "--platform=systrap" if hosted else "--platform=kvm", "do", "--", bench,
                "--serve", f.name]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as box:
            meter.box = box
            failed = measure(box, meter)
            seen = meter.count() - before
            box.stdin.close()
    # A counter that sees nothing at all would make the contract easy to keep. With KVM the one
    # certain exit is the sandbox's last; without it nobody can be asked any more.
    if not hosted:
        seen = meter.count() - before
    print("pass" if seen else "fail", "zero-exit-counter")
    print("  %d exits over the sandbox's life" % seen)
    return int(failed > 0 or not seen)


if __name__ == "__main__":
    sys.exit(main())
