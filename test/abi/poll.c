/* poll.c - poll(2), ppoll(2), select(2), pselect6(2) */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

struct sigset_arg {
	const void *set;
	size_t size;
};

static int fds[2];

static void make(void)
{
	REQUIRE_OK(pipe(fds));
}

static long poll_(void *p, unsigned long n, int ms)
{
	return syscall(SYS_poll, p, n, ms);
}

static void test_basic(void)
{
	struct pollfd p[3];

	make();
	p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN, .revents = 0x7fff};
	p[1] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 0x7fff};
	p[2] = (struct pollfd){.fd = 9999, .events = 0, .revents = 0};
	CHECK_EQ(poll_(p, 3, 0), 1);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, 0);
	CHECK_EQ(p[2].revents, POLLNVAL);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(poll_(p, 2, -1), 1);
	CHECK_EQ(p[0].revents, POLLIN);
	p[0].events = 0;
	CHECK_EQ(poll_(p, 1, 0), 0);
	p[0].events = POLLIN | POLLRDNORM | POLLPRI;
	CHECK_EQ(poll_(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLIN | POLLRDNORM);
	CHECK_EQ(poll_(NULL, 0, 0), 0);
}

static void test_timeout(void)
{
	struct timespec from, to;
	struct pollfd p;

	make();
	p = (struct pollfd){.fd = fds[0], .events = POLLIN};
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &from));
	CHECK_EQ(poll_(&p, 1, 5), 0);
	CHECK_EQ(poll_(NULL, 0, 5), 0);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &to));
	CHECK((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec >= 10000000);
}

static void test_faults(void)
{
	struct pollfd p = {.fd = -1};
	struct rlimit rl;

	CHECK_FAULTS(bad, sizeof(p), BAD_OUT, poll_(bad, 1, 0));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &rl));
	CHECK_ERR(poll_(&p, rl.rlim_cur + 1, 0), EINVAL);
	CHECK_ERR(poll_(&p, (unsigned)-1, 0), EINVAL);
}

static void writes_later(void *arg)
{
	struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
	CHECK_EQ(write(fds[1], "x", 1), 1);
}

static void test_wakes(void)
{
	struct pollfd p;
	fd_set set;
	pid_t pid;
	char c;

	make();
	p = (struct pollfd){.fd = fds[0], .events = POLLIN};
	pid = abi_spawn(writes_later, NULL);
	CHECK_EQ(poll_(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	abi_join(pid);
	pid = abi_spawn(writes_later, NULL);
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	CHECK_EQ(syscall(SYS_select, fds[0] + 1, &set, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(fds[0], &set));
	abi_join(pid);
}

static void test_same_fd_twice(void)
{
	struct pollfd p[64];

	make();
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (struct pollfd){.fd = fds[i % 2], .events = POLLIN | POLLOUT};
	CHECK_EQ(poll_(p, ARRAY_SIZE(p), 0), 32);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, POLLOUT);
	CHECK_EQ(p[63].revents, POLLOUT);
}

static void test_many(void)
{
	static struct pollfd p[1000];

	make();
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (struct pollfd){.fd = i == 999 ? fds[1] : -1, .events = POLLOUT};
	CHECK_EQ(poll_(p, ARRAY_SIZE(p), -1), 1);
	CHECK_EQ(p[999].revents, POLLOUT);
	CHECK_EQ(p[998].revents, 0);
}

static void test_files_are_ready(void)
{
	struct pollfd p[3];

	p[0] = (struct pollfd){.fd = open("/dev/null", O_RDWR), .events = POLLIN | POLLOUT};
	p[1] = (struct pollfd){.fd = open(abi_tmp_file("f", ""), O_RDWR),
			       .events = POLLIN | POLLOUT};
	p[2] = (struct pollfd){.fd = open("/tmp", O_RDONLY), .events = POLLIN};
	CHECK_EQ(poll_(p, 3, -1), 3);
	CHECK_EQ(p[0].revents, POLLIN | POLLOUT);
	CHECK_EQ(p[1].revents, POLLIN | POLLOUT);
	CHECK_EQ(p[2].revents, POLLIN);
}

static void test_ppoll(void)
{
	struct timespec ts = {.tv_nsec = 1000000}, bad = {.tv_nsec = -1};
	struct pollfd p = {.fd = -1};
	uint64_t set = 0;

	CHECK_EQ(syscall(SYS_ppoll, &p, 1, &ts, NULL, 0), 0);
	/* The timeout is counted down in place. */
	CHECK_EQ(ts.tv_sec, 0);
	CHECK_EQ(ts.tv_nsec, 0);
	CHECK_ERR(syscall(SYS_ppoll, &p, 1, &bad, NULL, 8), EINVAL);
	bad.tv_nsec = 1000000000;
	CHECK_ERR(syscall(SYS_ppoll, &p, 1, &bad, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_ppoll, &p, 1, &ts, &set, 4), EINVAL);
	CHECK_FAULTS(bp, 8, BAD_NONNULL, syscall(SYS_ppoll, &p, 1, &ts, bp, 8));
	CHECK_FAULTS(bp, sizeof(ts), BAD_NONNULL, syscall(SYS_ppoll, &p, 1, bp, NULL, 8));
	CHECK_FAULTS(bp, sizeof(p), BAD_OUT, syscall(SYS_ppoll, bp, 1, &ts, NULL, 8));
}

static volatile int calls;

static void count(int signo)
{
	calls++;
}

static void test_mask_is_atomic(void)
{
	uint64_t block = 1ull << (SIGUSR1 - 1), none = 0, now = 0;
	struct sigset_arg arg = {&none, 8};
	struct timespec ts = {.tv_sec = 50};
	struct pollfd p = {.fd = -1};

	signal(SIGUSR1, count);
	REQUIRE_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &block, NULL, 8));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 0);
	CHECK_ERR(syscall(SYS_ppoll, &p, 1, &ts, &none, 8), EINTR);
	CHECK_EQ(calls, 1);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_ERR(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, &arg), EINTR);
	CHECK_EQ(calls, 2);
	CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8));
	CHECK_EQ(now, block);
	/* Something ready and a signal: the events win, the signal is taken later. */
	make();
	p = (struct pollfd){.fd = fds[1], .events = POLLOUT};
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(syscall(SYS_ppoll, &p, 1, NULL, &none, 8), 1);
	CHECK_EQ(calls, 2);
}

