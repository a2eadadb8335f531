/* time.h - clocks, timers and their structures (clock_gettime(2), setitimer(2), timer_create(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_timespec {
	int64_t tv_sec;
	int64_t tv_nsec;
};
ABI_CHECK_SIZE(struct abi_timespec, 16);
ABI_CHECK_AT(struct abi_timespec, tv_nsec, 8);

struct abi_timeval {
	int64_t tv_sec;
	int64_t tv_usec;
};
ABI_CHECK_SIZE(struct abi_timeval, 16);
ABI_CHECK_AT(struct abi_timeval, tv_usec, 8);

struct abi_timezone {
	int32_t tz_minuteswest;
	int32_t tz_dsttime;
};
ABI_CHECK_SIZE(struct abi_timezone, 8);

struct abi_itimerspec {
	struct abi_timespec it_interval;
	struct abi_timespec it_value;
};
ABI_CHECK_SIZE(struct abi_itimerspec, 32);
ABI_CHECK_AT(struct abi_itimerspec, it_value, 16);

struct abi_itimerval {
	struct abi_timeval it_interval;
	struct abi_timeval it_value;
};
ABI_CHECK_SIZE(struct abi_itimerval, 32);
ABI_CHECK_AT(struct abi_itimerval, it_value, 16);

struct abi_utimbuf {
	int64_t actime;
	int64_t modtime;
};
ABI_CHECK_SIZE(struct abi_utimbuf, 16);

struct abi_tms {
	int64_t tms_utime;
	int64_t tms_stime;
	int64_t tms_cutime;
	int64_t tms_cstime;
};
ABI_CHECK_SIZE(struct abi_tms, 32);

#define ABI_USER_HZ 100 /* ticks per second in times(2), /proc/PID/stat and AT_CLKTCK */

#define ABI_CLOCK_REALTIME	     0
#define ABI_CLOCK_MONOTONIC	     1
#define ABI_CLOCK_PROCESS_CPUTIME_ID 2
#define ABI_CLOCK_THREAD_CPUTIME_ID  3
#define ABI_CLOCK_MONOTONIC_RAW	     4
#define ABI_CLOCK_REALTIME_COARSE    5
#define ABI_CLOCK_MONOTONIC_COARSE   6
#define ABI_CLOCK_BOOTTIME	     7
#define ABI_CLOCK_REALTIME_ALARM     8
#define ABI_CLOCK_BOOTTIME_ALARM     9
#define ABI_CLOCK_TAI		     11

#define ABI_TIMER_ABSTIME 0x01

#define ABI_ITIMER_REAL	   0
#define ABI_ITIMER_VIRTUAL 1
#define ABI_ITIMER_PROF	   2

#define ABI_TFD_TIMER_ABSTIME	    (1 << 0)
#define ABI_TFD_TIMER_CANCEL_ON_SET (1 << 1)
#define ABI_TFD_CLOEXEC		    02000000
#define ABI_TFD_NONBLOCK	    04000
#define ABI_TFD_IOC_SET_TICKS	    0x40085400u

/* A clock of another process or thread: ~pid << 3 | what (clock_getcpuclockid(3)). */
#define ABI_CPUCLOCK_PERTHREAD	4
#define ABI_CPUCLOCK_CLOCK_MASK 3
#define ABI_CPUCLOCK_PROF	0
#define ABI_CPUCLOCK_VIRT	1
#define ABI_CPUCLOCK_SCHED	2

/* utimensat(2) */
#define ABI_UTIME_NOW  ((1l << 30) - 1l)
#define ABI_UTIME_OMIT ((1l << 30) - 2l)
