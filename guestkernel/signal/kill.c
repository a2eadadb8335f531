/* kill.c - kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2),
 * pidfd_send_signal(2) */
#include "abi/linux/caps.h"
#include "log.h"
#include "signal/internal.h"
#include "syscalls_proto.h"
#include "uaccess.h"

int signal_may_kill(const struct task *target, int sig)
{
	const struct cred *mine = current->cred, *its = target->cred;

	if (target->proc == current->proc || capable(ABI_CAP_KILL))
		return 0;
	if (mine->euid == its->suid || mine->euid == its->uid || mine->uid == its->suid ||
	    mine->uid == its->uid)
		return 0;
	if (sig == ABI_SIGCONT && target->proc->pgrp && current->proc->pgrp &&
	    target->proc->pgrp->session == current->proc->pgrp->session)
		return 0;
	return -EPERM;
}

static void info_user(struct abi_siginfo *si, int sig, int code)
{
	*si = (struct abi_siginfo){.si_signo = sig, .si_code = code};
	si->u.rt.pid = (int)current->proc->pid;
	si->u.rt.uid = current->cred->uid;
}

/* One process; [t] held. sig 0 only asks. */
static int kill_one_locked(struct proc *p, int sig, const struct abi_siginfo *si)
{
	int err = p->leader ? signal_may_kill(p->leader, sig) : -ESRCH;

	if (err || !sig)
		return err;
	return signal_send_proc(p, sig, si);
}

static int kill_group_of(struct pgrp *g, int sig, const struct abi_siginfo *si)
{
	int err = -ESRCH, one;
	struct proc *p;

	if (!g)
		return -ESRCH;
	TAILQ_FOREACH (p, &g->members, pgrp_link) {
		one = kill_one_locked(p, sig, si);
		if (one == 0 || err == -ESRCH)
			err = err == 0 ? 0 : one;
	}
	return err;
}

static int kill_all(int sig, const struct abi_siginfo *si)
{
	struct container *ct = current->container;
	int err = -ESRCH;

	for (struct proc *p = proc_next(ct, 2); p; p = proc_next(ct, p->pid + 1)) {
		if (p == current->proc)
			continue;
		if (kill_one_locked(p, sig, si) != -EPERM)
			err = 0;
		else if (err == -ESRCH)
			err = -EPERM;
	}
	return err;
}

long sys_kill(int pid, int sig)
{
	struct container *ct = current->container;
	struct abi_siginfo si;
	struct proc *p;
	int err;

	if (sig < 0 || sig > ABI_NSIG)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	info_user(&si, sig, ABI_SI_USER);
	spin_lock(&tasklist_lock);
	if (pid > 0) {
		struct task *t = task_find(ct, (u32)pid);

		p = t ? t->proc : NULL;
		err = p ? kill_one_locked(p, sig, &si) : -ESRCH;
	} else if (pid == -1) {
		err = kill_all(sig, &si);
	} else {
		err = kill_group_of(pid ? pgrp_find(ct, (u32)-pid) : current->proc->pgrp, sig, &si);
	}
	spin_unlock(&tasklist_lock);
	return err;
}

/* tgid 0: any. */
static long kill_thread(int tgid, int tid, int sig, const struct abi_siginfo *si)
{
	struct task *t;
	int err = -ESRCH;

	spin_lock(&tasklist_lock);
	t = task_find(current->container, (u32)tid);
	if (!t || t->proc->zombie || (tgid && t->proc->pid != (u32)tgid))
		goto out_unlock;
	err = signal_may_kill(t, sig);
	if (!err && sig)
		err = signal_send_task(t, sig, si);
out_unlock:
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_tgkill(int tgid, int tid, int sig)
{
	struct abi_siginfo si;

	if (tgid <= 0 || tid <= 0 || sig < 0 || sig > ABI_NSIG)
		return -EINVAL;
	info_user(&si, sig, ABI_SI_TKILL);
	return kill_thread(tgid, tid, sig, &si);
}

long sys_tkill(int tid, int sig)
{
	struct abi_siginfo si;

	if (tid <= 0 || sig < 0 || sig > ABI_NSIG)
		return -EINVAL;
	info_user(&si, sig, ABI_SI_TKILL);
	return kill_thread(0, tid, sig, &si);
}

/* The sender may not pretend to be the kernel or kill(2), but to itself. */
static int queue_info(struct abi_siginfo *si, int sig, uaddr_t uinfo, bool self)
{
	if (copy_in_obj(si, uinfo))
		return -EFAULT;
	if (sig < 0 || sig > ABI_NSIG)
		return -EINVAL;
	if ((si->si_code >= 0 || si->si_code == ABI_SI_TKILL) && !self)
		return -EPERM;
	si->si_signo = sig;
	return 0;
}

long sys_rt_sigqueueinfo(int pid, int sig, uaddr_t uinfo)
{
	struct abi_siginfo si;
	struct task *t;
	int err = queue_info(&si, sig, uinfo, (u32)pid == current->proc->pid);

	if (err)
		return err;
	spin_lock(&tasklist_lock);
	t = pid > 0 ? task_find(current->container, (u32)pid) : NULL;
	err = t ? kill_one_locked(t->proc, sig, &si) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uaddr_t uinfo)
{
	struct abi_siginfo si;
	int err;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	err = queue_info(&si, sig, uinfo, (u32)tgid == current->proc->pid);
	return err ? err : kill_thread(tgid, tid, sig, &si);
}

/* A bad number is told after the process is found, as Linux does. */
static int pidfd_info(struct abi_siginfo *si, int sig, uaddr_t uinfo, bool self)
{
	if (uaddr_is_null(uinfo)) {
		info_user(si, sig, ABI_SI_USER);
		return 0;
	}
	if (copy_in_obj(si, uinfo))
		return -EFAULT;
	if (si->si_signo != sig)
		return -EINVAL;
	return (si->si_code >= 0 || si->si_code == ABI_SI_TKILL) && !self ? -EPERM : 0;
}

long sys_pidfd_send_signal(int pidfd, int sig, uaddr_t uinfo, unsigned int flags)
{
	struct abi_siginfo si;
	struct proc *p;
	int err;

	if (flags)
		return -EINVAL;
	p = pidfd_proc(pidfd, NULL);
	if (!p)
		return -EBADF;
	err = pidfd_info(&si, sig, uinfo, p == current->proc);
	if (!err && (sig < 0 || sig > ABI_NSIG))
		err = -EINVAL;
	if (!err) {
		spin_lock(&tasklist_lock);
		err = kill_one_locked(p, sig, &si);
		spin_unlock(&tasklist_lock);
	}
	proc_put(p);
	return err;
}
