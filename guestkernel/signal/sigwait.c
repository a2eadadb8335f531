/* sigwait.c - waiting for signals: rt_sigtimedwait(2), rt_sigsuspend(2), pause(2)
 *
 * The signals waited for are usually blocked: task->wait_mask lets senders wake the waiter for them
 * all the same, and keeps ignored ones from being dropped. */
#include "log.h"
#include "sched.h"
#include "signal/internal.h"
#include "syscalls_proto.h"
#include "uaccess.h"

static int take_locked(struct task *t, u64 set, struct abi_siginfo *info)
{
	return signal_dequeue_locked(t, ~set, info);
}

/* The signal, or -EAGAIN at the deadline, -EINTR for another signal. */
static int wait_for(u64 set, u64 deadline, struct abi_siginfo *info)
{
	struct task *t = current;
	struct proc *p = t->proc;
	int sig, err = 0;

	spin_lock(&p->sig_lock);
	t->wait_mask = set;
	for (;;) {
		sig = take_locked(t, set, info);
		if (sig || err)
			break;
		/* Woken for a signal of the set, sig_flags may stay: only a deliverable one ends
		 * it. */
		signal_recalc_locked(t);
		sched_set_state(TASK_INTERRUPTIBLE);
		spin_unlock(&p->sig_lock);
		err = sched_block_until(deadline);
		spin_lock(&p->sig_lock);
	}
	t->wait_mask = 0;
	signal_recalc_locked(t);
	spin_unlock(&p->sig_lock);
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(uaddr_t uset, uaddr_t uinfo, uaddr_t utimeout, size_t setsize)
{
	struct abi_siginfo info;
	struct abi_timespec ts;
	u64 set, deadline = DEADLINE_NONE;
	int sig;

	if (setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_in_obj(&set, uset))
		return -EFAULT;
	if (!uaddr_is_null(utimeout)) {
		u64 ns;

		if (copy_in_obj(&ts, utimeout))
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		ns = timespec_to_ns(&ts);
		deadline = time_mono_ns() + ns;
		if (deadline < ns)
			deadline = DEADLINE_NONE;
	}
	sig = wait_for(set & ~SIGSET_UNBLOCKABLE, deadline, &info);
	if (sig < 0)
		return sig;
	if (!uaddr_is_null(uinfo) && copy_out_obj(uinfo, &info))
		return -EFAULT;
	return sig;
}

static long sleep_for_signal(void)
{
	for (;;) {
		int err;

		sched_set_state(TASK_INTERRUPTIBLE);
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			return -ERESTARTNOHAND;
	}
}

long sys_rt_sigsuspend(uaddr_t uset, size_t setsize)
{
	u64 set;

	if (setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_in_obj(&set, uset))
		return -EFAULT;
	signal_set_temporary_mask(set);
	return sleep_for_signal();
}

long sys_pause(void)
{
	return sleep_for_signal();
}
