/* clock.c - clocks: the kernel's, and clock_gettime(2) with its relatives
 *
 * Provides: time_mono_ns, time_real_ns, time_boot_ns, timespec helpers; the calls that read clocks.
 * The machine gives monotonic time; realtime and boottime are offsets in the time page, which the
 * VMM keeps. Programs read the same page through the vDSO, so most of these calls are rare.
 * Clocks of processor time come from the scheduler's accounts.
 * Locks: tasklist_lock while it adds up a process. Sleeps: only copies.
 * Differs from Linux: the clock cannot be set (EPERM); coarse clocks are as fine as the others;
 *   TAI is UTC.
 * Tests: test/abi/clocks.c
 */
#include "abi/boot.h"
#include "cpu.h"
#include "init.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "time_internal.h"
#include "uaccess.h"

u64 time_mono_ns(void)
{
	return mach_clock();
}

static s64 page_offset(bool boot)
{
	const volatile struct abi_time_page *t = mach_time_page();
	s64 off;
	u32 seq;

	do {
		seq = __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE);
		off = boot ? t->boot_off : t->real_off;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (seq & 1 || seq != t->seq);
	return off;
}

s64 time_real_ns(void)
{
	return (s64)mach_clock() + page_offset(false);
}

u64 time_boot_ns(void)
{
	return mach_clock() + (u64)page_offset(true);
}

void time_init(void)
{
}

bool timespec_valid(const struct abi_timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < (s64)NSEC_PER_SEC;
}

