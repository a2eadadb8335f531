/* timers.c - alarm(2), setitimer(2), timer_create(2) */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static sigset_t only(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	REQUIRE_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	return set;
}

static int take(int signo, siginfo_t *info)
{
	sigset_t set = only(signo);

	return sigwaitinfo(&set, info);
}

static int pending(int signo)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signo);
}

static void test_alarm(void)
{
	/* The harness has one running. */
	CHECK(syscall(SYS_alarm, 1000) > 0);
	CHECK_EQ(syscall(SYS_alarm, 500), 1000);
	CHECK_EQ(syscall(SYS_alarm, 0), 500);
	CHECK_EQ(syscall(SYS_alarm, 0), 0);
}

static void test_itimer_real(void)
{
	struct itimerval it = {.it_value = {.tv_usec = 3000}}, old;
	siginfo_t info;

	only(SIGALRM);
	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	CHECK_EQ(take(SIGALRM, &info), SIGALRM);
	CHECK_EQ(info.si_code, SI_KERNEL);
	CHECK_OK(getitimer(ITIMER_REAL, &old));
	CHECK_EQ(old.it_value.tv_sec + old.it_value.tv_usec, 0);
	it.it_interval.tv_usec = 2000;
	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(take(SIGALRM, &info), SIGALRM);
	memset(&it, 0, sizeof(it));
	CHECK_OK(setitimer(ITIMER_REAL, &it, &old));
	CHECK_EQ(old.it_interval.tv_usec, 2000);
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 3000);
	it.it_value.tv_sec = 1000;
	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	CHECK_OK(getitimer(ITIMER_REAL, &old));
	CHECK(old.it_value.tv_sec == 1000 || old.it_value.tv_sec == 999);
	/* It is alarm(2)'s timer. */
	CHECK_EQ(syscall(SYS_alarm, 0), 1000);
}

static void test_itimer_cpu(void)
{
	struct itimerval it = {.it_value = {.tv_usec = 10000}};
	volatile unsigned spin = 0;

	only(SIGVTALRM);
	only(SIGPROF);
	CHECK_OK(setitimer(ITIMER_VIRTUAL, &it, NULL));
	while (!pending(SIGVTALRM))
		for (int i = 0; i < 100000; i++)
			spin++;
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	while (!pending(SIGPROF))
		for (int i = 0; i < 100000; i++)
			spin++;
}

static void test_itimer_errors(void)
{
	struct itimerval it = {.it_value = {.tv_usec = 1000000}};

	CHECK_ERR(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	it.it_value.tv_usec = -1;
	CHECK_ERR(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	it.it_value.tv_usec = 0;
	CHECK_ERR(syscall(SYS_setitimer, 3, &it, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_getitimer, 3, &it), EINVAL);
	CHECK_FAULTS(p, sizeof(it), BAD_NONNULL, syscall(SYS_setitimer, ITIMER_REAL, p, NULL));
	CHECK_FAULTS(p, sizeof(it), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_setitimer, ITIMER_VIRTUAL, &it, p));
	CHECK_FAULTS(p, sizeof(it), BAD_OUT, syscall(SYS_getitimer, ITIMER_REAL, p));
}

static void inherits_nothing(void *arg)
{
	struct itimerval it;

	CHECK_OK(getitimer(ITIMER_REAL, &it));
	CHECK_EQ(it.it_value.tv_sec, 0);
}

static void test_itimer_and_fork(void)
{
	struct itimerval it = {.it_value = {.tv_sec = 1000}};

	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	abi_join(abi_spawn(inherits_nothing, NULL));
	CHECK_EQ(syscall(SYS_alarm, 30), 1000);
}

static int child(int argc, char **argv)
{
	/* An alarm survives execve. */
	return syscall(SYS_alarm, 0) > 400 ? 0 : 1;
}

static void test_itimer_and_exec(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		syscall(SYS_alarm, 500);
		execl(abi_self_path(), "timers", "--child", NULL);
		_exit(2);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
}

static bool have_timers(void)
{
	int id;

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == -1 && errno == ENOSYS)
		return false;
	CHECK_OK(syscall(SYS_timer_delete, id));
	return true;
}

