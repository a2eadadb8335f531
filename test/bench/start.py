#!/usr/bin/env python3
"""What a sandbox costs to start and to keep; runs in the test VM, prints `NAME VALUE` lines.

usage: start.py start RUNSC BENCH    ticks of `runsc do true`: the first, the cheapest of five
       start.py exits RUNSC          its wall time (ms), and the exits of its vCPUs
       start.py idle RUNSC SIZE      memory of an idle sandbox with that limit, in KiB; the
                                     status is 1 if it is more than IDLE_MAX beyond the program's
"""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vm"))

from exits import Exits  # noqa: E402


IDLE_MAX = 8192  # KiB
BOXES = 4  # as MemAvailable moves by itself, and by whole caches


def start(runsc, bench):
    ticks = []
    for _ in range(6):
        text = subprocess.run([bench, "--run", runsc, "--platform=kvm", "do", "--", "true"],
                              check=True, text=True, stdout=subprocess.PIPE).stdout
        ticks.append(int(re.search(r"^command (\d+)$", text, re.M).group(1)))
    print("runsc-do-true-first-ticks", ticks[0])
    print("runsc-do-true-ticks", min(ticks[1:]))


def exits(runsc):
    subprocess.run([runsc, "--platform=kvm", "do", "--", "true"], check=True)
    began = time.monotonic()
    subprocess.run([runsc, "--platform=kvm", "do", "--", "true"], check=True)
    print("runsc-do-true-ms", int((time.monotonic() - began) * 1000))
    every, user = Exits("kvm_exit"), Exits("kvm_userspace_exit")
    before = every.count(), user.count()
    subprocess.run([runsc, "--platform=kvm", "do", "--", "true"], check=True)
    print("runsc-do-true-exits", every.count() - before[0])
    print("runsc-do-true-exits-to-user", user.count() - before[1])


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1))


def tree(parent):
    """A process and its descendants."""
    parents, found = {}, []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as f:
                parents[int(name)] = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for pid in parents:
        up = pid
        while up not in (0, parent):
            up = parents.get(up, 0)
        if up == parent:
            found.append(pid)
    return found


def pss(parent):
    """PSS of a process and its descendants, in KiB."""
    total = 0
    for pid in tree(parent):
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            found = re.search(r"^Pss:\s+(\d+)", f.read(), re.M)
        total += int(found.group(1)) if found else 0
    return total


def program(runsc, pid):
    """KiB of the sandbox's memory that hold the program's pages and its files'."""
    text = subprocess.run([runsc, "debug", "--stats", "do-%d" % pid], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return 4 * sum(int(n) for n in re.findall(r"^memory\.(?:anon|cache) (\d+)$", text, re.M))


def settle():
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")
    time.sleep(0.5)


def idle(runsc, size):
    """The programs are `cat`, reading pipes that stay silent. The fall of MemAvailable is what one
    of several sandboxes adds, its program included; the rise what it gives back."""
    argv = [runsc, "--platform=kvm", "do", "--memory", size, "--", "cat"]
    subprocess.run(argv, stdin=subprocess.DEVNULL, check=True)
    settle()
    before = available()
    boxes = []
    for _ in range(BOXES):
        box = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        boxes.append(box)
        box.stdin.write(b"ready\n")
        box.stdin.flush()
        box.stdout.readline()
    time.sleep(1)
    settle()
    during = available()
    own = program(runsc, boxes[0].pid)
    beside = pss(boxes[0].pid) - own
    print("idle-%s-program-KiB" % size, own)
    print("idle-%s-pss-beside-KiB" % size, beside)
    for box in boxes:
        box.stdin.close()
        box.wait()
    settle()
    # Both ways, as caches that nobody asked for come and go.
    fall, rise = before - during, available() - during
    print("idle-%s-MemAvailable-fall-KiB" % size, fall // BOXES)
    print("idle-%s-MemAvailable-rise-KiB" % size, rise // BOXES)
    sys.exit(not own or beside > IDLE_MAX)


if __name__ == "__main__":
    {"start": start, "exits": exits, "idle": idle}[sys.argv[1]](*sys.argv[2:])
