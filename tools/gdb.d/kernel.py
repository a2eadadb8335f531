"""gdb commands for the guest kernel as a part of `runsc boot`.

Provides: k-tasks, k-bt, k-maps, k-locks, k-cpus. They only read memory: nothing of the kernel is
called. A task that waits has its registers on its own stack (switch.S); one that runs is a thread
of the process, and `thread apply all bt` shows it.
Tests: test/hosted/gdb.sh
"""

import gdb

STACK_MAX = 65536  # of a sanitizer build; the chain of frames ends before
STATES = {}


def enum_names(type_name):
    return {f.enumval: f.name for f in gdb.lookup_type(type_name).fields()}


def symbol(name):
    """A global or static variable of the kernel."""
    found = gdb.lookup_static_symbol(name) or gdb.lookup_global_symbol(name)
    if found is None:
        raise gdb.GdbError("no symbol %s: is this a runsc with debug information?" % name)
    return found.value()


def queue(head, link):
    """The elements of a TAILQ."""
    at = head["tqh_first"]
    for _ in range(100000):
        if not int(at):
            return
        yield at.dereference()
        at = at[link]["tqe_next"]


def tree(root, link):
    """The elements of an RB tree, in order."""
    stack, at = [], root["rbh_root"]
    while int(at) or stack:
        while int(at):
            stack.append(at)
            at = at[link]["rbe_left"]
        node = stack.pop()
        yield node.dereference()
        at = node[link]["rbe_right"]


def cpus():
    table = symbol("cpus")
    for i in range(int(symbol("cpu_count"))):
        if int(table[i]):
            yield table[i].dereference()


def procs(proc):
    yield proc
    for child in queue(proc["children"], "sibling"):
        yield from procs(child)


def tasks():
    table = symbol("control")["containers"]
    low, high = table.type.range()
    for i in range(low, high + 1):
        if int(table[i]) and int(table[i]["init"]):
            for proc in procs(table[i]["init"].dereference()):
                yield from queue(proc["threads"], "thread_link")


def task_of(argument):
    for task in tasks():
        if argument.strip() == str(int(task["tid"])):
            return task
    raise gdb.GdbError("give a task's number, as k-tasks lists them")


def state_of(task):
    names = STATES or enum_names("enum task_state")
    STATES.update(names)
    name = names.get(int(task["state"]["v"]), "?").replace("TASK_", "").lower()
    if name == "running":
        name = "on cpu %d" % int(task["cpu"]) if int(task["on_cpu"]["v"]) else "ready"
    return name


def code_name(pc):
    block = gdb.block_for_pc(pc)
    while block and not block.function:
        block = block.superblock
    line = gdb.find_pc_line(pc)
    where = " %s:%d" % (line.symtab.filename, line.line) if line.symtab else ""
    return "%#x %s%s" % (pc, block.function if block else "?", where)


def frames(task):
    """Return addresses on the stack of a task that waits: as mach_backtrace()."""
    word = gdb.lookup_type("unsigned long").pointer()
    at = int(task["ctx"]["sp"]) + 40  # saved rbp, and the return address behind it
    low = int(task["kstack"])
    while at % 8 == 0 and low <= at < low + STACK_MAX:
        frame = gdb.Value(at).cast(word)
        if not int(frame[1]):
            return
        yield int(frame[1])
        if int(frame[0]) <= at:
            return
        at = int(frame[0])


def waits_in(task):
    """The first function that is not the scheduler's own."""
    if int(task["on_cpu"]["v"]) or not int(task["kstack"]):
        return ""
    for pc in frames(task):
        name = code_name(pc - 1).split()
        if len(name) > 2 and "/sched/" not in name[2] and "/sync/" not in name[2]:
            return " in %s %s" % (name[1], name[2].split("../")[-1])
    return ""


class Command(gdb.Command):
    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_USER)


class Tasks(Command):
    """All tasks: number, process, name, state, and where they wait."""

    name = "k-tasks"

    def invoke(self, argument, from_tty):
        for t in tasks():
            print("%6d of %-6d %-16s %s%s" % (int(t["tid"]), int(t["proc"]["pid"]),
                                              t["comm"].string(), state_of(t), waits_in(t)))


class Backtrace(Command):
    """k-bt TID: the kernel stack of a task that waits."""

    name = "k-bt"

    def invoke(self, argument, from_tty):
        task = task_of(argument)
        if int(task["on_cpu"]["v"]):
            raise gdb.GdbError("it runs on cpu %d: thread apply all bt" % int(task["cpu"]))
        for pc in frames(task):
            print("  " + code_name(pc - 1))


class Maps(Command):
    """k-maps TID: the areas of a task's address space."""

    name = "k-maps"

    def invoke(self, argument, from_tty):
        mm = task_of(argument)["mm"]
        if not int(mm):
            raise gdb.GdbError("it has no address space")
        for v in tree(mm["vmas"], "node"):
            flags = int(v["flags"])
            rights = "".join(c if flags >> i & 1 else "-" for i, c in enumerate("rwx"))
            name = v["name"].string() if int(v["name"]) else "file" if int(v["file"]) else ""
            print("%016x-%016x %s %x %s" % (int(v["start"]), int(v["end"]), rights, flags, name))


class Locks(Command):
    """Locks held: spinlocks by CPU, mutexes by task (kdebug and sanitizer builds record them)."""

    name = "k-locks"

    def invoke(self, argument, from_tty):
        ranks = enum_names("enum lock_rank")
        for c in cpus():
            depth = int(c["spin_depth"])
            held = [c["held"][i] for i in range(depth)]
            names = [ranks.get(int(x["rank"]), "?") if int(x) else "not recorded" for x in held]
            print("cpu %d: %d spinlocks %s" % (int(c["id"]), depth, " ".join(names)))
        for t in tasks():
            names = [ranks.get(int(t["held_rank"][i]), "?") for i in range(int(t["nheld"]))]
            if names:
                print("task %d: %s" % (int(t["tid"]), " ".join(names)))


class Cpus(Command):
    """CPUs: what runs, what is queued."""

    name = "k-cpus"

    def invoke(self, argument, from_tty):
        for c in cpus():
            curr, rq = c["curr"], c["runq"]
            print("cpu %d: runs %d (%s)%s, %d waiting" % (
                int(c["id"]), int(curr["tid"]), curr["comm"].string(),
                ", idle" if int(c["idle"]["v"]) else "", int(rq["nr"]["v"])))
            for t in queue(rq["ready"], "run_link"):
                print("    %d (%s) vtime %d" % (int(t["tid"]), t["comm"].string(),
                                               int(t["vtime"])))


for command in (Tasks, Backtrace, Maps, Locks, Cpus):
    command()
