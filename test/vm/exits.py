"""Counts a KVM's exits, inside the test VM, by the kernel's own trace points."""

import glob
import os
import re
import subprocess

TRACING = "/sys/kernel/tracing"


class Exits:
    """kind: kvm_exit (all) or kvm_userspace_exit (those that leave KVM_RUN)."""

    def __init__(self, kind):
        if not os.path.isdir(TRACING + "/instances"):
            subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=True)
        self.folder = "%s/instances/%s" % (TRACING, kind)
        os.makedirs(self.folder, exist_ok=True)
        with open(self.folder + "/events/kvm/%s/enable" % kind, "w", encoding="ascii") as f:
            f.write("1")

    def count(self):
        """Since the start: what the buffers hold, and what they have lost again."""
        total = 0
        for path in glob.glob(self.folder + "/per_cpu/cpu*/stats"):
            with open(path, encoding="ascii") as f:
                for number in re.findall(r"^(?:entries|overrun|dropped events): (\d+)", f.read(),
                                         re.M):
                    total += int(number)
        return total
