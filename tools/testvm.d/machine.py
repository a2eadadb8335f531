"""One test VM: QEMU's command line, snapshots, and the frames that the agent sends.

A snapshot is two files: the devices' state, and the memory, which a restored machine maps privately.
So a start reads only the pages that it uses; clearing or loading two gigabytes takes seconds."""

import glob
import hashlib
import json
import os
import re
import selectors
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from image import TestvmError, locked, prepare

# Five-level tables move the end of user space: few machines have them, and tests know the end.
CPU = "max,-la57"
# QEMU before 8.0 raises #UD for VEX instructions in a nested guest.
OLD_CPU = CPU + ",-avx,-avx2,-f16c,-fma"
# The second line: what hardens Linux at a price, so that it is compared at its fastest.
APPEND = ("console=ttyS0 quiet loglevel=3 panic=-1 tsc=reliable nowatchdog "
          "mitigations=off init_on_alloc=0 randomize_kstack_offset=off "
          "rcupdate.rcu_cpu_stall_suppress=1")
START_LIMIT = 90        # seconds for a boot or a restore, on a busy machine
GRACE = 30              # seconds the agent gets beyond a command's own limit
KEEP_SNAPSHOTS = 8


def find_qemu():
    """Returns (path, version as a tuple)."""
    path = os.environ.get("CASEMATE_QEMU") or shutil.which("qemu-system-x86_64")
    if not path:
        raise TestvmError("no qemu-system-x86_64: install qemu-system-x86")
    text = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", text)
    return path, tuple(int(n) for n in found.groups())


class Machine:
    """What one run of a VM needs to know. icount: one instruction is one nanosecond."""

    def __init__(self, cache, smp=1, mem=2048, icount=False, cpu=""):
        self.cache, self.smp, self.mem, self.icount = cache, smp, mem, icount
        self.cpu = "," + cpu if cpu else ""
        self.qemu, self.version = find_qemu()
        self.kernel, self.initramfs = prepare(cache)
        self.work = tempfile.TemporaryDirectory(prefix="testvm-")
        self.console = os.path.join(self.work.name, "console")
        self.process = None
        self.socket = None   # our end of QEMU's monitor socket
        self.control = None  # the Monitor on it, once it was asked for

    def arguments(self):
        accel = "tcg,thread=" + ("single" if self.icount else "multi")
        cpu = (CPU if self.version >= (8, 0) else OLD_CPU) + self.cpu
        argv = [self.qemu, "-M", "q35", "-accel", accel, "-cpu", cpu, "-smp", str(self.smp),
                "-m", "%dM" % self.mem, "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-global", "migration.store-global-state=off", "-kernel", self.kernel, "-initrd", self.initramfs,
                "-append", APPEND, "-device", "virtio-serial-pci,ioeventfd=off",
                "-device", "virtserialport,chardev=out",
                "-virtfs", "local,path=/,security_model=none,readonly=on,mount_tag=hostroot,"
                "multidevs=remap"]
        if self.icount:  # the seed makes RDRAND and what depends on it the same each time
            argv += ["-icount", "shift=0,sleep=off", "-seed", "1",
                     "-rtc", "base=2024-01-01T00:00:00,clock=vm"]
        return argv

    def snapshot_path(self):
        parts = self.arguments() + [".".join(map(str, self.version)), "memory apart"]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        kind = "icount" if self.icount else "smp%d" % self.smp
        return os.path.join(self.cache, "snapshot-%s-%s" % (kind, key))

    def memory(self, path, share):
        return ["-object", "memory-backend-file,id=ram,size=%dM,mem-path=%s,share=%s"
                % (self.mem, path.replace(",", ",,"), share), "-machine", "memory-backend=ram"]

    def start(self, job, extra=()):
        """Starts QEMU; the agent's frames are then read from self.frames."""
        read_end, write_end = os.pipe()
        self.socket, theirs = socket.socketpair()
        job_path = os.path.join(self.work.name, "job")
        with open(job_path, "wb") as f:
            f.write(job)
        argv = ["setpriv", "--pdeathsig", "KILL"] + self.arguments() + [
            "-add-fd", "fd=%d,set=1" % write_end,
            "-chardev", "file,id=out,path=/dev/fdset/1,append=on", "-serial", "file:" + self.console,
            "-chardev", "socket,id=mon,fd=%d" % theirs.fileno(), "-mon", "chardev=mon,mode=control",
            "-fw_cfg", "name=opt/org.casemate/job,file=" + job_path] + list(extra)
        with open(os.path.join(self.work.name, "qemu"), "wb") as errors:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=errors,
                                            stderr=errors, pass_fds=(write_end, theirs.fileno()))
        theirs.close()
        os.close(write_end)
        self.frames = Frames(read_end)

    def monitor(self, limit=START_LIMIT):
        if not self.control:
            self.control = Monitor(self.socket)
        self.socket.settimeout(limit)
        return self.control

    def without_memory(self):
        """A migration that leaves the memory where it is."""
        self.monitor().ask("migrate-set-capabilities", {
            "capabilities": [{"capability": "x-ignore-shared", "state": True}]})

    def boot(self, job):
        self.start(job)

    def restore(self, job):
        path = self.snapshot_path()
        if not os.path.exists(path):
            with locked(self.cache, os.path.basename(path)):
                if not os.path.exists(path):
                    self.make_snapshot(path)
        os.utime(path)
        self.start(job, self.memory(path + ".ram", "off") + ["-incoming", "defer"])
        self.without_memory()
        self.monitor().ask("migrate-incoming", {"uri": "exec:cat " + shlex.quote(path)})

    def make_snapshot(self, path):
        """Boots a VM to the point where its agent waits for a job, and saves it."""
        ram = path + ".ram"
        self.start(b"-", self.memory(ram + ".new", "on"))
        try:
            self.expect_ready()
            time.sleep(0.5)  # what the kernel puts off at boot is done before the snapshot
            self.without_memory()
            monitor = self.monitor()
            monitor.ask("stop")
            monitor.ask("migrate-set-parameters", {"max-bandwidth": 1 << 40})
            monitor.ask("migrate", {"uri": "exec:cat >" + shlex.quote(path + ".new")})
            while True:
                status = monitor.ask("query-migrate").get("status")
                if status == "completed":
                    break
                if status in ("failed", "cancelled"):
                    raise TestvmError("the snapshot was not made: " + status)
                time.sleep(0.05)
        finally:
            self.stop()
        os.rename(ram + ".new", ram)
        os.rename(path + ".new", path)  # last: with this name the snapshot exists
        self.prune()

    def expect_ready(self):
        deadline = time.monotonic() + START_LIMIT
        for kind, data in self.frames.until(deadline):
            if kind == "R":
                return
            if kind == "L":
                raise TestvmError("the agent says: " + data.decode(errors="replace"))
        raise TestvmError("the VM did not come up" + self.last_words())

    def prune(self):
        """Drops the snapshots used least recently: each is of some 200 MB."""
        found = glob.glob(os.path.join(self.cache, "snapshot-*"))
        found = [f for f in found if not f.endswith((".lock", ".new", ".ram"))]
        found.sort(key=os.path.getmtime, reverse=True)
        for path in found[KEEP_SNAPSHOTS:]:
            os.unlink(path)
            if os.path.exists(path + ".ram"):
                os.unlink(path + ".ram")

    def last_words(self):
        """What QEMU and the console said, for an error message."""
        text = ""
        for name in ("qemu", "console"):
            path = os.path.join(self.work.name, name)
            if os.path.exists(path):
                with open(path, "rb") as f:
                    lines = f.read().decode(errors="replace").replace("\r", "").splitlines()
                text += "".join("\n  %s: %s" % (name, s) for s in lines[-25:])
        return text

    def processors(self):
        """Where the processors of a machine that hangs stand, for an error message."""
        text = ""
        try:
            monitor = self.monitor(limit=5)
            for _ in range(2):
                said = monitor.ask("human-monitor-command", {"command-line": "info registers -a"})
                text += "".join("\n  " + line.strip() for line in said.splitlines()
                                if re.match(r"\s*(CPU#|RIP|CS |CR3|CR0)", line))
                time.sleep(0.2)
            for cpu in range(self.smp):
                said = monitor.ask("human-monitor-command",
                                   {"command-line": "x/8i $pc", "cpu-index": cpu})
                text += "".join("\n  cpu %d: %s" % (cpu, line) for line in said.splitlines())
        except (OSError, TestvmError) as e:
            text += "\n  the monitor: %s" % e
        return text

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.frames.close()
            self.socket.close()
            self.control = None


