#!/usr/bin/env python3
"""Everything that is made from abi/<isa>/syscalls.tbl.

  syscalls.py TABLE FLAGS --proto        syscalls_proto.h: prototypes of sys_*()
  syscalls.py TABLE FLAGS --kernel       syscalls_table.c: weak defaults, dispatch, descriptions
  syscalls.py TABLE FLAGS --list         syscall_list.c: for `runsc help syscalls`
  syscalls.py TABLE FLAGS --doc          docs/SYSCALLS.md
  syscalls.py TABLE FLAGS --check-doc F  fails unless F is what --doc prints
  syscalls.py TABLE FLAGS --check-elf    fails if a call marked impl or partial has no code
  --elf KERNEL [--nm NM]                 with --list: what is still the weak default is shown as
                                         not implemented, whatever the table says
  --out FILE                             instead of standard output
"""
import argparse
import re
import subprocess
import sys

C_TYPE = {
    'int': 'int', 'uint': 'unsigned int', 'long': 'long', 'ulong': 'unsigned long',
    'size_t': 'size_t', 'off_t': 'loff_t', 'fd': 'int', 'dirfd': 'int', 'pid': 'int',
    'sig': 'int', 'mode': 'u32', 'uid': 'u32', 'path': 'uaddr_t', 'uaddr_t': 'uaddr_t',
}
FORMATS = {  # {STRUCT} -> how the decoder prints it; all others are printed as an address
    'int', 'u64', 'string', 'argv', 'stat', 'statx', 'timespec', 'timeval', 'itimerspec',
    'itimerval', 'sigset', 'sigaction', 'rlimit', 'pollfd', 'iovec', 'sockaddr', 'epoll_event',
    'clone_args', 'siginfo',
}
STATUSES = ('impl', 'partial', 'enosys')
HOW = re.compile(r'(in|out|inout)(?:\{(\w+)\})?(?:\[(\w+)\])?$')


class Arg:
    def __init__(self, text, where):
        m = re.match(r'(\w+) (\w+)(?::([^\s@]+))?(?:@(\d))?$', text)
        if not m or m[1] not in C_TYPE:
            sys.exit(f'{where}: bad argument "{text}"')
        self.text, self.type, self.name = text, m[1], m[2]
        self.place = int(m[4]) if m[4] else None
        self.dir = self.struct = self.count = self.flags = None
        if m[3] and self.type == 'uaddr_t':
            h = HOW.match(m[3])
            if not h:
                sys.exit(f'{where}: bad direction "{m[3]}"')
            self.dir, self.struct, self.count = h[1], h[2], h[3]
        elif m[3]:
            self.flags = m[3]

    def cast(self, i):
        c = C_TYPE[self.type]
        return f'UADDR(a{i})' if c == 'uaddr_t' else f'({c})a{i}'


class Call:
    def __init__(self, nr, name, status, args, reason, where):
        self.nr, self.name, self.status, self.reason = nr, name, status, reason
        self.known = args != '?'
        self.args = []
        if args not in ('?', 'void'):
            self.args = [Arg(a.strip(), where) for a in args.split(',')]
        self.text = args
        if status not in STATUSES:
            sys.exit(f'{where}: bad status "{status}"')
        if (status == 'impl') == bool(reason):
            sys.exit(f'{where}: partial and enosys need a reason, impl has none')
        if len(self.args) > 6:
            sys.exit(f'{where}: more than six arguments')

    def ordered(self):
        """(register, argument) in the order of sys_NAME's parameters."""
        regs = list(enumerate(self.args))
        return sorted(regs, key=lambda r: r[0] if r[1].place is None else r[1].place)

    def proto(self):
        args = ', '.join(f'{C_TYPE[a.type]} {a.name}' for _, a in self.ordered()) or 'void'
        return f'long sys_{self.name}({args})'


def read_table(path):
    calls = []
    for n, line in enumerate(open(path), 1):
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        where = f'{path}:{n}'
        body, _, reason = line.partition('  ; ')
        f = body.split(None, 3)
        if len(f) != 4 or not f[0].isdigit():
            sys.exit(f'{where}: expected number, name, status, arguments')
        call = Call(int(f[0]), f[1], f[2], f[3].strip(), reason.strip(), where)
        if calls and call.nr <= calls[-1].nr:
            sys.exit(f'{where}: numbers must rise')
        calls.append(call)
    return calls


