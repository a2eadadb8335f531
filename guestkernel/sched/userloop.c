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

static long timed_syscall(struct task *t)
{
	u64 start = sched_cpu_time(t);
	long r = syscall_dispatch(t);

	t->stime_ns += (sched_cpu_time(t) - start) * SAMPLE;
	return r;
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
	if (a_load(&t->sig_flags) & TASK_WORK_MASK)
		signal_restore_mask(t);
	if (a_load(&t->sig_flags) & TASK_WORK_RSEQ) {
		a_and(&t->sig_flags, ~TASK_WORK_RSEQ);
		if (rseq_fixup(t))
			signal_force(ABI_SIGSEGV, ABI_SI_KERNEL, 0);
	}
}

static inline bool internal_code(long r)
{
	return r <= -ERESTARTSYS && r >= -ERESTART_RESTARTBLOCK;
}

static inline bool user_work(const struct task *t, const struct cpu *c)
{
	return a_load(&c->pending) | a_load(&t->sig_flags);
}

/* This CPU has readers' objects to free, or others wait for its report. */
static inline bool quiesce_due(const struct cpu *c)
{
	return c->quiesce_list || a_load(&c->quiesce_seen) != a_load(&quiesce_epoch) ||
	       a_load(&quiesce_urgent);
}

/* All causes but system calls. */
static void act_on_cause(struct task *t)
{
	switch (t->why.cause) {
	case MACH_FAULT:
		handle_fault(t);
		break;
	case MACH_TRAP:
		signal_force(t->why.sig, t->why.code, t->why.addr);
		break;
	default: /* an interrupt: the machine has counted and served it */
		break;
	}
}

/* Every system call passes here: its instructions are counted (tools/bench). */
noreturn void task_user_loop(void *unused)
{
	struct task *t = current;

	(void)unused;
	for (;;) {
		struct cpu *c = cpu_self();
		long result;

		if (unlikely(quiesce_due(c)))
			quiesce_report();
		(*c->heartbeat)++;
		mm_enter_user(c);
		if (unlikely(user_work(t, c))) {
			mm_leave_user(c);
			before_user(t, false, 0);
			continue;
		}
		mach_run_user(&t->user, &t->why);
		c = cpu_self();
		mm_leave_user(c);
		if (unlikely(t->why.cause != MACH_SYSCALL)) {
			act_on_cause(t);
			continue;
		}
		result = likely(c->call_pos % SAMPLE) ? syscall_dispatch(t) : timed_syscall(t);
		if (likely(!internal_code(result)))
			mach_syscall_set_result(&t->user, result);
		else
			before_user(t, true, result);
	}
}
