/* action.c - handlers, masks, the alternate stack: rt_sigaction(2), rt_sigprocmask(2),
 * rt_sigpending(2), sigaltstack(2), rt_sigreturn(2) */
#include "log.h"
#include "signal/internal.h"
#include "syscalls_proto.h"
#include "uaccess.h"

#define SA_KNOWN                                                                                   \
	(ABI_SA_NOCLDSTOP | ABI_SA_NOCLDWAIT | ABI_SA_SIGINFO | ABI_SA_RESTORER | ABI_SA_ONSTACK | \
	 ABI_SA_RESTART | ABI_SA_NODEFER | ABI_SA_RESETHAND)

long sys_rt_sigaction(int sig, uaddr_t uact, uaddr_t uold, size_t setsize)
{
	struct proc *p = current->proc;
	bool set = !uaddr_is_null(uact);
	struct abi_sigaction act, old;
	struct task *t;

	if (setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (set && copy_in_obj(&act, uact))
		return -EFAULT;
	if (sig < 1 || sig > ABI_NSIG || (set && (SIGSET_UNBLOCKABLE & SIGBIT(sig))))
		return -EINVAL;
	spin_lock(&tasklist_lock);
	spin_lock(&p->sig_lock);
	old = p->sighand->action[sig - 1];
	if (set) {
		act.flags &= SA_KNOWN; /* unknown bits are cleared, so that programs can probe */
		act.mask &= ~SIGSET_UNBLOCKABLE;
		p->sighand->action[sig - 1] = act;
		/* What is pending and now ignored is gone (POSIX.1, sigaction). */
		if (signal_is_ignored(p, sig)) {
			sigpending_remove(&p->pending, SIGBIT(sig));
			TAILQ_FOREACH (t, &p->threads, thread_link) {
				sigpending_remove(&t->pending, SIGBIT(sig));
				signal_recalc_locked(t);
			}
		}
	}
	spin_unlock(&p->sig_lock);
	spin_unlock(&tasklist_lock);
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

void signal_set_mask(u64 mask)
{
	struct task *t = current;
	struct proc *p = t->proc;
	u64 newly;

	mask &= ~SIGSET_UNBLOCKABLE;
	spin_lock(&p->sig_lock);
	newly = mask & ~t->sigmask;
	t->sigmask = mask;
	signal_recalc_locked(t);
	/* What the process was sent and this thread was to take may now need another one. */
	if (newly & p->pending.set)
		signal_retarget_locked(p, newly & p->pending.set);
	spin_unlock(&p->sig_lock);
}

void signal_set_temporary_mask(u64 mask)
{
	struct task *t = current;

	t->saved_sigmask = t->sigmask;
	t->restore_sigmask = true;
	a_or(&t->sig_flags, TASK_WORK_MASK);
	signal_set_mask(mask);
}

void signal_restore_mask(struct task *t)
{
	t->restore_sigmask = false;
	a_and(&t->sig_flags, ~TASK_WORK_MASK);
	signal_set_mask(t->saved_sigmask);
}

long sys_rt_sigprocmask(int how, uaddr_t uset, uaddr_t uold, size_t setsize)
{
	u64 old = current->sigmask, set, mask;

	if (setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (!uaddr_is_null(uset)) {
		if (copy_in_obj(&set, uset))
			return -EFAULT;
		switch (how) {
		case ABI_SIG_BLOCK:
			mask = old | set;
			break;
		case ABI_SIG_UNBLOCK:
			mask = old & ~set;
			break;
		case ABI_SIG_SETMASK:
			mask = set;
			break;
		default:
			return -EINVAL;
		}
		if (mask != old)
			signal_set_mask(mask);
	}
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

long sys_rt_sigpending(uaddr_t uset, size_t setsize)
{
	struct task *t = current;
	u64 set;

	if (setsize > ABI_SIGSET_SIZE)
		return -EINVAL;
	spin_lock(&t->proc->sig_lock);
	set = (t->pending.set | t->proc->pending.set) & t->sigmask;
	spin_unlock(&t->proc->sig_lock);
	return copy_out(uset, &set, setsize);
}

static bool on_altstack(const struct task *t)
{
	return mach_user_sp(&t->user) - t->altstack.ss_sp < t->altstack.ss_size;
}

static int set_altstack(struct task *t, const struct abi_stack *ss)
{
	u32 mode = (u32)ss->ss_flags & ~ABI_SS_AUTODISARM;

	if (on_altstack(t) && !((u32)t->altstack.ss_flags & ABI_SS_AUTODISARM))
		return -EPERM;
	if (mode != 0 && mode != ABI_SS_DISABLE && mode != ABI_SS_ONSTACK)
		return -EINVAL;
	if (mode == ABI_SS_DISABLE) {
		t->altstack = (struct abi_stack){.ss_flags = ss->ss_flags};
		return 0;
	}
	if (ss->ss_size < ABI_MINSIGSTKSZ)
		return -ENOMEM;
	t->altstack = *ss;
	t->altstack.ss_flags = (s32)((u32)ss->ss_flags & ABI_SS_AUTODISARM);
	t->altstack.pad = 0;
	return 0;
}

long sys_sigaltstack(uaddr_t uss, uaddr_t uold)
{
	struct task *t = current;
	struct abi_stack ss, old = t->altstack;
	int err;

	if (!(old.ss_flags & ABI_SS_DISABLE) && on_altstack(t))
		old.ss_flags |= ABI_SS_ONSTACK;
	if (!uaddr_is_null(uss)) {
		if (copy_in_obj(&ss, uss))
			return -EFAULT;
		err = set_altstack(t, &ss);
		if (err)
			return err;
	}
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

long sys_rt_sigreturn(void)
{
	struct task *t = current;
	struct abi_stack ss;
	u64 mask;

	if (mach_signal_return(&t->user, &mask, &ss)) {
		signal_force_kill(ABI_SIGSEGV);
		return -ENORESULT;
	}
	signal_set_mask(mask);
	/* A frame whose stack the application made unusable keeps the present one. */
	if (!on_altstack(t) || ((u32)ss.ss_flags & ABI_SS_AUTODISARM))
		(void)set_altstack(t, &ss);
	return -ENORESULT;
}
