/* time.h - clocks and kernel timers (time/clock.c, time/ktimer.c) */
#pragma once
#include <bsd/sys/tree.h>
#include "abi/linux/time.h"
#include "types.h"

#define NSEC_PER_SEC 1000000000ull

u64 time_mono_ns(void); /* CLOCK_MONOTONIC; from the time page, never goes back */
s64 time_real_ns(void); /* CLOCK_REALTIME */
u64 time_boot_ns(void); /* CLOCK_BOOTTIME */

/* A kernel timer: fires once on the CPU that started it, at or after expires (monotonic ns). fn
 * runs with interrupts off in no task's context: it may take spinlocks and wake, never sleep. The
 * owner keeps the object alive until ktimer_cancel returned or fn ran. */
struct ktimer {
	RB_ENTRY(ktimer) node; /* [q] the CPU's timer lock */
	u64 expires;	       /* [q] */
	void (*fn)(struct ktimer *t);
	u32 cpu;  /* [q] */
	u8 state; /* [q] idle, queued, running */
};
void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t));
void ktimer_start(struct ktimer *t, u64 expires_ns); /* re-arms a queued one */
bool ktimer_cancel(struct ktimer *t); /* true if it had been queued; waits for a running fn */
void ktimer_interrupt(void);	      /* the machine's timer fired on this CPU */

bool timespec_valid(const struct abi_timespec *ts); /* 0 <= nsec < 1e9, sec >= 0 */
u64 timespec_to_ns(const struct abi_timespec *ts);  /* saturates */
struct abi_timespec ns_to_timespec(u64 ns);
