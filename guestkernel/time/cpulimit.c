/* cpulimit.c - RLIMIT_CPU (getrlimit(2))
 *
 * While a process has a limit, a kernel timer looks at its processor time whenever the limit could
 * be reached at the earliest. At the soft limit SIGXCPU is sent and the limit raised by a second,
 * so that the signal comes again; at the hard one SIGKILL. Both act on a container's init too.
 * Locks: proc->sig_lock [s]; the function takes tasklist_lock before it.
 * Differs from Linux: the time is noticed up to 4 ms late. Tests: test/abi/timers.c */
#include "cpu.h"
#include "ksignal.h"
#include "log.h"
#include "time_internal.h"

static u64 seconds_ns(u64 s)
{
	return s < INT64_MAX / NSEC_PER_SEC ? s * NSEC_PER_SEC : INT64_MAX;
}

static u64 next_limit(const struct abi_rlimit *r)
{
	return MIN(seconds_ns(r->rlim_cur), seconds_ns(r->rlim_max));
}

/* One whose threads are all at their end has cancelled its timers, or is about to. */
static bool is_ending(const struct proc *p)
{
	return p->zombie || p->ndying == p->nthreads;
}

void time_cpu_limit_locked(struct proc *p)
{
	assert_held(&p->sig_lock);
	if (next_limit(&p->rlim[ABI_RLIMIT_CPU]) < INT64_MAX && !is_ending(p))
		ktimer_start(&p->cpu_limit, mach_clock());
}

/* The signal that is due at `used`, or 0; then the timer is started again. [s] held. */
static int look_locked(struct proc *p, u64 used)
{
	struct abi_rlimit *r = &p->rlim[ABI_RLIMIT_CPU];
	int sig = 0;

	if (used >= seconds_ns(r->rlim_max))
		return ABI_SIGKILL;
	if (used >= seconds_ns(r->rlim_cur)) {
		sig = ABI_SIGXCPU;
		r->rlim_cur = MIN(used / NSEC_PER_SEC + 1, r->rlim_max);
	}
	if (next_limit(r) < INT64_MAX && !is_ending(p))
		ktimer_start(&p->cpu_limit, cpu_timer_look(p, next_limit(r) - used));
	return sig;
}

void cpu_limit_fired(struct ktimer *t)
{
	struct proc *p = container_of(t, struct proc, cpu_limit);
	/* as from outside the container: its init is not exempt */
	const struct abi_siginfo info = {.si_code = ABI_SI_USER};
	u64 used = proc_cpu_ns(p, false);
	int sig;

	spin_lock(&p->sig_lock);
	sig = look_locked(p, used);
	spin_unlock(&p->sig_lock);
	if (sig && signal_send_proc(p, sig, p->unkillable ? &info : NULL))
		klog_once(LOG_WARN, "the signal of a limit found no memory");
}