u64 timespec_to_ns(const struct abi_timespec *ts)
{
	if ((u64)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		return INT64_MAX;
	return (u64)ts->tv_sec * NSEC_PER_SEC + (u64)ts->tv_nsec;
}

struct abi_timespec ns_to_timespec(u64 ns)
{
	return (struct abi_timespec){(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC)};
}

enum clock_kind clock_kind(int clock)
{
	if (clock < 0) {
		if ((clock & ABI_CPUCLOCK_CLOCK_MASK) > ABI_CPUCLOCK_SCHED)
			return CLOCK_BAD;
		return clock & ABI_CPUCLOCK_PERTHREAD ? CLOCK_CPU_THREAD : CLOCK_CPU;
	}
	switch (clock) {
	case ABI_CLOCK_REALTIME:
	case ABI_CLOCK_MONOTONIC:
	case ABI_CLOCK_BOOTTIME:
	case ABI_CLOCK_REALTIME_ALARM:
	case ABI_CLOCK_BOOTTIME_ALARM:
	case ABI_CLOCK_TAI:
		return CLOCK_OFFSET;
	case ABI_CLOCK_MONOTONIC_RAW:
	case ABI_CLOCK_REALTIME_COARSE:
	case ABI_CLOCK_MONOTONIC_COARSE:
		return CLOCK_READ;
	case ABI_CLOCK_PROCESS_CPUTIME_ID:
		return CLOCK_CPU;
	case ABI_CLOCK_THREAD_CPUTIME_ID:
		return CLOCK_CPU_THREAD;
	default:
		return CLOCK_BAD;
	}
}

s64 clock_offset(int clock)
{
	switch (clock) {
	case ABI_CLOCK_REALTIME:
	case ABI_CLOCK_REALTIME_COARSE:
	case ABI_CLOCK_REALTIME_ALARM:
	case ABI_CLOCK_TAI:
		return page_offset(false);
	case ABI_CLOCK_BOOTTIME:
	case ABI_CLOCK_BOOTTIME_ALARM:
		return page_offset(true);
	default:
		return 0;
	}
}

static u64 cpu_ns_locked(struct proc *p, bool user_only)
{
	u64 user, sys;

	proc_times(p, &user, &sys);
	return user_only ? user : user + sys;
}

u64 proc_cpu_ns(struct proc *p, bool user_only)
{
	u64 ns;

	spin_lock(&tasklist_lock);
	ns = cpu_ns_locked(p, user_only);
	spin_unlock(&tasklist_lock);
	return ns;
}

static u64 task_cpu_ns(const struct task *t, bool user_only)
{
	u64 user = sched_task_utime(t);

	return user_only ? user : user + sched_task_stime(t);
}

/* Processor time; the dynamic numbers name a process, or a thread of the caller's process. */
static int cpu_clock_read(int clock, u64 *ns)
{
	struct task *self = current, *t = self;
	u32 id = clock < 0 ? (u32) ~(clock >> 3) : 0;
	bool user = clock < 0 && (clock & ABI_CPUCLOCK_CLOCK_MASK) == ABI_CPUCLOCK_VIRT;
	bool thread = clock_kind(clock) == CLOCK_CPU_THREAD;
	struct proc *p = self->proc;
	int err = 0;

	spin_lock(&tasklist_lock);
	if (thread && id)
		t = task_find(self->container, id);
	else if (id)
		p = proc_find(self->container, id);
	if (!t || !p || t->proc != self->proc)
		err = -EINVAL;
	else
		*ns = thread ? task_cpu_ns(t, user) : cpu_ns_locked(p, user);
	spin_unlock(&tasklist_lock);
	return err;
}

int clock_read(int clock, u64 *ns)
{
	switch (clock_kind(clock)) {
	case CLOCK_OFFSET:
	case CLOCK_READ:
		*ns = mach_clock() + (u64)clock_offset(clock);
		return 0;
	case CLOCK_CPU:
	case CLOCK_CPU_THREAD:
		return cpu_clock_read(clock, ns);
	default:
		return -EINVAL;
	}
}

long sys_clock_gettime(int clock, uaddr_t uts)
{
	struct abi_timespec ts;
	u64 ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	ts = ns_to_timespec(ns);
	return copy_out_obj(uts, &ts);
}

long sys_clock_getres(int clock, uaddr_t uts)
{
	struct abi_timespec ts = {0, 1};
	u64 ns;
	int err = clock_read(clock, &ns);

	if (err)
		return err;
	return uaddr_is_null(uts) ? 0 : copy_out_obj(uts, &ts);
}

long sys_clock_settime(int clock, uaddr_t uts)
{
	struct abi_timespec ts;

	if (clock != ABI_CLOCK_REALTIME)
		return -EINVAL;
	if (copy_in_obj(&ts, uts))
		return -EFAULT;
	return timespec_valid(&ts) ? -EPERM : -EINVAL;
}

long sys_gettimeofday(uaddr_t utv, uaddr_t utz)
{
	static const struct abi_timezone utc;
	u64 ns = (u64)time_real_ns();
	struct abi_timeval tv = {(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000)};

	if (!uaddr_is_null(utv) && copy_out_obj(utv, &tv))
		return -EFAULT;
	return uaddr_is_null(utz) ? 0 : copy_out_obj(utz, &utc);
}

long sys_settimeofday(uaddr_t utv, uaddr_t utz)
{
	struct abi_timeval tv;

	(void)utz;
	if (!uaddr_is_null(utv)) {
		if (copy_in_obj(&tv, utv))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= 1000000)
			return -EINVAL;
	}
	return -EPERM;
}

long sys_time(uaddr_t ut)
{
	u64 s = (u64)time_real_ns() / NSEC_PER_SEC;

	if (!uaddr_is_null(ut) && put_user64(ut, s))
		return -EFAULT;
	return (long)s;
}

long sys_times(uaddr_t utms)
{
	const u64 tick = NSEC_PER_SEC / ABI_USER_HZ;
	struct proc *p = current->proc;
	struct abi_tms tms;
	u64 user, sys;

	spin_lock(&tasklist_lock);
	proc_times(p, &user, &sys);
	tms.tms_cutime = (s64)(p->child_utime / tick);
	tms.tms_cstime = (s64)(p->child_stime / tick);
	spin_unlock(&tasklist_lock);
	tms.tms_utime = (s64)(user / tick);
	tms.tms_stime = (s64)(sys / tick);
	if (!uaddr_is_null(utms) && copy_out_obj(utms, &tms))
		return -EFAULT;
	return (long)(mach_clock() / tick);
}