static void test_timer_signal(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 36};
	struct itimerspec its = {.it_value = {.tv_nsec = 2000000}}, cur;
	siginfo_t info;
	int id = -1;

	if (!have_timers())
		SKIP("no timer_create");
	only(36);
	ev.sigev_value.sival_int = 99;
	CHECK_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
	CHECK_OK(syscall(SYS_timer_gettime, id, &cur));
	CHECK_EQ(cur.it_value.tv_sec + cur.it_value.tv_nsec, 0);
	CHECK_OK(syscall(SYS_timer_settime, id, 0, &its, NULL));
	CHECK_EQ(take(36, &info), 36);
	CHECK_EQ(info.si_code, SI_TIMER);
	CHECK_EQ(info.si_value.sival_int, 99);
	CHECK_EQ(info.si_timerid, id);
	CHECK_EQ(info.si_overrun, 0);
	its.it_interval.tv_nsec = 1000000;
	CHECK_OK(syscall(SYS_timer_settime, id, 0, &its, NULL));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(take(36, &info), 36);
	CHECK(syscall(SYS_timer_getoverrun, id) >= 0);
	CHECK_OK(syscall(SYS_timer_delete, id));
	CHECK_ERR(syscall(SYS_timer_delete, id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_gettime, id, &cur), EINVAL);
}

static void test_timer_errors(void)
{
	struct sigevent ev = {.sigev_notify = 77};
	struct itimerspec its = {0}, bad = {.it_value = {.tv_nsec = -1}};
	int id = -1;

	if (!have_timers())
		SKIP("no timer_create");
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, 99, NULL, &id), EINVAL);
	CHECK_FAULTS(p, sizeof(ev), BAD_NONNULL,
		     syscall(SYS_timer_create, CLOCK_MONOTONIC, p, &id));
	CHECK_FAULTS(p, sizeof(int), BAD_OUT, syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, p));
	CHECK_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, &bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_settime, 9999, 0, &its, NULL), EINVAL);
	CHECK_FAULTS(p, sizeof(its), BAD_NONNULL, syscall(SYS_timer_settime, id, 0, p, NULL));
	CHECK_FAULTS(p, sizeof(its), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_timer_settime, id, 0, &its, p));
	CHECK_FAULTS(p, sizeof(its), BAD_OUT, syscall(SYS_timer_gettime, id, p));
	CHECK_ERR(syscall(SYS_timer_getoverrun, 9999), EINVAL);
}

static volatile int limit_signals;

static void on_limit(int signo)
{
	limit_signals++;
}

/* SIGXCPU at the soft limit; SIGKILL, which nothing catches, at the hard one. */
static void test_cpu_limit(void)
{
	struct rlimit lim = {1, RLIM_INFINITY};
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		setrlimit(RLIMIT_CPU, &lim);
		for (;;)
			;
	}
	CHECK_EQ(abi_wait_status(pid) & 0x7f, SIGXCPU);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		signal(SIGXCPU, on_limit);
		lim.rlim_max = 2;
		setrlimit(RLIMIT_CPU, &lim);
		/* Inherited, but its own time counts. */
		if (fork() == 0) {
			while (!limit_signals)
				;
			getrlimit(RLIMIT_CPU, &lim);
			_exit(lim.rlim_cur == 2 ? 0 : 1);
		}
		wait(&(int){0});
		for (;;)
			if (limit_signals > 1)
				_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & 0x7f, SIGKILL);
}

static const struct abi_test tests[] = {
	{"alarm", test_alarm},
	{"itimer_real", test_itimer_real},
	{"itimer_cpu", test_itimer_cpu},
	{"itimer_errors", test_itimer_errors},
	{"itimer_and_fork", test_itimer_and_fork},
	{"itimer_and_exec", test_itimer_and_exec},
	{"timer_signal", test_timer_signal},
	{"timer_errors", test_timer_errors},
	{"cpu_limit", test_cpu_limit},
};

ABI_SUITE(tests, child);
