/* send.c - sending signals
 *
 * A signal to a process is queued at the process and one thread is chosen to take it: one that does
 * not block it, the leader by preference. SIGKILL goes to all. A stop signal cancels a pending
 * SIGCONT and the other way round; SIGCONT lets a stopped process go on even if it is blocked.
 * Ignored signals are dropped here unless blocked (a handler may be installed before they are
 * unblocked). A container's init is not ended by default actions of signals from inside.
 * Locks: takes proc->sig_lock; tasklist_lock may be held. Any context. Tests: test/abi */
#include "abi/linux/resource.h"
#include "log.h"
#include "sched.h"
#include "signal/internal.h"

bool signal_is_ignored(const struct proc *p, int sig)
{
	u64 h = p->sighand->action[sig - 1].handler;

	if (h == ABI_SIG_IGN)
		return sig != ABI_SIGKILL && sig != ABI_SIGSTOP;
	return h == ABI_SIG_DFL && (SIGSET_IGNORED & SIGBIT(sig));
}

static void wake_for_signal(struct task *t, bool kill)
{
	a_or(&t->sig_flags, kill ? TASK_SIG_KILL : TASK_SIG_PENDING);
	mem_barrier(); /* the flag before the state and the mode: pairs with the sleeper's exchange
			*/
	if (sched_wake(t, TASK_INTERRUPTIBLE | (kill ? TASK_KILLABLE | TASK_STOPPED : 0)))
		return;
	if (a_load(&t->on_cpu) && t != current)
		mach_ipi(cpus[READ_ONCE(t->cpu)]);
}

void signal_kill_threads_locked(struct proc *p)
{
	struct task *t;

	assert_held(&p->sig_lock);
	TAILQ_FOREACH (t, &p->threads, thread_link)
		if (t != current)
			wake_for_signal(t, true);
}

/* Effects at sending time; false: the signal goes no further. */
static bool prepare(struct proc *p, struct task *target, int sig, bool forced)
{
	struct task *t;

	if (SIGSET_STOP & SIGBIT(sig)) {
		sigpending_remove(&p->pending, SIGBIT(ABI_SIGCONT));
		TAILQ_FOREACH (t, &p->threads, thread_link)
			sigpending_remove(&t->pending, SIGBIT(ABI_SIGCONT));
	} else if (sig == ABI_SIGCONT) {
		sigpending_remove(&p->pending, SIGSET_STOP);
		TAILQ_FOREACH (t, &p->threads, thread_link)
			sigpending_remove(&t->pending, SIGSET_STOP);
		signal_continue_locked(p);
	}
	if (forced)
		return true;
	if (p->unkillable && p->sighand->action[sig - 1].handler == ABI_SIG_DFL)
		return false;
	if (!signal_is_ignored(p, sig))
		return true;
	t = target ? target : p->leader;
	return t && ((t->sigmask | t->wait_mask) & SIGBIT(sig));
}

static bool wants(const struct task *t, int sig)
{
	if (t->dying)
		return false;
	return !(t->sigmask & SIGBIT(sig)) || (t->wait_mask & SIGBIT(sig));
}

/* Picks who takes a process's signal and wakes it. */
static void choose_and_wake(struct proc *p, int sig)
{
	struct task *t, *chosen = NULL;

	if (p->leader && p->leader->proc == p && wants(p->leader, sig) &&
	    a_load(&p->leader->state) != TASK_DEAD)
		chosen = p->leader;
	else
		TAILQ_FOREACH (t, &p->threads, thread_link)
			if (wants(t, sig)) {
				chosen = t;
				break;
			}
	if (chosen)
		wake_for_signal(chosen, false);
}

void signal_retarget_locked(struct proc *p, u64 set)
{
	for (; set; set &= set - 1)
		choose_and_wake(p, __builtin_ctzll(set) + 1);
}

static void kill_group_locked(struct proc *p)
{
	struct task *t;

	if (p->group_exit)
		return;
	p->group_exit = true;
	p->group_exit_code = ABI_SIGKILL;
	TAILQ_FOREACH (t, &p->threads, thread_link)
		wake_for_signal(t, true);
}

/* The signal of an external sender (the VMM): it acts on a container's init too. */
static bool is_external(const struct abi_siginfo *info)
{
	return info && info->si_code == ABI_SI_USER && info->u.rt.pid == 0;
}

static int send_locked(struct proc *p, struct task *target, int sig, const struct abi_siginfo *info)
{
	bool forced = is_external(info);
	int err;

	assert_held(&p->sig_lock);
	if (p->zombie || !prepare(p, target, sig, forced))
		return 0;
	if (sig == ABI_SIGKILL) {
		kill_group_locked(p);
		return 0;
	}
	err = sigpending_add(target ? &target->pending : &p->pending, sig, info,
			     READ_ONCE(p->rlim[ABI_RLIMIT_SIGPENDING].rlim_cur));
	if (err)
		return err;
	signalfd_notify(p);
	if (!target)
		choose_and_wake(p, sig);
	else if (wants(target, sig))
		wake_for_signal(target, false);
	return 0;
}

int signal_send_task(struct task *t, int sig, const struct abi_siginfo *info)
{
	struct proc *p = t->proc;
	int err;

	spin_lock(&p->sig_lock);
	err = send_locked(p, t, sig, info);
	spin_unlock(&p->sig_lock);
	return err;
}

int signal_send_proc(struct proc *p, int sig, const struct abi_siginfo *info)
{
	int err;

	spin_lock(&p->sig_lock);
	err = send_locked(p, NULL, sig, info);
	spin_unlock(&p->sig_lock);
	return err;
}

int signal_send_pgrp(struct pgrp *g, int sig, const struct abi_siginfo *info)
{
	struct proc *p;
	int sent = 0;

	assert_held(&tasklist_lock);
	TAILQ_FOREACH (p, &g->members, pgrp_link)
		sent += signal_send_proc(p, sig, info) == 0;
	return sent ? 0 : -ESRCH;
}

void signal_force(int sig, int code, u64 addr)
{
	struct task *t = current;
	struct proc *p = t->proc;
	struct abi_siginfo si = {.si_signo = sig, .si_code = code};
	struct abi_sigaction *a = &p->sighand->action[sig - 1];

	si.u.fault.addr = addr;
	spin_lock(&p->sig_lock);
	if ((t->sigmask & SIGBIT(sig)) || a->handler == ABI_SIG_IGN) {
		a->handler = ABI_SIG_DFL;
		t->sigmask &= ~SIGBIT(sig);
	}
	/* A fault must not come back for ever, so it ends even an init without a handler. */
	if (a->handler == ABI_SIG_DFL)
		t->forced_sig = sig;
	(void)sigpending_add(&t->pending, sig, &si, ~0ull);
	a_or(&t->sig_flags, TASK_SIG_PENDING);
	spin_unlock(&p->sig_lock);
}

void signal_force_kill(int sig)
{
	struct task *t = current;
	struct proc *p = t->proc;

	spin_lock(&p->sig_lock);
	if (sig == ABI_SIGKILL) {
		kill_group_locked(p);
		a_or(&t->sig_flags, TASK_SIG_KILL);
		spin_unlock(&p->sig_lock);
		return;
	}
	p->sighand->action[sig - 1].handler = ABI_SIG_DFL;
	t->sigmask &= ~SIGBIT(sig);
	t->forced_sig = sig;
	(void)sigpending_add(&t->pending, sig, NULL, ~0ull);
	a_or(&t->sig_flags, TASK_SIG_PENDING);
	spin_unlock(&p->sig_lock);
}
