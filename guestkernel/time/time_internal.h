/* time_internal.h - shared by the files of time/ */
#pragma once
#include "task.h"
#include "time.h"

/* As ktimer_cancel, but does not wait for a running function: under a lock that it takes. */
bool ktimer_try_cancel(struct ktimer *t);

/* Reads a clock by its Linux number, of the caller's view (dynamic CPU clocks too): 0, -EINVAL. */
int clock_read(int clock, u64 *ns) must_check;

/* How a clock relates to the kernel's own. */
enum clock_kind {
	CLOCK_BAD,
	CLOCK_OFFSET, /* monotonic time plus an offset: timers and sleeps work */
	CLOCK_READ,   /* can only be read */
	CLOCK_CPU,    /* processor time of a process */
	CLOCK_CPU_THREAD,
};
enum clock_kind clock_kind(int clock);
s64 clock_offset(int clock); /* of CLOCK_OFFSET: what to add to monotonic time */

/* Monotonic time of the next look at a CPU timer with so much left: soon enough for all CPUs
 * together to use it up, late enough not to be a burden. */
u64 cpu_timer_look(const struct proc *p, u64 left_ns);
u64 proc_cpu_ns(struct proc *p, bool user_only); /* takes tasklist_lock */

/* The timers of a process beyond ITIMER_REAL; proc->posix_timers, made on demand. */
struct posix_timer;
LIST_HEAD(posix_timer_list, posix_timer);
struct proc_timers {
	struct proc *proc;		/* [I] */
	struct ktimer cpu;		/* looks at the interval timers on processor time */
	struct posix_timer_list timers; /* [s] */
	int next_id;			/* [s] */
	u32 count;			/* [s] of timers */
};
struct proc_timers *proc_timers_get(struct proc *p); /* null: no memory */
void itimer_cpu_fired(struct ktimer *t);
void cpu_limit_fired(struct ktimer *t); /* cpulimit.c */

/* The next expiry of a timer with an interval, after now, and how many it missed. Timers are not
 * let fire faster than TIMER_MIN_NS. */
#define TIMER_MIN_NS 50000ull
u64 timer_forward(u64 expires, u64 interval, u64 now, u64 *missed);
