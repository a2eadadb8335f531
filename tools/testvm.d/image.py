"""What the test VM boots: Debian's kernel and an initramfs that holds the agent and modules.

Everything is made once and kept in the cache folder; whoever makes a thing holds the cache's
lock, writes beside the final name and renames, so that a reader never sees half of it.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# In this order of wishes; what each needs is found in the module itself.
MODULES = ["virtio_pci", "virtio_console", "kvm-amd", "9pnet_virtio", "9p", "overlay",
           "fuse", "tun"]


class TestvmError(Exception):
    """Something outside the commands under test went wrong."""


@contextlib.contextmanager
def locked(cache, name):
    """Holds the cache's lock NAME; another process waits for it."""
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, name + ".lock"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def run_quiet(argv, **kw):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **kw)
    if done.returncode:
        raise TestvmError("%s failed (%d):\n%s" % (" ".join(argv), done.returncode, done.stdout))
    return done.stdout


def kernel_package():
    """The package that Debian's linux-image-amd64 stands for at the moment."""
    def ask():
        text = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        return re.search(r"Depends: (linux-image-\S+)", text)
    found = ask()
    if not found and os.geteuid() == 0:
        run_quiet(["apt-get", "-qq", "update"])
        found = ask()
    if not found:
        raise TestvmError("no linux-image-amd64 in apt's lists: run `apt-get update` as root")
    return found.group(1)


def unpack_kernel(cache):
    """Returns the folder that holds boot/vmlinuz-* and lib/modules/*, fetching it at first use."""
    final = os.path.join(cache, "kernel")
    if os.path.isdir(final):
        return final
    with tempfile.TemporaryDirectory(dir=cache) as work:
        os.chmod(work, 0o755)
        package = kernel_package()
        print("testvm: fetching", package, file=sys.stderr)
        try:
            run_quiet(["apt-get", "-qq", "download", package], cwd=work)
        except TestvmError:
            if os.geteuid():
                raise
            run_quiet(["apt-get", "-qq", "update"])
            run_quiet(["apt-get", "-qq", "download", package], cwd=work)
        tree = os.path.join(work, "tree")
        run_quiet(["dpkg", "-x", glob.glob(os.path.join(work, "*.deb"))[0], tree])
        os.rename(tree, final)
    return final


def module_order(tree):
    """Paths of MODULES and of all that they need, each after what it needs."""
    where = {}
    for path in glob.glob(os.path.join(tree, "lib/modules/*/kernel/**/*.ko*"), recursive=True):
        name = os.path.basename(path).split(".ko")[0].replace("-", "_")
        where[name] = path
    order = []

    def need(name):
        path = where.get(name.replace("-", "_"))
        if path is None or path in order:  # None: built into the kernel
            return
        with open(path, "rb") as f:
            found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + f.read())
        for other in filter(None, found.group(1).decode().split(",") if found else []):
            need(other)
        order.append(path)

    for name in MODULES:
        need(name)
    return order


def newc(entries):
    """A cpio archive (format newc) of (name, mode, bytes, device) entries."""
    out = []
    for number, (name, mode, data, dev) in enumerate(entries + [("TRAILER!!!", 0, b"", (0, 0))]):
        raw = name.encode() + b"\0"
        fields = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, dev[0], dev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        out.append(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))
    return b"".join(out)


def build_agent(cache):
    """Compiles the agent; the name of the result carries the hash of its source."""
    source = os.path.join(HERE, "agent.c")
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()[:12]
    final = os.path.join(cache, "agent-" + digest)
    if not os.path.exists(final):
        compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
        if not compiler:
            raise TestvmError("no C compiler: install gcc")
        run_quiet([compiler, "-std=gnu17", "-O2", "-static", "-o", final + ".new", source])
        os.rename(final + ".new", final)
    return final


def build_initramfs(cache, tree):
    agent = build_agent(cache)
    key = hashlib.sha256(" ".join(MODULES + [agent]).encode()).hexdigest()[:12]
    final = os.path.join(cache, "initramfs-%s.cpio" % key)
    if os.path.exists(final):
        return final
    modules = module_order(tree)
    none = (0, 0)
    entries = [(d, stat.S_IFDIR | 0o755, b"", none) for d in ("dev", "proc", "sys", "modules")]
    entries.append(("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)))
    with open(agent, "rb") as f:
        entries.append(("init", stat.S_IFREG | 0o755, f.read(), none))
    names = []
    for path in modules:
        data = module_bytes(path)
        names.append(os.path.basename(path).split(".ko")[0] + ".ko")
        entries.append(("modules/" + names[-1], stat.S_IFREG | 0o644, data, none))
    text = "".join(n + "\n" for n in names).encode()
    entries.append(("modules/list", stat.S_IFREG | 0o644, text, none))
    with open(final + ".new", "wb") as f:
        f.write(newc(entries))
    os.rename(final + ".new", final)
    return final


def module_bytes(path):
    """A module's bytes, unpacked where the kernel package ships it compressed."""
    tool = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}.get(os.path.splitext(path)[1])
    if tool is None:
        with open(path, "rb") as f:
            return f.read()
    return subprocess.run([tool, "-dcq", path], stdout=subprocess.PIPE, check=True).stdout


def prepare(cache):
    """Returns (kernel image, initramfs)."""
    with locked(cache, "image"):
        tree = unpack_kernel(cache)
        return glob.glob(os.path.join(tree, "boot/vmlinuz-*"))[0], build_initramfs(cache, tree)
