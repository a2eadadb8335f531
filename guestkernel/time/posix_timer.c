/* posix_timer.c - timer_create(2) and its relatives
 *
 * Owns: struct posix_timer, in proc_timers.timers, until timer_delete, exec or the process's end.
 * States: disarmed (expires 0) or armed. At most one signal of a timer is queued (.queued); what
 *   expires meanwhile is counted and told as the overrun when the signal is taken.
 * Clocks with an offset are turned into monotonic time when set; those of processor time are looked
 *   at when the time could be used up at the earliest (as in itimer.c).
 * Locks: proc->sig_lock [s] for all fields; timers are cancelled for good without it.
 * Differs from Linux: a step of the realtime clock does not move an armed absolute timer.
 * Tests: test/abi/timers.c
 */
#include "abi/linux/caps.h"
#include "cpu.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "time_internal.h"
#include "uaccess.h"

#define TIMERS_MAX 4096 /* of one process */

struct posix_timer {
	LIST_ENTRY(posix_timer) link; /* [s] */
	struct ktimer timer;
	struct proc *proc; /* [I] */
	int id;		   /* [I] */
	int clock;	   /* [I] */
	int notify, signo; /* [I] */
	u32 tid;	   /* [I] SIGEV_THREAD_ID */
	u64 value;	   /* [I] for si_value */
	u64 expires;	   /* [s] of the clock's base: monotonic or processor time; 0: disarmed */
	u64 interval;	   /* [s] */
	bool queued;	   /* [s] its signal waits to be taken */
	u64 missed;	   /* [s] expiries since that signal was queued */
	int overrun;	   /* [s] of the last signal taken */
};

static bool is_cpu(const struct posix_timer *pt)
{
	return clock_kind(pt->clock) == CLOCK_CPU || clock_kind(pt->clock) == CLOCK_CPU_THREAD;
}

/* The clock's base now. A thread's clock stands for its process's in timers. */
static u64 base_now(const struct posix_timer *pt)
{
	return is_cpu(pt) ? proc_cpu_ns(pt->proc, false) : mach_clock();
}

static void arm_locked(struct posix_timer *pt, u64 now)
{
	u64 left = pt->expires > now ? pt->expires - now : 0;

	ktimer_start(&pt->timer, is_cpu(pt) ? cpu_timer_look(pt->proc, left) : pt->expires);
}

/* Sends the signal; a target that is gone or ignores it leaves nothing queued. */
static void notify(struct posix_timer *pt, const struct abi_siginfo *info)
{
	struct proc *p = pt->proc;
	struct task *t = NULL;
	u64 pending;
	int err;

	spin_lock(&tasklist_lock);
	if (pt->notify == ABI_SIGEV_THREAD_ID) {
		t = task_find(p->container, pt->tid);
		err = t && t->proc == p ? signal_send_task(t, pt->signo, info) : -ESRCH;
	} else {
		err = signal_send_proc(p, pt->signo, info);
	}
	spin_lock(&p->sig_lock);
	pending = t ? t->pending.set : p->pending.set;
	if (err || !(pending & SIGBIT(pt->signo)))
		pt->queued = false;
	spin_unlock(&p->sig_lock);
	spin_unlock(&tasklist_lock);
}

static void posix_timer_fired(struct ktimer *t)
{
	struct posix_timer *pt = container_of(t, struct posix_timer, timer);
	struct abi_siginfo info = {.si_signo = pt->signo, .si_code = ABI_SI_TIMER};
	u64 now = base_now(pt), missed = 0;
	bool send = false;

	spin_lock(&pt->proc->sig_lock);
	if (pt->expires && now < pt->expires) {
		arm_locked(pt, now);
	} else if (pt->expires) {
		if (pt->interval) {
			pt->expires = timer_forward(pt->expires, pt->interval, now, &missed);
			arm_locked(pt, now);
		} else {
			pt->expires = 0;
		}
		send = pt->notify != ABI_SIGEV_NONE && !pt->queued;
		pt->missed = pt->queued ? pt->missed + missed + 1 : missed;
		pt->queued |= send;
	}
	spin_unlock(&pt->proc->sig_lock);
	info.u.timer.tid = pt->id;
	info.u.timer.value = pt->value;
	if (send)
		notify(pt, &info);
}

