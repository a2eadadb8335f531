/* userloop.c - the life of a user task
 *
 * Run user mode, act on why it came back, deliver signals, reschedule if asked, again. What must
 * be looked at before user mode is in two words: cpu->pending and task->sig_flags. Both are read
 * once more after CPU_USER is published: who sets a bit afterwards sees the mode and sends an
 * interrupt. Nothing here sleeps by itself. */
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "quiesce.h"
#include "runq.h"
#include "syscall.h"

/* The kernel's share of a task's time is estimated: one call in SAMPLE is timed and counts for all
 * (a clock read on each would cost more than many a call). */
#define SAMPLE 16u

static long run_syscall(struct task *t, struct cpu *c)
{
	long r;

	if (unlikely((c->nr_syscalls++ & (SAMPLE - 1)) == 0)) {
		u64 start = sched_cpu_time(t);

		r = syscall_dispatch(t);
		t->stime_ns += (sched_cpu_time(t) - start) * SAMPLE;
		return r;
	}
	return syscall_dispatch(t);
}

static void handle_fault(struct task *t)
{
	struct mm_fault f = {0};

	cpu_self()->nr_faults++;
	if (mm_fault(t->mm, t->why.addr, t->why.access, &f)) {
		if (f.sig == ABI_SIGKILL)
			signal_force_kill(ABI_SIGKILL);
		else
			signal_force(f.sig, f.code, t->why.addr);
	}
}

/* Everything that may be asked for before user mode. */
static void before_user(struct task *t, bool in_syscall, long result)
{
	struct cpu *c = cpu_self();
	u32 pending = a_load(&c->pending);

	if (pending & CPU_PENDING_SHOOTDOWN)
		mm_shootdown_ipi();
	if (pending & CPU_PENDING_SPREAD) {
		a_and(&c->pending, ~CPU_PENDING_SPREAD);
		sched_spread(c);
	}
	if (pending & CPU_PENDING_RESCHED)
		schedule();
	if (in_syscall || signal_pending(t))
		signal_deliver(in_syscall, result);
	if (a_load(&t->sig_flags) & TASK_WORK_RSEQ) {
		a_and(&t->sig_flags, ~TASK_WORK_RSEQ);
		if (rseq_fixup(t))
			signal_force(ABI_SIGSEGV, ABI_SI_KERNEL, 0);
	}
}

static inline bool restart_code(long r)
{
	return r <= -ERESTARTSYS && r >= -ERESTART_RESTARTBLOCK;
}

static inline bool user_work(const struct task *t, const struct cpu *c)
{
	return a_load(&c->pending) | a_load(&t->sig_flags);
}

noreturn void task_user_loop(void *unused)
{
	struct task *t = current;
	bool in_syscall = false;
	long result = 0;

	(void)unused;
	for (;;) {
		struct cpu *c = cpu_self();

		while (unlikely(in_syscall || user_work(t, c))) {
			before_user(t, in_syscall, result);
			in_syscall = false;
			c = cpu_self();
		}
		if (unlikely(t->restore_sigmask))
			signal_restore_mask(t);
		quiesce_report();
		(*c->heartbeat)++;
		mm_enter_user(c);
		if (unlikely(user_work(t, c))) {
			mm_leave_user(c);
			continue;
		}
		mach_run_user(&t->user, &t->why);
		c = cpu_self();
		mm_leave_user(c);

		in_syscall = false;
		switch (t->why.cause) {
		case MACH_SYSCALL:
			result = run_syscall(t, c);
			if (unlikely(
				    t->no_result)) /* rt_sigreturn: all registers are the frame's */
				t->no_result = false;
			else if (unlikely(restart_code(result)))
				in_syscall = true;
			else
				mach_syscall_set_result(&t->user, result);
			break;
		case MACH_FAULT:
			handle_fault(t);
			break;
		case MACH_TRAP:
			signal_force(t->why.sig, t->why.code, t->why.addr);
			break;
		case MACH_INTERRUPT:
			c->nr_irqs++;
			break;
		}
	}
}
