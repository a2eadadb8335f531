/* vdso.c - what programs call instead of the kernel: the clock, and the number of the CPU
 *
 * Runs in user mode, mapped into every address space behind the time page (vvar). It has no data
 * and no relocations. When the time page says that the counter cannot be used, and for clocks that
 * need the kernel's knowledge, it makes the system call. vdso(7) names the functions.
 */
#include <stddef.h>
#include <stdint.h>
#include "abi/boot.h"
#include "abi/linux/errno.h"
#include "abi/linux/time.h"

#define NS_PER_SEC 1000000000ull
#define SEL_CPU	   0x7b /* a segment whose limit is the CPU's number: kernel/x86.h */

extern const volatile struct abi_time_page vvar __attribute__((visibility("hidden")));

long __vdso_clock_gettime(int clock, struct abi_timespec *ts);
long __vdso_clock_getres(int clock, struct abi_timespec *res);
long __vdso_gettimeofday(struct abi_timeval *tv, struct abi_timezone *tz);
long __vdso_time(int64_t *t);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static inline long syscall2(long nr, long a, void *b)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return r;
}

static inline uint64_t counter(void)
{
	uint32_t lo, hi;

	/* lfence: the counter is not read before the loads that came first. */
	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

struct now {
	uint64_t mono;
	int64_t real_off, boot_off;
};

/* 0, or -1: only the kernel knows the time. */
static inline int read_clock(struct now *n)
{
	const volatile struct abi_time_page *t = &vvar;
	uint64_t tsc, base;
	uint32_t seq, flags, mult, shift;

	do {
		while ((seq = __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE)) & 1)
			__asm__ volatile("pause");
		flags = t->flags;
		base = t->tsc_base;
		mult = t->mult;
		shift = t->shift;
		n->mono = t->mono_ns;
		n->real_off = t->real_off;
		n->boot_off = t->boot_off;
		tsc = counter();
		__asm__ volatile("" ::: "memory");
	} while (seq != t->seq);
	if (!(flags & ABI_TIME_TSC))
		return -1;
	if (tsc > base)
		n->mono += (uint64_t)((unsigned __int128)(tsc - base) * mult >> (shift & 63));
	return 0;
}

static inline int clock_ns(int clock, uint64_t *ns)
{
	struct now n;

	switch (clock) {
	case ABI_CLOCK_REALTIME:
	case ABI_CLOCK_REALTIME_COARSE:
	case ABI_CLOCK_MONOTONIC:
	case ABI_CLOCK_MONOTONIC_COARSE:
	case ABI_CLOCK_MONOTONIC_RAW:
	case ABI_CLOCK_BOOTTIME:
	case ABI_CLOCK_TAI:
		break;
	default:
		return -1;
	}
	if (read_clock(&n))
		return -1;
	if (clock == ABI_CLOCK_REALTIME || clock == ABI_CLOCK_REALTIME_COARSE ||
	    clock == ABI_CLOCK_TAI)
		n.mono += (uint64_t)n.real_off;
	else if (clock == ABI_CLOCK_BOOTTIME)
		n.mono += (uint64_t)n.boot_off;
	*ns = n.mono;
	return 0;
}

long __vdso_clock_gettime(int clock, struct abi_timespec *ts)
{
	uint64_t ns;

	if (clock_ns(clock, &ns))
		return syscall2(228, clock, ts);
	ts->tv_sec = (int64_t)(ns / NS_PER_SEC);
	ts->tv_nsec = (int64_t)(ns % NS_PER_SEC);
	return 0;
}

long __vdso_clock_getres(int clock, struct abi_timespec *res)
{
	switch (clock) {
	case ABI_CLOCK_REALTIME:
	case ABI_CLOCK_MONOTONIC:
	case ABI_CLOCK_MONOTONIC_RAW:
	case ABI_CLOCK_BOOTTIME:
	case ABI_CLOCK_TAI:
		if (res) {
			res->tv_sec = 0;
			res->tv_nsec = 1;
		}
		return 0;
	default:
		return syscall2(229, clock, res);
	}
}

long __vdso_gettimeofday(struct abi_timeval *tv, struct abi_timezone *tz)
{
	uint64_t ns;

	if (clock_ns(ABI_CLOCK_REALTIME, &ns))
		return syscall2(96, (long)tv, tz);
	if (tv) {
		tv->tv_sec = (int64_t)(ns / NS_PER_SEC);
		tv->tv_usec = (int64_t)(ns % NS_PER_SEC / 1000);
	}
	if (tz)
		tz->tz_minuteswest = tz->tz_dsttime = 0;
	return 0;
}

long __vdso_time(int64_t *t)
{
	uint64_t ns;
	int64_t s;

	if (clock_ns(ABI_CLOCK_REALTIME, &ns))
		return syscall2(201, (long)t, NULL);
	s = (int64_t)(ns / NS_PER_SEC);
	if (t)
		*t = s;
	return s;
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	unsigned number;

	__asm__ volatile("lsl %1, %0" : "=r"(number) : "r"(SEL_CPU));
	if (cpu)
		*cpu = number;
	if (node)
		*node = 0;
	return 0;
}

#define ALIAS(name) __attribute__((alias("__vdso_" #name), weak))
long clock_gettime(int clock, struct abi_timespec *ts) ALIAS(clock_gettime);
long clock_getres(int clock, struct abi_timespec *res) ALIAS(clock_getres);
long gettimeofday(struct abi_timeval *tv, struct abi_timezone *tz) ALIAS(gettimeofday);
long time(int64_t *t) ALIAS(time);
long getcpu(unsigned *cpu, unsigned *node, void *unused) ALIAS(getcpu);