void time_signal_taken_locked(struct proc *p, struct abi_siginfo *info)
{
	struct proc_timers *all = p->posix_timers;
	struct posix_timer *pt;

	if (!all)
		return;
	LIST_FOREACH (pt, &all->timers, link) {
		bool own = info->si_code == ABI_SI_TIMER && info->u.timer.tid == pt->id;

		/* Signals below SIGRTMIN are queued once: another sender's may stand for ours. */
		if (!pt->queued || pt->signo != info->si_signo ||
		    (!own && pt->signo >= ABI_SIGRTMIN))
			continue;
		pt->queued = false;
		pt->overrun = (int)MIN(pt->missed, (u64)INT32_MAX);
		if (own)
			info->u.timer.overrun = pt->overrun;
	}
}

/* [s] held. */
static struct posix_timer *timer_find_locked(struct proc *p, int id)
{
	struct proc_timers *all = p->posix_timers;
	struct posix_timer *pt;

	if (all)
		LIST_FOREACH (pt, &all->timers, link)
			if (pt->id == id)
				return pt;
	return NULL;
}

static int event_check(const struct abi_sigevent *ev)
{
	struct task *t;
	bool ok;

	if (ev->sigev_notify == ABI_SIGEV_NONE)
		return 0;
	if (ev->sigev_signo < 1 || ev->sigev_signo > ABI_NSIG)
		return -EINVAL;
	if (ev->sigev_notify == ABI_SIGEV_SIGNAL)
		return 0;
	if (ev->sigev_notify != (ABI_SIGEV_SIGNAL | ABI_SIGEV_THREAD_ID))
		return -EINVAL;
	spin_lock(&tasklist_lock);
	t = task_find(current->container, (u32)ev->sigev_tid);
	ok = t && t->proc == current->proc;
	spin_unlock(&tasklist_lock);
	return ok ? 0 : -EINVAL;
}

