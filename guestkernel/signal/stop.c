/* stop.c - job control: stopped and continued processes
 *
 * A stop signal marks all threads (TASK_SIG_STOP); each stops on its way to user mode, or is woken
 * from an interruptible sleep to do so, which its call restarts afterwards. The last one to stop
 * tells the parent. SIGCONT clears the marks and wakes all; a kill wakes all too.
 * Locks: proc->sig_lock for the state; tasklist_lock (taken first) to tell the parent.
 * Tests: test/abi */
#include "log.h"
#include "sched.h"
#include "signal/internal.h"
#include "task/task_internal.h"

void signal_group_stop_locked(struct proc *p, int sig)
{
	struct task *t;

	assert_held(&p->sig_lock);
	if (p->stopped)
		return;
	p->stopped = true;
	p->stop_sig = sig;
	p->stop_reported = false;
	p->continued = false;
	p->nstopped = 0;
	TAILQ_FOREACH (t, &p->threads, thread_link) {
		a_or(&t->sig_flags, TASK_SIG_STOP);
		mem_barrier();
		if (!sched_wake(t, TASK_INTERRUPTIBLE) && a_load(&t->on_cpu) && t != current)
			mach_ipi(cpus[READ_ONCE(t->cpu)]);
	}
}

void signal_continue_locked(struct proc *p)
{
	struct task *t;

	assert_held(&p->sig_lock);
	if (!p->stopped)
		return;
	p->stopped = false;
	p->continued = p->stop_reported || p->nstopped;
	p->stop_reported = false;
	TAILQ_FOREACH (t, &p->threads, thread_link) {
		a_and(&t->sig_flags, ~TASK_SIG_STOP);
		(void)sched_wake(t, TASK_STOPPED);
	}
	/* The parent hears of it from a thread that goes on: tasklist_lock comes before ours. */
	p->tell_continued = p->continued;
}

static void tell_parent(struct proc *p, bool stopped)
{
	spin_lock(&tasklist_lock);
	if (stopped)
		proc_notify_parent_locked(p, ABI_CLD_STOPPED, p->stop_sig);
	else
		proc_notify_parent_locked(p, ABI_CLD_CONTINUED, ABI_SIGCONT);
	spin_unlock(&tasklist_lock);
}

void signal_recount_stop_locked(struct proc *p)
{
	assert_held(&p->sig_lock);
	if (p->stopped && !p->stop_reported && p->nthreads && p->nstopped == p->nthreads) {
		p->stop_reported = true;
		/* The caller leaves the process and holds tasklist_lock: it tells the parent. */
		spin_unlock(&p->sig_lock);
		proc_notify_parent_locked(p, ABI_CLD_STOPPED, p->stop_sig);
		spin_lock(&p->sig_lock);
	}
}

void signal_stop_self(void)
{
	struct task *t = current;
	struct proc *p = t->proc;
	bool last, tell;

	spin_lock(&p->sig_lock);
	if (!p->stopped || p->group_exit) {
		a_and(&t->sig_flags, ~TASK_SIG_STOP);
		spin_unlock(&p->sig_lock);
		return;
	}
	p->nstopped++;
	last = p->nstopped == p->nthreads;
	if (last)
		p->stop_reported = true;
	spin_unlock(&p->sig_lock);
	if (last)
		tell_parent(p, true);

	for (;;) {
		sched_set_state(TASK_STOPPED);
		if (!(a_load(&t->sig_flags) & TASK_SIG_STOP) || signal_kill_pending(t))
			break;
		schedule();
	}
	sched_set_state(TASK_RUNNING);
	spin_lock(&p->sig_lock);
	if (p->nstopped)
		p->nstopped--;
	tell = p->tell_continued;
	p->tell_continued = false;
	spin_unlock(&p->sig_lock);
	if (tell)
		tell_parent(p, false);
}
