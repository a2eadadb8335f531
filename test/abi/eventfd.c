/* eventfd.c - eventfd2(2), signalfd4(2), timerfd_create(2) */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static int make(unsigned count, int flags)
{
	return (int)REQUIRE_OK(syscall(SYS_eventfd2, count, flags));
}

static int events(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

static void test_counter(void)
{
	uint64_t v = 0;
	int fd = make(3, EFD_NONBLOCK);

	CHECK_EQ(events(fd), POLLIN | POLLOUT);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 3);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
	CHECK_EQ(events(fd), POLLOUT);
	v = 5;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 10);
}

static void test_semaphore(void)
{
	uint64_t v = 0;
	int fd = make(2, EFD_NONBLOCK | EFD_SEMAPHORE);

	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 1);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 1);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
}

static void test_limits(void)
{
	uint64_t v = ~0ull;
	int fd = make(0, EFD_NONBLOCK);

	CHECK_ERR(write(fd, &v, 8), EINVAL);
	v = ~0ull - 1;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_EQ(events(fd), POLLIN);
	v = 1;
	CHECK_ERR(write(fd, &v, 8), EAGAIN);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, ~0ull - 1);
	v = 0;
	CHECK_EQ(write(fd, &v, 8), 8);
	CHECK_ERR(read(fd, &v, 8), EAGAIN);
}

static void test_errors(void)
{
	char buf[16];
	int fd = make(1, EFD_NONBLOCK | EFD_CLOEXEC);

	CHECK_ERR(syscall(SYS_eventfd2, 0, 0x40), EINVAL);
	CHECK_ERR(read(fd, buf, 7), EINVAL);
	CHECK_ERR(write(fd, buf, 7), EINVAL);
	CHECK_EQ(read(fd, buf, 16), 8);
	CHECK_FAULTS(p, 8, BAD_IN, write(fd, p, 8));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	fd = (int)REQUIRE_OK(syscall(SYS_eventfd, 4));
	CHECK_EQ(read(fd, buf, 8), 8);
}

static void adds_later(void *arg)
{
	uint64_t v = 7;
	struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
	CHECK_EQ(write(*(int *)arg, &v, 8), 8);
}

static void test_blocking(void)
{
	uint64_t v = 0;
	int fd = make(0, 0);
	pid_t pid = abi_spawn(adds_later, &fd);

	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 7);
	abi_join(pid);
}

static void takes_later(void *arg)
{
	uint64_t v = 0;
	struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
	CHECK_EQ(read(*(int *)arg, &v, 8), 8);
	CHECK_EQ(v, ~0ull - 1);
}

static void test_blocking_write(void)
{
	uint64_t v = ~0ull - 1;
	int fd = make(0, 0);
	pid_t pid;

	CHECK_EQ(write(fd, &v, 8), 8);
	pid = abi_spawn(takes_later, &fd);
	v = 2;
	CHECK_EQ(write(fd, &v, 8), 8);
	abi_join(pid);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 2);
}

static void test_signalfd(void)
{
	struct signalfd_siginfo info[3];
	uint64_t set = 1ull << (SIGUSR1 - 1) | 1ull << (35 - 1);
	int fd = (int)syscall(SYS_signalfd4, -1, &set, 8, SFD_NONBLOCK);

	if (fd == -1 && errno == ENOSYS)
		SKIP("no signalfd4");
	CHECK(fd >= 0);
	REQUIRE_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8));
	CHECK_ERR(read(fd, info, sizeof(info)), EAGAIN);
	CHECK_EQ(events(fd), 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(sigqueue(getpid(), 35, (union sigval){.sival_int = 6}));
	CHECK_EQ(events(fd), POLLIN);
	CHECK_ERR(read(fd, info, sizeof(info[0]) - 1), EINVAL);
	memset(info, 0xff, sizeof(info));
	CHECK_EQ(read(fd, info, sizeof(info)), 2 * sizeof(info[0]));
	CHECK_EQ(info[0].ssi_signo, SIGUSR1);
	CHECK_EQ(info[0].ssi_pid, getpid());
	CHECK_EQ(info[0].ssi_code, SI_USER);
	CHECK_EQ(info[1].ssi_signo, 35);
	CHECK_EQ(info[1].ssi_int, 6);
	set = 1ull << (SIGUSR2 - 1);
	CHECK_EQ(syscall(SYS_signalfd4, fd, &set, 8, 0), fd);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_ERR(read(fd, info, sizeof(info)), EAGAIN);
}

