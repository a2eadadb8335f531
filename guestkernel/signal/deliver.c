/* deliver.c - from pending signals to handlers and default actions
 *
 * Runs in the user loop, before user mode. One signal after the other is taken: a default action
 * is done at once; a handler's frame is built, its mask installed, and the next signal (if the new
 * mask lets one through) interrupts the handler before its first instruction, as on Linux.
 * An interrupted system call is settled before the first frame is built, so that the frame holds
 * either its EINTR or the state that restarts it.
 * Locks: proc->sig_lock, dropped before user memory is written. Sleeps: frames may fault.
 * Differs from Linux: no core files are written; the status still tells that one would have been
 * (CAVEATS). Tests: test/machine, test/abi */
#include "abi/linux/wait.h"
#include "log.h"
#include "sched.h"
#include "signal/internal.h"
#include "string.h"

/* The process ends by sig. */
static noreturn void die_by(int sig)
{
	bool core = SIGSET_CORE & SIGBIT(sig);

	klog(LOG_DEBUG, "%s[%u]: ended by signal %d at %#llx", current->comm, current->tid, sig,
	     (unsigned long long)mach_user_pc(&current->user));
	task_exit_group(ABI_W_SIGNALED(sig, core));
}

/* A kill, an exit_group elsewhere, or an exec by another thread. */
static noreturn void die_by_group(struct task *t)
{
	struct proc *p = t->proc;
	int code;

	spin_lock(&p->sig_lock);
	code = p->group_exit ? p->group_exit_code : ABI_SIGKILL;
	spin_unlock(&p->sig_lock);
	task_exit(code);
}

static u64 user_stack(struct task *t, const struct abi_sigaction *act, bool *alt)
{
	u64 sp = mach_user_sp(&t->user);
	bool inside = sp - t->altstack.ss_sp < t->altstack.ss_size;

	*alt = false;
	if (!(act->flags & ABI_SA_ONSTACK) || (t->altstack.ss_flags & ABI_SS_DISABLE) || inside)
		return sp;
	*alt = true;
	return t->altstack.ss_sp + t->altstack.ss_size;
}

/* Builds the handler's frame; on failure the task gets SIGSEGV. */
static void run_handler(struct task *t, int sig, const struct abi_siginfo *info,
			const struct abi_sigaction *act)
{
	struct abi_stack saved = t->altstack;
	struct mach_sigframe f = {
		.info = info,
		.act = act,
		.stack = &saved,
		.why = &t->why,
		.old_mask = t->restore_sigmask ? t->saved_sigmask : t->sigmask,
		.sig = sig,
	};
	u64 mask = t->sigmask | act->mask;

	f.sp = user_stack(t, act, &f.on_altstack);
	/* rseq(2): a handler aborts the section it interrupts, so the frame has the abort's address
	 */
	if (rseq_fixup(t) || mach_signal_build(&t->user, &f)) {
		if (sig == ABI_SIGSEGV)
			signal_force_kill(ABI_SIGSEGV);
		else
			signal_force(ABI_SIGSEGV, ABI_SI_KERNEL, 0);
		return;
	}
	if (f.on_altstack && (t->altstack.ss_flags & (s32)ABI_SS_AUTODISARM))
		t->altstack = (struct abi_stack){.ss_flags = ABI_SS_DISABLE};
	t->restore_sigmask = false;
	a_and(&t->sig_flags, ~TASK_WORK_MASK);
	if (!(act->flags & ABI_SA_NODEFER))
		mask |= SIGBIT(sig);
	signal_set_mask(mask);
}

/* The default action, [s] held, which it drops. */
static void default_action(struct task *t, int sig, bool external)
{
	struct proc *p = t->proc;
	bool forced = t->forced_sig == sig;

	t->forced_sig = 0;
	if ((SIGSET_IGNORED & SIGBIT(sig)) || (p->unkillable && !forced && !external)) {
		spin_unlock(&p->sig_lock);
		return;
	}
	if (SIGSET_STOP & SIGBIT(sig)) {
		spin_unlock(&p->sig_lock);
		if (sig != ABI_SIGSTOP) {
			bool orphaned;

			spin_lock(&tasklist_lock);
			orphaned = pgrp_is_orphaned_locked(p->pgrp);
			spin_unlock(&tasklist_lock);
			if (orphaned)
				return;
		}
		spin_lock(&p->sig_lock);
		/* A SIGCONT that came meanwhile has cancelled the stop; only a new one stops. */
		if (!p->group_exit && !(p->pending.set & SIGBIT(ABI_SIGCONT)))
			signal_group_stop_locked(p, sig);
		spin_unlock(&p->sig_lock);
		return;
	}
	spin_unlock(&p->sig_lock);
	die_by(sig);
}

/* Takes one signal and acts on it; false: none is left. *settled: the call has been dealt with. */
static bool deliver_one(struct task *t, bool *in_syscall, long result)
{
	struct proc *p = t->proc;
	struct abi_sigaction act;
	struct abi_siginfo info;
	int sig;

	spin_lock(&p->sig_lock);
	sig = signal_dequeue_locked(t, t->sigmask, &info);
	if (!sig) {
		signal_recalc_locked(t);
		spin_unlock(&p->sig_lock);
		return false;
	}
	act = p->sighand->action[sig - 1];
	if (act.handler == ABI_SIG_IGN) {
		spin_unlock(&p->sig_lock);
		return true;
	}
	if (act.handler == ABI_SIG_DFL) {
		default_action(t, sig, info.si_code == ABI_SI_USER && info.u.rt.pid == 0);
		return true;
	}
	if (act.flags & ABI_SA_RESETHAND)
		p->sighand->action[sig - 1].handler = ABI_SIG_DFL;
	spin_unlock(&p->sig_lock);
	if (*in_syscall)
		signal_restart_call(t, result, true, act.flags);
	*in_syscall = false;
	run_handler(t, sig, &info, &act);
	return true;
}

void signal_deliver(bool in_syscall, long result)
{
	struct task *t = current;

	for (;;) {
		u32 flags = a_load(&t->sig_flags);

		if (flags & TASK_SIG_KILL)
			die_by_group(t);
		if (flags & TASK_SIG_STOP) {
			signal_stop_self();
			continue;
		}
		if (!(flags & TASK_SIG_PENDING) || !deliver_one(t, &in_syscall, result)) {
			if (!(a_load(&t->sig_flags) &
			      (TASK_SIG_KILL | TASK_SIG_STOP | TASK_SIG_PENDING)))
				break;
		}
	}
	if (in_syscall)
		signal_restart_call(t, result, false, 0);
}
