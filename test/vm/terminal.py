#!/usr/bin/env python3
"""A terminal through `runsc do`: line editing, Ctrl-C, Ctrl-Z, window size, hang-up.

usage: terminal.py [RUNSC]   Without RUNSC, on Linux itself. Prints result lines for tools/check."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 60  # seconds that any one answer may take


class Session:
    """A command on a new terminal, in a sandbox if runsc is one."""

    def __init__(self, runsc, *command):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if runsc:
                command = [runsc, "--platform=kvm", "do", "-e", "PS1=READY> ", "--", *command]
            for sig in (signal.SIGINT, signal.SIGQUIT):  # ignored in what runs in the background
                signal.signal(sig, signal.SIG_DFL)
            os.environ["PS1"] = "READY> "
            os.execv(command[0], command)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, limit):
        if not select.select([self.fd], [], [], limit)[0]:
            return b""
        try:
            return os.read(self.fd, 65536)
        except OSError:  # the other end is gone
            return b""

    def expect(self, pattern, limit=LIMIT):
        """Reads up to the pattern; what came before it and itself are consumed."""
        end = time.monotonic() + limit
        while not (m := re.search(pattern, self.seen)):
            data = self.read(max(0, end - time.monotonic()))
            if not data:
                raise AssertionError(f"no {pattern!r} in {self.seen[-300:]!r}")
            self.seen += data
        self.seen = self.seen[m.end():]
        return m

    def press(self, key, pattern):
        """A key that ends or stops the program in front, again until the pattern comes: the program
        says that it runs a moment before the shell has put it in front."""
        for _ in range(LIMIT // 3):
            self.send(key)
            try:
                return self.expect(pattern, 3)
            except AssertionError as e:
                error = e
        raise error

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self.read(0.1)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("the sandbox has not ended")


def bash(runsc):
    s = Session(runsc, "/bin/bash", "--norc", "--noediting", "-i")
    s.expect(rb"READY> ")
    return s


def leave(s, status=0):
    s.send(f"exit {status}\n")
    got = s.wait()
    assert got == status, f"status {got}, not {status}"


def test_lines(runsc):
    s = bash(runsc)
    s.send("test -t 0 && test -t 1 && test -t 2 && echo all-$((40+2))\n")
    s.expect(rb"all-42\r\nREADY> ")
    s.send("cat\nerasex\x7fd\n")
    s.expect(rb"\r\nerased\r\n")
    s.send("\x04")
    s.expect(rb"READY> ")
    s.send("stty raw -echo; echo rea''dy; head -c 3 | od -An -c; stty sane\n")
    s.expect(rb"ready")
    s.send("\x03ab")
    s.expect(rb"003 +a +b")
    leave(s, 7)


# Says that it runs, in words that the echo of the command does not have, and waits.
WAITER = """sh -c 'echo rea""dy; exec sleep 100'"""


def test_interrupt(runsc):
    s = bash(runsc)
    s.send(WAITER + "\n")
    s.expect(rb"ready")
    s.press("\x03", rb"READY> ")
    s.send("echo interrupt=$?\n")
    s.expect(rb"interrupt=130\r\nREADY> ")
    s.send(WAITER + "\n")
    s.expect(rb"ready")
    s.press("\x1c", rb"READY> ")
    s.send("echo quit=$?\n")
    s.expect(rb"quit=131")
    leave(s)


def test_jobs(runsc):
    s = bash(runsc)
    s.send(WAITER + "\n")
    s.expect(rb"ready")
    s.press("\x1a", rb"Stopped")
    s.expect(rb"READY> ")
    s.send("jobs; bg; kill %1; wait %1; echo gone=$?\n")
    s.expect(rb"gone=143")
    leave(s)


def test_window(runsc):
    s = bash(runsc)
    s.size(33, 111)
    s.send("stty size\n")
    s.expect(rb"33 111\r\nREADY> ")
    s.send("sh -c 'trap \"stty size; exit\" WINCH; echo rea''dy; while :; do sleep 0.1; done'\n")
    s.expect(rb"ready")
    s.size(44, 122)
    s.expect(rb"44 122")
    leave(s)


def test_hangup(runsc):
    s = bash(runsc)
    os.close(s.fd)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        pid, status = os.waitpid(s.pid, os.WNOHANG)
        if pid:
            assert status != 0, "a hang-up is no success"
            return
        time.sleep(0.1)
    os.kill(s.pid, signal.SIGKILL)
    os.waitpid(s.pid, 0)
    raise AssertionError("the sandbox outlives its terminal")


def main():
    failed = 0
    runsc = sys.argv[1] if len(sys.argv) > 1 else None
    where = "" if runsc else "-linux"
    for name, fn in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            fn(runsc)
            print(f"pass terminal{where}-{name[5:]}", flush=True)
        except AssertionError as e:
            print(f"fail terminal{where}-{name[5:]}\n  {e}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
