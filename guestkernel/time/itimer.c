/* itimer.c - setitimer(2), getitimer(2), alarm(2); what a process has in timers, from birth to end
 *
 * ITIMER_REAL is a kernel timer in struct proc. The two on processor time share one kernel timer:
 * it fires when the time could be used up at the earliest, looks, and is set again for what is
 * left; nothing is counted at switches. Functions of timers take sig_lock, so under it timers are
 * only started or tried to be cancelled; a function that comes late finds its expiry gone or later.
 * Locks: proc->sig_lock [s]; tasklist_lock before it. Sleeps: only copies.
 * Differs from Linux: processor time runs out up to CPU_LOOK_NS late; a timer whose signal is
 *   ignored goes on; intervals below 50 microseconds are stretched.
 * Tests: test/abi/timers.c
 */
#include "cpu.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "time_internal.h"
#include "uaccess.h"

#define CPU_LOOK_NS 4000000ull

u64 timer_forward(u64 expires, u64 interval, u64 now, u64 *missed)
{
	u64 n = now >= expires ? (now - expires) / interval + 1 : 0;
	u64 next = expires + n * interval;

	*missed = n ? n - 1 : 0;
	return next < now + TIMER_MIN_NS ? now + TIMER_MIN_NS : next;
}

u64 cpu_timer_look(const struct proc *p, u64 left_ns)
{
	u32 users = MIN(p->nthreads, cpu_count);
	u64 wall = left_ns / MAX(users, 1u);

	return mach_clock() + MAX(wall, CPU_LOOK_NS);
}

static void itimer_real_fired(struct ktimer *t)
{
	struct proc *p = container_of(t, struct proc, itimer_real.timer);
	u64 now = mach_clock(), missed;
	bool due;

	spin_lock(&p->sig_lock);
	due = p->itimer_real.expires_ns && now >= p->itimer_real.expires_ns;
	if (due && p->itimer_real.interval_ns) {
		p->itimer_real.expires_ns = timer_forward(p->itimer_real.expires_ns,
							  p->itimer_real.interval_ns, now, &missed);
		ktimer_start(t, p->itimer_real.expires_ns);
	} else if (due) {
		p->itimer_real.expires_ns = 0;
	}
	spin_unlock(&p->sig_lock);
	if (due && signal_send_proc(p, ABI_SIGALRM, NULL))
		klog_once(LOG_WARN, "an interval timer's signal found no memory");
}

/* One of the two timers on processor time: does it fire now? *left: until it does. */
static bool itimer_cpu_due(u64 timer[2], u64 used, u64 *left)
{
	bool due = timer[0] && used >= timer[0];
	u64 missed;

	if (due)
		timer[0] = timer[1] ? timer_forward(timer[0], timer[1], used, &missed) : 0;
	if (timer[0])
		*left = MIN(*left, timer[0] - used);
	return due;
}

void itimer_cpu_fired(struct ktimer *t)
{
	struct proc_timers *pt = container_of(t, struct proc_timers, cpu);
	struct proc *p = pt->proc;
	u64 user = proc_cpu_ns(p, true), all = proc_cpu_ns(p, false), left = ~0ull;
	bool virtual, prof;

	spin_lock(&p->sig_lock);
	virtual = itimer_cpu_due(p->itimer_cpu[0], user, &left);
	prof = itimer_cpu_due(p->itimer_cpu[1], all, &left);
	if (left != ~0ull)
		ktimer_start(t, cpu_timer_look(p, left));
	spin_unlock(&p->sig_lock);
	if (virtual && signal_send_proc(p, ABI_SIGVTALRM, NULL))
		klog_once(LOG_WARN, "an interval timer's signal found no memory");
	if (prof && signal_send_proc(p, ABI_SIGPROF, NULL))
		klog_once(LOG_WARN, "an interval timer's signal found no memory");
}

struct proc_timers *proc_timers_get(struct proc *p)
{
	struct proc_timers *pt = p->posix_timers, *fresh;

	if (pt)
		return pt;
	fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	fresh->proc = p;
	LIST_INIT(&fresh->timers);
	ktimer_init(&fresh->cpu, itimer_cpu_fired);
	spin_lock(&p->sig_lock);
	if (!p->posix_timers)
		p->posix_timers = fresh;
	pt = p->posix_timers;
	spin_unlock(&p->sig_lock);
	if (pt != fresh)
		kfree(fresh);
	return pt;
}