static void test_signalfd_errors(void)
{
	uint64_t set = 0;

	if (syscall(SYS_signalfd4, -1, &set, 8, 0) == -1 && errno == ENOSYS)
		SKIP("no signalfd4");
	CHECK_FAULTS(p, 8, BAD_IN, syscall(SYS_signalfd4, -1, p, 8, 0));
	CHECK_ERR(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, -1, &set, 8, 1), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, 9999, &set, 8, 0), EBADF);
	CHECK_ERR(syscall(SYS_signalfd4, make(0, 0), &set, 8, 0), EINVAL);
}

static int make_timer(int clock, int flags)
{
	int fd = (int)syscall(SYS_timerfd_create, clock, flags);

	if (fd == -1 && errno == ENOSYS)
		SKIP("no timerfd_create");
	CHECK(fd >= 0);
	return fd;
}

static void test_timerfd(void)
{
	struct itimerspec its = {.it_value = {.tv_nsec = 2000000}}, cur;
	uint64_t n = 0;
	int fd = make_timer(CLOCK_MONOTONIC, 0);

	CHECK_OK(syscall(SYS_timerfd_settime, fd, 0, &its, NULL));
	CHECK_EQ(read(fd, &n, 8), 8);
	CHECK_EQ(n, 1);
	CHECK_OK(syscall(SYS_timerfd_gettime, fd, &cur));
	CHECK_EQ(cur.it_value.tv_sec, 0);
	CHECK_EQ(cur.it_value.tv_nsec, 0);
	its.it_interval.tv_nsec = 1000000;
	CHECK_OK(syscall(SYS_timerfd_settime, fd, 0, &its, NULL));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(read(fd, &n, 8), 8);
		CHECK(n >= 1);
	}
	CHECK_OK(syscall(SYS_timerfd_gettime, fd, &cur));
	CHECK_EQ(cur.it_interval.tv_nsec, 1000000);
	CHECK(cur.it_value.tv_nsec <= 1000000);
	memset(&its, 0, sizeof(its));
	CHECK_OK(syscall(SYS_timerfd_settime, fd, 0, &its, &cur));
	CHECK_EQ(cur.it_interval.tv_nsec, 1000000);
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	while (read(fd, &n, 8) == 8)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(events(fd), 0);
}

static void test_timerfd_absolute(void)
{
	struct itimerspec its = {0};
	uint64_t n = 0;
	int fd = make_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &its.it_value));
	its.it_value.tv_sec = 0;
	its.it_value.tv_nsec = 1;
	CHECK_OK(syscall(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME, &its, NULL));
	CHECK_EQ(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1), 1);
	CHECK_EQ(read(fd, &n, 8), 8);
	CHECK_EQ(n, 1);
}

static void test_timerfd_errors(void)
{
	struct itimerspec its = {0}, bad = {.it_value = {.tv_nsec = 1000000000}};
	int fd = make_timer(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	char buf[8];

	CHECK_ERR(syscall(SYS_timerfd_create, 99, 0), EINVAL);
	CHECK_ERR(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 1), EINVAL);
	CHECK_ERR(syscall(SYS_timerfd_settime, fd, 0, &bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timerfd_settime, fd, 0x10, &its, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timerfd_settime, 9999, 0, &its, NULL), EBADF);
	CHECK_ERR(syscall(SYS_timerfd_settime, make(0, 0), 0, &its, NULL), EINVAL);
	CHECK_FAULTS(p, sizeof(its), BAD_IN, syscall(SYS_timerfd_settime, fd, 0, p, NULL));
	CHECK_FAULTS(p, sizeof(its), BAD_OUT | BAD_NONNULL,
		     syscall(SYS_timerfd_settime, fd, 0, &its, p));
	CHECK_FAULTS(p, sizeof(its), BAD_OUT, syscall(SYS_timerfd_gettime, fd, p));
	CHECK_ERR(read(fd, buf, 7), EINVAL);
	CHECK_ERR(read(fd, buf, 8), EAGAIN);
	CHECK_ERR(write(fd, buf, 8), EINVAL);
}

static const struct abi_test tests[] = {
	{"counter", test_counter},
	{"semaphore", test_semaphore},
	{"limits", test_limits},
	{"errors", test_errors},
	{"blocking", test_blocking},
	{"blocking_write", test_blocking_write},
	{"signalfd", test_signalfd},
	{"signalfd_errors", test_signalfd_errors},
	{"timerfd", test_timerfd},
	{"timerfd_absolute", test_timerfd_absolute},
	{"timerfd_errors", test_timerfd_errors},
};

ABI_SUITE(tests, NULL);
