"""`tools/bench --hosted`: the machine without KVM beside native Linux, gVisor and user-mode-linux.

All in one run and interleaved, as such machines have good and bad phases; medians of the rounds
that bench.c and this file make. A peer that is not installed is left out, and that is said.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from hosted_programs import BEFORE, PROGRAMS, prepare
from start import pss, tree

IDLE_SECONDS = 10

# What native Linux took where the marks in microseconds were set. A mark is met too by the ratio to
# native that it stands for there: this machine may be many times slower in all it does. The last: as
# bash does it, 300 in 0.27 s.
NATIVE_THEN = {"getppid@1": 0.2, "touch-large": 1.4, "mmap-touch-munmap": 11,
               "fork-exit-wait": 145, "fork-exec-true": 900}

# name in bench.c or below: (text, unit, mark on two processors, mark on one)
ROWS = {
    "getppid": ("getppid", "us", None, 5),
    "getpid": ("getpid", "us", None, None),
    "touch-large": ("a page of a large area", "us", 0.8, None),
    "mmap-touch-munmap": ("mmap + touch + munmap", "us", 30, None),
    "pipe-switch": ("pipe round trip, two processes", "us", 12, 25),
    "futex-handover": ("futex hand-over between threads", "us", None, None),
    "fork-exit-wait": ("fork + exit + wait", "us", 600, None),
    "fork-exec-true": ("fork + exec of /bin/true + wait", "us", 3000, None),
    "stat": ("stat of a cached name", "us", None, None),
    "open-close": ("open + close, cached", "us", None, None),
    "pread-4k": ("pread of 4 KiB, cached", "us", None, None),
    "compute": ("1,000 rounds of arithmetic", "us", None, None),
    "start": ("`do true`, wall", "ms", 40, None),
    "idle-pss": ("idle memory, PSS of all processes", "MiB", 12, None),
    "idle-cpu": ("idle processor time", "%", 0.1, None),
}


class Kernel:
    """name, and the words that put a command into it."""

    def __init__(self, name, words):
        self.name, self.words = name, words

    def run(self, argv, cpus=None, limit=300):
        """Returns the output, or None and says so."""
        pin = ["taskset", "-c", cpus] if cpus else []
        try:
            done = subprocess.run(pin + self.words + argv, stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=limit)
        except subprocess.TimeoutExpired:
            print("%s: out of time: %s" % (self.name, " ".join(argv)[:70]), file=sys.stderr)
            return None
        if done.returncode:
            print("%s: status %d: %s\n%s" % (self.name, done.returncode, " ".join(argv)[:70],
                                             done.stderr[-400:]), file=sys.stderr)
            return None
        return done.stdout


class Uml(Kernel):
    """The host's root as its own; what the command prints comes back in a file."""

    def run(self, argv, cpus=None, limit=300):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            return self.run_in(folder, argv, cpus, limit)

    def run_in(self, folder, argv, cpus, limit):
        out, init = folder + "/out", folder + "/init"
        with open(init, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nmount -t proc proc /proc\n%s >%s\n" % (" ".join(argv), out))
        os.chmod(init, 0o755)
        pin = ["taskset", "-c", cpus] if cpus else []
        words = self.words + ["rootfstype=hostfs", "rootflags=/", "rw", "mem=512M", "con=null",
                              "panic=-1", "init=" + init]
        # Its processes outlive the first: all go together.
        with subprocess.Popen(pin + words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as box:
            try:
                box.wait(limit)
                with open(out, encoding="utf-8") as f:
                    return f.read()
            except (subprocess.TimeoutExpired, OSError):
                print("%s: no answer: %s" % (self.name, " ".join(argv)[:70]), file=sys.stderr)
                return None
            finally:
                try:
                    os.killpg(box.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def kernels(runsc, gvisor, uml):
    found = [Kernel("native", []), Kernel("ours", [runsc, "--platform=systrap", "do", "--"])]
    gvisor = gvisor or shutil.which("runsc")
    if gvisor and os.path.realpath(gvisor) != os.path.realpath(runsc):
        found.append(Kernel("gVisor", [gvisor, "--platform=systrap", "--network=none",
                                       "--ignore-cgroups", "do"]))
    else:
        print("left out: gVisor's runsc is not installed (Debian 13's package runsc)")
    uml = uml or shutil.which("linux.uml")
    if uml:
        found.append(Uml("UML", [uml]))
    else:
        print("left out: user-mode-linux is not installed")
    return found


class Samples:
    def __init__(self):
        self.values = {}

    def add(self, kernel, row, value):
        self.values.setdefault((kernel, row), []).append(value)

    def median(self, kernel, row):
        found = self.values.get((kernel, row))
        return statistics.median(found) if found else None


def load():
    return "%.1f" % os.getloadavg()[0]


def micro(samples, found, bench, rounds):
    for _ in range(rounds):
        text = subprocess.run([bench, "--spin"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        for line in text.splitlines():
            samples.add("native", line.split()[0], float(line.split()[1]) / 1000)
        for kernel in found:
            # user-mode-linux has one processor
            for cpus in (None,) if isinstance(kernel, Uml) else (None, "0"):
                text = kernel.run([bench, "--ns", "/etc/services"], cpus)
                for line in (text or "").splitlines():
                    name, value = line.split()
                    samples.add(kernel.name, name + ("@1" if cpus else ""), float(value) / 1000)


def start(samples, found, rounds):
    for _ in range(3 * rounds):
        for kernel in found:
            began = time.monotonic()
            if kernel.run(["/bin/true"]) is not None:
                samples.add(kernel.name, "start", (time.monotonic() - began) * 1000)


def cpu_ticks(pid):
    total = 0
    for one in tree(pid):
        try:
            with open("/proc/%d/stat" % one, encoding="ascii", errors="replace") as f:
                total += sum(int(n) for n in f.read().rpartition(")")[2].split()[11:13])
        except OSError:
            continue
    return total


def idle(samples, kernel):
    with subprocess.Popen(kernel.words + ["cat"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as box:
        box.stdin.write(b"ready\n")
        box.stdin.flush()
        box.stdout.readline()
        time.sleep(2)
        before = cpu_ticks(box.pid)
        time.sleep(IDLE_SECONDS)
        ticks = cpu_ticks(box.pid) - before
        samples.add(kernel.name, "idle-cpu", 100 * ticks / os.sysconf("SC_CLK_TCK") / IDLE_SECONDS)
        samples.add(kernel.name, "idle-pss", pss(box.pid) / 1024)
        box.stdin.close()


def programs(samples, found, folder):
    """Each program in each kernel: once to warm, then timed from inside, as its start is a row of
    its own."""
    for name, (_, command, _) in PROGRAMS.items():
        script = (BEFORE.get(name, "") + "cd %s && run() { %s; } && run >/dev/null 2>/tmp/err || { cat /tmp/err >&2; exit 1; }; "
                  "for i in 1 2 3; do a=${EPOCHREALTIME/./}; run >/dev/null 2>&1 || exit 1; "
                  "b=${EPOCHREALTIME/./}; echo $((b - a)); done" % (folder, command))
        for kernel in found:
            text = kernel.run(["/bin/bash", "-c", script], limit=100)
            for line in (text or "").split():
                samples.add(kernel.name, name, int(line) / 1000)
            if text:
                print("%s, %s: %s us" % (name, kernel.name, text.split()), file=sys.stderr)


def cell(value):
    return "-" if value is None else "%.3g" % value if value < 100 else "%.0f" % value


def verdict(row):
    if row["mark"] is None:
        return ""
    if row["judged"] is None:
        return "not measured"
    if row["judged"] <= row["mark"]:
        return "met"
    by_ratio = row["ratio_mark"] is not None and row["ratio"] <= row["ratio_mark"]
    return "met as %sx" % cell(row["ratio_mark"]) if by_ratio else "MISSED"


def show(rows, names):
    head = "| | unit | " + " | ".join(names) + " | ours / native | mark | |"
    print(head)
    print("|---" * (head.count("|") - 1) + "|")
    missed = 0
    for row in rows:
        said = verdict(row)
        row["met"] = said.startswith("met") if said else None
        missed += row["met"] is False
        mark = "" if row["mark"] is None else cell(row["mark"]) + ("x" if row["relative"] else "")
        if row["ratio_mark"] is not None:
            mark += " or %sx" % cell(row["ratio_mark"])
        print("| %s | %s | %s | %s | %s | %s |" % (
            row["text"], row["unit"], " | ".join(cell(row["values"][n]) for n in names),
            cell(row["ratio"]), mark, said))
    return missed


def make_row(samples, names, key, text, unit, mark, relative):
    values = {n: samples.median(n, key) for n in names}
    native, ours = values["native"], values.get("ours")
    ratio = ours / native if ours is not None and native else None
    then = NATIVE_THEN.get(key)
    return {"name": key, "text": text, "unit": unit, "values": values, "ratio": ratio,
            "mark": mark, "ratio_mark": mark / then if then else None, "relative": relative,
            "judged": ratio if relative else ours}


def table(samples, names):
    rows = []
    spin = samples.median("native", "spin-round-trip")
    for key, (text, unit, two, one) in ROWS.items():
        if key == "getppid" and spin:
            two = 0.3 if spin < 0.12 else 2.5 * spin
        rows.append(make_row(samples, names, key, text, unit, two, False))
        if samples.median("native", key + "@1") and (one or key == "pipe-switch"):
            rows.append(make_row(samples, names, key + "@1", text + ", one processor", unit, one,
                                 False))
    for key, (text, _, mark) in PROGRAMS.items():
        rows.append(make_row(samples, names, key, text, "ms", mark, True))
    return rows, spin


def measure(samples, found, bench, rounds, loads, folder):
    """Stops at Ctrl-C or SIGTERM; what has been measured by then is shown."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    here = [k for k in found if not isinstance(k, Uml)]
    try:
        start(samples, here, rounds)
        loads.append(load())
        for kernel in here:
            idle(samples, kernel)
        micro(samples, found, bench, rounds)
        loads.append(load())
        programs(samples, here, folder)
    except KeyboardInterrupt:
        print("interrupted: rows without figures were not measured", file=sys.stderr)
    finally:
        loads.append(load())


def hosted(runsc, bench, args):
    found = kernels(runsc, args.gvisor, args.uml)
    samples, loads = Samples(), [load()]
    folder = prepare()
    measure(samples, found, bench, args.rounds, loads, folder)
    names = [k.name for k in found]
    rows, spin = table(samples, names)
    missed = show(rows, names)
    print("spin round trip between two processors: %s us; load on the way: %s" % (
        cell(spin), ", ".join(loads)))
    print("%d marks missed or not measured" % missed, flush=True)
    shutil.rmtree(folder)
    with open(args.json, "w", encoding="utf-8") as f:
        json.dump({"rows": rows, "spin_us": spin, "loads": loads}, f, indent=1)
    return int(missed > 0)