void time_proc_init(struct proc *p)
{
	ktimer_init(&p->itimer_real.timer, itimer_real_fired);
	ktimer_init(&p->cpu_limit, cpu_limit_fired);
	p->itimer_real.interval_ns = p->itimer_real.expires_ns = 0;
	p->itimer_cpu[0][0] = p->itimer_cpu[0][1] = 0;
	p->itimer_cpu[1][0] = p->itimer_cpu[1][1] = 0;
	p->posix_timers = NULL;
}

static u64 timeval_ns(const struct abi_timeval *tv)
{
	struct abi_timespec ts = {tv->tv_sec, tv->tv_usec * 1000};

	return timespec_to_ns(&ts);
}

static struct abi_timeval ns_timeval(u64 ns)
{
	/* What is left is never shown as nothing. */
	u64 us = (ns + 999) / 1000;

	return (struct abi_timeval){(s64)(us / 1000000), (s64)(us % 1000000)};
}

struct itimer_ns {
	u64 value, interval;
};

static struct itimer_ns real_swap(struct proc *p, const struct itimer_ns *new)
{
	u64 now = mach_clock();
	struct itimer_ns old;

	spin_lock(&p->sig_lock);
	old.interval = p->itimer_real.interval_ns;
	old.value = p->itimer_real.expires_ns;
	old.value = !old.value ? 0 : old.value > now ? old.value - now : 1;
	if (new) {
		p->itimer_real.interval_ns = new->interval;
		p->itimer_real.expires_ns = 0;
		ktimer_try_cancel(&p->itimer_real.timer);
		if (new->value) {
			p->itimer_real.expires_ns = MIN(now + new->value, (u64)INT64_MAX);
			ktimer_start(&p->itimer_real.timer, p->itimer_real.expires_ns);
		}
	}
	spin_unlock(&p->sig_lock);
	return old;
}

static struct itimer_ns cpu_swap(struct proc *p, struct proc_timers *pt, u32 which,
				 const struct itimer_ns *new)
{
	u64 used = proc_cpu_ns(p, which == 0), *timer = p->itimer_cpu[which];
	struct itimer_ns old;

	spin_lock(&p->sig_lock);
	old.interval = timer[1];
	old.value = !timer[0] ? 0 : timer[0] > used ? timer[0] - used : 1;
	if (new) {
		timer[1] = new->interval;
		timer[0] = new->value ? MIN(used + new->value, (u64)INT64_MAX) : 0;
		if (new->value)
			ktimer_start(&pt->cpu, cpu_timer_look(p, 0));
	}
	spin_unlock(&p->sig_lock);
	return old;
}

static int itimer_swap(int which, const struct itimer_ns *new, struct itimer_ns *old)
{
	struct proc *p = current->proc;
	struct proc_timers *pt;

	switch (which) {
	case ABI_ITIMER_REAL:
		*old = real_swap(p, new);
		return 0;
	case ABI_ITIMER_VIRTUAL:
	case ABI_ITIMER_PROF:
		pt = proc_timers_get(p);
		if (!pt)
			return -ENOMEM;
		*old = cpu_swap(p, pt, (u32)which - 1, new);
		return 0;
	default:
		return -EINVAL;
	}
}

static int put_itimerval(uaddr_t u, const struct itimer_ns *it)
{
	struct abi_itimerval val = {ns_timeval(it->interval), ns_timeval(it->value)};

	return copy_out_obj(u, &val);
}

long sys_getitimer(int which, uaddr_t ucur)
{
	struct itimer_ns cur;
	int err = itimer_swap(which, NULL, &cur);

	return err ? err : put_itimerval(ucur, &cur);
}

static bool timeval_valid(const struct abi_timeval *tv)
{
	return tv->tv_sec >= 0 && tv->tv_usec >= 0 && tv->tv_usec < 1000000;
}

long sys_setitimer(int which, uaddr_t uval, uaddr_t uold)
{
	struct abi_itimerval val = {0};
	struct itimer_ns new, old;
	int err;

	if (!uaddr_is_null(uval) && copy_in_obj(&val, uval))
		return -EFAULT;
	if (!timeval_valid(&val.it_interval) || !timeval_valid(&val.it_value))
		return -EINVAL;
	new = (struct itimer_ns){timeval_ns(&val.it_value), timeval_ns(&val.it_interval)};
	err = itimer_swap(which, &new, &old);
	if (err || uaddr_is_null(uold))
		return err;
	return put_itimerval(uold, &old);
}

long sys_alarm(unsigned int seconds)
{
	struct itimer_ns new = {seconds * NSEC_PER_SEC, 0};
	struct itimer_ns old = real_swap(current->proc, &new);

	/* Rounded to the nearest second, but never to none. */
	if (old.value && old.value < NSEC_PER_SEC)
		return 1;
	return (long)((old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}
