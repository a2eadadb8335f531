/* sigqueue.c - rt_sigqueueinfo(2), real-time queues, rt_sigtimedwait(2), rt_sigsuspend(2) */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static int order[64], values[64];
static volatile int calls;

static uint64_t bit(int signo)
{
	return 1ull << (signo - 1);
}

static void record(int signo, siginfo_t *info, void *ctx)
{
	if (calls < 64) {
		order[calls] = signo;
		values[calls] = info->si_value.sival_int;
	}
	calls++;
}

static void handle(int signo)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = record;
	sa.sa_flags = SA_SIGINFO;
	sigfillset(&sa.sa_mask);
	REQUIRE_OK(sigaction(signo, &sa, NULL));
	calls = 0;
}

static void mask(int how, uint64_t set)
{
	REQUIRE_OK(syscall(SYS_rt_sigprocmask, how, &set, NULL, 8));
}

static long timedwait(uint64_t set, siginfo_t *info, const void *ts)
{
	return syscall(SYS_rt_sigtimedwait, &set, info, ts, 8);
}

static void queue(int signo, int value)
{
	CHECK_OK(sigqueue(getpid(), signo, (union sigval){.sival_int = value}));
}

static void test_rt_order(void)
{
	static const int want_signo[] = {35, 35, 35, 36, 40}, want_value[] = {1, 3, 5, 4, 2};

	handle(35);
	handle(36);
	handle(40);
	mask(SIG_BLOCK, bit(35) | bit(36) | bit(40));
	queue(35, 1);
	queue(40, 2);
	queue(35, 3);
	queue(36, 4);
	queue(35, 5);
	CHECK_EQ(calls, 0);
	mask(SIG_UNBLOCK, bit(35) | bit(36) | bit(40));
	/* Lowest number first, and in the order sent; handlers block all, so none nests. */
	CHECK_EQ(calls, 5);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(order[i], want_signo[i]);
		CHECK_EQ(values[i], want_value[i]);
	}
}

static void test_standard_not_queued(void)
{
	handle(SIGUSR1);
	mask(SIG_BLOCK, bit(SIGUSR1));
	queue(SIGUSR1, 1);
	queue(SIGUSR1, 2);
	mask(SIG_UNBLOCK, bit(SIGUSR1));
	CHECK_EQ(calls, 1);
	CHECK_EQ(values[0], 1);
}

static void test_timedwait(void)
{
	struct timespec zero = {0}, bad = {.tv_nsec = -1};
	siginfo_t info;

	mask(SIG_BLOCK, bit(35) | bit(SIGUSR1));
	CHECK_ERR(timedwait(bit(35), &info, &zero), EAGAIN);
	CHECK_ERR(timedwait(bit(35), &info, &(struct timespec){.tv_nsec = 1000000}), EAGAIN);
	CHECK_ERR(timedwait(bit(35), &info, &bad), EINVAL);
	bad.tv_nsec = 1000000000;
	CHECK_ERR(timedwait(bit(35), &info, &bad), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigtimedwait, &(uint64_t){1}, &info, NULL, 4), EINVAL);
	queue(35, 77);
	queue(35, 78);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(timedwait(bit(35) | bit(SIGUSR1), &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_EQ(timedwait(bit(35), &info, NULL), 35);
	CHECK_EQ(info.si_signo, 35);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(info.si_value.sival_int, 77);
	CHECK_EQ(timedwait(bit(35), NULL, &zero), 35);
	CHECK_ERR(timedwait(bit(35), NULL, &zero), EAGAIN);
}

static void test_timedwait_faults(void)
{
	siginfo_t info;
	struct timespec zero = {0};

	mask(SIG_BLOCK, bit(35));
	CHECK_FAULTS(p, 8, BAD_IN, syscall(SYS_rt_sigtimedwait, p, &info, &zero, 8));
	CHECK_FAULTS(p, sizeof(zero), BAD_NONNULL, timedwait(bit(35), &info, p));
	/* The signal has been taken when the write fails. */
	CHECK_FAULTS(p, 48, BAD_OUT | BAD_NONNULL, (queue(35, 1), timedwait(bit(35), p, &zero)));
	CHECK_ERR(timedwait(bit(35), NULL, &zero), EAGAIN);
}

static void test_queueinfo_errors(void)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	CHECK_FAULTS(p, 48, BAD_IN, syscall(SYS_rt_sigqueueinfo, getpid(), 35, p));
	CHECK_FAULTS(p, 48, BAD_IN, syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 35, p));
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, 0x3ffffff, 35, &info), ESRCH);
	CHECK_OK(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info));
	/* Only the sender itself may look like the kernel or kill(2). */
	info.si_code = SI_USER;
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM);
	info.si_code = SI_TKILL;
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM);
	info.si_code = 1;
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM);
}

