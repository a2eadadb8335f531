/* clocks.c - clock_gettime(2) and its relatives, with and without the vDSO; nanosleep(2) */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static long long ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

static long long by_call(int clock)
{
	struct timespec ts = {-1, -1};

	CHECK_OK(syscall(SYS_clock_gettime, clock, &ts));
	CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ns(&ts);
}

static long long by_vdso(int clock)
{
	struct timespec ts = {-1, -1};

	CHECK_OK(clock_gettime(clock, &ts));
	CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ns(&ts);
}

static void test_all_clocks(void)
{
	static const int clocks[] = {
		CLOCK_REALTIME,		 CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE,	 CLOCK_BOOTTIME,      CLOCK_TAI};

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		long long a = by_call(clocks[i]), b = by_call(clocks[i]);

		CHECK(a >= 0 && b >= a);
	}
	CHECK(by_call(CLOCK_REALTIME) > 1600000000ll * 1000000000);
	CHECK(by_call(CLOCK_BOOTTIME) + 1000 >= by_call(CLOCK_MONOTONIC) - 1000000000);
}

static void test_vdso_agrees(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
				     CLOCK_MONOTONIC_RAW};

	/* In turn by both ways, time never runs backwards. */
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		long long last = by_call(clocks[i]);

		for (int k = 0; k < 2000; k++) {
			long long now = k % 2 ? by_call(clocks[i]) : by_vdso(clocks[i]);

			if (!CHECK(now >= last))
				break;
			last = now;
		}
	}
}

static void test_coarse(void)
{
	long long fine, coarse;

	coarse = by_vdso(CLOCK_MONOTONIC_COARSE);
	fine = by_vdso(CLOCK_MONOTONIC);
	CHECK(coarse <= fine);
	coarse = by_vdso(CLOCK_REALTIME_COARSE);
	fine = by_vdso(CLOCK_REALTIME);
	CHECK(coarse <= fine);
}

static void test_time_and_gettimeofday(void)
{
	struct timeval tv = {0}, raw = {0};
	struct timezone tz = {77, 77};
	time_t t = 0, before = (time_t)(by_call(CLOCK_REALTIME) / 1000000000), after;

	CHECK_OK(gettimeofday(&tv, NULL));
	CHECK_OK(syscall(SYS_gettimeofday, &raw, &tz));
	CHECK(raw.tv_sec > tv.tv_sec || (raw.tv_sec == tv.tv_sec && raw.tv_usec >= tv.tv_usec));
	CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
	CHECK_EQ(tz.tz_minuteswest, 0);
	CHECK_OK(syscall(SYS_gettimeofday, NULL, NULL));
	after = syscall(SYS_time, &t);
	CHECK_EQ(after, t);
	CHECK(syscall(SYS_time, NULL) >= t);
	after = (time_t)(by_call(CLOCK_REALTIME) / 1000000000);
	/* time(2) is the coarse clock's second. */
	CHECK(t >= before - 1 && t <= after);
	CHECK(time(NULL) <= after + 60);
	CHECK(tv.tv_sec >= before && tv.tv_sec <= after);
}

static void test_faults(void)
{
	CHECK_FAULTS(p, sizeof(struct timespec), BAD_OUT,
		     syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p));
	CHECK_FAULTS(p, sizeof(struct timespec), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_clock_getres, CLOCK_MONOTONIC, p));
	CHECK_FAULTS(p, sizeof(struct timeval), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_gettimeofday, p, NULL));
	CHECK_FAULTS(p, sizeof(struct timezone), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_gettimeofday, NULL, p));
	CHECK_FAULTS(p, sizeof(time_t), BAD_OUT | BAD_NONNULL, syscall(SYS_time, p));
	CHECK_FAULTS(p, sizeof(struct tms), BAD_OUT | BAD_NONNULL, syscall(SYS_times, p));
	CHECK_FAULTS(p, sizeof(struct timespec), BAD_IN, syscall(SYS_nanosleep, p, NULL));
	CHECK_FAULTS(p, sizeof(struct timespec), BAD_IN,
		     syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, p, NULL));
}

static void test_bad_clocks(void)
{
	struct timespec ts = {0};

	CHECK_ERR(syscall(SYS_clock_gettime, 99, &ts), EINVAL);
	CHECK_ERR(syscall(SYS_clock_gettime, 0x7fffffff, &ts), EINVAL);
	CHECK_ERR(syscall(SYS_clock_getres, 99, &ts), EINVAL);
	CHECK_ERR(syscall(SYS_clock_nanosleep, 99, 0, &ts, NULL), EINVAL);
	CHECK_ERR_OF(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL,
		     EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &ts, NULL), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
	/* libc's way through the vDSO gives the same errors. */
	CHECK_ERR(clock_gettime(99, &ts), EINVAL);
	CHECK_ERR(clock_getres(99, &ts), EINVAL);
}

