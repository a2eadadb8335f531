/* dispatch.c - from a system call's number to its function
 *
 * Provides: syscall_dispatch, the one place where the table of abi/<isa>/syscalls.tbl is indexed;
 *           counters and the last calls of each CPU; the answer to calls that have no code.
 * Owns:     struct cpu's calls, call_pos and syscall_count, written by their own CPU only;
 *           direct_limit [a], which --strace sets to 0: one comparison asks for bound and strace.
 * Locks:    none. Counters and rings are read by others without one: a torn sum or a half-written
 *           slot is harmless in a statistic or a crash report.
 * Sleeps:   the calls themselves.
 * Invariants: no number outside the table reaches an array; a call without code never panics, is
 *           logged once per number, and answers -ENOSYS.
 * Differs from Linux: a number beyond the table is logged too (once for all of them).
 * Tests:    test/machine (sys scripts); the build's table test (tools/gen/syscalls.py --check-elf)
 */
#include "syscall.h"
#include "log.h"
#include "sys/strace.h"
#include "sys/table.h"
#include "syscalls_proto.h"
#include "task.h"

static a32_t direct_limit = {SYSCALL_LIMIT}; /* numbers below it go straight to the table */
static a64_t logged[CPU_SYSCALLS / 64];	     /* bit nr: its absence has been logged */

long syscall_missing(unsigned long nr)
{
	u64 bit = 1ull << (nr % 64);

	if (nr < CPU_SYSCALLS && !(a_or(&logged[nr / 64], bit) & bit))
		klog(LOG_WARN, "%s[%u]: system call %lu (%s) is not implemented", current->comm,
		     current->tid, nr, syscall_name(nr) ? syscall_name(nr) : "?");
	return -ENOSYS;
}

long syscall_no_code(unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3,
		     unsigned long a4, unsigned long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return syscall_missing(mach_syscall_nr(&current->user));
}

static long syscall_unknown(u64 nr)
{
	klog_once(LOG_WARN, "%s[%u]: no such system call: %llu", current->comm, current->tid,
		  (unsigned long long)nr);
	return -ENOSYS;
}

static long dispatch_rare(struct task *t, u64 nr)
{
	if (nr >= SYSCALL_LIMIT)
		return syscall_unknown(nr);
	cpu_self()->syscall_count[nr]++;
	if (syscall_table[nr] == syscall_no_code)
		return syscall_missing(nr);
	return strace_call(t, (u32)nr);
}

/* Short on purpose: every call passes here. The ring's slot is filled before the arguments are
 * loaded for the call, so that nothing needs a callee-saved register. */
long syscall_dispatch(struct task *t)
{
	struct mach_user *u = &t->user;
	struct cpu *c = cpu_self();
	u64 nr = mach_syscall_nr(u);
	struct cpu_call *slot = &c->calls[c->call_pos++ % CPU_CALLS];

	slot->nr = (u32)nr;
	slot->tid = t->tid;
	slot->arg = mach_syscall_arg(u, 0);
	if (unlikely(nr >= a_load(&direct_limit)))
		return dispatch_rare(t, nr);
	c->syscall_count[nr]++;
	return syscall_table[nr](mach_syscall_arg(u, 0), mach_syscall_arg(u, 1),
				 mach_syscall_arg(u, 2), mach_syscall_arg(u, 3),
				 mach_syscall_arg(u, 4), mach_syscall_arg(u, 5));
}

void syscall_trace(bool on)
{
	a_store(&direct_limit, on ? 0 : SYSCALL_LIMIT);
}

bool syscall_traced(void)
{
	return !a_load(&direct_limit);
}

const char *syscall_name(u64 nr)
{
	return nr < syscall_limit ? syscall_descs[nr].name : NULL;
}

u32 syscall_numbers(void)
{
	return MIN(syscall_limit, (unsigned)CPU_SYSCALLS);
}

u64 syscall_count(u32 nr)
{
	u64 sum = 0;

	for (u32 i = 0; nr < CPU_SYSCALLS && i < cpu_count; i++)
		if (cpus[i])
			sum += READ_ONCE(cpus[i]->syscall_count[nr]);
	return sum;
}

size_t syscall_ring_text(char *buf, size_t size)
{
	size_t len = 0;

	for (u32 i = 0; i < cpu_count; i++) {
		const struct cpu *c = cpus[i];

		for (u32 k = 1; c && k <= CPU_CALLS; k++) {
			struct cpu_call call = c->calls[(c->call_pos - k) % CPU_CALLS];
			const char *name = syscall_name(call.nr);

			if (!call.tid || len >= size)
				break;
			len += (size_t)ksnprintf(buf + len, size - len,
						 "cpu %u task %u: %s(0x%llx, ...)\n", i, call.tid,
						 name ? name : "?", (unsigned long long)call.arg);
		}
	}
	return MIN(len, size ? size - 1 : 0);
}
