#!/usr/bin/env python3
"""Writes the layout test's tables: every constant and structure field of one header of abi/ beside
the system's. What a header defines and the system does not must be named here, with its reason, so
that a new constant cannot go unchecked.

usage: layout_gen.py HEADER OUTPUT"""
import os
import re
import sys

sys.dont_write_bytecode = True
from layout_names import OURS, RENAMED, STRUCTS  # noqa: E402

# The system's headers to compare each of ours with.
SYSTEM = {
    'auxv.h': ['elf.h', 'linux/auxvec.h'],
    'caps.h': ['linux/capability.h', 'linux/securebits.h'],
    'dirent.h': ['dirent.h'],
    'elf.h': ['elf.h'],
    'epoll.h': ['sys/epoll.h', 'poll.h'],
    'errno.h': ['errno.h'],
    'fcntl.h': ['fcntl.h', 'linux/openat2.h', 'linux/close_range.h', 'sys/file.h', 'unistd.h',
                'stdio.h', 'limits.h', 'linux/falloc.h', 'sys/mman.h', 'sys/random.h',
                'sys/eventfd.h'],
    'futex.h': ['linux/futex.h'],
    'inotify.h': ['sys/inotify.h'],
    'mman.h': ['sys/mman.h', 'linux/mman.h'],
    'mount.h': ['sys/mount.h'],
    'poll.h': ['poll.h', 'sys/select.h'],
    'prctl.h': ['sys/prctl.h', 'asm/prctl.h', 'linux/securebits.h'],
    'resource.h': ['sys/resource.h', 'sys/time.h'],
    'sched.h': ['linux/sched.h', 'linux/sched/types.h', 'linux/rseq.h', 'linux/membarrier.h'],
    'sigframe.h': ['linux/signal.h', 'asm/sigcontext.h', 'asm/ucontext.h'],
    'signal.h': ['linux/signal.h', 'linux/signalfd.h', 'asm/fcntl.h'],
    'socket.h': ['sys/socket.h', 'sys/un.h', 'asm/socket.h', 'asm/ioctls.h'],
    'stat.h': ['sys/stat.h', 'sys/statfs.h', 'sys/statvfs.h', 'linux/magic.h', 'sys/sysmacros.h'],
    'termios.h': ['asm/termbits.h', 'asm/ioctls.h', 'sys/ioctl.h', 'linux/fs.h'],
    'time.h': ['time.h', 'sys/time.h', 'sys/timerfd.h', 'sys/times.h', 'utime.h', 'sys/stat.h',
               'linux/timerfd.h'],
    'timex.h': ['sys/timex.h'],
    'uio.h': ['sys/uio.h', 'limits.h', 'linux/fs.h'],
    'utsname.h': ['sys/utsname.h', 'sys/sysinfo.h', 'sys/personality.h'],
    'wait.h': ['sys/wait.h', 'linux/wait.h'],
    'xattr.h': ['sys/xattr.h', 'linux/limits.h'],
}


def strip(text):
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S).replace('\\\n', ' ')


def constants(text):
    return re.findall(r'^#define ((?:ABI_|E)\w+)[ \t]+(\S.*?)\s*$', text, flags=re.M)


def structs(text):
    """(name, [fields]) of each top-level structure; nested ones as 'a.b.c'."""
    for m in re.finditer(r'^struct (abi_\w+) \{$(.*?)^\}', text, flags=re.S | re.M):
        fields, open_, pending = [], [], []
        for line in m.group(2).split('\n'):
            line = line.strip()
            if re.match(r'(struct|union) \{', line):
                open_.append(len(pending))
            elif line.startswith('}'):
                name = line[1:].split(';')[0].strip().split(' ')[0]
                start = open_.pop()
                pending[start:] = [name + '.' + f if name else f for f in pending[start:]]
            else:
                pending += re.findall(r'(\w+(?:\[\])?)(?:\[[^\]]+\])*\s*(?=[,;])', line)
        yield m.group(1), [f for f in pending if not is_padding(f)]


def is_padding(field):
    last = field.split('.')[-1]
    return re.match(r'(_*pad|reserved|unused|spare|__)\w*$', last) or last.endswith('spare')


def emit(header, out):
    base = os.path.basename(header)
    text = strip(open(header).read())
    include = 'abi/linux/' + base if '/linux/' in header else '<abi_arch/%s>' % base
    w = out.write
    w('#include "layout.h"\n')
    w('#include %s\n' % (include if include[0] == '<' else '"%s"' % include))
    for h in SYSTEM[base]:
        w('#include <%s>\n' % h)
    w('\nconst struct layout_entry layout_entries[] = {\n')
    for name, value in constants(text):
        if name in OURS:
            continue
        if not name.startswith('ABI_'):
            # errno.h: plain names, which are the system's once its header was included.
            w('#ifdef %s\n\tLAYOUT_VALUE(%s, %s),\n' % (name, name, value))
            w('#else\n\tLAYOUT_MISSING(%s),\n#endif\n' % name)
            continue
        theirs = RENAMED.get(name, name[4:])
        if not re.match(r'\w+$', theirs):
            w('\tLAYOUT_CONSTANT(%s, %s),\n' % (name, theirs))
            continue
        w('#ifdef %s\n\tLAYOUT_CONSTANT(%s, %s),\n' % (theirs, name, theirs))
        w('#else\n\tLAYOUT_MISSING(%s),\n#endif\n' % name)
    for name, fields in structs(text):
        if STRUCTS.get(name, 0) is None:
            continue
        if name not in STRUCTS:
            w('\tLAYOUT_MISSING(%s),\n' % name)
            continue
        theirs, renamed = STRUCTS[name]
        if renamed.get('', True):
            w('\tLAYOUT_SIZE(struct %s, %s),\n' % (name, theirs))
        for f in fields:
            # Of an open array only the place can be compared.
            macro = 'LAYOUT_OFFSET' if f.endswith('[]') else 'LAYOUT_FIELD'
            f = f.replace('[]', '')
            if renamed.get(f, f) is not None:
                w('\t%s(struct %s, %s, %s, %s),\n' % (macro, name, f, theirs, renamed.get(f, f)))
    w('\t{0},\n};\nconst char layout_header[] = "%s";\n' % base)


with open(sys.argv[2], 'w') as output:
    emit(sys.argv[1], output)