class Monitor:
    """QEMU's machine protocol: a JSON object per line."""

    def __init__(self, sock):
        sock.settimeout(START_LIMIT)
        self.sock, self.file = sock, sock.makefile("r", encoding="utf-8")
        self.file.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, command, arguments=None):
        message = {"execute": command, "arguments": arguments or {}}
        self.sock.sendall(json.dumps(message).encode())
        for line in self.file:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise TestvmError("%s: %s" % (command, answer["error"].get("desc")))
        raise TestvmError("QEMU ended at " + command)


class Frames:
    """Cuts the agent's byte stream into (type, data) frames."""

    def __init__(self, fd):
        self.fd, self.buffer = fd, bytearray()
        self.selector = selectors.DefaultSelector()
        self.selector.register(fd, selectors.EVENT_READ)
        self.deadline = 0

    def until(self, deadline):
        """Yields frames; ends at the stream's end or when the deadline, movable, has passed."""
        self.deadline = deadline
        while True:
            while len(self.buffer) >= 8:
                kind, length = struct.unpack_from("<cxxxI", self.buffer)
                if len(self.buffer) < 8 + length:
                    break
                data = bytes(self.buffer[8:8 + length])
                del self.buffer[:8 + length]
                yield kind.decode(), data
            if not self.selector.select(max(0, self.deadline - time.monotonic())):
                return
            data = os.read(self.fd, 1 << 18)
            if not data:
                return
            self.buffer += data

    def timed_out(self):
        return time.monotonic() >= self.deadline

    def close(self):
        self.selector.close()
        os.close(self.fd)