static void test_select(void)
{
	fd_set r, w, e;
	struct timeval zero = {0};

	make();
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(fds[0], &r);
	FD_SET(fds[1], &w);
	FD_SET(fds[0], &e);
	CHECK_EQ(syscall(SYS_select, fds[1] + 1, &r, &w, &e, &zero), 1);
	CHECK(!FD_ISSET(fds[0], &r));
	CHECK(FD_ISSET(fds[1], &w));
	CHECK(!FD_ISSET(fds[0], &e));
	FD_SET(fds[0], &r);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(syscall(SYS_select, fds[1] + 1, &r, &w, NULL, NULL), 2);
	CHECK(FD_ISSET(fds[0], &r));
	close(fds[1]);
	FD_ZERO(&r);
	FD_SET(fds[1], &r);
	CHECK_ERR(syscall(SYS_select, fds[1] + 1, &r, NULL, NULL, &zero), EBADF);
	CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &zero), 0);
	CHECK_ERR(syscall(SYS_select, -1, NULL, NULL, NULL, &zero), EINVAL);
	zero.tv_usec = -1;
	CHECK_ERR(syscall(SYS_select, 0, NULL, NULL, NULL, &zero), EINVAL);
}

static void test_select_faults(void)
{
	struct timeval zero = {0};
	struct timespec ts = {0};

	make();
	CHECK_FAULTS(p, 8, BAD_NONNULL, syscall(SYS_select, 1, p, NULL, NULL, &zero));
	CHECK_FAULTS(p, 8, BAD_NONNULL, syscall(SYS_select, 1, NULL, p, NULL, &zero));
	CHECK_FAULTS(p, 8, BAD_NONNULL, syscall(SYS_select, 1, NULL, NULL, p, &zero));
	CHECK_FAULTS(p, sizeof(zero), BAD_NONNULL, syscall(SYS_select, 0, NULL, NULL, NULL, p));
	CHECK_FAULTS(p, sizeof(ts), BAD_NONNULL,
		     syscall(SYS_pselect6, 0, NULL, NULL, NULL, p, NULL));
	CHECK_FAULTS(p, sizeof(struct sigset_arg), BAD_NONNULL,
		     syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, p));
	CHECK_FAULTS(p, 8, BAD_NONNULL,
		     syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, &((struct sigset_arg){p, 8})));
	CHECK_ERR(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, &((struct sigset_arg){&ts, 4})),
		  EINVAL);
}

static void test_select_beyond_table(void)
{
	static char bits[8192];
	struct timeval zero = {0};

	/* Bits for descriptors beyond the table's size are not even looked at. */
	memset(bits, 0, sizeof(bits));
	CHECK_EQ(syscall(SYS_select, 65536, bits, NULL, NULL, &zero), 0);
}

static const struct abi_test tests[] = {
	{"basic", test_basic},
	{"timeout", test_timeout},
	{"faults", test_faults},
	{"wakes", test_wakes},
	{"same_fd_twice", test_same_fd_twice},
	{"many", test_many},
	{"files_are_ready", test_files_are_ready},
	{"ppoll", test_ppoll},
	{"mask_is_atomic", test_mask_is_atomic},
	{"select", test_select},
	{"select_faults", test_select_faults},
	{"select_beyond_table", test_select_beyond_table},
};

ABI_SUITE(tests, NULL);