def read_flags(path):
    headers, sets = [], {}
    for n, line in enumerate(open(path), 1):
        line = line.split('#')[0].strip()
        if not line:
            continue
        f = line.split()
        if f[0] == 'header':
            headers = f[1:]
            continue
        name, kind, rest = f[0], f[1], f[2:]
        prefix = rest.pop(0) if rest[0].endswith('_') or rest[0] == 'W' else ''
        if kind not in ('bits', 'enum'):
            sys.exit(f'{path}:{n}: bad kind "{kind}"')
        sets[name] = (kind, prefix, rest)
    return headers, sets


def weak_calls(elf, nm):
    """Names whose sys_ symbol in the linked kernel is still the generated weak one."""
    out = subprocess.run([nm, elf], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r' [Ww] sys_(\w+)$', out, re.M))


def gen_proto(calls):
    yield '/* syscalls_proto.h - generated from abi/<isa>/syscalls.tbl */'
    yield '#pragma once'
    yield '#include "types.h"'
    yield ''
    for c in calls:
        if c.status != 'enosys':
            yield c.proto() + ';'
    yield ''
    for c in calls:
        yield f'#define NR_{c.name} {c.nr}'
    yield f'#define SYSCALL_LIMIT {calls[-1].nr + 1}'


def flag_value(prefix, member):
    """(value, mask, printed name) of one member of a set."""
    value, _, mask = member.partition('/')
    v = f'ABI_{prefix}{value}'
    return v, f'ABI_{prefix}{mask}' if mask else v, prefix + value


def gen_flag_sets(sets):
    for name, (kind, prefix, members) in sets.items():
        yield f'static const struct sys_flag flags_{name}[] = {{'
        for m in members:
            value, mask, text = flag_value(prefix, m)
            mask = '~0ull' if kind == 'enum' else f'(u64)({mask})'
            yield f'#ifdef {value}'
            yield f'\t{{ (u64)({value}), {mask}, "{text}" }},'
            yield '#endif'
        yield '\t{ 0, 0, 0 },'
        yield '};'
    yield 'const struct sys_flag *const syscall_flag_sets[] = {'
    yield '\t[0] = 0,'
    for i, name in enumerate(sets, 1):
        yield f'\t[{i}] = flags_{name},'
    yield '};'


def arg_desc(call, arg, set_index):
    names = [a.name for a in call.args]
    kind = 'ADDR' if arg.type == 'uaddr_t' else arg.type.upper()
    fields = [f'.type = SYS_ARG_{kind}']
    if arg.dir:
        fields.append(f'.dir = SYS_DIR_{arg.dir.upper()}')
    if arg.struct:
        fmt = arg.struct.upper() if arg.struct in FORMATS else 'OPAQUE'
        fields.append(f'.fmt = SYS_FMT_{fmt}')
    elif arg.count:
        fields.append('.fmt = SYS_FMT_BYTES')
    if arg.count == 'result':
        fields.append('.count = SYS_COUNT_RESULT')
    elif arg.count and arg.count.isdigit():
        fields.append(f'.count = SYS_COUNT_FIXED + {arg.count}')
    elif arg.count:
        fields.append(f'.count = SYS_COUNT_ARG + {names.index(arg.count)}')
    if arg.flags:
        fields.append(f'.flags = {set_index[arg.flags]}')
    return '{ ' + ', '.join(fields) + ' }'


def gen_kernel(calls, headers, sets):
    set_index = {name: i for i, name in enumerate(sets, 1)}
    params = ', '.join(f'unsigned long a{i}' for i in range(6))
    yield '/* syscalls_table.c - generated from abi/<isa>/syscalls.tbl */'
    yield '#include "sys/table.h"'
    yield '#include "syscalls_proto.h"'
    for h in headers:
        yield f'#include "abi/linux/{h}.h"'
    yield ''
    yield 'const unsigned syscall_limit = SYSCALL_LIMIT;'
    yield ''
    for c in calls:
        if c.status == 'enosys':
            continue
        cast = ', '.join(a.cast(i) for i, a in c.ordered())
        yield f'__attribute__((weak)) {c.proto()}'
        yield f'{{\n\treturn syscall_missing({c.nr});\n}}'
        yield f'static long call_{c.name}({params})'
        yield f'{{\n\treturn sys_{c.name}({cast});\n}}'
    yield ''
    yield 'syscall_fn *const syscall_table[SYSCALL_LIMIT] = {'
    code = {c.nr: f'call_{c.name}' for c in calls if c.status != 'enosys'}
    for nr in range(calls[-1].nr + 1):
        yield f'\t[{nr}] = {code.get(nr, "syscall_no_code")},'
    yield '};'
    yield ''
    yield from gen_flag_sets(sets)
    yield ''
    yield 'const struct sys_desc syscall_descs[SYSCALL_LIMIT] = {'
    for c in calls:
        args = ', '.join(arg_desc(c, a, set_index) for a in c.args)
        nargs = len(c.args) if c.known else 'SYS_ARGS_RAW'
        tail = f', .arg = {{ {args} }}' if args else ''
        yield f'\t[{c.nr}] = {{ .name = "{c.name}", .nargs = {nargs}{tail} }},'
    yield '};'


