/* restart.c - what becomes of an interrupted system call
 *
 * The only place that turns the kernel's internal results into what the application sees: EINTR,
 * the same call once more, or restart_syscall(2) with what task->restart remembers.
 * Tests: test/machine (signal restart: none of the internal results escapes), test/abi */
#include "log.h"
#include "signal/internal.h"
#include "syscalls_proto.h"

void signal_restart_call(struct task *t, long result, bool handler, u64 sa_flags)
{
	switch (result) {
	case -ENORESULT:
		return;
	case -ERESTARTSYS:
		if (handler && !(sa_flags & ABI_SA_RESTART))
			break;
		mach_syscall_restart(&t->user);
		return;
	case -ERESTARTNOINTR:
		mach_syscall_restart(&t->user);
		return;
	case -ERESTARTNOHAND:
		if (handler)
			break;
		mach_syscall_restart(&t->user);
		return;
	case -ERESTART_RESTARTBLOCK:
		if (handler)
			break;
		mach_syscall_restart_block(&t->user);
		return;
	default:
		/* a number between the codes that none of ours uses */
		break;
	}
	t->restart.fn = NULL;
	mach_syscall_set_result(&t->user, -EINTR);
}

long sys_restart_syscall(void)
{
	struct restart_block *r = &current->restart;
	long (*fn)(struct restart_block *) = r->fn;

	r->fn = NULL;
	return fn ? fn(r) : -EINTR;
}
