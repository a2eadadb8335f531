/* sleep.c - nanosleep(2), clock_nanosleep(2)
 *
 * A sleep is until a point of monotonic time; one that a signal interrupts and that is to go on is
 * restarted by restart_syscall(2) with that point, so that no time is lost. Sleeps on processor
 * time look again when the time could be used up at the earliest. Differs from Linux: an absolute
 * sleep on CLOCK_REALTIME notices a step of the clock only when it would end (it never ends early).
 * Tests: test/abi/clocks.c, test/abi/sigrestart.c
 */
#include "cpu.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "time_internal.h"
#include "uaccess.h"

/* 0 at the deadline, or -ERESTARTSYS. */
static int sleep_until(u64 deadline)
{
	int err;

	do {
		sched_set_state(TASK_INTERRUPTIBLE);
		err = sched_block_until(deadline);
	} while (!err);
	sched_set_state(TASK_RUNNING);
	return err == -ETIMEDOUT ? 0 : err;
}

static int put_remaining(uaddr_t urem, u64 left)
{
	struct abi_timespec ts = ns_to_timespec(left);

	return uaddr_is_null(urem) ? 0 : copy_out_obj(urem, &ts);
}

static long sleep_restart(struct restart_block *r)
{
	u64 deadline = r->deadline, now;
	uaddr_t urem = UADDR(r->arg[0]);

	if (!sleep_until(deadline))
		return 0;
	now = mach_clock();
	if (now >= deadline)
		return 0;
	if (put_remaining(urem, deadline - now))
		return -EFAULT;
	current->restart = (struct restart_block){sleep_restart, deadline, {urem.va}};
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(u64 ns, uaddr_t urem)
{
	u64 now = mach_clock();
	struct restart_block r = {
		sleep_restart, ns > INT64_MAX - now ? INT64_MAX : now + ns, {urem.va}};

	return sleep_restart(&r);
}

static long sleep_absolute(int clock, u64 until)
{
	for (;;) {
		s64 off = clock_offset(clock);
		u64 deadline = (s64)until > off ? until - (u64)off : 0;

		if (mach_clock() >= deadline)
			return 0;
		if (sleep_until(deadline))
			return -ERESTARTNOHAND;
	}
}

static long sleep_cpu(int clock, u64 until)
{
	u64 now;
	int err;

	for (;;) {
		err = clock_read(clock, &now);
		if (err || now >= until)
			return err;
		if (sleep_until(cpu_timer_look(current->proc, until - now)))
			return -ERESTARTNOHAND;
	}
}

long sys_nanosleep(uaddr_t ureq, uaddr_t urem)
{
	struct abi_timespec ts;

	if (copy_in_obj(&ts, ureq))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	return sleep_relative(timespec_to_ns(&ts), urem);
}

long sys_clock_nanosleep(int clock, int flags, uaddr_t ureq, uaddr_t urem)
{
	enum clock_kind kind = clock_kind(clock);
	struct abi_timespec ts;
	u64 ns, now;
	int err;

	if (kind == CLOCK_BAD)
		return -EINVAL;
	if (kind == CLOCK_READ || kind == CLOCK_CPU_THREAD)
		return -EOPNOTSUPP;
	if (copy_in_obj(&ts, ureq))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	ns = timespec_to_ns(&ts);
	if (kind == CLOCK_OFFSET)
		return flags & ABI_TIMER_ABSTIME ? sleep_absolute(clock, ns)
						 : sleep_relative(ns, urem);
	err = clock_read(clock, &now);
	if (err)
		return err;
	return sleep_cpu(clock, flags & ABI_TIMER_ABSTIME ? ns : now + ns);
}