static void test_queue_limit(void)
{
	struct rlimit rl = {0, 0};

	CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &rl));
	rl.rlim_cur = 0;
	mask(SIG_BLOCK, bit(35) | bit(SIGUSR1));
	CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &rl));
	CHECK_ERR(sigqueue(getpid(), 35, (union sigval){.sival_int = 1}), EAGAIN);
	/* kill(2) is never refused for want of memory. */
	CHECK_OK(kill(getpid(), 35));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(timedwait(bit(35), NULL, NULL), 35);
}

static void test_many_queued(void)
{
	siginfo_t info;

	mask(SIG_BLOCK, bit(40));
	for (int i = 0; i < 500; i++)
		queue(40, i);
	for (int i = 0; i < 500; i++) {
		if (!CHECK_EQ(timedwait(bit(40), &info, NULL), 40) ||
		    !CHECK_EQ(info.si_value.sival_int, i))
			break;
	}
}

static void test_sigsuspend(void)
{
	uint64_t none = 0, all_but = ~bit(SIGUSR1), now = 0;

	handle(SIGUSR1);
	handle(SIGUSR2);
	mask(SIG_BLOCK, bit(SIGUSR1) | bit(SIGUSR2));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(kill(getpid(), SIGUSR2));
	CHECK_EQ(calls, 0);
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &all_but, 8), EINTR);
	CHECK_EQ(calls, 1);
	CHECK_EQ(order[0], SIGUSR1);
	/* The mask is what it was before. */
	CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8));
	CHECK_EQ(now, bit(SIGUSR1) | bit(SIGUSR2));
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &none, 8), EINTR);
	CHECK_EQ(calls, 2);
	CHECK_EQ(order[1], SIGUSR2);
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &none, 4), EINVAL);
	CHECK_FAULTS(p, 8, BAD_IN, syscall(SYS_rt_sigsuspend, p, 8));
}

static void sends_later(void *arg)
{
	struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
	kill(getppid(), SIGUSR1);
}

static void test_blocking_waits(void)
{
	uint64_t none = 0;
	siginfo_t info;
	pid_t pid;

	handle(SIGUSR1);
	mask(SIG_BLOCK, bit(SIGUSR1));
	pid = abi_spawn(sends_later, NULL);
	CHECK_EQ(timedwait(bit(SIGUSR1), &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(calls, 0);
	abi_join(pid);
	pid = abi_spawn(sends_later, NULL);
	CHECK_ERR(syscall(SYS_rt_sigsuspend, &none, 8), EINTR);
	CHECK_EQ(calls, 1);
	abi_join(pid);
	pid = abi_spawn(sends_later, NULL);
	mask(SIG_UNBLOCK, bit(SIGUSR1));
	if (calls == 1)
		CHECK_ERR(syscall(SYS_pause), EINTR);
	CHECK_EQ(calls, 2);
	abi_join(pid);
	/* A handled signal outside the set ends the wait. */
	pid = abi_spawn(sends_later, NULL);
	if (calls == 2)
		CHECK_ERR(timedwait(bit(SIGUSR2), &info, NULL), EINTR);
	abi_join(pid);
}

static void test_thread_directed(void)
{
	siginfo_t info;

	mask(SIG_BLOCK, bit(SIGUSR1));
	/* One pending for the process and one for the thread are two. */
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
	CHECK_EQ(timedwait(bit(SIGUSR1), &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_code, SI_TKILL);
	CHECK_EQ(timedwait(bit(SIGUSR1), &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_ERR(timedwait(bit(SIGUSR1), &info, &(struct timespec){0}), EAGAIN);
}

static void test_cont_and_stop_cancel(void)
{
	uint64_t pending = 0;

	mask(SIG_BLOCK, bit(SIGTSTP) | bit(SIGCONT));
	CHECK_OK(kill(getpid(), SIGTSTP));
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, bit(SIGTSTP));
	CHECK_OK(kill(getpid(), SIGCONT));
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, bit(SIGCONT));
	CHECK_OK(kill(getpid(), SIGTSTP));
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, bit(SIGTSTP));
}

static const struct abi_test tests[] = {
	{"rt_order", test_rt_order},
	{"standard_not_queued", test_standard_not_queued},
	{"timedwait", test_timedwait},
	{"timedwait_faults", test_timedwait_faults},
	{"queueinfo_errors", test_queueinfo_errors},
	{"queue_limit", test_queue_limit},
	{"many_queued", test_many_queued},
	{"sigsuspend", test_sigsuspend},
	{"blocking_waits", test_blocking_waits},
	{"thread_directed", test_thread_directed},
	{"cont_and_stop_cancel", test_cont_and_stop_cancel},
};

ABI_SUITE(tests, NULL);