def gen_list(calls):
    yield '/* syscall_list.c - generated from abi/<isa>/syscalls.tbl and the kernel\'s symbols */'
    yield '#include "tools/gen/syscall_list.h"'
    yield ''
    yield 'const struct syscall_entry syscall_list[] = {'
    for c in calls:
        args = c.text if c.known else ''
        reason = c.reason.replace('"', '\\"')
        yield (f'\t{{ {c.nr}, SYSCALL_{c.status.upper()}, "{c.name}",\n\t  "{args}",\n'
               f'\t  "{reason}" }},')
    yield '};'
    yield 'const unsigned syscall_list_count = sizeof(syscall_list) / sizeof(syscall_list[0]);'


def gen_doc(calls):
    count = {s: sum(c.status == s for c in calls) for s in STATUSES}
    yield '# System calls'
    yield ''
    yield 'Generated from `abi/x86_64/syscalls.tbl` by `tools/gen/syscalls.py --doc`; a test keeps'
    yield 'it so. `runsc help syscalls` prints the same list, less what a build leaves out.'
    yield ''
    yield (f'{count["impl"]} calls behave as Linux documents them, {count["partial"]} serve what '
           f'programs use,')
    yield f'{count["enosys"]} answer ENOSYS. An unimplemented call is logged once, with its name.'
    for status, title in (('impl', 'Implemented'), ('partial', 'Partly implemented'),
                          ('enosys', 'Not implemented (ENOSYS)')):
        yield ''
        yield f'## {title}'
        yield ''
        if status == 'impl':
            line = ''
            for c in calls:
                if c.status != status:
                    continue
                if len(line) + len(c.name) > 96:
                    yield line.rstrip()
                    line = ''
                line += c.name + ', '
            yield line.rstrip(', ')
            continue
        yield '| call | number | what is missing or different |' if status == 'partial' else \
            '| call | number | why |'
        yield '|---|---|---|'
        for c in calls:
            if c.status == status:
                yield f'| {c.name} | {c.nr} | {c.reason} |'


def main():
    p = argparse.ArgumentParser()
    p.add_argument('table')
    p.add_argument('flags')
    for mode in ('proto', 'kernel', 'list', 'doc', 'check-elf'):
        p.add_argument('--' + mode, action='store_true')
    p.add_argument('--check-doc')
    p.add_argument('--elf')
    p.add_argument('--nm', default='nm')
    p.add_argument('--out')
    o = p.parse_args()
    calls = read_table(o.table)
    headers, sets = read_flags(o.flags)
    weak = weak_calls(o.elf, o.nm) if o.elf else set()
    if o.check_elf:
        missing = [c.name for c in calls if c.status != 'enosys' and c.name in weak]
        if missing:
            sys.exit(f'{len(missing)} calls are marked impl or partial without code: '
                     + ' '.join(missing))
        return
    for c in calls:
        if c.status != 'enosys' and c.name in weak:
            c.status, c.reason = 'enosys', 'not in this build'
    if o.proto:
        lines = gen_proto(calls)
    elif o.kernel:
        lines = gen_kernel(calls, headers, sets)
    elif o.list:
        lines = gen_list(calls)
    else:
        lines = gen_doc(calls)
    text = '\n'.join(lines) + '\n'
    if o.check_doc:
        if open(o.check_doc).read() != text:
            sys.exit(f'{o.check_doc} is stale: run tools/gen/syscalls.py ... --doc --out it')
    elif o.out:
        open(o.out, 'w').write(text)
    else:
        sys.stdout.write(text)


main()