static void test_resolution(void)
{
	struct timespec ts = {-1, -1};

	CHECK_OK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &ts));
	CHECK_EQ(ts.tv_sec, 0);
	CHECK_EQ(ts.tv_nsec, 1);
	CHECK_OK(clock_getres(CLOCK_REALTIME, &ts));
	CHECK_EQ(ts.tv_nsec, 1);
	CHECK_OK(clock_getres(CLOCK_MONOTONIC_COARSE, &ts));
	CHECK(ts.tv_nsec >= 1 && ts.tv_nsec <= 10000000);
	CHECK_OK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
}

static void test_cpu_clocks(void)
{
	long long process = by_call(CLOCK_PROCESS_CPUTIME_ID);
	long long thread = by_call(CLOCK_THREAD_CPUTIME_ID), begin = by_call(CLOCK_MONOTONIC);
	struct tms tms;
	volatile unsigned spin = 0;

	for (int i = 0; i < 3000000; i++)
		spin++;
	thread = by_call(CLOCK_THREAD_CPUTIME_ID) - thread;
	process = by_call(CLOCK_PROCESS_CPUTIME_ID) - process;
	CHECK(thread > 0);
	CHECK(process > 0);
	CHECK(process <= by_call(CLOCK_MONOTONIC) - begin + 50000000);
	CHECK(syscall(SYS_times, &tms) > 0);
	CHECK(tms.tms_utime >= 0 && tms.tms_stime >= 0 && tms.tms_cutime >= 0);
	CHECK(syscall(SYS_times, NULL) > 0);
	CHECK(clock() >= 0);
}

static void test_other_process_clock(void)
{
	clockid_t id;
	struct timespec ts;

	CHECK_EQ(clock_getcpuclockid(getpid(), &id), 0);
	CHECK_OK(syscall(SYS_clock_gettime, id, &ts));
	CHECK_EQ(clock_getcpuclockid(0x3fffff, &id), ESRCH);
}

static void test_adjtimex(void)
{
	struct timex t = {0};

	CHECK(CHECK_OK(syscall(SYS_adjtimex, &t)) <= TIME_ERROR);
	CHECK_EQ(t.tick, 10000);
	CHECK(t.time.tv_sec > 1000000000);
	t = (struct timex){.modes = ADJ_OFFSET_SS_READ};
	CHECK_OK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t));
	CHECK_ERR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_adjtime, 77, &t), EINVAL);
	CHECK_FAULTS(p, sizeof(t), BAD_IN, syscall(SYS_adjtimex, p));
	abi_drop_root();
	t = (struct timex){.modes = ADJ_FREQUENCY};
	CHECK_ERR(syscall(SYS_adjtimex, &t), EPERM);
}

static void test_nanosleep(void)
{
	struct timespec ts = {.tv_nsec = 3000000}, bad;
	long long begin = by_call(CLOCK_MONOTONIC);

	CHECK_EQ(syscall(SYS_nanosleep, &ts, NULL), 0);
	CHECK(by_call(CLOCK_MONOTONIC) - begin >= 3000000);
	ts.tv_nsec = 0;
	CHECK_EQ(syscall(SYS_nanosleep, &ts, NULL), 0);
	bad = (struct timespec){.tv_nsec = 1000000000};
	CHECK_ERR(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
	bad = (struct timespec){.tv_nsec = -1};
	CHECK_ERR(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
	bad = (struct timespec){.tv_sec = -1};
	CHECK_ERR(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
}

static void test_clock_nanosleep(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		long long begin = by_call(clocks[i]), until = begin + 3000000;
		struct timespec ts = {until / 1000000000, until % 1000000000};

		CHECK_EQ(syscall(SYS_clock_nanosleep, clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
		CHECK(by_call(clocks[i]) >= until);
		/* A time gone by. */
		ts = (struct timespec){.tv_sec = 1};
		CHECK_EQ(syscall(SYS_clock_nanosleep, clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
		begin = by_call(clocks[i]);
		ts = (struct timespec){.tv_nsec = 2000000};
		CHECK_EQ(syscall(SYS_clock_nanosleep, clocks[i], 0, &ts, NULL), 0);
		CHECK(by_call(clocks[i]) - begin >= 2000000);
	}
}

static void naps(void *arg)
{
	struct timespec ts = {.tv_nsec = (long)(size_t)arg};

	for (int i = 0; i < 5; i++)
		CHECK_EQ(syscall(SYS_nanosleep, &ts, NULL), 0);
}

static void test_many_sleepers(void)
{
	pid_t pids[30];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = abi_spawn(naps, (void *)(i * 300000));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		abi_join(pids[i]);
}

static const struct abi_test tests[] = {
	{"all_clocks", test_all_clocks},
	{"vdso_agrees", test_vdso_agrees},
	{"coarse", test_coarse},
	{"time_and_gettimeofday", test_time_and_gettimeofday},
	{"faults", test_faults},
	{"bad_clocks", test_bad_clocks},
	{"resolution", test_resolution},
	{"cpu_clocks", test_cpu_clocks},
	{"other_process_clock", test_other_process_clock},
	{"adjtimex", test_adjtimex},
	{"nanosleep", test_nanosleep},
	{"clock_nanosleep", test_clock_nanosleep},
	{"many_sleepers", test_many_sleepers},
};

ABI_SUITE(tests, NULL);