static int clock_check(int clock)
{
	u64 ns;

	switch (clock_kind(clock)) {
	case CLOCK_OFFSET:
		if ((clock == ABI_CLOCK_REALTIME_ALARM || clock == ABI_CLOCK_BOOTTIME_ALARM) &&
		    !capable(ABI_CAP_WAKE_ALARM))
			return -EPERM;
		return 0;
	case CLOCK_CPU:
	case CLOCK_CPU_THREAD:
		/* Of another process: its time cannot be watched from here. */
		if (clock < 0 && (u32) ~(clock >> 3) && (u32) ~(clock >> 3) != task_pid(current))
			return -EINVAL;
		return clock_read(clock, &ns);
	case CLOCK_READ:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* The new timer's number. From here on another thread may use the timer, and delete it. */
static int timer_insert(struct proc *p, struct posix_timer *pt, bool value_is_id)
{
	struct proc_timers *all = proc_timers_get(p);
	int id;

	if (!all)
		return -ENOMEM;
	spin_lock(&p->sig_lock);
	if (all->count >= MIN((u64)TIMERS_MAX, p->rlim[ABI_RLIMIT_SIGPENDING].rlim_cur)) {
		spin_unlock(&p->sig_lock);
		return -EAGAIN;
	}
	do {
		id = all->next_id;
		all->next_id = id == INT32_MAX ? 0 : id + 1;
	} while (timer_find_locked(p, id));
	pt->id = id;
	if (value_is_id)
		pt->value = (u64)(u32)id;
	LIST_INSERT_HEAD(&all->timers, pt, link);
	all->count++;
	spin_unlock(&p->sig_lock);
	return id;
}

static void timer_free(struct posix_timer *pt)
{
	ktimer_cancel(&pt->timer);
	kfree(pt);
}

/* Takes one off the list: the one with that number, or any (id -1). */
static struct posix_timer *timer_remove(struct proc *p, int id)
{
	struct proc_timers *all = p->posix_timers;
	struct posix_timer *pt = NULL;

	spin_lock(&p->sig_lock);
	if (all)
		pt = id < 0 ? LIST_FIRST(&all->timers) : timer_find_locked(p, id);
	if (pt) {
		LIST_REMOVE(pt, link);
		all->count--;
		pt->expires = 0;
	}
	spin_unlock(&p->sig_lock);
	return pt;
}

long sys_timer_create(int clock, uaddr_t usev, uaddr_t uid)
{
	struct abi_sigevent ev = {.sigev_signo = ABI_SIGALRM};
	struct posix_timer *pt;
	int err = clock_check(clock), id;

	if (err)
		return err;
	if (!uaddr_is_null(usev)) {
		if (copy_in_obj(&ev, usev))
			return -EFAULT;
		err = event_check(&ev);
		if (err)
			return err;
	}
	pt = kzalloc(sizeof(*pt));
	if (!pt)
		return -EAGAIN;
	ktimer_init(&pt->timer, posix_timer_fired);
	pt->proc = current->proc;
	pt->clock = clock;
	pt->notify = ev.sigev_notify == ABI_SIGEV_NONE ? ABI_SIGEV_NONE : ev.sigev_notify;
	pt->signo = ev.sigev_signo;
	pt->tid = (u32)ev.sigev_tid;
	pt->value = ev.sigev_value;
	id = timer_insert(pt->proc, pt, uaddr_is_null(usev));
	if (id < 0) {
		kfree(pt);
		return id;
	}
	if (put_user32(uid, (u32)id)) {
		pt = timer_remove(current->proc, id);
		if (pt)
			timer_free(pt);
		return -EFAULT;
	}
	return 0;
}

static struct abi_itimerspec timer_state_locked(const struct posix_timer *pt, u64 now)
{
	u64 left = !pt->expires ? 0 : pt->expires > now ? pt->expires - now : 1;

	return (struct abi_itimerspec){ns_to_timespec(pt->interval), ns_to_timespec(left)};
}

/* An absolute time of the timer's clock, on its base. */
static u64 to_base(const struct posix_timer *pt, u64 ns)
{
	s64 off = is_cpu(pt) ? 0 : clock_offset(pt->clock);

	return (s64)ns > off ? ns - (u64)off : 1;
}

long sys_timer_settime(int id, int flags, uaddr_t uval, uaddr_t uold)
{
	struct proc *p = current->proc;
	struct abi_itimerspec val, old;
	struct posix_timer *pt;
	u64 now = mach_clock(), cpu_now = proc_cpu_ns(p, false), value;

	if (uaddr_is_null(uval))
		return -EINVAL;
	if (copy_in_obj(&val, uval))
		return -EFAULT;
	if (!timespec_valid(&val.it_value) || !timespec_valid(&val.it_interval))
		return -EINVAL;
	value = timespec_to_ns(&val.it_value);
	spin_lock(&p->sig_lock);
	pt = timer_find_locked(p, id);
	if (!pt) {
		spin_unlock(&p->sig_lock);
		return -EINVAL;
	}
	now = is_cpu(pt) ? cpu_now : now;
	old = timer_state_locked(pt, now);
	pt->interval = timespec_to_ns(&val.it_interval);
	pt->expires = 0;
	pt->overrun = 0;
	pt->missed = 0;
	ktimer_try_cancel(&pt->timer);
	if (value) {
		pt->expires = flags & ABI_TIMER_ABSTIME ? to_base(pt, value)
							: MIN(now + value, (u64)INT64_MAX);
		arm_locked(pt, now);
	}
	spin_unlock(&p->sig_lock);
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

long sys_timer_gettime(int id, uaddr_t ucur)
{
	struct proc *p = current->proc;
	u64 now = mach_clock(), cpu_now = proc_cpu_ns(p, false);
	struct abi_itimerspec cur;
	struct posix_timer *pt;

	spin_lock(&p->sig_lock);
	pt = timer_find_locked(p, id);
	if (pt)
		cur = timer_state_locked(pt, is_cpu(pt) ? cpu_now : now);
	spin_unlock(&p->sig_lock);
	return pt ? copy_out_obj(ucur, &cur) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	struct proc *p = current->proc;
	struct posix_timer *pt;
	long overrun = -EINVAL;

	spin_lock(&p->sig_lock);
	pt = timer_find_locked(p, id);
	if (pt)
		overrun = pt->overrun;
	spin_unlock(&p->sig_lock);
	return overrun;
}

long sys_timer_delete(int id)
{
	struct posix_timer *pt = id < 0 ? NULL : timer_remove(current->proc, id);

	if (!pt)
		return -EINVAL;
	timer_free(pt);
	return 0;
}

void time_proc_exec(struct proc *p)
{
	struct posix_timer *pt;

	while ((pt = timer_remove(p, -1)))
		timer_free(pt);
}

void time_proc_exit(struct proc *p)
{
	struct proc_timers *all = p->posix_timers;

	time_proc_exec(p);
	spin_lock(&p->sig_lock);
	p->itimer_real.expires_ns = p->itimer_real.interval_ns = 0;
	p->itimer_cpu[0][0] = p->itimer_cpu[1][0] = 0;
	spin_unlock(&p->sig_lock);
	ktimer_cancel(&p->itimer_real.timer);
	ktimer_cancel(&p->cpu_limit);
	if (!all)
		return;
	ktimer_cancel(&all->cpu);
	spin_lock(&p->sig_lock);
	p->posix_timers = NULL;
	spin_unlock(&p->sig_lock);
	kfree(all);
}
